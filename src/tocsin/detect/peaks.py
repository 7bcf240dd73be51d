"""Peaks over a threshold, carried from step to step: what ``spot`` and ``dspot`` share.

The state keeps the first ``phase1`` values of each series, which give the threshold, and the last ``most``
excesses over it. The fit is made again when excesses have come in, for those series only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, State, one_of
from tocsin.model import ConfigError
from tocsin.stats import extremes

Mask = NDArray[np.bool_]


sides: dict[str, tuple[float, ...]] = {"high": (1.0,), "low": (-1.0,), "both": (1.0, -1.0)}
"""Signs with which a value is looked at: one column of the state for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Settings of the peaks of many columns: of series, once for each side that is looked at.

    Parameters
    ----------
    risk : float
        Chance of a value beyond the limit in normal times, below ``1 - level``.
    level : float
        Quantile of the first values that is the threshold.
    phase1 : int
        Known values that teach the threshold; none is judged.
    most : int
        Excesses kept.
    lightest : float
        Least shape that is believed, -0.5 to 0.5: at 0 or more no tail has an end.
    side : str
        ``low``, ``high`` or ``both`` (two fits).
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "peaks"

    risk: float = 1e-4
    level: float = 0.95
    phase1: int = 300
    most: int = 200
    lightest: float = 0.0
    side: str = "high"
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of(self.NAME, "side", self.side, tuple(sides))
        if not 0 < self.level < 1:
            raise ConfigError(self.NAME, "level", self.level, "a probability between 0 and 1")
        if not 0 < self.risk < 1 - self.level:
            raise ConfigError(self.NAME, "risk", self.risk, "above 0, below 1 - level")
        if not -0.5 <= self.lightest <= 0.5:
            raise ConfigError(self.NAME, "lightest", self.lightest, "a shape from -0.5 to 0.5")
        for name in ("phase1", "most"):
            if getattr(self, name) < 10:
                raise ConfigError(self.NAME, name, getattr(self, name), "at least 10")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        columns = n * len(sides[self.side])
        return {
            "first": np.full((self.phase1, columns), np.inf),
            "number": np.zeros(columns, np.int64),
            "threshold": np.full(columns, np.nan),
            "excess": np.full((self.most, columns), np.nan),
            "peaks": np.zeros(columns, np.int64),
            "fitted": np.zeros(columns, np.int64),
            "scale": np.full(columns, np.nan),
            "shape": np.full(columns, np.nan),
            "scores": calibration.start(1),
        }

    def ready(self, state: State) -> Mask:
        """Which columns have a threshold."""
        ready: Mask = state["number"] >= self.phase1
        return ready

    def tail(self, state: State, x: Floats) -> Floats:
        """Chance of a value as large, shape (n,); NaN where ``x`` is, or the column is not ready."""
        ready = self.ready(state)
        share = state["peaks"] / np.maximum(state["number"], 1)
        excess = np.where(ready, x - np.where(ready, state["threshold"], 0.0), np.nan)
        with np.errstate(invalid="ignore"):
            above = excess > 0
            body = (state["first"] >= np.where(ready, x, np.inf)).sum(0) / self.phase1
        scale = np.where(state["scale"] > 0, state["scale"], 1.0)
        far = share * extremes.gpd_tail(np.where(above, excess, 0.0), scale, np.nan_to_num(state["shape"]))
        # Without a fit nothing is known but that few came as far.
        far = np.where(state["scale"] > 0, far, (state["peaks"] + 1) / (state["number"] + 1))
        out: Floats = np.where(np.isnan(excess), np.nan, np.where(above, far, np.maximum(body, share)))
        return np.minimum(out, 1.0)

    def limit(self, state: State) -> Floats:
        """Value that is exceeded with chance ``risk``, shape (n,); NaN without a fit."""
        share = np.maximum(state["peaks"], 1) / np.maximum(state["number"], 1)
        fitted = state["scale"] > 0
        limit = extremes.gpd_level(
            np.minimum(self.risk, share),
            state["threshold"],
            share,
            np.where(fitted, state["scale"], 1.0),
            np.nan_to_num(state["shape"]),
        )
        out: Floats = np.where(fitted & self.ready(state), limit, np.nan)
        return out

    def learn(self, state: State, x: Floats, teaches: Mask) -> None:
        """Count the values of the columns ``teaches``; keep and fit what is above the threshold."""
        ready = self.ready(state)
        early = np.flatnonzero(teaches & ~ready)
        state["first"][state["number"][early], early] = x[early]
        with np.errstate(invalid="ignore"):
            peak = np.flatnonzero(teaches & ready & (x > state["threshold"]))
        state["excess"][state["peaks"][peak] % self.most, peak] = x[peak] - state["threshold"][peak]
        state["peaks"][peak] += 1
        state["number"] = state["number"] + teaches
        done = early[state["number"][early] == self.phase1]
        self._begin(state, done)
        # From fifty peaks on, one in fifty more is worth a new fit.
        due = peak[state["peaks"][peak] >= 1.02 * state["fitted"][peak]]
        self._fit(state, due)

    def _begin(self, state: State, columns: NDArray[np.int64]) -> None:
        """The threshold and the excesses of the first values."""
        if not len(columns):
            return
        threshold, excess = extremes.peaks(state["first"][:, columns], self.level)
        number = (~np.isnan(excess)).sum(0)
        turn = np.arange(len(excess))[:, None]
        row, column = np.nonzero((turn < number) & (turn >= number - self.most))
        state["threshold"][columns] = threshold
        state["excess"][row % self.most, columns[column]] = excess[row, column]
        state["peaks"][columns] = number
        self._fit(state, columns)

    def _fit(self, state: State, columns: NDArray[np.int64]) -> None:
        if not len(columns):
            return
        excess = state["excess"][:, columns]
        fit = extremes.gpd_fit(excess)
        # A few excesses, or equal ones, tell a mean and no shape. Nor is an end of the tail believed: what
        # lies beyond it would have no chance at all, and some fits of every distribution have one.
        few = ~(fit.number >= 10) | np.isnan(fit.shape)
        shape = np.where(few, 0.0, np.maximum(np.nan_to_num(fit.shape), self.lightest))
        held = ~np.isnan(excess)
        mean = np.where(held, excess, 0.0).sum(0) / np.maximum(held.sum(0), 1)
        by_mean = np.where(mean > 0, mean * (1 - np.minimum(shape, 0.0)), np.nan)
        own = ~few & (fit.shape >= self.lightest)
        state["scale"][columns] = np.where(own, fit.scale, by_mean)
        state["shape"][columns] = shape
        state["fitted"][columns] = state["peaks"][columns]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What peaks say of one value a series.

    Parameters
    ----------
    tail, lower, upper : ndarray of float64, shape (n,)
        Tail (of the past, if calibrated), and the limits of each side; NaN where unknown.
    beyond : ndarray of bool, shape (n,)
        Whether the value lies beyond a limit.
    scale, shape : ndarray of float64, shape (n,)
        Of the fit on the (first) side.
    """

    tail: Floats
    lower: Floats
    upper: Floats
    beyond: Mask
    scale: Floats
    shape: Floats


def judge(peaks: Peaks, state: State, x: Floats) -> Found:
    """Judge one value a series on its sides, then learn from those that are not beyond a limit.

    Examples
    --------
    >>> peaks = Peaks(risk=1e-3, level=0.9, phase1=50, most=20, calibrate=False)
    >>> state = peaks.start(1)
    >>> for value in np.random.default_rng(1).exponential(size=200):
    ...     found = judge(peaks, state, np.array([value]))
    >>> found = judge(peaks, state, np.array([30.0]))
    >>> bool(found.beyond[0]), bool(found.tail[0] < 1e-3), int(state["number"][0])
    (True, True, 200)
    """
    signs = np.array(sides[peaks.side])[:, None]
    shape = (len(signs), len(x))
    wide = (signs * x).ravel()
    tails, limit = peaks.tail(state, wide).reshape(shape), peaks.limit(state).reshape(shape)
    with np.errstate(invalid="ignore"):
        beyond: Mask = np.logical_or.reduce(wide.reshape(shape) > limit, 0)
    none = np.full(len(x), np.nan)
    scale, form = (state[name].reshape(shape)[0].copy() for name in ("scale", "shape"))
    teaches = np.tile(np.isfinite(x) & ~beyond, len(signs))
    peaks.learn(state, wide, teaches)
    nominal = np.minimum(1.0, len(signs) * tails.min(0))
    return Found(
        tail=calibration.tail_of(state["scores"], nominal) if peaks.calibrate else nominal,
        lower=none if peaks.side == "high" else -limit[-1],
        upper=none if peaks.side == "low" else limit[0],
        beyond=beyond,
        scale=scale,
        shape=form,
    )
