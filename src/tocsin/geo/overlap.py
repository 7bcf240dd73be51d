"""How far two lists of regions cover the same ground: what of a warning's area is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tocsin.geo.rollup import lineage
from tocsin.model import Region


def inside(regions: Mapping[str, Region], region: str, others: Iterable[str]) -> bool:
    """Whether a region is one of the others or lies in one of them.

    Raises
    ------
    ShapeError
        When the region is none of the pack.
    """
    return not set(lineage(regions, region)).isdisjoint(others)


def strictly_inside(regions: Mapping[str, Region], region: str, others: Iterable[str]) -> bool:
    """Whether a region lies in one of the others and is not that region itself.

    Raises
    ------
    ShapeError
        When the region is none of the pack.
    """
    return not set(lineage(regions, region)[1:]).isdisjoint(others)


def overlap(regions: Mapping[str, Region], a: Iterable[str], b: Iterable[str]) -> float:
    """Intersection over union of two lists of regions.

    By area where every region of both has one; else each region counts as one. A region that lies in another
    of its list adds nothing to it. Area and not inhabitants: the pack knows the inhabitants of listed places
    only, and a warning of an empty county that turns into one of its neighbour has moved all the same.

    Parameters
    ----------
    regions : mapping of str to Region
        All regions of the pack.
    a, b : iterable of str
        Ids.

    Returns
    -------
    float
        0 (nothing in common) to 1 (the same ground); 1 for two empty lists.

    Raises
    ------
    ShapeError
        When a region is none of the pack.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> places = load_pack("us").regions
    >>> overlap(places, ["US-53033"], ["US-53033"]), overlap(places, ["US-53"], ["US-06"])
    (1.0, 0.0)
    >>> 0 < overlap(places, ["US-53"], ["US-53033"]) < 0.1  # King County in Washington
    True
    """
    mine, theirs = _widest(regions, a), _widest(regions, b)
    common = [r for r in mine if inside(regions, r, theirs)]
    common += [r for r in theirs if strictly_inside(regions, r, mine)]
    areas = {r: regions[r].area_km2 for r in mine | theirs}
    sizes = {r: 1.0 if area is None else area for r, area in areas.items()}
    if any(area is None for area in areas.values()):
        sizes = dict.fromkeys(areas, 1.0)
    shared = sum(sizes[r] for r in common)
    both = sum(sizes[r] for r in mine) + sum(sizes[r] for r in theirs) - shared
    return shared / both if both else 1.0


def _widest(regions: Mapping[str, Region], ids: Iterable[str]) -> set[str]:
    """The regions that lie in no other of the list."""
    given = set(ids)
    return {r for r in given if not strictly_inside(regions, r, given)}
