"""A live job that fails is seen from another process: in the status, the doctor, the health of the page."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.full_disk import full_disk
from tocsin.feeds import Fetcher
from tocsin.model import StoreError
from tocsin.ops import health, jobs, queries, schedule
from tocsin.ops.office import Office, open_office

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path / "store")
    yield made
    made.store.close()


class Work:
    """A job's work that fails as told."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def __call__(self, at: datetime) -> None:
        if self.fault is not None:
            raise self.fault


def test_a_job_that_fails_is_in_the_status_until_it_works(office: Office) -> None:
    work = Work()
    job = schedule.Job(name="cycle", every=MINUTE, work=work)
    job.turn(NOW, office.store)
    assert queries.status(office, NOW)["jobs"] == []
    assert queries.health(office, NOW)["status"] == "unknown"  # a job works, but no cycle has run
    work.fault = KeyError("broken")
    for n in range(1, 4):
        job.turn(NOW + n * MINUTE, office.store)
    later = NOW + 5 * MINUTE
    (row,) = queries.status(office, later)["jobs"]
    assert row == {
        "job": "cycle",
        "state": "failed",
        "since": "2026-11-23T12:01:00Z",
        "message": "KeyError: 'broken'",
    }
    assert queries.health(office, later)["status"] == "degraded"
    check = next(c for c in health.examine(office.path, now=later) if c.name == "jobs")
    assert not check.ok
    assert "KeyError" in check.detail
    assert len(office.store.history("job", "cycle")) == 1, "said once, however often it fails"
    work.fault = OSError("another")
    job.turn(NOW + 6 * MINUTE, office.store)
    assert queries.status(office, NOW + 6 * MINUTE)["jobs"][0]["message"] == "OSError: another"
    work.fault = None
    job.turn(NOW + 7 * MINUTE, office.store)
    assert queries.status(office, NOW + 7 * MINUTE)["jobs"][0]["state"] == "ok"
    assert queries.health(office, NOW + 7 * MINUTE)["status"] == "unknown"


def test_a_server_that_starts_anew_clears_what_the_last_one_left(office: Office) -> None:
    jobs.note(office.store, "cycle", "KeyError: x", at=NOW)
    jobs.note(office.store, "feed gone", "OSError: y", at=NOW)
    schedule.Job(name="cycle", every=MINUTE, work=Work()).turn(NOW + MINUTE, office.store)
    jobs.retire(office.store, {"cycle"}, at=NOW + MINUTE)
    assert {r["job"]: r["state"] for r in jobs.states(office.store, NOW + MINUTE)} == {
        "cycle": "ok",
        "feed gone": "ok",
    }
    # As of then they failed.
    assert {r["state"] for r in jobs.states(office.store, NOW)} == {"failed"}


def test_a_clock_that_went_back_hides_no_fault(office: Office) -> None:
    jobs.note(office.store, "post", "OSError: y", at=NOW)
    jobs.note(office.store, "post", "", at=NOW + MINUTE)
    jobs.note(office.store, "post", "OSError: y", at=NOW - MINUTE)
    assert jobs.states(office.store, NOW + MINUTE)[0]["state"] == "failed"
    # and now, by the clock that is behind: the first note of a fault, and one that is not noted again
    for now in (NOW - MINUTE, NOW - 2 * MINUTE):
        assert jobs.states(office.store)[0]["state"] == "failed"
        assert queries.status(office, now)["jobs"][0]["state"] == "failed"
        assert queries.health(office, now)["status"] == "degraded"
        check = next(c for c in health.examine(office.path, now=now) if c.name == "jobs")
        assert not check.ok
        assert "post since" in check.detail
        jobs.note(office.store, "post", "OSError: y again", at=now - MINUTE)


def test_keys_in_a_fault_are_not_kept(office: Office) -> None:
    work = Work()
    work.fault = OSError("https://me:hunter2@example.org/f?api_key=hunter3: refused")
    schedule.Job(name="cycle", every=MINUTE, work=work).turn(NOW, office.store)
    (row,) = jobs.states(office.store)
    assert "example.org/f" in row["message"]
    assert "hunter" not in row["message"]


def _fill(office: Office) -> None:
    for n in range(1000):
        try:
            office.store.put(
                "note", f"n{n}", {"text": "x" * (10 if n > 100 else 3000)}, known_at=NOW, revision=0
            )
        except StoreError:
            if n > 100:
                return
    raise AssertionError("the disk was never full")


def test_a_full_disk_ends_no_live_thread(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    moment, lock = [NOW], threading.Lock()

    def clock() -> datetime:
        with lock:
            moment[0] += MINUTE
            return moment[0]

    jobs.note(office.store, "a job that is no more", "OSError: x", at=NOW)
    fetcher = Fetcher(clock=lambda: 0.0, sleep=lambda _: None, rng=random.Random(1), contact=None)
    scheduler = schedule.Scheduler(office, clock=clock, fetcher=fetcher, tick=timedelta(milliseconds=1))
    turned = [threading.Semaphore(0) for _ in range(3)]

    def fail(at: datetime, place: int) -> None:
        turned[place].release()
        office.store.put("note", "more", {"text": "x" * 9000}, known_at=at, revision=0)

    scheduler.jobs = [
        schedule.Job(name=f"{'feed ' * 300}{n}", every=MINUTE, work=lambda at, n=n: fail(at, n))
        for n in range(3)
    ]
    scheduler._threads = [threading.Thread(target=scheduler._run, args=(job,)) for job in scheduler.jobs]
    try:
        with full_disk(office.store):
            _fill(office)
            scheduler.start()
            for one in turned:
                for _ in range(5):
                    assert one.acquire(timeout=20), "its thread has ended"
            assert all(thread.is_alive() for thread in scheduler._threads)
        assert "was not put on record" in caplog.text
        # there is room again: each works, and says so
        for one in turned:
            for _ in range(3):
                assert one.acquire(timeout=20)
    finally:
        scheduler.stop()
    assert office.store.get("note", "more") is not None


def test_a_clock_that_went_back_on_a_full_disk(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    job = schedule.Job(name="cycle" * 5000, every=MINUTE, work=Work())
    job.turn(NOW, office.store)
    with full_disk(office.store):
        _fill(office)
        job.turn(NOW - MINUTE, office.store)
    assert job.done == NOW - MINUTE
    assert "not put on record" in caplog.text


def test_a_store_that_refuses_stops_no_job(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    work = Work()
    work.fault = KeyError("broken")
    job = schedule.Job(name="cycle", every=MINUTE, work=work)
    monkeypatch.setattr(office.store, "put", refuse)
    job.turn(NOW, office.store)
    assert job.fault == "KeyError: 'broken'"
