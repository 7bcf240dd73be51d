"""What a detector is: a frozen dataclass of parameters with ``start`` and ``step``.

A detector carries its state as columns, one entry a series, and never sees a time later than the one it
judges. :func:`judge` runs ``step`` over a whole panel, so that a scan over history and the live step are
the same code and cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tocsin.model import Judgement, Panel

State = dict[str, NDArray[Any]]
"""Arrays by name: what a detector carries from one step to the next; saved without pickle."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """What a detector says of one time, one entry a series.

    Parameters
    ----------
    tail : ndarray of float64, shape (n,)
        Calibrated probability of a value this extreme in normal times; NaN where unknown.
    expected, lower, upper : ndarray of float64, shape (n,)
        Of the newest value; NaN where the method has none.
    window : ndarray of int16, shape (n,)
        Number of periods of the window with the smallest tail.
    total, total_expected : ndarray of float64, shape (n,)
        Value and expectation over that window.
    """

    tail: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    window: NDArray[np.int16]
    total: Floats
    total_expected: Floats


class Detector(Protocol):
    """A method of early detection that can carry its state."""

    NAME: ClassVar[str]

    def start(self, n: int) -> State:
        """State before the first value of ``n`` series."""

    def step(self, state: State, values: Floats, season: NDArray[np.int64]) -> tuple[State, Step]:
        """Judge one new value a series, then learn from it.

        Parameters
        ----------
        state : dict of ndarray
            As left by the last step; the arrays are replaced or changed in place, never read again.
        values : ndarray of float64, shape (n,)
            NaN where nothing is known.
        season : ndarray of int64, shape (n,)
            Index of the local season of each series (see :mod:`tocsin.detect.season`).
        """


def judge(detector: Detector, panel: Panel, season: NDArray[np.int64]) -> Judgement:
    """Judge a whole panel by stepping through it.

    Parameters
    ----------
    detector : Detector
        The method.
    panel : Panel
        Values, times by series.
    season : ndarray of int64, shape (n_times, n_series)
        Index of the local season.

    Returns
    -------
    Judgement
        One row a time; row *t* rests on rows up to *t* only.
    """
    state = detector.start(len(panel.regions))
    shape = panel.values.shape
    tail, expected, lower, upper = (np.full(shape, np.nan) for _ in range(4))
    for row in range(shape[0]):
        state, step = detector.step(state, panel.values[row], season[row])
        tail[row], expected[row] = step.tail, step.expected
        lower[row], upper[row] = step.lower, step.upper
    return Judgement(tail=tail, expected=expected, lower=lower, upper=upper)


def prefixed(state: Mapping[str, NDArray[Any]], prefix: str) -> State:
    """Entries of a carried state that belong to ``prefix``, without it.

    Examples
    --------
    >>> prefixed({"a/x": np.zeros(1), "b/x": np.ones(1)}, "b")
    {'x': array([1.])}
    """
    head = prefix + "/"
    return {name[len(head) :]: array for name, array in state.items() if name.startswith(head)}
