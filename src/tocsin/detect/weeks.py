"""With which weeks a count is compared: settings that methods for counts share.

:class:`ReferenceWeeks` is what both Farrington methods are told of their baseline, :class:`RecentWeeks` what
``bayes`` and ``rki`` are. The arithmetic of periods is in :mod:`tocsin.detect.baseline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import baseline, calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.expectation import POWERS
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceWeeks:
    """The weeks around today's in each of the last years, and what else both Farrington methods are told.

    Parameters
    ----------
    freq : int
        Periods a year: 52 or 12.
    dates : bool
        Whether the reference of an earlier year is the same date, moved to the nearest same weekday for
        weeks; else the period ``freq`` before.
    b : int
        Years back.
    w : int
        Half a window, in periods.
    reweight : bool
        Whether past outbreaks are weighted down.
    weights_threshold : float
        Anscombe residual above which they are.
    trend : bool
        Whether a trend is tried.
    powertrans : str
        Scale of a bound by the normal distribution: ``2/3``, ``1/2`` or ``none``.
    alpha : float
        Level of the bound.
    limit54 : tuple of int
        Cases, and last periods in which as many are needed for a bound.
    calibrate : bool
        Whether the tail is calibrated on the past; else it is the nominal one.
    compatible : str
        Empty, or ``surveillance-1.20``.
    """

    NAME: ClassVar[str]

    freq: int = 52
    dates: bool = True
    b: int
    w: int = 3
    reweight: bool = True
    weights_threshold: float
    trend: bool = True
    powertrans: str = "2/3"
    alpha: float
    limit54: tuple[int, int] = (5, 4)
    calibrate: bool = True
    compatible: str = ""

    def __post_init__(self) -> None:
        one_of(self.NAME, "freq", self.freq, (52, 12))
        one_of(self.NAME, "powertrans", self.powertrans, tuple(POWERS))
        positive(self.NAME, "weights_threshold", self.weights_threshold)
        baseline.check_recent(self.NAME, self.freq, self.b, self.w, False)
        baseline.share(self.NAME, "alpha", self.alpha)
        one_of(self.NAME, "compatible", self.compatible, ("", baseline.COMPATIBLE))
        if np.shape(self.limit54) != (2,):
            allowed = "two numbers: cases, and periods in which they are counted"
            raise ConfigError(self.NAME, "limit54", self.limit54, allowed)
        baseline.whole(self.NAME, "limit54", self.limit54[0], 0)
        baseline.whole(self.NAME, "limit54", self.limit54[1], 1)

    @property
    def tries_trend(self) -> bool:
        """Whether a trend is tried: it needs three years."""
        return self.trend and self.b >= 3

    def begin(self, n: int, *, population: bool = False) -> State:
        """State before the first value: as many past periods as the baseline and ``limit54`` need."""
        length = baseline.reach(freq=self.freq, b=self.b, w=self.w, dates=self.dates)
        kept = baseline.start(max(length, self.limit54[1]), n, population=population)
        return {**kept, "scores": calibration.start(1)}

    def compared(
        self, state: State, now: Now, *, no_periods: int, left_out: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Periods back of the baseline and their levels (:func:`tocsin.detect.baseline.windows`).

        None while the history is too short.
        """
        references = baseline.references(state, now, freq=self.freq, b=self.b, dates=self.dates)
        seen = int(state["seen"][0])
        # As in R a window may begin one period before the series does, no earlier.
        if references is None or references[-1] + self.w > seen + 1:
            return None
        back, level = baseline.windows(references, self.w, no_periods, left_out)
        return back[back <= seen], level[back <= seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentWeeks:
    """The same weeks of the last years and, if asked for, the weeks just before.

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
    calibrate : bool
        Whether the tail is calibrated on the past; else it is the nominal one.
    """

    NAME: ClassVar[str]

    freq: int = 52
    b: int = 2
    w: int
    own: bool
    calibrate: bool = True

    def __post_init__(self) -> None:
        baseline.check_recent(self.NAME, self.freq, self.b, self.w, self.own)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {**ring.start(self.b * self.freq + self.w, n), "scores": calibration.start(1)}

    def compared(self, state: State) -> Floats:
        """Counts of the baseline, shape (k, n); all unknown while the history is too short."""
        return baseline.complete(state, baseline.recent(freq=self.freq, b=self.b, w=self.w, own=self.own))

    def said(self, state: State, values: Floats, *, expected: Floats, upper: Floats, nominal: Floats) -> Step:
        """What is said of the newest counts, which are then kept; a count above ``upper`` alarms."""
        count = baseline.counts(values)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        ring.push(state, count)
        with np.errstate(invalid="ignore"):
            alarm = count > upper
        return Step.of(
            values, tail=tail, expected=expected, upper=upper, alarm=alarm, details={"pvalue": nominal}
        )
