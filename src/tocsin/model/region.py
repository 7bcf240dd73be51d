"""Regions: the places that are watched, from the nation down to a site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RegionLevel(StrEnum):
    """Levels of the hierarchy, from the widest to the narrowest."""

    NATION = "nation"
    STATE = "state"
    COUNTY = "county"
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A place with an identity, a parent and what is needed to locate it.

    Parameters
    ----------
    id : str
        Unique over all packs: ``US``, ``US-53`` (state), ``US-53033`` (county), ``US-AIR-SEA`` (site).
    name : str
        Name without its parent (``King``).
    level : RegionLevel
        Place in the hierarchy.
    parent : str or None
        Id of the region around it; None for the nation only.
    code : str
        The code that the field uses: FIPS for counties, postal for states, IATA for airports.
    title : str
        Name with its parent (``King, Washington``); county names repeat, so this is what people read.
    lat, lon : float
        A point inside it, WGS 84 degrees.
    area_km2 : float or None
        Area of its boundary; None for a site.
    population : int or None
        Inhabitants of listed places inside it (no census); None where nothing is known.
    timezone : str
        IANA zone of most of its inhabitants.
    mapped : bool
        Whether the planar map shows it; if not it stands in the strip beside the map.
    """

    id: str
    name: str
    level: RegionLevel
    parent: str | None
    code: str
    title: str
    lat: float
    lon: float
    area_km2: float | None
    population: int | None
    timezone: str
    mapped: bool = True
