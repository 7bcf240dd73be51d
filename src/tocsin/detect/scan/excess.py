"""A scan of a map, period by period: what ``kulldorff`` and ``flexible_scan`` share.

They differ in the zones only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.detect import calibration, ring
from tocsin.detect.contract import Floats, State, Step
from tocsin.detect.scan import areas
from tocsin.detect.scan.space import Null, greedy, null_maxima
from tocsin.detect.scan.statistic import scores, tail_beyond
from tocsin.detect.scan.zones import Zones

UNLIKELY = 0.5
"""Clusters are looked for until their p-value exceeds this; areas in none have tail 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a map is scanned; see :class:`tocsin.detect.methods.kulldorff.Kulldorff`."""

    model: str
    window: int
    replicates: int
    alpha: float
    seed: int
    calibrate: bool


def start(settings: Settings, n: int) -> State:
    """State before the first period: counts and exposures of the window, what chance gives, tails so far."""
    state = areas.start_chance(n) | {"scores": calibration.start(1)}
    for name in ("cases", "people"):
        state |= {f"{name}/{key}": array for key, array in ring.start(settings.window, n).items()}
    return state


def step(
    settings: Settings,
    state: State,
    values: Floats,
    here: areas.Map,
    zones: Zones,
    population: Floats,
) -> tuple[State, Step]:
    """Scan the window that ends now.

    Parameters
    ----------
    settings : Settings
        How.
    state : dict of ndarray
        As :func:`start` made it.
    values : ndarray of float64, shape (n,)
        Counts; what is negative, or more than the trials, counts as unknown.
    here : Map
        The areas that can be judged.
    zones : Circles or Sets
        Over these areas.
    population : ndarray of float64, shape (n,)
        Inhabitants or trials.
    """
    n = len(values)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(values) & (values >= 0)
        if settings.model == "bernoulli":
            good &= values <= population
    judged = np.zeros(n, np.bool_)
    judged[here.rows] = good[here.rows]
    _push(state, "cases", np.where(judged, values, np.nan))
    _push(state, "people", np.where(judged, population, np.nan))
    cases, people = (_sum(state, name, settings.window)[here.rows] for name in ("cases", "people"))
    total, exposed = float(cases.sum()), float(people.sum())
    periods = min(int(state["cases/seen"][0]), settings.window)

    statistic, tail, rank, risk = np.zeros(n), np.ones(n), np.zeros(n), np.full(n, np.nan)
    if total > 0 and len(zones):
        expected = people / exposed * total
        inside, counts = zones.sums(expected), zones.sums(cases)
        score = scores(counts, inside, total, model=settings.model, trials=exposed)
        fit = areas.chance(state, here, total, _simulator(settings, here, zones), settings.seed)
        for number, zone in enumerate(greedy(zones, score), 1):
            p = float(tail_beyond(*fit, np.asarray(score[zone])))
            if p > UNLIKELY:
                break
            members = here.rows[zones.members(zone)]
            statistic[members], tail[members], rank[members] = score[zone], p, number
            risk[members] = counts[zone] / inside[zone]

    known = np.full(n, np.nan)
    known[judged] = tail[judged]
    rate = total / exposed if exposed else np.nan
    share = np.full(n, np.nan)
    share[here.rows] = people * rate
    told, of_cases = values.copy(), np.full(n, np.nan)
    told[~judged], of_cases[here.rows] = np.nan, cases
    nothing = np.full(n, np.nan)
    return state, Step(
        tail=calibration.tail_of(state["scores"], known) if settings.calibrate else known,
        expected=np.where(judged, population * rate, np.nan),
        lower=nothing,
        upper=nothing,
        window=np.full(n, periods, np.int16),
        total=np.where(judged, of_cases, np.nan),
        total_expected=np.where(judged, share, np.nan),
        alarm=judged & (tail < settings.alpha),
        details={
            "statistic": np.where(judged, statistic, np.nan),
            "p": known,
            "cluster": np.where(judged, rank, np.nan),
            "relative_risk": np.where(judged, risk, np.nan),
        },
    )


def _push(state: State, name: str, values: Floats) -> None:
    part = {key: state[f"{name}/{key}"] for key in ("ring", "seen")}
    ring.push(part, values)


def _sum(state: State, name: str, window: int) -> Floats:
    part = {key: state[f"{name}/{key}"] for key in ("ring", "seen")}
    rows = ring.rows(part, -np.arange(1, window + 1))
    total: Floats = np.nansum(rows, 0)
    return total


def _simulator(settings: Settings, here: areas.Map, zones: Zones) -> areas.Simulate:
    people = here.population * settings.window

    def simulate(total: float, rng: np.random.Generator) -> Floats:
        # With trials, the total of a size class may lie just above what there are.
        total = min(total, float(np.floor(people.sum()))) if settings.model == "bernoulli" else total
        null = Null(expected=people / people.sum() * total, total=total, trials=float(people.sum()))
        return null_maxima(zones, null, people, model=settings.model, replicates=settings.replicates, rng=rng)

    return simulate
