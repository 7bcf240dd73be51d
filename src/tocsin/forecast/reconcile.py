"""Forecasts that add up: a nation is the sum of its states, also in what is forecast for them.

Forecasts made for each region alone do not add up. Reconciled, they do: exactly, for every step. Points are
projected (:func:`reconciled`); whole distributions by projecting draws that keep the dependence of the past
(:func:`reconciled_quantiles`), since quantiles of a sum are not sums of quantiles.

References
----------
Wickramasuriya, Athanasopoulos, Hyndman (2019), Journal of the American Statistical Association 114:804,
doi:10.1080/01621459.2018.1448825 (MinT); Schäfer, Strimmer (2005), doi:10.2202/1544-6115.1175 (shrinkage);
Panagiotelis, Gamakumara, Athanasopoulos, Hyndman (2023), European Journal of Operational Research 306:693,
doi:10.1016/j.ejor.2022.07.040 (draws).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tocsin.forecast.contract import Floats
from tocsin.model import ConfigError, MethodError

METHODS = ("bottom_up", "ols", "mint_shrink")


def summing(regions: Sequence[str], parents: Mapping[str, str]) -> Floats:
    """Which region is the sum of which: the summing matrix.

    Parameters
    ----------
    regions : sequence of str
        All regions, in the order of the forecasts.
    parents : mapping of str to str
        Parent of each region that has one among ``regions``.

    Returns
    -------
    ndarray of float64, shape (n_regions, n_bottom)
        1 where the region holds the bottom region; bottom regions are those that are no parent, in order.

    Raises
    ------
    ConfigError
        On an unknown parent or a region within itself.

    Examples
    --------
    >>> summing(["nation", "north", "south"], {"north": "nation", "south": "nation"}).tolist()
    [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    row = {region: i for i, region in enumerate(regions)}
    for child, parent in parents.items():
        for name in (child, parent):
            if name not in row:
                raise ConfigError("reconcile", "parents", name, sorted(row))
    bottom = [r for r in regions if r not in set(parents.values())]
    matrix = np.zeros((len(regions), len(bottom)))
    for column, region in enumerate(bottom):
        here: str | None = region
        for _ in range(len(regions) + 1):
            if here is None:
                break
            matrix[row[here], column] = 1.0
            here = parents.get(here)
        else:
            raise ConfigError("reconcile", "parents", region, "a tree: no region lies within itself")
    if (matrix.sum(1) == 0).any():
        raise ConfigError("reconcile", "parents", dict(parents), "a tree: no region lies within itself")
    return matrix


def projection(matrix: Floats, method: str = "mint_shrink", errors: Floats | None = None) -> Floats:
    """The matrix that makes bottom forecasts of all forecasts.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n_regions, n_bottom)
        As :func:`summing` gives it.
    method : str
        ``bottom_up``: the bottom forecasts are kept; ``ols``: least squares; ``mint_shrink``: least trace of
        the error covariance, shrunk towards its diagonal.
    errors : ndarray of float64, shape (n_times, n_regions)
        Past one-step errors, for ``mint_shrink``; rows with a NaN are left out.

    Returns
    -------
    ndarray of float64, shape (n_bottom, n_regions)

    Raises
    ------
    ConfigError
        On another method.
    MethodError
        When ``mint_shrink`` has fewer than three rows of errors.

    Examples
    --------
    >>> projection(np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), "bottom_up").tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    n, m = matrix.shape
    if method == "bottom_up":
        out = np.zeros((m, n))
        bottom = np.flatnonzero(matrix.sum(1) == 1)
        for column in range(m):
            rows = bottom[matrix[bottom, column] == 1]
            out[column, rows[-1]] = 1.0  # an only child is its parent: the lower one stands
        return out
    if method == "ols":
        weight = np.eye(n)
    elif method == "mint_shrink":
        used = np.empty((0, n)) if errors is None else errors[np.isfinite(errors).all(1)]
        if len(used) < 3:
            raise MethodError(f"mint_shrink: got {len(used)} rows of errors, allowed: at least 3")
        weight = shrunk_covariance(used)
    else:
        raise ConfigError("reconcile", "method", method, METHODS)
    right = np.linalg.solve(weight, matrix)
    found: Floats = np.linalg.solve(matrix.T @ right, right.T)
    return found


def shrunk_covariance(errors: Floats) -> Floats:
    """Covariance of errors about zero, its correlations shrunk towards none.

    Parameters
    ----------
    errors : ndarray of float64, shape (n_times, n)
        Without NaN.

    Returns
    -------
    ndarray of float64, shape (n, n)
        Positive definite.

    Examples
    --------
    >>> errors = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    >>> shrunk_covariance(errors).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    n_times, n = errors.shape
    variance = (errors**2).mean(0)
    variance = np.maximum(variance, 1e-12 * max(float(variance.max(initial=0.0)), 1e-300))
    scaled = errors / np.sqrt(variance)
    correlation = scaled.T @ scaled / n_times
    # Variance of each correlation, over the sum of their squares: how much of them is noise.
    noise = ((scaled**2).T @ (scaled**2) / n_times - correlation**2) / (n_times - 1)
    off = ~np.eye(n, dtype=bool)
    signal = float((correlation[off] ** 2).sum())
    share = min(1.0, max(0.0, float(noise[off].sum()) / signal)) if signal > 0 else 1.0
    share = max(share, 1e-6)  # never singular
    shrunk = np.where(off, (1 - share) * correlation, 1.0)
    root = np.sqrt(variance)
    out: Floats = shrunk * root * root[:, None]
    return out


def reconciled(base: Floats, matrix: Floats, project: Floats) -> Floats:
    """Points that add up.

    Parameters
    ----------
    base : ndarray of float64, shape (..., n_regions)
        Forecasts made for each region alone: means, medians or draws.
    matrix, project
        As :func:`summing` and :func:`projection` give them.

    Returns
    -------
    ndarray of float64, same shape
        NaN for all regions where one is NaN: no sum of something unknown is known.

    Examples
    --------
    >>> tree = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> reconciled(np.array([10.0, 3.0, 4.0]), tree, projection(tree, "ols")).round(6).tolist()
    [9.0, 4.0, 5.0]
    """
    out: Floats = base @ project.T @ matrix.T
    return out


def reconciled_quantiles(
    quantiles: Floats, levels: Floats, matrix: Floats, project: Floats, errors: Floats
) -> Floats:
    """Quantiles of distributions that add up.

    Each row of past errors says how high the regions were together; the same ranks are drawn from the
    forecast distributions (Schaake shuffle), the draws are projected, and quantiles taken of them.

    Parameters
    ----------
    quantiles : ndarray of float64, shape (steps, n_levels, n_regions)
        Forecasts made for each region alone.
    levels : ndarray of float64, shape (n_levels,)
        Their levels.
    matrix, project
        As :func:`summing` and :func:`projection` give them.
    errors : ndarray of float64, shape (n_times, n_regions)
        Past errors; rows with a NaN are left out.

    Returns
    -------
    ndarray of float64, shape (steps, n_levels, n_regions)

    Raises
    ------
    MethodError
        Without a row of errors.
    """
    draws = reconciled(ranked_draws(quantiles, levels, errors), matrix, project)
    out: Floats = np.moveaxis(np.quantile(draws, levels, axis=1), 0, 1)
    return out


def ranked_draws(quantiles: Floats, levels: Floats, errors: Floats) -> Floats:
    """Draws from forecast distributions, together as high or low as past errors were together.

    Returns
    -------
    ndarray of float64, shape (steps, n_draws, n_regions)
        Linear between the quantiles and beyond the outer ones.

    Raises
    ------
    MethodError
        Without a row of errors, or with a single level.

    Examples
    --------
    >>> told = np.array([[[0.0, 10.0], [4.0, 14.0]]])
    >>> ranked_draws(told, np.array([0.25, 0.75]), np.array([[1.0, -1.0], [2.0, -2.0]]))[0].tolist()
    [[0.0, 14.0], [4.0, 10.0]]
    """
    used = errors[np.isfinite(errors).all(1)]
    if not len(used) or len(levels) < 2:
        raise MethodError("reconcile: got no row of errors or one level, allowed: at least 1 and 2")
    rank = (np.argsort(np.argsort(used, 0, kind="stable"), 0, kind="stable") + 0.5) / len(used)
    place = np.clip(np.searchsorted(levels, rank) - 1, 0, len(levels) - 2)
    column = np.arange(quantiles.shape[2])
    low, high = quantiles[:, place, column], quantiles[:, place + 1, column]
    share = (rank - levels[place]) / (levels[place + 1] - levels[place])
    out: Floats = low + share * (high - low)
    return out
