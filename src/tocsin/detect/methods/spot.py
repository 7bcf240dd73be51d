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

from tocsin.detect import peaks
from tocsin.detect.contract import Floats, Now, State, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot(peaks.Peaks):
    """Peaks over a fixed threshold.

    The parameters are those of :class:`tocsin.detect.peaks.Peaks`.
    """

    NAME: ClassVar[str] = "spot"

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        x = np.where(np.isfinite(values), values, np.nan)
        found = peaks.judge(self, state, x)
        return state, Step.of(
            x,
            tail=found.tail,
            lower=found.lower,
            upper=found.upper,
            alarm=found.beyond,
            details={"scale": found.scale, "shape": found.shape},
        )


DETECTOR = Spot
