"""Messages of other authorities are judged when they come: what is not trusted is shown, and ends nothing."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from tests.cap.signed import NOW, SENDER, InMemory, certificate, der, key, message, pem, sign
from tocsin.cap.trust import FILE as REGISTRY
from tocsin.model import ConfigError, Raw
from tocsin.ops import ingest, keys, signatures
from tocsin.ops.config import FILE
from tocsin.ops.office import Office, open_office
from tocsin.ops.signers import open_signer, within
from tocsin.testing.signers import checks

PRIVATE = key("rsa", "desk")
CERT = certificate(PRIVATE)


@pytest.fixture
def office(tmp_path: Path):
    found = open_office(tmp_path / "store")
    yield found
    found.store.close()


def trusting(office: Office, *, required: bool = True) -> None:
    folder = office.path / "trust"
    folder.mkdir()
    (folder / "a.pem").write_bytes(pem(CERT))
    (folder / REGISTRY).write_text(
        f'[[authority]]\nid = "example"\nname = "Example"\nsenders = ["{SENDER}"]\n'
        f"require_signature = {str(required).lower()}\n"
        f'[[authority.key]]\nfile = "a.pem"\nsha256 = "{hashlib.sha256(der(CERT)).hexdigest()}"\n'
    )
    (office.path / FILE).write_text('[trust]\nregistry = "trust"\n')


def signed(private=PRIVATE, cert=CERT, **said) -> bytes:
    root = etree.fromstring(message(**said))
    sign(root, private, cert)
    return etree.tostring(root)


def arrive(office: Office, content: bytes, minutes: int = 1):
    at = NOW + timedelta(minutes=minutes)
    raw = Raw(
        source="cap_atom", url="https://example.org/a.xml", fetched_at=at, media_type="x", content=content
    )
    return ingest.take(office, raw, at=at)[0]


def events(office: Office, minutes: int = 60):
    snapshot = office.store.as_of(NOW + timedelta(minutes=minutes))
    return {e.external_id.split(",")[1]: e for e in snapshot.events()}


def records(office: Office):
    return {r["identifier"]: r for r in office.store.list(signatures.RECEIVED)}


def test_a_trusted_message_is_kept_with_its_verdict(office: Office) -> None:
    trusting(office)
    arrive(office, signed())
    record = records(office)["example-1"]
    assert (record["status"], record["authority"]) == ("valid-trusted", "example")
    assert record["fingerprint"] == hashlib.sha256(der(CERT)).hexdigest()
    event = events(office)["example-1"]
    assert event.details["signature"] == "valid-trusted"
    assert not event.title.startswith("NOT")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (message(), "unsigned"),
        (signed(key("rsa", "stranger"), certificate(key("rsa", "stranger"))), "valid-unknown-key"),
        (signed().replace(b"Flood of the river", b"All is well"), "invalid"),
    ],
)
def test_what_should_be_signed_and_is_not_trusted_is_shown_as_such(office, content, status) -> None:
    trusting(office)
    arrive(office, content)
    event = events(office)["example-1"]
    assert event.title.startswith("NOT TRUSTED: ")
    assert event.details["signature"] == status
    assert "Example signs its messages" in event.details["not_trusted"]
    assert records(office)["example-1"]["status"] == status


@pytest.mark.parametrize("encoding", ["utf-16", "cp037"])
def test_another_encoding_does_not_pass_by_the_policy(office: Office, encoding: str) -> None:
    def written(**said) -> bytes:
        text = message(**said).decode()
        return f"<?xml version='1.0' encoding='{encoding}'?>{text[text.index('<alert') :]}".encode(encoding)

    trusting(office)
    arrive(office, signed())
    reference = f"{SENDER},example-1,2026-03-01T12:00:00-00:00"
    sent = NOW + timedelta(minutes=5)
    done = arrive(
        office, written(identifier="example-2", msg_type="Cancel", references=(reference,), sent=sent), 6
    )
    assert done.rejected == 1
    assert events(office)["example-1"].status == "actual"
    arrive(office, written(identifier="example-3"), 7)
    assert events(office)["example-3"].title.startswith("NOT TRUSTED: ")
    assert records(office)["example-3"]["status"] == "unsigned"


def test_without_a_policy_an_unsigned_message_is_what_it_is(office: Office) -> None:
    arrive(office, message())
    assert "signature" not in events(office)["example-1"].details
    assert records(office)["example-1"]["status"] == "unsigned"


def test_a_forged_cancellation_ends_nothing(office: Office) -> None:
    trusting(office)
    arrive(office, signed())
    reference = f"{SENDER},example-1,2026-03-01T12:00:00-00:00"
    forged = message(
        identifier="example-2", msg_type="Cancel", references=(reference,), sent=NOW + timedelta(minutes=5)
    )
    done = arrive(office, forged, 6)
    assert done.rejected == 1
    assert events(office)["example-1"].status == "actual"
    (held,) = office.store.quarantined()
    assert "not done: Example signs its messages" in held.error
    genuine = signed(
        identifier="example-3", msg_type="Cancel", references=(reference,), sent=NOW + timedelta(minutes=7)
    )
    arrive(office, genuine, 8)
    assert events(office)["example-1"].status == "withdrawn"


def test_a_verdict_is_taken_once_and_never_again_by_a_later_clock(office: Office) -> None:
    trusting(office)
    content = signed()
    arrive(office, content)
    first = records(office)["example-1"]
    arrive(office, content, 60 * 24 * 300)  # the certificate has long expired
    assert records(office) == {"example-1": first}


def test_a_registry_that_cannot_be_read_trusts_nobody_and_loses_nothing(office: Office) -> None:
    trusting(office)
    (office.path / "trust" / "a.pem").unlink()
    arrive(office, signed())
    assert records(office)["example-1"]["status"] == "valid-unknown-key"
    assert "example-1" in events(office)
    assert signatures.state(office, NOW)["trust_fault"]


def test_two_messages_of_one_name_lend_each_other_no_trust(office: Office) -> None:
    trusting(office)
    good = etree.fromstring(signed())
    bad = etree.fromstring(message(infos=()))
    wrapper = etree.Element("alerts")
    wrapper.append(good)
    wrapper.append(bad)
    received = signatures.receive(
        office,
        Raw(source="cap_atom", url="", fetched_at=NOW, media_type="", content=etree.tostring(wrapper)),
        at=NOW,
    )
    assert received is not None
    assert received.refusal(SENDER, "example-1")


def in_feed(*contents: bytes) -> bytes:
    entries = b"".join(b"<entry><content>" + c + b"</content></entry>" for c in contents)
    return b'<feed xmlns="http://www.w3.org/2005/Atom">' + entries + b"</feed>"


def unsigned(**said) -> bytes:
    return message(**said).split(b"?>", 1)[-1]


@pytest.mark.parametrize("before", [b"", b"see: "])
def test_a_forged_message_hidden_beside_the_genuine_one_of_its_name_gets_no_trust(office, before) -> None:
    trusting(office)
    forged = unsigned(sent=NOW - timedelta(minutes=1)).replace(b"Flood of the river", b"All is well")
    hidden = before + forged.replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    arrive(office, in_feed(signed(), hidden))
    found = [e for e in office.store.as_of(NOW + timedelta(hours=1)).events() if "All is well" in e.title]
    assert len(found) == 1
    assert found[0].title.startswith("NOT TRUSTED: ")


def test_a_comma_in_a_sender_does_not_borrow_anothers_name(office: Office) -> None:
    trusting(office)
    genuine = signed()
    arrive(office, genuine)
    reference = f"{SENDER},example-1,2026-03-01T12:00:00-00:00"
    forged = unsigned(
        sender="placeholder",
        identifier="x",
        msg_type="Cancel",
        references=(reference,),
        sent=NOW + timedelta(minutes=5),
    ).replace(b"placeholder", f"{SENDER},example-1".encode())
    arrive(office, in_feed(genuine, forged), 6)
    assert events(office)["example-1"].status == "actual"


def test_one_trusted_authority_cannot_end_what_another_said(office: Office) -> None:
    trusting(office)
    other, cert = key("rsa", "other"), certificate(key("rsa", "other"), "other.example.org")
    (office.path / "trust" / "b.pem").write_bytes(pem(cert))
    with (office.path / "trust" / REGISTRY).open("a") as file:
        file.write(
            '[[authority]]\nid = "other"\nname = "Other"\nsenders = ["other@example.org"]\n'
            f'[[authority.key]]\nfile = "b.pem"\nsha256 = "{hashlib.sha256(der(cert)).hexdigest()}"\n'
        )
    arrive(office, signed())
    reference = f"{SENDER},example-1,2026-03-01T12:00:00-00:00"
    sent = NOW + timedelta(minutes=5)
    cancel = signed(
        other,
        cert,
        sender="other@example.org",
        identifier="o",
        msg_type="Cancel",
        references=(reference,),
        sent=sent,
    )
    assert arrive(office, cancel, 6).rejected == 1
    assert records(office)["o"]["status"] == "valid-trusted"
    assert events(office)["example-1"].status == "actual"


def test_a_sender_that_looks_like_one_that_signs_is_not_passed_as_a_stranger(office: Office) -> None:
    trusting(office)
    arrive(office, message(sender="Desk@Example.org"))
    event = events(office)["example-1"]
    assert event.title.startswith("NOT TRUSTED: ")
    assert "only looks like" in event.details["not_trusted"]


def test_the_verdicts_on_a_document_are_one_commit(office: Office, monkeypatch) -> None:
    raw = Raw(
        source="cap_atom",
        url="",
        fetched_at=NOW,
        media_type="",
        content=in_feed(*(unsigned(identifier=f"m-{i}") for i in range(20))),
    )
    whole, calls = office.store.put, []

    def put(*args: object, **more: object) -> None:
        calls.append(args)
        if len(calls) == 15:
            raise OSError("the disk is full")
        whole(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(office.store, "put", put)
        with pytest.raises(OSError, match="full"):
            signatures.receive(office, raw, at=NOW)
    assert records(office) == {}
    signatures.receive(office, raw, at=NOW)
    assert len(records(office)) == 20


# -- signers


@pytest.mark.parametrize("check", checks(), ids=lambda c: c.__name__)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_file_signer_conforms(tmp_path: Path, kind: str, check) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = tmp_path / "k.pem"
    private = key(kind, "file")
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    check(open_signer("file", {"file": "k.pem"}, tmp_path))


@pytest.mark.parametrize("check", checks()[:3], ids=lambda c: c.__name__)
def test_a_broken_signer_fails_every_check(check) -> None:
    class Broken(InMemory):
        calls = 0

        def sign(self, data: bytes) -> bytes:
            return super().sign(b"always the same")

        @property
        def public_key(self) -> bytes:
            type(self).calls += 1
            return keyed[self.calls % 2]

        @public_key.setter
        def public_key(self, value: bytes) -> None:
            pass

    keyed = [InMemory(key("rsa", name)).public_key for name in ("file", "another")]
    broken = Broken(key("rsa", "file"))
    broken.method = "none" if check.__name__ == "check_method" else "rsa-sha256"
    with pytest.raises(AssertionError):
        check(broken)


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    path.write_text("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----")
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="0600"):
            open_signer("file", {"file": "k.pem"}, tmp_path)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as error:
        open_signer("file", {"file": "k.pem"}, tmp_path)
    assert "secret" not in str(error.value)
    (tmp_path / "link.pem").symlink_to(path)
    with pytest.raises(ConfigError):
        open_signer("file", {"file": "link.pem"}, tmp_path)
    with pytest.raises(ConfigError, match="allowed: file"):
        open_signer("pkcs12", {}, tmp_path)


def test_a_signer_that_hangs_is_given_up() -> None:
    import threading

    gate = threading.Event()
    with pytest.raises(TimeoutError, match="no answer"):
        within(lambda: bytes(gate.wait(30)), 0.05)
    gate.set()
    assert within(lambda: b"x", 5) == b"x"
    with pytest.raises(ZeroDivisionError):
        within(lambda: bytes(1 // 0), 5)


def test_a_damaged_ring_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / keys.RING).write_text("[[key]]\nid = 3\n")
    with pytest.raises(ConfigError, match=r"keyring\.toml"):
        keys.read_ring(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="0700"):
        keys.read_ring(tmp_path)
    tmp_path.chmod(0o700)


def test_why_tells_what_a_signature_was_worth(office: Office) -> None:
    from tocsin.ops.queries.why import _event, _Walk

    trusting(office)
    arrive(office, signed())
    node = _event(_Walk(office), events(office)["example-1"])
    told = next(child for child in node.children if child.kind == "signature")
    assert told.text.startswith("valid-trusted at 2026-03-01T12:01:00")
    assert told.id.endswith(hashlib.sha256(der(CERT)).hexdigest())
