"""Extremes: generalised Pareto and extreme-value fits, return levels and their intervals.

Excesses over a threshold are fitted for many series at once. The likelihood is reduced to one unknown
(Grimshaw), which is looked for on a grid over all that is allowed and then refined where its slope changes
sign, so that no start has to be guessed and no local maximum is taken for the largest. The shape has the sign
of the field: above 0 the tail is heavy, below 0 it ends.

Below a shape of -1 the likelihood grows without limit; between -1 and -1/2 it has a maximum, whose errors are
not normal and larger than they look. Such fits are given and marked as not ``regular``.

References
----------
Grimshaw (1993), Technometrics 35:185, doi:10.1080/00401706.1993.10485040;
Hosking, Wallis (1987), Technometrics 29:339, doi:10.1080/00401706.1987.10488243;
Coles (2001), An Introduction to Statistical Modeling of Extreme Values, doi:10.1007/978-1-4471-3675-0;
Smith (1985), Biometrika 72:67, doi:10.1093/biomet/72.1.67.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]

# Of the ratio shape/scale times the largest excess: from just above -1, where the tail ends at that excess,
# to a tail so heavy that no data need it.
GRID = np.concatenate((np.logspace(-9, -0.05, 28) - 1, [-1e-2, -1e-4, 1e-4], np.logspace(-2, 9, 34)))
SMALL = 1e-9
"""Ratios closer to 0 than this are taken as this: there the tail is exponential but for rounding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GpdFit:
    """Generalised Pareto distribution of the excesses of each series.

    Parameters
    ----------
    scale, shape : ndarray of float64, shape (n,)
        Maximum likelihood; NaN with fewer than two distinct excesses.
    nll : ndarray of float64, shape (n,)
        Negative log likelihood there.
    number : ndarray of int64, shape (n,)
        Excesses.
    regular : ndarray of bool, shape (n,)
        Whether there is a maximum with shape above -1/2, where the usual errors hold.
    covariance : ndarray of float64, shape (n, 2, 2)
        Of scale and shape, from the observed information; NaN where not regular.
    """

    scale: Floats
    shape: Floats
    nll: Floats
    number: NDArray[np.int64]
    regular: NDArray[np.bool_]
    covariance: Floats


def gpd_fit(excess: ArrayLike) -> GpdFit:
    """Fit a generalised Pareto distribution to the excesses of each series by maximum likelihood.

    Parameters
    ----------
    excess : array_like of float, shape (k,) or (k, n)
        Above 0; NaN where a series has fewer than k.

    Returns
    -------
    GpdFit
        One entry a series (one for a single series).

    Raises
    ------
    ValueError
        When an excess is 0, negative or infinite.

    Examples
    --------
    >>> level = (np.arange(1, 2001) - 0.5) / 2000
    >>> fit = gpd_fit(gpd_quantile(level, 2.0, 0.25))
    >>> fit.scale.round(2).tolist(), fit.shape.round(2).tolist(), fit.regular.tolist()
    ([2.0], [0.25], [True])
    """
    x = np.asarray(excess, float)
    x = x[:, None] if x.ndim == 1 else x
    held = ~np.isnan(x)
    if not (x[held] > 0).all() or not np.isfinite(x[held]).all():
        raise ValueError("excess: got one that is 0, negative or infinite, allowed: above 0")
    number = held.sum(0)
    largest = np.where(held, x, 0.0).max(0, initial=0.0)
    smallest = np.where(held, x, np.inf).min(0, initial=np.inf)
    able = (number >= 2) & (smallest < largest)
    unit = np.where(able, largest, 1.0)
    y = np.where(held & able, x, 0.0) / unit  # 0 adds nothing to the sums below
    ratio, inner = _best_ratio(y, np.maximum(number, 1))
    shape = np.log1p(ratio * y).sum(0) / np.maximum(number, 1)
    scale = np.where(able, unit * shape / ratio, 1.0)
    nll = number * (np.log(scale) + shape + 1)
    regular = able & inner & (shape > -0.5)
    covariance = _gpd_covariance(y, number, scale / unit, shape)
    covariance[:, 0, :] *= unit[:, None]
    covariance[:, :, 0] *= unit[:, None]
    return GpdFit(
        scale=np.where(able, scale, np.nan),
        shape=np.where(able, shape, np.nan),
        nll=np.where(able, nll, np.nan),
        number=number.astype(np.int64),
        regular=regular,
        covariance=np.where(regular[:, None, None], covariance, np.nan),
    )


