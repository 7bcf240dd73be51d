"""Adaptive conformal calibration: quantiles moved until they hold what they say, whatever the method.

Each quantile is moved by a quantile of its own past errors, at an effective level that follows what came:
after a value above, the level rises; after a value below, it falls. In the long run the share of values below
the quantile is its level, with no assumption about the series.

References
----------
Gibbs, Candès (2021), Adaptive conformal inference under distribution shift, NeurIPS 34, arXiv:2106.00170.
"""

from __future__ import annotations

import numpy as np

from tocsin.forecast.contract import Floats, in_order


def effective_levels(told: Floats, came: Floats, levels: Floats, gain: float) -> Floats:
    """Effective levels after a run of forecasts and outcomes, oldest first.

    Parameters
    ----------
    told : ndarray of float64, shape (origins, ...)
        Quantiles of one method; the last but one axis of the rest is the levels'.
    came : ndarray of float64
        What came, broadcast against ``told``; NaN where unknown: nothing is learned.
    levels : ndarray of float64, broadcast against ``told[0]``
        Levels asked for.
    gain : float
        Step of the effective level at each outcome.

    Returns
    -------
    ndarray of float64, shape ``told.shape[1:]``
        May leave [0, 1]: then the largest error of the past is not enough.

    Examples
    --------
    >>> told, came = np.zeros((4, 1)), np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> effective_levels(told, came, np.array([0.5]), 0.1).round(2).tolist()
    [0.7]
    """
    target = np.broadcast_to(levels, told.shape[1:]).astype(np.float64)
    now = target.copy()
    errors = came - told
    for row in range(len(told)):
        moved = told[row] + shift(errors[:row], now)
        known = np.isfinite(moved) & np.isfinite(came[row])
        below = np.where(known, came[row] <= moved, 0.0)
        now = np.where(known, now + gain * (target - below), now)
    return now


def shift(errors: Floats, level: Floats) -> Floats:
    """Quantile of past errors at a level of its own for each series; 0 when there are none.

    Parameters
    ----------
    errors : ndarray of float64, shape (origins, ...)
        NaN is left out.
    level : ndarray of float64, shape ``errors.shape[1:]``
        Below 0 or above 1 the range of the errors is left, by as much again as the level leaves [0, 1].

    Returns
    -------
    ndarray of float64, shape ``errors.shape[1:]``

    Examples
    --------
    >>> shift(np.array([[1.0], [3.0]]), np.array([0.5])).tolist()
    [2.0]
    """
    count = np.isfinite(errors).sum(0)
    if not len(errors):
        return np.zeros(level.shape)
    ordered = np.sort(errors, 0)  # NaN last
    place = np.clip(level, 0, 1) * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    at_low = np.take_along_axis(ordered, low[None], 0)[0]
    at_high = np.take_along_axis(ordered, high[None], 0)[0]
    inside = at_low + (place - low) * (at_high - at_low)
    top = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None], 0)[0]
    beyond = (level - np.clip(level, 0, 1)) * (top - ordered[0])
    return np.where(count > 0, inside + beyond, 0.0)


def calibrated(quantiles: Floats, told: Floats, came: Floats, levels: Floats, gain: float) -> Floats:
    """Quantiles moved by what their past errors teach.

    Parameters
    ----------
    quantiles : ndarray of float64, shape (steps, n_levels, n)
        The forecast.
    told, came : ndarray of float64, shape (origins, steps, n_levels, n) and (origins, steps, n)
        Past forecasts of the same method and what came, oldest first.
    levels : ndarray of float64, shape (n_levels,)
        Their levels.
    gain : float
        As :func:`effective_levels`.

    Returns
    -------
    ndarray of float64, shape (steps, n_levels, n)

    Examples
    --------
    >>> told, came = np.zeros((50, 1, 1, 1)), np.full((50, 1, 1), 4.0)
    >>> calibrated(np.zeros((1, 1, 1)), told, came, np.array([0.5]), 0.05).ravel().tolist()
    [4.0]
    """
    outcome = np.broadcast_to(came[:, :, None, :], told.shape)
    level = effective_levels(told, outcome, levels[:, None], gain)
    return in_order(quantiles + shift(outcome - told, level))
