from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.every.places import KING, PLACES, REGIONS
from tocsin.feeds import Gated, Parsed, admit, all_feeds, gate
from tocsin.feeds.contract import finding
from tocsin.model import (
    OBSERVATION_SCHEMA,
    Bad,
    Basis,
    Event,
    Kind,
    Missing,
    Observation,
    Quantity,
    Raw,
    Source,
    to_table,
)

NOW = datetime(2001, 3, 1, 12, tzinfo=UTC)
DAY = datetime(2001, 2, 28, tzinfo=UTC)
LEVEL = Quantity(
    id="river.level", domain="river", title="Level", unit="m", kind=Kind.LEVEL, bad=Bad.HIGH,
    step=timedelta(days=1), lower=-10, upper=100,
)  # fmt: skip
SOURCE = dataclasses.replace(
    all_feeds()["usgs_earthquakes"].SOURCE,
    id="a_river",
    quantities=(LEVEL,),
    domains=("river",),
    lag=timedelta(hours=1),
)
RAW = Raw(source="a_river", url="https://x.example.org/", fetched_at=NOW, media_type="", content=b"{}")


def row(**change: Any) -> Observation:
    given = {
        "quantity": "river.level", "region": KING, "valid_time": DAY, "known_at": NOW, "value": 1.5,
        "source": "a_river", "raw": RAW.sha256,
    }  # fmt: skip
    return Observation(**{**given, **change})


def event(**change: Any) -> Event:
    given = {
        "id": "a_river:e1", "source": "a_river", "external_id": "e1", "domain": "river", "hazard": "flood",
        "title": "Flood", "onset": DAY, "known_at": NOW, "regions": (KING,), "raw": RAW.sha256,
    }  # fmt: skip
    return Event(**{**given, **change})


def passed(*rows: Observation | Event, source: Source = SOURCE, **more: Any) -> Gated:
    parsed = Parsed(
        observations=[r for r in rows if isinstance(r, Observation)],
        events=tuple(r for r in rows if isinstance(r, Event)),
    )
    return gate(parsed, source=source, raw=RAW, now=NOW, regions=REGIONS, **more)


def test_what_is_right_passes_unchanged() -> None:
    gated = passed(
        row(), row(valid_time=DAY - timedelta(days=1), value=None, missing=Missing.NOT_YET), event()
    )
    assert gated.rejected == ()
    assert gated.observations.schema.equals(OBSERVATION_SCHEMA)
    assert gated.observations.equals(
        to_table([row(), row(valid_time=DAY - timedelta(days=1), value=None, missing=Missing.NOT_YET)])
    )
    assert gated.events == (event(),)
    assert gated.newest == DAY


