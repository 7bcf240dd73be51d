"""Scores of zones, their largest by chance, and how far beyond that a score lies.

A zone is scored in full only where a cheap upper bound, its chi-square, exceeds the best score so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from tocsin.detect import fast
from tocsin.detect.contract import Floats
from tocsin.detect.scan.zones import Circles, Zones

BLOCK = 256
"""Replicates that are summed at a time without numba."""

_CONDITIONAL, _BERNOULLI, _FREE = 0, 1, 2
_KIND = {"poisson": _CONDITIONAL, "bernoulli": _BERNOULLI, "free": _FREE}


def scores(cases: Floats, expected: Floats, total: float, *, model: str, trials: float = math.nan) -> Floats:
    """Log likelihood ratio of a higher rate inside against one rate everywhere; 0 where it is not higher.

    Parameters
    ----------
    cases, expected : ndarray of float64
        Of each zone; ``expected`` sums to ``total`` over all areas.
    total : float
        Cases everywhere.
    model : str
        ``poisson``, ``bernoulli`` or ``free`` (Poisson with the expectation given, not the total).
    trials : float
        ``bernoulli``: trials everywhere.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> scores(np.array([6.0, 1.0]), np.array([2.0, 3.0]), 10.0, model="poisson").round(4).tolist()
    [3.8191, 0.0]
    """
    out = np.zeros(np.broadcast_shapes(cases.shape, expected.shape))
    c, e = np.broadcast_to(cases, out.shape), np.broadcast_to(expected, out.shape)
    high = (c > e) & (e > 0) & ((e < total * (1 - 1e-12)) | (model == "free"))
    if model == "bernoulli" and total >= trials:
        return out
    out[high] = np.maximum(_score_columns(c[high], e[high], total, _kind(model), trials), 0.0)
    return out


def _kind(model: str) -> int:
    return _KIND[model]


def _score_columns(c: Floats, e: Floats, total: float, kind: int, trials: float) -> Floats:
    inside = special.xlogy(c, c / e)
    if kind == _FREE:
        free: Floats = inside - (c - e)
        return free
    rest = total - c
    inside = inside + special.xlogy(rest, rest / (total - e))
    if kind == _CONDITIONAL:
        return np.asarray(inside)
    rate = total / trials
    within = e / rate
    free_in, free_out = within - c, (trials - within) - rest
    inside = inside + special.xlogy(free_in, free_in / (within * (1 - rate)))
    both: Floats = inside + special.xlogy(free_out, free_out / ((trials - within) * (1 - rate)))
    return both


def _chi(expected: Floats, total: float, kind: int, trials: float) -> Floats:
    """Factor of (c - e)² in an upper bound of the score; 0 where a zone can have none."""
    if kind == _FREE:
        return np.divide(1.0, expected, out=np.zeros_like(expected), where=expected > 0)
    spread = expected * (total - expected)
    if kind == _BERNOULLI:
        spread = spread * (1 - total / trials)
    some = (spread > 0) & (expected < total * (1 - 1e-12))
    return np.divide(total, spread, out=np.zeros_like(expected), where=some)


def maxima(
    zones: Zones,
    tables: Floats,
    expected: Floats,
    total: float,
    *,
    model: str = "poisson",
    trials: float = math.nan,
    least: Floats | None = None,
) -> Floats:
    """Largest score over all zones of each table of counts.

    Parameters
    ----------
    zones : Circles or Sets
        What may be a cluster.
    tables : ndarray of float64, shape (replicates, n)
        Counts by area.
    expected : ndarray of float64, shape (n,)
        Of each area.
    total : float
        Cases everywhere (not only in these tables, where a window of time is scanned).
    model, trials
        As :func:`scores`.
    least : ndarray of float64, shape (replicates,), or None
        Scores reached already, of other windows.

    Returns
    -------
    ndarray of float64, shape (replicates,)
        Not below ``least``.
    """
    best = np.zeros(len(tables)) if least is None else least.astype(float)
    kind = _kind(model)
    if isinstance(zones, Circles):
        inside = np.cumsum(expected[zones.order], 1)
        weight = _chi(inside, total, kind, trials)
        if fast.COMPILED:
            _nested_loop(
                zones.order, zones.sizes, inside, weight, tables, kind, float(total), float(trials), best
            )
            return best
        return _nested_columns(zones, tables, inside, weight, total, kind, trials, best)
    inside = zones.sums(expected)
    weight = _chi(inside, total, kind, trials)
    for begin in range(0, len(tables), BLOCK):
        part = slice(begin, begin + BLOCK)
        for rows in _slices(len(zones), 4096):
            counts = zones.table[rows] @ tables[part].T
            best[part] = _raise(best[part], counts, inside[rows], weight[rows], total, kind, trials)
    return best


def _slices(n: int, size: int) -> Iterator[slice]:
    return (slice(begin, min(begin + size, n)) for begin in range(0, n, size))


def _raise(
    best: Floats, counts: Floats, inside: Floats, weight: Floats, total: float, kind: int, trials: float
) -> Floats:
    """``best`` after the scores of some zones (rows) in each replicate (columns)."""
    # One comparison a cell: the count from which the bound of a zone passes the lowest score so far. The
    # margin covers counts that are held in single precision.
    least = float(best.min())
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = inside + np.where(weight > 0, np.sqrt(0.99 * least / weight), np.inf) - 1e-6 * inside
    near = np.flatnonzero(counts > needed[:, None].astype(counts.dtype))
    zone, replicate = np.divmod(near, counts.shape[1])
    c, e = counts.ravel()[near].astype(float), inside[zone]
    held = (c > e) & ((c - e) ** 2 * weight[zone] * 1.0001 > best[replicate])
    if not held.any():
        return best
    raised = best.copy()
    score = _score_columns(c[held], e[held], total, kind, trials)
    np.maximum.at(raised, replicate[held], score)
    return raised


def _running(counts: Floats) -> Floats:
    """Cumulative sum down the rows, by chunks: numpy's own goes down one column at a time."""
    rows, columns = counts.shape
    chunk = max(1, math.isqrt(rows))
    padded = np.zeros((-(-rows // chunk), chunk, columns), counts.dtype)
    padded.reshape(-1, columns)[:rows] = counts
    for place in range(1, chunk):
        padded[:, place] += padded[:, place - 1]
    for place in range(1, len(padded)):
        padded[place] += padded[place - 1, -1]
    return padded.reshape(-1, columns)[:rows]


def _nested_columns(
    zones: Circles,
    tables: Floats,
    inside: Floats,
    weight: Floats,
    total: float,
    kind: int,
    trials: float,
    best: Floats,
) -> Floats:
    """:func:`maxima` over circles, by numpy: one centre at a time, all radii and a block of replicates."""
    narrow = np.float32 if total < 2**24 and (tables == np.floor(tables)).all() else np.float64
    for begin in range(0, len(tables), BLOCK):
        part = slice(begin, begin + BLOCK)
        columns = np.ascontiguousarray(tables[part].T.astype(narrow))
        for centre, size in enumerate(zones.sizes.tolist()):
            if size:
                counts = _running(columns[zones.order[centre, :size]])
                best[part] = _raise(
                    best[part], counts, inside[centre, :size], weight[centre, :size], total, kind, trials
                )
    return best


@fast.compiled()
def _nested_loop(
    order: Any,
    sizes: Any,
    inside: Any,
    weight: Any,
    tables: Any,
    kind: int,
    total: float,
    trials: float,
    best: Any,
) -> None:
    """:func:`maxima` over circles, compiled; raises ``best`` in place."""
    rate = total / trials
    for begin in range(0, len(tables), 32):
        for centre in range(len(sizes)):
            for replicate in range(begin, min(begin + 32, len(tables))):
                reached = best[replicate]
                c = 0.0
                for place in range(sizes[centre]):
                    c += tables[replicate, order[centre, place]]
                    e = inside[centre, place]
                    excess = c - e
                    if excess <= 0 or excess * excess * weight[centre, place] * 1.0001 <= reached:
                        continue
                    score = c * math.log(c / e)
                    rest = total - c
                    if kind == 2:
                        score -= excess
                    elif rest > 0:
                        score += rest * math.log(rest / (total - e))
                    if kind == 1:
                        within = e / rate
                        free_in, free_out = within - c, (trials - within) - rest
                        if free_in > 0:
                            score += free_in * math.log(free_in / (within * (1 - rate)))
                        if free_out > 0:
                            score += free_out * math.log(free_out / ((trials - within) * (1 - rate)))
                    reached = max(reached, score)
                best[replicate] = reached


def gumbel_tail(maximum: Floats, statistic: float | Floats) -> Floats:
    """Probability of a maximum this large, by the Gumbel distribution fitted to simulated ones by moments.

    Parameters
    ----------
    maximum : ndarray of float64, shape (replicates,)
        Simulated maxima.
    statistic : float or ndarray of float64
        Observed.

    Returns
    -------
    ndarray of float64
        NaN with fewer than two replicates.

    Examples
    --------
    >>> gumbel_tail(np.array([3.0, 4.0, 5.0, 4.0]), 12.0).round(9).tolist()
    1.958e-06
    """
    location, scale = gumbel_fit(maximum)
    return tail_beyond(location, scale, np.asarray(statistic, float))


def gumbel_fit(maximum: Floats) -> tuple[float, float]:
    """Location and scale of a Gumbel distribution by moments; NaN with fewer than two values."""
    if len(maximum) < 2:
        return math.nan, math.nan
    scale = float(np.std(maximum, ddof=1)) * math.sqrt(6) / math.pi
    return float(np.mean(maximum)) - np.euler_gamma * scale, scale


def tail_beyond(location: float, scale: float, statistic: Floats) -> Floats:
    """Upper tail of a Gumbel distribution; of scale 0, a step."""
    if scale == 0:
        return np.where(statistic <= location, 1.0, 0.0)
    with np.errstate(over="ignore", under="ignore"):
        tail: Floats = -np.expm1(-np.exp(-(statistic - location) / scale))
    return tail
