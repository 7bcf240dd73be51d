"""Clusters in space and time: sets of areas in which the last periods are too high."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tocsin.detect.contract import Floats
from tocsin.detect.scan.found import Cluster, Scan, rank
from tocsin.detect.scan.statistic import gumbel_tail, maxima, scores
from tocsin.detect.scan.zones import Circles, Ints
from tocsin.model import ConfigError, MethodError

STATISTICS = ("pb_poisson", "eb_poisson", "permutation")
SCANSTATISTICS = "scanstatistics-1.1.2"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows(Scan):
    """What a space-time scan found, with the score of every zone and duration.

    Parameters
    ----------
    zones : tuple of tuple of int
        Distinct sets of areas, nearest first.
    scores, cases, expected : ndarray of float64, shape (longest, n_zones)
        Row *d* - 1: of the last *d* periods.
    total : float
        Cases in all periods.
    """

    zones: tuple[tuple[int, ...], ...]
    scores: Floats
    cases: Floats
    expected: Floats
    total: float

    @property
    def inside(self) -> Floats:
        """Cases over expected in each window, shape (longest, n_zones); NaN where none are expected."""
        return _ratio(self.cases, self.expected)

    @property
    def outside(self) -> Floats:
        """Cases over expected everywhere else and before."""
        return _ratio(self.total - self.cases, self.total - self.expected)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def baseline(counts: Floats, population: Floats | None) -> Floats:
    """Expected counts by period and area.

    Parameters
    ----------
    counts : ndarray of float64, shape (n_times, n)
        Known and not negative.
    population : ndarray of float64, shape (n_times, n), or None
        With it every period gets the same total, the cases over the number of periods, divided by the share
        of each area in the population *of that period*. Without: product of the margins, cases of the period
        times cases of the area over all cases.

    Returns
    -------
    ndarray of float64, shape (n_times, n)
        Sums to the cases.

    Raises
    ------
    MethodError
        When a count is negative or unknown, or a period has no population.

    Examples
    --------
    >>> baseline(np.array([[3.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 3.0]])).tolist()
    [[1.5, 1.5], [0.75, 2.25]]
    """
    for name, table in (("counts", counts), ("population", population)):
        if table is not None and not (np.isfinite(table).all() and (table >= 0).all()):
            period, area = (int(x[0]) for x in np.nonzero(~(np.isfinite(table) & (table >= 0))))
            got = table[period, area]
            raise MethodError(f"{name} of area {area} in period {period}: got {got}, allowed: at least 0")
    total = float(counts.sum())
    if population is None:
        product = np.outer(counts.sum(1), counts.sum(0))
        return product / total if total else np.zeros(counts.shape)
    if (population.sum(1) <= 0).any():
        raise MethodError("population: got 0 in all areas of a period, allowed: more than 0 in one")
    share: Floats = population / population.sum(1, keepdims=True)
    return total / len(counts) * share


def prospective(
    counts: Floats,
    zones: Circles,
    *,
    rng: np.random.Generator,
    population: Floats | None = None,
    statistic: str = "pb_poisson",
    longest: int = 6,
    replicates: int = 999,
    alpha: float = 0.05,
    compatible: str = "",
) -> Windows:
    """Sets of areas whose last periods are too high.

    Parameters
    ----------
    counts : ndarray of float64, shape (n_times, n)
        Cases by period and area; the newest period is the last row.
    zones : Circles
        What may be a cluster; sets that occur twice are looked at once.
    rng : Generator
        For the replicates.
    population : ndarray of float64, shape (n_times, n), or None
        See :func:`baseline`.
    statistic : str
        ``pb_poisson`` (the total is given), ``eb_poisson`` (the expectation is given) or ``permutation`` (the
        score of the first, judged against the same cases with their times shuffled).
    longest : int
        Periods of the longest window, at most n_times.
    replicates, alpha
        As :func:`clusters`.
    compatible : str
        ``scanstatistics-1.1.2``: replicates that only equal the observed score do not count.

    Returns
    -------
    Windows

    Raises
    ------
    MethodError
        As :func:`baseline`.
    ConfigError
        When a setting is not allowed.

    Examples
    --------
    >>> from tocsin.detect.scan.zones import prefixes
    >>> counts = np.full((6, 5), 2.0)
    >>> counts[4:, :2] = 9.0
    >>> found = prospective(counts, prefixes(np.arange(5.0)[:, None], 3), rng=np.random.default_rng(1),
    ...                     population=np.ones((6, 5)))
    >>> found.clusters[0].members, found.clusters[0].duration, found.clusters[0].p
    ((0, 1), 2, 0.001)
    """
    if statistic not in STATISTICS:
        raise ConfigError("scan", "statistic", statistic, STATISTICS)
    if compatible not in ("", SCANSTATISTICS):
        raise ConfigError("scan", "compatible", compatible, ("", SCANSTATISTICS))
    if not 1 <= longest <= len(counts):
        raise ConfigError("scan", "longest", longest, f"1 to the number of periods, {len(counts)}")
    base = baseline(counts, population)
    total = float(counts.sum())
    model = "free" if statistic == "eb_poisson" else "poisson"
    distinct = zones.distinct()
    cases, expected = (
        np.stack([zones.sums(row)[distinct] for row in np.cumsum(table[::-1][:longest], 0)])
        for table in (counts, base)
    )
    score = scores(cases, expected, total, model=model)
    top = window_maxima(
        counts, base, zones, rng=rng, statistic=statistic, longest=longest, replicates=replicates
    )
    members = tuple(tuple(zones.members(int(zone)).tolist()) for zone in distinct)
    found: list[Cluster] = []
    for row, zone in greedy_windows(zones, distinct, score):
        value = float(score[row, zone])
        p = rank(top, value, strict=bool(compatible))
        if found and not p < alpha and replicates:
            break
        found.append(
            Cluster(
                members=members[zone],
                duration=row + 1,
                cases=float(cases[row, zone]),
                expected=float(expected[row, zone]),
                population=math.nan
                if population is None
                else float(population[-1 - row :, list(members[zone])].sum()),
                statistic=value,
                p=p,
                p_gumbel=float(gumbel_tail(top, value)),
            )
        )
    return Windows(
        clusters=tuple(found),
        n_zones=len(distinct),
        maxima=top,
        zones=members,
        scores=score,
        cases=cases,
        expected=expected,
        total=total,
    )


def greedy_windows(zones: Circles, distinct: Ints, score: Floats) -> Iterator[tuple[int, int]]:
    """Windows (row of durations, column of zones) by falling score, each in areas clear of all before it."""
    left = score.copy()
    while left.size and (top := float(left.max())) > 0:
        row, zone = divmod(int(np.argmax(left >= top * (1 - 1e-11))), left.shape[1])
        yield row, zone
        taken = np.zeros(len(zones.order), np.bool_)
        taken[zones.members(int(distinct[zone]))] = True
        left[:, ~zones.clear_of(taken)[distinct]] = 0.0


def window_maxima(
    counts: Floats,
    base: Floats,
    zones: Circles,
    *,
    rng: np.random.Generator,
    statistic: str,
    longest: int,
    replicates: int,
) -> Floats:
    """Largest score over all windows of simulated counts, shape (replicates,)."""
    total = round(float(counts.sum()))
    best = np.zeros(replicates)
    if not replicates or not total:
        return best
    model = "free" if statistic == "eb_poisson" else "poisson"
    window = base[::-1][:longest]
    running = np.zeros((replicates, counts.shape[1]))
    periods = _simulated_periods(counts, window, total, statistic, replicates, rng)
    for drawn, expected in zip(periods, np.cumsum(window, 0), strict=True):
        running += drawn
        best = maxima(zones, running, expected, total, model=model, least=best)
    return best


def _simulated_periods(
    counts: Floats, window: Floats, total: int, statistic: str, replicates: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Counts of the newest period in each replicate, then of the one before it, and so on."""
    n = counts.shape[1]
    if statistic == "eb_poisson":
        for row in window:
            yield rng.poisson(row, (replicates, n)).astype(float)
        return
    if statistic == "pb_poisson":
        # The total falls on the cells of the window and on the rest of the past; period by period.
        left, rest = np.full(replicates, total), 1.0
        for row in window:
            share = row / total
            inside = rng.binomial(left, min(1.0, share.sum() / rest) if rest > 0 else 0.0)
            rest -= share.sum()
            left = left - inside
            yield rng.multinomial(inside, share / share.sum()).astype(float)
        return
    # Shuffled times: the cases of a period are drawn from those of the areas without putting back.
    areas = np.tile(np.rint(counts.sum(0)).astype(np.int64), (replicates, 1))
    for row in counts[::-1][: len(window)]:
        drawn = np.zeros((replicates, n))
        wanted, pool = np.full(replicates, round(float(row.sum()))), areas.sum(1)
        for area in range(n):
            pool = pool - areas[:, area]
            got = rng.hypergeometric(areas[:, area], pool, wanted)
            drawn[:, area] = got
            wanted = wanted - got
        areas = areas - drawn.astype(np.int64)
        yield drawn
