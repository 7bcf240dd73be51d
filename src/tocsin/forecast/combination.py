"""Several forecasts made into one, weighted by how they did."""

from __future__ import annotations

import numpy as np

from tocsin.forecast.contract import Floats, in_order


def weights_by_score(scores: Floats, power: float = 1.0) -> Floats:
    """Weights of members, by series: the inverse of their past score.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_members, n)
        Past losses, such as the mean CRPS; NaN for a member that cannot forecast the series.
    power : float
        0: equal weights; large: nearly the best one alone.

    Returns
    -------
    ndarray of float64, same shape
        Sums to 1 over the members that can; NaN where none can. Members of which no past score is known for
        any of them share equally.

    References
    ----------
    Bates, Granger (1969), Operational Research Quarterly 20:451, doi:10.1057/jors.1969.103.

    Examples
    --------
    >>> weights_by_score(np.array([[1.0, 2.0], [3.0, np.nan]])).tolist()
    [[0.75, 1.0], [0.25, 0.0]]
    """
    floor = np.finfo(np.float64).tiny
    with np.errstate(over="ignore"):
        # By the best member, so that no power overflows; a perfect score leaves nothing to the others.
        best = np.nanmin(np.where(np.isnan(scores), np.inf, scores), 0)
        raw = np.where(np.isnan(scores), 0.0, ((best + floor) / (scores + floor)) ** power)
    total = raw.sum(0)
    return np.where(total > 0, raw / np.where(total > 0, total, 1.0), np.nan)


def average_quantiles(members: Floats, weights: Floats) -> Floats:
    """Weighted mean of the quantiles of each level: as sharp as the members are on average.

    Parameters
    ----------
    members : ndarray of float64, shape (n_members, steps, n_levels, n)
        NaN where a member does not forecast; the weights of the others are raised.
    weights : ndarray of float64, shape (n_members, n)
        Sum to 1.

    Returns
    -------
    ndarray of float64, shape (steps, n_levels, n)
        NaN where no member with a weight forecasts.

    References
    ----------
    Lichtendahl, Grushka-Cockayne, Winkler (2013), Management Science 59:1594, doi:10.1287/mnsc.1120.1667.

    Examples
    --------
    >>> members = np.array([[[[1.0]]], [[[5.0]]]])
    >>> average_quantiles(members, np.array([[0.75], [0.25]])).ravel().tolist()
    [2.0]
    """
    share = np.nan_to_num(weights)[:, None, None, :] * np.isfinite(members)
    total = share.sum(0)
    mean = (share * np.nan_to_num(members)).sum(0)
    return in_order(np.where(total > 0, mean / np.where(total > 0, total, 1.0), np.nan))
