"""EWMA control chart with the exact limits of each step.

Good for a small lasting shift of a steady continuous quantity whose level in normal times a training phase
shows. Not good where the level drifts or has a season (``robust_ewma``, ``seasonal_residual``), nor for a
single sharp peak, which is averaged away.

The first ``phase1`` values give mean and standard deviation, which stay. Then ``Z = (1 - w) Z + w x`` starts
at that mean, and the statistic is its distance from the mean in standard deviations of Z *at this step*,
``s sqrt(w/(2-w) (1 - (1-w)^(2t)))``, so that a fault that is there from the start is seen as soon as a later
one. The chart's own rule is a statistic beyond ``limit``, which is found from the run length asked for. The
band that is shown is that of the newest value: one beyond it would alarm. The nominal tail is that of a
normal statistic. Neighbouring Z hold mostly the same values, so alarms come in runs.

A missing value changes nothing. A training phase without spread gives the deviation ``floor``.

Cost: 40 bytes of state a series; a few operations a step.

References
----------
Roberts (1959), Technometrics 1:239, doi:10.1080/00401706.1959.10489860;
Lucas, Saccucci (1990), Technometrics 32:1, doi:10.1080/00401706.1990.10484583;
Steiner (1999), Journal of Quality Technology 31:75, doi:10.1080/00224065.1999.11979899.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError
from tocsin.stats import run_length


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewma:
    """Exponentially weighted moving average with limits.

    Parameters
    ----------
    weight : float
        Of a new value in the average, above 0, at most 1.
    limit : float or None
        In standard deviations of the average; None to find it from ``arl0``.
    arl0 : float
        Periods between false alarms of a chart of normal values, used when ``limit`` is None.
    side : str
        ``low``, ``high`` or ``both``.
    phase1 : int
        Known values of a series that teach mean and deviation; none is judged.
    floor : float
        Smallest standard deviation, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "ewma"

    weight: float = 0.2
    limit: float | None = None
    arl0: float = 500.0
    side: str = "both"
    phase1: int = 100
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("ewma", "side", self.side, ("low", "high", "both"))
        positive("ewma", "floor", self.floor)
        if not 0 < self.weight <= 1:
            raise ConfigError("ewma", "weight", self.weight, "above 0, at most 1")
        if self.phase1 < 2:
            raise ConfigError("ewma", "phase1", self.phase1, "at least 2 values")
        if self.limit is not None:
            positive("ewma", "limit", self.limit)
        elif not self.arl0 > 3:
            raise ConfigError("ewma", "arl0", self.arl0, "a run length above 3")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        limit = self.limit
        if limit is None:
            limit = _limit(self.weight, self.arl0, self.side == "both")
        return {
            "limit": np.array([limit]),
            "count": np.zeros(n, np.int64),
            "mean": np.zeros(n),
            "squares": np.zeros(n),
            "average": np.zeros(n),
            "rest": np.ones(n),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series."""
        del now  # no season
        known = np.isfinite(values)
        taught = state["count"] >= self.phase1
        deviation = np.maximum(np.sqrt(state["squares"] / (self.phase1 - 1)), self.floor)
        mean, limit, w = state["mean"].copy(), float(state["limit"][0]), self.weight
        before = state["average"]
        judged = known & taught
        average = np.where(judged, before + w * (np.where(judged, values, 0.0) - before), before)
        rest = np.where(known & taught, state["rest"] * (1 - w) ** 2, state["rest"])
        # Of the average after one more value, also where this one is missing: the band is of that value.
        width = deviation * np.sqrt(w / (2 - w) * (1 - state["rest"] * (1 - w) ** 2))
        statistic = np.where(judged, (average - mean) / width, np.nan)
        high, low = special.ndtr(-statistic), special.ndtr(statistic)
        nominal = {"high": high, "low": low, "both": np.minimum(1.0, 2 * np.minimum(high, low))}[self.side]
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        far = {"high": statistic, "low": -statistic, "both": np.abs(statistic)}[self.side]
        upper = (mean + limit * width - (1 - w) * before) / w
        lower = (mean - limit * width - (1 - w) * before) / w
        self._learn(state, values, known & ~taught)
        # The average starts at the mean that was taught.
        state["average"], state["rest"] = np.where(taught, average, state["mean"]), rest
        return state, Step.of(
            values,
            tail=tail,
            expected=np.where(taught, mean, np.nan),
            lower=np.where(taught & (self.side != "high"), lower, np.nan),
            upper=np.where(taught & (self.side != "low"), upper, np.nan),
            alarm=judged & (np.nan_to_num(far) > limit),
            details={"statistic": statistic},
        )

    def _learn(self, state: State, values: Floats, teaches: NDArray[np.bool_]) -> None:
        count = state["count"] + teaches
        error = np.where(teaches, np.where(teaches, values, 0.0) - state["mean"], 0.0)
        state["mean"] = state["mean"] + error / np.maximum(count, 1)
        again = np.where(teaches, np.where(teaches, values, 0.0) - state["mean"], 0.0)
        state["squares"] = state["squares"] + error * again
        state["count"] = count


@functools.lru_cache(maxsize=64)
def _limit(weight: float, arl0: float, two_sided: bool) -> float:
    # An integral equation and a root search: once for each setting.
    return run_length.ewma_limit(weight, arl0, two_sided=two_sided)


DETECTOR = Ewma
