"""Bayes: a count against a handful of comparable weeks, by its predictive distribution.

Good for small counts with a short history: it needs no fit, works from a few weeks on, and an empty past is
no trouble to it. Not good where there is a trend over the years, or overdispersion: the weeks are taken as
Poisson draws with one common mean, so that clustered diseases alarm too often.

The baseline is the ``w`` weeks before (if ``own``) and, of each of the last ``b`` years, the weeks within
``w`` of the same week. With Jeffreys' prior the count to come is negative binomial, size = sum + 1/2 and
mean = size over the number of weeks; the bound is its 1 - ``alpha`` quantile and a larger count alarms. The
three classical settings are ``b=0, w=6``; ``b=1, w=6``; ``b=2, w=4, own=False``.

Bad input: weeks of the baseline that are missing, or have a negative count, are left out; with none left,
the week is unknown (NaN). A negative count itself is unknown and does not teach. Nothing is judged before
the whole baseline lies within the series. Weeks are counted, not dated: after a week 53 the reference is a
week off, which a window of ``w`` weeks takes in.

Cost: ``8 (52 b + w)`` bytes of state a series (48 bytes with ``b=0``); about 1 µs a series and week.

References
----------
Riebler (2004), Empirischer Vergleich von statistischen Methoden zur Ausbruchserkennung bei Surveillance
Daten, University of Munich; Höhle (2007), Computational Statistics 22:571, doi:10.1007/s00180-007-0074-8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import baseline
from tocsin.detect.contract import Floats, Now, State, Step
from tocsin.detect.weeks import RecentWeeks
from tocsin.stats import negative_binomial


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayes(RecentWeeks):
    """Predictive distribution of a count from comparable weeks.

    The other parameters are those of :class:`tocsin.detect.weeks.RecentWeeks`.

    Parameters
    ----------
    alpha : float
        Probability of a count above the bound.
    """

    NAME: ClassVar[str] = "bayes"

    w: int = 6
    own: bool = True
    alpha: float = 0.05

    def __post_init__(self) -> None:
        RecentWeeks.__post_init__(self)
        baseline.share(self.NAME, "alpha", self.alpha)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:  # noqa: ARG002 - asks for no time
        """Judge one value a series, then learn from it."""
        past = self.compared(state)
        periods = np.isfinite(past).sum(0)
        with np.errstate(all="ignore"):
            size = np.where(periods > 0, np.nansum(past, 0) + 0.5, np.nan)
            mean = size / periods
        upper = negative_binomial.quantile(1 - self.alpha, mean, size)
        nominal = negative_binomial.tail(baseline.counts(values), mean, size)
        return state, self.said(state, values, expected=mean, upper=upper, nominal=nominal)


DETECTOR = Bayes
