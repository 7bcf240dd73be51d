"""SPOT: peaks over a threshold in a stream, by extreme-value theory.

Good for "how rare is a value as large as this?" of a steady quantity without assuming its distribution:
limits that are passed once in ten thousand values and more. Not good where level or spread drift (``dspot``),
nor for lasting small shifts: each value is judged by itself.

The first ``phase1`` known values give a threshold, their quantile ``level``. What goes beyond it is fitted by
a generalised Pareto distribution (maximum likelihood over all shapes, :mod:`tocsin.stats.extremes`); each new
peak teaches, and the fit is made again. The tail of a value above the threshold is the share of peaks times
the fitted tail; below it, the share of the first values. The method's own rule is a value beyond the limit
that is passed with chance ``risk``; such a value does not teach. With fewer than ten peaks the excesses are
taken as exponential, and so they are where the fit has an end: a quarter or more of all fits to samples of
this size has one too near, and gives what lies beyond it no chance at all (``lightest``). Since alarms do not
teach, the limit of a quantity with a very heavy tail comes out too low unless ``risk`` is rarer than anything
in the training phase.

Missing values are left out. A constant series has tail 1; the first value above it, one over the number of
values.

Cost: 8 (``phase1`` + ``most``) bytes a series and side; a fit costs some hundred operations a peak.

References
----------
Siffer, Fouque, Termier, Largouët (2017), Proceedings of the 23rd ACM SIGKDD Conference, 1067,
doi:10.1145/3097983.3098144;
Pickands (1975), Annals of Statistics 3:119, doi:10.1214/aos/1176343003;
Grimshaw (1993), Technometrics 35:185, doi:10.1080/00401706.1993.10485040.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration, peaks
from tocsin.detect.contract import Floats, Now, State, Step, one_of
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Peaks over a fixed threshold.

    Parameters
    ----------
    risk : float
        Chance of a value beyond the limit in normal times, below ``1 - level``.
    level : float
        Quantile of the first values that is the threshold.
    phase1 : int
        Known values that teach the threshold; none is judged.
    most : int
        Peaks kept.
    lightest : float
        Least shape that is believed, -0.5 to 0.5: at 0 or more no tail has an end.
    side : str
        ``low``, ``high`` or ``both`` (two fits).
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "spot"

    risk: float = 1e-4
    level: float = 0.95
    phase1: int = 300
    most: int = 200
    lightest: float = 0.0
    side: str = "high"
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("spot", "side", self.side, tuple(peaks.sides))
        if not 0 < self.level < 1:
            raise ConfigError("spot", "level", self.level, "a probability between 0 and 1")
        if not 0 < self.risk < 1 - self.level:
            raise ConfigError("spot", "risk", self.risk, "above 0, below 1 - level")
        if not -0.5 <= self.lightest <= 0.5:
            raise ConfigError("spot", "lightest", self.lightest, "a shape from -0.5 to 0.5")
        for name, least in (("phase1", 10), ("most", 10)):
            if getattr(self, name) < least:
                raise ConfigError("spot", name, getattr(self, name), f"at least {least}")

    @property
    def _peaks(self) -> peaks.Peaks:
        return peaks.Peaks(
            risk=self.risk, level=self.level, phase1=self.phase1, most=self.most, lightest=self.lightest
        )

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return self._peaks.start(n * len(peaks.sides[self.side])) | {"scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        x = np.where(np.isfinite(values), values, np.nan)
        found = peaks.judge(self._peaks, state, x, self.side)
        tail = calibration.tail_of(state["scores"], found.tail) if self.calibrate else found.tail
        return state, Step.of(
            x,
            tail=tail,
            lower=found.lower,
            upper=found.upper,
            alarm=found.beyond,
            details={"scale": found.scale, "shape": found.shape},
        )


DETECTOR = Spot
