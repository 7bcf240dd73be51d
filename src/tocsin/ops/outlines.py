"""Outlines of regions as rings for messages, read from the country's boundaries when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tocsin.cap import Polygon
from tocsin.geo import Pack
from tocsin.model import RegionLevel

_LEVELS = (RegionLevel.COUNTY, RegionLevel.STATE)


class Outlines(Mapping[str, tuple[Polygon, ...]]):
    """Rings of (latitude, longitude) by region; empty-handed for a region without an area of its own.

    Parameters
    ----------
    pack : Pack
        The country.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> rings = Outlines(load_pack("us"))["US-53033"]
    >>> rings[0][0] == rings[0][-1]
    True
    """

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._made: dict[str, tuple[Polygon, ...]] = {}

    def __getitem__(self, region: str) -> tuple[Polygon, ...]:
        if region not in self._made:
            place = self._pack.regions[region]
            if place.level not in _LEVELS:
                raise KeyError(region)
            self._made[region] = self._rings(region, place.level)
        return self._made[region]

    def __iter__(self) -> Iterator[str]:
        return (place.id for place in self._pack.regions.values() if place.level in _LEVELS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _rings(self, region: str, level: RegionLevel) -> tuple[Polygon, ...]:
        import shapely  # here, because most processes never write a polygon

        locator = self._pack.locator(level)
        if region not in locator.ids:
            return ()
        shape = locator.shapes[locator.ids.index(region)]
        parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
        # Holes are not carried over: CAP has none, and a place inside of one is warned too.
        return tuple(tuple((float(y), float(x)) for x, y in part.exterior.coords) for part in parts)
