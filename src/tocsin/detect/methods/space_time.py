"""Prospective space-time scan: neighbouring areas in which the last periods are too high.

Good for an outbreak that begins in some neighbouring areas and goes on, of which neither a single area nor a
single period shows enough. Not good for a fall (high counts only), nor for an excess everywhere at once,
which the scan takes for the new normal (watch the nation's total besides).

The last ``history`` periods are kept. Zones are the distinct sets of the 1 to ``nearest`` nearest areas,
windows the last 1 to ``longest`` periods. With ``baseline="population"`` every period is expected to have the
same total, divided by the population of that period; with ``margins`` a cell is expected to have the product
of its area's and its period's share of all cases, which is proof against areas that are always high and
against a season that all have in common. ``statistic``: ``pb_poisson`` takes the total as given and compares
the rate inside with that outside; ``eb_poisson`` takes the expectation as given, so that an excess everywhere
counts; ``permutation`` scores as the first and simulates by shuffling the times of the cases.

Windows are taken by falling score, each in areas that no earlier one holds; the nominal tail of an area is
the p-value of the window that holds it, by the Gumbel distribution fitted to simulated maxima; areas in none,
and those in windows with p above 0.5, have tail 1. With ``calibrate`` it is compared with the past. There is
no tail before ``history`` periods are seen. A count that is unknown or negative takes no part and has no
tail; nor has an area without inhabitants or place.

For ``pb_poisson`` and ``eb_poisson`` by population, chance is simulated once for each size of the total
(steps of 13 percent); otherwise at every step, since it depends on the margins.

Cost: 16 bytes a series and period of ``history``; a step scores longest x nearest x areas windows (3,142
areas: 50 ms), and each new size of the total simulates ``replicates`` histories (there: 5 s for 999). With
``margins`` or ``permutation`` that comes at every step (there: 2 s for 99, mostly the shuffling, so choose
few on a large map).

References
----------
Kulldorff (2001), Journal of the Royal Statistical Society A 164:61, doi:10.1111/1467-985X.00186;
Kulldorff, Heffernan, Hartman, Assunção, Mostashari (2005), PLoS Medicine 2:e59,
doi:10.1371/journal.pmed.0020059;
Neill, Moore, Sabhnani, Daniel (2005), Proceedings of KDD 2005:218, doi:10.1145/1081870.1081897.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration, scan
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.scan import areas, past
from tocsin.detect.scan.excess import UNLIKELY, check_chance
from tocsin.detect.scan.windows import greedy_windows, window_maxima
from tocsin.detect.scan.zones import Circles
from tocsin.model import ConfigError

BASELINES = ("population", "margins")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceTime:
    """Scan of zones and of windows that end now.

    Parameters
    ----------
    statistic : str
        ``pb_poisson``, ``eb_poisson`` or ``permutation``.
    baseline : str
        ``population`` or ``margins``.
    nearest : int
        Areas in the largest zone.
    longest : int
        Periods of the longest window, less than ``history``.
    history : int
        Periods kept.
    replicates : int
        Simulated histories, at least 19.
    alpha : float
        The method's own alarm: p-value of the window below it.
    seed : int
        Of the simulation.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "space_time"
    JOINT: ClassVar[bool] = True
    GIVEN: ClassVar[tuple[str, ...]] = ("population", "x", "y")

    statistic: str = "pb_poisson"
    baseline: str = "population"
    nearest: int = 10
    longest: int = 6
    history: int = 28
    replicates: int = 999
    alpha: float = 0.05
    seed: int = 1
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("space_time", "statistic", self.statistic, scan.STATISTICS)
        one_of("space_time", "baseline", self.baseline, BASELINES)
        positive("space_time", "nearest", self.nearest)
        positive("space_time", "longest", self.longest)
        if self.history <= self.longest:
            raise ConfigError("space_time", "history", self.history, f"more than longest = {self.longest}")
        check_chance("space_time", alpha=self.alpha, replicates=self.replicates, seed=self.seed)

    def start(self, n: int) -> State:
        """State of ``n`` areas before the first period."""
        return areas.start_chance(n) | {"scores": calibration.start(1)} | past.start(self.history, n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Keep the counts, then scan the windows that end with them."""
        n, population = len(values), now.of("population")
        here = areas.known(now, population)
        judged = past.countable(here, values)
        past.push(state, np.where(judged, values, np.nan), np.where(judged, population, np.nan))
        kept = np.arange(-self.history, 0)
        cases, people = (past.rows(state, name, kept)[:, here.rows] for name in ("cases", "people"))
        full = past.seen(state) >= self.history

        found = _Found(n)
        if full:
            self._scan(state, found, here, np.nan_to_num(cases), np.nan_to_num(people), now)
        told = judged & full
        known = np.where(told, found.tail, np.nan)
        return state, Step(
            tail=calibration.tail_of(state["scores"], known) if self.calibrate else known,
            expected=np.where(told, found.expected, np.nan),
            lower=np.full(n, np.nan),
            upper=np.full(n, np.nan),
            window=found.window,
            total=np.where(told, found.total, np.nan),
            total_expected=np.where(told, found.total_expected, np.nan),
            alarm=told & (found.tail < self.alpha),
            details={
                "statistic": np.where(told, found.statistic, np.nan),
                "p": known,
                "cluster": np.where(told, found.cluster, np.nan),
            },
        )

    def _scan(
        self, state: State, found: _Found, here: areas.Map, cases: Floats, people: Floats, now: Now
    ) -> None:
        """Fill in what the windows say of the areas; ``cases`` and ``people`` have the newest period last."""
        held = people.sum(1) > 0
        held[-self.longest :] = True
        if not people[-self.longest :].sum(1).all() or not len(here.rows):
            found.tail[:] = np.nan  # a period of the window in which nothing is known: no window ends now
            return
        cases, people = cases[held], people[held]
        total = float(cases.sum())
        base = scan.baseline(cases, people if self.baseline == "population" else None)
        found.expected[here.rows] = base[-1]
        found.total[here.rows], found.total_expected[here.rows] = cases[-1], base[-1]
        if total <= 0:
            return
        zones, distinct = areas.near_zones(here, self.nearest)
        counts, expected = (
            np.stack([zones.sums(row)[distinct] for row in np.cumsum(table[::-1][: self.longest], 0)])
            for table in (cases, base)
        )
        model = "free" if self.statistic == "eb_poisson" else "poisson"
        score = scan.scores(counts, expected, total, model=model)
        fit = self._chance(state, here, zones, cases, base, total, now)
        for number, (row, zone) in enumerate(greedy_windows(zones, distinct, score), 1):
            p = float(scan.tail_beyond(*fit, np.asarray(score[row, zone])))
            if p > UNLIKELY:
                break
            inside = zones.members(int(distinct[zone]))
            members = here.rows[inside]
            found.tail[members], found.statistic[members] = p, score[row, zone]
            found.cluster[members], found.window[members] = number, row + 1
            found.total[members] = cases[-1 - row :, inside].sum(0)
            found.total_expected[members] = base[-1 - row :, inside].sum(0)

    def _chance(
        self,
        state: State,
        here: areas.Map,
        zones: Circles,
        cases: Floats,
        base: Floats,
        total: float,
        now: Now,
    ) -> tuple[float, float]:
        def simulate(size: float, rng: np.random.Generator) -> Floats:
            share = here.population / here.population.sum()
            flat = np.tile(share * size / self.history, (self.history, 1))
            return self._maxima(flat, flat, zones, rng)

        if self.statistic != "permutation" and self.baseline == "population":
            return areas.chance(state, here, total, simulate, self.seed)
        rng = np.random.default_rng([self.seed, abs(now.time)])
        return scan.gumbel_fit(self._maxima(cases, base, zones, rng))

    def _maxima(self, cases: Floats, base: Floats, zones: Circles, rng: np.random.Generator) -> Floats:
        return window_maxima(
            cases,
            base,
            zones,
            rng=rng,
            statistic=self.statistic,
            longest=self.longest,
            replicates=self.replicates,
        )


class _Found:
    """What a scan says of each series, before it is held against what is known of it."""

    def __init__(self, n: int) -> None:
        self.tail, self.statistic, self.cluster = np.ones(n), np.zeros(n), np.zeros(n)
        self.expected, self.total, self.total_expected = (np.full(n, np.nan) for _ in range(3))
        self.window = np.ones(n, np.int16)


DETECTOR = SpaceTime
