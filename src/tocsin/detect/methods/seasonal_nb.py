"""Seasonal negative binomial with an outbreak state: the default for counts.

Good for counts of cases, calls, tests or claims, from one a year to millions a week, with a level that
drifts, a slow trend and seasons, where *more than normal* is the hazard: the newest week alone and what has
built up over several weeks are one score, so an outbreak is found in its first week or in its third,
whichever speaks first. Not good for *nothing happening* (use ``seasonal_count``), for quantities that are
no counts (use ``robust_ewma``), nor for a season of sharp edges such as school holidays: harmonics round
them off.

How it works. The logarithm of the expectation is a level with a slow trend and harmonics of each period in
``periods``; they follow the counts as a dynamic generalised linear model, so a rare disease is remembered
for years and a frequent one adapts within weeks. Counts are negative binomial with a variance of
``dispersion`` times the mean, learned as well, to which the uncertainty of the expectation is added. Over
this baseline runs a filter of two states, normal and outbreak; an outbreak begins with probability
``enter`` a period, goes on with ``stay``, and adds ``sizes`` standard deviations a period. The score is the
odds of being in an outbreak now. The same probability says how little a period teaches the baseline: what
looks like an outbreak is not learned as normal, unless it stays for ``absorb`` periods.

Where the model holds, the odds have in normal times an expectation of at most the mean of ``enter / (1 -
enter - stay)`` over the sizes; by Markov's inequality that number over the odds bounds the tail from above.
This is the nominal tail; with ``calibrate`` only its order is used (:mod:`tocsin.detect.calibration`).

Bad input: a negative or infinite value is unknown, has no tail and does not teach. A missing value, or a
missing row, has no tail; expectation and trend go on over it, growing less certain, and an outbreak is
forgotten at its natural pace. Zeros for ever have a tail near 1. Before ``least`` values the tail is
unknown.

Cost: with the default six coefficients 50 numbers (400 bytes) a series and about 2 microseconds a step and
series.

References
----------
West, Harrison, Migon (1985), Journal of the American Statistical Association 80:73,
doi:10.1080/01621459.1985.10477131 (dynamic generalised linear models);
Le Strat, Carrat (1999), Statistics in Medicine 18:3463,
doi:10.1002/(SICI)1097-0258(19991230)18:24<3463::AID-SIM409>3.0.CO;2-I (outbreaks as a hidden state);
Noufaily et al. (2013), Statistics in Medicine 32:1206, doi:10.1002/sim.5595 (past outbreaks weigh less).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.model import ConfigError

DAY_US = 86_400_000_000
LEAST_MEAN = 1e-4
"""An expectation is never smaller: a single case somewhere is then no certainty."""

MOST = 40.0
"""Logarithm of the largest expectation."""

MEMORY = 200.0
"""Periods over which the dispersion is learned."""

ONGOING = 0.25
"""Odds from which the next period counts as one more of the same outbreak."""

SHARPER = 10.0
"""How far below odds of no news the calibrated score still tells one value from another."""

STEEPER = 1.5
"""Tails of the odds fall off faster than Markov's bound, and calibration takes none for lighter than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalNb:
    """Level, trend, seasons and an outbreak state of each series.

    Parameters
    ----------
    step_days : float
        Length of a period in days; trend and drift are by this length.
    periods : tuple of float
        Lengths of the seasons in days.
    harmonics : tuple of int
        Number of harmonics of each.
    drift : float
        Standard deviation by which the logarithm of the level changes in a period.
    trend : float
        Standard deviation of the trend a period before anything is known of it; 0 for none.
    sizes : tuple of float
        Standard deviations a period that an outbreak may add.
    enter : float
        Probability that an outbreak begins in a period.
    stay : tuple of float
        Probability that an outbreak of each size goes on: what is gentle lasts.
    absorb : int
        Periods after which an outbreak is the new normal.
    least : int
        Values that a series needs before it is judged.
    probable : float
        Probability of an outbreak from which the method's own rule alarms.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "seasonal_nb"

    step_days: float = 7.0
    periods: tuple[float, ...] = (365.2425,)
    harmonics: tuple[int, ...] = (2,)
    drift: float = 0.01
    trend: float = 0.003
    sizes: tuple[float, ...] = (1.0, 2.0, 4.0)
    enter: float = 0.03
    stay: tuple[float, ...] = (0.7, 0.5, 0.4)
    absorb: int = 52
    least: int = 20
    probable: float = 0.5
    calibrate: bool = True

    def __post_init__(self) -> None:
        for name in ("step_days", "enter", "absorb", "least"):
            positive(self.NAME, name, getattr(self, name))
        for name in ("drift", "trend"):
            positive(self.NAME, name, getattr(self, name), zero=True)
        for name, column in (("periods", self.periods), ("harmonics", self.harmonics), ("sizes", self.sizes)):
            for number in column:
                positive(self.NAME, name, number)
        if not self.sizes:
            raise ConfigError(self.NAME, "sizes", self.sizes, "at least one number")
        if len(self.harmonics) != len(self.periods) or any(h % 1 for h in self.harmonics):
            raise ConfigError(self.NAME, "harmonics", self.harmonics, "a whole number from 1 for each period")
        if len(self.stay) != len(self.sizes) or not all(0 <= s < 1 - self.enter for s in self.stay):
            allowed = "a probability for each size, less than 1 together with enter"
            raise ConfigError(self.NAME, "stay", self.stay, allowed)
        if not 0 < self.probable < 1:
            raise ConfigError(self.NAME, "probable", self.probable, "a probability between 0 and 1")

    @property
    def _size(self) -> int:
        return 2 + 2 * sum(self.harmonics)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        p = self._size
        spread = [4.0, self.trend**2] + [
            (0.5 / h) ** 2 for many in self.harmonics for h in range(1, many + 1) for _ in (0, 1)
        ]
        return {
            "time": np.zeros(1, np.int64),
            "begun": np.zeros(1, np.bool_),
            "mean": np.zeros((p, n)),
            "cov": np.repeat(np.diag(spread)[:, :, None], n, 2),
            "count": np.zeros(n, np.int64),
            "dispersion": np.full(n, 1.2),
            "information": np.full(n, 10.0),
            "odds": np.zeros((len(self.sizes), n)),
            "length": np.zeros(n, np.int16),
            "totals": np.zeros((2, n)),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count a series, then learn from it."""
        values = np.where(np.isfinite(values) & (values >= 0), values, np.nan)
        known = np.isfinite(values)
        y = np.where(known, values, 0.0)
        for _ in range(min(self._move(state, now.time), self.absorb) - 1):
            state["odds"] = self._carried(state["odds"])
        new = known & (state["count"] == 0)
        state["mean"][0] = np.where(new, np.log(y + 0.5), state["mean"][0])

        row = self._row(now.time)
        gain = np.einsum("ijn,j->in", state["cov"], row)
        var = np.maximum(np.einsum("in,i->n", gain, row), 1e-12)
        log_mean = np.clip(row @ state["mean"], math.log(LEAST_MEAN), MOST)
        shape = 1 / var + 0.5  # of the gamma distribution whose logarithm has this variance
        rate = np.exp(special.psi(shape) - log_mean)
        mean = np.maximum(shape / rate, LEAST_MEAN)
        dispersion = state["dispersion"]
        spread = np.maximum(dispersion + mean / shape, 1.001)

        before = state["odds"].sum(0)
        odds = self._outbreak(state["odds"], y, mean, spread, known)
        sure = known & (state["count"] >= self.least)
        odds = np.where(state["count"] >= self.least, odds, 0.0)
        every = odds.sum(0)
        goes_on = before > ONGOING
        state["odds"] = odds
        state["length"] = np.where(goes_on, state["length"] + 1, 1).astype(np.int16)
        state["totals"] = np.where(goes_on, state["totals"], 0.0) + np.stack([y, mean]) * known

        out = self._said(state, mean, spread, every, sure)
        normal = 1 / (1 + every)
        residual = (y - mean) / np.sqrt(spread * mean)
        weight = known * np.where(residual < -3, 9 / np.maximum(residual**2, 9), normal)
        self._learn_dispersion(state, residual**2, mean, np.sqrt(weight))
        self._learn_mean(state, gain, var, shape, rate, weight * ~new, y)
        state["count"] = state["count"] + known
        self._absorb(state)
        return state, out

    def _move(self, state: State, time: int) -> int:
        """Carry level and trend to ``time``: they go on, and grow less certain; gives the periods since."""
        periods = (time - int(state["time"][0])) / (self.step_days * DAY_US) if state["begun"][0] else 1.0
        periods = max(periods, 0.0)
        state["time"][0], state["begun"][0] = time, True
        mean, cov = state["mean"], state["cov"]
        mean[0] += periods * mean[1]
        cov[0] += periods * cov[1]
        cov[:, 0] += periods * cov[:, 1]
        cov[0, 0] += periods * self.drift**2
        # A trend is remembered for some hundred periods, the season for some hundred years of them.
        cov[1, 1] += periods * (0.03 * self.trend) ** 2
        each = np.arange(2, self._size)
        cov[each, each] += periods * (0.1 * self.drift) ** 2
        return round(periods)

    def _row(self, time: int) -> Floats:
        row = [1.0, 0.0]
        for days, many in zip(self.periods, self.harmonics, strict=True):
            angle = 2 * math.pi * (time / (days * DAY_US) % 1.0)
            row += [f(h * angle) for h in range(1, many + 1) for f in (math.cos, math.sin)]
        return np.array(row)

    def _outbreak(
        self, odds: Floats, y: Floats, mean: Floats, spread: Floats, known: NDArray[np.bool_]
    ) -> Floats:
        """Odds of an outbreak of each size now, after this count; shape (n_sizes, n)."""
        ratio = np.ones_like(odds)
        deviation = np.sqrt(spread * mean)
        over = spread - 1
        shape = mean / over
        here = special.gammaln(y + shape) - special.gammaln(shape)
        for i, size in enumerate(self.sizes):
            more = size * deviation / over
            other = special.gammaln(y + shape + more) - special.gammaln(shape + more)
            log = other - here - more * np.log(spread)
            ratio[i] = np.where(known, np.exp(np.clip(log, -60, 60)), 1.0)
        fresh: Floats = np.clip(self._carried(odds) * ratio, 1e-30, 1e30)
        return fresh

    def _carried(self, odds: Floats) -> Floats:
        """Odds of an outbreak one period on, before its count is seen."""
        stay = np.array(self.stay)
        begun = odds * stay[:, None] + self.enter / len(self.sizes)
        ended = (1 - self.enter) + (1 - stay) @ odds
        carried: Floats = begun / ended
        return carried

    def _said(
        self, state: State, mean: Floats, spread: Floats, odds: Floats, sure: NDArray[np.bool_]
    ) -> Step:
        usual = sum(self.enter / len(self.stay) / (1 - self.enter - stay) for stay in self.stay)
        with np.errstate(divide="ignore"):
            if self.calibrate:
                news = np.where(sure, (1 + SHARPER * odds / usual) ** -STEEPER, np.nan)
                tail = calibration.tail_of(state["scores"], news)
            else:
                tail = np.where(sure, np.minimum(1.0, usual / np.maximum(odds, 1e-300)), np.nan)
        shown = state["count"] >= self.least
        root, width = mean ** (2 / 3), 2.58 * np.sqrt(4 / 9 * mean ** (1 / 3) * spread)
        nan = np.nan
        return Step(
            tail=tail,
            expected=np.where(shown, mean, nan),
            lower=np.where(shown, np.maximum(root - width, 0) ** 1.5, nan),
            upper=np.where(shown, (root + width) ** 1.5, nan),
            window=state["length"].copy(),
            total=np.where(sure, state["totals"][0], nan),
            total_expected=np.where(sure, state["totals"][1], nan),
            alarm=sure & (odds / (1 + odds) >= self.probable),
            details={
                "outbreak_probability": np.where(sure, odds / (1 + odds), nan),
                "dispersion": np.where(shown, state["dispersion"], nan),
                "trend": np.where(shown, state["mean"][1], nan),
            },
        )

    def _learn_dispersion(self, state: State, square: Floats, mean: Floats, weight: Floats) -> None:
        # A count whose expectation is small says little of the dispersion. What may be an outbreak weighs
        # more than for the mean: without the large counts of normal times it would be too small.
        told = weight / (1 + 1 / (2 * state["dispersion"] * mean))
        state["information"] = np.minimum(state["information"] + told, MEMORY)
        change = told / state["information"] * (np.minimum(square, 50.0) - 1)
        state["dispersion"] = np.clip(state["dispersion"] * (1 + np.maximum(change, -0.5)), 1.0, 1e6)

    def _learn_mean(
        self, state: State, gain: Floats, var: Floats, shape: Floats, rate: Floats, weight: Floats, y: Floats
    ) -> None:
        # Conjugate: a count of variance ``dispersion`` times its mean tells as much as ``weight`` says.
        told = weight / state["dispersion"]
        shape_after, rate_after = shape + told * y, rate + told
        shift = special.psi(shape_after) - special.psi(shape) - np.log(rate_after / rate)
        var_after = np.minimum(1 / np.maximum(shape_after - 0.5, 1e-6), var)
        state["mean"] += gain * (np.where(told > 0, shift, 0.0) / var)
        shrink = np.where(told > 0, (var - var_after) / var**2, 0.0)
        state["cov"] -= gain[:, None] * gain[None, :] * shrink
        # What is no count at all, zeros and millions in turn, must not run away.
        np.clip(state["mean"][0], math.log(LEAST_MEAN), MOST, out=state["mean"][0])
        np.clip(state["mean"][1:], -MOST / 4, MOST / 4, out=state["mean"][1:])

    def _absorb(self, state: State) -> None:
        """What has lasted for ``absorb`` periods is normal: forget the level and learn it anew."""
        over = state["length"] > self.absorb
        state["cov"][0, 0] += np.where(over, 1.0, 0.0)
        state["odds"] *= ~over
        state["length"] *= ~over


DETECTOR = SeasonalNb
