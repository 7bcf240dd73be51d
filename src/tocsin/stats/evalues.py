"""E-values: evidence that may be looked at at any time, stopped at any time and multiplied.

An e-value is a number at least 0 whose mean is at most 1 when nothing is wrong; 20 is as strong as a p-value
of 0.05, and stays so whatever rule decided when to look. Products of e-values of independent periods are
e-values again (:func:`wealth`), means of any e-values too, however dependent (:func:`merged`).

An *e-detector* watches for a change at an unknown time. With limit 1/alpha the mean time to a false alarm is
at least 1/alpha periods, as long as the mean of each e-value given the past is at most 1. Two kinds:

``sr``
    Shiryaev-Roberts: ``M = e * (1 + M)``, the sum over all times at which the change may have been.
``cusum``
    ``M = e * max(1, M)``, the largest of them; it stays near 1 in normal times, and is never above ``sr``,
    so that it alarms later.

Evidence is kept as natural logarithm, so that years of it do not overflow. State: 8 bytes a series; a step is
a few operations.

References
----------
Shin, Ramdas, Rinaldo (2023), E-detectors: a nonparametric framework for sequential change detection, New
England Journal of Statistics in Data Science 2:229, doi:10.51387/23-NEJSDS51;
Vovk, Wang (2021), E-values: calibration, combination and applications, Annals of Statistics 49:1736,
doi:10.1214/20-AOS2020;
Wang, Ramdas (2022), False discovery rate control with e-values, J. R. Stat. Soc. B 84:822,
doi:10.1111/rssb.12489;
Lorden (1971), Annals of Mathematical Statistics 42:1897, doi:10.1214/aoms/1177693055.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tocsin.model import ConfigError, MethodError

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]

KINDS = ("sr", "cusum")
LEAST_P = 1e-300


def from_p(p: ArrayLike, kappa: float = 0.0) -> Floats:
    """E-value of a p-value.

    Parameters
    ----------
    p : array_like
        P-values, valid (at most uniform) in normal times; NaN stays NaN. Below 1e-300 they count as that.
    kappa : float
        Between 0 and 1: ``kappa * p**(kappa - 1)``, strongest for p about exp(-1/kappa). 0: the mean of these
        over all kappa, ``(1 - p + p log p) / (p log(p)**2)``, which needs no choice.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ConfigError
        When kappa is out of bounds.
    MethodError
        When p is no probability.

    Examples
    --------
    >>> from_p([1.0, 0.05, 1e-4]).round(2).tolist(), from_p(0.01, 0.5).round(9).tolist()
    ([0.5, 1.78, 117.76], 5.0)
    """
    if not 0 <= kappa < 1:
        raise ConfigError("e-value", "kappa", kappa, "0, or between 0 and 1")
    every = np.asarray(p, float)
    known = every[~np.isnan(every)]
    if ((known < 0) | (known > 1)).any():
        raise MethodError(f"p-values: got {known.min()} to {known.max()}, allowed: 0 to 1, or NaN")
    low = np.maximum(every, LEAST_P)
    if kappa:
        return np.asarray(kappa * low ** (kappa - 1))
    x = -np.log(low)
    near = x < 1e-3  # both sides vanish: the series instead
    x = np.where(near, 1.0, x)
    far = (np.expm1(x) - x) / x**2
    x = np.where(near, -np.log(low), x)
    return np.asarray(np.where(near, 0.5 + x / 6 + x**2 / 24, far))


def of_counts(values: ArrayLike, expected: ArrayLike, ratio: float) -> Floats:
    """E-value of Poisson counts: likelihood ratio of ``ratio`` times the expectation against it.

    Parameters
    ----------
    values, expected : array_like of float64
        Counts and their expectation in normal times (or more than that, for ratio above 1).
    ratio : float
        Above 0; the size of change that is looked for.

    Returns
    -------
    ndarray of float64
        NaN where something is unknown.

    Examples
    --------
    >>> of_counts([2.0, 10.0], [2.0, 2.0], 3.0).round(3).tolist()
    [0.165, 1081.52]
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise ConfigError("e-value", "ratio", ratio, "a number above 0")
    y, mu = np.asarray(values, float), np.asarray(expected, float)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.exp(y * math.log(ratio) - (ratio - 1) * mu))


