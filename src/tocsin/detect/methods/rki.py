"""RKI: the simple limits of the German national institute of public health.

Good as a plain, well-known yardstick for small counts: the limit can be looked up in a table. Not good as
the only method: it knows no trend, its limit for means up to 20 takes the mean rounded down, and the rate of
its false alarms is whatever the two standard deviations give.

The baseline is the ``w`` weeks before (if ``own``) and, of each of the last ``b`` years, the weeks within
``w`` of the same week. Up to a mean of 20 the limit is the upper one of a Poisson count (a table by the mean
rounded down); above, it is the mean and two standard deviations. The classical settings: RKI 1 is
``b=0, w=6``; RKI 2 ``b=1, w=6``; RKI 3 ``b=2, w=4, own=False``.

The tail is that of a Poisson count whose mean is known from the baseline only (negative binomial) up to 20,
and of a normal one with the baseline's mean and standard deviation above.

Bad input: weeks of the baseline that are missing, or have a negative count, are left out; with none left (for
a mean above 20: fewer than two) the week is unknown (NaN). A negative count itself is unknown and does not
teach. Above a mean of 20, a baseline without any variation gives the tail 1 up to the mean, and is unknown
beyond. Nothing is judged before the whole baseline lies within the series.

Cost: ``8 (52 b + w)`` bytes of state a series (48 bytes with ``b=0``); about 1 µs a series and week.

References
----------
Höhle (2007), Computational Statistics 22:571, doi:10.1007/s00180-007-0074-8; the table: the limits that R's
``surveillance`` 1.20.3 uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from tocsin.detect import baseline
from tocsin.detect.contract import Floats, Now, State, Step
from tocsin.detect.weeks import RecentWeeks
from tocsin.stats import negative_binomial

LIMITS = np.array(
    [3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633, 19.05, 20.335, 21.364,
     22.945, 23.762, 25.4, 26.306, 27.735, 28.966, 30.017]
)  # fmt: skip
"""Upper limit of a Poisson count with mean 0, 1, … 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rki(RecentWeeks):
    """Limits from a table, or two standard deviations above the mean.

    The parameters are those of :class:`tocsin.detect.weeks.RecentWeeks`.
    """

    NAME: ClassVar[str] = "rki"

    w: int = 4
    own: bool = False

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:  # noqa: ARG002 - asks for no time
        """Judge one value a series, then learn from it."""
        count = baseline.counts(values)
        mean, deviation, periods = baseline.moments(self.compared(state))
        with np.errstate(all="ignore"):
            small = mean <= 20
            limit = LIMITS[np.where(small, mean, 0).astype(np.int64)]
            upper = np.where(small, limit, mean + 2 * deviation)
            size = mean * periods + 0.5
            poisson = negative_binomial.tail(count, size / periods, size)
            level = np.where((count <= mean) & (deviation == 0), 1.0, np.nan)
            normal = np.where(deviation > 0, special.ndtr((mean - count) / deviation), level)
            nominal = np.where(small, poisson, normal)
        return state, self.said(state, values, expected=mean, upper=upper, nominal=nominal)


DETECTOR = Rki
