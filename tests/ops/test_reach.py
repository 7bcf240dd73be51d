"""Reach: test messages by themselves, what is measured of them, and a channel that takes all and drops it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ops.test_delivery import Probe
from tocsin.cap import check, parse
from tocsin.model import iso
from tocsin.ops import commands, reach
from tocsin.ops.address_book import FILE
from tocsin.ops.config import FILE as SETTINGS
from tocsin.ops.office import Office, open_office
from tocsin.testing.channels import AT

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BOOK = """
[drill.loop]
channel = "probe"
address = "loop"

[public.press]
channel = "probe"
address = "press"

[public.other]
channel = "cell_broadcast"
address = "broadcast"
"""


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def office(tmp_path: Path, probe: Probe) -> Iterator[Office]:
    made = open_office(tmp_path)
    (tmp_path / FILE).write_text(BOOK)
    yield replace(made, channels={**made.channels, "probe": probe})
    made.store.close()


def carry(office: Office, at: datetime) -> None:
    reach.carry(office, clock=lambda: at)


def row(office: Office, now: datetime, name: str = "loop") -> dict[str, Any]:
    return next(r for r in reach.reach(office, now) if r["recipient"] == name)


def keys(office: Office, recipient: str = "loop") -> list[str]:
    return [r.payload["key"] for r in office.store.outbox_of("reach").rows() if r.recipient == recipient]


def test_a_test_goes_to_drills_only_and_to_no_table_of_warnings(office: Office, probe: Probe) -> None:
    assert reach.send_test(office, at=AT) == ["drill-folder", "loop"]
    assert reach.send_test(office, at=AT) == ["drill-folder", "loop"], "the same second is the same test"
    carry(office, AT + MINUTE)
    assert [to for to, _ in probe.got] == ["loop"]
    assert office.store.outbox() == office.store.outbox_of("drill").rows() == []
    assert len(office.store.outbox_of("reach").rows()) == 2
    assert commands.send_pending(office, at=AT + MINUTE).receipts == ()
    (path,) = (office.path / "drill").glob("*.xml")
    message, findings = parse(path.read_bytes())
    assert (message.status, message.infos[0].headline) == ("Test", "TEST: routine test of this channel")
    assert [f for f in (*findings, *check(message)) if f.level == "error"] == []


def test_share_and_delay_are_measured_by_recipient(office: Office, probe: Probe) -> None:
    assert (row(office, AT)["state"], row(office, AT)["words"]) == ("unknown", "never tested")
    for day, (took, answered) in enumerate([(2, 5), (4, None), (9, 60)]):
        at = AT + timedelta(days=day)
        reach.send_test(office, at=at)
        carry(office, at + took * MINUTE)
        if answered:
            assert reach.confirm(office, keys(office)[-1], at=at + answered * MINUTE)
    got = row(office, AT + timedelta(days=3))
    assert got["state"] == "ok"
    assert (got["tests"], got["taken"], got["confirmed"]) == (3, 1.0, pytest.approx(2 / 3))
    assert (got["delay_s"], got["longest_s"], got["confirmed_delay_s"]) == (240, 540, 32.5 * 60)
    assert got["last"] == iso(AT + timedelta(days=2))
    assert row(office, AT + timedelta(days=40))["tests"] == 0


def test_a_channel_that_takes_everything_and_drops_it_is_found(office: Office) -> None:
    for day in range(3):
        at = AT + timedelta(days=day)
        reach.send_test(office, at=at)
        carry(office, at)
        if day == 0:
            reach.confirm(office, keys(office)[-1], at=at + MINUTE)
    assert row(office, at + MINUTE)["state"] == "unknown", "there is time left to confirm"
    got = row(office, at + HOUR)
    assert (got["state"], got["taken"], got["confirmed"]) == ("silent", 1.0, pytest.approx(1 / 3))
    first = reach.reach(office, at + HOUR)[0]
    assert first["recipient"] == "loop", "what is wrong stands first"


def test_without_any_confirmation_it_is_unknown_and_not_well(office: Office) -> None:
    reach.send_test(office, at=AT)
    carry(office, AT)
    got = row(office, AT + HOUR)
    assert (got["state"], got["words"]) == (
        "unknown",
        "the channel took the last test; the receiver never confirms",
    )


def test_a_receipt_of_long_ago_says_nothing_of_today(office: Office) -> None:
    reach.send_test(office, at=AT)
    carry(office, AT)
    assert reach.confirm(office, keys(office)[-1], at=AT + MINUTE)
    assert row(office, AT + 48 * HOUR)["state"] == "ok"
    late = row(office, AT + 48 * HOUR + MINUTE)
    assert late["state"] == "unknown"
    assert "too long ago" in late["words"]
    assert late["confirmed"] == 1.0
    (office.path / SETTINGS).write_text("[reach]\nevery_hours = 168\n")
    assert row(office, AT + 72 * HOUR)["state"] == "ok"


def test_a_channel_that_takes_nothing_is_failed(office: Office, probe: Probe) -> None:
    probe.down.add("loop")
    reach.send_test(office, at=AT)
    carry(office, AT)
    assert row(office, AT + MINUTE)["state"] == "unknown"
    assert row(office, AT + reach.LASTS + MINUTE)["state"] == "failed", "nothing came through in an hour"
    carry(office, AT + reach.LASTS + MINUTE)
    got = row(office, AT + 2 * HOUR)
    assert (got["state"], got["taken"]) == ("failed", 0.0)
    assert "expired" in got["words"]


def test_a_test_that_nobody_carried_is_failed(office: Office) -> None:
    reach.send_test(office, at=AT)
    got = row(office, AT + 2 * HOUR)
    assert (got["state"], "nothing sent it" in got["words"]) == ("failed", True)


def test_a_public_recipient_is_named_with_what_speaks_for_it(office: Office) -> None:
    assert row(office, AT, "press")["words"] == "not tested itself; tests of probe go to loop"
    other = row(office, AT, "other")
    assert (other["state"], "no recipient of a drill has the channel cell_broadcast" in other["words"]) == (
        "unknown",
        True,
    )


def test_tests_come_on_a_schedule(office: Office) -> None:
    def tests() -> int:
        return len(set(keys(office)))

    reach.send_when_due(office, AT)
    reach.send_when_due(office, AT + 23 * HOUR)
    assert tests() == 1
    reach.send_when_due(office, AT + 25 * HOUR)
    assert tests() == 2
    reach.send_when_due(office, AT - 400 * HOUR)  # the clock went back: tests go on
    assert tests() == 3
    (office.path / SETTINGS).write_text("[reach]\nevery_hours = 0\n")
    reach.send_when_due(office, AT + 900 * HOUR)
    assert tests() == 3


def test_a_key_that_nobody_has_confirms_nothing(office: Office) -> None:
    assert reach.confirm(office, "0" * 64, at=AT) is False
