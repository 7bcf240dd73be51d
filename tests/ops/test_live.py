"""The live loops: a feed that fails is shown as failed, an earthquake becomes a draft, a draft that waits
escalates; all by the code of ``ops``, with a clock and a fetcher that are given.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from tocsin.feeds import Fetcher
from tocsin.model import UNCOVERED, UNKNOWN, Role, State, TransitionError
from tocsin.ops import commands, ingest, schedule
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office, open_office
from tocsin.ops.record import decode_levels

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)
CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)


def quake(magnitude: float, at: datetime, code: str = "x1") -> dict[str, object]:
    """One earthquake near Seattle in the form that the publisher documents."""
    ms = int(at.timestamp() * 1000)
    properties = {
        "mag": magnitude, "place": "7 km W of Somewhere, Washington", "time": ms, "updated": ms + 60_000,
        "tz": None, "url": "https://example.org/e", "detail": "https://example.org/d", "felt": None,
        "cdi": None, "mmi": None, "alert": None, "status": "reviewed", "tsunami": 0, "sig": 500, "net": "xx",
        "code": code, "ids": f",xx{code},", "sources": ",xx,", "types": ",origin,", "nst": None, "dmin": None,
        "rms": 0.3, "gap": None, "magType": "mw", "type": "earthquake", "title": f"M {magnitude}",
    }  # fmt: skip
    point = {"type": "Point", "coordinates": [-122.2, 47.5, 20.0]}
    return {"type": "Feature", "properties": properties, "geometry": point, "id": f"xx{code}"}


class Publisher:
    """A publisher on this machine that can break."""

    def __init__(self) -> None:
        self.features: list[dict[str, object]] = []
        self.broken = False
        self.at = NOW
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.broken:
                    self.send_error(500)
                    return
                generated = int(outer.at.timestamp() * 1000) - 1000
                meta = {"generated": generated, "url": "u", "title": "t", "status": 200, "api": "1",
                        "count": len(outer.features)}  # fmt: skip
                body = json.dumps(
                    {"type": "FeatureCollection", "metadata": meta, "features": outer.features}
                ).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/feed.geojson"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    one = Publisher()
    yield one
    one.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = open_office(tmp_path / "store", domains=("seismic",))
    yield one
    one.store.close()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    ticks = itertools.count()
    with Fetcher(
        clock=lambda: 0.01 * next(ticks),  # a fetch takes time: what comes is dated after it was asked for
        sleep=lambda _: None,
        rng=random.Random(1),
        allow_private=("127.0.0.1",),
    ) as one:
        yield one


def read(office: Office, publisher: Publisher, fetcher: Fetcher, at: datetime) -> ingest.Ingested:
    """One reading of the earthquakes, from the publisher on this machine."""
    asked = at - timedelta(seconds=1)
    publisher.at = asked
    return ingest.poll(office, "usgs_earthquakes", fetcher, at=asked, url=publisher.url)[0]


def levels(office: Office, at: datetime) -> dict[str, int]:
    """Level bytes of the cycle at ``at``."""
    plan = office.plan_of(("seismic",))
    row = office.store.cycles(at, at + timedelta(seconds=1), plan.id)[0]
    found = decode_levels(row.levels, ["seismic"], plan.watched)["seismic"]
    return dict(zip(plan.watched["seismic"], found.tolist(), strict=True))


def test_an_exercise_stands_for_nothing(office: Office, publisher: Publisher, fetcher: Fetcher) -> None:
    publisher.features = [quake(6.1, NOW - timedelta(minutes=4))]
    read(office, publisher, fetcher, NOW)
    schedule.live_cycle(office, at=NOW + timedelta(minutes=1))
    (real,) = office.store.list("alert")
    drill = commands.exercise_of(
        real, identifier="us.exercise.1", at=NOW + timedelta(minutes=2), hold=timedelta(hours=40)
    )
    commands.draft(office, drill, DUTY, at=NOW + timedelta(minutes=2))
    publisher.features = []
    late = NOW + timedelta(hours=30)
    read(office, publisher, fetcher, late)
    schedule.live_cycle(office, at=late + timedelta(minutes=1))
    assert set(levels(office, late + timedelta(minutes=1)).values()) == {0}


def test_before_anything_was_read_nothing_is_covered(office: Office) -> None:
    schedule.live_cycle(office, at=NOW)
    assert set(levels(office, NOW).values()) == {UNCOVERED}


def test_an_earthquake_becomes_a_draft_and_is_issued_by_two(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    publisher.features = [quake(6.1, NOW - timedelta(minutes=4))]
    done = read(office, publisher, fetcher, NOW)
    assert (done.outcome, done.events, done.rejected) == ("ok", 1, 0)
    world = schedule.live_cycle(office, at=NOW)
    assert levels(office, NOW)["US-53033"] == 3
    (draft,) = office.store.list("alert")
    assert (draft.state, draft.level, draft.regions) == (State.DRAFT, 3, ("US-53033",))

    later = NOW + timedelta(minutes=1)
    commands.submit(office, draft.id, DUTY, at=later)
    commands.approve(office, draft.id, CHIEF, legal_basis="ipaws", at=later)
    issued = commands.issue(office, draft.id, DUTY, at=later)
    assert issued.sent == later
    schedule.post(office, NOW + timedelta(minutes=2))
    schedule.live_cycle(office, at=NOW + timedelta(minutes=5), world=world)
    assert [item.status for item in office.store.outbox()] == ["accepted", "accepted"]
    assert (office.path / "public" / "feed.xml").read_text().count("<entry>") == 1
    assert len(office.store.list("alert")) == 1, "the same earthquake is not drafted twice"
    assert office.store.list("task", where={"alert": draft.chain})


def test_the_same_reading_again_keeps_nothing_new(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    publisher.features = [quake(4.0, NOW - timedelta(minutes=4))]
    read(office, publisher, fetcher, NOW)
    again = read(office, publisher, fetcher, NOW + timedelta(minutes=1))
    assert (again.events, again.unchanged) == (0, 1)


def test_a_feed_that_fails_makes_its_regions_unknown_and_comes_back(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    read(office, publisher, fetcher, NOW)
    world = schedule.live_cycle(office, at=NOW)
    assert set(levels(office, NOW).values()) == {0}
    publisher.broken = True
    failed = read(office, publisher, fetcher, NOW + timedelta(minutes=5))
    assert failed.outcome == "failed"
    world = schedule.live_cycle(office, at=NOW + timedelta(minutes=5), world=world)
    assert set(levels(office, NOW + timedelta(minutes=5)).values()) == {UNKNOWN}
    publisher.broken = False
    read(office, publisher, fetcher, NOW + timedelta(minutes=10))
    schedule.live_cycle(office, at=NOW + timedelta(minutes=10), world=world)
    assert set(levels(office, NOW + timedelta(minutes=10)).values()) == {0}


def test_a_feed_whose_content_is_old_is_unknown_though_it_is_read(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    read(office, publisher, fetcher, NOW)
    limit = ingest.live_feeds()["usgs_earthquakes"].SOURCE.stale_after
    late = NOW + limit + timedelta(minutes=5)
    schedule.live_cycle(office, at=late)
    assert set(levels(office, late).values()) == {UNKNOWN}


def test_a_draft_that_waits_escalates_once_a_rule(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    publisher.features = [quake(6.1, NOW - timedelta(minutes=4))]
    read(office, publisher, fetcher, NOW)
    schedule.live_cycle(office, at=NOW)
    assert commands.escalate(office, at=NOW + timedelta(minutes=14)) == []
    first = commands.escalate(office, at=NOW + timedelta(minutes=16))
    assert [e.to for e in first] == [Role.DUTY_OFFICER]
    assert commands.escalate(office, at=NOW + timedelta(minutes=17)) == []
    assert [e.to for e in commands.escalate(office, at=NOW + timedelta(minutes=31))] == [
        Role.APPROVING_OFFICER
    ]
    assert [e.decision.action for e in office.store.audit()].count("escalate") == 2


def test_truncated_bytes_fail_the_feed_and_are_kept(office: Office) -> None:
    from tocsin.model import Raw

    raw = Raw(
        source="usgs_earthquakes",
        url="https://example.org/feed",
        fetched_at=NOW,
        media_type="application/json",
        content=b'{"type": "FeatureCollection", "features": [',
    )
    done, _ = ingest.take(office, raw, at=NOW)
    assert done.outcome == "failed"
    (entry,) = office.store.quarantined()
    assert entry.raw == raw.sha256
    assert office.store.raw(raw.sha256).content == raw.content
    assert office.store.feeds(NOW)["usgs_earthquakes"].outcome == "failed"


def test_a_job_that_fails_goes_on_and_says_so(office: Office) -> None:
    calls: list[datetime] = []

    def work(at: datetime) -> None:
        calls.append(at)
        if len(calls) == 1:
            raise KeyError("broken")

    job = schedule.Job(name="probe", every=timedelta(minutes=1), work=work)
    job.turn(NOW, office.store)
    assert (job.done, job.fault) == (None, "KeyError: 'broken'")
    job.turn(NOW + timedelta(seconds=59), office.store)
    assert len(calls) == 1, "not due yet"
    job.turn(NOW + timedelta(seconds=60), office.store)
    assert (job.done, job.fault) == (NOW + timedelta(seconds=60), "")


def test_a_clock_that_goes_back_is_put_on_record_and_stops_nothing(office: Office) -> None:
    calls: list[datetime] = []
    job = schedule.Job(name="probe", every=timedelta(minutes=1), work=calls.append)
    job.turn(NOW, office.store)
    job.turn(NOW - timedelta(hours=1), office.store)
    assert len(calls) == 2
    (entry,) = office.store.quarantined()
    assert entry.where == "clock"
    assert "went back" in entry.error


def test_bytes_that_failed_are_not_answered_by_not_modified(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    publisher.features = [{"type": "Feature"}]
    done, last = ingest.poll(
        office, "usgs_earthquakes", fetcher, at=NOW - timedelta(seconds=1), url=publisher.url
    )
    assert (done.outcome, last) == ("failed", None)


def test_the_loops_run_in_real_time_from_bytes_to_draft(
    office: Office, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole live way with threads and a moving clock: only the publisher is on this machine."""
    publisher.at = datetime.now(UTC)
    publisher.features = [quake(6.1, publisher.at - timedelta(minutes=4))]
    real = ingest.live_feeds()["usgs_earthquakes"]
    here = SimpleNamespace(SOURCE=replace(real.SOURCE, url=publisher.url), parse=real.parse)
    monkeypatch.setattr(ingest, "all_feeds", lambda: {"usgs_earthquakes": here})
    monkeypatch.setattr(schedule, "CYCLE", timedelta(milliseconds=200))
    with Fetcher(
        clock=time.monotonic, sleep=time.sleep, rng=random.Random(1), allow_private=("127.0.0.1",)
    ) as fetcher:
        scheduler = schedule.Scheduler(
            office, clock=lambda: datetime.now(UTC), fetcher=fetcher, tick=timedelta(milliseconds=50)
        )
        scheduler.start()
        try:
            until = time.monotonic() + 20
            while not office.store.list("alert") and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            scheduler.stop()
    (draft,) = office.store.list("alert")
    assert (draft.level, draft.state) == (3, State.DRAFT)
    assert office.store.feeds(datetime.now(UTC))["usgs_earthquakes"].outcome == "ok"
    assert {job.name: job.fault for job in scheduler.jobs} == {job.name: "" for job in scheduler.jobs}


def test_a_second_cancellation_is_refused_while_one_waits(
    office: Office, publisher: Publisher, fetcher: Fetcher
) -> None:
    publisher.features = [quake(6.1, NOW - timedelta(minutes=4))]
    read(office, publisher, fetcher, NOW)
    schedule.live_cycle(office, at=NOW)
    (draft,) = office.store.list("alert")
    later = NOW + timedelta(minutes=1)
    commands.submit(office, draft.id, DUTY, at=later)
    commands.approve(office, draft.id, CHIEF, legal_basis="ipaws", at=later)
    commands.issue(office, draft.id, DUTY, at=later)
    commands.cancel(office, draft.id, DUTY, reason="wrong place", at=later)
    with pytest.raises(TransitionError, match="one at a time"):
        commands.cancel(office, draft.id, CHIEF, reason="wrong place", at=later)
