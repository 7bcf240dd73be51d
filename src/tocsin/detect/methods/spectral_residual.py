"""Spectral residual: what stands out from a smoothed spectrum.

Good for finding peaks, dips and breaks of rhythm in long series of any shape without settings (service
metrics, sensors). Not good for slow or lasting shifts, for short series, nor when one must say how unlikely
something is: its score is no probability, and only calibration makes one of it.

Of the last ``length`` values the Fourier transform is taken. The logarithm of its amplitude less its mean
over ``smooth`` neighbouring frequencies is the spectral residual; transformed back with the old phases it
gives the saliency of each value. The score is the saliency of the newest value over the mean of the last
``compare`` ones, less 1. The method's own rule is a score above ``limit``. The nominal tail is that of white
noise, whose saliency is about Rayleigh distributed, ``exp(-pi/4 (1 + score)²)``; calibration keeps its order.

So that the newest value does not stand at the border, ``ahead`` values are added, from the mean slope of
those before it. The paper draws the slope from the newest value; then a peak pulls the added values after
itself and hides: one of eight standard deviations in white noise has a median score of -0.4, here of 7.2. The
program that Microsoft published (anomalydetector) leaves the newest value out as well.

Missing values are carried over from the last known one. A constant series has score -1 and tail 1.

Cost: 8 ``length`` bytes a series; two Fourier transforms of ``length + ahead`` values a step.

References
----------
Ren et al. (2019), Proceedings of the 25th ACM SIGKDD Conference, 3009, doi:10.1145/3292500.3330680;
Hou, Zhang (2007), IEEE Conference on Computer Vision and Pattern Recognition, doi:10.1109/CVPR.2007.383267.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralResidual:
    """Saliency of the newest value.

    Parameters
    ----------
    length : int
        Values looked at.
    smooth : int
        Frequencies over which the log amplitude is averaged.
    compare : int
        Saliencies with which the newest is compared.
    ahead : int
        Values added after the newest.
    limit : float
        Of the score, for the method's own alarm.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "spectral_residual"

    length: int = 128
    smooth: int = 3
    compare: int = 60
    ahead: int = 5
    limit: float = 3.0
    calibrate: bool = True

    def __post_init__(self) -> None:
        positive("spectral_residual", "limit", self.limit)
        for name, least in (("smooth", 1), ("ahead", 1), ("compare", 2)):
            if getattr(self, name) < least:
                raise ConfigError("spectral_residual", name, getattr(self, name), f"at least {least}")
        if self.length < max(self.compare, self.ahead) + 3:
            allowed = "at least 3 more than compare and ahead"
            raise ConfigError("spectral_residual", "length", self.length, allowed)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        state = ring.start(self.length, n)
        return state | {
            "carried": np.full(n, np.nan),
            "count": np.zeros(n, np.int64),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series by those before it and itself."""
        del now  # no season
        known = np.abs(np.where(np.isfinite(values), values, np.inf)) <= 1e150
        state["carried"] = np.where(known, values, state["carried"])
        begun = ~np.isnan(state["carried"])
        ring.push(state, state["carried"])
        state["count"] = state["count"] + begun
        full = state["count"] >= self.length
        judged = known & full
        score = np.full(len(values), np.nan)
        column = np.flatnonzero(judged)
        if len(column):
            score[column] = self._score(ring.rows(state, np.arange(-self.length, 0))[:, column])
        # Of white noise a saliency is about Rayleigh distributed.
        nominal = np.exp(-np.minimum(np.pi / 4 * np.square(1 + score), 690.0))
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        return state, Step.of(
            values,
            tail=tail,
            alarm=judged & (np.nan_to_num(score) > self.limit),
            details={"score": score},
        )

    def _score(self, x: Floats) -> Floats:
        m = self.ahead
        back = np.arange(1, m + 1)[:, None]
        past = x[:-1]  # the newest value must not draw the line to itself
        slope = ((past[-1] - past[-1 - m : -1][::-1]) / back).mean(0)
        added = np.repeat((past[-m] + slope * m)[None, :], m, 0)
        extended = np.concatenate([x, added])
        # Constant but for rounding: nothing stands out.
        size = np.abs(extended).max(0)
        spread = extended.max(0) - extended.min(0)
        flat = spread <= 1e-9 * size
        scaled = (extended - extended.mean(0)) / np.where(flat, 1.0, spread)
        spectrum = np.fft.fft(scaled, axis=0)
        amplitude = np.abs(spectrum)
        # The mean is taken out, and with it the amplitude at frequency 0: it is given that of its neighbour.
        spectrum[0], amplitude[0] = 0, amplitude[1]
        least = np.maximum(1e-6 * amplitude.max(0), 1e-300)
        log = np.log(np.maximum(amplitude, least))
        shifts = [np.roll(log, s, 0) for s in range(-(self.smooth // 2), self.smooth - self.smooth // 2)]
        residual = log - np.mean(shifts, 0)
        phase = spectrum / np.maximum(np.abs(spectrum), least)
        saliency = np.abs(np.fft.ifft(np.exp(residual) * phase, axis=0))[:-m]
        usual = saliency[-self.compare :].mean(0)
        score = np.where(flat, -1.0, saliency[-1] / np.where(usual > 0, usual, 1.0) - 1)
        return np.asarray(score, float)


DETECTOR = SpectralResidual
