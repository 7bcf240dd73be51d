"""Adapters: ``scan_kulldorff`` and ``scan_spacetime`` by :mod:`tocsin.detect.scan`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.conformance.detection.cases import Case, Result
from tocsin.detect import scan
from tocsin.detect.scan import zones

SEED = 20_261_123
MODELS = {"binomial": "bernoulli", "poisson": "poisson"}
QUANTILES = {"50": 0.5, "90": 0.9, "95": 0.95, "99": 0.99}


def _kulldorff(case: Case) -> Result:
    p, areas = case.parameters, case.table("areas")
    cases, population = areas["cases"], areas["population"]
    circles = zones.circles(np.stack([areas["x"], areas["y"]], 1), population, p["pop_upper_bound"])
    expected = areas["expected"] if p["expected_from"] == "column" else None
    if p["task"] == "top_zones":
        top = scan.top_zones(
            cases,
            population,
            circles,
            model=MODELS[p["model"]],
            expected=expected,
            limit=case.rows,
            compatible=scan.SPATIALEPI,
        )
        return Result(columns={"llr_exact": [statistic for _, statistic in top]})
    # The reference and we estimate each p-value from replicates of our own, so the two differ by chance:
    # which secondary clusters fall below alpha is undecided within three standard errors of that difference.
    # Those up to alpha and the band are asked for, so that no row of the reference is missed by chance; one
    # that the reference lacks is chance too within the band, and a fault below it.
    alpha = p["alpha"]
    band = 3 * (2 * alpha * (1 - alpha) / p["n_simulations"]) ** 0.5
    found = scan.clusters(
        cases,
        population,
        circles,
        rng=np.random.default_rng(SEED),
        model=MODELS[p["model"]],
        expected=expected,
        replicates=p["n_simulations"],
        alpha=alpha + band,
    )
    beyond = [one.p for one in found.clusters[case.rows :] if one.p < alpha - band]
    if beyond:
        raise ValueError(f"{case.name}: got {len(beyond)} clusters that the reference lacks, p {beyond}")
    return Result(
        columns={
            "center_row": [one.members[0] + 1 for one in found.clusters],
            "n_areas": [len(one.members) for one in found.clusters],
            "members": [" ".join(str(member + 1) for member in one.members) for one in found.clusters],
            "population": [one.population for one in found.clusters],
            "cases": [one.cases for one in found.clusters],
            "rr_obs_exp": [one.relative_risk for one in found.clusters],
            "llr_exact": [one.statistic for one in found.clusters],
            "p_value": [one.p for one in found.clusters],
        },
        keys={"rank": list(range(1, len(found.clusters) + 1))},
        scalars={"n_zones": found.n_zones}
        | {f"mc_null_q{name}": float(np.quantile(found.maxima, q)) for name, q in QUANTILES.items()},
    )


def _spacetime(case: Case) -> Result:
    p = case.parameters
    names, places = _locations(case)
    counts, population = _tables(case, names)
    found = scan.prospective(
        counts,
        zones.prefixes(places, p["knn"]),
        rng=np.random.default_rng(SEED),
        population=population,
        statistic=p["statistic"],
        longest=p["max_duration"],
        replicates=p["n_mcsim"],
        compatible=scan.SCANSTATISTICS,
    )
    rows = [(d, z) for d in range(p["max_duration"]) for z in range(found.n_zones)]
    d, z = (np.array(x) for x in zip(*rows, strict=True))
    first = found.clusters[0]
    return Result(
        keys={
            "locations": [" ".join(str(m + 1) for m in sorted(found.zones[zone])) for zone in z],
            "duration": d + 1,
        },
        columns={
            "score": found.scores[d, z],
            "relrisk": found.inside[d, z],
            "relrisk_in": found.inside[d, z],
            "relrisk_out": found.outside[d, z],
        },
        scalars={
            "n_zones": found.n_zones,
            "mlc_locations": sorted(m + 1 for m in first.members),
            "mlc_duration": first.duration,
            "mlc_score": first.statistic,
            "mc_pvalue": first.p,
            "null_q50": float(np.quantile(found.maxima, 0.5)),
            "null_q95": float(np.quantile(found.maxima, 0.95)),
        },
    )


def _locations(case: Case) -> tuple[list[str], np.ndarray]:
    """Names in the order of their numbers, and their places."""
    own = [t for t in case.tables if t.role == "locations"]
    table = own[0] if own else case.table("counts")
    place: dict[str, tuple[float, float]] = {}
    for name, x, y in zip(table["location"], table["x"], table["y"], strict=True):
        if name not in case.parameters["exclude_locations"]:
            place.setdefault(name, (x, y))
    names = list(place) if own else sorted(place, key=int)
    return names, np.array([place[name] for name in names])


def _tables(case: Case, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Counts and population by period and location."""
    p, table = case.parameters, case.table("counts")
    column = {name: i for i, name in enumerate(names)}
    shape = (p["time_last"] - p["time_first"] + 1, len(names))
    counts, population = np.full(shape, np.nan), np.full(shape, np.nan)
    for time, name, count, people in zip(
        table["time"], table["location"], table["count"], table["population"], strict=True
    ):
        row = int(time) - p["time_first"]
        if 0 <= row < len(counts) and name in column:
            counts[row, column[name]], population[row, column[name]] = count, people
    return counts, population


METHODS: dict[str, Callable[[Case], Result]] = {
    "scan_kulldorff": _kulldorff,
    "scan_spacetime": _spacetime,
}
