"""A small world for the tests of whole ways: five airports, two weeks of hours, made from a seed."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tocsin.feeds import all_feeds
from tocsin.geo import load_pack
from tocsin.model import DAY, HOUR, Basis, Event, Observation, Plan, Snapshot, from_us, to_us, zone
from tocsin.ops.office import Office, open_office
from tocsin.ops.plan import make_plan
from tocsin.ops.world import Chained, World

AIRPORTS = ("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR", "US-AIR-SEA", "US-AIR-PHX")
COUNTIES = ("US-53033", "US-53053", "US-06037")  # King, Pierce, Los Angeles
START = datetime(2001, 1, 1, 11, 5, tzinfo=UTC)
FIRST = datetime(2001, 1, 1, 4, tzinfo=UTC)
LATER = datetime(2001, 12, 31, tzinfo=UTC)
"""Wall time of every ingest: an archive that is read long after."""

ARCHIVES = {"bts_flights": (START - DAY, START + timedelta(days=60))}
LAG = timedelta(minutes=5)
STOP = (("US-AIR-BOS", "US-AIR-LGA", "US-AIR-EWR"), 8 * 24 + 9, 30)
"""Airports, first hour and hours of a stop on the ninth day."""
SHORT = (("US-AIR-SEA",), 11 * 24 + 17, 4)
RAW = "a" * 64


def flights(seed: int, days: int = 14, stops: tuple = (STOP, SHORT)) -> list[Observation]:
    """Departures, landings and delays of each hour; a delay is revised once, an hour later."""
    rng = np.random.default_rng(seed)
    regions = load_pack("us").regions
    rows = []
    for airport in AIRPORTS:
        tz = zone(regions[airport].timezone)
        for k in range(days * 24):
            valid = FIRST + k * HOUR
            local = valid.astimezone(tz).hour
            mean = 20.0 if 6 <= local < 22 else 1.0
            stopped = any(airport in names and a <= k < a + n for names, a, n in stops)
            counts = (
                (0, 0) if stopped else (rng.binomial(2 * int(mean), 0.5), rng.binomial(2 * int(mean), 0.5))
            )
            delay = round(float(rng.normal(8, 6)), 3)
            told = valid + HOUR + LAG
            rows += [
                row("departures", airport, valid, told, counts[0]),
                row("landings", airport, valid, told, counts[1]),
                row("arrival_delay", airport, valid, told + HOUR, delay),
                row("arrival_delay", airport, valid, told + 2 * HOUR, round(delay + 1.5, 3)),
            ]
    return rows


def row(name: str, region: str, valid: datetime, known: datetime, value: float) -> Observation:
    return Observation(
        quantity=f"air_transport.{name}",
        region=region,
        valid_time=valid,
        known_at=known,
        value=float(value),
        source="bts_flights",
        raw=RAW,
        basis=Basis.ESTIMATED,
    )


def quake(
    magnitude: float, onset: datetime, *, region: str = "US-53033", known: datetime | None = None
) -> Event:
    return Event(
        id="usgs_earthquakes:nisqually",
        source="usgs_earthquakes",
        external_id="nisqually",
        domain="seismic",
        hazard="earthquake",
        title="11 miles NE of Olympia",
        onset=onset,
        ends=onset,
        known_at=known or onset + timedelta(minutes=20),
        magnitude=magnitude,
        unit="Mw",
        lat=47.15,
        lon=-122.73,
        regions=(region,),
        raw="b" * 64,
    )


@functools.cache
def plan(domains: tuple[str, ...] = ("air_transport",), shadow: timedelta = timedelta(days=5)) -> Plan:
    """The plan of the real domains for five airports and three counties, with a short shadow phase."""
    whole = make_plan(load_pack("us"), domains)
    kept = tuple(
        d if d.budget is None else replace(d, budget=replace(d.budget, shadow=shadow)) for d in whole.domains
    )
    watched = {"air_transport": AIRPORTS, "seismic": COUNTIES}
    return replace(
        whole, id="small-" + "-".join(domains), domains=kept, watched={d: watched[d] for d in domains}
    )


def office(
    path: Path, records: list[Observation | Event], domains: tuple[str, ...] = ("air_transport",)
) -> Office:
    """A new store that holds the records, and the small plan in the place of the country's."""
    made = open_office(path, domains=domains)
    made.__dict__["plan"] = made._plans[",".join(sorted(domains))] = plan(domains)
    observations = [r for r in records if isinstance(r, Observation)]
    events = [r for r in records if isinstance(r, Event)]
    if observations:
        made.store.add(observations, ingest="flights", at=LATER)
    if events:
        made.store.add(events, ingest="events", at=LATER)
    return made


def moments(first: datetime, count: int, step: timedelta = HOUR) -> list[datetime]:
    return [from_us(to_us(first) + k * (step // timedelta(microseconds=1))) for k in range(count)]


def seen(past: Snapshot, world: World) -> Chained:
    """What a loop would see."""
    sources = {name: feed.SOURCE for name, feed in all_feeds().items()}
    return Chained(snapshot=past, world=world, plan=plan(), archives=ARCHIVES, sources=sources)
