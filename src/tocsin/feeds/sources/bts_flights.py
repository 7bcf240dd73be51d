"""Departures, landings and delays at US airports, January to June 2001.

The archive is ``flights-3m.parquet`` of the npm package ``vega-datasets`` 3.2.1: 3,000,000 rows that
descend from the on-time performance data of the US Bureau of Transportation Statistics. It has traps,
and each is dealt with here, once:

1. ``date`` is the *local actual departure*; ``delay`` behaves like the *arrival* delay. A departure is
   known from the end of its hour plus a stated lag; a delay only from the estimated landing on, so the
   mean delay of an hour's departures is *revised* each time more of them have landed.
2. **A leak of the future**: a flight delayed past midnight carries its *scheduled* date, so it stands
   24 hours too early. Where ``date - delay`` falls on an earlier day, the departure is moved to the
   next day. This is a heuristic, because the arrival delay stands in for the departure delay.
3. Cancelled flights are absent. The file is cut at 3,000,000 rows, inside 1 July: rows from local
   1 July on are left out. Rows that are equal in every column are counted once.
4. Airports carry no zone; local times are read in the zone of the airport's site. Hours that do not
   exist on the day of daylight saving are refused as findings.
5. A delay below -180 minutes is a wrapped day: it does not enter a mean, and is a finding.

Nothing says that a day is complete, but every airport's hour without a departure is a count of zero,
because the archive covers its carriers' flights of all hours between the first and the last local day.
"""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tocsin.cap import Finding
from tocsin.feeds.contract import Locate, Parsed, finding
from tocsin.model import (
    HOUR,
    OBSERVATION_SCHEMA,
    Bad,
    Basis,
    Kind,
    ParseError,
    Quantity,
    Raw,
    ShapeError,
    Source,
)

LAG = timedelta(minutes=5)
"""From the end of an hour to its publication: what a movement feed of an airport reaches."""

CRUISE_MPH = 420.0
TAXI_MIN = 45.0
"""Block time is bounded by ``distance / CRUISE_MPH + TAXI_MIN``: rather late than early."""

FIRST_DAY, LAST_DAY = date(2001, 1, 1), date(2001, 6, 30)
MIN_DELAY = -180
MOST_DELAY, MOST_MILES = 4000, 10_000
"""Bounds beyond which a row cannot be a flight, minutes and miles."""

DEPARTURES = Quantity(
    id="air_transport.departures",
    domain="air_transport",
    title="Departures in the hour",
    unit="1",
    kind=Kind.COUNT,
    bad=Bad.LOW,
    step=HOUR,
    lower=0,
    upper=400,
)
LANDINGS = replace(
    DEPARTURES,
    id="air_transport.landings",
    title="Landings in the hour (estimated from departure and distance)",
)
DELAY = Quantity(
    id="air_transport.arrival_delay",
    domain="air_transport",
    title="Mean arrival delay of the hour's departures that have landed",
    unit="min",
    kind=Kind.RATE,
    bad=Bad.HIGH,
    step=HOUR,
    lower=MIN_DELAY,
    upper=2000,
)

SOURCE = Source(
    id="bts_flights",
    title="US flights January to June 2001, a sample of 3 million",
    publisher="US Bureau of Transportation Statistics, through npm vega-datasets 3.2.1",
    url=None,
    licence="US Government work; the package states no other licence for this file",
    licence_url="https://www.transtats.bts.gov",
    cadence=HOUR,
    lag=LAG,
    stale_after=timedelta(hours=3),
    quantities=(DEPARTURES, LANDINGS, DELAY),
    domains=("air_transport",),
    media_type="application/vnd.apache.parquet",
)

