"""Seasonal count baseline over several windows, with lower and upper tails.

Good for counts with a daily and weekly rhythm where *nothing happening* is the hazard: departures, calls,
admissions, meter readings. Not good for counts whose expectation is below about three in the longest window
(nothing can be exceptional there: the tail stays near one), nor for quantities that may be negative.

The expectation of an hour is the mean of two exponentially weighted means, one by hour of the week (slow,
exact), one by hour of the day for working days, Saturdays and Sundays (fast, follows a new schedule). Both
learn from values clipped to the normal band, so that an outage does not become normal. Sums over windows of
several hours are compared with a negative binomial; its far tail is wrong on real data, so only its order is
used (:mod:`tocsin.detect.calibration`).

Cost: about 2 kB of state a series (a mean for each of the 168 hours of the week, 72 of the days); a few
operations a window and step.

References
----------
Noufaily et al. (2013), Statistics in Medicine 32:1206, doi:10.1002/sim.5595 (down-weighting past outbreaks);
Coles (2001), An Introduction to Statistical Modeling of Extreme Values, doi:10.1007/978-1-4471-3675-0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalCount:
    """Seasonal counts judged over several windows at once.

    Parameters
    ----------
    windows : tuple of int
        Lengths, in periods, rising.
    side : str
        ``low``, ``high`` or ``both``.
    weekly_gain, daily_gain : float
        Weight of a new value in the mean by hour of the week, by hour of the day.
    clip : float
        Standard deviations beyond which a value does not teach.
    least_expected : float
        Windows with a smaller expectation teach the calibration nothing.
    crowd : float
        Scores far out of one period teach the calibration together at most so many times as much as they
        should come; 0 for no bound. With one, a stop that strikes many at once hides itself less.
    """

    NAME: ClassVar[str] = "seasonal_count"
    SEASON: ClassVar[str] = "hour_of_week"

    windows: tuple[int, ...] = (1, 2, 3, 4, 6)
    side: str = "low"
    weekly_gain: float = 0.25
    daily_gain: float = 0.15
    clip: float = 2.5
    least_expected: float = 5.0
    crowd: float = 0.0

    def __post_init__(self) -> None:
        one_of("seasonal_count", "side", self.side, ("low", "high", "both"))
        for name in ("weekly_gain", "daily_gain", "clip"):
            positive("seasonal_count", name, getattr(self, name))
        positive("seasonal_count", "crowd", self.crowd, zero=True)
        if not self.windows or list(self.windows) != sorted(set(self.windows)) or self.windows[0] < 1:
            raise ConfigError("seasonal_count", "windows", self.windows, "rising numbers of periods from 1")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        longest = self.windows[-1]
        return {
            "weekly": np.full((168, n), np.nan),
            "daily": np.full((72, n), np.nan),
            "dispersion": np.ones((len(self.windows), n)),
            "values": np.full((longest, n), np.nan),
            "expected": np.full((longest, n), np.nan),
            "scores": calibration.start(len(self.windows)),
            "best": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        n = len(values)
        season = now.season
        each = np.arange(n)
        day = season // 24
        kind = np.where(day < 5, 0, day - 4) * 24 + season % 24
        weekly, daily = state["weekly"][season, each], state["daily"][kind, each]
        expected = np.where(
            np.isnan(weekly), daily, np.where(np.isnan(daily), weekly, 0.5 * weekly + 0.5 * daily)
        )
        ring_v, ring_e = state["values"], state["expected"]
        ring_v[:-1], ring_v[-1] = ring_v[1:], values
        ring_e[:-1], ring_e[-1] = ring_e[1:], expected

        totals = np.stack([ring_v[-w:].sum(0) for w in self.windows])
        means = np.stack([ring_e[-w:].sum(0) for w in self.windows])
        spread = np.maximum(state["dispersion"], 1.02)
        scores = self._scores(totals, means, spread)
        _learn_dispersion(state["dispersion"], totals, means, self.clip)

        per_window = calibration.calibrated(state["scores"], scores)
        known = np.isfinite(per_window)
        filled = np.where(known, per_window, -1.0)
        choice = filled.argmax(0)
        best = np.where(known.any(0), filled[choice, each], np.nan)
        final = calibration.calibrated(state["best"], best[None, :])[0]
        enough = means >= self.least_expected
        calibration.learn(state["scores"], np.where(enough, scores, np.nan), crowd=self.crowd)
        calibration.learn(state["best"], np.where(enough[-1], best, np.nan)[None, :], crowd=self.crowd)

        deviation = np.sqrt(np.maximum(expected, 0.5) * spread[0] + 0.5)
        lower = np.maximum(expected - self.clip * deviation, 0.0)
        upper = expected + self.clip * deviation
        self._learn_means(state, values, (season, kind), (weekly, daily), lower, upper)
        return state, Step(
            tail=10.0**-final,
            expected=expected,
            lower=lower,
            upper=upper,
            window=np.asarray(self.windows, np.int16)[choice],
            total=totals[choice, each],
            total_expected=means[choice, each],
        )

    def _scores(self, totals: Floats, means: Floats, spread: Floats) -> Floats:
        """``-log10`` of the nominal tail of a negative binomial with variance ``spread * mean``."""
        size = np.maximum(means, 1e-6) / (spread - 1)
        chance = 1 / spread
        with np.errstate(divide="ignore", invalid="ignore"):
            low = special.betainc(size, totals + 1, chance)
            high = np.where(totals > 0, special.betainc(np.maximum(totals, 1), size, 1 - chance), 1.0)
            tail = {"low": low, "high": high, "both": np.minimum(1.0, 2 * np.minimum(low, high))}[self.side]
            return np.where(np.isnan(totals + means), np.nan, -np.log10(np.maximum(tail, 1e-300)))

    def _learn_means(
        self,
        state: State,
        values: Floats,
        seasons: tuple[NDArray[np.int64], NDArray[np.int64]],
        old: tuple[Floats, Floats],
        lower: Floats,
        upper: Floats,
    ) -> None:
        each = np.arange(len(values))
        taught = np.where(np.isnan(lower), values, np.clip(values, lower, upper))
        for name, index, before, gain in zip(
            ("weekly", "daily"), seasons, old, (self.weekly_gain, self.daily_gain), strict=True
        ):
            after = np.where(np.isnan(before), taught, before + gain * (taught - before))
            state[name][index, each] = np.where(np.isnan(values), before, after)


def _learn_dispersion(dispersion: Floats, totals: Floats, means: Floats, clip: float) -> None:
    """Follow the variance in units of the mean, slowly, with clipped residuals; in place."""
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = (totals - means) / np.sqrt(means * np.maximum(dispersion, 1e-3) + 0.5)
        square = np.minimum(residual**2, clip**2)
        update = np.isfinite(square) & (means > 0.5)
        dispersion *= np.where(update, 1 + 0.01 * (np.nan_to_num(square) - 1), 1.0)
    np.clip(dispersion, 0.05, 50.0, out=dispersion)


DETECTOR = SeasonalCount
