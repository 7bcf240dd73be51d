"""Scores of forecasts: how far off they were, told as one number that cannot be gamed.

All functions take arrays that broadcast against each other and give arrays; NaN in, NaN out. Scores are
losses (smaller is better) unless the name says skill. Where literature has several conventions, the
docstring names the one used. Those of alarms against events stand in :mod:`tocsin.stats.contingency`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


def _floats(*given: ArrayLike) -> list[Floats]:
    return [np.asarray(g, np.float64) for g in given]


# ---- probability distributions -----------------------------------------------------------------------------


def crps_normal(value: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Floats:
    """Continuous ranked probability score of a normal forecast.

    Parameters
    ----------
    value, mean, sd : array_like
        In one unit; ``sd`` above 0.

    Returns
    -------
    ndarray
        In the same unit.

    References
    ----------
    Gneiting, Raftery (2007), Journal of the American Statistical Association 102:359,
    doi:10.1198/016214506000001437.

    Examples
    --------
    >>> float(crps_normal(0, 0, 1).round(8))
    0.23369498
    """
    x, m, s = _floats(value, mean, sd)
    z = (x - m) / s
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    score: Floats = s * (z * (2 * special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return score


def crps_gev(value: ArrayLike, location: ArrayLike, scale: ArrayLike, shape: ArrayLike) -> Floats:
    """CRPS of a generalised extreme value forecast; shape above 0 is a heavy upper tail.

    Parameters
    ----------
    value, location, scale : array_like
        In one unit; ``scale`` above 0.
    shape : array_like
        Below 1 (there is no mean from 1 on) and not 0.

    References
    ----------
    Friederichs, Thorarinsdottir (2012), Environmetrics 23:579, doi:10.1002/env.2176.

    Examples
    --------
    >>> float(crps_gev(1, 0, 1, 0.2).round(8))
    0.4198457
    """
    x, m, s, k = _floats(value, location, scale, shape)
    inner = np.maximum(1 + k * (x - m) / s, 0.0)
    with np.errstate(divide="ignore"):
        hazard = np.where(inner > 0, inner ** (-1 / k), np.where(k > 0, np.inf, 0.0))  # -log F
    f = np.exp(-hazard)
    gamma = special.gamma(1 - k)
    lower = special.gammainc(1 - k, hazard) * gamma
    score: Floats = (m - x - s / k) * (1 - 2 * f) - s / k * (2**k * gamma - 2 * lower)
    return score


def crps_ensemble(value: ArrayLike, members: ArrayLike, *, fair: bool = False) -> Floats:
    """CRPS of an ensemble, members along the last axis.

    Parameters
    ----------
    value : array_like, shape (...)
        What came.
    members : array_like, shape (..., n_members)
        The ensemble.
    fair : bool
        False: the members are the distribution (its empirical distribution function). True: they are a
        sample from it, and the score is what an ensemble without end would have in the mean.

    References
    ----------
    Ferro (2014), Quarterly Journal of the Royal Meteorological Society 140:1917, doi:10.1002/qj.2270.

    Examples
    --------
    >>> float(crps_ensemble(3, [1, 2, 4, 8])), float(crps_ensemble(3, [1, 2, 4, 8], fair=True).round(5))
    (0.8125, 0.33333)
    """
    x, e = _floats(value, members)
    n = e.shape[-1]
    e = np.sort(e, -1)
    # Sum over pairs |e_i - e_j| in sorted order: no n by n table.
    weight = 2 * np.arange(1, n + 1) - n - 1
    pairs = (e * weight).sum(-1) * 2
    spread = pairs / (n * (n - 1)) if fair else pairs / n**2
    score: Floats = np.abs(e - x[..., None]).mean(-1) - spread / 2
    return score


def twcrps_ensemble(
    value: ArrayLike,
    members: ArrayLike,
    *,
    above: float = -np.inf,
    below: float = np.inf,
    fair: bool = False,
) -> Floats:
    """Threshold-weighted CRPS of an ensemble: only what happens between two thresholds counts.

    Parameters
    ----------
    value, members, fair
        As :func:`crps_ensemble`.
    above, below : float
        Weight 1 between them, 0 elsewhere.

    References
    ----------
    Allen, Ginsbourger, Ziegel (2023), SIAM/ASA Journal on Uncertainty Quantification 11:906,
    doi:10.1137/22M1532184 (the chaining function).

    Examples
    --------
    >>> float(twcrps_ensemble(3, [1, 2, 4, 8], above=4))
    0.25
    """
    return crps_ensemble(np.clip(value, above, below), np.clip(members, above, below), fair=fair)


def pinball(value: ArrayLike, quantile: ArrayLike, level: ArrayLike) -> Floats:
    """Quantile score ``(1{value < q} - level) (q - value)``, without the factor 2 that some put before it.

    References
    ----------
    Gneiting (2011), Journal of the American Statistical Association 106:746, doi:10.1198/jasa.2011.r10138.

    Examples
    --------
    >>> pinball([5, 1], 3, 0.9).round(12).tolist()
    [1.8, 0.2]
    """
    x, q, a = _floats(value, quantile, level)
    score: Floats = np.where(np.isnan(x) | np.isnan(q), np.nan, ((x < q) - a) * (q - x))
    return score


def crps_quantiles(value: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """CRPS of a forecast that is known by some quantiles: twice the mean of their pinball scores.

    An approximation: exact as the levels become many and evenly spread over (0, 1), as ``(i - 1/2) / n``
    are; then it is :func:`crps_ensemble` with the quantiles as members.

    Parameters
    ----------
    value : array_like, shape (...)
        What came.
    quantiles : array_like, shape (..., n_levels)
        Quantiles.
    levels : array_like, shape (n_levels,)
        Their levels.

    References
    ----------
    Laio, Tamea (2007), Hydrology and Earth System Sciences 11:1267, doi:10.5194/hess-11-1267-2007.

    Examples
    --------
    >>> float(crps_quantiles(3, [1, 2, 4, 8], [0.125, 0.375, 0.625, 0.875]))
    0.8125
    """
    (x,) = _floats(value)
    score: Floats = 2 * pinball(x[..., None], quantiles, levels).mean(-1)
    return score


def interval_score(value: ArrayLike, lower: ArrayLike, upper: ArrayLike, alpha: float) -> Floats:
    """Score of a central interval that shall hold ``1 - alpha``: its width, and 2/alpha for each unit missed.

    The convention is that of Gneiting and Raftery (Winkler's), not the one divided by two or by the width of
    the levels.

    References
    ----------
    Gneiting, Raftery (2007), doi:10.1198/016214506000001437, equation 43.

    Examples
    --------
    >>> interval_score([5, 12], 0, 10, 0.1).tolist()
    [10.0, 50.0]
    """
    x, low, high = _floats(value, lower, upper)
    miss = np.maximum(low - x, 0) + np.maximum(x - high, 0)
    score: Floats = high - low + 2 / alpha * miss
    return score


def coverage(value: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Floats:
    """Share of values within their intervals, ends included; pairs with a NaN are left out.

    Returns
    -------
    ndarray, shape ()
        NaN when no pair is known.

    Examples
    --------
    >>> float(coverage([1, 5, float("nan")], 0, 2))
    0.5
    """
    x, low, high = np.broadcast_arrays(*_floats(value, lower, upper))
    known = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
    inside = (low <= x) & (x <= high) & known
    share: Floats = np.asarray(inside.sum() / known.sum() if known.any() else np.nan)
    return share


def log_score(probability: ArrayLike) -> Floats:
    """Negative natural logarithm of the probability (or density) that was given to what came.

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14:107.

    Examples
    --------
    >>> log_score([1.0, 0.5, 0.0]).round(4).tolist()
    [0.0, 0.6931, inf]
    """
    (p,) = _floats(probability)
    with np.errstate(divide="ignore"):
        score: Floats = np.abs(np.log(p))
    return score


def skill(score: ArrayLike, reference: ArrayLike) -> Floats:
    """Skill: 1 is perfect, 0 as the reference, below 0 worse; NaN where the reference is perfect.

    Examples
    --------
    >>> skill([1.0, 3.0], 2.0).tolist()
    [0.5, -0.5]
    """
    s, r = np.broadcast_arrays(*_floats(score, reference))
    with np.errstate(divide="ignore", invalid="ignore"):
        gain: Floats = np.where(r == 0, np.nan, 1 - s / r)
    return gain


def pit_histogram(below: ArrayLike, upto: ArrayLike, bins: int = 10) -> Floats:
    """Histogram of the probability integral transform, not randomised: flat when forecasts are calibrated.

    Parameters
    ----------
    below, upto : array_like, shape (n,)
        Forecast probability of a value below what came, and of a value up to it; equal for a continuous
        forecast. Pairs with a NaN are left out.
    bins : int
        Number of bins.

    Returns
    -------
    ndarray, shape (bins,)
        Shares; each is ``1 / bins`` in the mean when calibrated.

    References
    ----------
    Czado, Gneiting, Held (2009), Biometrics 65:1254, doi:10.1111/j.1541-0420.2009.01191.x.

    Examples
    --------
    >>> pit_histogram([0.0, 0.25], [0.5, 0.25], bins=4).tolist()
    [0.25, 0.75, 0.0, 0.0]
    """
    low, high = _floats(below, upto)
    known = np.isfinite(low) & np.isfinite(high)
    low, high = low[known, None], high[known, None]
    edges = np.linspace(0, 1, bins + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.clip((edges - low) / (high - low), 0, 1)
    step = np.where(edges > high, 1.0, 0.0)  # a value on an edge belongs to the bin above, 1 to the last
    step[:, -1] = 1.0
    share: Floats = np.diff(np.where(high > low, spread, step), axis=1).mean(0)
    return share


# ---- probabilities of yes or no ----------------------------------------------------------------------------


def brier(probability: ArrayLike, outcome: ArrayLike) -> Floats:
    """Brier score, one an event: the squared error of a probability.

    References
    ----------
    Brier (1950), Monthly Weather Review 78:1, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> brier([0.8, 0.8], [1, 0]).round(2).tolist()
    [0.04, 0.64]
    """
    p, y = _floats(probability, outcome)
    score: Floats = (p - y) ** 2
    return score


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierParts:
    """Brier score and its parts: ``score = reliability - resolution + uncertainty``.

    Parameters
    ----------
    score, reliability, resolution, uncertainty : float
        Reliability and uncertainty are losses, resolution a gain.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float

    @property
    def skill(self) -> float:
        """Against the base rate of the same events."""
        return float(skill(self.score, self.uncertainty))


def brier_decomposition(probability: ArrayLike, outcome: ArrayLike) -> BrierParts:
    """Decompose the mean Brier score by the distinct forecast values: exact, no bins.

    Parameters
    ----------
    probability, outcome : array_like, shape (n,)
        Forecasts, and 1 or 0 for what came.

    Raises
    ------
    ValueError
        Without any event, or when something is NaN.

    References
    ----------
    Murphy (1973), Journal of Applied Meteorology 12:595,
    doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2.

    Examples
    --------
    >>> parts = brier_decomposition([0.2, 0.2, 0.8, 0.8], [0, 1, 1, 1])
    >>> round(parts.score, 12), round(parts.reliability - parts.resolution + parts.uncertainty, 12)
    (0.19, 0.19)
    """
    p, y = _pairs(probability, outcome)
    values, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rate = np.bincount(place, y) / count
    base = y.mean()
    return BrierParts(
        score=float(brier(p, y).mean()),
        reliability=float((count * (values - rate) ** 2).sum() / len(p)),
        resolution=float((count * (rate - base) ** 2).sum() / len(p)),
        uncertainty=float(base * (1 - base)),
    )


def roc(forecast: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Receiver operating characteristic: what each threshold would have found and cost.

    Parameters
    ----------
    forecast, outcome : array_like, shape (n,)
        Probability or any number that rises with it; 1 or 0 for what came.

    Returns
    -------
    tuple of ndarray, shape (n_thresholds + 1,)
        Thresholds from ``inf`` down, probability of false detection, probability of detection: an alarm is
        a forecast at or above the threshold.

    Raises
    ------
    ValueError
        Without both an event and a non-event, or when something is NaN.

    Examples
    --------
    >>> [x.tolist() for x in roc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0])]
    [[inf, 0.9, 0.4, 0.1], [0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0]]
    """
    x, y = _pairs(forecast, outcome)
    if not 0 < y.sum() < len(y):
        raise ValueError(f"outcome: got {y.sum():g} events of {len(y)}, allowed: events and non-events")
    values, place = np.unique(x, return_inverse=True)
    hits = np.cumsum(np.bincount(place, y)[::-1]) / y.sum()
    false = np.cumsum(np.bincount(place, 1 - y)[::-1]) / (1 - y).sum()
    return (
        np.concatenate([[np.inf], values[::-1]]),
        np.concatenate([[0.0], false]),
        np.concatenate([[0.0], hits]),
    )


def auc(forecast: ArrayLike, outcome: ArrayLike) -> float:
    """Area under the ROC: chance that an event had the higher forecast than a non-event, ties counted half.

    Raises
    ------
    ValueError
        As :func:`roc`.

    References
    ----------
    Mason, Graham (2002), Quarterly Journal of the Royal Meteorological Society 128:2145,
    doi:10.1256/003590002320603584.

    Examples
    --------
    >>> auc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0])
    0.875
    """
    _, false, hits = roc(forecast, outcome)
    return float(np.trapezoid(hits, false))


def _pairs(forecast: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    x, y = _floats(forecast, outcome)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"forecast, outcome: got shapes {x.shape}, {y.shape}, allowed: (n,), n at least 1")
    if np.isnan(x).any() or not np.isin(y, (0, 1)).all():
        raise ValueError("forecast, outcome: got NaN or an outcome that is neither 0 nor 1")
    return x, y