_COLUMNS = {
    "date": (pa.types.is_timestamp, "timestamp"),
    "delay": (pa.types.is_integer, "integer, minutes"),
    "distance": (pa.types.is_integer, "integer, miles"),
    "origin": (pa.types.is_dictionary, "string"),
    "destination": (pa.types.is_dictionary, "string"),
}
_HOUR_US = 3_600_000_000
_LAG_US = int(LAG.total_seconds()) * 1_000_000


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read the archive into hourly counts and delays with their revisions.

    Parameters
    ----------
    raw : Raw
        The Parquet file.
    known_at : datetime
        Not used: an archive states or bounds its own times.
    locate : Locate
        Gives the site, and with it the zone, of an airport's code.

    Returns
    -------
    Parsed
        Observations of three quantities; findings for what was repaired or left out.

    Raises
    ------
    ParseError
        When the bytes are no Parquet file or a column is absent or of another type.
    ShapeError
        When an airport is no site of the pack.
    """
    del known_at
    columns, findings = _read(raw)
    codes, origin, destination = _codes(columns["origin"], columns["destination"])
    zones, regions = _sites(codes, locate)
    local, delay, distance = columns["date"], columns["delay"], columns["distance"]

    keep = _sane(local, delay, distance)
    findings += _found("rows out of bounds left out", "date", int((~keep).sum()))
    local, delay, distance = local[keep], delay[keep], distance[keep]
    origin, destination = origin[keep], destination[keep]

    keep = _first_of_equal_rows(local, delay, distance, origin, destination, len(codes))
    findings += _found("doubled rows counted once", "date", int((~keep).sum()))

    # A scheduled date on a flight that left after midnight: the future would leak by a day.
    scheduled_day = (local - delay) // 1440
    night = (local % 1440 < 360) & (scheduled_day < local // 1440)
    local = np.where(night, local + 1440, local)
    findings += _found("departures moved to the next day", "date", int((night & keep).sum()))

    inside = (local // 1440 >= _day(FIRST_DAY)) & (local // 1440 <= _day(LAST_DAY))
    findings += _found("rows after the last whole day left out", "date", int((keep & ~inside).sum()))
    keep &= inside

    departed = _to_utc(local, origin, zones)
    findings += _found("rows in an hour that does not exist", "date", int((keep & (departed < 0)).sum()))
    keep &= departed >= 0

    wrapped = delay < MIN_DELAY
    findings += _found(f"delays below {MIN_DELAY} min not used", "delay", int((keep & wrapped).sum()))

    departed, origin, destination = departed[keep], origin[keep], destination[keep]
    delay, usable = delay[keep], ~wrapped[keep]
    block_us = ((distance[keep] / CRUISE_MPH * 60 + TAXI_MIN) * 60_000_000).astype(np.int64)
    landed = departed * 60_000_000 + block_us
    hour = departed // 60  # hours since 1970
    spans = _spans(zones)

    tables = [
        _count_rows(DEPARTURES, hour, origin, spans, regions, raw.sha256),
        _count_rows(LANDINGS, landed // _HOUR_US, destination, spans, regions, raw.sha256),
        _delay_rows(hour[usable], origin[usable], delay[usable], landed[usable], regions, raw.sha256),
    ]
    return Parsed(observations=pa.concat_tables(tables), events=(), findings=tuple(findings))


def _read(raw: Raw) -> tuple[dict[str, Any], list[Finding]]:
    """Columns of the file: times in minutes since 1970 local, numbers, words as dictionary arrays."""
    words = ["origin", "destination"]
    try:
        table = pq.read_table(io.BytesIO(raw.content), read_dictionary=words)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise ParseError(
            f"{raw.url}: got bytes that are no flights archive ({error}), "
            f"allowed: Parquet with the columns {', '.join(_COLUMNS)}"
        ) from error
    for name, (fits, allowed) in _COLUMNS.items():
        if name not in table.column_names:
            raise ParseError(f"{raw.url}: column {name!r} is absent, allowed: {', '.join(_COLUMNS)}")
        kind = table.schema.field(name).type
        if not fits(kind):
            raise ParseError(f"{raw.url}: {name}: got {kind}, allowed: {allowed}")
        if table.column(name).null_count:
            nulls = table.column(name).null_count
            raise ParseError(f"{raw.url}: {name}: got {nulls} nulls, allowed: none")
    try:
        columns: dict[str, Any] = {name: table.column(name).combine_chunks() for name in words}
        minutes = table.column("date").to_numpy().astype("datetime64[m]").astype(np.int64)
    except (pa.ArrowException, UnicodeDecodeError, ValueError) as error:
        raise ParseError(f"{raw.url}: got values that cannot be read ({error})") from error
    columns["date"] = minutes
    columns |= {name: table.column(name).to_numpy().astype(np.int64) for name in ("delay", "distance")}
    if not len(minutes):
        raise ParseError(f"{raw.url}: got no flights, allowed: at least one row")
    shortest = int(columns["distance"].min())
    if shortest < 0:  # a delay would be known before its flight left
        raise ParseError(f"{raw.url}: distance: got {shortest}, allowed: miles from 0 on")
    unknown = sorted(set(table.column_names) - set(_COLUMNS))
    return columns, [
        finding("feed.unknown-field", name, f"column {name!r} is not read", "warning") for name in unknown
    ]


def _codes(
    origin: pa.DictionaryArray, destination: pa.DictionaryArray
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Airport codes in order, and the number of each row's two airports among them."""
    ends = (origin, destination)
    codes = sorted({str(code) for end in ends for code in end.dictionary.to_pylist()})
    number = {code: i for i, code in enumerate(codes)}
    of_row = [
        np.array([number[str(code)] for code in end.dictionary.to_pylist()], np.int64)[end.indices.to_numpy()]
        for end in ends
    ]
    return codes, of_row[0], of_row[1]


