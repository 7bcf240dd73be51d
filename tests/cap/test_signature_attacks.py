"""Every way to make a reader trust what was never signed is refused, each for its own reason."""

from __future__ import annotations

import base64
import re
from copy import deepcopy
from dataclasses import replace

import pytest
from lxml import etree

from tests.cap.signed import (
    DSIG,
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    MORE,
    NOW,
    Plan,
    again,
    alert,
    certificate,
    der,
    key,
    message,
    pem,
    reference,
    registry,
    sign,
)
from tocsin.cap.signature import Shape, Status, verify

GENUINE = key("rsa", "desk")
CERT = certificate(GENUINE)
KNOWN = registry(CERT)
CAP = "urn:oasis:names:tc:emergency:cap:1.2"


def judged(root, known=KNOWN, at=NOW):
    content = root if isinstance(root, bytes) else etree.tostring(root)
    (found,) = verify(content, received=at, registry=known)
    return found.best


def refused(root, reason, status=Status.REFUSED, **more):
    got = judged(root, **more)
    assert (got.status, got.reason) == (status, reason), got.words
    assert not got.trusted
    return got


def genuine(plan=None, **said):
    root = alert(**said)
    sign(root, GENUINE, CERT, plan)
    return root


def forged(root):
    """The same message with another headline, without its signature."""
    copy = deepcopy(root)
    copy.find(f".//{{{CAP}}}headline").text = "All is well"
    for signature in copy.findall(f"{{{DSIG}}}Signature"):
        copy.remove(signature)
    return copy


def test_the_genuine_message_is_trusted_or_nothing_below_means_anything():
    got = judged(genuine())
    assert (got.status, got.authority, got.whole) == (Status.TRUSTED, "example", Shape.RECEIVED)
    named = alert()
    named.set("Id", "all")
    sign(named, GENUINE, CERT, Plan(uri="#all"))
    assert judged(named).trusted


# -- wrapping: the signed message goes elsewhere, another one takes its place


def by_id():
    root = alert()
    root.set("Id", "orig")
    sign(root, GENUINE, CERT, Plan(uri="#orig"))
    return root


def moved_into_object():
    original, evil = by_id(), forged(by_id())
    evil.set("Id", "evil")
    signature = original.find(f"{{{DSIG}}}Signature")
    original.remove(signature)
    etree.SubElement(signature, f"{{{DSIG}}}Object").append(original)
    evil.append(signature)
    return evil, "signature.wrapped-alert"


def moved_into_a_child():
    original, evil = by_id(), forged(by_id())
    evil.set("Id", "evil")
    etree.SubElement(evil, "{urn:x}wrapper").append(original)
    return evil, "signature.misplaced"


def moved_beside_it_under_a_wrapper():
    original, evil = by_id(), forged(by_id())
    signature = original.find(f"{{{DSIG}}}Signature")
    evil.append(signature)
    evil.append(original)
    return evil, "signature.wrapped-alert"


def same_id_twice():
    original, evil = by_id(), forged(by_id())
    evil.append(original.find(f"{{{DSIG}}}Signature"))
    evil.find(f"{{{CAP}}}info").set("Id", "orig")
    return evil, "signature.duplicate-id"


def another_id_of_the_same_name():
    evil = forged(by_id())
    evil.append(by_id().find(f"{{{DSIG}}}Signature"))
    evil.set("Id", "evil")
    etree.SubElement(evil, "{urn:x}x").set("ID", "orig")
    return evil, "signature.other-element"


def over_another_element():
    root = alert()
    part = root.find(f"{{{CAP}}}info")
    part.set("Id", "part")
    sign(root, GENUINE, CERT, Plan(uri="#part"), covers=part)
    return root, "signature.other-element"


def over_nothing_named():
    root = alert()
    sign(root, GENUINE, CERT, Plan(uri=None))
    return root, "signature.other-element"


def by_xpointer():
    return genuine(Plan(uri="#xpointer(/)")), "signature.other-element"


def several_references():
    root = genuine()
    signature = root.find(f"{{{DSIG}}}Signature")
    reference(signature[0], Plan(uri="#x"), b"x")
    again(signature, GENUINE)
    return root, "signature.references"


