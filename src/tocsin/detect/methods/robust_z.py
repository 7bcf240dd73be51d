"""Robust z: distance from the median in median absolute deviations, by season.

Good for quantities of any scale with outliers and a weekly or yearly rhythm: half the past may be wrong
without harm. Not good for small counts with many equal values (the deviation is then often 0), nor for slow
small shifts, which the median follows.

For each season the last ``length`` known values are kept. The score of a new value is its distance from their
median over 1.4826 median absolute deviations; where that is 0, over 1.2533 mean absolute deviations, and
never over less than ``floor``. The chart's own rule is a score beyond ``limit``. The nominal tail is that of
a Student t with as many degrees of freedom as half the values kept (the efficiency of the deviation is about
that low), calibrated on the past.

Missing values are not kept. A constant series has score 0 and tail 1.

Cost: 8 ``length`` bytes a series and season (hour of the week: 168 seasons); a step sorts ``length`` values
of each series.

References
----------
Hampel (1974), Journal of the American Statistical Association 69:383, doi:10.1080/01621459.1974.10482962;
Iglewicz, Hoaglin (1993), How to Detect and Handle Outliers, ASQC Quality Press;
Rousseeuw, Croux (1993), Journal of the American Statistical Association 88:1273,
doi:10.1080/01621459.1993.10476408.
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
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustZ:
    """Median and median absolute deviation of a stretch of the past.

    Parameters
    ----------
    season : str
        ``hour_of_week``, ``month`` or ``none``.
    length : int
        Values kept of each season.
    least : int
        Values of its season that are needed before a value is judged.
    side : str
        ``low``, ``high`` or ``both``.
    limit : float
        Of the score, for the method's own alarm.
    floor : float
        Smallest deviation, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "robust_z"

    season: str = "none"
    length: int = 60
    least: int = 12
    side: str = "both"
    limit: float = 3.5
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("robust_z", "season", self.season, tuple(SEASONS))
        one_of("robust_z", "side", self.side, ("low", "high", "both"))
        for name in ("limit", "floor"):
            positive("robust_z", name, getattr(self, name))
        if self.length < 4:
            raise ConfigError("robust_z", "length", self.length, "at least 4 values")
        if not 3 <= self.least <= self.length:
            raise ConfigError("robust_z", "least", self.least, "from 3 to length")

    @property
    def SEASON(self) -> str:
        """Kind of season."""
        return self.season

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        seasons = SEASONS[self.season]
        return {
            "kept": np.full((seasons, self.length, n), np.nan),
            "count": np.zeros((seasons, n), np.int64),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then keep it."""
        each = np.arange(len(values))
        known = np.isfinite(values)
        past = np.sort(state["kept"][now.season, :, each].T, 0)  # NaN last
        held = np.minimum(state["count"][now.season, each], self.length)
        enough = held >= self.least
        median = _median(past, held)
        away = np.sort(np.abs(past - median), 0)
        deviation = 1.4826 * _median(away, held)
        mean = 1.2533 * np.nansum(away, 0) / np.maximum(held, 1)
        deviation = np.maximum(np.where(deviation > 0, deviation, mean), self.floor)
        judged = known & enough
        score = np.where(judged, (np.where(judged, values, 0.0) - median) / deviation, np.nan)
        freedom = np.maximum(held / 2, 2.0)
        low, high = special.stdtr(freedom, score), special.stdtr(freedom, -score)
        nominal = {"low": low, "high": high, "both": np.minimum(1.0, 2 * np.minimum(low, high))}[self.side]
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        far = {"high": score, "low": -score, "both": np.abs(score)}[self.side]
        self._keep(state, values, now, known)
        band = self.limit * deviation
        return state, Step.of(
            values,
            tail=tail,
            expected=np.where(enough, median, np.nan),
            lower=np.where(enough, median - band, np.nan),
            upper=np.where(enough, median + band, np.nan),
            alarm=judged & (np.nan_to_num(far) > self.limit),
            details={"score": score, "deviation": np.where(enough, deviation, np.nan)},
        )

    def _keep(self, state: State, values: Floats, now: Now, known: NDArray[np.bool_]) -> None:
        column = np.flatnonzero(known)
        season = now.season[column]
        place = state["count"][season, column] % self.length
        state["kept"][season, place, column] = values[column]
        state["count"][season, column] += 1


def _median(ordered: Floats, held: NDArray[np.int64]) -> Floats:
    """Median of the first ``held`` of each column; 0 of none."""
    each = np.arange(ordered.shape[1])
    half = np.maximum(held - 1, 0)
    middle = (ordered[half // 2, each] + ordered[(half + 1) // 2, each]) / 2
    out: Floats = np.where(held > 0, middle, 0.0)
    return out


DETECTOR = RobustZ
