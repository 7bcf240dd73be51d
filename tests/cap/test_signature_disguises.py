"""What looks like a signed message, or like a known sender, and is none: each for its own reason."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from lxml import etree

from tests.cap.signed import (
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    NOW,
    SENDER,
    Plan,
    alert,
    certificate,
    der,
    key,
    message,
    registry,
    sign,
)  # fmt: skip
from tocsin.cap.certificate import read_certificate
from tocsin.cap.containers import messages_in
from tocsin.cap.signature import Status, verify
from tocsin.cap.trust import Authority, Kind, Registry, TrustedKey, seen_as

PRIVATE = key("rsa", "desk")
CERT = certificate(PRIVATE)
KNOWN = registry(CERT)
CAP = "urn:oasis:names:tc:emergency:cap:1.2"


def judged(content, known=KNOWN, at=NOW):
    return verify(content, received=at, registry=known)


def signed(cert=CERT, plan=None, **said):
    root = alert(**said)
    sign(root, PRIVATE, cert, plan)
    return etree.tostring(root)


# -- no message is read that was not judged


def body(**said):
    return message(**said).split(b"?>", 1)[-1].decode()


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


HIDDEN = {
    "behind other words": lambda x: f"see: {escaped(x)}",
    "escaped twice": lambda x: escaped(escaped(x)),
    "cut by a comment": lambda x: escaped(x).replace("headline", "head<!-- -->line"),
    "in CDATA": lambda x: f"<![CDATA[ \n{x}]]>",
    "as an element": lambda x: x,
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_every_message_that_is_read_is_judged(hide):
    genuine = signed().decode()
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<entry><content>{genuine}</content></entry><entry><content>{hide(body())}</content></entry></feed>"
    ).encode()
    read = [m.alert for m in messages_in(feed).messages]
    assert len(read) == 2
    assert [one.best.status for one in judged(feed)] == [Status.TRUSTED, Status.UNSIGNED]


def test_what_is_packed_in_base64_is_judged():
    space = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"

    def packed(content):
        data = base64.b64encode(content).decode()
        return (
            "<contentObject><nonXMLContent><mimeType>application/cap+xml</mimeType>"
            f"<contentData>{data}</contentData></nonXMLContent></contentObject>"
        )

    edxl = f'<EDXLDistribution xmlns="{space}">{packed(signed())}{packed(message())}</EDXLDistribution>'
    assert len(messages_in(edxl.encode()).messages) == 2
    assert [one.best.status for one in judged(edxl.encode())] == [Status.TRUSTED, Status.UNSIGNED]


def test_of_two_messages_in_a_wrapper_only_the_signed_one_is_trusted():
    wrapper = etree.fromstring(b"<alerts/>")
    wrapper.append(etree.fromstring(signed(identifier="a")))
    wrapper.append(alert(identifier="b"))
    found = {one.identifier: one.best.status for one in judged(etree.tostring(wrapper))}
    assert found == {"a": Status.TRUSTED, "b": Status.UNSIGNED}


# -- namespaces, includes, instructions


def test_a_prefix_that_is_declared_anew_changes_what_was_signed():
    content = signed().replace(f'<alert xmlns="{CAP}"'.encode(), b'<alert xmlns="urn:x"')
    (found,) = judged(content)
    assert (found.best.status, found.best.reason) == (Status.INVALID, "signature.content-changed")


@pytest.mark.parametrize("c14n", [EXCLUSIVE, INCLUSIVE])
@pytest.mark.parametrize("more", ['xml:lang="xx"', 'xml:base="https://example.com/"', 'x="1"'])
def test_an_attribute_that_is_added_changes_what_was_signed(c14n, more):
    content = signed(plan=Plan(transforms=(ENVELOPED, c14n))).replace(b"<info>", f"<info {more}>".encode())
    (found,) = judged(content)
    assert (found.best.status, found.best.reason) == (Status.INVALID, "signature.content-changed")


def test_an_attribute_of_a_wrapper_is_no_part_of_the_message():
    content = signed(plan=Plan(transforms=(ENVELOPED, INCLUSIVE)))
    wrapped = b'<alerts xml:base="https://example.com/" xml:lang="xx">' + content + b"</alerts>"
    (found,) = judged(wrapped)
    assert found.best.trusted


def test_an_include_is_neither_followed_nor_passed_over():
    node = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'
    content = signed().replace(b"<info>", f"{node}<info>".encode())
    (found,) = judged(content)
    assert (found.best.status, found.best.reason) == (Status.INVALID, "signature.content-changed")


def test_an_instruction_cannot_hide_a_part_of_a_text():
    (found,) = judged(signed().replace(b"Flood of the river", b"Flood<?x y?> of the river"))
    assert (found.best.status, found.best.reason) == (Status.REFUSED, "signature.comment")


# -- senders that look like another


ALIKE = ("Desk@Example.ORG", "desk@example.org.", "d\u0435sk@example.org", "desk@examp1e.org",
         "de\u200bsk@example.org", "\uff44esk@example.org", "d\u00e9sk@example.org")  # fmt: skip


@pytest.mark.parametrize("sender", ALIKE, ids=ascii)
def test_a_sender_that_only_looks_like_a_known_one_has_its_own_reason(sender):
    (found,) = judged(signed(sender=sender))
    assert (found.best.status, found.best.reason) == (Status.NOT_TRUSTED, "trust.sender-alike")
    assert ascii(sender) in found.best.words
    policy = registry(CERT, require_signature=True)
    assert policy.requires(sender) is not None  # without a signature it does not pass either
    assert policy.requires("duty@example.org") is None


def test_letters_of_a_pattern_other_than_star_and_question_mark_mean_themselves():
    one = Authority(id="x", name="X", senders=("a[bc]@*.org",))
    assert one.speaks_as("a[bc]@example.org")
    assert not one.speaks_as("ab@example.org")
    assert seen_as(SENDER) == SENDER


def test_a_feed_of_one_authority_carries_no_other_not_even_a_trusted_one():
    owner = Authority(id="a", name="A", senders=("a@x.org",), require_signature=True, sources=("feed",))
    other = Authority(id="b", name="B", senders=("b@x.org",), require_signature=True)
    for known in (Registry(authorities=(owner, other)), Registry(authorities=(other, owner))):
        assert known.requires("b@x.org", source="feed") == owner
        assert known.requires("b@x.org", source="elsewhere") == other


# -- revoked under one name, registered under another


def test_a_revoked_key_is_revoked_however_else_it_is_registered():
    issuer_key = key("rsa", "issuer")
    issuer = certificate(issuer_key, "ca.example.org", ca=True)
    leaf = certificate(PRIVATE, "desk.example.org", issuer=issuer, issuer_key=issuer_key)
    renewed = certificate(PRIVATE, "new.example.org")

    def entry(cert, kind, **more):
        return TrustedKey(kind=kind, certificate=read_certificate(der(cert)), **more)

    stolen = entry(leaf, Kind.CERTIFICATE, revoked_at=NOW, revoked_because="stolen")
    ways = (
        (entry(issuer, Kind.ISSUER, names=("desk.example.org",)), leaf),
        (entry(leaf, Kind.PUBLIC_KEY), leaf),
        (entry(leaf, Kind.PUBLIC_KEY), renewed),
    )
    for way, used in ways:
        for keys in ((way, stolen), (stolen, way)):
            known = Registry(authorities=(Authority(id="x", name="X", senders=(SENDER,), keys=keys),))
            before = NOW - timedelta(days=1)
            assert judged(signed(used, sent=before), known, before)[0].best.trusted
            assert judged(signed(used), known)[0].best.reason == "trust.revoked"


def test_an_issuer_that_may_not_sign_certificates_issues_nothing():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    issuer_key = key("rsa", "issuer")
    whole = certificate(issuer_key, "ca.example.org", ca=True)
    build = (
        x509.CertificateBuilder()
        .subject_name(whole.subject)
        .issuer_name(whole.subject)
        .public_key(issuer_key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
    )
    leaf = certificate(PRIVATE, "desk.example.org", issuer=whole, issuer_key=issuer_key)
    for issuer, trusted in ((whole, True), (build.sign(issuer_key, hashes.SHA256()), False)):
        known = registry(issuer, kind=Kind.ISSUER, names=("desk.example.org",))
        assert judged(signed(leaf), known)[0].best.trusted is trusted
