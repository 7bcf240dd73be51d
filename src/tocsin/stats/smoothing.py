"""Rates of small areas, drawn towards those of their neighbours or of the nation as far as chance explains.

The linear empirical Bayes estimate needs two numbers, mean and variance of the true rates. By moments they
are as below; the estimate is then also the posterior mean under a gamma prior with these moments.

References
----------
Marshall (1991), Journal of the Royal Statistical Society C 40:283, doi:10.2307/2347593;
Clayton, Kaldor (1987), Biometrics 43:671, doi:10.2307/2532003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def moments_of_rates(
    cases: Floats, population: Floats, near: NDArray[np.integer] | None = None
) -> tuple[Floats, Floats]:
    """Mean and variance of the true rates, of the nation or around each area.

    Parameters
    ----------
    cases, population : ndarray of float64, shape (n,)
        Population (or exposure) 0 where nothing is known: then cases are 0 as well.
    near : ndarray of int, shape (n, k), or None
        Areas around each area, itself among them; None: all areas, for every area.

    Returns
    -------
    mean, variance : ndarray of float64, shape (n,)
        NaN where nobody lives; the variance is 0 where chance explains all differences.

    Examples
    --------
    >>> mean, variance = moments_of_rates(np.array([1.0, 9.0]), np.array([100.0, 100.0]))
    >>> mean.round(4).tolist(), variance.round(6).tolist()
    ([0.05, 0.05], [0.0011, 0.0011])
    """
    n = len(cases)
    if near is None:
        near = np.broadcast_to(np.arange(n), (min(n, 1), n))
    c, people = cases[near], population[near]
    total, lived = people.sum(1), (people > 0).sum(1)
    some = total > 0
    mean = np.divide(c.sum(1), total, out=np.full(len(near), np.nan), where=some)
    rate = np.divide(c, people, out=np.zeros_like(c), where=people > 0)
    spread = np.divide(
        (people * (rate - np.nan_to_num(mean)[:, None]) ** 2).sum(1),
        total,
        out=np.full(len(near), np.nan),
        where=some,
    )
    chance = np.divide(mean * lived, total, out=np.full(len(near), np.nan), where=some)
    variance = np.maximum(spread - chance, 0.0)
    if len(near) == n:
        return mean, variance
    return np.broadcast_to(mean, n).copy(), np.broadcast_to(variance, n).copy()


def smoothed_rates(cases: Floats, population: Floats, mean: Floats, variance: Floats) -> Floats:
    """Rate of each area, drawn towards ``mean`` as far as chance explains the difference.

    Parameters
    ----------
    cases, population : ndarray of float64, shape (n,)
    mean, variance : ndarray of float64, shape (n,)
        As :func:`moments_of_rates` gives them.

    Returns
    -------
    ndarray of float64, shape (n,)
        The mean itself where nobody lives or the variance is 0.

    Examples
    --------
    >>> cases, people = np.array([1.0, 9.0]), np.array([100.0, 100.0])
    >>> smoothed_rates(cases, people, *moments_of_rates(cases, people)).round(4).tolist()
    [0.0225, 0.0775]
    """
    below = variance * population + mean
    weight = np.divide(variance * population, below, out=np.zeros_like(mean), where=below > 0)
    rate = np.divide(cases, population, out=mean.copy(), where=population > 0)
    out: Floats = mean + weight * (rate - mean)
    return out
