"""Robust exponentially weighted moving average with a season.

Good for continuous quantities with slow drift (delays, prices, rates), also monthly ones. Not good for small
counts (use ``seasonal_count``) nor where the variance itself is the signal.

Level and scale follow each series by an exponentially weighted mean and mean absolute deviation; values
beyond ``clip`` scales teach only up to ``clip``, so that an event does not become normal. With ``season`` the
level is kept for each season and blended with a common one. The score is the tail of a Student t with four
degrees of freedom, calibrated on the past (:mod:`tocsin.detect.calibration`).

Cost: 32 bytes of state a series, 8 more for each season; a few operations a step.

References
----------
Roberts (1959), Technometrics 1:239, doi:10.1080/00401706.1959.10489860;
Croux, Gelper, Mahieu (2010), Computational Statistics & Data Analysis 54:2934,
doi:10.1016/j.csda.2009.05.003.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.season import SEASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustEwma:
    """Robust level and scale of each series.

    Parameters
    ----------
    season : str
        ``hour_of_week``, ``month`` or ``none``.
    side : str
        ``low``, ``high`` or ``both``.
    gain : float
        Weight of a new value in level and scale.
    season_gain : float
        Weight of a new value in the seasonal deviation from the level.
    clip : float
        Scales beyond which a value does not teach.
    least : int
        Values that a series needs before it is judged.
    floor : float
        Smallest scale, in the unit of the quantity.
    """

    NAME: ClassVar[str] = "robust_ewma"

    season: str = "none"
    side: str = "high"
    gain: float = 0.05
    season_gain: float = 0.2
    clip: float = 3.0
    least: int = 24
    floor: float = 1e-6

    def __post_init__(self) -> None:
        one_of("robust_ewma", "season", self.season, tuple(SEASONS))
        one_of("robust_ewma", "side", self.side, ("low", "high", "both"))
        for name in ("gain", "season_gain", "clip", "floor"):
            positive("robust_ewma", name, getattr(self, name))

    @property
    def SEASON(self) -> str:
        """Kind of season."""
        return self.season

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {
            "level": np.full(n, np.nan),
            "scale": np.full(n, np.nan),
            "count": np.zeros(n, np.int64),
            "seasonal": np.zeros((SEASONS[self.season], n)),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        n = len(values)
        season = now.season
        each = np.arange(n)
        seasonal = state["seasonal"][season, each]
        expected = state["level"] + seasonal
        scale = np.maximum(state["scale"] * 1.2533, self.floor)  # mean absolute deviation to sigma
        ready = (state["count"] >= self.least) & np.isfinite(values) & np.isfinite(scale)
        with np.errstate(invalid="ignore"):
            residual = np.where(ready, (values - expected) / scale, np.nan)
            low, high = special.stdtr(4, residual), special.stdtr(4, -residual)
            nominal = {"low": low, "high": high, "both": np.minimum(1.0, 2 * np.minimum(low, high))}[
                self.side
            ]
            scores = -np.log10(np.maximum(nominal, 1e-300))
        final = calibration.calibrated(state["scores"], scores[None, :])[0]
        calibration.learn(state["scores"], scores[None, :])

        band = self.clip * scale
        self._learn(state, values, season, expected, scale)
        shown = ready | (state["count"] > self.least)
        return state, Step(
            tail=10.0**-final,
            expected=np.where(shown, expected, np.nan),
            lower=np.where(shown, expected - band, np.nan),
            upper=np.where(shown, expected + band, np.nan),
            window=np.ones(n, np.int16),
            total=values.copy(),
            total_expected=np.where(shown, expected, np.nan),
        )

    def _learn(
        self, state: State, values: Floats, season: NDArray[np.int64], expected: Floats, scale: Floats
    ) -> None:
        known = np.isfinite(values)
        first = known & np.isnan(state["level"])
        # The first values set the scale quickly, later ones by the gain.
        gain = np.maximum(self.gain, 1 / (state["count"] + 1.0))
        error = np.where(known & ~first, values - expected, 0.0)
        limit = np.where(state["count"] >= self.least, self.clip * scale, np.inf)
        taught = np.clip(error, -limit, limit)
        state["level"] = np.where(first, values, state["level"] + gain * taught)
        old = np.nan_to_num(state["scale"])
        state["scale"] = np.where(known & ~first, old + gain * (np.abs(taught) - old), state["scale"])
        if self.season != "none":
            each = np.arange(len(values))
            state["seasonal"][season, each] += self.season_gain * np.nan_to_num(taught)
        state["count"] = state["count"] + known


DETECTOR = RobustEwma
