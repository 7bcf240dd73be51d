"""Compound risk in its first form: two domains above normal in one county, or next door, within a window."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta

from tocsin.assess.levels import Assessed
from tocsin.model import UNKNOWN, Assessment, Region, RegionLevel


def county_of(region: str, regions: Mapping[str, Region]) -> str | None:
    """Id of the county of a site or county; None for anything wider.

    Raises
    ------
    KeyError
        When the region is not in ``regions``.
    """
    place = regions[region]
    if place.level is RegionLevel.COUNTY:
        return place.id
    return place.parent if place.level is RegionLevel.SITE else None


def mark(
    assessed: Sequence[Assessed],
    regions: Mapping[str, Region],
    neighbours: Mapping[str, Sequence[str]],
    recent: Mapping[tuple[str, str], timedelta],
    window: timedelta,
) -> list[Assessment]:
    """Name, at every region above normal, the other domains above normal here or next door.

    Parameters
    ----------
    assessed : sequence of Assessed
        All domains of a cycle.
    regions : mapping
        All regions by id.
    neighbours : mapping of str to sequence of str
        Adjacent counties.
    recent : mapping of (domain, region) to timedelta
        How long ago each was last above normal, the present ones with zero.
    window : timedelta
        Longest age that still counts.

    Returns
    -------
    list of Assessment
        All assessments, with ``compound_with`` filled.
    """
    above: dict[str, set[tuple[str, str]]] = {}  # county -> (domain, region)
    for (domain, region), age in recent.items():
        county = county_of(region, regions)
        if county is not None and age <= window:
            above.setdefault(county, set()).add((domain, region))
    marked = []
    for one in assessed:
        for a in one.assessments:
            county = county_of(a.region, regions)
            if a.level == UNKNOWN or county is None:
                marked.append(a)
                continue
            near = [county, *neighbours.get(county, ())]
            others = {
                f"{domain}@{region}"
                for place in near
                for domain, region in above.get(place, ())
                if domain != a.domain
            }
            marked.append(dataclasses.replace(a, compound_with=tuple(sorted(others))) if others else a)
    return marked
