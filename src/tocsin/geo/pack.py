"""A country pack in memory: its regions, its levels and laws, its map."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tocsin.geo.description import (
    PACK_FILE,
    BoundariesTable,
    GeocodeTable,
    PackTable,
    TranslationTable,
    read_description,
)
from tocsin.geo.projection import ConicPart, Projection
from tocsin.geo.rollup import Total, Totals, lineage, total_columns, total_up
from tocsin.geo.search import Index
from tocsin.geo.tables import NEIGHBOUR_COLUMNS, RegionReader, read_rows
from tocsin.model import ConfigError, Level, Matrix, Region, RegionLevel, Role, Scheme, ShapeError
from tocsin.model.law import BreakGlass, LegalBasis

if TYPE_CHECKING:
    from tocsin.geo.locate import Located, Locator

PACKS = Path(__file__).resolve().parent.parent / "packs"
"""Folder of the packs that ship."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A role that can be reached; never a person."""

    role: Role
    title: str
    address: str


# No slots: boundaries, trees and the index are made when first asked for, and kept on the pack.
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pack:
    """A country as data.

    Parameters
    ----------
    id, title : str
        ``us``; ``United States``.
    folder : Path
        Where it was read from.
    regions : mapping of str to Region
        All regions by id: nation, states, counties, sites, each level sorted by id.
    sites : tuple of str
        Ids of the sites.
    site_xy : mapping of str to tuple of float
        Place of each mapped site on the planar map.
    strip : tuple of str
        Ids of the sites that the map does not show, in the order of the strip beside it.
    levels : tuple of Level
        The level scheme; ``levels[rank - 1]``.
    laws : tuple of LegalBasis
        Legal bases that an approval may cite.
    break_glass : BreakGlass or None
        The written policy by which one officer alone may approve; None where the country has none.
    domains : tuple of str
        Ids of the domains that the country watches.
    languages, timezones : tuple of str
        BCP 47 tags, the first is the default; IANA zones.
    sender, sender_name : str
        CAP sender, and its name for people.
    contacts : tuple of Contact
        Roles that can be reached.
    projection : Projection
        Of the planar map.
    map_file : Path
        Planar TopoJSON.
    map_size : tuple of float
        Width and height of the planar map.
    description : PackTable
        All of ``pack.toml``, with sources, licences and caveats.
    matrix : Matrix or None
        From which levels are read, in domains that say so; None where the country has none.
    schemes : tuple of Scheme
        The levels in the words of others.
    translations : tuple of TranslationTable
        What is asked of the languages beside the first.
    """

    id: str
    title: str
    folder: Path
    regions: Mapping[str, Region]
    sites: tuple[str, ...]
    site_xy: Mapping[str, tuple[float, float]]
    strip: tuple[str, ...]
    levels: tuple[Level, ...]
    laws: tuple[LegalBasis, ...]
    break_glass: BreakGlass | None
    domains: tuple[str, ...]
    languages: tuple[str, ...]
    timezones: tuple[str, ...]
    sender: str
    sender_name: str
    contacts: tuple[Contact, ...]
    projection: Projection
    map_file: Path
    map_size: tuple[float, float]
    description: PackTable
    matrix: Matrix | None = None
    schemes: tuple[Scheme, ...] = ()
    translations: tuple[TranslationTable, ...] = ()

    def __repr__(self) -> str:
        return f"Pack({self.id!r}, {len(self.regions):,} regions of which {len(self.sites)} sites)"

    def __reduce__(self) -> tuple[Callable[[Path], Pack], tuple[Path]]:
        # Another process reads the folder anew: that is quicker than sending trees and boundaries.
        return load_pack, (self.folder,)

    # -- the tree of regions ------------------------------------------------------------------------------

    @property
    def nation(self) -> Region:
        """The region around all others."""
        return next(iter(self.regions.values()))

    def region(self, region: str) -> Region:
        """The region with this id.

        Raises
        ------
        ShapeError
            If there is none; names the nearest id.
        """
        found = self.regions.get(region)
        if found is None:
            near = difflib.get_close_matches(str(region), self.regions, n=1)
            hint = f". Did you mean {near[0]!r}?" if near else ""
            raise ShapeError(f"region: got {region!r}, allowed: a region of pack {self.id}{hint}")
        return found

    def at_level(self, level: RegionLevel | str) -> tuple[Region, ...]:
        """All regions of one level, sorted by id."""
        return tuple(r for r in self.regions.values() if r.level == level)

    def children(self, region: str) -> tuple[Region, ...]:
        """Regions directly inside, sorted by level and id."""
        self.region(region)
        return tuple(self.regions[c] for c in self._children.get(region, ()))

    def ancestors(self, region: str) -> tuple[Region, ...]:
        """Regions around it, from its parent to the nation."""
        self.region(region)
        return tuple(self.regions[r] for r in lineage(self.regions, region)[1:])

    def within(self, region: str, level: RegionLevel | str) -> tuple[Region, ...]:
        """All regions of one level inside it, at any depth."""
        self.region(region)
        return tuple(r for r in self.at_level(level) if region in lineage(self.regions, r.id)[1:])

    def around(self, region: str, level: RegionLevel | str) -> Region | None:
        """The region of this level that it lies in, itself included; None if there is none."""
        self.region(region)
        return next((r for i in lineage(self.regions, region) if (r := self.regions[i]).level == level), None)

    def neighbours(self, region: str) -> tuple[Region, ...]:
        """Regions of its level that share a border with it, not just a point; () for a site."""
        self.region(region)
        return tuple(self.regions[r] for r in self._neighbours.get(region, ()))

    def find(self, text: str) -> tuple[Region, ...]:
        """Regions by name, code, id or title, best first; accents, case and ``County`` do not matter."""
        return self._index.find(text)

    def by_geocode(self, scheme: str, value: str) -> str | None:
        """Id of the region that a publisher's code names (``SAME`` 053033); None if it names none."""
        for row, pattern in self._geocodes:
            match = pattern.fullmatch(value.strip()) if row.scheme == scheme else None
            if match is None:
                continue
            groups = match.groupdict()
            for level in RegionLevel:
                if level in groups:
                    groups[level] = self._codes.get((level, groups[level]), "")
            region = row.region.format(**groups)
            if region in self.regions:
                return region
        return None

    # -- geometry, read when first asked for ----------------------------------------------------------------

    def county_at(self, lat: float, lon: float) -> str | None:
        """Id of the county (the narrowest level with boundaries) around a point; None outside of all."""
        regions: tuple[str | None, ...] = self.locate([lat], [lon]).regions
        return regions[0]

    def locate(
        self,
        lat: ArrayLike,
        lon: ArrayLike,
        *,
        level: RegionLevel | str = RegionLevel.COUNTY,
        nearest_km: float = 0.0,
    ) -> Located:
        """Regions of one level around many points; outside of all, the nearest within ``nearest_km``.

        Raises
        ------
        ConfigError
            If the pack has no boundaries of this level.
        """
        return self.locator(level).locate(lat, lon, nearest_km=nearest_km)

    def locator(self, level: RegionLevel | str = RegionLevel.COUNTY) -> Locator:
        """The boundaries of one level behind a search tree, made once."""
        from tocsin.geo.locate import Locator, to_shape  # here, because most users need no geometry
        from tocsin.geo.topology import read_topology

        made = self._locators
        if level not in made:
            table = self.description.boundaries
            if level not in table.objects:
                names = [str(name) for name in table.objects]
                raise ConfigError(str(self.folder / PACK_FILE), "boundaries.objects", str(level), names)
            file = self.folder / table.file
            topology = read_topology(file)
            ids, shapes = [], []
            for identity, geometry in topology.members(table.objects[RegionLevel(level)]):
                region = boundary_region(table, identity)
                if region not in self.regions:
                    raise ConfigError(str(file), f"{level} boundary", region, "a region of regions.csv")
                ids.append(region)
                shapes.append(to_shape(topology, geometry))
            made[str(level)] = Locator(ids, shapes)
        return made[str(level)]

    def planar(self, region: str) -> tuple[float, float] | None:
        """Place of a region's inner point on the planar map; None for one that stands in the strip."""
        place = self.region(region)
        if region in self.site_xy:
            return self.site_xy[region]
        x, y = self.projection.forward(place.lat, place.lon)[0]
        return (float(x), float(y)) if place.mapped and np.isfinite(x) else None

    # -- sums ---------------------------------------------------------------------------------------------

    def total_up(self, values: Mapping[str, float | None]) -> dict[str, Total]:
        """Counts by region summed up to the nation; see :func:`tocsin.geo.rollup.total_up`."""
        return total_up(self.regions, values)

    def total_columns(self, columns: Sequence[str], values: NDArray[np.float64]) -> Totals:
        """Columns of counts summed up to the nation; see :func:`tocsin.geo.rollup.total_columns`."""
        return total_columns(self.regions, columns, values)

    # -- made once ------------------------------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ``pack.toml`` and all files that it names: tells editions of the pack apart."""
        table = self.description
        names = (table.regions.file, table.regions.neighbours, table.regions.sites)
        files = {PACK_FILE, table.boundaries.file, table.map.file, *(name for name in names if name)}
        whole = hashlib.sha256()
        for name in sorted(files):
            whole.update(f"{name} {hashlib.sha256((self.folder / name).read_bytes()).hexdigest()}\n".encode())
        return whole.hexdigest()

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        inside: defaultdict[str, list[str]] = defaultdict(list)
        for region in self.regions.values():
            if region.parent is not None:
                inside[region.parent].append(region.id)
        return dict(inside)

    @cached_property
    def _neighbours(self) -> dict[str, tuple[str, ...]]:
        file = self.folder / self.description.regions.neighbours
        beside: defaultdict[str, set[str]] = defaultdict(set)
        for n, row in read_rows(file, NEIGHBOUR_COLUMNS):
            for key in ("a", "b"):
                if row[key] not in self.regions:
                    raise ConfigError(str(file), f"line {n}: {key}", row[key], "a region of regions.csv")
            beside[row["a"]].add(row["b"])
            beside[row["b"]].add(row["a"])
        return {region: tuple(sorted(others)) for region, others in beside.items()}

    @cached_property
    def _codes(self) -> dict[tuple[str, str], str]:
        return {(r.level, r.code): r.id for r in self.regions.values()}

    @cached_property
    def _geocodes(self) -> list[tuple[GeocodeTable, re.Pattern[str]]]:
        return [(row, re.compile(row.pattern)) for row in self.description.geocodes]

    @cached_property
    def _index(self) -> Index:
        words = [w for table in self.description.regions.levels for w in table.words]
        return Index(self.regions, words)

    @cached_property
    def _locators(self) -> dict[str, Locator]:
        return {}


