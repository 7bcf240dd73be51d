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

from tocsin.detect import peaks
from tocsin.detect.contract import Floats, Now, State, Step
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dspot(peaks.Peaks):
    """Peaks of the deviation from a moving mean.

    The other parameters are those of :class:`tocsin.detect.peaks.Peaks`; its values are deviations here.

    Parameters
    ----------
    depth : int
        Values of the moving mean.
    patience : int
        Alarms in a row after which the moving mean takes the new level.
    """

    NAME: ClassVar[str] = "dspot"

    depth: int = 20
    patience: int = 20

    def __post_init__(self) -> None:
        peaks.Peaks.__post_init__(self)
        for name in ("depth", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(self.NAME, name, getattr(self, name), "at least 1")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return peaks.Peaks.start(self, n) | {
            "window": np.zeros((self.depth, n)),
            "held": np.zeros(n, np.int64),
            "row": np.zeros(n, np.int64),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        known = np.isfinite(values)
        full = state["held"] >= self.depth
        mean = state["window"].sum(0) / self.depth
        deviation = np.where(known & full, values - mean, np.nan)
        found = peaks.judge(self, state, deviation)
        state["row"] = np.where(found.beyond, state["row"] + 1, np.where(known, 0, state["row"]))
        self._keep(state, values, known & (~found.beyond | (state["row"] > self.patience)))
        return state, Step.of(
            np.where(known, values, np.nan),
            tail=found.tail,
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