def no_reference():
    root = genuine()
    signature = root.find(f"{{{DSIG}}}Signature")
    signature[0].remove(signature[0].find(f"{{{DSIG}}}Reference"))
    again(signature, GENUINE)
    return root, "signature.references"


def outside_reference():
    return genuine(Plan(uri="https://example.org/signed.xml")), "signature.external"


def file_reference():
    return genuine(Plan(uri="file:///etc/passwd")), "signature.external"


def inside_an_info():
    root = alert()
    sign(root, GENUINE, CERT, place=root.find(f"{{{CAP}}}info"))
    return root, "signature.misplaced"


def beside_the_alert():
    wrapper = etree.Element("alerts")
    root = alert()
    wrapper.append(root)
    sign(root, GENUINE, CERT, place=wrapper)
    return wrapper, "signature.detached"


def around_the_alert():
    root = alert()
    signature = sign(etree.Element("x"), GENUINE, CERT, covers=root)
    etree.SubElement(signature, f"{{{DSIG}}}Object").append(root)
    return signature, "signature.detached"


def two_values():
    root = genuine()
    signature = root.find(f"{{{DSIG}}}Signature")
    signature.append(deepcopy(signature[1]))
    return root, "signature.structure"


def five_signatures():
    root = genuine()
    for _ in range(4):
        root.append(deepcopy(root[-1]))
    return root, "signature.too-many"


WRAPPINGS = (
    moved_into_object, moved_into_a_child, moved_beside_it_under_a_wrapper, same_id_twice,
    another_id_of_the_same_name, over_another_element, over_nothing_named, by_xpointer, several_references,
    no_reference, outside_reference, file_reference, inside_an_info, beside_the_alert, around_the_alert,
    two_values, five_signatures,
)  # fmt: skip


@pytest.mark.parametrize("attack", WRAPPINGS, ids=lambda a: a.__name__)
def test_wrapping_is_refused(attack):
    refused(*attack())


# -- transforms that select or rewrite what is signed


