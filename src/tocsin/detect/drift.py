"""Does a tail still mean what it says? The drift of the null, watched live.

In normal times one tail in a hundred is 0.01 or less. When the world changes, or a calibration was wrong
from the start, they come more often, and long before the far tails that raise warnings can be counted it
shows at 0.1 and 0.01. For each such level the share of tails at or below it, over all series of a monitor,
is taken once a day. With share ``X`` and level ``a``, ``1 + BET (min(X / a, MOST) - 1)`` has in normal
times an expectation of at most one, however the series depend on each other; the product over days, never
below one before a new day, is an e-detector: false reports come on average at most once in :data:`EVIDENCE`
days, whenever one looks. Days of a real hazard speak too; ``MOST`` bounds what one of them can say.

Too many small tails is what is reported: too few cost power, which calibration shows, but no trust.

State: twelve numbers a monitor.

References
----------
Shin, Ramdas, Rinaldo (2023), The New England Journal of Statistics in Data Science 2:229,
doi:10.51387/23-NEJSDS51 (e-detectors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.detect.contract import Floats

LEVELS = (0.1, 0.01, 0.001)
"""Tails that are counted."""

BET, MOST = 0.2, 10.0
EVIDENCE = 1000.0
"""Days on average between two false reports of one level, at least."""

MATTERS = 1.25
"""A recent share of so many times the level is reported; a smaller one is no matter, or is mended."""

MEMORY = 28.0
"""Days over which the share that is shown is a mean."""

DAY_US = 86_400_000_000
_DAY, _SEEN, _DAYS = 0, 1, 2
_BELOW, _SHARE, _PROOF = slice(3, 6), slice(6, 9), slice(9, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How often tails at or below one level come.

    Parameters
    ----------
    level : float
        Of the tail.
    share : float
        Recent share of tails at or below it; NaN before a day is over.
    days : int
        Days seen.
    evidence : float
        Of the e-detector; 1 says nothing.
    """

    level: float
    share: float
    days: int
    evidence: float

    @property
    def drifts(self) -> bool:
        """Whether such tails come too often: beyond doubt, by enough to matter, and still."""
        return self.evidence >= EVIDENCE and self.share >= MATTERS * self.level

    @property
    def words(self) -> str:
        """What people read.

        Examples
        --------
        >>> Drift(level=0.01, share=0.03, days=90, evidence=5e3).words
        'tails below 0.01 come 3 times as often as they say'
        """
        return f"tails below {self.level:g} come {self.share / self.level:.2g} times as often as they say"


def start() -> Floats:
    """State before anything is seen.

    Returns
    -------
    ndarray of float64, shape (12,)
        Day, tails seen in it, days seen; then for each level tails at or below it, share, evidence.
    """
    state = np.zeros(12)
    state[_DAY] = np.nan
    state[_SHARE] = np.nan
    state[_PROOF] = 1.0
    return state


def learn(state: Floats, tail: Floats, time: int) -> Floats:
    """Count the tails of one period.

    Parameters
    ----------
    state : ndarray of float64, shape (12,)
        As :func:`start` or the last call gave it; left as it is.
    tail : ndarray of float64, shape (n,)
        NaN is left out.
    time : int
        First instant of the period, microseconds since 1970.

    Returns
    -------
    ndarray of float64, shape (12,)

    Examples
    --------
    >>> state = start()
    >>> for day in range(60):
    ...     state = learn(state, np.linspace(0.001, 1, 1000) / 3, day * DAY_US)
    >>> [(drift.level, round(drift.share, 3), drift.drifts) for drift in report(state)]
    [(0.1, 0.3, True), (0.01, 0.03, True), (0.001, 0.003, True)]
    """
    state = state.copy()
    day = float(time // DAY_US)
    if day != state[_DAY]:
        if state[_SEEN] > 0:
            _close(state)
        state[_DAY], state[_SEEN] = day, 0.0
        state[_BELOW] = 0.0
    known = tail[np.isfinite(tail)]
    state[_SEEN] += known.size
    state[_BELOW] += [(known <= level).sum() for level in LEVELS]
    return state


def _close(state: Floats) -> None:
    """Take the day that is over into account; in place."""
    share = state[_BELOW] / state[_SEEN]
    state[_DAYS] += 1
    gain = max(1 / state[_DAYS], 1 / MEMORY)
    old = np.where(np.isnan(state[_SHARE]), share, state[_SHARE])
    state[_SHARE] = old + gain * (share - old)
    factor = 1 + BET * (np.minimum(share / np.array(LEVELS), MOST) - 1)
    state[_PROOF] = np.minimum(np.maximum(state[_PROOF], 1.0) * factor, 10 * EVIDENCE)


def report(state: Floats) -> tuple[Drift, ...]:
    """How often the tails of each level came, in the order of :data:`LEVELS`."""
    shares, proofs = state[_SHARE].tolist(), state[_PROOF].tolist()
    return tuple(
        Drift(level=level, share=share, days=int(state[_DAYS]), evidence=proof)
        for level, share, proof in zip(LEVELS, shares, proofs, strict=True)
    )


def excess(state: Floats) -> float:
    """How many times as often as they say small tails come, as far as that is beyond doubt; else 1.

    Examples
    --------
    >>> excess(start())
    1.0
    """
    return max([1.0, *(drift.share / drift.level for drift in report(state) if drift.drifts)])
