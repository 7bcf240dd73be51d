"""Clusters of high rates on a map, for one table of counts by area."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from tocsin.detect.contract import Floats
from tocsin.detect.scan.found import Cluster, Scan, rank
from tocsin.detect.scan.statistic import gumbel_tail, maxima, scores
from tocsin.detect.scan.zones import Circles, Ints, Zones
from tocsin.model import ConfigError, MethodError

MODELS = ("poisson", "bernoulli")
SPATIALEPI = "spatialepi-1.2.8"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Null:
    """One rate everywhere, as the areas have it.

    Parameters
    ----------
    expected : ndarray of float64, shape (n,)
        Sums to ``total``.
    total, trials : float
        Cases and (Bernoulli; else NaN) trials everywhere.
    """

    expected: Floats
    total: float
    trials: float


def null_of(cases: Floats, population: Floats, *, model: str, expected: Floats | None = None) -> Null:
    """The null hypothesis for counts of areas.

    Raises
    ------
    MethodError
        When counts are negative, unknown, more than the trials, or lie where nobody is.
    ConfigError
        When the model is not one of :data:`MODELS`.
    """
    if model not in MODELS:
        raise ConfigError("scan", "model", model, MODELS)
    base = population if expected is None else expected
    for name, column in (("cases", cases), ("population", population), ("expected", base)):
        if not (np.isfinite(column).all() and (column >= 0).all()):
            row = int(np.flatnonzero(~(np.isfinite(column) & (column >= 0)))[0])
            raise MethodError(f"{name} of area {row}: got {column[row]}, allowed: a number at least 0")
    if (cases[base == 0] > 0).any():
        row = int(np.flatnonzero((base == 0) & (cases > 0))[0])
        raise MethodError(f"area {row}: got {cases[row]} cases where none can be (population or expected 0)")
    if model == "bernoulli" and (cases > population).any():
        row = int(np.flatnonzero(cases > population)[0])
        raise MethodError(f"area {row}: got {cases[row]} cases, allowed: up to its {population[row]} trials")
    if base.sum() <= 0:
        raise MethodError("population: got 0 in all areas, allowed: more than 0 in one")
    total = float(cases.sum())
    trials = float(population.sum()) if model == "bernoulli" else math.nan
    return Null(expected=base / base.sum() * total, total=total, trials=trials)


def simulated(
    null: Null, population: Floats, *, model: str, replicates: int, rng: np.random.Generator
) -> Floats:
    """Counts by area under the null hypothesis with its total, rounded, given.

    Poisson: multinomial by expectation; Bernoulli: drawn from the trials without putting back (where there
    are more than a thousand million, which numpy cannot draw from, with putting back).

    Returns
    -------
    ndarray of float64, shape (replicates, n)
    """
    total = round(null.total)
    if model == "bernoulli" and null.trials < 1e9:
        trials = np.rint(population).astype(np.int64)
        drawn = rng.multivariate_hypergeometric(
            trials, min(total, int(trials.sum())), size=replicates, method="marginals"
        )
    else:
        share = null.expected / null.expected.sum()
        drawn = rng.multinomial(total, share, size=replicates)
    return drawn.astype(float)


def null_maxima(
    zones: Zones,
    null: Null,
    population: Floats,
    *,
    model: str,
    replicates: int,
    rng: np.random.Generator,
) -> Floats:
    """Largest scores of simulated tables under a null hypothesis, shape (replicates,)."""
    total = round(null.total)
    if not replicates or not total:
        return np.zeros(replicates)
    tables = simulated(null, population, model=model, replicates=replicates, rng=rng)
    expected = null.expected / null.expected.sum() * total
    return maxima(zones, tables, expected, total, model=model, trials=null.trials)


def greedy(zones: Zones, statistic: Floats) -> Iterator[int]:
    """Zones by falling score, each clear of all before it; equal scores (to 1e-11): the first."""
    left = statistic.copy()
    while len(left) and (top := float(left.max())) > 0:
        zone = int(np.argmax(left >= top * (1 - 1e-11)))
        yield zone
        taken = np.zeros(_n_areas(zones), np.bool_)
        taken[zones.members(zone)] = True
        left[~zones.clear_of(taken)] = 0.0


def _n_areas(zones: Zones) -> int:
    return len(zones.order) if isinstance(zones, Circles) else int(zones.table.shape[1])


def clusters(
    cases: Floats,
    population: Floats,
    zones: Zones,
    *,
    rng: np.random.Generator,
    model: str = "poisson",
    expected: Floats | None = None,
    replicates: int = 999,
    alpha: float = 0.05,
) -> Scan:
    """Most likely cluster of high rates and the secondary ones that overlap none before them.

    Parameters
    ----------
    cases, population : ndarray of float64, shape (n,)
        Of each area; Bernoulli: trials as population.
    zones : Circles or Sets
        What may be a cluster (:mod:`tocsin.detect.scan.zones`).
    rng : Generator
        For the replicates.
    model : str
        ``poisson`` or ``bernoulli``.
    expected : ndarray of float64, shape (n,), or None
        Poisson: expected cases from outside, up to a factor; None: in proportion to the population.
    replicates : int
        Monte Carlo tables; 0: no p-values, and every cluster without overlap is given.
    alpha : float
        Secondary clusters need a p below it.

    Returns
    -------
    Scan

    Raises
    ------
    MethodError
        As :func:`null_of`.

    Examples
    --------
    >>> from tocsin.detect.scan.zones import circles
    >>> place = np.arange(8.0)[:, None]
    >>> people = np.full(8, 1000.0)
    >>> found = clusters(np.array([9.0, 8, 1, 2, 1, 2, 1, 1]), people, circles(place, people, 0.5),
    ...                  rng=np.random.default_rng(1))
    >>> found.clusters[0].members, found.clusters[0].p
    ((0, 1), 0.001)
    """
    null = null_of(cases, population, model=model, expected=expected)
    inside = zones.sums(null.expected)
    statistic = scores(zones.sums(cases), inside, null.total, model=model, trials=null.trials)
    top = null_maxima(zones, null, population, model=model, replicates=replicates, rng=rng)
    raw = null.expected if expected is None else expected
    found: list[Cluster] = []
    for zone in greedy(zones, statistic):
        members = zones.members(zone)
        value = float(statistic[zone])
        p = rank(top, value)
        if found and not p < alpha and replicates:
            break
        found.append(
            Cluster(
                members=tuple(members.tolist()),
                duration=1,
                cases=float(cases[members].sum()),
                expected=float(raw[members].sum()),
                population=float(population[members].sum()),
                statistic=value,
                p=p,
                p_gumbel=float(gumbel_tail(top, value)),
            )
        )
    return Scan(clusters=tuple(found), n_zones=len(zones), maxima=top)


def top_zones(
    cases: Floats,
    population: Floats,
    zones: Zones,
    *,
    model: str = "poisson",
    expected: Floats | None = None,
    limit: int = 100,
    compatible: str = "",
) -> list[tuple[Ints, float]]:
    """The zones with the highest scores, overlapping or not.

    Parameters
    ----------
    cases, population, zones, model, expected
        As :func:`clusters`.
    limit : int
        How many.
    compatible : str
        ``spatialepi-1.2.8``: in the order of the package's scores, which rest on totals cut to whole numbers.

    Returns
    -------
    list of (ndarray of int64, float)
        Members, nearest first, and the score (always of the totals as they are).
    """
    if compatible not in ("", SPATIALEPI):
        raise ConfigError("scan", "compatible", compatible, ("", SPATIALEPI))
    null = null_of(cases, population, model=model, expected=expected)
    counts = zones.sums(cases)
    statistic = scores(counts, zones.sums(null.expected), null.total, model=model, trials=null.trials)
    key = statistic
    if compatible:
        base = population if expected is None else expected
        if model == "poisson" and expected is None:
            base = population * (null.total / population.sum())
        key = _whole_totals(counts, zones.sums(base), null.total, float(base.sum()), model)
    order = np.argsort(-key, kind="stable")[:limit]
    return [(zones.members(int(zone)), float(statistic[zone])) for zone in order]


def _whole_totals(c: Floats, n: Floats, total: float, denominator: float, model: str) -> Floats:
    """Scores with both totals cut to whole numbers, as SpatialEpi has them."""
    whole, of = math.trunc(total), math.trunc(denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = special.xlogy(c, c / n) + special.xlogy(whole - c, (whole - c) / (of - n))
        score = score - special.xlogy(whole, whole / of)
        if model == "bernoulli":
            score = score + special.xlogy(n - c, (n - c) / n) - special.xlogy(of - whole, (of - whole) / of)
            score = score + special.xlogy(of - n - whole + c, (of - n - whole + c) / (of - n))
        return np.where(c / n > (whole - c) / (of - n), np.nan_to_num(score, nan=0.0), 0.0)
