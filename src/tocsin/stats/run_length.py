"""Run lengths of control charts: how long until a chart alarms, in control and out of control.

The average run length (ARL) is the expected number of observations up to and with the first alarm. The
charts of normal observations solve Page's integral equation at Gauss-Legendre nodes, those of Poisson counts
an exact Markov chain on the grid of reference value and limit.

References
----------
Page (1954), Biometrika 41:100, doi:10.1093/biomet/41.1-2.100;
Brook, Evans (1972), Biometrika 59:539, doi:10.1093/biomet/59.3.539;
Lucas, Crosier (1982), Technometrics 24:199, doi:10.1080/00401706.1982.10487759;
Crowder (1987), Technometrics 29:401, doi:10.1080/00401706.1987.10488267;
Siegmund (1985), Sequential Analysis, doi:10.1007/978-1-4757-1862-1;
Borror, Champ, Rigdon (1998), Journal of Quality Technology 30:352, doi:10.1080/00224065.1998.11979871.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

Floats = NDArray[np.float64]

NODES = 96
"""Gauss-Legendre nodes: the relative error is below 1e-8 for the limits in use."""


def cusum_arl(
    k: float, h: float, mean: float = 0.0, *, head_start: float = 0.0, two_sided: bool = False
) -> float:
    """ARL of a CUSUM of normal observations of variance 1: ``C = max(0, C + x - k)``, alarm when C > h.

    Parameters
    ----------
    k, h : float
        Reference value and decision limit, in standard deviations.
    mean : float
        Of the observations.
    head_start : float
        Value of C before the first observation, on both sides of a two-sided chart.
    two_sided : bool
        Whether a second chart runs on ``-x``; the alarm of either counts. The combination is exact as long as
        the two cannot be away from zero for the same reason (head_start at most h/2 + k).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When h is not positive or the head start does not lie in ``[0, h]``.

    Examples
    --------
    >>> round(cusum_arl(0.5, 4.0), 2), round(cusum_arl(0.5, 4.0, two_sided=True), 2)
    (335.37, 167.68)
    """
    if not h > 0 or not 0 <= head_start <= h:
        raise ValueError(f"h, head_start: got {h}, {head_start}, allowed: h above 0, a head start in [0, h]")
    up, up_zero = _cusum(k, h, mean, head_start)
    if not two_sided:
        return up
    down, down_zero = _cusum(k, h, -mean, head_start)
    return (up * down_zero + down * up_zero - up_zero * down_zero) / (up_zero + down_zero)


def _cusum(k: float, h: float, mean: float, start: float) -> tuple[float, float]:
    """ARL from ``start`` and from zero."""
    nodes, weights = _legendre(0.0, h)
    kernel = _density(nodes[None, :] - nodes[:, None] + k - mean) * weights
    atom = special.ndtr(k - nodes - mean)
    n = len(nodes)
    system = np.eye(n + 1)
    system[:n, :n] -= kernel
    system[:n, n] -= atom
    from_zero = _density(nodes + k - mean) * weights
    system[n, :n] -= from_zero
    system[n, n] -= special.ndtr(k - mean)
    length = np.linalg.solve(system, np.ones(n + 1))
    zero = float(length[n])
    there = (
        1
        + zero * special.ndtr(k - start - mean)
        + _density(nodes - start + k - mean) @ (weights * length[:n])
    )
    return float(there), zero


def cusum_siegmund(k: float, h: float, mean: float = 0.0) -> float:
    """Siegmund's approximation of :func:`cusum_arl`, one-sided, without head start; within about 1 %.

    Examples
    --------
    >>> round(cusum_siegmund(0.5, 4.0), 1)
    338.1
    """
    drift, b = mean - k, h + 1.166
    if drift == 0:
        return b * b
    return (math.exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift * drift)


def cusum_limit(k: float, arl: float, *, head_start: bool = False, two_sided: bool = False) -> float:
    """Decision limit h at which a CUSUM of normal observations has this ARL in control.

    Parameters
    ----------
    k, arl : float
        Reference value; ARL wanted, above 1.
    head_start : bool
        Whether the chart starts at h/2.
    two_sided : bool
        As in :func:`cusum_arl`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        When no limit has it.

    Examples
    --------
    >>> round(cusum_limit(0.5, 335.37), 3)
    4.0
    """

    def off(h: float) -> float:
        got = cusum_arl(k, h, head_start=h / 2 if head_start else 0.0, two_sided=two_sided)
        return math.log(got / arl)

    return _root(off, 0.01, f"k = {k}, arl = {arl}")


def cusum_design(arl_in: float, arl_out: float) -> tuple[float, float]:
    """Reference value and limit of a one-sided CUSUM with given ARLs in control and at a mean of 2k.

    Examples
    --------
    >>> k, h = cusum_design(500.0, 7.0)
    >>> round(cusum_arl(k, h)), round(cusum_arl(k, h, 2 * k), 3)
    (500, 7.0)
    """

    def off(k: float) -> float:
        return math.log(cusum_arl(k, cusum_limit(k, arl_in), 2 * k) / arl_out)

    most = float(special.ndtri(1 - 1 / arl_in))  # beyond it even h = 0 runs longer
    k = float(optimize.brentq(off, 0.02, most - 0.05, xtol=1e-10))
    return k, cusum_limit(k, arl_in)


def ewma_arl(weight: float, limit: float, mean: float = 0.0, *, two_sided: bool = True) -> float:
    """ARL of an EWMA of normal observations with fixed limits.

    ``Z = (1 - weight) Z + weight x``, from 0; alarm when the size of Z (one-sided: Z)
    exceeds ``limit`` standard deviations of the stationary Z. One-sided, Z is held at or above minus six
    of them.

    Parameters
    ----------
    weight, limit : float
        Weight of the newest observation, in (0, 1]; limit in standard deviations of Z.
    mean : float
        Of the observations, in their standard deviations.
    two_sided : bool
        Whether a low Z alarms too.

    Returns
    -------
    float

    Examples
    --------
    >>> round(ewma_arl(0.1, 2.814)), round(ewma_arl(0.1, 2.814, 1.0), 1)
    (500, 10.3)
    """
    sd = math.sqrt(weight / (2 - weight))
    top = limit * sd
    bottom = -top if two_sided else -6 * sd
    nodes, weights = _legendre(bottom, top, 2 * NODES)
    n = len(nodes)
    kernel = _density((nodes[None, :] - (1 - weight) * nodes[:, None]) / weight - mean) * weights / weight
    at_zero = _density(nodes / weight - mean) * weights / weight
    if two_sided:
        length = np.linalg.solve(np.eye(n) - kernel, np.ones(n))
        return float(1 + at_zero @ length)
    system = np.eye(n + 1)
    system[:n, :n] -= kernel
    system[:n, n] -= special.ndtr((bottom - (1 - weight) * nodes) / weight - mean)
    system[n, :n] -= _density((nodes - (1 - weight) * bottom) / weight - mean) * weights / weight
    system[n, n] -= special.ndtr(bottom - mean)
    length = np.linalg.solve(system, np.ones(n + 1))
    return float(1 + length[n] * special.ndtr(bottom / weight - mean) + at_zero @ length[:n])


def ewma_arl_exact_limits(weight: float, limit: float, mean: float = 0.0) -> float:
    """ARL of a two-sided EWMA whose limits follow the exact variance of Z at each step.

    Parameters
    ----------
    weight, limit, mean : float
        As in :func:`ewma_arl`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(ewma_arl_exact_limits(0.1, 2.701), 0)
    357.0
    """
    sd = math.sqrt(weight / (2 - weight))
    total, alive, before = 1.0, 1.0, 1.0
    nodes = weights = density = np.zeros(0)
    for t in range(1, 100_000):
        top = limit * sd * math.sqrt(1 - (1 - weight) ** (2 * t))
        new, new_weights = _legendre(-top, top, 2 * NODES)
        if t == 1:
            density = _density(new / weight - mean) / weight
        else:
            kernel = _density((new[:, None] - (1 - weight) * nodes[None, :]) / weight - mean) / weight
            density = kernel @ (weights * density)
        nodes, weights = new, new_weights
        before, alive, last = alive, float(weights @ density), alive / before
        settled = t > 10 and (1 - weight) ** (2 * t) < 1e-14 and abs(alive / before - last) < 1e-13
        total += alive
        if settled or alive < 1e-14:
            break
    share = alive / before
    return total + alive * share / (1 - share)  # from here on the run length is geometric


def ewma_limit(weight: float, arl: float, *, two_sided: bool = True) -> float:
    """Limit, in standard deviations of Z, at which :func:`ewma_arl` in control has this value.

    Examples
    --------
    >>> round(ewma_limit(0.1, 500.0), 3)
    2.814
    """

    def off(limit: float) -> float:
        return math.log(ewma_arl(weight, limit, two_sided=two_sided) / arl)

    return _root(off, 0.01, f"weight = {weight}, arl = {arl}")


def shewhart_arl(limit: float, mean: float = 0.0, *, two_sided: bool = True) -> float:
    """ARL of a chart of single normal observations: alarm beyond the limit, on either side or above.

    Examples
    --------
    >>> round(shewhart_arl(3.0), 1)
    370.4
    """
    chance = special.ndtr(mean - limit) + (special.ndtr(-mean - limit) if two_sided else 0.0)
    return float(1 / chance)


def shewhart_poisson_arl(limit: float, mean: float) -> float:
    """ARL of a chart of single Poisson counts: alarm when the count exceeds the limit.

    Examples
    --------
    >>> round(shewhart_poisson_arl(2, 0.5), 2)
    69.5
    """
    return float(1 / stats.poisson.sf(limit, mean))


def poisson_cusum_arl(
    k: float, h: float, mean: float, *, digits: int = 1, reaching: bool = False, head_start: float = 0.0
) -> float:
    """ARL of a CUSUM of Poisson counts: ``C = max(0, C + y - k)``.

    Parameters
    ----------
    k, h : float
        Reference value and limit, rounded to ``digits`` decimals: on that grid the chain is exact.
    mean : float
        Of the counts.
    digits : int
        Decimals of the grid.
    reaching : bool
        Whether C = h already alarms. It matters: ARLs differ by up to 3.5 times.
    head_start : float
        Value of C before the first count.

    Returns
    -------
    float

    Examples
    --------
    >>> round(poisson_cusum_arl(1.5, 5, 1.0), 1), round(poisson_cusum_arl(1.5, 5, 1.0, reaching=True), 1)
    (408.0, 273.6)
    """
    unit = 10**digits
    step, top, first = round(k * unit), round(h * unit), round(head_start * unit)
    states = np.arange(top if reaching else top + 1)
    if not 0 <= first < len(states):
        raise ValueError(f"head_start: got {head_start}, allowed: at least 0 and below the limit {h}")
    # From i to j > 0 by the count (j - i + k); to 0 by every count of at most k - i.
    need = states[None, :] - states[:, None] + step
    whole = (need >= 0) & (need % unit == 0)
    most = max(int(need.max()) // unit, 0)
    chance = stats.poisson.pmf(np.arange(most + 1), mean)
    chain = np.where(whole, chance[np.clip(need // unit, 0, most)], 0.0)
    chain[:, 0] = stats.poisson.cdf((step - states) // unit, mean)
    length = np.linalg.solve(np.eye(len(states)) - chain, np.ones(len(states)))
    return float(length[first])


def poisson_cusum_reference(
    mean: float, shift: float = 1.0, *, digits: int = 1, rounded: bool = True
) -> float:
    """Reference value of a Poisson CUSUM for a shift of so many standard deviations.

    Parameters
    ----------
    mean : float
        In control.
    shift : float
        In standard deviations of the counts in control.
    digits : int
        Decimals.
    rounded : bool
        Round to ``digits`` decimals. Of a multiple of 0.5 the next value on the side of the exact one is
        taken: on a coarse grid of counts such a reference value makes the run lengths jump.

    Returns
    -------
    float

    Examples
    --------
    >>> poisson_cusum_reference(2.5), poisson_cusum_reference(4.6)
    (3.2, 5.6)
    """
    out = mean + shift * math.sqrt(mean)
    exact = (out - mean) / (math.log(out) - math.log(mean))
    if not rounded:
        return exact
    unit = 10.0**-digits
    k = float(round(exact, digits))
    if (2 * k) % 1 == 0:
        k = round(exact + (0.5 if (exact / unit) % 1 < 0.5 else -0.5) * unit, digits)
    return k


@functools.lru_cache(maxsize=4096)
def poisson_cusum_limit(
    k: float, arl: float, mean: float, *, digits: int = 1, head_start: bool = False
) -> float:
    """Smallest limit on the grid at which a Poisson CUSUM that alarms at C >= h has at least this ARL.

    Examples
    --------
    >>> h = poisson_cusum_limit(5.6, 200.0, 4.6)
    >>> [poisson_cusum_arl(5.6, limit, 4.6, reaching=True) >= 200 for limit in (h, h - 0.1)]
    [True, False]
    """
    unit = 10**digits

    def length(steps: int) -> float:
        h = steps / unit
        start = round(h / 2, digits) if head_start else 0.0
        return poisson_cusum_arl(k, h, mean, digits=digits, reaching=True, head_start=start)

    low, high = 1, max(2, round(2 * k * unit))
    while length(high) < arl:
        low, high = high, 2 * high
        if high > 4000:
            raise ValueError(f"k = {k}, mean = {mean}: got no limit below {high / unit} with an ARL of {arl}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if length(middle) < arl else (low, middle)
    return float(round(high / unit, digits))


def poisson_ewma_arl(weight: float, limit: float, mean0: float, mean: float, *, classes: int = 401) -> float:
    """ARL of a two-sided EWMA of Poisson counts with fixed limits, from ``mean0``.

    Parameters
    ----------
    weight, limit : float
        As in :func:`ewma_arl`; the limits are ``mean0 ± limit √(weight mean0 / (2 - weight))``.
    mean0, mean : float
        Mean that the chart is made for; mean of the counts.
    classes : int
        States of the Markov chain; the result is an approximation, within about 2 % at 101.

    Returns
    -------
    float

    Examples
    --------
    >>> 220 < poisson_ewma_arl(0.1, 2.5, 2.0, 2.0) < 230
    True
    """
    half = limit * math.sqrt(weight / (2 - weight) * mean0)
    edges = np.linspace(mean0 - half, mean0 + half, classes + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    reach = (edges[None, :] - (1 - weight) * middle[:, None]) / weight
    # Counts up to and with the edge; an edge that a count meets belongs to the class below.
    below = np.where(reach >= 0, stats.poisson.cdf(np.floor(reach + 1e-12), mean), 0.0)
    length = np.linalg.solve(np.eye(classes) - np.diff(below, axis=1), np.ones(classes))
    return float(length[classes // 2])


def first_alarm_cdf(chain: Floats, steps: int, start: int = 0) -> Floats:
    """Probability that a chart has alarmed by each step, from the transitions between its quiet states.

    Parameters
    ----------
    chain : ndarray of float64, shape (n, n) or (steps, n, n)
        Probability of going from a quiet state to another, at every step or step by step.
    steps : int
        Number of steps.
    start : int
        First state.

    Returns
    -------
    ndarray of float64, shape (steps,)

    Examples
    --------
    >>> first_alarm_cdf(np.array([[0.5]]), 3).tolist()
    [0.5, 0.75, 0.875]
    """
    alive = np.zeros(chain.shape[-1])
    alive[start] = 1.0
    gone = np.empty(steps)
    for step in range(steps):
        alive = alive @ (chain if chain.ndim == 2 else chain[step])
        gone[step] = 1 - alive.sum()
    return gone


@functools.lru_cache(maxsize=8)
def _standard(nodes: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(nodes)


def _legendre(low: float, high: float, nodes: int = NODES) -> tuple[Floats, Floats]:
    x, w = _standard(nodes)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * w


def _density(x: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return density


def _root(off: Callable[[float], float], low: float, words: str) -> float:
    high = 1.0
    while off(high) < 0:
        high *= 1.5
        if high > 200:
            raise ValueError(f"{words}: got no limit with this run length, allowed: a run length in reach")
    if off(low) > 0:
        raise ValueError(f"{words}: got a run length below that of the smallest limit")
    return float(optimize.brentq(off, low, high, xtol=1e-12, rtol=1e-14))
