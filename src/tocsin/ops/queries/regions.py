"""Regions as the page reads them, and the map that they are drawn on."""

from __future__ import annotations

import functools
from typing import Any

from tocsin.geo.planar import planar_map
from tocsin.model import Region, RegionLevel
from tocsin.ops.office import Office


@functools.lru_cache(maxsize=16)
def regions(office: Office, level: str | None = None) -> tuple[dict[str, Any], ...]:
    """Regions of one level, or all.

    Raises
    ------
    ValueError
        When there is no such level.
    """
    if level is not None and level not in set(map(str, RegionLevel)):
        raise ValueError(f"level: got {level!r}, allowed: {', '.join(map(str, RegionLevel))}")
    note = office.pack.description.populations.what
    found = office.pack.regions.values()
    return tuple(_row(office, r, note) for r in found if level is None or r.level == level)


def region(office: Office, id: str) -> dict[str, Any]:  # noqa: A002
    """One region.

    Raises
    ------
    ShapeError
        When there is none.
    """
    return _row(office, office.pack.region(id), office.pack.description.populations.what)


def _row(office: Office, place: Region, note: str) -> dict[str, Any]:
    point = office.pack.planar(place.id)
    return {
        "id": place.id,
        "name": place.name,
        "title": place.title,
        "code": place.code,
        "level": str(place.level),
        "parent": place.parent,
        "lat": place.lat,
        "lon": place.lon,
        "x": None if point is None else round(point[0], 2),
        "y": None if point is None else round(point[1], 2),
        "mapped": place.mapped,
        "population": place.population,
        "population_note": None if place.population is None else note,
        "timezone": place.timezone,
    }


@functools.lru_cache(maxsize=4)
def region_map(office: Office) -> bytes:
    """The planar TopoJSON of the country."""
    return planar_map(office.pack)
