"""Each trap of the packaged flights, in a small Parquet made here: repaired, refused, and known when."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.feeds.sources import bts_flights as feed
from tocsin.model import HOUR, OBSERVATION_SCHEMA, ParseError, Raw, Region, RegionLevel, ShapeError, zone
from tocsin.testing.feeds import Places

ZONES = {
    "BOS": "America/New_York",
    "SEA": "America/Los_Angeles",
    "PHX": "America/Phoenix",
    "HNL": "Pacific/Honolulu",
    "IND": "America/Indiana/Indianapolis",
    "SJU": "America/Puerto_Rico",
}
LAG = timedelta(minutes=5)


def site(code: str, tz: str) -> Region:
    return Region(
        id=f"X-{code}", name=code, level=RegionLevel.SITE, parent=None, code=code, title=code, lat=0.0,
        lon=0.0, area_km2=None, population=None, timezone=tz,
    )  # fmt: skip


PLACES = Places(
    codes={("IATA", code): f"X-{code}" for code in ZONES},
    sites={f"X-{code}": site(code, tz) for code, tz in ZONES.items()},
)


def parquet(*flights, **types) -> bytes:
    """Rows of (local time, delay, distance, origin, destination)."""
    names = ("date", "delay", "distance", "origin", "destination")
    kinds = {
        "date": pa.timestamp("ms"), "delay": pa.int16(), "distance": pa.int16(), "origin": pa.string(),
        "destination": pa.string(),
    } | types  # fmt: skip
    columns = zip(*flights, strict=True) if flights else [[] for _ in names]
    table = pa.table({n: pa.array(list(c), kinds[n]) for n, c in zip(names, columns, strict=True)})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def flight(local: str, delay=0, distance=840, origin="BOS", destination="SEA"):
    return (datetime.fromisoformat(local), delay, distance, origin, destination)


def parse(*flights):
    return parse_bytes(parquet(*flights))


def parse_bytes(content):
    raw = Raw(
        source="bts_flights", url="flights.parquet", fetched_at=datetime(2001, 9, 1, tzinfo=UTC),
        media_type="application/vnd.apache.parquet", content=content,
    )  # fmt: skip
    return feed.parse(raw, known_at=datetime(2001, 9, 1, tzinfo=UTC), locate=PLACES)


def rows(parsed, name, code=None, *, zero=False):
    """(code, valid time, known from, value) of a quantity, without the hours of no movement."""
    keep = pc.field("quantity").cast("string") == f"air_transport.{name}"
    if not zero and name != "arrival_delay":
        keep &= pc.field("value") != 0
    return [
        (r["region"][2:], r["valid_time"], r["known_at"], r["value"])
        for r in parsed.table().filter(keep).to_pylist()
        if code is None or r["region"] == f"X-{code}"
    ]


def departed(parsed):
    return [(code, f"{valid:%m-%dT%H}", int(value)) for code, valid, _, value in rows(parsed, "departures")]


def messages(parsed):
    return " | ".join(f.message for f in parsed.findings)


@pytest.mark.parametrize(
    ("code", "winter", "summer"),
    [("BOS", 17, 16), ("SEA", 20, 19), ("PHX", 19, 19), ("HNL", 22, 22), ("IND", 17, 17), ("SJU", 16, 16)],
)
def test_local_times_are_read_in_the_zone_of_the_airport(code, winter, summer):
    """Arizona, Hawaii, most of Indiana and Puerto Rico had no daylight saving in 2001."""
    parsed = parse(flight("2001-01-15T12:20", origin=code), flight("2001-06-15T12:20", origin=code))
    assert departed(parsed) == [(code, f"01-15T{winter}", 1), (code, f"06-15T{summer}", 1)]


def test_the_date_is_the_actual_departure_not_the_schedule():
    assert departed(parse(flight("2001-03-05T14:10", delay=90))) == [("BOS", "03-05T19", 1)]


@pytest.mark.parametrize(
    ("local", "delay", "utc"),
    [
        ("2001-03-05T00:40", 100, "03-06T05"),  # due at 23:00: it left on the 6th, a day later than it says
        ("2001-03-05T00:40", 30, "03-05T05"),  # due at 00:10 on the same day
        ("2001-03-05T00:40", 40, "03-05T05"),  # due at midnight
        ("2001-03-05T00:40", 41, "03-06T05"),
        ("2001-03-05T05:59", 400, "03-06T10"),
        ("2001-03-05T06:00", 400, "03-05T11"),  # in the morning it is no flight of the evening before
        ("2001-03-05T00:10", -20, "03-05T05"),  # early
    ],
)
def test_a_flight_delayed_past_midnight_is_moved_to_the_next_day(local, delay, utc):
    parsed = parse(flight(local, delay=delay))
    assert departed(parsed) == [("BOS", utc, 1)]
    assert ("moved to the next day: 1" in messages(parsed)) is (utc.startswith("03-06"))


def test_rows_that_are_equal_in_every_column_count_once():
    twice = [flight("2001-03-05T12:00")] * 2
    other = [flight("2001-03-05T12:00", delay=1), flight("2001-03-05T12:00", destination="PHX")]
    parsed = parse(*twice, *other)
    assert departed(parsed) == [("BOS", "03-05T17", 3)]
    assert "doubled rows counted once: 1" in messages(parsed)


def test_the_cut_day_is_left_out():
    parsed = parse(flight("2001-06-30T23:59"), flight("2001-07-01T00:00"))
    assert departed(parsed) == [("BOS", "07-01T03", 1)]
    assert "after the last whole day left out: 1" in messages(parsed)


def test_a_flight_that_is_moved_beyond_the_last_day_is_left_out():
    parsed = parse(flight("2001-06-30T00:30", delay=60), flight("2001-03-05T12:00"))
    assert departed(parsed) == [("BOS", "03-05T17", 1)]


def test_a_wrapped_delay_enters_no_mean_but_the_flight_counts():
    parsed = parse(flight("2001-03-05T12:00", delay=-1116), flight("2001-03-05T12:30", delay=-180))
    assert departed(parsed) == [("BOS", "03-05T17", 2)]
    assert [value for *_, value in rows(parsed, "arrival_delay")] == [-180.0]
    assert "delays below -180 min not used: 1" in messages(parsed)


def test_an_hour_that_does_not_exist_is_refused():
    """At 02:30 on 1 April 2001 no clock in Boston stood; in Phoenix it did."""
    parsed = parse(flight("2001-04-01T02:30"), flight("2001-04-01T02:30", origin="PHX"))
    assert departed(parsed) == [("PHX", "04-01T09", 1)]
    assert "hour that does not exist: 1" in messages(parsed)


def test_delays_are_known_from_the_estimated_landing_on_as_revisions():
    """840 miles are bounded by 2 h 45 min: landed at 19:45, told 20:05; the second at 22:00, told 22:05."""
    early, late = (
        flight("2001-03-05T12:00", delay=10),
        flight("2001-03-05T12:15", delay=40, destination="PHX"),
    )
    parsed = parse(early, (*late[:2], 1680, *late[3:]))
    at = datetime(2001, 3, 5, 17, tzinfo=UTC)
    assert rows(parsed, "arrival_delay") == [
        ("BOS", at, at + 3 * HOUR + LAG, 10.0),
        ("BOS", at, at + 5 * HOUR + LAG, 25.0),
    ]


def test_delays_that_land_in_one_hour_are_one_revision():
    parsed = parse(*(flight(f"2001-03-05T12:{m:02d}", delay=d) for m, d in ((1, 3), (2, 4), (3, 8))))
    assert [value for *_, value in rows(parsed, "arrival_delay")] == [5.0]


def test_landings_are_estimated_from_departure_and_distance():
    parsed = parse(flight("2001-03-05T12:00"))
    at = datetime(2001, 3, 5, 19, tzinfo=UTC)
    assert rows(parsed, "landings") == [("SEA", at, at + HOUR + LAG, 1.0)]


def test_an_hour_without_a_departure_is_a_zero_for_the_whole_span():
    parsed = parse(flight("2001-03-05T12:00"), flight("2001-03-05T12:00", origin="HNL", destination="BOS"))
    for code, hours in (("BOS", 181 * 24 - 1), ("HNL", 181 * 24)):
        found = rows(parsed, "departures", code, zero=True)
        tz = zone(ZONES[code])
        assert len(found) == hours
        assert found[0][1] == datetime(2001, 1, 1, tzinfo=tz)
        assert found[-1][1] == datetime(2001, 7, 1, tzinfo=tz) - HOUR
        assert sum(value for *_, value in found) == 1
        assert all(known == valid + HOUR + LAG for _, valid, known, _ in found)


def test_rows_have_the_schema_of_observations_and_name_the_bytes():
    parsed = parse(flight("2001-03-05T12:00"))
    table = parsed.table()
    assert table.schema == OBSERVATION_SCHEMA
    first = table.to_pylist()[0]
    assert first["source"] == "bts_flights"
    assert first["basis"] == "estimated"
    assert len(first["raw"]) == 64


FLIGHTS = st.lists(
    st.tuples(
        st.datetimes(datetime(2001, 1, 1), datetime(2001, 6, 30, 23, 59)),  # noqa: DTZ001 - local on purpose
        st.integers(-60, 300),
        st.integers(50, 3000),
        st.sampled_from(sorted(ZONES)),
        st.sampled_from(sorted(ZONES)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(FLIGHTS)
def test_nothing_is_known_before_the_flights_that_it_rests_on(flights):
    """Departure and landing of each flight are worked out here one by one, from its repaired local time."""
    flights = [(f[0].replace(second=0, microsecond=0), *f[1:]) for f in flights]
    parsed = parse(*flights)
    left, landed = {}, {}
    for local, delay, distance, origin, destination in set(flights):
        if local.hour < 6 and (local - timedelta(minutes=delay)).date() < local.date():
            local += timedelta(days=1)
        if local >= datetime(2001, 7, 1):  # noqa: DTZ001
            continue
        tz = zone(ZONES[origin])
        utc = local.replace(tzinfo=tz).astimezone(UTC)
        if utc.astimezone(tz).replace(tzinfo=None) != local:
            continue
        down = utc + timedelta(minutes=distance / feed.CRUISE_MPH * 60 + feed.TAXI_MIN)
        hour = utc.replace(minute=0)
        left.setdefault((origin, hour), []).append((utc, down, delay))
        landed.setdefault((destination, down.replace(minute=0, second=0, microsecond=0)), []).append(down)
    for code, valid, known, value in rows(parsed, "departures"):
        assert value == len(left[code, valid])
        assert all(utc < known for utc, *_ in left[code, valid])
    for code, valid, known, value in rows(parsed, "landings"):
        assert value == len(landed[code, valid])
        assert all(down < known for down in landed[code, valid])
    for code, valid, known, value in rows(parsed, "arrival_delay"):
        down = [delay for _, at, delay in left[code, valid] if at < known]
        assert down
        assert value == pytest.approx(np.mean(down), abs=1e-3)
    counted = sum(value for *_, value in rows(parsed, "departures"))
    assert counted == sum(map(len, left.values()))


def test_an_unknown_airport_is_refused_by_name():
    with pytest.raises(ShapeError, match="XXX"):
        parse(flight("2001-03-05T12:00", origin="XXX"))


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_broken_bytes_are_refused(cut):
    with pytest.raises(ParseError, match=r"flights\.parquet"):
        parse_bytes(parquet(flight("2001-03-05T12:00"))[:cut])


def test_bytes_that_rot_inside_are_refused_or_read_never_an_odd_error():
    good = parquet(*(flight(f"2001-03-05T{h:02d}:00") for h in range(6, 22)))
    rng = np.random.default_rng(9)
    for _ in range(60):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), 4):
            bad[place] ^= int(rng.integers(1, 256))
        try:
            parse_bytes(bytes(bad))
        except (ParseError, ShapeError):
            continue


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("date", pa.string(), "2001-03-05T12:00"),
        ("delay", pa.string(), "ten"),
        ("distance", pa.string(), "far"),
        ("origin", pa.int32(), 7),
        ("destination", pa.float64(), 1.5),
        ("delay", pa.bool_(), True),
    ],
)
def test_a_column_of_another_type_is_refused_by_name(column, kind, value):
    names = ("date", "delay", "distance", "origin", "destination")
    row = dict(zip(names, flight("2001-03-05T12:00"), strict=True)) | {column: value}
    with pytest.raises(ParseError, match=column):
        parse_bytes(parquet(tuple(row.values()), **{column: kind}))


@pytest.mark.parametrize("column", ["date", "delay", "distance", "origin", "destination"])
def test_an_absent_column_and_nulls_are_refused_by_name(column):
    table = pq.read_table(io.BytesIO(parquet(flight("2001-03-05T12:00"))))
    for bad in (
        table.drop_columns([column]),
        table.set_column(table.column_names.index(column), column, pa.nulls(1, table[column].type)),
    ):
        sink = io.BytesIO()
        pq.write_table(bad, sink)
        with pytest.raises(ParseError, match=column):
            parse_bytes(sink.getvalue())


def test_a_distance_that_cannot_be_is_refused():
    """A negative distance would make a delay known before the departure."""
    with pytest.raises(ParseError, match="distance"):
        parse(flight("2001-03-05T12:00", distance=-5))


def test_an_archive_without_a_flight_is_refused():
    with pytest.raises(ParseError, match="no flights"):
        parse()
