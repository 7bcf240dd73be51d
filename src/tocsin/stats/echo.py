"""What is left of past events by a decaying sequence, as time goes on: an online convolution.

With weights ``w`` put at the places ``s`` of a clock, the value at place ``t`` is the sum of
``w[s] * gamma(1 + t - s)``. Nearby events are added one by one; those of a complete block are added to a
stretch of the future that is at least one block away, by one Fourier transform, where gamma varies little,
so that the result keeps its relative accuracy. This is the one-dimensional case of a fast multipole scheme:
O(log² n) a place amortised; 24 bytes a place.

The state has three entries: ``clock`` (place now), ``events`` (weights by place), ``ahead`` (what far events
leave, by place).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]

LEAF = 64
"""Places of the smallest block."""


def start() -> State:
    """State at place 0, nothing put.

    Examples
    --------
    >>> state = start()
    >>> add(state, 2.0)
    >>> value(state, lambda j: 1 / j)
    2.0
    >>> advance(state, lambda j: 1 / j)
    >>> value(state, lambda j: 1 / j)
    1.0
    """
    return {"clock": np.zeros(1, np.int64), "events": np.zeros(2 * LEAF), "ahead": np.zeros(2 * LEAF)}


def add(state: State, weight: float) -> None:
    """Put a weight at the place now."""
    state["events"][int(state["clock"][0])] += weight


def value(state: State, gamma: Callable[[Floats], Floats]) -> float:
    """What all events leave at the place now.

    Parameters
    ----------
    state : dict of ndarray
        As :func:`start` made it.
    gamma : callable
        The sequence at places counted from 1, array to array; always the same one.
    """
    now = int(state["clock"][0])
    first = max(0, (now // LEAF - 1) * LEAF)
    near = first + np.flatnonzero(state["events"][first : now + 1])
    lags: Floats = (1 + now - near).astype(float)
    own = float(state["events"][near] @ gamma(lags)) if len(near) else 0.0
    return own + float(state["ahead"][now])


def advance(state: State, gamma: Callable[[Floats], Floats]) -> None:
    """Go on by one place; a block that is complete sends its events ahead."""
    state["clock"] += 1
    now = int(state["clock"][0])
    if now >= len(state["events"]):
        for name in ("events", "ahead"):
            state[name] = np.concatenate([state[name], np.zeros_like(state[name])])
    size = LEAF
    while now % size == 0:
        _send(state, gamma, now // size - 1, size)
        size *= 2


def _send(state: State, gamma: Callable[[Floats], Floats], block: int, size: int) -> None:
    """Effect of one complete block on those later blocks that lie one block off but not under a further pair.

    The neighbours of the pair that holds the block, without the block's own neighbour.
    """
    events = state["events"][block * size : (block + 1) * size]
    if not events.any():
        return
    targets = (block + 2, block + 3) if block % 2 == 0 else (block + 2,)
    first, last = targets[0] * size, (targets[-1] + 1) * size
    while last > len(state["ahead"]):
        state["ahead"] = np.concatenate([state["ahead"], np.zeros_like(state["ahead"])])
    # Place t feels place s by gamma(1 + t - s): lags from first - (block end) to last - (block begin).
    begin = block * size
    lags: Floats = np.arange(first - (begin + size - 1) + 1, last - begin + 1).astype(float)
    kernel = gamma(lags)
    n = fft.next_fast_len(len(kernel) + size - 1, real=True)
    far = fft.irfft(fft.rfft(events, n) * fft.rfft(kernel, n), n)[size - 1 : size - 1 + last - first]
    state["ahead"][first:last] += far
