"""Anchors of the record: made when due, signed, copied, told in the journal, kept with backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.govern.audit import Kind
from tocsin.model import PastError, Role, StoreError
from tocsin.ops import accounts, anchoring, key_ceremony, upkeep
from tocsin.ops.commands import SYSTEM, Actor
from tocsin.ops.office import Office, open_office
from tocsin.store import open_store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Actor(account="root", role=Role.ADMINISTRATOR)
DAY = timedelta(days=1)


@pytest.fixture
def office(tmp_path: Path):
    office = open_office(tmp_path / "store")
    accounts.put_account(office, "root", Role.ADMINISTRATOR, "a long enough word", at=NOW, actor=SYSTEM)
    yield office
    office.store.close()


def say(office: Office, text: str) -> None:
    (office.path / "tocsin.toml").write_text(text)


def faults(office: Office, **more) -> list[Kind]:
    return [f.kind for f in anchoring.verify(office.path, **more).faults]


def test_one_a_day_and_never_back(office):
    anchoring.take_when_due(office, NOW)
    anchoring.take_when_due(office, NOW + DAY / 2)
    anchoring.take_when_due(office, NOW + DAY)
    kept = anchoring.read(anchoring.anchors_file(office.path))
    assert [a.at for a in kept] == [NOW, NOW + DAY]
    assert kept[1].prev == kept[0].hash
    assert faults(office) == []
    with pytest.raises(PastError, match="not before the last one"):
        anchoring.take(office, at=NOW)
    told = [e.decision for e in office.store.audit(subject="journal")]
    assert [d.content_hash for d in told] == [a.hash for a in kept]


def test_signed_by_the_key_of_the_ring_until_it_is_revoked(office, tmp_path):
    say(office, f'[signing]\nkeyring = "{tmp_path / "ring"}"\n')
    key_ceremony.create(office, "desk-1", ROOT, at=NOW, method="ecdsa-sha256")
    key_ceremony.publish(office, "desk-1", ROOT, at=NOW)
    one = anchoring.take(office, at=NOW + DAY)
    assert one.key == "desk-1"
    assert faults(office) == []
    key_ceremony.revoke(office, "desk-1", ROOT, at=NOW + DAY * 2, reason="lost")
    assert faults(office) == []
    assert {n.kind for n in anchoring.verify(office.path).notes} == {Kind.REVOKED_KEY}
    file = anchoring.anchors_file(office.path)
    file.write_text(file.read_text().replace('"entries":', '"entries":1', 1))
    assert Kind.FORGED in faults(office)


def test_anchors_that_are_gone_or_cut_are_told_by_the_journal(office):
    anchoring.take(office, at=NOW)
    anchoring.take(office, at=NOW + DAY)
    file = anchoring.anchors_file(office.path)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text(lines[0])
    assert faults(office) == [Kind.LOST_ANCHOR]
    file.unlink()
    assert faults(office) == [Kind.LOST_ANCHOR] * 2
    file.write_text("".join(lines) + '{"at":"20')  # killed while it wrote
    assert faults(office) == []
    anchoring.take(office, at=NOW + 2 * DAY)
    assert faults(office) == []
    assert len(anchoring.read(file)) == 3


def test_copies_follow_and_one_that_says_other_is_told(office, tmp_path):
    copy = tmp_path / "elsewhere" / "anchors.jsonl"
    anchoring.take(office, at=NOW)
    say(office, f'[audit]\ncopies = ["{copy}"]\n')
    anchoring.take(office, at=NOW + DAY)
    file = anchoring.anchors_file(office.path)
    assert copy.read_bytes() == file.read_bytes()
    assert faults(office, anchors=copy) == []
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    with pytest.raises(StoreError, match="one of the two was changed"):
        anchoring.take(office, at=NOW + 2 * DAY)


def test_a_backup_takes_its_anchors_along_and_a_restored_one_cannot_hide(office, tmp_path):
    anchoring.take(office, at=NOW)
    upkeep.backup(office, tmp_path / "backup")
    accounts.put_account(office, "eve", Role.VIEWER, "a long enough word", at=NOW, actor=SYSTEM)
    anchoring.take(office, at=NOW + DAY)
    late = anchoring.anchors_file(office.path)
    upkeep.restore(tmp_path / "backup", tmp_path / "restored")
    assert anchoring.verify(tmp_path / "restored").faults == ()
    cut = anchoring.verify(tmp_path / "restored", anchors=late).faults
    assert {f.kind for f in cut} == {Kind.CUT_OFF}
    other = open_office(tmp_path / "restored")
    anchoring.anchors_file(other.path).write_bytes(late.read_bytes())
    with pytest.raises(StoreError, match="a backup was restored"):
        anchoring.take(other, at=NOW + 2 * DAY)
    other.store.close()


def test_changed_settings_are_on_record_by_their_hash(office):
    say(office, "")
    assert anchoring.note_settings(office, at=NOW) == ["tocsin.toml"]
    assert anchoring.note_settings(office, at=NOW + DAY) == []
    say(office, "domains = []\n")
    assert anchoring.note_settings(office, at=NOW + DAY) == ["tocsin.toml"]
    told = [e.decision.reason for e in office.store.audit(subject="settings:tocsin.toml")]
    assert told == ["seen for the first time", "changed"]


def test_everything_the_check_of_the_store_tells(office):
    assert upkeep.check(office) == []
    store = open_store(office.path)
    store.put_account(store.account("root").__class__(name="eve", role=Role.VIEWER, password_hash="h"))
    store.close()
    assert any("account eve" in text for text in upkeep.check(office))
