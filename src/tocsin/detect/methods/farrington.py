"""Farrington 1996: counts against the same weeks of earlier years.

Good for weekly or monthly counts with three to five years of history and a season, when a figure must be
comparable with earlier years' reports of agencies that use it. Not good for new surveillance: its flexible
successor (``farrington_flexible``) uses all weeks of the past and gives fewer false alarms.

The weeks within ``w`` of today's in each of the last ``b`` years are the baseline. A quasi-Poisson
regression with an optional trend gives the expected count; baseline weeks with a large Anscombe residual
(past outbreaks) are weighted down and the fit is repeated. The bound is the upper limit of a two-sided
prediction interval on a scale where counts are nearly symmetric (power 2/3). The trend stays if it is
significant at 0.05, if ``b`` is at least 3 and if it does not lead beyond the largest count of the
baseline. With fewer than five cases in the last four weeks there is no bound and no alarm; the tail is
still given.

Bad input: a negative count, or one of a week without history, is unknown (NaN) and does not teach; so is
everything until ``b`` years are there. Where the season was always empty in the baseline, a regression has
nothing to say: then the tail is that of counts with Jeffreys' prior (expected: half a case in all those
weeks). A week 53 does no harm with ``dates``. Duplicate times are refused before there is a panel.

``compatible="surveillance-1.20"`` differs in what stands where there is nothing: R's ``algo.farrington``
writes a bound of 0 where cases are too few (here: none), and has no rule for empty seasons.

Cost: ``8 (52 b + w)`` bytes of state a series, 1.3 kB with the defaults (weekly, three years); about 25 µs
a series and week.

References
----------
Farrington, Andrews, Beale, Catchpole (1996), Journal of the Royal Statistical Society A 159:547,
doi:10.2307/2983331.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from tocsin.detect import baseline, calibration
from tocsin.detect.contract import Floats, Now, State, Step
from tocsin.detect.expectation import Bound, Expectation, Rules, empty_season, expect
from tocsin.detect.weeks import ReferenceWeeks
from tocsin.stats import glm


@dataclass(frozen=True, slots=True, kw_only=True)
class Farrington(ReferenceWeeks):
    """Quasi-Poisson regression on the same weeks of earlier years.

    The other parameters are those of :class:`tocsin.detect.weeks.ReferenceWeeks`.

    Parameters
    ----------
    alpha : float
        Two-sided level: the bound is the 1 - ``alpha`` / 2 quantile.
    """

    NAME: ClassVar[str] = "farrington"

    b: int = 3
    weights_threshold: float = 1.0
    alpha: float = 0.05

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return self.begin(n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        found = self._expected(state, len(values), now)
        count = baseline.counts(values)
        few = baseline.few(state, count, self.limit54)
        z = float(special.ndtri(1 - self.alpha / 2))
        with np.errstate(all="ignore"):
            bound = Bound.of(found, self.powertrans)
            mean, upper, p = found.mean, bound.upper(z), special.ndtr(-bound.z(count))
            if not self.compatible:
                mean, upper, p = empty_season(found, count, mean, upper, p, 1 - self.alpha / 2)
            below = 1 - p
            score = np.where(
                upper > mean, (count - mean) / (upper - mean), np.where(count > upper, np.inf, 0.0)
            )
            alarm = (count > upper) & ~few
        p = np.where(np.isnan(count), np.nan, p)
        tail = calibration.tail_of(state["scores"], p) if self.calibrate else p
        baseline.push(state, values, now)
        known = np.isfinite(mean)
        blank = np.where(known & (self.compatible != ""), 0.0, np.nan)
        return state, Step.of(
            values,
            tail=tail,
            expected=mean,
            upper=np.where(few, blank, upper),
            alarm=alarm,
            details={
                "score": np.where(few, blank, np.where(np.isnan(count), np.nan, score)),
                "prob_below": np.where(np.isnan(count), np.nan, below),
                "phi": found.phi,
                "trend_used": found.trend_used,
            },
        )

    def _expected(self, state: State, n: int, now: Now) -> Expectation:
        weeks = self.compared(state, now, no_periods=1, left_out=self.w)
        if weeks is None:
            return Expectation.unknown(n)
        back, level = weeks
        return expect(
            baseline.rows(state, back),
            glm.Design(level=level, time=-back.astype(float)),
            Rules(
                trend=self.tries_trend,
                p_trend=0.05,
                reweight=self.reweight,
                weights_threshold=self.weights_threshold,
                dispersion="phi",
            ),
            level=0,
            time=np.zeros(n),
        )


DETECTOR = Farrington
