"""Which sets of areas may be a cluster: circles around each area, and connected sets of any shape.

Both kinds are built once for a map and then summed over many tables of counts. Areas are numbered from 0 in
the order of their places; equal distances keep that order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tocsin.detect.contract import Floats
from tocsin.model import ConfigError, MethodError

Ints = NDArray[np.int64]
MOST_FLEXIBLE = 16
"""Largest size of a connected zone: 2**15 sets of each centre are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circles:
    """Around every area, the areas in order of distance: each prefix is a zone.

    Parameters
    ----------
    order : ndarray of int32, shape (n, depth)
        Row *i*: areas in order of their distance from area *i*, itself first.
    sizes : ndarray of int64, shape (n,)
        Prefixes of row *i* that are zones: 1 to this number.
    """

    order: NDArray[np.int32]
    sizes: Ints

    def __len__(self) -> int:
        """Number of (centre, radius) pairs."""
        return int(self.sizes.sum())

    @property
    def held(self) -> NDArray[np.bool_]:
        """Places of ``order`` that end a zone, shape (n, depth)."""
        held: NDArray[np.bool_] = np.arange(self.order.shape[1]) < self.sizes[:, None]
        return held

    def sums(self, values: Floats) -> Floats:
        """Sum over each zone, by centre, then radius.

        Parameters
        ----------
        values : ndarray of float64, shape (n,)

        Returns
        -------
        ndarray of float64, shape (len(self),)
        """
        total: Floats = np.cumsum(values[self.order], 1)[self.held]
        return total

    def members(self, zone: int) -> Ints:
        """Areas of a zone, nearest first."""
        ends = np.cumsum(self.sizes)
        centre = int(np.searchsorted(ends, zone, "right"))
        size = zone - int(ends[centre] - self.sizes[centre]) + 1
        return self.order[centre, :size].astype(np.int64)

    def clear_of(self, taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Zones that hold none of the areas ``taken``, shape (len(self),)."""
        hit = np.maximum.accumulate(taken[self.order], 1)
        return ~hit[self.held]

    def distinct(self) -> Ints:
        """Numbers of the zones without those that are the same set as an earlier one."""
        ends = np.cumsum(self.sizes) - self.sizes
        kept = []
        for size in range(1, int(self.sizes.max(initial=0)) + 1):
            centres = np.flatnonzero(self.sizes >= size)
            _, first = np.unique(np.sort(self.order[centres, :size], 1), axis=0, return_index=True)
            kept.append(ends[centres[np.sort(first)]] + size - 1)
        return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sets:
    """Any sets of areas, as a sparse table of zones by areas.

    Parameters
    ----------
    table : csr_array of float64, shape (n_zones, n)
        1 where the area belongs to the zone.
    """

    table: sparse.csr_array

    def __len__(self) -> int:
        """Number of zones."""
        return int(self.table.shape[0])

    def sums(self, values: Floats) -> Floats:
        """Sum over each zone, shape (len(self),) or, of a table with columns, (len(self), columns)."""
        total: Floats = self.table @ values
        return total

    def members(self, zone: int) -> Ints:
        """Areas of a zone, the centre around which it was found first."""
        begin, end = self.table.indptr[zone : zone + 2]
        members: Ints = self.table.indices[begin:end].astype(np.int64)
        return members

    def clear_of(self, taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Zones that hold none of the areas ``taken``, shape (len(self),)."""
        clear: NDArray[np.bool_] = self.sums(taken.astype(float)) == 0
        return clear


Zones = Circles | Sets


def nearest(places: Floats, depth: int) -> NDArray[np.int32]:
    """Areas in order of their distance from each area.

    Parameters
    ----------
    places : ndarray of float64, shape (n, dims)
        Coordinates in one unit of length.
    depth : int
        How many, the area itself counted; at most n.

    Returns
    -------
    ndarray of int32, shape (n, depth)

    Raises
    ------
    MethodError
        When a place is not known.

    Examples
    --------
    >>> nearest(np.array([[0.0, 0.0], [3.0, 0.0], [1.0, 0.0]]), 2).tolist()
    [[0, 2], [1, 2], [2, 0]]
    """
    if not np.isfinite(places).all():
        row = int(np.flatnonzero(~np.isfinite(places).all(1))[0])
        raise MethodError(f"place of area {row}: got {places[row].tolist()}, allowed: finite numbers")
    n, depth = len(places), min(depth, len(places))
    order = np.empty((n, depth), np.int32)
    for begin in range(0, n, 256):
        part = places[begin : begin + 256]
        # Summed column by column, then the root, as the references do: it decides which distances are equal.
        square = np.zeros((len(part), n))
        for axis in range(places.shape[1]):
            square += (part[:, axis, None] - places[None, :, axis]) ** 2
        distance = np.sqrt(square)
        distance[
            np.arange(len(part)), begin + np.arange(len(part))
        ] = -1.0  # itself first, whoever else is here
        order[begin : begin + 256] = np.argsort(distance, axis=1, kind="stable")[:, :depth]
    return order


def circles(places: Floats, population: Floats, bound: float) -> Circles:
    """Zones that grow from each area by distance, up to a share of the population.

    Parameters
    ----------
    places : ndarray of float64, shape (n, dims)
        Coordinates.
    population : ndarray of float64, shape (n,)
        Inhabitants, or what else bounds a zone; not negative.
    bound : float
        Largest share of the population in a zone, inclusive, in (0, 1].

    Returns
    -------
    Circles
        An area with more than the bound is the centre of none.

    Raises
    ------
    MethodError
        When the population is negative, not known or zero in all.
    ConfigError
        When the bound is no share.

    Examples
    --------
    >>> zones = circles(np.array([[0.0], [1.0], [5.0]]), np.array([1.0, 1.0, 2.0]), 0.5)
    >>> len(zones), zones.members(1).tolist()
    (5, [0, 1])
    """
    if not 0 < bound <= 1:
        raise ConfigError("scan", "bound", bound, "above 0, at most 1")
    if not len(population):
        return Circles(order=np.zeros((0, 0), np.int32), sizes=np.zeros(0, np.int64))
    if not (np.isfinite(population).all() and (population >= 0).all() and population.sum() > 0):
        raise MethodError(
            f"population: got {population.min(initial=0)} as least, allowed: at least 0, not all 0"
        )
    order = nearest(places, len(places))
    share = np.cumsum(population[order], 1) / population.sum()
    sizes = (share <= bound * (1 + 1e-12)).sum(1)
    depth = int(sizes.max(initial=0))
    return Circles(order=np.ascontiguousarray(order[:, :depth]), sizes=sizes.astype(np.int64))


def prefixes(places: Floats, size: int) -> Circles:
    """Zones of the 1, 2, .. ``size`` nearest areas of each area.

    Examples
    --------
    >>> zones = prefixes(np.array([[0.0], [1.0], [5.0]]), 2)
    >>> len(zones), zones.distinct().tolist()
    (6, [0, 1, 2, 4, 5])
    """
    order = nearest(places, size)
    return Circles(order=order, sizes=np.full(len(order), order.shape[1], np.int64))


def links(places: Floats, k: int) -> NDArray[np.bool_]:
    """Which areas touch, where no borders are known: one is among the ``k`` nearest of the other.

    Parameters
    ----------
    places : ndarray of float64, shape (n, dims)
    k : int
        Neighbours, the area itself not counted.

    Returns
    -------
    ndarray of bool, shape (n, n)
        Symmetric; false on the diagonal.
    """
    n = len(places)
    near = nearest(places, k + 1)[:, 1:]
    found = np.zeros((n, n), np.bool_)
    found[np.arange(n)[:, None], near] = True
    return found | found.T


def flexible(places: Floats, size: int, touching: NDArray[np.bool_]) -> Sets:
    """Connected sets of at most ``size`` areas, each within the ``size`` nearest areas of one of its members.

    Parameters
    ----------
    places : ndarray of float64, shape (n, dims)
        Coordinates.
    size : int
        Largest number of areas, 1 to 16; time and memory grow as its power of two.
    touching : ndarray of bool, shape (n, n)
        Which areas have a border in common, or :func:`links`.

    Returns
    -------
    Sets
        Distinct sets, by centre.

    Raises
    ------
    ConfigError
        When the size is out of bounds.

    References
    ----------
    Tango, Takahashi (2005), International Journal of Health Geographics 4:11, doi:10.1186/1476-072X-4-11.

    Examples
    --------
    >>> row = np.array([[0.0], [1.0], [2.1]])
    >>> zones = flexible(row, 3, links(row, 1))
    >>> [zones.members(i).tolist() for i in range(len(zones))]
    [[0], [0, 1], [0, 1, 2], [1], [1, 2], [2]]
    """
    if not 1 <= size <= MOST_FLEXIBLE:
        raise ConfigError("scan", "size", size, f"1 to {MOST_FLEXIBLE}")
    n = len(places)
    if not n:
        return Sets(table=sparse.csr_array((0, 0)))
    near = nearest(places, size)
    size = near.shape[1]
    masks = (np.arange(1 << (size - 1), dtype=np.int64) << 1) | 1  # the centre is bit 0
    bits = ((masks[:, None] >> np.arange(size)) & 1).astype(np.bool_)
    seen: set[bytes] = set()
    zones: list[NDArray[np.int32]] = []
    for centre in range(n):
        areas = near[centre]
        adjacent = touching[np.ix_(areas, areas)] @ (1 << np.arange(size, dtype=np.int64))
        for mask in np.flatnonzero(_connected(masks, adjacent)):
            members = areas[bits[mask]]
            key = np.sort(members).tobytes()
            if key not in seen:
                seen.add(key)
                zones.append(members)
    ends = np.concatenate([[0], np.cumsum([len(z) for z in zones])])
    columns = np.concatenate(zones) if zones else np.zeros(0, np.int32)
    table = sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(zones), n))
    return Sets(table=table)


def _connected(masks: Ints, adjacent: Ints) -> NDArray[np.bool_]:
    """Whether each set of bits hangs together, seen from bit 0; ``adjacent``: neighbours of each bit."""
    reached = np.ones_like(masks)
    for _ in range(len(adjacent)):
        more = reached.copy()
        for bit, neighbours in enumerate(adjacent.tolist()):
            more |= np.where((reached >> bit) & 1 == 1, neighbours, 0)
        more &= masks
        if np.array_equal(more, reached):
            break
        reached = more
    hangs: NDArray[np.bool_] = reached == masks
    return hangs
