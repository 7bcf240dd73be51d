"""A scan of a map, period by period: what ``kulldorff`` and ``flexible_scan`` share.

They differ in the zones only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, at_most_one, one_of, positive
from tocsin.detect.scan import areas, past
from tocsin.detect.scan.space import MODELS, Null, greedy, null_maxima
from tocsin.detect.scan.statistic import scores, tail_beyond
from tocsin.detect.scan.zones import Zones
from tocsin.model import ConfigError

UNLIKELY = 0.5
"""Clusters are looked for until their p-value exceeds this; areas in none have tail 1."""


LEAST_REPLICATES = 19
"""Simulated maps with which a p-value of 0.05 can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapScan(ABC):
    """Settings of a scan of maps, and its step; a method adds its zones.

    Parameters
    ----------
    model : str
        ``poisson`` (needs ``population``) or ``bernoulli`` (needs ``trials``).
    window : int
        Periods that are summed.
    replicates : int
        Simulated maps, at least 19.
    alpha : float
        The method's own alarm: p-value of the cluster below it.
    seed : int
        Of the simulation.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str]
    JOINT: ClassVar[bool] = True

    model: str = "poisson"
    window: int = 1
    replicates: int = 999
    alpha: float = 0.05
    seed: int = 1
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of(self.NAME, "model", self.model, MODELS)
        positive(self.NAME, "window", self.window)
        check_chance(self.NAME, alpha=self.alpha, replicates=self.replicates, seed=self.seed)

    @property
    def GIVEN(self) -> tuple[str, ...]:
        """Columns that it needs."""
        return ("trials" if self.model == "bernoulli" else "population", "x", "y")

    @abstractmethod
    def zones(self, here: areas.Map) -> Zones:
        """Sets of areas that are looked at."""

    def start(self, n: int) -> State:
        """State before the first period: counts and exposures of the window, chance, tails so far."""
        return areas.start_chance(n) | {"scores": calibration.start(1)} | past.start(self.window, n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Keep the counts, then scan the window that ends with them; more than the trials is unknown."""
        population = now.of(self.GIVEN[0])
        here = areas.known(now, population)
        return _step(self, state, values, here, self.zones(here), population)


def check_chance(method: str, *, alpha: float, replicates: int, seed: int) -> None:
    """Refuse settings of a simulated p-value that make none.

    Raises
    ------
    ConfigError
        Naming method and setting.
    """
    at_most_one(method, "alpha", alpha)
    if replicates < LEAST_REPLICATES:
        raise ConfigError(method, "replicates", replicates, f"at least {LEAST_REPLICATES}")
    positive(method, "seed", seed, zero=True)


def _step(
    settings: MapScan,
    state: State,
    values: Floats,
    here: areas.Map,
    zones: Zones,
    population: Floats,
) -> tuple[State, Step]:
    n = len(values)
    judged = past.countable(here, values)
    if settings.model == "bernoulli":
        with np.errstate(invalid="ignore"):
            judged &= values <= population
    past.push(state, np.where(judged, values, np.nan), np.where(judged, population, np.nan))
    back = -np.arange(1, settings.window + 1)
    cases, people = (np.nansum(past.rows(state, name, back), 0)[here.rows] for name in ("cases", "people"))
    total, exposed = float(cases.sum()), float(people.sum())
    periods = min(past.seen(state), settings.window)

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


def _simulator(settings: MapScan, here: areas.Map, zones: Zones) -> areas.Simulate:
    people = here.population * settings.window

    def simulate(total: float, rng: np.random.Generator) -> Floats:
        # With trials, the total of a size class may lie just above what there are.
        total = min(total, float(np.floor(people.sum()))) if settings.model == "bernoulli" else total
        null = Null(expected=people / people.sum() * total, total=total, trials=float(people.sum()))
        return null_maxima(zones, null, people, model=settings.model, replicates=settings.replicates, rng=rng)

    return simulate
