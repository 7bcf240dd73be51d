"""Shiryaev-Roberts: the odds that the mean has shifted at some time, every time alike.

Good for a lasting shift of about the size that is looked for, when it is most important to see it soon on
average over all its possible beginnings: for that no test is better. Not good for a drifting or seasonal
level, nor for shifts of a quite different size.

For each possible beginning of a shift by ``shift`` standard deviations the likelihood ratio is taken; their
sum obeys ``R = (1 + R) exp(shift z - shift²/2)``. With ``both`` the mean of an upward and a downward R is
taken. The method's own rule is ``R >= arl0 exp(-0.583 shift)``, which alarms about once in ``arl0`` normal
periods, and begins afresh. Mean and standard deviation are learnt from the values themselves, of which the
last ``memory`` weigh most. In normal times R exceeds r with a chance of the order 1/r, so the nominal tail is
``1/(1 + R)``; it is calibrated on the past.

A missing value changes nothing; values beyond ``clip`` deviations count and teach only up to there. A
constant series has R below its limit and, calibrated, no small tail.

Cost: 40 bytes of state a series; one exponential a side and step.

References
----------
Shiryaev (1963), Theory of Probability and Its Applications 8:22, doi:10.1137/1108002;
Roberts (1966), Technometrics 8:411, doi:10.1080/00401706.1966.10490374;
Pollak (1987), Annals of Statistics 15:749, doi:10.1214/aos/1176350373;
Polunchenko, Tartakovsky (2010), Annals of Statistics 38:3445, doi:10.1214/09-AOS775.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.detect.residual import ResidualChart
from tocsin.model import ConfigError

MOST = 690.0
"""Logarithm beyond which R does not grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiryaevRoberts(ResidualChart):
    """Sum of likelihood ratios over all beginnings of a shift.

    The other parameters are those of :class:`tocsin.detect.residual.ResidualChart`.

    Parameters
    ----------
    shift : float
        That is looked for, in standard deviations.
    arl0 : float
        Periods between false alarms of the method's own rule, with known mean and deviation.
    memory : float
        Values over which mean and variance are learnt.
    """

    NAME: ClassVar[str] = "shiryaev_roberts"

    shift: float = 1.0
    arl0: float = 500.0
    memory: float = 300.0
    clip: float = 6.0

    def __post_init__(self) -> None:
        ResidualChart.__post_init__(self)
        for name in ("shift", "arl0", "memory"):
            positive(self.NAME, name, getattr(self, name))
        if self.memory < self.least:
            raise ConfigError("shiryaev_roberts", "memory", self.memory, f"at least {self.least} (least)")

    @property
    def limit(self) -> float:
        """Of R, for the method's own alarm."""
        return self.arl0 * math.exp(-0.583 * self.shift)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {
            "mean": np.zeros(n),
            "variance": np.zeros(n),
            "count": np.zeros(n),
            "up": np.full(n, -np.inf),
            "down": np.full(n, -np.inf),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        one = self.residual(state, values, seen=state["count"], fresh=state["count"] == 0)
        counts = one.counts
        logs = []
        for name, sign in (("up", 1.0), ("down", -1.0)):
            grown = np.logaddexp(0.0, state[name]) + sign * self.shift * one.z - self.shift**2 / 2
            logs.append(np.where(counts, np.minimum(grown, MOST), state[name]))
        up, down = logs
        both = np.logaddexp(up, down) - math.log(2)
        chosen = {"high": up, "low": down, "both": both}[self.side]
        statistic = np.where(counts, np.exp(np.where(counts, chosen, 0.0)), np.nan)
        alarm = counts & (np.nan_to_num(statistic) >= self.limit)
        nominal = 1 / (1 + statistic)

        state["up"], state["down"] = np.where(alarm, -np.inf, up), np.where(alarm, -np.inf, down)
        gain = np.maximum(1 / self.memory, 1 / (state["count"] + 1)) * one.known
        state["mean"] = np.where(one.known, one.mean + gain * one.taught, state["mean"])
        state["variance"] = one.variance(state["variance"], gain)
        state["count"] = state["count"] + one.known
        return state, self.said(state, values, one, statistic, nominal, alarm)


DETECTOR = ShiryaevRoberts
