"""Regressions with a shared design, of many series at once: Poisson, negative binomial, logistic.

For the training phase of a chart: intercept, harmonics of the season, a trend. The design is the same for
all series, so a step of iteratively reweighted least squares is one matrix product and a batch of small
solves.

References
----------
McCullagh, Nelder (1989), Generalized Linear Models, 2nd ed., doi:10.1007/978-1-4899-3242-6;
Lawless (1987), Canadian Journal of Statistics 15:209, doi:10.2307/3314912 (negative binomial).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

ITERATIONS = 60
SETTLED = 1e-11
"""Largest change of the coefficients at which a fit has converged."""


def design(time: Floats, *, period: float, harmonics: int, trend: bool = False) -> Floats:
    """Columns 1, cos, sin of each harmonic, and time.

    Parameters
    ----------
    time : ndarray of float64, shape (n_times,)
        In periods of the series (weeks), from 1.
    period : float
        Length of the season, in the same unit.
    harmonics : int
        Number of harmonics.
    trend : bool
        Whether time itself is a column.

    Returns
    -------
    ndarray of float64, shape (n_times, 1 + 2 * harmonics + trend)

    Examples
    --------
    >>> design(np.array([52.0]), period=52, harmonics=1, trend=True).round(9).clip(0).tolist()
    [[1.0, 1.0, 0.0, 52.0]]
    """
    columns = [np.ones(len(time))]
    for harmonic in range(1, harmonics + 1):
        angle = 2 * np.pi * harmonic * time / period
        columns += [np.cos(angle), np.sin(angle)]
    return np.stack([*columns, time] if trend else columns, 1)


def fit(
    rows: Floats,
    counts: Floats,
    *,
    trials: Floats | None = None,
    alpha: Floats | float = 0.0,
) -> Floats:
    """Coefficients of one regression a series.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_times, p)
        As :func:`design` made it; shared by all series.
    counts : ndarray of float64, shape (n_times, n_series)
        At least 0; NaN where unknown.
    trials : ndarray of float64, shape (n_times, n_series), or None
        Given: a logistic regression of ``counts`` out of ``trials``. Else the mean is the exponential of the
        predictor.
    alpha : ndarray of float64, shape (n_series,), or float
        Variance ``mean + alpha mean²``; 0 for Poisson. Not used with ``trials``.

    Returns
    -------
    ndarray of float64, shape (p, n_series)
        NaN where a series has too few known values, or the fit does not converge: all zeros, for instance.

    Examples
    --------
    >>> rows = design(np.arange(1.0, 5.0), period=4, harmonics=0)
    >>> np.exp(fit(rows, np.array([[1.0], [2.0], [3.0], [6.0]]))).round(9).tolist()
    [[3.0]]
    """
    known = np.isfinite(counts) & (counts >= 0)
    if trials is not None:
        known &= np.isfinite(trials) & (trials > 0)
    p, n = rows.shape[1], counts.shape[1]
    y = np.where(known, counts, 0.0)
    size = np.ones_like(y) if trials is None else np.where(known, trials, 1.0)
    start = np.log(y + 0.1) if trials is None else special.logit((y + 0.5) / (size + 1))
    eta, beta = start, np.full((p, n), np.inf)
    products = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), p * p)
    settled = np.zeros(n, np.bool_)
    with np.errstate(all="ignore"):
        for _ in range(ITERATIONS):
            if trials is None:
                mean = np.exp(np.clip(eta, -700, 700))
                weight, residual = mean / (1 + alpha * mean), (y - mean) / mean
            else:
                chance = special.expit(eta)
                weight = size * chance * (1 - chance)
                residual = (y - size * chance) / weight
            weight = np.where(known, weight, 0.0)
            pull = np.where(known, weight * (eta + residual), 0.0)
            gram = (products.T @ weight).T.reshape(n, p, p)
            new = _solved(gram, (rows.T @ pull).T)
            moved = np.abs(new - beta).max(0) if len(new) else np.zeros(n)
            beta, eta = new, rows @ new
            settled = moved <= SETTLED * (1 + np.abs(new).max(0))
            if (settled | np.isnan(moved)).all():
                break
        fitted = settled & (known.sum(0) >= p)
    return np.where(fitted, beta, np.nan)


def _solved(gram: Floats, right: Floats) -> Floats:
    """Solve each small system; one that is singular gives NaN and does not stop the others."""
    scale = np.sqrt(np.maximum(np.einsum("npp->np", gram), 1e-300))
    scaled = gram / (scale[:, :, None] * scale[:, None, :])
    finite = np.isfinite(scaled).all((1, 2))
    scaled[~finite] = np.eye(gram.shape[1])
    solid = finite & (np.linalg.cond(scaled) < 1e13)
    scaled[~solid] = np.eye(gram.shape[1])
    found = np.linalg.solve(scaled, (right / scale)[:, :, None])[:, :, 0] / scale
    return np.where(solid[:, None], found, np.nan).T


def dispersion(mean: Floats, counts: Floats) -> Floats:
    """Maximum likelihood of the negative binomial's alpha, with the means given.

    Parameters
    ----------
    mean, counts : ndarray of float64, shape (n_times, n_series)
        NaN in ``counts`` where unknown.

    Returns
    -------
    ndarray of float64, shape (n_series,)
        0 where the counts spread no more than Poisson counts; NaN where the means are unknown.

    Examples
    --------
    >>> dispersion(np.full((4, 1), 3.0), np.array([[3.0], [3.0], [2.0], [4.0]])).tolist()
    [0.0]
    """
    known = np.isfinite(counts) & (counts >= 0) & np.isfinite(mean)
    y, mu = np.where(known, counts, 0.0), np.where(known, mean, 1.0)

    def slope(log_size: Floats) -> Floats:
        size = np.exp(log_size)
        each = (
            special.digamma(y + size) - special.digamma(size) + np.log(size / (size + mu)) + 1
            - (y + size) / (mu + size)
        )  # fmt: skip
        total: Floats = np.where(known, each, 0.0).sum(0)
        return total

    n = counts.shape[1]
    low, high = np.full(n, np.log(1e-4)), np.full(n, np.log(1e7))
    poisson = slope(np.full(n, np.log(1e5))) >= 0  # the likelihood still rises towards the Poisson
    for _ in range(46):
        middle = (low + high) / 2
        rising = slope(middle) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    alpha = np.where(poisson, 0.0, np.exp(-(low + high) / 2))
    return np.where(known.any(0), alpha, np.nan)


def fit_negative_binomial(rows: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Coefficients and alpha by maximum likelihood, in turns.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_times, p)
        Shared design.
    counts : ndarray of float64, shape (n_times, n_series)
        NaN where unknown.

    Returns
    -------
    tuple of ndarray
        Coefficients, shape (p, n_series), and alpha, shape (n_series,).

    Examples
    --------
    >>> counts = np.array([[0.0], [9.0], [1.0], [14.0], [2.0], [4.0]])
    >>> beta, alpha = fit_negative_binomial(np.ones((6, 1)), counts)
    >>> np.exp(beta).round(6).tolist(), bool(alpha[0] > 0.5)
    ([[5.0]], True)
    """
    beta = fit(rows, counts)
    alpha = dispersion(np.exp(rows @ beta), counts)
    open_ = np.flatnonzero(np.isfinite(alpha) & (alpha > 0))
    for _ in range(50):
        if not open_.size:
            break
        part = counts[:, open_]
        beta[:, open_] = fit(rows, part, alpha=alpha[open_])
        before = alpha[open_]
        alpha[open_] = dispersion(np.exp(rows @ beta[:, open_]), part)
        with np.errstate(invalid="ignore"):
            open_ = open_[np.abs(alpha[open_] - before) > 1e-9 * before]
    return beta, alpha
