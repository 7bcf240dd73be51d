"""Sums from the narrow regions up to the nation: totals are kept, gaps are counted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.model import Region, ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A sum over a region and what it rests on.

    Parameters
    ----------
    value : float
        Sum of what is known; NaN where nothing is.
    known, missing : int
        Contributors with and without a value.
    """

    value: float
    known: int
    missing: int

    @property
    def partial(self) -> bool:
        """Whether some contributor is missing: the sum is then a lower bound of a count."""
        return self.missing > 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Totals:
    """Columns of sums: times by regions.

    Parameters
    ----------
    regions : tuple of str
        Contributors and all regions around them, sorted.
    values : ndarray of float64, shape (n_times, n_regions)
        Sum of what is known; NaN where nothing is.
    known, missing : ndarray of int64, shape (n_times, n_regions)
        Contributors with and without a value.
    """

    regions: tuple[str, ...]
    values: NDArray[np.float64]
    known: NDArray[np.int64]
    missing: NDArray[np.int64]


def lineage(regions: Mapping[str, Region], region: str) -> tuple[str, ...]:
    """The region and all around it, from the narrowest to the nation."""
    line: list[str] = []
    at: str | None = region
    while at is not None:
        if at not in regions:
            raise ShapeError(f"region: got {at!r}, allowed: a region of the pack")
        line.append(at)
        at = regions[at].parent
    return tuple(line)


def total_up(regions: Mapping[str, Region], values: Mapping[str, float | None]) -> dict[str, Total]:
    """Sum counts upward: each value counts once in its region and once in every region around it.

    A region that nobody contributed to is absent: it is unknown, not zero. Give values of one level, or of
    several that do not contain each other's counts.

    Parameters
    ----------
    regions : mapping
        The pack's regions.
    values : mapping of str to float or None
        Counts by region; None or NaN is missing.

    Raises
    ------
    ShapeError
        If a region is unknown or a value infinite.

    Examples
    --------
    >>> from tocsin.model import RegionLevel
    >>> def place(id, parent):
    ...     return Region(id=id, name=id, level=RegionLevel.COUNTY, parent=parent, code=id, title=id, lat=0.0,
    ...                   lon=0.0, area_km2=None, population=None, timezone="UTC")
    >>> land = {id: place(id, parent) for id, parent in [("X", None), ("X-1", "X"), ("X-2", "X")]}
    >>> total_up(land, {"X-1": 3.0, "X-2": None})["X"]
    Total(value=3.0, known=1, missing=1)
    """
    known: defaultdict[str, list[float]] = defaultdict(list)
    missing: defaultdict[str, int] = defaultdict(int)
    for region, value in values.items():
        absent = value is None or math.isnan(value)
        if not absent and math.isinf(value or 0.0):
            raise ShapeError(f"{region}: got {value}, allowed: a finite count or a missing one")
        for around in lineage(regions, region):
            if absent:
                missing[around] += 1
            else:
                known[around].append(float(value or 0.0))
    return {
        # fsum rounds once, so that sums over sums do not drift apart from the sum over all.
        r: Total(
            value=math.fsum(known[r]) if r in known else math.nan, known=len(known[r]), missing=missing[r]
        )
        for r in sorted(set(known) | set(missing))
    }


def total_columns(
    regions: Mapping[str, Region], columns: Sequence[str], values: NDArray[np.float64]
) -> Totals:
    """Like :func:`total_up`, for many times at once.

    Parameters
    ----------
    regions : mapping
        The pack's regions.
    columns : sequence of str
        Region of each column.
    values : ndarray of float64, shape (n_times, n_columns)
        Counts; NaN is missing.

    Raises
    ------
    ShapeError
        If a region is unknown, the shape is wrong or a value infinite.
    """
    if values.ndim != 2 or values.shape[1] != len(columns):
        raise ShapeError(f"values: got shape {values.shape}, allowed: (times, {len(columns)})")
    if np.isinf(values).any():
        raise ShapeError("values: got an infinite one, allowed: finite counts or NaN for missing")
    members = _members(regions, columns)
    names = tuple(sorted(members))
    there = ~np.isnan(values)
    counts = np.where(there, values, 0.0)
    sums = np.empty((len(values), len(names)))
    known = np.empty(sums.shape, dtype=np.int64)
    missing = np.empty(sums.shape, dtype=np.int64)
    for j, name in enumerate(names):
        mine = members[name]
        sums[:, j] = counts[:, mine].sum(axis=1)
        known[:, j] = there[:, mine].sum(axis=1)
        missing[:, j] = len(mine) - known[:, j]
    sums[known == 0] = np.nan
    return Totals(regions=names, values=sums, known=known, missing=missing)


def _members(regions: Mapping[str, Region], columns: Iterable[str]) -> dict[str, list[int]]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, column in enumerate(columns):
        for around in lineage(regions, column):
            members[around].append(i)
    return dict(members)
