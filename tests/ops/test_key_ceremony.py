"""A step of the key ceremony that is cut by a kill: it is told, it can be repeated, and it blocks no id."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cap.signed import NOW, message
from tocsin.model import ConfigError, ConflictError, Role
from tocsin.ops import key_ceremony, keys, signatures
from tocsin.ops.commands import Actor
from tocsin.ops.config import FILE
from tocsin.ops.health import examine
from tocsin.ops.office import Office, open_office

ROOT = Actor(account="root", role=Role.ADMINISTRATOR)
SOON = NOW + timedelta(minutes=1)


class Killed(BaseException):
    """Nothing that runs in the process sees it: what is done after it did not happen."""


@pytest.fixture
def office(tmp_path: Path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / FILE).write_text(f'[signing]\nkeyring = "{tmp_path / "ring"}"\n')
    found = open_office(tmp_path / "store")
    yield found
    found.store.close()


def create(office: Office, name: str = "one") -> keys.Key:
    return key_ceremony.create(office, name, ROOT, at=NOW, method="ecdsa-sha256")


def steps(office: Office, name: str = "one") -> list[str]:
    return [e.decision.action for e in office.store.audit(subject=f"key:{name}")]


def differences(office: Office) -> list[str]:
    ring = keys.ring_of(office)
    assert ring is not None
    return keys.differences(office, ring)


def killed_before_the_commit(office: Office, monkeypatch: pytest.MonkeyPatch, step) -> None:
    """Take a step whose commit never comes, with the ring as it was when the power went."""
    path = keys.ring_folder(office.path) / keys.RING
    written: list[bytes] = []
    whole = key_ceremony.put

    def put(target: Path, content: bytes, **more: bool) -> bool:
        done = whole(target, content, **more)
        if target == path:
            written.append(content)
            raise Killed
        return done

    with monkeypatch.context() as patch:
        patch.setattr(key_ceremony, "put", put)
        with pytest.raises(Killed):
            step()
    path.write_bytes(written[0])  # a process that is killed takes nothing back


@pytest.mark.parametrize("after", ["key.pem", "crt.pem", "csr.pem"])
def test_a_kill_in_create_does_not_block_the_id(office: Office, monkeypatch, after: str) -> None:
    def cut(name: str):
        whole = getattr(key_ceremony, name)

        def dies(path: Path, content: bytes) -> object:
            done = whole(path, content)
            if path.name.endswith(after):
                raise Killed
            return done

        return dies

    with monkeypatch.context() as patch:
        patch.setattr(key_ceremony, "put", cut("put"))
        patch.setattr(key_ceremony, "_put_private", cut("_put_private"))
        with pytest.raises(Killed):
            create(office)
    assert differences(office) == ["one.key.pem holds a private key that no entry of the ring names"]
    left = (keys.ring_folder(office.path) / "one.key.pem").read_bytes()
    create(office)
    aside = keys.ring_folder(office.path) / "one.key.pem.unused-1"
    assert aside.read_bytes() == left  # nothing that was perhaps a key is thrown away
    assert aside.stat().st_mode & 0o777 == 0o600
    assert steps(office) == ["key.create"]
    key_ceremony.publish(office, "one", ROOT, at=NOW)
    state = signatures.state(office, SOON)
    assert state["signs"]
    assert state["faults"] == ["one.key.pem.unused-1 holds a private key that no entry of the ring names"]
    aside.unlink()
    assert signatures.state(office, SOON)["faults"] == []


def test_a_kill_between_ring_and_record_is_told_and_the_next_step_records_it(office, monkeypatch) -> None:
    killed_before_the_commit(office, monkeypatch, lambda: create(office))
    assert steps(office) == []
    assert differences(office) == ["key.create of one is in the ring and not on record"]
    with pytest.raises(ConflictError):
        create(office)  # the same step again: the key is there
    assert steps(office) == ["key.create"]
    assert differences(office) == []

    def publish() -> keys.Key:
        return key_ceremony.publish(office, "one", ROOT, at=NOW)

    killed_before_the_commit(office, monkeypatch, publish)
    assert differences(office) == ["key.publish of one is in the ring and not on record"]
    check = next(c for c in examine(office.path, now=SOON) if c.name == "signing")
    assert check.ok is False
    assert "not on record" in check.detail
    publish()
    assert steps(office) == ["key.create", "key.publish"]
    assert differences(office) == []

    def revoke() -> keys.Key:
        return key_ceremony.revoke(office, "one", ROOT, at=NOW, reason="stolen")

    killed_before_the_commit(office, monkeypatch, revoke)
    assert keys.ring_of(office).current(SOON) is None  # the step that makes safe holds at once
    revoke()
    assert steps(office) == ["key.create", "key.publish", "key.revoke"]
    late = office.store.audit(subject="key:one")[-1].decision
    assert "interrupted" in late.reason


def test_a_fault_that_is_no_kill_leaves_ring_and_record_as_they_were(office, monkeypatch) -> None:
    create(office)
    before = (keys.ring_folder(office.path) / keys.RING).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        whole = key_ceremony.put
        patch.setattr(key_ceremony, "put", lambda *a: (whole(*a), len(a[1]) > len(before) and full()))
        with pytest.raises(OSError, match="no space"):
            key_ceremony.publish(office, "one", ROOT, at=NOW)
    assert (keys.ring_folder(office.path) / keys.RING).read_bytes() == before
    assert steps(office) == ["key.create"]


def test_a_revoked_key_signs_nothing_by_a_clock_that_went_back_or_a_ring_put_back(office) -> None:
    create(office)
    key_ceremony.publish(office, "one", ROOT, at=NOW)
    path = keys.ring_folder(office.path) / keys.RING
    older = path.read_bytes()
    test = message(status="Test", note="x", sent=SOON)
    assert b"Signature" in signatures.sign_file(office, test, at=SOON)
    key_ceremony.revoke(office, "one", ROOT, at=NOW + timedelta(hours=1), reason="stolen")
    with pytest.raises(ConfigError, match="none that may sign"):
        signatures.sign_file(office, test, at=SOON)  # before the moment of the revocation
    path.write_bytes(older)
    with pytest.raises(ConfigError, match="revoked on record"):
        signatures.sign_file(office, test, at=SOON)
    assert differences(office) == ["key.revoke of one is on record and not in the ring"]
    assert not signatures.state(office, SOON)["signs"]


def test_a_lost_ring_does_not_free_the_ids_of_its_keys(office: Office) -> None:
    create(office)
    (keys.ring_folder(office.path) / keys.RING).unlink()
    assert "one is on record and not in the ring" in differences(office)
    with pytest.raises(ConflictError, match="used"):
        create(office)


def test_a_backup_has_the_registry_and_never_a_private_key(office: Office, tmp_path: Path) -> None:
    create(office)
    ring, trust = keys.ring_folder(office.path), office.path / "trust"
    trust.mkdir()
    (trust / "authorities.toml").write_text("")
    (trust / "one.pem").write_bytes((ring / "one.crt.pem").read_bytes())
    (trust / "wrong.pem").write_bytes((ring / "one.key.pem").read_bytes())
    office.store.backup(tmp_path / "copy")
    copied = {p.name for p in (tmp_path / "copy" / "trust").iterdir()}
    assert copied == {"authorities.toml", "one.pem"}
    for path in (tmp_path / "copy").rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes()
    found = signatures.state(office, SOON)
    assert found["trust_fault"]
    assert "wrong.pem holds a private key" in found["trust"]
