"""EWMA with a CUSUM of what is left over, for millions of series at once.

Good for very many steady streams (meters, sensors, tills) in which both a sharp peak and a small lasting
shift matter and where nobody can look after settings one by one. Not good where there is a strong season
(take it out first: ``seasonal_residual``, ``robust_z``), for small counts, nor for values whose changes are
below a ten-millionth of their level (the state is kept in single precision: subtract the level first).

Mean and standard deviation follow each series by exponential weights; at the start all values weigh the same.
The standardised error ``z`` goes into a sum on each side, ``S = max(0, S + z - k)``. Errors beyond ``clip``
deviations add and teach only up to ``clip``, so that one peak is not an alarm for weeks, nor normal soon. As
in a combined Shewhart-CUSUM chart a peak is judged by itself and a shift by the sum: the nominal tail is
``2 min(Q(z), exp(-2k (S + 0.583)))``, twice that on two sides. The chart's own rule is ``S > h``, with ``h``
from the run length asked for, or an error beyond ``peak`` deviations. The normal tail Q is a polynomial that
is right to 3e-7 of itself down to 1e-300; the second is Siegmund's approximation of where a sum of normal
errors stands, right to some percent.

Values beyond 1e30 in size are unknown. A constant series has the tail 1; a first change of it by
more than ``peak`` times ``floor`` alarms.

Cost: 17 bytes of state a series. With numba one pass over the values, at the speed of the memory: some
nanoseconds a value on two cores; with numpy alone some 30 times that. Calibration, band and statistic cost
some 200 ns more; :meth:`EwmaCusum.advance` goes without them and gives nominal tails.

References
----------
Page (1954), Biometrika 41:100, doi:10.1093/biomet/41.1-2.100;
Roberts (1959), Technometrics 1:239, doi:10.1080/00401706.1959.10489860;
Lucas (1982), Journal of Quality Technology 14:51, doi:10.1080/00224065.1982.11978790;
Siegmund (1985), Sequential Analysis, doi:10.1007/978-1-4757-1862-1.
"""

from __future__ import annotations

import functools
import math
import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import calibration, fast
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.fast import each
from tocsin.model import ConfigError
from tocsin.stats import run_length

LARGEST = 1e30
"""Values beyond this do not fit the squares of single precision; they are unknown."""

OVERSHOOT = 0.583
"""Mean excess of a sum of normal errors when it passes a limit (Siegmund)."""

COMPILE_FROM = 10_000
"""Fewer series than this are not worth a compiler."""

BLOCK = 16_384

SIDES = {"high": (1.0, 0.0, 1.0, 0.0), "low": (-1.0, 0.0, 0.0, 1.0), "both": (1.0, -1.0, 1.0, 1.0)}
"""Factors of z (the larger of two) and of the two sums (the larger)."""

# Q(x) = exp(-x²/2) t P(t) with t = C / (C + x), P fitted for the smallest largest relative error on 0 to 40;
# a test fits it again.
C = 2.75
P0, P1, P2, P3, P4, P5, P6, P7, P8 = (
    0.145069045581, 0.145110629495, 0.125161725402, 0.0940908653172, 0.00380156434934,
    0.0942168469823, -0.21644200983, 0.14019280902, -0.0312015265664,
)  # fmt: skip

# exp(y) = 2^n exp(r): adding and subtracting MAGIC rounds to a whole n, which is then in the low bits.
MAGIC = 1.5 * 2.0**52
LOG2E, LN2 = math.log2(math.e), math.log(2.0)
LEAST = -700.0
EXPONENT = np.int64(1023 << 52)
MANTISSA = np.int64(52)


