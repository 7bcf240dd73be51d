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
from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.detect.residual import ResidualChart


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHinkley(ResidualChart):
    """Cumulated deviation from the running mean, against its extreme so far.

    The other parameters are those of :class:`tocsin.detect.residual.ResidualChart`.

    Parameters
    ----------
    delta : float
        Change that does not matter, in standard deviations.
    threshold : float
        Of the statistic, in standard deviations, for the method's own alarm.
    gain : float
        Weight of a new value in the variance.
    """

    NAME: ClassVar[str] = "page_hinkley"

    delta: float = 0.25
    threshold: float = 20.0
    gain: float = 0.01
    clip: float = 10.0

    def __post_init__(self) -> None:
        ResidualChart.__post_init__(self)
        for name in ("delta", "threshold", "gain"):
            positive(self.NAME, name, getattr(self, name))

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        columns = ("mean", "variance", "above", "below", "since", "seen")
        return {name: np.zeros(n) for name in columns} | {"scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        one = self.residual(state, values, seen=state["seen"], fresh=state["since"] == 0)
        known, counts, z = one.known, one.counts, one.z
        above = np.where(counts, np.maximum(0.0, state["above"] + z - self.delta), state["above"])
        below = np.where(counts, np.maximum(0.0, state["below"] - z - self.delta), state["below"])
        statistic = {"high": above, "low": below, "both": np.maximum(above, below)}[self.side]
        statistic = np.where(counts, statistic, np.nan)
        alarm = counts & (np.nan_to_num(statistic) > self.threshold)
        twice = 2.0 if self.side == "both" else 1.0
        nominal = np.minimum(1.0, twice * np.exp(-2 * self.delta * statistic))

        since = state["since"] + known
        gain = np.maximum(self.gain, 1 / (state["seen"] + 1)) * (known & ~one.first)
        learnt = one.mean + one.taught / np.maximum(since, 1)
        state["mean"] = np.where(known, learnt, state["mean"])
        state["variance"] = one.variance(state["variance"], gain)
        state["seen"] = state["seen"] + known
        state["since"] = np.where(alarm, 0.0, since)
        state["above"], state["below"] = np.where(alarm, 0.0, above), np.where(alarm, 0.0, below)
        return state, self.said(state, values, one, statistic, nominal, alarm)


DETECTOR = PageHinkley