def _sites(codes: list[str], locate: Locate) -> tuple[list[str], list[str]]:
    """Zone and region of each airport."""
    ids = [locate.by_geocode("IATA", code) for code in codes]
    unknown = [code for code, region in zip(codes, ids, strict=True) if region is None]
    if unknown:
        raise ShapeError(f"origin: got airports {unknown[:5]}, allowed: sites of the pack")
    known = [locate.region(region) for region in ids if region is not None]
    return [site.timezone for site in known], [site.id for site in known]


def _sane(
    local: NDArray[np.int64], delay: NDArray[np.int64], distance: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Rows about the months of the archive, with a delay and a distance that an aircraft can have."""
    first, last = _day(FIRST_DAY) - 1, _day(LAST_DAY) + 2
    sane: NDArray[np.bool_] = (
        (local >= first * 1440)
        & (local < last * 1440)
        & (np.abs(delay) <= MOST_DELAY)
        & (distance > 0)
        & (distance <= MOST_MILES)
    )
    return sane


def _first_of_equal_rows(
    local: NDArray[np.int64],
    delay: NDArray[np.int64],
    distance: NDArray[np.int64],
    origin: NDArray[np.int64],
    destination: NDArray[np.int64],
    airports: int,
) -> NDArray[np.bool_]:
    # One number a row, which bounds make possible, sorts ten times faster than five columns.
    key = local - local.min(initial=0)
    for column, size in (
        (delay + MOST_DELAY, 2 * MOST_DELAY + 1),
        (distance, MOST_MILES + 1),
        (origin, airports),
        (destination, airports),
    ):
        key = key * size + column
    first = np.unique(key, return_index=True)[1]
    keep = np.zeros(len(key), bool)
    keep[first] = True
    return keep


def _to_utc(local: NDArray[np.int64], origin: NDArray[np.int64], zones: list[str]) -> NDArray[np.int64]:
    """Minutes since 1970 in UTC; -1 where the local time does not exist."""
    first = int(local.min()) // 60 if len(local) else 0
    last = int(local.max()) // 60 if len(local) else 0
    names = sorted(set(zones))
    table = np.empty((len(names), last - first + 1), np.int64)
    for row, name in enumerate(names):
        zone = ZoneInfo(name)
        for column in range(last - first + 1):
            naive = datetime(1970, 1, 1) + timedelta(hours=first + column)  # noqa: DTZ001 - local on purpose
            moment = naive.replace(tzinfo=zone)
            utc = moment.astimezone(UTC)
            exists = utc.astimezone(zone).replace(tzinfo=None) == naive
            table[row, column] = int(utc.timestamp()) // 60 if exists else -1
    which = np.array([names.index(z) for z in zones])
    base = table[which[origin], local // 60 - first]
    return np.where(base < 0, -1, base + local % 60)


def _spans(zones: list[str]) -> NDArray[np.int64]:
    """First and end hour (since 1970, UTC) of the archive at each airport."""
    last = LAST_DAY + timedelta(days=1)
    return np.array(
        [
            [
                int(datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(z)).timestamp()) // 3600
                for d in (FIRST_DAY, last)
            ]
            for z in zones
        ],
        np.int64,
    )


def _count_rows(
    quantity: Quantity,
    hour: NDArray[np.int64],
    site: NDArray[np.int64],
    spans: NDArray[np.int64],
    regions: list[str],
    sha: str,
) -> pa.Table:
    """One row for every airport and hour of its span; an hour without movement is a zero."""
    first, end = int(spans[:, 0].min()), int(spans[:, 1].max())
    counts = np.zeros((len(regions), end - first), np.int32)
    inside = (hour >= spans[site, 0]) & (hour < spans[site, 1])
    np.add.at(counts, (site[inside], hour[inside] - first), 1)
    hours = np.arange(first, end)
    covered = (hours >= spans[:, :1]) & (hours < spans[:, 1:])
    row, column = np.nonzero(covered)
    valid = (first + column) * _HOUR_US
    return _rows(quantity, row, valid, valid + _HOUR_US + _LAG_US, counts[row, column], regions, sha)


def _delay_rows(
    hour: NDArray[np.int64],
    origin: NDArray[np.int64],
    delay: NDArray[np.int64],
    landed: NDArray[np.int64],
    regions: list[str],
    sha: str,
) -> pa.Table:
    """Mean delay of each airport's hour, one row for every hour in which more of it had landed."""
    known = -(-landed // _HOUR_US) * _HOUR_US + _LAG_US  # published at the end of the hour of landing
    order = np.lexsort((known, hour, origin))
    origin, hour, known, delay = origin[order], hour[order], known[order], delay[order]
    new_cell = np.ones(len(order), bool)
    new_cell[1:] = (origin[1:] != origin[:-1]) | (hour[1:] != hour[:-1])
    cell = np.cumsum(new_cell) - 1
    total = np.cumsum(delay)
    count = np.arange(1, len(delay) + 1)
    begin = np.flatnonzero(new_cell)
    so_far = total - (total[begin] - delay[begin])[cell]
    n = count - begin[cell]
    last = np.ones(len(order), bool)
    last[:-1] = new_cell[1:] | (known[1:] != known[:-1])
    mean = np.round(so_far[last] / n[last], 3)
    return _rows(DELAY, origin[last], hour[last] * _HOUR_US, known[last], mean, regions, sha)


def _rows(
    quantity: Quantity,
    site: NDArray[np.int64],
    valid: NDArray[np.int64],
    known: NDArray[np.int64],
    values: NDArray[Any],
    regions: list[str],
    sha: str,
) -> pa.Table:
    n = len(site)
    zero = pa.array(np.zeros(n, np.int32))

    def word(text: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(zero, pa.array([text]))

    time = pa.timestamp("us", tz="UTC")
    columns = {
        "quantity": word(quantity.id),
        "region": pa.DictionaryArray.from_arrays(pa.array(site.astype(np.int32)), pa.array(regions)),
        "valid_time": pa.array(valid).cast(pa.timestamp("us")).cast(time, safe=False),
        "known_at": pa.array(known).cast(pa.timestamp("us")).cast(time, safe=False),
        "value": pa.array(values.astype(np.float64)),
        "text": pa.nulls(n, pa.string()),
        "missing": pa.nulls(n, pa.dictionary(pa.int32(), pa.string())),
        "source": word(SOURCE.id),
        "raw": word(sha),
        "basis": word(str(Basis.ESTIMATED)),
    }
    return pa.table(columns, schema=OBSERVATION_SCHEMA)


def _found(what: str, where: str, count: int) -> list[Finding]:
    return [finding(what.replace(" ", "-"), where, f"{what}: {count}", "warning")] if count else []


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days