@pytest.mark.parametrize(
    "transforms",
    [
        (ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        (ENVELOPED, "http://www.w3.org/2002/06/xmldsig-filter2"),
        (ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        (ENVELOPED, f"{DSIG}base64"),
        (ENVELOPED, f"{EXCLUSIVE}WithComments"),
        (EXCLUSIVE,),
        (EXCLUSIVE, ENVELOPED),
        (ENVELOPED, ENVELOPED),
        (ENVELOPED, EXCLUSIVE, INCLUSIVE),
        (),
    ],
)
def test_other_transforms_are_refused(transforms):
    refused(genuine(Plan(transforms=transforms)), "signature.transform")


def test_a_canonical_form_that_keeps_comments_is_refused():
    refused(genuine(Plan(c14n=f"{EXCLUSIVE}WithComments")), "signature.canonical-form")


# -- algorithms that prove nothing any more


@pytest.mark.parametrize(
    ("plan", "kind", "reason"),
    [
        (Plan(method=f"{DSIG}rsa-sha1"), "rsa", "signature.method-weak"),
        (Plan(method=f"{MORE}rsa-md5"), "rsa", "signature.method-weak"),
        (Plan(method=f"{DSIG}dsa-sha1"), "dsa", "signature.method-weak"),
        (Plan(method=f"{MORE}ecdsa-sha1"), "ec", "signature.method-weak"),
        (Plan(digest=f"{DSIG}sha1"), "rsa", "signature.digest-weak"),
        (Plan(digest=f"{MORE}md5"), "rsa", "signature.digest-weak"),
        (Plan(), "short", "signature.key-weak"),
        (Plan(method=""), "rsa", "signature.method-unknown"),
        (Plan(digest=""), "rsa", "signature.digest-unknown"),
    ],
)
def test_weak_algorithms_are_refused_although_the_mathematics_is_right(plan, kind, reason):
    private = key(kind, "weak")
    cert = certificate(private) if kind != "dsa" else CERT
    root = alert()
    sign(root, private, cert, plan)
    known = registry(cert)
    assert refused(root, reason, known=known).whole in (None, Shape.RECEIVED)


def test_a_name_that_is_no_method_is_not_supported():
    refused(genuine(Plan(method="urn:x#none")), "signature.method-unknown", Status.UNSUPPORTED)


def test_a_symmetric_method_with_the_public_key_as_its_secret_is_refused():
    root = alert()
    sign(root, pem(CERT), CERT, Plan(method=f"{MORE}hmac-sha256"))
    refused(root, "signature.method-symmetric")
    root = alert()
    sign(root, pem(CERT), CERT, Plan(method=f"{DSIG}hmac-sha1"))
    refused(root, "signature.method-symmetric")


def test_a_truncated_signature_cannot_be_asked_for():
    root = genuine()
    signature = root.find(f"{{{DSIG}}}Signature")
    method = signature[0].find(f"{{{DSIG}}}SignatureMethod")
    etree.SubElement(method, f"{{{DSIG}}}HMACOutputLength").text = "8"
    again(signature, GENUINE)
    refused(root, "signature.structure")


# -- keys that prove nothing


def test_a_bare_key_names_nobody_and_another_key_beside_the_certificate_is_refused():
    got = refused(genuine(Plan(key_info="KeyValue")), "signature.key-value-only")
    assert got.whole is Shape.RECEIVED
    refused(genuine(Plan(key_info="both")), "signature.key-ambiguous")
    refused(genuine(Plan(key_info="none")), "signature.key-missing", Status.UNSUPPORTED)


def test_an_unknown_key_is_no_trust_however_good_the_mathematics():
    stranger = key("rsa", "stranger")
    cert = certificate(stranger, "desk.example.org")  # the same name: names prove nothing
    root = alert()
    sign(root, stranger, cert)
    got = refused(root, "trust.unknown-key", Status.UNKNOWN_KEY)
    assert got.whole is Shape.RECEIVED
    assert got.authority is None


def test_the_genuine_certificate_in_front_of_a_strangers_signature_gives_nothing():
    stranger = key("rsa", "stranger")
    root = alert()
    signature = sign(root, stranger, CERT)
    refused(root, "signature.value-wrong", Status.INVALID)
    data = signature.find(f"{{{DSIG}}}KeyInfo/{{{DSIG}}}X509Data")
    own = etree.SubElement(data, f"{{{DSIG}}}X509Certificate")
    own.text = base64.b64encode(der(certificate(stranger))).decode()
    got = refused(root, "trust.unknown-key", Status.UNKNOWN_KEY)
    assert got.fingerprint != KNOWN.authorities[0].keys[0].certificate.fingerprint


def test_an_unreadable_certificate_is_said():
    root = genuine()
    node = root.find(f".//{{{DSIG}}}X509Certificate")
    node.text = base64.b64encode(b"no certificate").decode()
    refused(root, "signature.certificate-unreadable", Status.UNSUPPORTED)
    node.text = "…"
    refused(root, "signature.certificate-unreadable", Status.UNSUPPORTED)


# -- content


def test_changed_content_is_invalid():
    root = genuine()
    root.find(f".//{{{CAP}}}headline").text = "All is well"
    refused(root, "signature.content-changed", Status.INVALID)
    root = genuine()
    etree.SubElement(root.find(f"{{{CAP}}}info"), f"{{{CAP}}}web").text = "https://example.org"
    refused(root, "signature.content-changed", Status.INVALID)


def test_a_comment_cannot_hide_a_part_of_a_signed_text():
    content = etree.tostring(genuine(identifier="genuine-1-2")).decode()
    cut = content.replace("genuine-1-2", "genuine-1<!-- -->-2")
    assert cut != content
    got = refused(cut.encode(), "signature.comment")
    assert got.whole is None
    beside = content.replace("<status>", "<!-- between elements it does no harm --><status>")
    assert judged(beside.encode()).trusted


def test_a_comment_cannot_hide_a_part_of_the_signature():
    content = etree.tostring(genuine()).decode()
    cut = re.sub(r"(<ds:DigestValue>....)", r"\1<!-- -->", content)
    refused(cut.encode(), "signature.comment")


def test_white_space_between_elements_is_content():
    packed = etree.fromstring(message(), etree.XMLParser(remove_blank_text=True))
    sign(packed, GENUINE, CERT)
    assert judged(packed).trusted
    etree.indent(packed)
    got = refused(packed, "signature.only-normalised", Status.INVALID)
    assert got.whole is Shape.PACKED


def test_base64_has_one_form_only():
    content = etree.tostring(genuine()).decode()
    digest = re.search(r"<ds:DigestValue>([^<]+)=<", content)[1]
    last = digest[-1]
    other = chr(ord(last) + 1)
    changed = content.replace(f"{digest}=", f"{digest[:-1]}{other}=")
    assert base64.b64decode(f"{digest[:-1]}{other}=") == base64.b64decode(f"{digest}=")
    refused(changed.encode(), "signature.base64")
    refused(content.replace(f"{digest}=", f"{digest}=!").encode(), "signature.base64")
    folded = content.replace(digest, f"\n  {digest[:20]}\n  {digest[20:]}")
    got = judged(folded.encode())  # lines may be folded; what was signed was not
    assert got.reason == "signature.value-wrong"


def test_a_folded_signature_value_is_the_same_value():
    root = genuine()
    value = root.find(f".//{{{DSIG}}}SignatureValue")
    value.text = "\n" + "\n".join(re.findall("..?.?.?", value.text)) + "\n"
    assert judged(root).trusted


def test_a_document_type_is_refused_before_anything_is_read():
    content = etree.tostring(genuine())
    refused(b'<!DOCTYPE alert [<!ENTITY x "y">]>' + content, "doc.doctype")
    refused(b"<alert", "doc.not-well-formed")
    refused(b"<x/>", "doc.messages")
    (found,) = verify(content, received=NOW, registry=KNOWN, max_bytes=100)
    assert found.best.reason == "doc.oversize"


# -- several signatures


def test_each_of_two_signatures_is_judged_by_itself():
    root = genuine()
    distributor = key("rsa", "distributor")
    cert = certificate(distributor, "dss1.example.net")
    sign(root, distributor, cert, Plan(transforms=(ENVELOPED, INCLUSIVE)))
    (found,) = verify(etree.tostring(root), received=NOW, registry=KNOWN)
    agency, naads = found.verdicts
    assert (agency.status, agency.whole, agency.place) == (Status.TRUSTED, Shape.ALONE, 1)
    assert (naads.status, naads.whole, naads.place) == (Status.UNKNOWN_KEY, Shape.RECEIVED, 2)
    assert found.best == agency


def test_a_second_signature_takes_no_trust_away_and_gives_none():
    root = genuine()
    stranger = key("rsa", "stranger")
    sign(root, stranger, certificate(stranger))
    root.find(f".//{{{CAP}}}headline").text = "All is well"
    (found,) = verify(etree.tostring(root), received=NOW, registry=KNOWN)
    assert not found.best.trusted
    whole = genuine()
    junk = etree.SubElement(whole, f"{{{DSIG}}}Signature")
    junk.text = "…"
    (found,) = verify(etree.tostring(whole), received=NOW, registry=KNOWN)
    assert [v.status for v in found.verdicts] == [Status.TRUSTED, Status.UNSUPPORTED]
    assert found.best.trusted


def test_an_id_with_a_blank_and_an_object_are_no_obstacle():
    root = genuine()
    signature = root.find(f"{{{DSIG}}}Signature")
    signature.set("Id", "NAADS Signature")
    etree.SubElement(etree.SubElement(signature, "Object"), "SignatureProperties")
    assert judged(root).trusted


# -- found together


def test_every_reason_has_words_and_the_gravest_comes_first():
    root = genuine(replace(Plan(), digest=f"{DSIG}sha1", uri="https://example.org"))
    root.find(f".//{{{CAP}}}headline").text = "All is well"
    got = refused(root, "signature.external")
    assert got.also == ("signature.digest-weak",)
    assert "https://example.org" in got.words
