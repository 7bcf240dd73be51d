"""A detector on counts that come in late: fed with what a count will be, and judged as uncertain as that is.

What is carried from cycle to cycle is small, whatever the length of the past: for each delay, how many
reports came with it and how many there were to come from, forgetting slowly, and the counts as last seen.
The delays are learned from how the same cells grow from one cycle to the next: revisions, seen as they come.

The tail is the mean of the detector's tails over the predictive distribution of the count (normal, five
Gauss–Hermite points, whole numbers, never below what is reported). The detector learns from the estimate
only. A method that calibrates its tails on the past has met the noise of earlier estimates already; the mean
then errs towards fewer alarms, never towards more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Detector, Floats, Now, State, Step
from tocsin.detect.nowcast import Delays, Nowcast, corrected, normal_nodes
from tocsin.model import Nowcasting

POINTS = 5


def start(longest: int, n: int) -> State:
    """State before anything is seen of ``n`` series.

    Examples
    --------
    >>> {name: array.shape for name, array in start(3, 2).items()}
    {'reports': (4, 2), 'upto': (4, 2), 'seen': (4, 2)}
    """
    shape = (longest + 1, n)
    return {"reports": np.zeros(shape), "upto": np.zeros(shape), "seen": np.full(shape, np.nan)}


def learn(state: Mapping[str, NDArray[Any]], values: Floats, memory: float, *, next_period: bool) -> State:
    """Learn the delays from the counts of the newest periods, once a period.

    Parameters
    ----------
    state : mapping
        As :func:`start` made it; not changed.
    values : ndarray of float64, shape (longest + 1, n)
        Counts as known now by age: row 0 is the newest period.
    memory : float
        Periods after which what was learned weighs 1/e.
    next_period : bool
        Whether the state was left one period ago; after a pause nothing can be learned from growth.

    Returns
    -------
    dict of ndarray
        New state.

    Examples
    --------
    >>> one = learn(start(1, 1), np.array([[6.0], [np.nan]]), 50, next_period=True)
    >>> two = learn(one, np.array([[3.0], [8.0]]), 50, next_period=True)
    >>> two["reports"][1].tolist(), two["upto"][1].tolist()
    ([2.0], [8.0])
    """
    seen = values.copy()
    if not next_period:
        return {"reports": state["reports"], "upto": state["upto"], "seen": seen}
    before = np.concatenate([np.zeros((1, values.shape[1])), state["seen"][:-1]])
    known = np.isfinite(values) & np.isfinite(before) & (values >= 0)
    keep = math.exp(-1 / memory)
    grown = np.where(known, np.maximum(values - before, 0.0), 0.0)
    return {
        "reports": keep * state["reports"] + grown,
        "upto": keep * state["upto"] + np.where(known, np.maximum(values, grown), 0.0),
        "seen": seen,
    }


def estimate(
    state: Mapping[str, NDArray[Any]], values: Floats, age: int, settings: Nowcasting
) -> tuple[Floats, Floats]:
    """Estimate and standard deviation of counts that are ``age`` periods old.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        NaN where the value is unknown, or the delays are not known well enough: nothing learned yet, or less
        than the share ``settings.least`` of the reports is in.
    """
    delays = Delays(reports=state["reports"], upto=state["upto"])
    row = min(age, len(delays.reports) - 1)
    mean, sd = corrected(values, delays, row, Nowcast(method=settings.method))
    with np.errstate(invalid="ignore"):
        told = (delays.share()[row] >= settings.least) & np.isfinite(sd) & (values >= 0)
    return np.where(told, mean, np.nan), np.where(told, sd, np.nan)


def judge(
    detector: Detector, state: State, reported: Floats, mean: Floats, sd: Floats, now: Now
) -> tuple[State, Step]:
    """Step a detector with an estimate, its tail taken over what the count may yet be.

    Parameters
    ----------
    detector : Detector
        The method.
    state : dict of ndarray
        Its state; changed as by ``step``.
    reported, mean, sd : ndarray of float64, shape (n,)
        Reported so far; estimate and standard deviation of the final count, NaN where unknown.
    now : Now
        The period.

    Returns
    -------
    tuple
        New state, and the step of the estimate with the tail of the mixture.
    """
    places, weights = normal_nodes(POINTS)
    tail = np.zeros(len(reported))
    for place, weight in zip(places, weights, strict=True):
        if place == 0:
            continue
        copy = {name: array.copy() for name, array in state.items()}
        value = np.maximum(np.rint(mean + place * sd), reported)
        tail += weight * detector.step(copy, value, now)[1].tail
    state, step = detector.step(state, np.maximum(np.rint(mean), reported), now)
    tail += weights[places == 0].sum() * step.tail
    return state, replace(step, tail=np.where(sd == 0, step.tail, np.minimum(tail, 1.0)))