def boundary_region(table: BoundariesTable, identity: str | None) -> str:
    """Id of the region that a feature of the boundaries file draws; only the nation's may lack an id."""
    if identity is None:
        return table.nation or ""
    return table.region.format(id=identity)


def make_projection(table: PackTable) -> Projection:
    """The projection that a pack describes."""
    return Projection(
        kind=table.projection.kind,
        scale=table.projection.scale,
        translate=table.projection.translate,
        parts=tuple(ConicPart(**part.model_dump()) for part in table.projection.parts),
    )


def load_pack(pack: str | Path = "us") -> Pack:
    """Load a country pack; boundaries are read when first asked for.

    Parameters
    ----------
    pack : str or Path
        Id of a pack that ships (``us``), or the folder of another.

    Raises
    ------
    ConfigError
        If the pack is absent or something in it is wrong.

    Examples
    --------
    >>> pack = load_pack("us")
    >>> [region.title for region in pack.find("Lincoln")][:2]
    ['Lincoln, Arkansas', 'Lincoln, Colorado']
    >>> pack.region("US-AIR-SEA").parent, pack.region("US-AIR-SEA").timezone
    ('US-53033', 'America/Los_Angeles')
    """
    folder = Path(pack)
    if (
        isinstance(pack, str)
        and re.fullmatch(r"[a-z][a-z0-9_-]*", pack)
        and not (folder / PACK_FILE).is_file()
    ):
        shipped = sorted(p.name for p in PACKS.iterdir() if (p / PACK_FILE).is_file())
        if pack not in shipped:
            raise ConfigError("pack", "id", pack, [*shipped, "or a folder with a pack.toml"])
        folder = PACKS / pack
    file = folder / PACK_FILE
    table = read_description(file)
    reader = RegionReader(folder, [row.level for row in table.regions.levels], table.timezones)
    reader.read(table.regions.file)
    site_xy, strip = reader.read_sites(table.regions.sites) if table.regions.sites else ({}, ())
    regions = reader.regions
    return Pack(
        id=table.id,
        title=table.title,
        folder=folder,
        regions=MappingProxyType(regions),
        sites=tuple(r.id for r in regions.values() if r.level is RegionLevel.SITE),
        site_xy=MappingProxyType(site_xy),
        strip=strip,
        levels=tuple(Level(**level.model_dump()) for level in table.levels),
        laws=tuple(LegalBasis(**law.model_dump()) for law in table.laws),
        break_glass=None
        if table.break_glass is None
        else BreakGlass(
            policy=table.break_glass.policy,
            hazards=table.break_glass.hazards,
            review_within=timedelta(hours=table.break_glass.review_hours),
        ),
        domains=table.domains,
        languages=table.languages,
        timezones=table.timezones,
        sender=table.sender.address,
        sender_name=table.sender.name,
        contacts=tuple(Contact(**contact.model_dump()) for contact in table.contacts),
        projection=make_projection(table),
        map_file=folder / table.map.file,
        map_size=(table.map.width, table.map.height),
        description=table,
        matrix=None if table.matrix is None else table.matrix.noun(),
        schemes=tuple(Scheme(**scheme.model_dump(exclude={"note"})) for scheme in table.schemes),
        translations=table.translations,
    )