def test_a_value_that_is_missing_is_no_content() -> None:
    absent = row(valid_time=DAY, value=None, missing=Missing.NOT_YET)
    assert passed(absent).newest is None
    assert passed(absent, row(valid_time=DAY - timedelta(days=3))).newest == DAY - timedelta(days=3)
    torn = passed(row(value=1e9))  # out of bounds: kept as missing
    assert torn.observations.num_rows == 1
    assert torn.newest is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"quantity": "river.colour"}, "quantity: not declared by a_river"),
        ({"region": "US-99999"}, "region: unknown to the pack"),
        ({"known_at": NOW + timedelta(microseconds=1)}, "known_at: from the future"),
        ({"valid_time": NOW + timedelta(hours=2)}, "valid_time: begins after it is known"),
        ({"valid_time": datetime(1500, 1, 1, tzinfo=UTC)}, "valid_time: allowed: 1700 to 2300"),
        ({"source": "somebody"}, "source: allowed: a_river"),
        ({"raw": "00"}, "raw: not the hash"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_good_ones_stay(change: dict[str, Any], error: str) -> None:
    gated = passed(row(), row(**{"value": 2.5, **change}), row(valid_time=DAY - timedelta(days=2)))
    assert gated.observations.num_rows == 2
    (rejected,) = gated.rejected
    assert rejected.where == "observations[1]"
    assert rejected.error.startswith(error)
    assert rejected.record["value"] == 2.5
    assert not gated.failed


@pytest.mark.parametrize("value", [-10.1, 100.5, 1e300])
def test_out_of_bounds_becomes_missing_and_is_reported(value: float) -> None:
    gated = passed(row(value=value), row(valid_time=DAY - timedelta(days=1)))
    kept = gated.observations.to_pylist()
    assert (kept[0]["value"], kept[0]["missing"]) == (None, "out_of_bounds")
    assert kept[1]["value"] == 1.5
    assert gated.observations.schema.equals(OBSERVATION_SCHEMA)
    assert gated.rejected[0].record["value"] == value
    assert "allowed: -10 to 100 m" in gated.rejected[0].error


@pytest.mark.parametrize("value", [-10.0, 100.0])
def test_the_bounds_themselves_are_allowed(value: float) -> None:
    assert passed(row(value=value)).rejected == ()


def test_what_is_said_twice_counts_once_and_a_contradiction_not_at_all() -> None:
    other = row(valid_time=DAY - timedelta(days=1))
    gated = passed(
        row(), other, row(), dataclasses.replace(other, value=9.0), row(known_at=NOW - timedelta(hours=1))
    )
    assert gated.duplicates == 1
    assert sorted(r.where for r in gated.rejected) == ["observations[1]", "observations[3]"]
    assert [r["valid_time"] for r in gated.observations.to_pylist()] == [DAY, DAY]  # two moments of knowledge


def test_a_value_against_missing_is_a_contradiction() -> None:
    gated = passed(row(), row(value=None, missing=Missing.WITHDRAWN))
    assert gated.observations.num_rows == 0
    assert len(gated.rejected) == 2


def test_the_clock_may_not_go_back_for_what_we_received() -> None:
    gated = passed(row(), event(), last=NOW + timedelta(seconds=1))
    assert len(gated.rejected) == 2
    assert all("clock went back" in r.error for r in gated.rejected)
    assert passed(row(), event(), last=NOW).rejected == ()
    old = NOW - timedelta(days=300)
    archived = passed(row(known_at=old, valid_time=old, basis=Basis.ESTIMATED), last=NOW)
    assert archived.rejected == ()


def test_a_document_from_the_future_is_refused_whole() -> None:
    gated = admit(
        all_feeds()["usgs_earthquakes"], RAW, now=NOW - timedelta(seconds=1), locate=PLACES, regions=REGIONS
    )
    assert gated.failed
    assert "clock went back" in gated.rejected[0].error


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'{"type": "FeatureCollection"', b"[1]", b"{}"])
def test_a_document_that_cannot_be_read_fails_the_feed_and_raises_nothing(content: bytes) -> None:
    raw = dataclasses.replace(RAW, source="usgs_earthquakes", content=content)
    gated = admit(all_feeds()["usgs_earthquakes"], raw, now=NOW, locate=PLACES, regions=REGIONS)
    assert gated.failed
    assert gated.rejected[0].where == "document"
    assert gated.observations.num_rows == 0
    assert gated.newest is None


def test_an_oversized_document_is_not_read_at_all() -> None:
    class Greedy:
        SOURCE = SOURCE

        @staticmethod
        def parse(raw: Raw, **_: Any) -> Parsed:
            raise AssertionError("read")

    gated = admit(Greedy, RAW, now=NOW, locate=PLACES, regions=REGIONS, max_bytes=1)  # type: ignore[arg-type]
    assert gated.failed
    assert gated.rejected[0].error == "got 2 bytes, allowed: 1"


def test_a_faulty_parser_does_not_stop_the_others() -> None:
    class Faulty:
        SOURCE = SOURCE

        @staticmethod
        def parse(raw: Raw, **_: Any) -> Parsed:
            raise ZeroDivisionError("oops")

    gated = admit(Faulty, RAW, now=NOW, locate=PLACES, regions=REGIONS)  # type: ignore[arg-type]
    assert gated.failed
    assert "fault in the parser of a_river: ZeroDivisionError: oops" in gated.rejected[0].error


def test_a_table_of_another_shape_is_refused() -> None:
    parsed = Parsed(observations=pa.table({"quantity": ["river.level"]}))
    gated = gate(parsed, source=SOURCE, raw=RAW, now=NOW, regions=REGIONS)
    assert gated.failed


