"""One rule of staleness, by a table; and the cycle, the picture and the doctor that all follow it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cycle import small_world as small
from tocsin.feeds import all_feeds
from tocsin.model import DAY, HOUR, FeedState, Missing, Observation, iso
from tocsin.ops import health, loop, queries, staleness
from tocsin.ops.office import open_office
from tocsin.ops.queries.coverage import source_states
from tocsin.ops.world import AFTER_END, Chained, World
from tocsin.testing.store import event

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCES = {name: feed.SOURCE for name, feed in all_feeds().items()}
QUAKES = SOURCES["usgs_earthquakes"]
LIMIT = QUAKES.stale_after


def ago(age: timedelta | None) -> datetime | None:
    return None if age is None else NOW - age


SECOND = timedelta(seconds=1)
TABLE = [
    # outcome, age of the newest content, age of the last good reading → outcome, stale since (age)
    ("ok", timedelta(0), timedelta(0), "ok", None),
    ("ok", LIMIT, timedelta(0), "ok", None),
    ("ok", LIMIT + SECOND, timedelta(0), "stale", SECOND),
    ("ok", 10 * LIMIT, timedelta(0), "stale", 9 * LIMIT),
    # Without content the reading itself ages: a loop that died is not a calm country.
    ("ok", None, LIMIT, "ok", None),
    ("ok", None, LIMIT + SECOND, "stale", SECOND),
    # What failed or was never read is said as it is, however old.
    ("failed", 10 * LIMIT, 10 * LIMIT, "failed", None),
    ("failed", None, None, "failed", None),
    ("never", None, None, "never", None),
]


@pytest.mark.parametrize(("outcome", "newest", "read", "expected", "since"), TABLE)
def test_the_table(
    outcome: str, newest: timedelta | None, read: timedelta | None, expected: str, since: timedelta | None
) -> None:
    state = FeedState(source=QUAKES.id, outcome=outcome, newest=ago(newest), last_ok=ago(read))
    got = staleness.aged(state, QUAKES, NOW)
    assert got.outcome == expected
    if expected == outcome:
        assert got == state
    else:
        assert got.since == ago(since)
        assert (got.newest, got.last_ok) == (state.newest, state.last_ok)
        assert "newest content" in got.message


def test_a_source_that_nothing_is_declared_of_does_not_age() -> None:
    state = FeedState(source="x", outcome="ok", newest=NOW - 1000 * LIMIT)
    assert staleness.aged(state, None, NOW) == state


@pytest.mark.parametrize(
    ("newest", "expected"),
    [(timedelta(0), "ok"), (LIMIT, "ok"), (LIMIT + SECOND, "stale"), (None, "stale")],
)
def test_an_archive_is_as_old_as_what_was_known_of_it(newest: timedelta | None, expected: str) -> None:
    got = staleness.archived(QUAKES, ago(newest), NOW)
    assert (got.outcome, got.newest) == (expected, ago(newest))


def test_cycle_picture_and_doctor_follow_the_one_rule(tmp_path: Path) -> None:
    office = open_office(tmp_path / "store")
    office.store.feed_run(QUAKES.id, NOW, "ok", newest=NOW)
    for at, stale in ((NOW + LIMIT, False), (NOW + LIMIT + SECOND, True)):
        seen = Chained(
            snapshot=office.store.as_of(at), world=World(), plan=office.plan, archives={}, sources=SOURCES
        )
        cycle = seen.feeds()[QUAKES.id]
        (shown,) = (f for f in queries.feeds(office, None, at) if f["id"] == QUAKES.id)
        cover = next(c for c in queries.coverage(office, None, at) if c["domain"] == "seismic")
        check = next(c for c in health.examine(office.path, now=at) if c.name == f"feed {QUAKES.id}")
        # To a cycle there is one word for what cannot be trusted; people are told the difference.
        assert (cycle.outcome, shown["outcome"], cover["state"], check.ok) == (
            ("failed", "stale", "stale", False) if stale else ("ok", "ok", "ok", True)
        )
    office.store.close()


# An archive of five airports with half a day missing: nothing was published, of any of them.
GAP = (small.START + 3 * DAY, small.START + 3 * DAY + 12 * HOUR)


def test_a_gap_in_an_archive_is_never_ok(tmp_path: Path) -> None:
    rows = [
        r
        for r in small.flights(3, days=5)
        if isinstance(r, Observation) and not GAP[0] <= r.valid_time < GAP[1]
    ]
    office = small.office(tmp_path / "store", rows)
    plan, archives = small.plan(), {"bts_flights": (rows[0].known_at, rows[-1].known_at)}
    flights = SOURCES["bts_flights"]
    told: dict[datetime, FeedState] = {}
    for past in office.store.follow(
        start=small.START, end=rows[-1].known_at + 2 * AFTER_END, step=HOUR, panels=loop.panels(plan)
    ):
        seen = Chained(snapshot=past, world=World(), plan=plan, archives=archives, sources=SOURCES)
        found = seen.feeds().get("bts_flights")
        if found is not None:
            told[past.at] = found
    # A revision of an old value is no newer content: what counts is the newest period that was known.
    ends = [(r.known_at, r.valid_time + HOUR) for r in rows]
    assert len(told) > 100
    for at, state in told.items():
        newest = max((end for known, end in ends if known <= at), default=None)
        old = newest is None or at - newest > flights.stale_after
        assert state.outcome == ("failed" if old else "ok"), at
        assert not old or "stale" in state.message
    outcomes = [told[at].outcome for at in sorted(told) if GAP[0] <= at < GAP[1] + 2 * HOUR]
    assert outcomes.count("failed") >= 8
    # After the end of the archive it ages too, then nothing is said of it any more.
    assert told[max(told)].outcome == "failed"
    assert max(told) <= rows[-1].known_at + AFTER_END
    office.store.close()


def test_known_moments_are_those_of_the_snapshot_not_of_the_file(tmp_path: Path) -> None:
    rows = [r for r in small.flights(3, days=3) if isinstance(r, Observation)]
    late = [replace(r, known_at=r.known_at + DAY) for r in rows]
    office = small.office(tmp_path / "store", late)
    at = small.START + DAY
    seen = staleness.newest_content(
        SOURCES["bts_flights"], small.plan().domains, small.plan(), office.store.as_of(at)
    )
    assert seen is None or seen <= at - DAY
    office.store.close()


AT = datetime(2001, 6, 1, tzinfo=UTC)
SHORT = timedelta(minutes=5)
REPLAYS = {
    # Another source of the domain speaks: that says nothing of this one.
    "silent beside another": (
        "nws_alerts",
        "weather_alerts",
        [("nws_alerts", 2 * DAY, 2 * DAY), ("cap_atom", 2 * SHORT, 2 * SHORT)],
        "stale",
    ),
    # As far back is looked as its own declaration allows, not a week.
    "old within its limit": ("cap_atom", "seismic", [("cap_atom", 10 * DAY, 10 * DAY)], "ok"),
    "old beyond its limit": ("cap_atom", "seismic", [("cap_atom", 31 * DAY, 31 * DAY)], "stale"),
    # A late report of what is long past is as old as what it reports.
    "a late report": ("usgs_earthquakes", "seismic", [("usgs_earthquakes", 20 * HOUR, SHORT)], "stale"),
    "a report in time": ("usgs_earthquakes", "seismic", [("usgs_earthquakes", 4 * SHORT, SHORT)], "ok"),
    "nothing at all": ("usgs_earthquakes", "seismic", [], "stale"),
}


@pytest.mark.parametrize("case", REPLAYS)
def test_in_a_replay_cycle_and_picture_say_the_same(tmp_path: Path, case: str) -> None:
    source, domain, reports, expected = REPLAYS[case]
    office = open_office(tmp_path / "store", domains=(domain,))
    events = [
        replace(
            event(f"{n}", AT - known, onset=AT - onset),
            id=f"{whose}:{n}",
            source=whose,
            domain=domain,
            regions=small.COUNTIES[:1],
        )
        for n, (whose, onset, known) in enumerate(reports)
    ]
    if events:
        office.store.add(events, ingest="archive", at=small.LATER)
    span = (AT - 60 * DAY, AT + DAY)
    record = {"id": "made", "source": source, "span": [iso(t) for t in span]}
    office.store.put("dataset", "made", record, known_at=small.LATER, revision=0)
    loop.replay(office, start=AT - HOUR, end=AT, domains=[domain], archives={source: span})
    plan = office.plan
    seen = Chained(
        snapshot=office.store.as_of(AT), world=World(), plan=plan, archives={source: span}, sources=SOURCES
    )
    cycle, shown = seen.feeds()[source], source_states(office, AT)[source]
    assert shown.outcome == expected
    assert cycle.outcome == ("failed" if expected == "stale" else "ok")
    assert (cycle.newest, cycle.last_ok) == (shown.newest, shown.last_ok)
    assert cycle.message.removeprefix("stale: ") == shown.message
    office.store.close()


def test_a_period_recorded_only_as_missing_is_no_content(tmp_path: Path) -> None:
    """The archive goes on with rows that say that there is no value: nobody watches any more."""
    rows = [r for r in small.flights(3, days=3) if isinstance(r, Observation)]
    cut = max(r.valid_time for r in rows) - 12 * HOUR
    rows = [r if r.valid_time < cut else replace(r, value=None, missing=Missing.NOT_REPORTED) for r in rows]
    office = small.office(tmp_path / "store", rows)
    span = (rows[0].known_at, rows[-1].known_at)
    record = {"id": "made", "source": "bts_flights", "span": [iso(t) for t in span]}
    office.store.put("dataset", "made", record, known_at=small.LATER, revision=0)
    limit = SOURCES["bts_flights"].stale_after
    start = small.START + 2 * DAY
    loop.replay(office, start=start, end=span[1], domains=["air_transport"], archives={"bts_flights": span})
    told = {}
    for past in office.store.follow(start=start, end=span[1], step=HOUR, panels=loop.panels(small.plan())):
        seen = Chained(
            snapshot=past, world=World(), plan=small.plan(), archives={"bts_flights": span}, sources=SOURCES
        )
        cycle, shown = seen.feeds()["bts_flights"], source_states(office, past.at)["bts_flights"]
        assert (cycle.outcome == "failed") == (shown.outcome == "stale") == (past.at - cut > limit), past.at
        assert cycle.newest == shown.newest
        told[past.at] = shown.outcome
    assert set(told.values()) == {"ok", "stale"}
    office.store.close()
