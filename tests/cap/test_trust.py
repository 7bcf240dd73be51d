"""Whose key is whose: at the time of receipt, for the sender that the message names, and never otherwise."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.cap.signed import NOW, SENDER, alert, certificate, der, key, pem, registry, sign
from tocsin.cap.certificate import read_certificate
from tocsin.cap.signature import Status, verify
from tocsin.cap.trust import FILE, Authority, Kind, Registry, TrustedKey, read_registry
from tocsin.model import ConfigError

PRIVATE = key("rsa", "desk")
CERT = certificate(PRIVATE)
DAY = timedelta(days=1)


def judged(known, *, at=NOW, cert=CERT, private=PRIVATE, **said):
    root = alert(**said)
    sign(root, private, cert)
    (found,) = verify(etree.tostring(root), received=at, registry=known)
    return found.best


def test_the_key_of_one_authority_cannot_speak_for_the_sender_of_another():
    known = Registry(
        authorities=(
            *registry(CERT, senders=("desk@example.org",)).authorities,
            Authority(id="other", name="Other", senders=("other@example.net",)),
        )
    )
    assert judged(known).trusted
    got = judged(known, sender="other@example.net")
    assert (got.status, got.reason) == (Status.NOT_TRUSTED, "trust.other-authority")
    assert got.authority == "example"
    assert "other@example.net" in got.words


@pytest.mark.parametrize(
    ("at", "sent", "reason"),
    [
        (NOW, NOW, "trust.registered"),
        (NOW + 61 * DAY, NOW, "trust.certificate-expired"),
        (NOW + 61 * DAY, NOW + 61 * DAY, "trust.certificate-expired"),
        (NOW, NOW - 31 * DAY, "trust.certificate-not-yet-valid"),
        (NOW - 31 * DAY, NOW - 31 * DAY, "trust.certificate-not-yet-valid"),
        (NOW + 60 * DAY, NOW + 60 * DAY, "trust.registered"),
        (NOW - 30 * DAY, NOW - 30 * DAY, "trust.registered"),
    ],
)
def test_the_certificate_must_hold_when_it_was_sent_and_when_it_came(at, sent, reason):
    got = judged(registry(CERT), at=at, sent=sent)
    assert got.reason == reason
    assert got.trusted == (reason == "trust.registered")
    assert got.verified_at == at


def test_a_revoked_key_is_refused_from_its_revocation_on_whatever_the_message_says_of_its_date():
    known = registry(CERT, revoked_at=NOW, revoked_because="the card was lost")
    assert judged(known, at=NOW - DAY, sent=NOW - DAY).trusted
    for at in (NOW, NOW + DAY):
        got = judged(known, at=at, sent=NOW - 5 * DAY)  # whoever has the key can set any date
        assert (got.status, got.reason) == (Status.NOT_TRUSTED, "trust.revoked")
        assert "the card was lost" in got.words


def test_the_window_of_the_registry_is_narrower_than_the_certificate():
    known = registry(CERT, valid_from=NOW - DAY, valid_until=NOW + DAY)
    assert judged(known).trusted
    for at in (NOW - 2 * DAY, NOW + DAY):
        assert judged(known, at=at, sent=at).reason == "trust.outside-window"


def test_a_certificate_for_other_uses_is_refused():
    cert = certificate(PRIVATE, usage=False)
    assert judged(registry(cert), cert=cert).reason == "trust.key-usage"


def test_a_message_without_a_time_is_not_trusted():
    root = alert()
    root.find("{*}sent").text = "yesterday"
    sign(root, PRIVATE, CERT)
    (found,) = verify(etree.tostring(root), received=NOW, registry=registry(CERT))
    assert found.best.reason == "trust.sent-unknown"


def test_a_renewed_certificate_of_a_registered_key_is_trusted_only_where_the_key_is_registered():
    renewed = certificate(PRIVATE, "desk-2.example.org")
    assert judged(registry(CERT), cert=renewed).reason == "trust.unknown-key"
    assert judged(registry(CERT, kind=Kind.PUBLIC_KEY), cert=renewed).trusted


def test_an_issuer_is_trusted_for_its_names_only_and_a_certificate_is_no_issuer():
    root_key = key("rsa", "issuer")
    issuer = certificate(root_key, "ca.example.org", ca=True)
    leaf = certificate(PRIVATE, "desk.example.org", issuer=issuer, issuer_key=root_key)
    known = registry(issuer, kind=Kind.ISSUER, names=("desk.example.org",))
    assert judged(known, cert=leaf).trusted
    stranger = certificate(PRIVATE, "www.example.com", issuer=issuer, issuer_key=root_key)
    assert judged(known, cert=stranger).reason == "trust.unknown-key"
    claimed = certificate(PRIVATE, "desk.example.org", issuer=issuer, issuer_key=PRIVATE)
    assert judged(known, cert=claimed).reason == "trust.unknown-key"
    plain = certificate(root_key, "ca.example.org")
    false = certificate(PRIVATE, "desk.example.org", issuer=plain, issuer_key=root_key)
    no_authority = registry(plain, kind=Kind.ISSUER, names=("desk.example.org",))
    assert judged(no_authority, cert=false).reason == "trust.unknown-key"


def test_the_verdict_holds_for_the_moment_of_receipt_and_not_for_a_later_one():
    assert judged(registry(CERT), at=NOW).trusted
    assert not judged(registry(CERT), at=NOW + 365 * DAY).trusted
    assert judged(registry(CERT), at=NOW).verified_at == NOW


@given(name=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_no_name_that_may_be_a_persons_is_kept_of_a_certificate(name):
    from cryptography import x509
    from cryptography.x509 import NameOID

    from tocsin.cap.certificate import _words

    try:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name + " Doe")])
    except ValueError:
        return  # longer in bytes than a name may be
    assert _words(subject) == "CN=(not kept)"


def test_a_policy_is_found_by_sender_and_by_source():
    known = registry(CERT, require_signature=True, sources=("their_feed",))
    assert known.requires(SENDER).id == "example"
    assert known.requires("stranger@example.com") is None
    assert known.requires("stranger@example.com", source="their_feed").id == "example"
    assert registry(CERT).requires(SENDER) is None


# -- the file


def written(folder, text, *certs):
    for i, cert in enumerate(certs):
        (folder / f"{i}.pem").write_bytes(pem(cert))
    (folder / FILE).write_text(text)
    return folder


def entry(cert=CERT, more="", file="0.pem", sha256=None):
    digest = sha256 or hashlib.sha256(der(cert)).hexdigest()
    return (
        '[[authority]]\nid = "example"\nname = "Example"\nsenders = ["desk@example.org"]\n'
        f'[[authority.key]]\nfile = "{file}"\nsha256 = "{digest}"\n{more}\n'
    )


def test_a_registry_is_read_from_its_folder(tmp_path):
    text = entry(more="valid_from = 2026-01-01T00:00:00Z\nrevoked_at = 2026-06-01T00:00:00+02:00\n"
                      'revoked_because = "replaced"')  # fmt: skip
    (one,) = read_registry(written(tmp_path, text, CERT)).authorities
    (found,) = one.keys
    assert found == TrustedKey(
        kind=Kind.CERTIFICATE,
        certificate=read_certificate(der(CERT)),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        revoked_at=datetime(2026, 5, 31, 22, tzinfo=UTC),
        revoked_because="replaced",
    )
    assert read_registry(tmp_path / FILE).authorities == (one,)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (entry(sha256="0" * 64), "sha256"),
        (entry(file="../0.pem"), "file"),
        (entry(file="1.pem"), "file"),
        (entry(more='kind = "issuer"'), "names"),
        (entry(more='names = ["x"]'), "names"),
        (entry(more="revoked_at = 2026-01-01T00:00:00Z"), "revoked_because"),
        (entry(more="revoked_at = 2026-01-01T00:00:00"), "revoked_at"),
        (
            entry(more="valid_from = 2026-01-02T00:00:00Z\nvalid_until = 2026-01-01T00:00:00Z"),
            "valid_until",
        ),
        (entry(more='colour = "red"'), "colour"),
        (entry() + entry(), "authority.id"),
        ("[[authority]]\nid = 3", "id"),
        ("nonsense", "file"),
    ],
)
def test_a_wrong_registry_is_refused_naming_file_and_key(tmp_path, text, named):
    written(tmp_path, text, CERT)
    with pytest.raises(ConfigError, match=named) as error:
        read_registry(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_a_weak_key_cannot_be_registered(tmp_path):
    weak = certificate(key("short"))
    with pytest.raises(ConfigError, match="1024 bits"):
        read_registry(written(tmp_path, entry(weak), weak))


def test_a_chain_is_no_single_certificate(tmp_path):
    written(tmp_path, entry(), CERT)
    (tmp_path / "0.pem").write_bytes(pem(CERT) + pem(CERT))
    with pytest.raises(ConfigError, match="2 certificates"):
        read_registry(tmp_path)


def test_a_missing_registry_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"authorities\.toml"):
        read_registry(tmp_path)
