"""What lifts a level: a warning that was issued, until its Cancel is; never a draft of either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ops.test_queries_live import DUTY, KING, quake, read
from tocsin.model import Alert, Role
from tocsin.ops import commands, queries, schedule
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office, open_office

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An earthquake above the criterion, and the draft that it gave."""
    made = open_office(tmp_path / "store")
    made.store.add([quake(5.6, NOW - 9 * MINUTE, NOW)], ingest="first", at=NOW)
    read(made, NOW)
    schedule.live_cycle(made, at=NOW)
    yield made
    made.store.close()


def issue(office: Office, alert: Alert, at: datetime) -> None:
    commands.submit(office, alert.id, DUTY, at=at)
    commands.approve(office, alert.id, CHIEF, legal_basis="ipaws", at=at)
    commands.issue(office, alert.id, DUTY, at=at)


def revised(office: Office, at: datetime) -> None:
    """The publisher says that the earthquake was a small one."""
    office.store.add([quake(2.0, NOW - 9 * MINUTE, at)], ingest="second", at=at)


def reasons(office: Office, at: datetime) -> dict[str, set[str]]:
    """Kinds of reasons by region above normal, after a cycle of this moment."""
    read(office, at)
    schedule.live_cycle(office, at=at)
    rows: list[dict[str, Any]] = queries.assessments(office, None, at)
    return {a["region"]: {c["kind"] for c in a["contributors"]} for a in rows}


def test_a_draft_lifts_no_level(office: Office) -> None:
    (draft,) = office.store.list("alert")
    assert reasons(office, NOW + 5 * MINUTE) == {KING: {"event"}}
    revised(office, NOW + 6 * MINUTE)
    assert reasons(office, NOW + 10 * MINUTE) == {}
    # It waits all the same: that nobody was told is for officers to decide.
    assert draft.id in {a.id for a in office.store.as_of(NOW + 10 * MINUTE).standing()}


def test_an_issued_warning_lifts_it_until_its_cancel_is_issued(office: Office) -> None:
    (draft,) = office.store.list("alert")
    issue(office, draft, NOW + MINUTE)
    revised(office, NOW + 2 * MINUTE)
    # People were told: the picture says so, whatever the publisher says now.
    assert reasons(office, NOW + 5 * MINUTE) == {KING: {"alert"}}
    cancel = commands.cancel(office, draft.id, DUTY, reason="a small one", at=NOW + 6 * MINUTE)
    assert cancel.msg_type == "Cancel"
    assert reasons(office, NOW + 10 * MINUTE) == {KING: {"alert"}}, "a draft of a Cancel ends nothing"
    issue(office, cancel, NOW + 11 * MINUTE)
    assert reasons(office, NOW + 15 * MINUTE) == {}
    assert {a.msg_type for a in office.store.as_of(NOW + 15 * MINUTE).standing()} == {"Cancel"}
