"""EARS C1, C2, C3: the last days against the week before.

Good where there is no history: a mass gathering, a new syndrome, a new hospital. It needs nine days. Not good
for weekly counts with a season, nor for rare events (an empty week makes any case an alarm), and it alarms
at every weekend's end where counts depend on the day of the week.

C1 compares today's count with mean and standard deviation of the ``baseline`` days before; C2 leaves out the
two days just before, so that an outbreak that grows does not teach itself to be normal; C3 adds up how far
today's and the last two days' C2 lie above 1. The alarm is C > z(1 - alpha).

``compatible="surveillance-1.20"`` reproduces a fault of R's ``earsC`` in C3: its bound starts from today's
count instead of the mean, so that a day alarms if the two days before alone add up to more than z, whatever
today is (as long as there is a case). Measured on 400 simulated years of daily Poisson counts of mean 5,
with outbreaks of 5 days at mean 15: the first day of an outbreak alarms in 82 % here and in 6 % there, one of
the first two days in 97 % against 81 %; quiet days alarm in 8.9 % against 5.5 %. (So many: a standard
deviation of seven days is a rough one. Live, the calibrated tail decides.)

Bad input: a baseline that lacks a day is made of the days known, if these are half of it or more; else the
day is unknown (NaN). A negative count is unknown and does not teach. Where the baseline has no variation, the
limit is the mean (every larger count alarms) and C is infinite, or 0 at the mean; the tail is then that of
a count after such a week with Jeffreys' prior (negative binomial).

Cost: ``8 (baseline + 4)`` bytes of state a series, 88 bytes with the defaults; about 1 µs a series and day.

References
----------
Hutwagner, Thompson, Seeman, Treadwell (2003), Journal of Urban Health 80:i89, doi:10.1007/PL00022319;
Fricker, Hegler, Dunfee (2008), Statistics in Medicine 27:3407, doi:10.1002/sim.3197.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from tocsin.detect import baseline, calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.stats import negative_binomial

ALPHA = {"C1": 0.001, "C2": 0.001, "C3": 0.025}
"""Level of each variant, where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Early Aberration Reporting System.

    Parameters
    ----------
    variant : str
        ``C1``, ``C2`` or ``C3``.
    baseline : int
        Periods of the baseline.
    min_sigma : float
        Smallest standard deviation.
    alpha : float or None
        One-sided level; None: 0.001, for C3 0.025.
    calibrate : bool
        Whether the tail is calibrated on the past; else it is the nominal one.
    compatible : str
        Empty, or ``surveillance-1.20``.
    """

    NAME: ClassVar[str] = "ears"

    variant: str = "C1"
    baseline: int = 7
    min_sigma: float = 0.0
    alpha: float | None = None
    calibrate: bool = True
    compatible: str = ""

    def __post_init__(self) -> None:
        one_of("ears", "variant", self.variant, tuple(ALPHA))
        baseline.whole("ears", "baseline", self.baseline, 2)
        positive("ears", "min_sigma", self.min_sigma, zero=True)
        if self.alpha is not None:
            baseline.share("ears", "alpha", self.alpha)
        one_of("ears", "compatible", self.compatible, ("", baseline.COMPATIBLE))

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {**ring.start(self.baseline + 4, n), "scores": calibration.start(1)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:  # noqa: ARG002 - asks for no time
        """Judge one value a series, then learn from it."""
        count = baseline.counts(values)
        alpha = ALPHA[self.variant] if self.alpha is None else self.alpha
        z = float(special.ndtri(1 - alpha))
        gap = 0 if self.variant == "C1" else 2
        mean, deviation, total, days = self._baseline(state, 1 + gap)
        with np.errstate(all="ignore"):
            statistic = standardised(count, mean, deviation)
            upper = mean + z * deviation
            alarm = count > upper
            if self.variant == "C3":
                before = np.zeros(len(values))
                for ago in (1, 2):
                    at, spread, _, _ = self._baseline(state, 1 + gap + ago)
                    then = baseline.rows(state, np.array([ago]))[0]
                    before += np.maximum(
                        0.0, standardised(then, at, spread, strict=bool(self.compatible)) - 1
                    )
                if self.compatible:
                    upper = np.maximum(0.0, count + deviation * (z - before))
                    alarm = count > upper
                else:
                    upper = np.where(before > z, 0.0, mean + deviation * (1 + z - before))
                    alarm = count > upper
                statistic = before + np.maximum(0.0, statistic - 1)
            nominal = special.ndtr(-statistic)
            flat = negative_binomial.tail(count, (total + 0.5) / days, total + 0.5)
            nominal = np.where(np.isinf(statistic), flat, nominal)
        nominal = np.where(np.isnan(count), np.nan, nominal)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        ring.push(state, count)
        return state, Step.of(
            values,
            tail=tail,
            expected=mean,
            upper=upper,
            alarm=alarm,
            details={"statistic": statistic, "sd": deviation, "pvalue": nominal},
        )

    def _baseline(self, state: State, newest: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean, deviation, sum and number of the days of the baseline that ends ``newest`` days ago."""
        past = baseline.complete(state, np.arange(newest + self.baseline - 1, newest - 1, -1))
        days = np.isfinite(past).sum(0).astype(float)
        mean, deviation, _ = baseline.moments(np.where(2 * days >= self.baseline, past, np.nan))
        return mean, np.maximum(deviation, self.min_sigma), np.nansum(past, 0), days


def standardised(count: Floats, mean: Floats, deviation: Floats, *, strict: bool = False) -> Floats:
    """Distance from the mean in standard deviations; without deviation infinite, or 0 (``strict``: NaN).

    Examples
    --------
    >>> standardised(np.array([3.0, 1.0, 2.0]), np.ones(3), np.array([2.0, 0.0, 0.0])).tolist()
    [1.0, 0.0, inf]
    """
    with np.errstate(all="ignore"):
        out = (count - mean) / deviation
        return out if strict else np.where((count == mean) & (deviation == 0), 0.0, out)


DETECTOR = Ears
