"""Counts and exposures of the last periods, kept in the state: what a method that judges a map looks back on.

The state holds two rings (:mod:`tocsin.detect.ring`), ``cases`` and ``people``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import ring
from tocsin.detect.contract import Floats, State
from tocsin.detect.scan.areas import Map


def start(length: int, n: int) -> State:
    """State of ``n`` areas of which the last ``length`` periods are kept.

    Examples
    --------
    >>> state = start(3, 1)
    >>> push(state, np.array([2.0]), np.array([1e5]))
    >>> rows(state, "cases", np.array([-2, -1]))[:, 0].tolist(), seen(state)
    ([nan, 2.0], 1)
    """
    return {
        f"{name}/{key}": array for name in ("cases", "people") for key, array in ring.start(length, n).items()
    }


def push(state: State, cases: Floats, people: Floats) -> None:
    """Keep one more period; in place."""
    for name, values in (("cases", cases), ("people", people)):
        ring.push(_ring(state, name), values)


def rows(state: State, name: str, back: NDArray[np.int64]) -> Floats:
    """``cases`` or ``people`` of past periods, shape (k, n): as :func:`tocsin.detect.ring.rows`."""
    return ring.rows(_ring(state, name), back)


def seen(state: State) -> int:
    """Periods pushed so far."""
    return int(state["cases/seen"][0])


def countable(here: Map, values: Floats) -> NDArray[np.bool_]:
    """Which areas take part, shape (n,): on the map, with a known count that is not negative."""
    with np.errstate(invalid="ignore"):
        good = np.isfinite(values) & (values >= 0)
    part = np.zeros(len(values), np.bool_)
    part[here.rows] = good[here.rows]
    return part


def _ring(state: State, name: str) -> State:
    return {key: state[f"{name}/{key}"] for key in ("ring", "seen")}
