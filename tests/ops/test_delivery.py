"""The courier: who is slow holds up nobody; what stalls is seen; what is killed goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tocsin.model import ChannelError, ConfigError, TocsinError, to_plain
from tocsin.ops import health, queries, schedule
from tocsin.ops.address_book import FILE
from tocsin.ops.delivery import LONGEST_REST, STUCK, Courier
from tocsin.ops.office import Office, open_office
from tocsin.testing.channels import AT, message
from tocsin.warn.contract import admit, receipt
from tocsin.warn.sending import LEASE

SECOND = timedelta(seconds=1)
BOOK = "".join(
    f'[public.{name}]\nchannel = "probe"\naddress = "{name}"\n' for name in ("quick", "slow", "third")
)


class Probe:
    """A channel that hangs, fails or takes, as it is told for each recipient."""

    NAME, MAX_BYTES, SETTINGS, SECRETS = "probe", 1_000_000, {}, {}

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.gates: dict[str, threading.Event] = {}

    def faults(self, to: Any) -> list[Any]:
        return []

    def probe(self, to: Any) -> str:
        if to.id in self.down:
            raise ChannelError(f"{to.id}: down", retry=True)
        return "there"

    def send(self, given: Any, to: Any, *, at: datetime, dry_run: bool = False) -> Any:
        admit(given, to, name=self.NAME, max_bytes=self.MAX_BYTES, at=at)
        if to.id in self.gates:
            assert self.gates[to.id].wait(20)
        if to.id in self.down:
            raise ChannelError(f"{to.id}: 503", retry=True)
        self.got.append((to.id, given.alert))
        return receipt(given, to, at=at, status="accepted")


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def office(tmp_path: Path, probe: Probe) -> Iterator[Office]:
    made = open_office(tmp_path)
    (tmp_path / FILE).write_text(BOOK)
    made = replace(made, channels={**made.channels, "probe": probe})
    yield made
    made.store.close()


def put(office: Office, to: str, number: int = 1, name: str = "public", status: str = "Actual") -> None:
    given = replace(message(number=number, to=to, status=status), key=f"{to}{number}")
    office.store.outbox_of(name).enqueue(
        group=f"{to}{number}", recipient=to, content_hash="h", channel="probe", payload=to_plain(given), at=AT
    )


def settled(office: Office, courier: Courier) -> bool:
    end = time.monotonic() + 10
    while not courier.idle():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_one_that_hangs_holds_up_nobody_and_is_told(office: Office, probe: Probe) -> None:
    probe.gates["slow"] = threading.Event()
    put(office, "slow")
    put(office, "quick")
    courier = Courier(office=office, clock=lambda: AT)
    courier.turn(AT)
    end = time.monotonic() + 10
    while not probe.got and time.monotonic() < end:
        time.sleep(0.005)
    put(office, "quick", 2)
    put(office, "third")
    courier.turn(AT + SECOND)
    while len(probe.got) < 3 and time.monotonic() < end:
        courier.turn(AT + SECOND)
        time.sleep(0.005)
    assert sorted(probe.got) == [("quick", "check.1"), ("quick", "check.2"), ("third", "check.1")]
    while sum(t.name.startswith("tocsin-to-") for t in threading.enumerate()) > 1 and time.monotonic() < end:
        time.sleep(0.005)
    with pytest.raises(TocsinError, match=r"lanes that hang: slow \(public\) since"):
        courier.turn(AT + STUCK + SECOND)
    probe.gates["slow"].set()
    assert settled(office, courier)
    courier.turn(AT + STUCK + SECOND)
    assert ("slow", "check.1") in probe.got


def test_where_too_many_hang_the_others_get_their_turn(
    office: Office, probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.ops.delivery.LANES", 1)
    probe.down.update(("quick", "slow"))
    for n, who in enumerate(("quick", "slow", "third")):
        for k in range(9):
            put(office, who, 10 * n + k)
    now, courier = AT, Courier(office=office, clock=lambda: now)
    for second in range(20):
        now = AT + second * SECOND
        courier.turn(now)
        assert settled(office, courier)
    assert {to for to, _ in probe.got} == {"third"}


def test_a_lane_rests_after_failures_and_no_longer_than_it_says(office: Office, probe: Probe) -> None:
    now, courier = AT, Courier(office=office, clock=lambda: now)
    probe.down.add("slow")
    for n in range(30):
        put(office, "slow", n)

    def tries() -> int:
        return sum(r.attempts for r in office.store.outbox())

    counts = []
    for second in range(120):
        now = AT + second * SECOND
        courier.turn(now)
        assert settled(office, courier)
        counts.append(tries())
    assert counts[0] == 2
    assert counts[-1] <= 2 * (120 / LONGEST_REST.total_seconds() + 6), "it hammers a receiver that is down"
    assert all(later > now for now, later in zip(counts, counts[10:], strict=False)), "it rests for too long"
    probe.down.clear()
    back = now
    while len(probe.got) < 30:
        now += SECOND
        courier.turn(now)
        assert settled(office, courier)
        assert now - back < timedelta(minutes=20)
    assert len(set(probe.got)) == 30


def test_a_lane_that_rests_is_woken_when_the_clock_goes_back(office: Office, probe: Probe) -> None:
    now, courier = AT, Courier(office=office, clock=lambda: now)
    probe.down.add("slow")
    put(office, "slow")
    courier.turn(now)
    assert settled(office, courier)
    probe.down.clear()
    now = AT - timedelta(hours=3)
    courier.turn(now)
    assert settled(office, courier)
    assert probe.got == [("slow", "check.1")]


def test_real_warnings_and_drills_go_their_own_ways(office: Office, probe: Probe, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(BOOK + '[drill.players]\nchannel = "probe"\naddress = "players"\n')
    put(office, "quick")
    put(office, "players", name="drill", status="Exercise")
    put(office, "third", 7, name="drill", status="Exercise")  # misrouted: to the public
    courier = Courier(office=office, clock=lambda: AT)
    courier.turn(AT)
    assert settled(office, courier)
    assert sorted(probe.got) == [("players", "check.1"), ("quick", "check.1")]
    assert office.store.outbox_of("drill").tally() == {"accepted": 1, "dead": 1}


def test_what_a_killed_one_had_claimed_goes_when_its_lease_is_over(office: Office, probe: Probe) -> None:
    put(office, "quick")
    office.store.outbox_of("public").claim(
        AT, recipient="quick", owner="killed", lease=LEASE, horizon=timedelta(hours=1), limit=5
    )
    now, courier = AT, Courier(office=office, clock=lambda: now)
    courier.turn(now)
    assert settled(office, courier)
    assert probe.got == []
    now = AT + LEASE
    courier.turn(now)
    assert settled(office, courier)
    assert probe.got == [("quick", "check.1")]


def test_a_stopped_one_starts_nothing(office: Office, probe: Probe) -> None:
    courier = Courier(office=office, clock=lambda: AT)
    courier.stop()
    put(office, "quick")
    courier.turn(AT)
    assert (courier.idle(), probe.got) == (True, [])


def test_a_defect_of_the_store_ends_the_round_and_not_the_courier(
    office: Office, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tocsin.store.outbox import OutboxTable

    put(office, "quick")
    courier = Courier(office=office, clock=lambda: AT)
    with monkeypatch.context() as patch:
        patch.setattr(OutboxTable, "claim", lambda *_a, **_k: 1 / 0)
        courier.turn(AT)
        assert settled(office, courier)
    courier.turn(AT + LONGEST_REST)
    assert settled(office, courier)
    assert probe.got == [("quick", "check.1")]


def test_a_bad_address_book_is_refused_at_the_start(office: Office, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[public.x]\nchannel = "smoke"\naddress = "hill"\n')
    with pytest.raises(ConfigError, match=r"public\.x\.channel: got 'smoke'"):
        schedule.Scheduler(office, clock=lambda: AT, fetcher=SimpleNamespace())


# ---- what is seen of it


def test_a_delivery_that_stands_still_is_seen(office: Office, tmp_path: Path) -> None:
    assert queries.overdue(office, AT) == []
    put(office, "quick")
    put(office, "quick", 2)
    assert queries.overdue(office, AT + timedelta(minutes=1)) == []
    late = AT + timedelta(minutes=3)
    assert queries.overdue(office, late) == [
        {"recipient": "quick", "messages": 2, "since": "2001-03-05T09:20:00Z"}
    ]
    assert queries.health(office, late)["status"] == "degraded"
    assert queries.status(office, late)["overdue"]
    # one that is being sent, or waits for its next try, does not stand still
    _, two = office.store.outbox()
    box = office.store.outbox_of("public")
    box.claim(late, recipient="quick", owner="o", lease=LEASE, horizon=timedelta(hours=1), limit=1)
    box.settle(two.id, status="failed", at=late, detail="503", next_try=late + timedelta(minutes=9))
    assert queries.overdue(office, late) == []
    assert queries.overdue(office, late + timedelta(minutes=3)) != [], "its lease is over"
    (row,) = queries.status(office, late)["unreached"]
    assert (row["recipient"], row["messages"], row["detail"]) == ("quick", 1, "503")


def test_the_doctor_asks_every_receiver_and_sends_nothing(tmp_path: Path) -> None:
    office = open_office(tmp_path)
    (tmp_path / "partners").write_text("in the way of a folder")
    put(office, "public-feed")
    found = {c.name: c for c in health.examine(tmp_path, now=datetime.now(UTC))}
    assert found["recipients"].ok is True
    assert found["recipient public-feed"].ok is True
    assert (
        found["recipient partners-folder"].ok,
        "no folder" in found["recipient partners-folder"].detail,
    ) == (
        False,
        True,
    )
    assert (found["delivery"].ok, "nothing carries 1 to public-feed" in found["delivery"].detail) == (
        False,
        True,
    )
    assert not (tmp_path / "public").exists()
    (tmp_path / FILE).write_text("[public.x]\n")
    found = {c.name: c for c in health.examine(tmp_path, now=datetime.now(UTC))}
    assert found["recipients"].ok is False
    assert "public.x.channel" in found["recipients"].detail
    office.store.close()


def test_what_was_given_up_is_an_alarm_for_a_week(office: Office) -> None:
    put(office, "quick")
    office.store.settle(office.store.outbox()[0].id, status="dead", at=AT, detail="550")
    assert queries.health(office, AT + timedelta(days=6))["status"] == "degraded"
    (row,) = queries.status(office, AT)["dead_letters"]
    assert (row["recipient"], row["detail"]) == ("quick", "550")
    assert queries.health(office, AT + timedelta(days=8))["status"] != "degraded"
    assert queries.deliveries(office, state="dead"), "it is history, not forgotten"


def test_that_a_message_was_given_up_is_news_for_the_desk_alone(office: Office) -> None:
    put(office, "slow")
    office.store.settle(office.store.outbox()[0].id, status="dead", at=AT)
    watch = queries.Watch(office, AT)
    put(office, "quick")
    assert watch.poll(AT) == []
    office.store.settle(office.store.outbox()[1].id, status="dead", at=AT, detail="550")
    (news,) = watch.poll(AT)
    assert (news.kind, news.said["recipient"], news.public) == ("delivery", "quick", False)
    assert watch.poll(AT) == []


def test_an_address_book_that_was_changed_is_told_until_the_restart(office: Office, probe: Probe) -> None:
    job = schedule.Job(name="delivery", every=SECOND, work=Courier(office=office, clock=lambda: AT).turn)
    job.turn(AT, office.store)
    assert job.fault == ""
    (office.path / FILE).write_text(BOOK + '[public.fourth]\nchannel = "probe"\naddress = "fourth"\n')
    put(office, "quick")
    later = AT + timedelta(minutes=1)
    job.turn(later, office.store)
    assert "recipients.toml differs from the one in use: restart the server" in job.fault
    end = time.monotonic() + 10
    while not probe.got and time.monotonic() < end:
        time.sleep(0.005)
    assert probe.got == [("quick", "check.1")], "who is in the book that is in use gets warnings all the same"
    assert queries.health(office, later)["status"] == "degraded"
    (check,) = [c for c in health.examine(office.path, now=later) if c.name == "jobs"]
    assert check.ok is False
    assert "restart the server" in check.detail
    (office.path / FILE).write_text("[public")
    job.turn(later + timedelta(minutes=1), office.store)
    assert "cannot be used, the one read at the start still is" in job.fault
    (office.path / FILE).write_text(BOOK)
    job.turn(later + timedelta(minutes=2), office.store)
    assert job.fault == ""
