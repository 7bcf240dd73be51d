"""Views of live operation: what fails or falls silent is unknown, never calm; reasons end at bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tocsin.model import HOUR, UNCOVERED, UNKNOWN, Event, Raw, Role, StoreError, iso
from tocsin.ops import commands, queries, schedule
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office, open_office

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CONTENT = b'{"type": "FeatureCollection", "features": ["made for this test"]}'
RAW = hashlib.sha256(CONTENT).hexdigest()
KING = "US-53033"
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)


def quake(magnitude: float, onset: datetime, known: datetime) -> Event:
    return Event(
        id="usgs_earthquakes:made",
        source="usgs_earthquakes",
        external_id="made",
        domain="seismic",
        hazard="earthquake",
        title="7 km W of Somewhere, Washington",
        onset=onset,
        ends=onset,
        known_at=known,
        magnitude=magnitude,
        unit="mw",
        lat=47.5,
        lon=-122.2,
        regions=(KING,),
        raw=RAW,
    )


def read(office: Office, at: datetime, outcome: str = "ok") -> None:
    """One reading of every live feed."""
    message = "" if outcome == "ok" else "no route to host"
    for source in ("usgs_earthquakes", "nws_alerts"):
        office.store.feed_run(source, at, outcome, message, newest=at if outcome == "ok" else None)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path / "store")
    yield made
    made.store.close()


def levels(office: Office, at: datetime) -> dict[str, dict[str, int]]:
    """Level bytes by domain and region at one moment, as the page decodes them."""
    body = queries.cube(office, at, at + HOUR)
    block = np.frombuffer(base64.b64decode(body["levels"]), np.uint8)
    shaped = block.reshape(len(body["domains"]), -1)
    return {
        d: dict(zip(body["regions"], row.tolist(), strict=True))
        for d, row in zip(body["domains"], shaped, strict=True)
    }


def cover(office: Office, at: datetime) -> dict[str, dict[str, Any]]:
    return {c["domain"]: c for c in queries.coverage(office, None, at)}


def test_before_anything_ran_nothing_is_covered(office: Office) -> None:
    found = levels(office, NOW)
    assert {b for row in found.values() for b in row.values()} == {UNCOVERED}
    assert {c["state"] for c in cover(office, NOW).values()} == {"never"}
    health = queries.health(office, NOW)
    assert health["clock"] == {"mode": "live", "at": iso(NOW), "replay": None, "open_at": None, "replays": []}
    assert queries.ledger(office, None, NOW) == ([], [])


def test_an_earthquake_is_in_the_picture_and_its_reason_ends_at_the_bytes(office: Office) -> None:
    raw = Raw(source="usgs_earthquakes", url="https://example.org/f", fetched_at=NOW,
              media_type="application/geo+json", content=CONTENT)  # fmt: skip
    assert office.store.keep_raw(raw) == RAW
    office.store.add([quake(5.6, NOW - timedelta(minutes=9), NOW)], ingest="a", at=NOW)
    read(office, NOW)
    schedule.live_cycle(office, at=NOW)
    picture = queries.picture(office, None, NOW)
    assert picture["mode"] == "live"
    assert [(a["region"], a["level"]) for a in picture["assessments"]] == [(KING, 2)]
    assert picture["summary"] == {"1": 0, "2": 1, "3": 0, "4": 0}
    assert picture["standing"] == 1
    found = levels(office, NOW)
    assert found["seismic"][KING] == 2
    assert found["seismic"]["US-53053"] == 0
    assert found["air_transport"]["US-AIR-SEA"] == UNCOVERED
    (draft,) = queries.warnings(office, None, NOW, "open", actor=DUTY)
    assert draft["state"] == "draft"
    assert "submit" in draft["actions"]
    assert queries.warnings(office, None, NOW, desk=False) == []
    assert queries.picture(office, None, NOW, desk=False)["standing"] == 0
    with pytest.raises(StoreError, match="known at"):
        queries.warning(office, draft["id"], None, NOW, desk=False)
    steps = queries.warning(office, draft["id"], None, NOW)["why"]
    kinds = [s["kind"] for s in steps]
    assert kinds.index("cycle") < kinds.index("finding") < kinds.index("event") < kinds.index("raw")
    assert steps[kinds.index("raw")]["id"] == f"sha256:{RAW}"
    assert "hash verified" in steps[kinds.index("raw")]["text"]
    assert "magnitude 5.6" in steps[kinds.index("event")]["text"]
    assert kinds[-1] == "source"
    # Asked as of a minute before, nobody knew.
    assert queries.warnings(office, NOW - timedelta(minutes=1), NOW) == []


def test_an_empty_store_is_not_well_but_unknown_and_says_what_is_not_there(office: Office) -> None:
    health = queries.health(office, NOW)
    assert health["status"] == "unknown"
    assert health["missing"] == ["no cycle is on record: nothing has been judged yet"]
    read(office, NOW)  # a feed was read, but nobody has judged what it said
    assert queries.health(office, NOW)["status"] == "unknown"
    schedule.live_cycle(office, at=NOW)
    assert (queries.health(office, NOW)["status"], queries.health(office, NOW)["missing"]) == ("ok", [])


def test_a_feed_that_fails_makes_unknown_and_health_says_so(office: Office) -> None:
    read(office, NOW)
    schedule.live_cycle(office, at=NOW)
    assert queries.health(office, NOW)["status"] == "ok"
    assert levels(office, NOW)["seismic"][KING] == 0
    later = NOW + timedelta(minutes=30)
    read(office, later, "failed")
    schedule.live_cycle(office, at=later)
    assert levels(office, later)["seismic"][KING] == UNKNOWN
    state = cover(office, later)["seismic"]
    assert state["state"] == "failed"
    assert state["message"] == "no route to host"
    assert state["series_unknown"] == state["series_total"] > 3000
    assert state["last_ok"] == iso(NOW)
    assert state["age_s"] == 1800
    assert queries.health(office, later)["status"] == "degraded"
    feeds = {f["id"]: f for f in queries.feeds(office, None, later)}
    assert feeds["usgs_earthquakes"]["outcome"] == "failed"
    # As of the first reading it was well: the past does not change.
    assert {f["id"]: f["outcome"] for f in queries.feeds(office, NOW, later)}["usgs_earthquakes"] == "ok"


def test_a_loop_that_falls_silent_is_unknown_after_twenty_minutes(office: Office) -> None:
    read(office, NOW)
    schedule.live_cycle(office, at=NOW)
    assert levels(office, NOW + timedelta(minutes=20))["seismic"][KING] == 0
    silent = NOW + timedelta(minutes=21)
    assert levels(office, silent)["seismic"][KING] == UNKNOWN
    assert levels(office, silent)["air_transport"]["US-AIR-SEA"] == UNCOVERED
    state = cover(office, silent)["seismic"]
    assert state["state"] in {"stale", "failed"}
    assert state["series_unknown"] == state["series_total"]
    # When it runs again, so is the picture.
    read(office, silent)
    schedule.live_cycle(office, at=silent)
    assert levels(office, silent)["seismic"][KING] == 0


def test_content_that_grows_old_is_stale_though_every_reading_succeeds(office: Office) -> None:
    office.store.feed_run("usgs_earthquakes", NOW, "ok", newest=NOW - timedelta(days=3))
    found = {f["id"]: f for f in queries.feeds(office, None, NOW)}["usgs_earthquakes"]
    assert found["outcome"] == "stale"
    assert iso(NOW - timedelta(days=3)) in found["message"]


def test_status_shows_quarantine_escalations_and_what_waits(office: Office) -> None:
    office.store.add([quake(6.1, NOW - timedelta(minutes=9), NOW)], ingest="a", at=NOW)
    read(office, NOW)
    schedule.live_cycle(office, at=NOW)
    office.store.quarantine("usgs_earthquakes", NOW, None, "features[3]", "mag: got 'x', allowed: a number")
    later = NOW + 6 * HOUR
    status = queries.status(office, later)
    assert status["quarantined"] == 1
    assert status["quarantine"][0]["where"] == "features[3]"
    (waiting,) = status["waiting"]
    assert waiting["since"] == iso(NOW)
    assert {e["alert"] for e in status["escalations"]} == {waiting["id"]}
    assert status["dead_letters"] == []
    # Once it is rejected nobody is called any more.
    commands.reject(office, waiting["id"], DUTY, reason="a test", at=later)
    after = queries.status(office, later)
    assert after["waiting"] == []
    assert after["escalations"] == []


def test_a_value_that_is_not_there_has_no_reasons(office: Office) -> None:
    for wrong in ("nothing", "cycle:ffff", "air_transport.departures@US-AIR-SEA@2001-02-28"):
        with pytest.raises(StoreError, match="allowed"):
            queries.why(office, wrong)
