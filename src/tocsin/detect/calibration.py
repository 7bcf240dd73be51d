"""Tails calibrated on the past.

On real counts nominal tail probabilities are wrong by orders of magnitude far out, while the body is
narrower than the model says. What is kept of a model's tail is therefore only its order: the *score*
``s = -log10(p)`` is compared with the scores that came before, pooled over all series of a monitor.
Inside the data the calibrated tail is the share of earlier scores that were as large; beyond them it goes
on as an exponential in ``s`` (a generalised Pareto tail of shape 0), whose scale is the mean excess over a
high quantile, trimmed so that the outages themselves do not set it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Floats

BINS = 800
WIDTH = 0.05
"""Scores 0 to 40 in bins of 0.05."""

PRIOR = 40.0
"""Pseudo-count: the nominal tail weighs as much as this many observed scores."""

FAR = 0.995
"""Quantile of the scores from which their tail is taken for exponential."""

_EDGES = np.arange(BINS) * WIDTH
_NOMINAL = 10.0**-_EDGES * (1 - 10.0**-WIDTH)


def start(n_windows: int) -> Floats:
    """Histogram before anything is seen: the nominal tail, lightly weighted.

    Returns
    -------
    ndarray of float64, shape (n_windows, BINS)
    """
    return np.tile(PRIOR * _NOMINAL, (n_windows, 1))


def learn(histogram: Floats, scores: Floats, *, crowd: float = 0.0) -> None:
    """Add one score a series to the histogram of each window, in place.

    Parameters
    ----------
    histogram : ndarray of float64, shape (n_windows, BINS)
        Changed in place.
    scores : ndarray of float64, shape (n_windows, n_series)
        NaN is left out.
    crowd : float
        Scores of one moment beyond the quantile :data:`FAR` weigh together at most this many times as much as
        so many series should have there: what strikes many at once then does not become what is usual while
        it goes on. 0: each weighs 1.

    Examples
    --------
    >>> struck = np.full((1, 100), 8.0)
    >>> free, bound = start(1), start(1)
    >>> for histogram, crowd in ((free, 0.0), (bound, 3.0)):
    ...     learn(histogram, np.full((1, 10_000), 0.5))
    ...     learn(histogram, struck, crowd=crowd)
    >>> [calibrated(h, np.array([[8.0]])).round(1).item() for h in (free, bound)]
    [2.0, 8.4]
    """
    known = np.isfinite(scores)
    flat = (np.arange(len(histogram))[:, None] * BINS + _bins(scores))[known]
    weights = _bounded(histogram, scores, known, crowd)[known] if crowd else None
    histogram += np.bincount(flat, weights, minlength=histogram.size).reshape(histogram.shape)


def calibrated(
    histogram: Floats,
    scores: Floats,
    *,
    quantile: float = FAR,
    trim: float = 0.2,
) -> Floats:
    """Score after calibration: ``-log10`` of the share of earlier scores as large.

    Parameters
    ----------
    histogram : ndarray of float64, shape (n_windows, BINS)
        Earlier scores.
    scores : ndarray of float64, shape (n_windows, n_series)
        Nominal scores.
    quantile : float
        Above this quantile the tail is exponential.
    trim : float
        Share of the largest excesses that are censored when its scale is estimated.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_series)
        NaN where the score is.

    Examples
    --------
    >>> histogram = start(1)
    >>> learn(histogram, np.full((1, 10_000), 0.5))
    >>> calibrated(histogram, np.array([[0.2, 0.5, 4.0]])).round(2).tolist()
    [[0.0, 0.0, 6.4]]
    """
    above, join = _above(histogram, quantile)
    scale = _censored_scale(histogram, join, trim)
    share = above[np.arange(len(histogram)), join]
    row, bins = np.arange(len(histogram))[:, None], _bins(scores)
    body = -np.log10(above[row, bins])
    beyond = np.nan_to_num(scores) - join[row] * WIDTH
    tail = -np.log10(share)[row] + np.maximum(beyond, 0) / scale[row] * np.log10(np.e)
    out = np.where(bins >= join[row], tail, body)
    return np.where(np.isfinite(scores), np.maximum(out, 0.0), np.nan)


def tail_of(histogram: Floats, nominal: Floats) -> Floats:
    """Calibrated tail of one score a series, which then teaches the histogram.

    Parameters
    ----------
    histogram : ndarray of float64, shape (1, BINS)
        As :func:`start` made it; changed in place.
    nominal : ndarray of float64, shape (n_series,)
        Tail probabilities as the method computes them; NaN where unknown. Of a statistic that is no
        probability only the order matters: give ``exp(-statistic)``.

    Returns
    -------
    ndarray of float64, shape (n_series,)

    Examples
    --------
    >>> histogram = start(1)
    >>> for _ in range(1000):
    ...     last = tail_of(histogram, np.array([0.5, 0.1]))
    >>> last.round(1).tolist()
    [1.0, 0.5]
    """
    with np.errstate(invalid="ignore"):
        scores = -np.log10(np.clip(nominal, 1e-300, 1.0))[None, :]
    final = calibrated(histogram, scores)[0]
    learn(histogram, scores)
    tail: Floats = 10.0**-final
    return tail


def _bins(scores: Floats) -> NDArray[np.int64]:
    return np.clip(np.nan_to_num(scores) / WIDTH, 0, BINS - 1).astype(np.int64)


def _above(histogram: Floats, quantile: float) -> tuple[Floats, NDArray[np.int64]]:
    """Share in each bin or above it, and the bin from which no more than ``1 - quantile`` is left."""
    total = histogram.sum(1, keepdims=True)
    above = np.cumsum(histogram[:, ::-1], 1)[:, ::-1] / total
    return above, np.argmax(above <= 1 - quantile, 1)


def _bounded(histogram: Floats, scores: Floats, known: NDArray[np.bool_], crowd: float) -> Floats:
    """Weight of each score of one moment, where those far out weigh together so much at most."""
    _, join = _above(histogram, FAR)
    far = known & (_bins(scores) >= join[:, None])
    most = crowd * (1 - FAR) * known.sum(1)
    each = np.minimum(1.0, most / np.maximum(far.sum(1), 1))
    return np.where(far, each[:, None], 1.0)


def _censored_scale(histogram: Floats, join: NDArray[np.int64], trim: float) -> Floats:
    """Scale of the excesses over ``join``, the largest share ``trim`` censored.

    Maximum likelihood of a right-censored exponential: total excess over number of uncensored ones.
    """
    columns = np.arange(BINS)
    weight = np.where(columns >= join[:, None], histogram, 0.0)
    cumulative = np.cumsum(weight, 1)
    cut = np.argmax(cumulative >= (1 - trim) * cumulative[:, -1:], 1)[:, None]
    seen = np.where(columns <= cut, weight, 0.0)
    middle = (columns - join[:, None] + 0.5) * WIDTH
    uncensored = seen.sum(1)
    censored = cumulative[:, -1] - uncensored
    excess = (seen * middle).sum(1) + censored * (cut[:, 0] - join + 1) * WIDTH
    # Never lighter than the nominal tail.
    scale: Floats = np.maximum(excess / np.maximum(uncensored, 1e-12), np.log10(np.e))
    return scale
