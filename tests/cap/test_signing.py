"""What we sign verifies everywhere, as it was signed; what cannot be signed is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from lxml import etree

from tests.cap.messages import alerts
from tests.cap.signed import NOW, InMemory, certificate, key, message, pem, registry
from tocsin.cap import parse, render
from tocsin.cap.signature import Shape, Status, verify
from tocsin.cap.signing import sign
from tocsin.model import ConfigError, ParseError, WarnError

RSA, EC = key("rsa", "desk"), key("ec", "desk")


@pytest.mark.parametrize(("private", "method"), [(RSA, "rsa-sha256"), (EC, "ecdsa-sha256")])
def test_a_signed_message_is_trusted_and_reads_as_before(private, method):
    cert = certificate(private)
    content = sign(message(), InMemory(private), pem(cert), at=NOW)
    (found,) = verify(content, received=NOW, registry=registry(cert))
    got = found.best
    assert (got.status, got.method, got.digest, got.whole) == (
        Status.TRUSTED,
        method,
        "sha256",
        Shape.RECEIVED,
    )
    assert parse(content)[0] == parse(message())[0]
    assert content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns=')


def test_it_has_the_form_that_receivers_verify():
    content = sign(message(), InMemory(RSA), pem(certificate(RSA)), at=NOW).decode()
    assert content.count("<ds:Reference ") == 1
    assert '<ds:Reference URI="">' in content
    assert content.count('Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"') == 2
    assert "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" in content
    assert "X509Certificate" in content
    assert "KeyValue" not in content
    root = etree.fromstring(content.encode())
    assert root[-1].tag.endswith("}Signature")  # where the schema of CAP 1.2 has room for it


def test_it_stays_whole_inside_a_feed():
    cert = certificate(RSA)
    content = sign(message(), InMemory(RSA), pem(cert), at=NOW)
    body = content.split(b"?>", 1)[1]
    feed = b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="urn:x"><entry><content>' + body
    (found,) = verify(feed + b"</content></entry></feed>", received=NOW, registry=registry(cert))
    assert found.best.trusted
    escaped = body.decode().replace("&", "&amp;").replace("<", "&lt;").encode()
    text = b"<rss><item><description>" + escaped + b"</description></item></rss>"
    (found,) = verify(text, received=NOW, registry=registry(cert))
    assert found.best.trusted


@settings(max_examples=40)
@given(said=alerts)
def test_whatever_can_be_said_can_be_signed(said):
    cert = certificate(EC, start=said.sent - timedelta(days=1), end=said.sent + timedelta(days=1))
    content = sign(render(said), InMemory(EC), pem(cert), at=said.sent)
    assert parse(content)[0] == said


def test_the_issuers_certificates_go_along():
    issuer_key = key("rsa", "issuer")
    issuer = certificate(issuer_key, "ca.example.org", ca=True)
    leaf = certificate(RSA, issuer=issuer, issuer_key=issuer_key)
    content = sign(message(), InMemory(RSA), pem(leaf) + pem(issuer), at=NOW)
    assert content.count(b"<ds:X509Certificate>") == 2
    (found,) = verify(content, received=NOW, registry=registry(leaf))
    assert found.best.trusted


def test_what_is_no_single_unsigned_message_is_refused():
    signer, chain = InMemory(RSA), pem(certificate(RSA))
    signed = sign(message(), signer, chain, at=NOW)
    with pytest.raises(WarnError, match="is signed"):
        sign(signed, signer, chain, at=NOW)
    with pytest.raises(WarnError, match="one bare alert"):
        sign(b"<alerts><alert/></alerts>", signer, chain, at=NOW)
    with pytest.raises(ParseError):
        sign(b"<alert", signer, chain, at=NOW)


def test_a_certificate_that_does_not_fit_is_refused_before_anything_is_signed():
    with pytest.raises(ConfigError, match="certificate"):
        sign(message(), InMemory(RSA), pem(certificate(EC)), at=NOW)
    weak = key("short")
    with pytest.raises(ConfigError, match="1024"):
        sign(message(), InMemory(weak), pem(certificate(weak)), at=NOW)
    with pytest.raises(ConfigError, match="digitalSignature"):
        sign(message(), InMemory(RSA), pem(certificate(RSA, usage=False)), at=NOW)
    with pytest.raises(WarnError, match="certificate-expired"):
        sign(message(), InMemory(RSA), pem(certificate(RSA)), at=NOW + timedelta(days=90))


def test_a_signer_that_errs_is_found_before_the_message_leaves():
    class Wrong(InMemory):
        def sign(self, data):
            return super().sign(data + b"!")

    with pytest.raises(WarnError, match="value-wrong"):
        sign(message(), Wrong(RSA), pem(certificate(RSA)), at=NOW)


def test_what_signxml_verifies_by_itself_is_what_we_signed():
    from signxml.verifier import XMLVerifier

    from tocsin.cap.certificate import old_certificates

    cert = certificate(EC, start=NOW - timedelta(days=30), end=NOW + timedelta(days=36500))
    content = sign(message(), InMemory(EC), pem(cert), at=NOW)
    with old_certificates():
        XMLVerifier().verify(content, x509_cert=cert)
