"""Negative binomial counts: upper tails and quantiles, for many series at once.

``size`` may be any positive number, and infinite: then the counts are Poisson. The tails are incomplete beta
functions, so that they stay right far out, where one minus a distribution function is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

HUGE = 1e14
"""Means above this are beyond the precision of the incomplete beta function."""

LOPSIDED = 1e3
"""Mean over size from which the other side of the incomplete beta function is the exact one."""


def tail(count: Floats, mean: Floats, size: Floats) -> Floats:
    """Probability of a count at least as large.

    Parameters
    ----------
    count, mean, size : ndarray of float64, shape (n,)
        Variance is ``mean + mean**2 / size``; infinite size is the Poisson distribution.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where one of the three is.

    Examples
    --------
    >>> tail(np.array([0.0, 1.0]), np.array([2.0, 2.0]), np.array([1.0, 1.0])).round(6).tolist()
    [1.0, 0.666667]
    """
    with np.errstate(all="ignore"):
        poisson = np.isinf(size)
        at = np.maximum(count, 1e-300)
        finite = np.where(poisson, 1.0, size)
        share = mean / (mean + finite)
        # Close to one the share keeps few digits of what is left of it, on which the tail rests.
        negative = np.where(
            mean > LOPSIDED * finite,
            special.betaincc(finite, at, finite / (mean + finite)),
            special.betainc(at, finite, share),
        )
        out = np.where(poisson, special.gammainc(at, mean), negative)
        return np.where(count <= 0, np.where(np.isnan(mean + size), np.nan, 1.0), out)


def quantile(level: float, mean: Floats, size: Floats) -> Floats:
    """Smallest count that is not exceeded with probability ``level`` or more.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    mean, size : ndarray of float64, shape (n,)
        As in :func:`tail`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Whole numbers; NaN where mean or size is, or where the mean is infinite.

    Examples
    --------
    >>> quantile(0.95, np.array([2.0, 4.0]), np.array([np.inf, 1.5])).tolist()
    [5.0, 12.0]
    """
    finite = np.isfinite(mean) & ~np.isnan(size)
    known = finite & (mean <= HUGE)
    centre, spread = np.where(known, mean, 0.0), np.where(known, size, np.inf)
    fuzz = (1 - level) * (1 + 64 * np.finfo(float).eps) + 1e-300

    def enough(count: Floats) -> NDArray[np.bool_]:
        # Where the tail overflows nothing is left of it; taken as not enough, the search would never end.
        return ~(tail(count + 1, centre, spread) > fuzz)

    with np.errstate(all="ignore"):
        deviation = np.sqrt(centre + np.where(np.isinf(spread), 0.0, centre**2 / spread))
        low, width = np.full(len(centre), -1.0), np.minimum(np.ceil(centre + 3 * deviation) + 1, 1e290)
        high = low + width
        while not (reached := enough(high)).all():
            low = np.where(reached, low, high)
            high = np.where(reached, high, high + (width := 2 * width))
        # From here on the answer lies above `low` and not above `high`.
        while True:
            middle = np.floor((low + high) / 2)
            # Beyond 2**53 two neighbouring numbers are more than one apart, with none between them.
            apart = (high - low > 1) & (low < middle) & (middle < high)
            if not apart.any():
                break
            inside = apart & enough(middle)
            high = np.where(inside, middle, high)
            low = np.where(apart & ~inside, middle, low)
        return np.where(known, high, np.where(finite, _far_quantile(level, mean, size), np.nan))


def _far_quantile(level: float, mean: Floats, size: Floats) -> Floats:
    """Quantile where counts are so large that single ones do not matter: of the limiting distributions."""
    z = float(special.ndtri(level))
    nearly_normal = (size > 1e8) | np.isinf(size)
    phi = 1 + np.where(np.isinf(size), 0.0, mean / size)  # variance over mean
    skewed = mean * special.gammaincinv(np.where(nearly_normal, 1.0, size), level) / size
    # Cornish and Fisher: the skewness adds a constant, (2 phi - 1) (z^2 - 1) / 6.
    normal = np.floor(mean + z * np.sqrt(mean) * np.sqrt(phi) + (2 * phi - 1) * (z * z - 1) / 6)
    return np.asarray(np.where(nearly_normal, normal, skewed))
