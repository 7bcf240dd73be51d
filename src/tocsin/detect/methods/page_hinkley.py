"""Page-Hinkley test: a lasting change of the mean.

Good for a lasting change of level of a steady continuous quantity whose level nobody knows beforehand; after
a change it learns the new level by itself. Not good for drifting or seasonal quantities (a drift is a change
without end), nor for single peaks.

From the values since the last alarm the mean is learnt, each weighing the same; the standard deviation
follows all values. The sums ``m = sum(z - mean - delta)`` and, downwards, ``sum(z - mean + delta)`` are
compared with the least (largest) that they have been; the larger difference is the statistic. The method's
own rule is a statistic above ``threshold``; then mean and sums begin afresh. The nominal tail is Lundberg's
bound ``exp(-2 delta statistic)``, calibrated on the past.

A missing value changes nothing; values beyond ``clip`` deviations count and teach only up to there. A
constant series has statistic 0 and tail 1.

Cost: 48 bytes of state a series; a few operations a step.

References
----------
Page (1954), Biometrika 41:100, doi:10.1093/biomet/41.1-2.100;
Hinkley (1971), Biometrika 58:509, doi:10.1093/biomet/58.3.509.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHinkley:
    """Cumulated deviation from the running mean, against its extreme so far.

    Parameters
    ----------
    delta : float
        Change that does not matter, in standard deviations.
    threshold : float
        Of the statistic, in standard deviations, for the method's own alarm.
    side : str
        ``low``, ``high`` or ``both``.
    gain : float
        Weight of a new value in the variance.
    clip : float
        Deviations up to which a value counts and teaches.
    least : int
        Values that a series needs before it is judged.
    floor : float
        Smallest standard deviation, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "page_hinkley"

    delta: float = 0.25
    threshold: float = 20.0
    side: str = "both"
    gain: float = 0.01
    clip: float = 10.0
    least: int = 30
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("page_hinkley", "side", self.side, ("low", "high", "both"))
        for name in ("delta", "threshold", "gain", "clip", "least", "floor"):
            positive("page_hinkley", name, getattr(self, name))

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        columns = ("mean", "variance", "above", "below", "since", "seen")
        return {name: np.zeros(n) for name in columns} | {"scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        known = np.isfinite(values)
        deviation = np.maximum(np.sqrt(state["variance"]), self.floor)
        first = known & (state["since"] == 0)
        mean = np.where(first, np.where(known, values, 0.0), state["mean"])
        error = np.where(known, values, mean) - mean
        sure = state["seen"] >= self.least
        z = np.clip(error / deviation, -self.clip, self.clip)
        counts = known & sure
        above = np.where(counts, np.maximum(0.0, state["above"] + z - self.delta), state["above"])
        below = np.where(counts, np.maximum(0.0, state["below"] - z - self.delta), state["below"])
        statistic = {"high": above, "low": below, "both": np.maximum(above, below)}[self.side]
        statistic = np.where(counts, statistic, np.nan)
        alarm = counts & (np.nan_to_num(statistic) > self.threshold)
        twice = 2.0 if self.side == "both" else 1.0
        nominal = np.minimum(1.0, twice * np.exp(-2 * self.delta * statistic))
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal

        taught = np.where(sure, z * deviation, error)
        since = state["since"] + known
        gain = np.maximum(self.gain, 1 / (state["seen"] + 1)) * (known & ~first)
        state["mean"] = np.where(known, mean + taught / np.maximum(since, 1), state["mean"])
        state["variance"] = (1 - gain) * (state["variance"] + gain * taught * taught)
        state["seen"] = state["seen"] + known
        state["since"] = np.where(alarm, 0.0, since)
        state["above"], state["below"] = np.where(alarm, 0.0, above), np.where(alarm, 0.0, below)
        band = 3 * deviation
        return state, Step.of(
            values,
            tail=tail,
            expected=np.where(sure, mean, np.nan),
            lower=np.where(sure, mean - band, np.nan),
            upper=np.where(sure, mean + band, np.nan),
            alarm=alarm,
            details={"statistic": statistic},
        )


DETECTOR = PageHinkley
