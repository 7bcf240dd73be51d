"""What is left of a value when trend and season are taken out.

Good for regular readings with a strong rhythm of known length (a day, a week, a year) that changes slowly:
loads, traffic, temperature. Not good without a rhythm (``robust_ewma`` learns faster), for two rhythms at
once unless ``period`` is the longer one, nor for small counts.

Three parts follow each series. The trend is the mean of the last ``period`` known values, in which the season
cancels out; the season is one deviation from it for each place in the period, updated with weight
``season_gain`` each time; the level is an exponentially weighted mean of what is left, so that a shift need
not wait for a whole period. A value is judged by their sum before it teaches, and teaches only up to ``clip``
deviations away. The scale is the exponentially weighted mean absolute residual. The nominal tail is that of a
Student t with four degrees of freedom, calibrated on the past; the method's own rule is a residual beyond
``limit`` scales.

Places in the period are counted by steps, so the steps must be regular: a missing value takes its place, as
a gap of any length does. A place that has not been seen ``cycles`` times is not judged. A constant series has
residual 0 and tail 1.

Cost: 17 bytes a series for each place in the period; a few operations a step.

References
----------
Cleveland, Cleveland, McRae, Terpenning (1990), Journal of Official Statistics 6:3;
Gelper, Fried, Croux (2010), Journal of Forecasting 29:285, doi:10.1002/for.1125;
Mishra, Sriharsha, Zhong (2022), Proceedings of the VLDB Endowment 15:1417, doi:10.14778/3523210.3523219.
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
class SeasonalResidual:
    """Streaming decomposition into trend, season, level and residual.

    Parameters
    ----------
    period : int
        Steps of a season, at least 2.
    cycles : int
        Times that a place in the period must have been seen before it is judged.
    season_gain : float
        Weight of a new value in the deviation of its place.
    gain : float
        Weight of a new value in level and scale.
    clip : float
        Scales beyond which a value does not teach.
    side : str
        ``low``, ``high`` or ``both``.
    limit : float
        Of the residual in scales, for the method's own alarm.
    floor : float
        Smallest scale, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "seasonal_residual"

    period: int = 24
    cycles: int = 2
    season_gain: float = 0.15
    gain: float = 0.02
    clip: float = 3.0
    side: str = "both"
    limit: float = 4.0
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("seasonal_residual", "side", self.side, ("low", "high", "both"))
        for name in ("season_gain", "gain", "clip", "limit", "floor"):
            positive("seasonal_residual", name, getattr(self, name))
        if self.season_gain > 1 or self.gain > 1:
            raise ConfigError("seasonal_residual", "gain", (self.season_gain, self.gain), "at most 1 each")
        if self.period < 2:
            raise ConfigError("seasonal_residual", "period", self.period, "at least 2 steps")
        if not 1 <= self.cycles <= 250:
            raise ConfigError("seasonal_residual", "cycles", self.cycles, "from 1 to 250")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {
            "seen": np.zeros(1, np.int64),
            "last": np.full((self.period, n), np.nan),
            "season": np.zeros((self.period, n)),
            "visits": np.zeros((self.period, n), np.uint8),
            "total": np.zeros(n),
            "held": np.zeros(n, np.int64),
            "level": np.zeros(n),
            "scale": np.zeros(n),
            "judged": np.zeros(n, np.int64),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # places are counted by steps
        known = np.abs(np.where(np.isfinite(values), values, np.inf)) <= 1e150
        x = np.where(known, values, 0.0)
        turn, place = divmod(int(state["seen"][0]), self.period)
        state["seen"][0] += 1
        trend = state["total"] / np.maximum(state["held"], 1)
        visits = state["visits"][place]
        expected = trend + state["season"][place] + state["level"]
        # The first residuals that mean something are those of the last cycle before judging begins.
        learnt = (visits >= self.cycles) & (state["held"] > 0)
        scale = np.maximum(1.2533 * state["scale"], self.floor)
        sure = learnt & (state["judged"] >= min(self.period, 24))
        judged = known & sure
        residual = np.where(judged, (x - expected) / scale, np.nan)
        low, high = special.stdtr(4, residual), special.stdtr(4, -residual)
        nominal = {"low": low, "high": high, "both": np.minimum(1.0, 2 * np.minimum(low, high))}[self.side]
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        far = {"high": residual, "low": -residual, "both": np.abs(residual)}[self.side]
        # The first period gives a trend, and no season yet.
        begun = (state["held"] > 0) & (turn > 0)
        self._learn(state, x, known, place, trend, expected, (begun, learnt, sure))
        band = self.limit * scale
        return state, Step.of(
            values,
            tail=tail,
            expected=np.where(sure, expected, np.nan),
            lower=np.where(sure, expected - band, np.nan),
            upper=np.where(sure, expected + band, np.nan),
            alarm=judged & (np.nan_to_num(far) > self.limit),
            details={"residual": residual, "trend": np.where(sure, trend, np.nan)},
        )

    def _learn(
        self, state: State, x: Floats, known: NDArray[np.bool_], place: int, trend: Floats, expected: Floats,
        stage: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    ) -> None:  # fmt: skip
        begun, learnt, sure = stage
        limit = np.where(sure, self.clip * np.maximum(1.2533 * state["scale"], self.floor), np.inf)
        error = np.where(known, np.clip(x - expected, -limit, limit), 0.0)
        taught = expected + error
        season, visits = state["season"][place].copy(), state["visits"][place].copy()
        gain = np.maximum(self.season_gain, 1 / (visits + 1.0))
        target = np.where(learnt, error + season, taught - trend)
        state["season"][place] = np.where(known & begun, season + gain * (target - season), season)
        state["visits"][place] = np.minimum(visits + (known & begun), 250)
        teaches = known & learnt
        step = np.maximum(self.gain, 1 / (state["judged"] + 1.0))
        state["level"] = np.where(teaches, state["level"] + self.gain * error, state["level"])
        scale = state["scale"]
        state["scale"] = np.where(teaches, scale + step * (np.abs(error) - scale), scale)
        state["judged"] = state["judged"] + teaches
        # The sum is made anew once a period, so that rounding does not add up.
        before = state["last"][place].copy()
        gone = np.isfinite(before)
        state["last"][place] = np.where(known, taught, np.nan)
        if place == self.period - 1:
            state["total"] = np.nansum(state["last"], 0)
        else:
            state["total"] = state["total"] + np.where(known, taught, 0.0) - np.where(gone, before, 0.0)
        state["held"] = state["held"] + known - gone


DETECTOR = SeasonalResidual
