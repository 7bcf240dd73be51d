"""A pack looked at as a whole: whether its files agree with each other.

Loading a pack refuses what is wrong in itself. What needs boundaries and maps to be seen takes longer, and is
looked for here: by whoever makes a pack, and by the tests of the one that ships.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from tocsin.geo.locate import Locator
from tocsin.geo.pack import Pack, boundary_region
from tocsin.geo.places import REACH_KM
from tocsin.geo.topology import read_topology
from tocsin.model import RegionLevel


def check_pack(pack: Pack) -> tuple[str, ...]:
    """What does not fit together in a pack, one sentence each; () when all is well.

    Raises
    ------
    ConfigError
        If a file cannot be read at all.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> check_pack(load_pack("us"))
    ()
    """
    return (
        *_boundaries(pack),
        *_map(pack),
        *_neighbours(pack),
        *_sites(pack),
    )


def _boundaries(pack: Pack) -> Iterator[str]:
    for level in pack.description.boundaries.objects:
        locator = pack.locator(level)
        regions = pack.at_level(level)
        drawn = set(locator.ids)
        if len(drawn) < len(locator.ids):
            yield f"{level}: a boundary is drawn twice"
        for region in regions:
            if region.id not in drawn:
                yield f"{region.id} ({region.title}): no boundary"
        inner = [r for r in regions if r.id in drawn and _has_area(locator, r.id)]
        found = locator.locate([r.lat for r in inner], [r.lon for r in inner]).regions
        for region, at in zip(inner, found, strict=True):
            if at != region.id:
                yield f"{region.id} ({region.title}): its point {region.lat}, {region.lon} lies in {at}"


def _has_area(locator: Locator, region: str) -> bool:
    return bool(shapely.area(locator.shapes[locator.ids.index(region)]) > 0)


def _map(pack: Pack) -> Iterator[str]:
    topology = read_topology(pack.map_file)
    for level, name in pack.description.map.objects.items():
        drawn = {boundary_region(pack.description.boundaries, i) for i, _ in topology.members(name)}
        for region in sorted(drawn - set(pack.regions)):
            yield f"map, {name}: {region or 'a feature without id'} is no region"
        for place in pack.at_level(level):
            if place.mapped != (place.id in drawn):
                yield f"{place.id} ({place.title}): mapped is {place.mapped}, the map says {not place.mapped}"
            if place.mapped and pack.planar(place.id) is None:
                yield f"{place.id} ({place.title}): mapped, but off the projection's windows"


def _neighbours(pack: Pack) -> Iterator[str]:
    for region in pack.regions.values():
        for beside in pack.neighbours(region.id):
            if beside.id == region.id or beside.level != region.level:
                yield f"{region.id} ({region.title}): {beside.id} cannot be its neighbour"


def _sites(pack: Pack) -> Iterator[str]:
    width, height = pack.map_size
    for region, (x, y) in pack.site_xy.items():
        site = pack.region(region)
        there = pack.projection.forward(site.lat, site.lon)[0]
        if not np.allclose(there, (x, y), atol=0.5):
            says = there.round(2).tolist()
            yield f"{region} ({site.title}): at {x}, {y} on the map, the projection says {says}"
        if not (0 <= x <= width and 0 <= y <= height):
            yield f"{region} ({site.title}): at {x}, {y}, outside the map of {width:g} by {height:g}"
    levels = [v for v in pack.description.boundaries.objects if v is not RegionLevel.SITE]
    for region in pack.sites:
        site = pack.region(region)
        parent = pack.region(site.parent or pack.nation.id)
        locator = pack.locator(parent.level) if parent.level in levels else None
        if locator is None or parent.id not in locator.ids:
            continue
        own = Locator([parent.id], [locator.shapes[locator.ids.index(parent.id)]])
        if own.locate([site.lat], [site.lon], nearest_km=REACH_KM).regions == (None,):
            yield f"{region} ({site.title}): more than {REACH_KM:g} km outside of {parent.id}"
