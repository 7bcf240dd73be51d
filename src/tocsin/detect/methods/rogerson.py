"""Rogerson's CUSUM of Poisson counts with a mean that changes in time.

Good for counts with a known season: each period has its own expectation, and so its own reference value and
limit, such that the false alarms come at the same rate in all of them. Not good without a trustworthy
expectation, which has to come from outside (``expected``), nor for counts that spread more than Poisson ones:
then it alarms far more often than ``arl0`` says.

What is carried is S as a share of its limit: a period with expectation m adds ``(y - k(m)) / h(m)``, and the
chart alarms at 1. The reference value is the one for a shift of ``s`` standard deviations; the limit is the
one that has the wanted run length, computed once for a table of means (:mod:`tocsin.stats.run_length`) and
interpolated, in units of the standard deviation. Or both are given as a table; then the nearest mean is used.

The nominal tail is ``exp(-5 S)``, with S as a share of the limit; it is calibrated on the past.

Cost: 8 bytes a series; a few operations a step.

References
----------
Rogerson, Yamada (2004), Statistics in Medicine 23:2195, doi:10.1002/sim.1806;
Rogerson (2006), MMWR 53 (Suppl):79.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError
from tocsin.stats import run_length

MEANS = (0.1, 0.2, 0.35, 0.6, 1.0, 1.5, 2.2, 3.2, 4.7, 6.8, 10.0, 15.0, 22.0, 32.0, 47.0)
"""Means of the table that is made when none is given; beyond them the last limit is scaled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rogerson:
    """CUSUM of counts, scaled by the limit of each period.

    Parameters
    ----------
    arl0 : float
        Periods between false alarms.
    s : float
        Shift to be found, in standard deviations.
    means : tuple of float
        Means of the table of reference values and limits.
    k, h : tuple of float
        The table, one entry a mean; both empty to compute it.
    digits : int
        Decimals of the table, when it is computed.
    fir : bool
        Start at half the limit, also after an alarm (fast initial response).
    reset : bool
        Start at zero after an alarm.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "rogerson"
    GIVEN: ClassVar[tuple[str, ...]] = ("expected",)

    arl0: float = 200.0
    s: float = 1.0
    means: tuple[float, ...] = MEANS
    k: tuple[float, ...] = ()
    h: tuple[float, ...] = ()
    digits: int = 1
    fir: bool = False
    reset: bool = False
    calibrate: bool = True

    def __post_init__(self) -> None:
        positive("rogerson", "s", self.s)
        one_of("rogerson", "digits", self.digits, (0, 1, 2))
        if not self.arl0 > 2:
            raise ConfigError("rogerson", "arl0", self.arl0, "a run length above 2")
        if not self.means or min(self.means) <= 0:
            raise ConfigError("rogerson", "means", self.means, "means above 0")
        for name in ("k", "h"):
            table = getattr(self, name)
            if len(table) not in ({0} if not (self.k or self.h) else {len(self.means)}):
                raise ConfigError("rogerson", name, table, f"one number for each of {len(self.means)} means")
        if self.h and min(self.h) <= 0:
            raise ConfigError("rogerson", "h", self.h, "limits above 0")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        means = np.array(self.means, dtype=float)
        if self.k:
            k, h = np.array(self.k, dtype=float), np.array(self.h, dtype=float)
        else:
            one = [run_length.poisson_cusum_reference(m, self.s, digits=self.digits) for m in means]
            k = np.array(one)
            h = np.array(
                [
                    run_length.poisson_cusum_limit(
                        a, self.arl0, float(m), digits=self.digits, head_start=self.fir
                    )
                    for a, m in zip(one, means, strict=True)
                ]
            )
        order = np.argsort(means)
        return {
            "table": np.stack([means, k, h])[:, order],
            "sum": np.full(n, 0.5 if self.fir else 0.0),
            "begun": np.zeros(n, np.bool_),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count a series."""
        with np.errstate(invalid="ignore"):
            counts = np.where(values >= 0, values, np.nan)
            expected = np.where(now.of("expected") > 0, now.of("expected"), np.nan)
        known = np.isfinite(counts + expected)
        k, h = self._design(state["table"], np.where(known, expected, 1.0))
        before = state["sum"]
        total = np.where(known, np.maximum(0.0, before + (np.nan_to_num(counts) - k) / h), before)
        alarm = known & (total >= 1 - 1e-12)  # sums of tenths reach 1 up to rounding
        # A whole number that rounding has lifted a hair must not become the next one.
        needed = np.maximum(np.ceil((1 - before) * h + k - 1e-9), 0.0)
        nominal = np.where(known, np.exp(-5 * total), np.nan)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        if self.fir or self.reset:
            total = np.where(alarm, 0.5 if self.fir else 0.0, total)
        state["sum"] = total
        details = {
            "statistic": np.where(known, np.where(alarm, np.maximum(total, 1.0), total), np.nan),
            "count_needed": np.where(known, needed, np.nan),
        }
        return state, Step.of(counts, tail=tail, expected=expected, alarm=alarm, details=details)

    def _design(self, table: Floats, mean: Floats) -> tuple[Floats, Floats]:
        """Reference value and limit of each series."""
        means, ks, hs = table
        if self.k:
            middle = (means[1:] + means[:-1]) / 2
            row = np.searchsorted(middle, mean)
            return ks[row], hs[row]
        sd = np.sqrt(mean)
        out = mean + self.s * sd
        return (out - mean) / np.log(out / mean), sd * np.interp(
            np.log(mean), np.log(means), hs / np.sqrt(means)
        )


DETECTOR = Rogerson