@dataclass(frozen=True, slots=True, kw_only=True)
class EwmaCusum:
    """Exponentially weighted mean and deviation, with a CUSUM of the standardised errors.

    Parameters
    ----------
    gain : float
        Weight of a new value in mean and variance, 0.004 to 1.
    k : float
        Reference value: half the shift to be found, in standard deviations.
    h : float or None
        Decision limit of the sum; None to find it from ``arl0``.
    arl0 : float
        Periods between false alarms of the sums of normal errors, used when ``h`` is None.
    peak : float
        Deviations beyond which a single error is an alarm.
    side : str
        ``low``, ``high`` or ``both``.
    clip : float
        Deviations up to which an error adds to the sum and teaches.
    least : int
        Values that a series needs before it is judged, at most 255.
    floor : float
        Smallest standard deviation, in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "ewma_cusum"

    gain: float = 0.01
    k: float = 0.5
    h: float | None = None
    arl0: float = 500.0
    peak: float = 4.0
    side: str = "both"
    clip: float = 4.0
    least: int = 32
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("ewma_cusum", "side", self.side, tuple(SIDES))
        for name in ("k", "peak", "clip", "floor", "least"):
            positive("ewma_cusum", name, getattr(self, name))
        if self.h is not None:
            positive("ewma_cusum", "h", self.h)
        if not 0.004 <= self.gain <= 1:
            raise ConfigError("ewma_cusum", "gain", self.gain, "a number from 0.004 to 1")
        if self.least > 255:
            raise ConfigError("ewma_cusum", "least", self.least, "at most 255 values")
        if self.h is None and not self.arl0 > 3:
            raise ConfigError("ewma_cusum", "arl0", self.arl0, "a run length above 3")

    @property
    def limit(self) -> float:
        """Decision limit in use."""
        if self.h is not None:
            return self.h
        return _limit(self.k, self.arl0, self.side == "both")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        state: State = {name: np.zeros(n, np.float32) for name in ("mean", "sd", "up", "down")}
        return state | {
            "count": np.zeros(n, np.uint8),
            "limit": np.array([self.limit]),
            "scores": calibration.start(1),
        }

    def advance(self, state: State, values: Floats, tail: Floats | None = None) -> Floats:
        """Judge one value a series and learn from it, by nominal tails only: the fast way.

        Parameters
        ----------
        state : dict of ndarray
            As :meth:`start` made it; changed in place.
        values : ndarray of float64, shape (n,)
            NaN where nothing is known.
        tail : ndarray of float64, shape (n,), or None
            Where to write the result.

        Returns
        -------
        ndarray of float64, shape (n,)
            Nominal tails; NaN where unknown.

        Examples
        --------
        >>> detector = EwmaCusum(least=4)
        >>> state = detector.start(2)
        >>> for value in (1.0, 2.0, 1.0, 2.0):
        ...     before = detector.advance(state, np.full(2, value))
        >>> detector.advance(state, np.array([1.5, 6.5])).round(6).tolist()
        [1.0, 0.0]
        """
        values = np.ascontiguousarray(values, np.float64)
        out = np.empty(len(values)) if tail is None else tail
        columns = [values, *(state[name] for name in ("mean", "sd", "up", "down", "count")), out]
        factor = 4.0 if self.side == "both" else 2.0
        settings: list[Any] = [self.gain, self.k, self.clip, self.floor, float(self.least)]
        settings += [*SIDES[self.side], factor]
        compiled = fast.COMPILED and len(values) >= COMPILE_FROM
        if compiled and fast.threads():
            with _ONE:
                _all_blocks(*columns, *settings)
            return out
        for low in range(0, len(values), BLOCK):
            block: list[Any] = [column[low : low + BLOCK] for column in columns]
            if compiled:
                _rows(*block, *settings)
            else:
                _columns(*block, *settings)
        return out

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season: what follows the series is its own mean
        ready = state["count"] >= self.least
        mean = state["mean"].astype(np.float64)
        deviation = np.maximum(state["sd"].astype(np.float64), self.floor)
        nominal = self.advance(state, values)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        first, second, up, down = SIDES[self.side]
        judged = np.isfinite(nominal)
        z = (np.where(judged, values, mean) - mean) / deviation
        band = self.peak * deviation
        statistic = np.maximum(state["up"] * up, state["down"] * down).astype(np.float64)
        beyond = (statistic > state["limit"][0]) | (np.maximum(first * z, second * z) > self.peak)
        return state, Step.of(
            values,
            tail=tail,
            expected=np.where(ready, mean, np.nan),
            lower=np.where(ready & (self.side != "high"), mean - band, np.nan),
            upper=np.where(ready & (self.side != "low"), mean + band, np.nan),
            alarm=judged & beyond,
            details={"statistic": np.where(judged, statistic, np.nan), "z": np.where(judged, z, np.nan)},
        )


@functools.lru_cache(maxsize=64)
def _limit(k: float, arl0: float, two_sided: bool) -> float:
    # An integral equation and a root search: once for each setting.
    return run_length.cusum_limit(k, arl0, two_sided=two_sided)


_ONE = threading.Lock()  # not every threading layer of numba bears two callers at a time


def _exponential(y: Any) -> Any:
    """Of a number, compiled, or of a column: from LEAST to 0, right to 1.3e-7 of itself."""
    t = y * LOG2E + MAGIC
    r = y - (t - MAGIC) * LN2
    p = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720))))))
    return p * np.int64((np.float64(t).view(np.int64) << MANTISSA) + EXPONENT).view(np.float64)


def _mills(z: Any) -> Any:
    """Normal tail over its density, but for a factor: ``Q(z) exp(z²/2)``."""
    t = C / (C + z)
    return t * (P0 + t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * (P5 + t * (P6 + t * (P7 + t * P8))))))))


_exponential_of_one = fast.compiled(inline="always")(_exponential)
_mills_of_one = fast.compiled(inline="always")(_mills)


# Of its own, as only here a multiplication and an addition may be one operation: the state stays the same,
# bit by bit, with and without a compiler.
@fast.compiled(fastmath={"contract"}, error_model="numpy")
def _tail(z: Any, total: Any, twice: Any, over: Any, factor: Any) -> Any:
    a, b = -0.5 * z * z, -twice * total - over
    peak = _mills_of_one(z) * _exponential_of_one(a if a > LEAST else LEAST)
    shift = _exponential_of_one(b if b > LEAST else LEAST)
    p = factor * (peak if peak < shift else shift)
    return p if p < 1 else 1.0


@fast.compiled(error_model="numpy")
def _rows(
    values: Any, mean: Any, sd: Any, up: Any, down: Any, count: Any, tail: Any,
    gain: Any, k: Any, clip: Any, floor: Any, least: Any,
    first: Any, second: Any, of_up: Any, of_down: Any, factor: Any,
) -> None:  # fmt: skip
    """One series after another; no branches, so that the compiler takes four or eight at a time."""
    twice, over = 2 * k, 2 * k * OVERSHOOT
    for i in range(values.size):
        value: Any = values[i]
        known = (value <= LARGEST) & (value >= -LARGEST)
        c: Any = np.float64(count[i])
        m, s = np.float64(mean[i]), np.float64(sd[i])
        deviation = s if s > floor else floor
        error = value - m
        error = error if known else 0.0
        z = error / deviation
        held = z if z < clip else clip
        held = held if held > -clip else -clip
        ready = known & (c >= least)
        added = held if ready else 0.0
        taken = k if ready else 0.0
        u: Any = np.float64(up[i]) + (added - taken)
        u = u if u > 0 else 0.0
        d: Any = np.float64(down[i]) - (added + taken)
        d = d if d > 0 else 0.0
        here, there = first * z, second * z
        here = here if here > there else there
        rise, fall = of_up * u, of_down * d
        rise = rise if rise > fall else fall
        p = _tail(here, rise, twice, over, factor)
        tail[i] = p if ready else np.nan
        g = 1 / (c + 1)
        g = g if g > gain else gain
        g = g if known else 0.0
        taught = held * deviation
        taught = error if c < least else taught
        move = g * taught
        mean[i] = np.float32(m + move)
        sd[i] = np.sqrt(np.float32((1 - g) * (s * s + move * taught)))
        up[i], down[i] = np.float32(u), np.float32(d)
        more = c + 1 if known else c
        count[i] = np.uint8(more if more < 255 else 255.0)


@fast.compiled(parallel=True)
def _all_blocks(
    values: Any, mean: Any, sd: Any, up: Any, down: Any, count: Any, tail: Any,
    gain: Any, k: Any, clip: Any, floor: Any, least: Any,
    first: Any, second: Any, of_up: Any, of_down: Any, factor: Any,
) -> None:  # fmt: skip
    for block in each((values.size + BLOCK - 1) // BLOCK):
        low = block * BLOCK
        high = min(values.size, low + BLOCK)
        _rows(
            values[low:high], mean[low:high], sd[low:high], up[low:high], down[low:high], count[low:high],
            tail[low:high], gain, k, clip, floor, least, first, second, of_up, of_down, factor,
        )  # fmt: skip


def _columns(
    values: Floats, mean: NDArray[np.float32], sd: NDArray[np.float32], up: NDArray[np.float32],
    down: NDArray[np.float32], count: NDArray[np.uint8], tail: Floats,
    gain: float, k: float, clip: float, floor: float, least: float,
    first: float, second: float, of_up: float, of_down: float, factor: float,
) -> None:  # fmt: skip
    """The same as ``_rows`` on whole columns, in the same order of operations."""
    with np.errstate(invalid="ignore"):
        known = np.abs(values) <= LARGEST
    c = count.astype(np.float64)
    m, s = mean.astype(np.float64), sd.astype(np.float64)
    deviation = np.maximum(s, floor)
    error = np.where(known, values, m) - m
    with np.errstate(over="ignore"):
        z = error / deviation
        held = np.clip(z, -clip, clip)
        ready = known & (c >= least)
        added, taken = np.where(ready, held, 0.0), np.where(ready, k, 0.0)
        u = np.maximum(up + (added - taken), 0.0)
        d = np.maximum(down - (added + taken), 0.0)
        here = np.maximum(first * z, second * z)
        tail[:] = np.where(ready, _tails(here, np.maximum(of_up * u, of_down * d), k, factor), np.nan)
    g = np.where(known, np.maximum(1 / (c + 1), gain), 0.0)
    taught = np.where(c < least, error, held * deviation)
    move = g * taught
    mean[:] = m + move
    sd[:] = np.sqrt(((1 - g) * (s * s + move * taught)).astype(np.float32))
    up[:], down[:] = u, d
    count[:] = np.minimum(c + known, 255.0)


def _tails(z: Floats, total: Floats, k: float, factor: float) -> Floats:
    """As ``_tail``, on columns: ``z`` 0 or more, the larger of the two sides."""
    twice, over = 2 * k, 2 * k * OVERSHOOT
    peak = _mills(z) * _exponential(np.maximum(-0.5 * z * z, LEAST))
    shift = _exponential(np.maximum(-twice * total - over, LEAST))
    tails: Floats = np.minimum(1.0, factor * np.minimum(peak, shift))
    return tails


DETECTOR = EwmaCusum
