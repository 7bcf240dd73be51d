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

from tocsin.detect import baseline, calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step
from tocsin.stats import negative_binomial


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayes:
    """Predictive distribution of a count from comparable weeks.

    Parameters
    ----------
    freq : int
        Periods a year.
    b : int
        Years back.
    w : int
        Half a window, and the number of periods just before.
    own : bool
        Whether the ``w`` periods just before belong to the baseline.
    alpha : float
        Probability of a count above the bound.
    calibrate : bool
        Whether the tail is calibrated on the past; else it is the nominal one.
    """

    NAME: ClassVar[str] = "bayes"

    freq: int = 52
    b: int = 2
    w: int = 6
    own: bool = True
    alpha: float = 0.05
    calibrate: bool = True

    def __post_init__(self) -> None:
        baseline.check_recent("bayes", self.freq, self.b, self.w, self.own)
        baseline.share("bayes", "alpha", self.alpha)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {**ring.start(self.b * self.freq + self.w, n), "scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:  # noqa: ARG002 - asks for no time
        """Judge one value a series, then learn from it."""
        count = baseline.counts(values)
        past = baseline.complete(state, baseline.recent(freq=self.freq, b=self.b, w=self.w, own=self.own))
        periods = np.isfinite(past).sum(0)
        with np.errstate(all="ignore"):
            size = np.where(periods > 0, np.nansum(past, 0) + 0.5, np.nan)
            mean = size / periods
        upper = negative_binomial.quantile(1 - self.alpha, mean, size)
        nominal = negative_binomial.tail(count, mean, size)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        ring.push(state, count)
        with np.errstate(invalid="ignore"):
            alarm = count > upper
        return state, Step.of(
            values, tail=tail, expected=mean, upper=upper, alarm=alarm, details={"pvalue": nominal}
        )


DETECTOR = Bayes
