"""DSPOT: peaks over a threshold of the deviation from a moving mean.

Good for rare values of a quantity whose level drifts, without assuming its distribution. Not good for lasting
shifts: what lies beyond the limit does not teach, so that a lasting shift alarms until ``patience`` values in
a row have done so; then the moving mean takes the new level. Not good either for a strong season (its rise is
a deviation like any other).

From each value the mean of the last ``depth`` values that were not alarms is taken away; the deviation is
judged as in ``spot``: threshold from the first ``phase1`` deviations, generalised Pareto distribution of the
peaks over it (maximum likelihood, :mod:`tocsin.stats.extremes`), tail, limit and rule alike. The band that is
shown is that of the value itself.

Missing values are left out. A constant series has tail 1.

Cost: 8 (``phase1`` + ``most``) bytes a series and side, and 8 ``depth``; a fit costs some hundred operations
a peak.

References
----------
Siffer, Fouque, Termier, Largouët (2017), Proceedings of the 23rd ACM SIGKDD Conference, 1067,
doi:10.1145/3097983.3098144;
Grimshaw (1993), Technometrics 35:185, doi:10.1080/00401706.1993.10485040.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import calibration, peaks
from tocsin.detect.contract import Floats, Now, State, Step, one_of
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dspot:
    """Peaks of the deviation from a moving mean.

    Parameters
    ----------
    depth : int
        Values of the moving mean.
    patience : int
        Alarms in a row after which the moving mean takes the new level.
    risk : float
        Chance of a deviation beyond the limit in normal times, below ``1 - level``.
    level : float
        Quantile of the first deviations that is the threshold.
    phase1 : int
        Deviations that teach the threshold; none is judged.
    most : int
        Peaks kept.
    lightest : float
        Least shape that is believed, -0.5 to 0.5: at 0 or more no tail has an end.
    side : str
        ``low``, ``high`` or ``both`` (two fits).
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "dspot"

    depth: int = 20
    patience: int = 20
    risk: float = 1e-4
    level: float = 0.95
    phase1: int = 300
    most: int = 200
    lightest: float = 0.0
    side: str = "high"
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("dspot", "side", self.side, tuple(peaks.sides))
        if not 0 < self.level < 1:
            raise ConfigError("dspot", "level", self.level, "a probability between 0 and 1")
        if not 0 < self.risk < 1 - self.level:
            raise ConfigError("dspot", "risk", self.risk, "above 0, below 1 - level")
        if not -0.5 <= self.lightest <= 0.5:
            raise ConfigError("dspot", "lightest", self.lightest, "a shape from -0.5 to 0.5")
        for name, least in (("phase1", 10), ("most", 10), ("depth", 1), ("patience", 1)):
            if getattr(self, name) < least:
                raise ConfigError("dspot", name, getattr(self, name), f"at least {least}")

    @property
    def _peaks(self) -> peaks.Peaks:
        return peaks.Peaks(
            risk=self.risk, level=self.level, phase1=self.phase1, most=self.most, lightest=self.lightest
        )

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return self._peaks.start(n * len(peaks.sides[self.side])) | {
            "window": np.zeros((self.depth, n)),
            "held": np.zeros(n, np.int64),
            "row": np.zeros(n, np.int64),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        known = np.isfinite(values)
        full = state["held"] >= self.depth
        mean = state["window"].sum(0) / self.depth
        deviation = np.where(known & full, values - mean, np.nan)
        found = peaks.judge(self._peaks, state, deviation, self.side)
        tail = calibration.tail_of(state["scores"], found.tail) if self.calibrate else found.tail
        state["row"] = np.where(found.beyond, state["row"] + 1, np.where(known, 0, state["row"]))
        self._keep(state, values, known & (~found.beyond | (state["row"] > self.patience)))
        return state, Step.of(
            np.where(known, values, np.nan),
            tail=tail,
            expected=np.where(full, mean, np.nan),
            lower=np.where(full, mean + found.lower, np.nan),
            upper=np.where(full, mean + found.upper, np.nan),
            alarm=found.beyond,
            details={"scale": found.scale, "shape": found.shape},
        )

    def _keep(self, state: State, values: Floats, kept: NDArray[np.bool_]) -> None:
        column = np.flatnonzero(kept)
        state["window"][state["held"][column] % self.depth, column] = values[column]
        state["held"][column] += 1


DETECTOR = Dspot
