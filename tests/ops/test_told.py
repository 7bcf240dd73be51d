"""A cycle on record may name a draft as a reason: the public must not read it on that way round.

A draft lifts no level any more (:mod:`tests.ops.test_standing_levels`), but stores hold cycles of a time when
it did, and what was recorded is not rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.ops.test_queries_live import DUTY, KING, quake, read
from tocsin.model import Alert, NotFoundError, Role, iso
from tocsin.ops import commands, queries, schedule
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office, open_office
from tocsin.ops.queries import moments
from tocsin.ops.queries.told import seen_by_all

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path / "store")
    made.store.add([quake(5.6, NOW - timedelta(minutes=9), NOW)], ingest="a", at=NOW)
    read(made, NOW)
    schedule.live_cycle(made, at=NOW)
    # The cycle five minutes later, as it used to be written: the draft of the first is one of its reasons.
    (row,) = made.store.cycles(NOW, NOW + timedelta(seconds=1))
    (found,) = row.summary["assessments"]
    draft = drafted(made)
    reason = {"kind": "alert", "ref": draft.id, "region": KING, "text": draft.headline, "weight": 1.0}
    older = {**found, "at": iso(LATER), "contributors": [*found["contributors"], reason]}
    summary = {**row.summary, "assessments": [older]}
    made.store.put_cycle(replace(row, id="f" * 32, at=LATER, inputs_hash="f" * 64, summary=summary))
    yield made
    made.store.close()


def kinds(office: Office, at: datetime, *, desk: bool) -> set[str]:
    (only,) = queries.assessments(office, None, at, desk=desk)
    assert only["region"] == KING
    return {c["kind"] for c in only["contributors"]}


def drafted(office: Office) -> Alert:
    (draft,) = office.store.list("alert")
    return draft


def test_a_draft_is_no_public_reason(office: Office) -> None:
    draft = drafted(office)
    assert draft.id in str(queries.assessments(office, None, LATER))
    assert kinds(office, LATER, desk=True) == {"event", "alert"}
    assert kinds(office, LATER, desk=False) == {"event"}
    assert draft.id not in str(queries.picture(office, None, LATER, desk=False))
    row = office.store.cycles(LATER, LATER + timedelta(seconds=1))[0]
    for desk in (True, False):
        told = str(queries.flat(queries.why(office, f"cycle:{row.id}", at=LATER, desk=desk)))
        assert (draft.headline in told) is desk
    with pytest.raises(NotFoundError):
        queries.seen(office, draft.id, None, LATER)


def test_once_issued_it_is_one(office: Office) -> None:
    draft = drafted(office)
    commands.submit(office, draft.id, DUTY, at=LATER)
    commands.approve(office, draft.id, CHIEF, legal_basis="ipaws", at=LATER)
    commands.issue(office, draft.id, DUTY, at=LATER)
    assert kinds(office, LATER, desk=False) == {"event", "alert"}
    # As of the moment before, it was none.
    before = LATER - timedelta(seconds=1)
    assert draft.id not in str(queries.assessments(office, before, LATER, desk=False))


def test_where_the_draft_is_the_only_reason_nothing_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.store.cycles(LATER, LATER + timedelta(seconds=1))[0]
    (found,) = row.summary["assessments"]
    alone = {**found, "contributors": [c for c in found["contributors"] if c["kind"] == "alert"]}
    changed = replace(row, summary={**row.summary, "assessments": [alone]})
    monkeypatch.setattr(moments, "newest", lambda *_: {"seismic": changed})
    assert len(queries.assessments(office, None, LATER)) == 1
    assert queries.assessments(office, None, LATER, desk=False) == []


@pytest.mark.parametrize("status", ["Exercise", "Test", "System", "Draft"])
def test_only_what_is_actual_and_sent_is_public(office: Office, status: str) -> None:
    draft = drafted(office)
    assert not seen_by_all(draft)
    sent = replace(draft, sent=LATER, state="issued")
    assert seen_by_all(sent)
    assert not seen_by_all(replace(sent, status=status))