def test_nan_in_a_table_is_set_aside() -> None:
    table = to_table([row(), row(valid_time=DAY - timedelta(days=1))])
    bad = table.set_column(4, OBSERVATION_SCHEMA.field("value"), pa.array([float("nan"), 1.0]))
    gated = gate(Parsed(observations=bad), source=SOURCE, raw=RAW, now=NOW, regions=REGIONS)
    assert gated.observations.num_rows == 1
    assert "NaN is missing with a reason" in gated.rejected[0].error


@pytest.mark.parametrize("column", ["text", "missing"])
def test_two_answers_in_one_row_are_set_aside(column: str) -> None:
    table = to_table([row()])
    at = OBSERVATION_SCHEMA.get_field_index(column)
    field = OBSERVATION_SCHEMA.field(column)
    word = pa.array(["withdrawn"]).cast(field.type)
    gated = gate(
        Parsed(observations=table.set_column(at, field, word)),
        source=SOURCE,
        raw=RAW,
        now=NOW,
        regions=REGIONS,
    )
    assert "exactly one of" in gated.rejected[0].error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"regions": (KING, "US-99999")}, "regions: got ['US-99999']"),
        ({"domain": "space"}, "domain: got 'space'"),
        ({"status": "rumour"}, "status: got 'rumour'"),
        ({"known_at": NOW + timedelta(seconds=1)}, "from the future"),
        ({"onset": NOW + timedelta(days=400)}, "onset: got"),
        ({"ends": DAY - timedelta(days=1)}, "ends: got"),
        ({"lat": 47.0}, "allowed: both or none"),
        ({"lat": 147.0, "lon": 0.0}, "degrees of WGS 84"),
        ({"external_id": "e2"}, "allowed: source:external_id"),
        ({"raw": "00"}, "the hash of its document"),
    ],
)
def test_a_bad_event_is_set_aside(change: dict[str, Any], error: str) -> None:
    good = event(id="a_river:e9", external_id="e9")
    gated = passed(good, event(**change))
    assert gated.events == (good,)
    assert error in gated.rejected[0].error


def test_an_event_that_did_not_change_is_not_stored_again() -> None:
    known = event(known_at=NOW - timedelta(hours=1), revision=4, raw="older")
    assert passed(event(), previous={"a_river:e1": known}).events == ()
    assert passed(event(), previous={"a_river:e1": known}).unchanged == 1
    changed = event(title="Flood, higher")
    assert passed(changed, previous={"a_river:e1": known}).events == (changed,)


def test_the_first_of_two_different_copies_of_an_event_stays() -> None:
    gated = passed(event(), event(), event(title="another"))
    assert gated.events == (event(),)
    assert gated.duplicates == 1
    assert "twice with different content" in gated.rejected[0].error


def test_a_broken_record_among_good_ones_goes_to_quarantine() -> None:
    parsed = Parsed(
        events=(event(),), findings=(finding("feed.broken-record", "features[3]", "no time", "error"),)
    )
    gated = gate(parsed, source=SOURCE, raw=RAW, now=NOW, regions=REGIONS)
    assert gated.rejected[0].where == "features[3]"
    assert gated.events == (event(),)


rows = st.builds(
    row,
    quantity=st.sampled_from(["river.level", "other.x"]),
    region=st.sampled_from([KING, "US", "nowhere"]),
    valid_time=st.integers(-50, 50).map(lambda h: NOW + timedelta(hours=h)),
    known_at=st.integers(-3, 3).map(lambda h: NOW + timedelta(hours=h)),
    value=st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(rows, max_size=12))
def test_every_row_is_accepted_set_aside_or_counted_and_the_order_does_not_matter(
    given_rows: list[Observation],
) -> None:
    gated = passed(*given_rows)
    blanked = sum("kept as missing" in r.error for r in gated.rejected)
    assert gated.observations.num_rows + len(gated.rejected) - blanked + gated.duplicates == len(given_rows)
    turned = passed(*reversed(given_rows))
    key = ("quantity", "region", "valid_time", "known_at")
    assert sorted(gated.observations.to_pylist(), key=lambda r: [str(r[k]) for k in key]) == sorted(
        turned.observations.to_pylist(), key=lambda r: [str(r[k]) for k in key]
    )
    for kept in gated.observations.to_pylist():
        assert kept["known_at"] <= NOW
        assert kept["value"] is None or -10 <= kept["value"] <= 100
