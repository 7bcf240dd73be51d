"""Any change, reorder or cut in the journal is found; so is an issue that the record does not bear out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warn.desk import APPROVING, DUTY, GLASS, LAWS, LEVELS, SENDER, alert, at
from tocsin.govern import audit
from tocsin.model import Decision, Role
from tocsin.store import open_store
from tocsin.warn import lifecycle as life


def decided(changes=None, *, glass=False):
    """The decisions of one whole life, by the functions themselves."""
    a, made = life.draft(alert(**(changes or {})), actor="system", role=Role.SYSTEM, at=at("09:10"))
    record = [made]
    submitter, role = ("olga", APPROVING) if glass else ("dan", DUTY)
    a, d = life.submit(a, actor=submitter, role=role, at=at("09:12"))
    record.append(d)
    more = {"break_glass": GLASS, "reason": "seconds"} if glass else {}
    a, d = life.approve(
        a, actor="olga", role=APPROVING, at=at("09:20"), legal_basis="act", laws=LAWS, levels=LEVELS,
        expires_after=timedelta(minutes=30), **more,
    )  # fmt: skip
    record.append(d)
    out, ds = life.issue(a, at=at("09:21"), break_glass=GLASS if glass else None)
    return out[0], [*record, *ds]


@pytest.fixture
def journal(tmp_path: Path):
    """A journal that the store wrote."""
    store = open_store(tmp_path / "store")
    for decision in decided()[1]:
        store.journal(decision)
    return store.audit()


def test_a_whole_journal(journal):
    assert len(journal) == 4
    assert audit.verify(journal) == ()
    head = audit.anchor(journal, at=at("10:00"))
    assert (head.length, head.head) == (4, journal[-1].hash)
    assert audit.verify(journal, anchors=[head]) == ()
    assert audit.verify([]) == ()
    assert audit.verify(journal, anchors=[audit.anchor([], at=at("09:00"))]) == ()


@pytest.mark.parametrize("n", range(4))
@pytest.mark.parametrize(
    "change", [{"actor": "mallory"}, {"reason": "because"}, {"at": at("08:00")}, {"simulated": True}], ids=str
)
def test_a_changed_entry(journal, n, change):
    journal[n] = replace(journal[n], decision=replace(journal[n].decision, **change))
    (fault,) = audit.verify(journal)
    assert fault.startswith(f"entry {journal[n].seq} (")
    assert fault.endswith("is not what was written: changed")


def test_removed_reordered_doubled_and_cut_off(journal):
    head = audit.anchor(journal, at=at("10:00"))
    assert "does not follow the entry before it" in audit.verify(journal[:1] + journal[2:])[0]
    assert "does not follow" in audit.verify(journal[1:])[0]
    swapped = [journal[0], journal[2], journal[1], journal[3]]
    assert any("reordered" in f for f in audit.verify(swapped))
    assert any("reordered" in f for f in audit.verify([*journal, journal[3]]))
    assert audit.verify(journal[:3]) == (), "the chain alone cannot see a cut-off end"
    assert audit.verify(journal[:3], anchors=[head]) == (
        "anchor of 2001-03-05T10:00:00Z: got 3 entries, allowed: 4 or more: cut off",
    )


@dataclass(frozen=True)
class Entry:
    seq: int
    decision: Decision
    prev: str
    hash: str


def chain(decisions):
    entries, prev = [], audit.FIRST
    for n, d in enumerate(decisions, start=1):
        entries.append(Entry(n, d, prev, audit._hash(prev, d)))
        prev = entries[-1].hash
    return entries


def test_a_journal_written_anew_is_found_by_its_anchor(journal):
    head = audit.anchor(journal, at=at("10:00"))
    forged = chain([replace(e.decision, actor="mallory") for e in journal])
    assert audit.verify(forged) == ()
    assert audit.verify(forged, anchors=[head]) == (
        "anchor of 2001-03-05T10:00:00Z: entry 4 is another one: rewritten",
    )


@given(st.data())
def test_no_single_fault_passes(data):
    entries = chain(d for n in range(3) for d in decided({"id": f"a.{n}", "chain": f"a.{n}"})[1])
    head = audit.anchor(entries, at=at("10:00"))
    n = data.draw(st.integers(0, len(entries) - 1))
    match data.draw(st.sampled_from(["drop", "swap", "actor", "hash", "prev"])):
        case "drop":
            del entries[n]
        case "swap":
            m = data.draw(st.integers(0, len(entries) - 1).filter(lambda k: k != n))
            entries[n], entries[m] = entries[m], entries[n]
        case "actor":
            entries[n] = replace(entries[n], decision=replace(entries[n].decision, actor="mallory"))
        case "hash":
            entries[n] = replace(entries[n], hash="f" * 64)
        case "prev":
            entries[n] = replace(entries[n], prev="f" * 64)
    assert audit.verify(entries, anchors=[head]) != ()


def test_a_lawful_record():
    assert audit.unlawful(decided()[1]) == ()
    assert audit.unlawful(decided({"event": "Earthquake"}, glass=True)[1]) == ()


def test_an_update_needs_its_own_approval():
    first, record = decided()
    second, d = life.update(
        first,
        {"level": 3},
        new_id="us.air.1.2",
        sender=SENDER,
        actor="dan",
        role=DUTY,
        at=at("10:00"),
        chain=[first],
    )
    forged = Decision(
        id="x", at=at("10:01"), actor="system", role=Role.SYSTEM, action="issue", subject=second.id,
        content_hash=second.content_hash,
    )  # fmt: skip
    assert audit.unlawful([*record, d, forged]) == (
        "us.air.1.2: issued at 2001-03-05T10:01:00Z without an approval",
    )


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda r: [r[0], r[1], r[3]], "without an approval"),
        (
            lambda r: [r[0], r[1], replace(r[2], content_hash="0"), r[3]],
            "with other content than was approved",
        ),
        (lambda r: [r[0], r[1], replace(r[2], legal_basis=None), r[3]], "without a legal basis"),
        (
            lambda r: [r[0], r[1], replace(r[2], actor="dan"), r[3]],
            "on the approval of dan, who made or submitted it",
        ),
        (lambda r: [r[0], r[1], replace(r[2], actor="system"), r[3]], "on the approval of system"),
        (
            lambda r: [r[0], r[1], replace(r[2], at=at("09:30")), r[3]],
            "before its approval at 2001-03-05T09:30:00Z",
        ),
        (lambda r: [*r[:3], replace(r[1], action="edit"), r[3]], "without an approval"),
        (lambda r: [*r[:3], replace(r[1], action="reject"), r[3]], "without an approval"),
        (lambda r: [r[3], *r[:3]], "without an approval"),
    ],
)
def test_an_issue_that_the_record_does_not_bear_out(forge, words):
    faults = audit.unlawful(forge(decided()[1]))
    assert any(words in fault for fault in faults), faults