def of_normal(values: ArrayLike, shift: float) -> Floats:
    """E-value of standard normal scores: likelihood ratio of a mean of ``shift`` against 0.

    Examples
    --------
    >>> of_normal([0.0, 3.0], 1.0).round(3).tolist()
    [0.607, 12.182]
    """
    return np.asarray(np.exp(shift * np.asarray(values, float) - shift**2 / 2))


def merged(e: ArrayLike, axis: int = -1) -> Floats:
    """E-value that none of a family holds a signal: the mean, valid under any dependence; NaN is left out.

    Examples
    --------
    >>> float(merged([0.5, 0.5, 20.0, float("nan")]))
    7.0
    """
    every = np.asarray(e, float)
    known = ~np.isnan(every)
    count = known.sum(axis)
    total = np.where(known, every, 0.0).sum(axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def to_p(e: ArrayLike) -> Floats:
    """P-value of an e-value: its reciprocal, at most 1 (Markov).

    Examples
    --------
    >>> to_p([20.0, 0.5]).tolist()
    [0.05, 1.0]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(1.0, 1 / np.asarray(e, float)))


def e_benjamini_hochberg(e: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Discoveries at false discovery rate ``alpha``, under any dependence between the tests.

    Parameters
    ----------
    e : array_like, shape (n,)
        E-values; NaN is no test and no discovery.
    alpha : float
        Rate.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> e_benjamini_hochberg([100.0, 30.0, 1.0, 25.0], 0.1).tolist()
    [True, True, False, True]
    """
    every = np.asarray(e, float)
    known = np.sort(every[~np.isnan(every)])[::-1]
    n = len(known)
    met = np.flatnonzero(known * np.arange(1, n + 1) >= n / alpha)
    limit = known[met[-1]] if len(met) else math.inf
    with np.errstate(invalid="ignore"):
        return np.asarray((every >= limit) & bool(len(met)))


def start(n: int) -> State:
    """State of an e-detector, or of :func:`wealth`, over ``n`` series: nothing seen.

    Examples
    --------
    >>> state = start(1)
    >>> float(detect(state, np.array([3.0]), kind="sr")[0].round(9))
    3.0
    >>> float(detect(state, np.array([2.0]), kind="sr")[0].round(9))
    8.0
    """
    return {"log": np.full(n, -np.inf)}


def detect(state: State, e: Floats, *, kind: str = "sr") -> Floats:
    """Evidence of an e-detector after one more period; alarm where it is at least 1/alpha.

    Parameters
    ----------
    state : dict of ndarray
        As :func:`start` made it; changed in place.
    e : ndarray of float64, shape (n,)
        E-value of the period given the past; NaN says nothing and is passed over.
    kind : str
        ``sr`` or ``cusum``.

    Returns
    -------
    ndarray of float64, shape (n,)
        Evidence, infinite beyond the range of a float; NaN where e is.

    Raises
    ------
    ConfigError
        When the kind is none of the two.
    MethodError
        When an e-value is negative.
    """
    if kind not in KINDS:
        raise ConfigError("e-detector", "kind", kind, KINDS)
    log, known = state["log"], ~np.isnan(e)
    gain = _log(e)
    with np.errstate(under="ignore"):
        before = np.logaddexp(0.0, log) if kind == "sr" else np.maximum(0.0, log)
    state["log"] = np.where(known, gain + before, log)
    return _shown(state["log"], known)


def restart(state: State, where: NDArray[np.bool_]) -> None:
    """Begin anew in some series, as after an alarm; in place."""
    state["log"] = np.where(where, -np.inf, state["log"])


def wealth(state: State, e: Floats) -> Floats:
    """Product of all e-values so far: evidence that something was wrong from the beginning.

    It exceeds 1/alpha at any time with probability at most alpha in normal times (Ville). Parameters and
    result are as of :func:`detect`.

    Examples
    --------
    >>> state = start(1)
    >>> for e in (3.0, 2.0, float("nan"), 0.5):
    ...     last = wealth(state, np.array([e]))
    >>> float(last[0].round(9))
    3.0
    """
    log, known = state["log"], ~np.isnan(e)
    before = np.where(np.isneginf(log), 0.0, log)
    state["log"] = np.where(known, np.maximum(_log(e) + before, -1e300), log)
    return _shown(state["log"], known)


def _log(e: Floats) -> Floats:
    if (e < 0).any():
        raise MethodError(f"e-values: got {np.nanmin(e)}, allowed: at least 0, or NaN")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.where(np.isnan(e), 1.0, e)))


def _shown(log: Floats, known: NDArray[np.bool_]) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.where(known, np.exp(log), np.nan))
