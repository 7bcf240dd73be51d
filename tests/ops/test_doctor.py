"""The doctor: what never ran or was never read is unknown, neither well nor wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cycle import small_world as small
from tests.ops.test_queries_live import read
from tocsin.feeds import all_feeds
from tocsin.model import DAY, iso
from tocsin.ops import health, jobs, loop, schedule
from tocsin.ops.health import Check
from tocsin.ops.office import Office, open_office

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path / "store")
    yield made
    made.store.close()


def found(office: Office, at: datetime) -> dict[str, Check]:
    return {c.name: c for c in health.examine(office.path, now=at)}


def test_of_an_empty_store_nothing_is_said_to_be_well(office: Office) -> None:
    checks = found(office, NOW)
    for name in ("jobs", "calibration"):
        assert checks[name].ok is None
        assert checks[name].detail.startswith("unknown: no ")
    feeds = {name.removeprefix("feed "): c for name, c in checks.items() if name.startswith("feed ")}
    assert set(feeds) == set(all_feeds())
    assert {(c.ok, c.detail) for c in feeds.values()} == {(None, "never read")}


def test_a_feed_that_live_cycles_miss_is_wrong_not_unknown(office: Office) -> None:
    office.store.feed_run("usgs_earthquakes", NOW, "ok", newest=NOW)
    schedule.live_cycle(office, at=NOW)
    checks = found(office, NOW)
    assert checks["feed usgs_earthquakes"].ok is True
    # Weather alerts are watched, and nobody ever asked for them; of the flights there is only an archive.
    assert (checks["feed nws_alerts"].ok, checks["feed nws_alerts"].detail) == (False, "never read")
    assert checks["feed bts_flights"].ok is None
    assert checks["jobs"].ok is True


def test_that_no_fault_is_known_is_good_news_only_while_something_runs(office: Office) -> None:
    read(office, NOW)
    schedule.live_cycle(office, at=NOW)
    assert found(office, NOW + 20 * MINUTE)["jobs"].ok is True
    silent = found(office, NOW + 21 * MINUTE)["jobs"]
    assert silent.ok is None
    assert iso(NOW) in silent.detail
    # A fault that is known stays one, whatever runs.
    jobs.note(office.store, "cycle", "OSError: refused", at=NOW + 22 * MINUTE)
    assert found(office, NOW + 30 * MINUTE)["jobs"].ok is False


def test_an_archive_is_named_as_one(tmp_path: Path) -> None:
    rows = small.flights(3, days=3)
    office = small.office(tmp_path / "store", rows)
    span = (rows[0].known_at, rows[-1].known_at)
    record = {"id": "made", "source": "bts_flights", "span": [iso(t) for t in span]}
    office.store.put("dataset", "made", record, known_at=small.LATER, revision=0)
    start = small.START + 2 * DAY
    loop.replay(office, start=start, end=start, domains=["air_transport"], archives={"bts_flights": span})
    checks = found(office, NOW)
    flights = checks["feed bts_flights"]
    assert flights.ok is None
    assert flights.detail == f"never read; an archive covers {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}"
    assert checks["jobs"].ok is None, "a replay is no live operation"
    office.store.close()


def test_a_reason_on_record_is_told_without_its_key(office: Office) -> None:
    office.store.feed_run("cap_atom", NOW, "failed", "https://h/f?token=S3CRET: refused")
    check = found(office, NOW)["feed cap_atom"]
    assert (check.ok, check.detail) == (False, "https://h/f?token=… refused")
