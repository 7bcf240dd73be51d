"""A stretch of the past of every series, kept in the state: for methods that look back.

The stretch is a ring of rows, written in place: a step costs one row, not the whole stretch. The ring is
part of a detector's state under two names, ``ring`` and ``seen``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Floats, State


def start(length: int, n: int) -> State:
    """State of ``n`` series of which the last ``length`` values are kept.

    Examples
    --------
    >>> state = start(3, 1)
    >>> for value in (1.0, 2.0, 3.0, 4.0):
    ...     push(state, np.array([value]))
    >>> rows(state, np.array([-3, -2, -1]))[:, 0].tolist(), int(state["seen"][0])
    ([2.0, 3.0, 4.0], 4)
    """
    return {"ring": np.full((length, n), np.nan), "seen": np.zeros(1, np.int64)}


def push(state: State, values: Floats) -> None:
    """Keep one more row, over the oldest one; in place."""
    ring = state["ring"]
    ring[int(state["seen"][0]) % len(ring)] = values
    state["seen"][0] += 1


def rows(state: State, back: NDArray[np.int64]) -> Floats:
    """Rows by their place counted from the end: -1 is the newest.

    Parameters
    ----------
    state : dict of ndarray
        As :func:`start` made it.
    back : ndarray of int64, shape (k,)
        Negative; a row that is older than the ring, or than the first value, is NaN.

    Returns
    -------
    ndarray of float64, shape (k, n)
    """
    ring, seen = state["ring"], int(state["seen"][0])
    index = seen + back
    held = (index >= 0) & (index >= seen - len(ring)) & (back < 0)
    return np.where(held[:, None], ring[index % len(ring)], np.nan)