def _best_ratio(y: Floats, number: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Ratio shape/scale of the highest likelihood with shape at least -1, and whether it lies inside."""
    best, place = np.full(y.shape[1], np.inf), np.zeros(y.shape[1], np.int64)
    for i, u in enumerate(GRID):
        shape = np.log1p(u * y).sum(0) / number
        with np.errstate(divide="ignore"):  # a series without distinct excesses
            nll = np.where(shape >= -1, np.log(shape / u) + shape, np.inf)
        place = np.where(nll < best, i, place)
        best = np.minimum(nll, best)
    low = GRID[np.maximum(place - 1, 0)]
    high = GRID[np.minimum(place + 1, len(GRID) - 1)]
    falling, rising = _slope(low, y, number), _slope(high, y, number)
    # Where the likelihood still rises at the left end the maximum is on the border of what is allowed.
    inner = (falling < 0) & (rising > 0)
    root = _zero(lambda u: _slope(u, y, number), low, high, falling, rising)
    border = np.where(place == 0, GRID[0], GRID[place])
    return np.where(inner, root, border), inner


def _slope(u: Floats, y: Floats, number: NDArray[np.int64]) -> Floats:
    """Slope of the negative log likelihood, divided by the number, in the ratio ``u``."""
    u = np.where(np.abs(u) < SMALL, SMALL, u)
    shape = np.log1p(u * y).sum(0) / number
    change = (y / (1 + u * y)).sum(0) / number
    with np.errstate(divide="ignore", invalid="ignore"):
        slope: Floats = change / shape - 1 / u + change
    return slope


def _zero(
    slope: Callable[[Floats], Floats], low: Floats, high: Floats, at_low: Floats, at_high: Floats
) -> Floats:
    """Where each slope is 0: false position (Illinois), halving where that is slow."""
    low, high, at_low, at_high = low.copy(), high.copy(), at_low.copy(), at_high.copy()
    side = np.zeros(low.shape, np.int64)
    for turn in range(120):
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = (low * at_high - high * at_low) / (at_high - at_low)
        halves = (low + high) / 2
        # A false position that leaves the bracket, or every third turn, is replaced by the middle.
        outside = ~((middle > low) & (middle < high))
        middle = np.where(outside | (turn % 3 == 2), halves, middle)
        there = slope(middle)
        right = there > 0
        high, at_high = np.where(right, middle, high), np.where(right, there, at_high)
        low, at_low = np.where(right, low, middle), np.where(right, at_low, there)
        at_low = np.where(right & (side == 1), at_low / 2, at_low)
        at_high = np.where(~right & (side == -1), at_high / 2, at_high)
        side = np.where(right, 1, -1)
        width = np.nan_to_num(high - low)
        if (width <= 1e-14 * np.maximum(np.abs(high), 1e-6)).all():
            break
    return (low + high) / 2


def _gpd_covariance(y: Floats, number: NDArray[np.int64], scale: Floats, shape: Floats) -> Floats:
    """Inverse of the observed information, in the unit of ``y``; shape (n, 2, 2)."""
    # The second derivative in the shape loses its digits very near 0, where it hardly changes.
    xi = np.where(np.abs(shape) < 1e-4, 1e-4, shape)
    with np.errstate(all="ignore"):
        b = np.where(y > 0, 1 / (scale + xi * y), 0.0)
        a = y * b
        logs = np.log1p(xi * y / scale).sum(0)
        one, square, mixed = a.sum(0), (a * a).sum(0), (a * b).sum(0)
        ss = -number / scale**2 + (1 + xi) * (one / scale**2 + mixed / scale)
        sx = (-one + (1 + xi) * square) / scale
        xx = 2 * logs / xi**3 - 2 * one / xi**2 - (1 + 1 / xi) * square
        determinant = ss * xx - sx * sx
        inverse = np.array([[xx, -sx], [-sx, ss]]) / determinant
    rows: Floats = np.moveaxis(inverse, 2, 0)
    return rows


def peaks(values: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Excesses over an empirical quantile of each series.

    Parameters
    ----------
    values : array_like of float, shape (m,) or (m, n)
        NaN is left out.
    level : float
        Of the quantile (linear interpolation, Hyndman and Fan's type 7), 0 to 1.

    Returns
    -------
    threshold : ndarray of float64, shape (n,)
        NaN where no value is known.
    excess : ndarray of float64, shape (k, n)
        Of the values strictly above it, in their order, NaN after the last one; k is the largest number.

    Examples
    --------
    >>> threshold, excess = peaks(np.arange(11.0), 0.8)
    >>> threshold.tolist(), excess[:, 0].tolist()
    ([8.0], [1.0, 2.0])
    """
    x = np.asarray(values, float)
    x = x[:, None] if x.ndim == 1 else x
    threshold = np.full(x.shape[1], np.nan)
    known = ~np.isnan(x).all(0)
    if known.any():
        threshold[known] = np.nanquantile(x[:, known], level, axis=0)
    above = x > threshold
    packed = np.where(above, x - threshold, np.nan)
    order = np.argsort(~above, axis=0, kind="stable")[: int(above.sum(0).max(initial=0))]
    return threshold, np.take_along_axis(packed, order, 0)


def gpd_tail(excess: ArrayLike, scale: ArrayLike, shape: ArrayLike) -> Floats:
    """Probability of a larger excess.

    Parameters
    ----------
    excess, scale, shape : array_like of float
        Of one shape, or that broadcast; below 0 the probability is 1.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> gpd_tail([0.0, 2.0, 9.0], 2.0, [0.0, 0.0, -0.25]).round(4).tolist()
    [1.0, 0.3679, 0.0]
    """
    x, s, xi = (np.asarray(a, float) for a in (excess, scale, shape))
    y = np.maximum(x, 0.0) / s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        tail = np.exp(-np.log1p(np.maximum(xi * y, -1.0)) / xi)
        exponential = np.exp(-y + xi * y * y / 2)
    small: Floats = np.where(np.abs(xi * np.maximum(y, 1)) < 1e-8, exponential, tail)
    return small


def gpd_quantile(level: ArrayLike, scale: ArrayLike, shape: ArrayLike) -> Floats:
    """Excess that is not exceeded with a probability.

    Parameters
    ----------
    level, scale, shape : array_like of float
        Of one shape, or that broadcast; the level 0 to 1.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> gpd_quantile(0.99, 2.0, [0.0, 0.25]).round(4).tolist()
    [9.2103, 17.2982]
    """
    with np.errstate(divide="ignore"):
        logs = -np.log1p(-np.asarray(level, float))
    # The Box-Cox function of 1/(1 - level), by its logarithm.
    return np.asarray(scale, float) * _growth(np.asarray(shape, float), logs)


def _growth(shape: Floats, logs: Floats) -> Floats:
    """``(exp(shape logs) - 1) / shape``, and ``logs`` where the shape is 0."""
    safe = np.where(np.abs(shape) < 1e-12, 1.0, shape)
    with np.errstate(over="ignore"):
        grown: Floats = np.where(np.abs(shape) < 1e-12, logs, np.expm1(safe * logs) / safe)
    return grown


def gpd_level(
    chance: ArrayLike, threshold: ArrayLike, share: ArrayLike, scale: ArrayLike, shape: ArrayLike
) -> Floats:
    """Value that one observation exceeds with a probability.

    Parameters
    ----------
    chance : array_like of float
        That probability; at most ``share``. A return period of m years is ``1 / (m observations a year)``.
    threshold, share, scale, shape : array_like of float
        Threshold, share of the observations above it, and the fit of their excesses.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> gpd_level([1e-2, 1e-3], 30.0, 0.0087, 7.44, 0.184).round(1).tolist()
    [29.0, 49.8]
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(share, float) / np.asarray(chance, float))
    return np.asarray(threshold, float) + np.asarray(scale, float) * _growth(np.asarray(shape, float), logs)


def gpd_level_interval(
    excess: ArrayLike, *, threshold: float, share: float, chance: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Value that one observation exceeds with a probability, with its profile likelihood interval.

    Parameters
    ----------
    excess : array_like of float, shape (k,)
        Of one series.
    threshold, share : float
        Threshold, and share of the observations above it, taken as known.
    chance : float
        Probability of exceedance of one observation, below ``share``.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of float
        Level, lower and upper end; an end is infinite where the likelihood does not fall far enough.

    Raises
    ------
    ValueError
        When the fit is not regular, or ``chance`` is not below ``share``.

    Examples
    --------
    >>> level = (np.arange(1, 101) - 0.5) / 100
    >>> found = gpd_level_interval(gpd_quantile(level, 2.0, 0.1), threshold=0, share=0.1, chance=1e-3)
    >>> [round(x, 1) for x in found]
    [11.3, 8.5, 20.1]
    """
    if not 0 < chance < share:
        raise ValueError(f"chance: got {chance}, allowed: above 0, below the share {share}")
    x = np.asarray(excess, float)
    fit = gpd_fit(x)
    if not fit.regular[0]:
        raise ValueError(f"shape: got {fit.shape[0]:.3g}, allowed: a fit with a regular maximum")
    logs = np.asarray(np.log(share / chance))
    level = float(gpd_level(chance, threshold, share, fit.scale, fit.shape)[0])

    def profile(z: float) -> float:
        def nll(shape: float) -> float:
            scale = (z - threshold) / float(_growth(np.asarray(shape), logs))
            return _gpd_nll(x, scale, shape)

        return _least(nll, np.linspace(-1.0, 3.0, 81))

    ends = profile_interval(profile, level, float(fit.nll[0]), threshold, confidence)
    return level, *ends


def _gpd_nll(x: Floats, scale: float, shape: float) -> float:
    inside = 1 + shape * x / scale
    if scale <= 0 or inside.min() <= 0:
        return np.inf
    logs = np.log1p(shape * x / scale).sum() / shape if abs(shape) > 1e-9 else x.sum() / scale
    return float(len(x) * np.log(scale) + (1 + shape) * logs)


def _least(function: Callable[[float], float], grid: Floats) -> float:
    """Least value of a function of one number: the best of a grid, refined between its neighbours."""
    values = [function(float(g)) for g in grid]
    i = int(np.argmin(values))
    low, high = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return float(min(found.fun, values[i]))


def profile_interval(
    profile: Callable[[float], float], best: float, least: float, lowest: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Where a profile of the negative log likelihood has risen by half a chi-square quantile.

    Parameters
    ----------
    profile : callable
        Negative log likelihood, at its least over all other parameters, of the one of interest.
    best, least : float
        Estimate, and the profile there.
    lowest : float
        No value is looked for below.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of float
        Lower end (``lowest`` if the profile does not rise far enough) and upper end (infinite if not).

    Examples
    --------
    >>> [round(end, 4) for end in profile_interval(lambda m: m * m / 2, 0.0, 0.0, -np.inf)]
    [-1.96, 1.96]
    """
    limit = least + float(special.chdtri(1, 1 - confidence)) / 2

    def over(value: float) -> float:
        return min(profile(value) - limit, 1e9)

    def end(direction: float) -> float:
        near, width = best, 0.01 * max(abs(best), 1e-3)
        for _ in range(60):
            far = max(near + direction * width, lowest + 1e-9 * max(abs(lowest), 1e-3))
            if over(far) > 0:
                return float(optimize.brentq(over, near, far, xtol=1e-10 * max(abs(best), 1e-3)))
            if far == near:
                return lowest
            near, width = far, 1.6 * width
        return direction * np.inf

    return end(-1.0), end(1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GevFit:
    """Generalised extreme-value distribution of the maxima of blocks.

    Parameters
    ----------
    location, scale, shape : float
        Maximum likelihood.
    nll : float
        Negative log likelihood there.
    covariance : ndarray of float64, shape (3, 3)
        From the observed information, in that order.
    regular : bool
        Whether the shape is above -1/2.
    """

    location: float
    scale: float
    shape: float
    nll: float
    covariance: Floats
    regular: bool


def gev_nll(maxima: Floats, location: float | Floats, scale: float, shape: float) -> float:
    """Negative log likelihood of block maxima, infinite where a value is impossible.

    Examples
    --------
    >>> round(gev_nll(np.array([0.0, 1.0]), 0.0, 1.0, 0.0), 4)
    2.3679
    """
    if scale <= 0:
        return np.inf
    z = (maxima - location) / scale
    if abs(shape) < 1e-9:
        return float(len(z) * np.log(scale) + z.sum() + np.exp(-z).sum())
    if (1 + shape * z).min() <= 0:
        return np.inf
    logs = np.log1p(shape * z) / shape
    with np.errstate(over="ignore"):
        return float(len(z) * np.log(scale) + (1 + shape) * logs.sum() + np.exp(-logs).sum())


def gev_fit(maxima: ArrayLike) -> GevFit:
    """Fit a generalised extreme-value distribution to block maxima by maximum likelihood.

    Parameters
    ----------
    maxima : array_like of float, shape (k,)
        At least three distinct ones; NaN is left out.

    Returns
    -------
    GevFit

    Raises
    ------
    ValueError
        With fewer, or when no maximum is found.

    Examples
    --------
    >>> level = (np.arange(1, 501) - 0.5) / 500
    >>> fit = gev_fit(gev_level(1 - level, 10.0, 2.0, -0.1))
    >>> round(fit.location, 1), round(fit.scale, 1), round(fit.shape, 1)
    (10.0, 2.0, -0.1)
    """
    x = np.asarray(maxima, float)
    x = x[~np.isnan(x)]
    if len(np.unique(x)) < 3:
        raise ValueError(f"maxima: got {len(np.unique(x))} distinct ones, allowed: at least 3")
    middle, spread = float(x.mean()), float(x.std())
    y = (x - middle) / spread

    def nll(p: Floats) -> float:
        return gev_nll(y, float(p[0]), float(np.exp(p[1])), float(p[2]))

    tries = [_simplex(nll, np.array([-0.45, np.log(0.78), shape])) for shape in (-0.2, 0.1)]
    best = min(tries, key=lambda t: float(t.fun))
    location, scale, shape = float(best.x[0]), float(np.exp(best.x[1])), float(best.x[2])
    if not np.isfinite(best.fun) or shape < -1:
        raise ValueError(f"maxima: got a likelihood without maximum (shape {shape:.3g}), allowed: above -1")
    hessian = _hessian(lambda p: gev_nll(y, float(p[0]), float(p[1]), float(p[2])), best.x, scale)
    unit = np.array([spread, spread, 1.0])
    regular = shape > -0.5
    covariance: Floats = np.full((3, 3), np.nan)
    if regular:
        covariance = np.asarray(np.linalg.inv(hessian) * np.outer(unit, unit), float)
    return GevFit(
        location=middle + spread * location,
        scale=spread * scale,
        shape=shape,
        nll=float(best.fun) + len(x) * float(np.log(spread)),
        covariance=covariance,
        regular=regular,
    )


def _simplex(function: Callable[[Floats], float], start: Floats) -> optimize.OptimizeResult:
    """Least value by Nelder and Mead: it bears the infinite values beyond what is possible."""
    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        return optimize.minimize(function, start, method="Nelder-Mead", options=options)


def _hessian(function: Callable[[Floats], float], at: Floats, scale: float) -> Floats:
    """Second derivatives by central differences."""
    point, step = np.array([at[0], scale, at[2]]), 1e-4
    out = np.empty((3, 3))
    each = step * np.eye(3)
    for i in range(3):
        for j in range(3):
            signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            terms = [s * function(point + a * each[i] + b * each[j]) for a, b, s in signs]
            out[i, j] = sum(terms) / (4 * step * step)
    return out


def gev_level(chance: ArrayLike, location: ArrayLike, scale: ArrayLike, shape: ArrayLike) -> Floats:
    """Value that the maximum of a block exceeds with a probability: 1/m for a return period of m blocks.

    Examples
    --------
    >>> gev_level([0.1, 0.01], 3.8747, 0.198, -0.0501).round(2).tolist()
    [4.3, 4.69]
    """
    with np.errstate(divide="ignore"):
        logs = -np.log(-np.log1p(-np.asarray(chance, float)))
    return np.asarray(location, float) + np.asarray(scale, float) * _growth(np.asarray(shape, float), logs)


def gev_level_interval(
    maxima: ArrayLike, chance: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Value that the maximum of a block exceeds with a probability, with its profile likelihood interval.

    Parameters
    ----------
    maxima : array_like of float, shape (k,)
        Of blocks; NaN is left out.
    chance : float
        Probability of exceedance in a block.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of float
        Level, lower and upper end.

    Examples
    --------
    >>> level = (np.arange(1, 61) - 0.5) / 60
    >>> [round(x, 1) for x in gev_level_interval(gev_level(1 - level, 10.0, 2.0, 0.0), 0.01)]
    [19.0, 16.6, 25.9]
    """
    x = np.asarray(maxima, float)
    x = x[~np.isnan(x)]
    fit = gev_fit(x)
    level = float(gev_level(chance, fit.location, fit.scale, fit.shape))
    logs = np.asarray(-np.log(-np.log1p(-chance)))
    start = np.array([np.log(fit.scale), fit.shape])

    def profile(z: float) -> float:
        def nll(p: Floats) -> float:
            scale, shape = float(np.exp(p[0])), float(p[1])
            location = z - scale * float(_growth(np.asarray(shape), logs))
            return gev_nll(x, location, scale, shape)

        found = _simplex(nll, start)
        if np.isfinite(found.fun):
            start[:] = found.x  # the next level lies near
        return float(found.fun)

    ends = profile_interval(profile, level, fit.nll, -np.inf, confidence)
    return level, *ends
