"""CDC: the sum of four weeks against the same four weeks, and their neighbours, of five years.

Good for slow changes in weekly counts of some size, and for a figure that is printed beside its history. Not
good for a fast outbreak: three of the four weeks of its sum lie in the past, so it answers late; nor for rare
diseases, whose sums are far from normal.

The statistic is the sum of the last four weeks. Its baseline are the sums that end ``freq`` i - 4 k weeks
earlier, i = 1 … ``b`` and k = -``m`` … ``m``. The bound is their mean and z(1 - alpha/2) times their standard
deviation times sqrt(1 + 1/n), n being their number.

``expected`` and ``upper`` are those of the newest week, in the unit of its count: a quarter of the mean, and
what the three weeks before it leave of the bound, so that the alarm is a count above ``upper``. After three
high weeks that may be less than 0: then any count alarms. The sum, its mean and its bound are the details
``aggr4``, ``expected4`` and ``upperbound``; a finding names the four weeks and the sum.

Bad input: a sum with a missing or negative week is unknown (NaN); if it is the present one, so is the tail;
if it is one of the baseline, it is left out, and with fewer than two left the week is unknown. A baseline
without any variation gives the tail 1 up to its mean and is unknown beyond (the alarm is still given).
Nothing is judged before the whole baseline lies within the series.

Cost: ``8 (52 b + 4 m + 4)`` bytes of state a series, 2.1 kB with the defaults; about 1 µs a series and week.

References
----------
Stroup, Williamson, Herndon, Karon (1989), Statistics in Medicine 8:323, doi:10.1002/sim.4780080312;
Farrington, Andrews (2003), Outbreak detection, in: Brookmeyer, Stroup, Monitoring the Health of Populations,
doi:10.1093/acprof:oso/9780195146493.003.0008.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy import special

from tocsin.detect import baseline, calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdc:
    """Four-week sums against earlier years.

    Parameters
    ----------
    freq : int
        Periods a year.
    b : int
        Years back.
    m : int
        Sums on either side of the same four weeks.
    alpha : float
        Two-sided level of the bound.
    calibrate : bool
        Whether the tail is calibrated on the past; else it is the nominal one.
    """

    NAME: ClassVar[str] = "cdc"

    freq: int = 52
    b: int = 5
    m: int = 1
    alpha: float = 0.05
    calibrate: bool = True

    def __post_init__(self) -> None:
        baseline.whole("cdc", "m", self.m, 0)
        baseline.check_recent("cdc", self.freq, self.b, 4 * self.m + 3, False)
        baseline.share("cdc", "alpha", self.alpha)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {**ring.start(self.b * self.freq + 4 * self.m + 3, n), "scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:  # noqa: ARG002 - asks for no time
        """Judge one value a series, then learn from it."""
        count = baseline.counts(values)
        ends = np.array(
            [i * self.freq - 4 * k for i in range(self.b, 0, -1) for k in range(-self.m, self.m + 1)],
            np.int64,
        )
        four = (ends[:, None] + np.arange(3, -1, -1)).ravel()
        sums = baseline.complete(state, four).reshape(len(ends), 4, len(values)).sum(1)
        before = baseline.rows(state, np.arange(3, 0, -1)).sum(0)
        now_sum = before + count
        mean, deviation, n = baseline.moments(sums)
        with np.errstate(all="ignore"):
            spread = deviation * np.sqrt(1 + 1 / n)
            upper = mean + float(special.ndtri(1 - self.alpha / 2)) * spread
            level = np.where(now_sum <= mean, 1.0, np.nan)
            nominal = np.where(spread > 0, special.ndtr((mean - now_sum) / spread), level)
            alarm = now_sum > upper
        nominal = np.where(np.isnan(spread + count), np.nan, nominal)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        ring.push(state, count)
        said = Step.of(
            values,
            tail=tail,
            expected=mean / 4,
            upper=upper - before,
            alarm=alarm,
            details={"aggr4": now_sum, "expected4": mean, "upperbound": upper, "pvalue": nominal},
        )
        four_weeks = np.full(len(values), 4, np.int16)
        return state, replace(said, window=four_weeks, total=now_sum, total_expected=mean)


DETECTOR = Cdc
