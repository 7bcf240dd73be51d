"""A value less the mean, in standard deviations, both learnt from the series itself.

What ``page_hinkley`` and ``shiryaev_roberts`` share: a value counts and teaches only up to ``clip`` standard
deviations, and none counts before ``least`` values are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, State, Step, one_of, positive

BAND = 3.0
"""Standard deviations to either side of the mean that are shown as normal."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """One new value a series, against what its past taught.

    Parameters
    ----------
    known, first, sure : ndarray of bool, shape (n,)
        Whether there is a value; whether it is the first one, which is its own mean; whether enough values
        came before it.
    mean, deviation : ndarray of float64, shape (n,)
        Before the value, in its unit.
    z : ndarray of float64, shape (n,)
        Distance from the mean in standard deviations, at most ``clip``; 0 where there is no value.
    taught : ndarray of float64, shape (n,)
        Distance from the mean as far as it teaches, in the unit of the value.
    """

    known: Mask
    first: Mask
    sure: Mask
    mean: Floats
    deviation: Floats
    z: Floats
    taught: Floats

    @property
    def counts(self) -> Mask:
        """Which values are judged."""
        return self.known & self.sure

    def variance(self, before: Floats, gain: Floats) -> Floats:
        """Variance after the value, which weighs ``gain``."""
        return (1 - gain) * (before + gain * self.taught * self.taught)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualChart:
    """A chart of residuals: what it is told of them, and what it says.

    Parameters
    ----------
    side : str
        ``low``, ``high`` or ``both``.
    clip : float
        Deviations up to which a value counts and teaches.
    least : int
        Values that a series needs before it is judged.
    floor : float
        Smallest standard deviation, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str]

    side: str = "both"
    clip: float
    least: int = 30
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of(self.NAME, "side", self.side, ("low", "high", "both"))
        for name in ("clip", "least", "floor"):
            positive(self.NAME, name, getattr(self, name))

    def residual(self, state: State, values: Floats, *, seen: Floats, fresh: Mask) -> Residual:
        """Standardise one new value a series by the ``mean`` and ``variance`` of the state.

        Parameters
        ----------
        state : dict of ndarray
            Not changed.
        values, seen : ndarray of float64, shape (n,)
            The values, NaN where missing; the number of values that taught.
        fresh : ndarray of bool, shape (n,)
            Which means have learnt nothing yet.
        """
        known = np.isfinite(values)
        first: Mask = known & fresh
        mean = np.where(first, np.where(known, values, 0.0), state["mean"])
        deviation: Floats = np.maximum(np.sqrt(state["variance"]), self.floor)
        error = np.where(known, values, mean) - mean
        sure: Mask = seen >= self.least
        z: Floats = np.clip(error / deviation, -self.clip, self.clip)
        return Residual(
            known=known,
            first=first,
            sure=sure,
            mean=mean,
            deviation=deviation,
            z=z,
            taught=np.where(sure, z * deviation, error),
        )

    def said(
        self, state: State, values: Floats, one: Residual, statistic: Floats, nominal: Floats, alarm: Mask
    ) -> Step:
        """What the chart says of the values, with a band for them."""
        band = BAND * one.deviation
        return Step.of(
            values,
            tail=calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal,
            expected=np.where(one.sure, one.mean, np.nan),
            lower=np.where(one.sure, one.mean - band, np.nan),
            upper=np.where(one.sure, one.mean + band, np.nan),
            alarm=alarm,
            details={"statistic": statistic},
        )
