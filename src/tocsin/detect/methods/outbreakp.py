"""OutbreakP, the beginning of a rise of any shape.

Good for the beginning of an epidemic wave (influenza season): it asks how much better a rising curve of any
shape explains the counts so far than a constant one, and needs no baseline, no size and no shape. Not good
where the counts have risen before for other reasons (a season, a trend), nor when it has run for long: start
it anew before each season.

The rising curve is the non-decreasing regression of the counts. It is kept as blocks of equal level, which a
new count extends or merges (pool adjacent violators), so that a step does not look at the past again. The
statistic is the likelihood ratio of the two curves for Poisson counts; the chart alarms when it exceeds
``k``.

The nominal tail is the inverse of the statistic; it is calibrated on the past.

Cost: 16 bytes a series and block; up to 64 blocks (the two oldest merge then). A step costs one pass over the
blocks.

References
----------
Frisén, Andersson, Schiöler (2009), Statistics in Medicine 28:162, doi:10.1002/sim.3446;
Barlow, Bartholomew, Bremner, Brunk (1972), Statistical Inference under Order Restrictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, positive

BLOCKS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OutbreakP:
    """Semiparametric likelihood ratio of a rise.

    Parameters
    ----------
    k : float
        Limit of the likelihood ratio.
    cases : bool
        Whether the details hold ``cases_needed``, the smallest count that would have given an alarm.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "outbreakp"

    k: float = 100.0
    cases: bool = False
    calibrate: bool = True

    def __post_init__(self) -> None:
        positive("outbreakp", "k", self.k)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {
            "total": np.zeros((BLOCKS, n)),
            "length": np.zeros((BLOCKS, n)),
            "blocks": np.zeros(n, np.int64),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count a series."""
        del now
        with np.errstate(invalid="ignore"):
            counts = np.where(values >= 0, values, np.nan)
        known = np.isfinite(counts)
        old = state["total"], state["length"], state["blocks"]
        new = _extended(*old, np.nan_to_num(counts))
        statistic = np.where(known, _log_ratio(*new), np.nan)
        limit = np.log(self.k)
        alarm = known & (statistic > limit)
        details = {"statistic": np.exp(np.minimum(statistic, 700.0))}
        if self.cases:
            details["cases_needed"] = np.where(known, _needed(old, limit), np.nan)
        for name, before, after in zip(("total", "length", "blocks"), old, new, strict=True):
            state[name] = np.where(known, after, before)
        nominal = np.exp(-statistic)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        with np.errstate(invalid="ignore", divide="ignore"):
            before = old[0].sum(0) / old[1].sum(0)
        return state, Step.of(counts, tail=tail, expected=before, alarm=alarm, details=details)


Blocks = tuple[Floats, Floats, NDArray[np.int64]]


def _extended(total: Floats, length: Floats, blocks: NDArray[np.int64], counts: Floats) -> Blocks:
    """Blocks of the non-decreasing regression with one more count; the newest block is the last one."""
    total, length = total.copy(), length.copy()
    full = np.flatnonzero(blocks == BLOCKS)
    if full.size:  # of so many levels the two oldest hardly matter: they become one
        total[1, full] += total[0, full]
        length[1, full] += length[0, full]
        total[:-1, full], length[:-1, full] = total[1:, full], length[1:, full]
        total[-1, full] = length[-1, full] = 0
        blocks = np.where(blocks == BLOCKS, BLOCKS - 1, blocks)
    each = np.arange(len(counts))
    total[blocks, each], length[blocks, each] = counts, 1.0
    last = blocks.copy()
    live = each[last > 0]
    while live.size:
        at = last[live]
        # The block before is not lower than the last: both become one.
        merge = total[at - 1, live] * length[at, live] >= total[at, live] * length[at - 1, live]
        live, at = live[merge], at[merge]
        for part in (total, length):
            part[at - 1, live] += part[at, live]
            part[at, live] = 0.0
        last[live] = at - 1
        live = live[last[live] > 0]
    return total, length, last + 1


def _log_ratio(total: Floats, length: Floats, blocks: NDArray[np.int64]) -> Floats:
    del blocks
    whole, long = total.sum(0), length.sum(0)
    ratio: Floats = _entropy(total, length).sum(0) - _entropy(whole, long)
    return np.maximum(ratio, 0.0)


def _entropy(total: Floats, length: Floats) -> Floats:
    rate: Floats = special.xlogy(total, total) - special.xlogy(total, np.maximum(length, 1.0))
    return rate


def _needed(old: Blocks, limit: float) -> Floats:
    """Smallest count of this period whose statistic exceeds the limit."""
    low, high = np.full(len(old[2]), -1.0), np.ones(len(old[2]))
    empty = old[2] == 0  # the first count of all cannot be a rise
    for _ in range(40):
        short = ~empty & (_log_ratio(*_extended(*old, high)) <= limit)
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    for _ in range(48):
        if (high - low <= 1).all():
            break
        middle = np.floor((low + high) / 2)
        short = _log_ratio(*_extended(*old, middle)) <= limit
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(empty, np.nan, high)


DETECTOR = OutbreakP
