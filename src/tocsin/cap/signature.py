"""Is it whole, and from whom? The verdict on the signatures of a message, taken once, at receipt.

Three questions are kept apart, for each has its own answer and its own remedy: is the *form* one that can be
relied on (:mod:`tocsin.cap.enveloped`), do the *bytes* agree with the signature (signxml), and is the *key*
that of the authority which the message names (:mod:`tocsin.cap.trust`). A verdict holds for the moment at
which it was taken. History is never verified again against a later clock: certificates expire, and a warning
that was genuine when it came stays so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lxml import etree

from tocsin.cap.certificate import Certificate, old_certificates, read_certificate
from tocsin.cap.enveloped import (
    Fault,
    Form,
    alert_documents,
    form_of,
    message_faults,
    signatures_of,
    signed_outside,
)
from tocsin.cap.message import CapAlert
from tocsin.cap.reading import read_alert
from tocsin.cap.secure import MAX_BYTES, read_xml
from tocsin.cap.trust import Registry
from tocsin.model.errors import ParseError
from tocsin.model.time import require_utc

if TYPE_CHECKING:
    from signxml.verifier import SignatureConfiguration

CHANGED = "signature.content-changed"
MOST_PACKED = 1_000_000
"""Bytes of a message up to which it is tried without white space: it costs work and never gives trust."""


class Status(StrEnum):
    """What became of a signature, the best first."""

    TRUSTED = "valid-trusted"  # whole, and by the authority that it names
    UNKNOWN_KEY = "valid-unknown-key"  # whole, by somebody whom the registry does not know
    NOT_TRUSTED = "valid-not-trusted"  # whole, by a key that may not say this now
    REFUSED = "refused"  # of a form, or by an algorithm, that proves nothing
    INVALID = "invalid"  # the bytes do not agree with the signature
    UNSUPPORTED = "unsupported"  # nobody can tell: no key, no readable certificate, an unknown algorithm
    UNSIGNED = "unsigned"


class Shape(StrEnum):
    """In which shape the bytes agree with a signature."""

    RECEIVED = "as received"
    ALONE = "after removing the other signatures"
    PACKED = "after removing white space between elements"
    PACKED_ALONE = "after removing white space between elements and the other signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one signature is worth, as of one moment.

    Parameters
    ----------
    status : Status
        In one word.
    reason : str
        Id of the first thing that stood against it, ``trust.registered`` when nothing did.
    words : str
        The same for people.
    also : tuple of str
        Ids of further reasons.
    place : int
        Which signature of the message, counted from 1; 0 where there is none.
    whole : Shape or None
        In which shape the bytes agree; None when in none, or when that cannot be computed.
    method, digest, key : str
        Algorithms, and what names the key; ``none`` where nothing is said.
    subject, issuer : str
        Of the certificate, without what may be a person's name.
    fingerprint : str
        SHA-256 of the certificate in hexadecimal digits; empty when there is none.
    not_before, not_after : datetime or None
        Dates of the certificate.
    authority : str or None
        Whose key it is, by the registry.
    verified_at : datetime
        Moment of receipt for which this holds.
    """

    status: Status
    reason: str
    words: str
    verified_at: datetime
    also: tuple[str, ...] = ()
    place: int = 0
    whole: Shape | None = None
    method: str = "none"
    digest: str = "none"
    key: str = "none"
    subject: str = ""
    issuer: str = ""
    fingerprint: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    authority: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether the message may be taken for what it says it is."""
        return self.status is Status.TRUSTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A message and the verdicts on its signatures.

    Parameters
    ----------
    identifier, sender : str
        As the message says; empty when it could not be read.
    sent : datetime or None
        As the message says.
    sha256 : str
        Of the message's own bytes, without what wraps it: names this receipt.
    verdicts : tuple of Verdict
        One for each signature, or one that says why there is none.
    """

    identifier: str
    sender: str
    sent: datetime | None
    sha256: str
    verdicts: tuple[Verdict, ...]

    @property
    def best(self) -> Verdict:
        """The verdict on the message: each signature is judged by itself, and one that is trusted is enough.

        A signature that somebody adds cannot take trust away, and cannot give any to what it does not cover.
        """
        order = list(Status)
        return min(self.verdicts, key=lambda v: (order.index(v.status), v.place))


def verify(
    content: bytes, *, received: datetime, registry: Registry | None = None, max_bytes: int = MAX_BYTES
) -> tuple[Examined, ...]:
    """Judge the signatures of every message in some bytes, as of the moment at which they came.

    Parameters
    ----------
    content : bytes
        As received: a message, or a document that wraps messages.
    received : datetime
        When they came. Trust and dates of certificates are judged by this, never by a later clock.
    registry : Registry or None
        Whose key is whose; without one no key is known.
    max_bytes : int
        Size limit.

    Returns
    -------
    tuple of Examined
        One for each message, in document order. What cannot be read gives one that is refused, with the
        reader's own reason (``doc.doctype``, ``doc.not-well-formed`` …).

    Examples
    --------
    >>> from datetime import UTC
    >>> one, = verify(b"<alert><identifier>a</identifier></alert>", received=datetime(2026, 1, 1, tzinfo=UTC))
    >>> one.best.status.value, one.best.reason
    ('unsigned', 'signature.absent')
    """
    at = require_utc(received, "received")
    try:
        root = read_xml(content, max_bytes=max_bytes)
        outside = signed_outside(root)
        alerts = list(alert_documents(root))
        if not alerts:
            raise ParseError("doc.messages: got no alert element, allowed: at least one")
    except ParseError as error:
        reason = str(error).split(":", 1)[0]
        verdict = Verdict(status=Status.REFUSED, reason=reason, words=str(error), verified_at=at)
        digest = hashlib.sha256(content).hexdigest()
        return (Examined(identifier="", sender="", sent=None, sha256=digest, verdicts=(verdict,)),)
    with old_certificates():
        return tuple(_examine(alert, outside, at, registry or Registry()) for alert in alerts)


def _examine(alert: etree._Element, outside: bool, received: datetime, registry: Registry) -> Examined:
    """Judge the signatures of one message, which is the root of a document of its own."""
    said, _ = read_alert(alert)
    found = signatures_of(alert)
    faults = message_faults(alert)
    if not found:
        verdicts: tuple[Verdict, ...] = (_none(faults, outside, received),)
    else:
        verdicts = tuple(
            _judge(alert, said, place, faults, received, registry) for place in range(len(found))
        )
    return Examined(
        identifier=said.identifier,
        sender=said.sender,
        sent=said.sent,
        sha256=hashlib.sha256(etree.tostring(alert, encoding="UTF-8")).hexdigest(),
        verdicts=verdicts,
    )


def _none(faults: Sequence[Fault], outside: bool, at: datetime) -> Verdict:
    fault = next((f for f in faults if f.reason == "signature.misplaced"), None)
    if fault is None and outside:
        words = "a signature stands outside the alert, allowed: as a child of it, over it alone"
        fault = Fault(reason="signature.detached", words=words)
    if fault is not None:
        return Verdict(status=Status.REFUSED, reason=fault.reason, words=fault.words, verified_at=at)
    words = "the message carries no signature: nothing says who wrote it"
    return Verdict(status=Status.UNSIGNED, reason="signature.absent", words=words, verified_at=at)


# What is found out about one signature, before it is put into a verdict.
@dataclass(slots=True, kw_only=True)
class _Found:
    faults: list[Fault]  # of the form, the algorithms and the key
    computed: Fault | None = None  # what came out of the mathematics, when it was not good
    certificate: Certificate | None = None
    whole: Shape | None = None


def _judge(
    alert: etree._Element,
    said: CapAlert,
    index: int,
    faults: Sequence[Fault],
    at: datetime,
    registry: Registry,
) -> Verdict:
    form = form_of(alert, signatures_of(alert)[index])
    found = _Found(faults=[*faults, *form.faults])
    certificates = _certificates(form, found)
    if not any(fault.fatal for fault in found.faults):
        _compute(alert, said, index, certificates, found)
    status, reason, words, authority = _conclude(found, said, at, registry)
    one = found.certificate
    return Verdict(
        status=status,
        reason=reason,
        words=words,
        also=tuple(dict.fromkeys(r for r in _reasons(found) if r != reason)),
        place=index + 1,
        whole=found.whole,
        method=form.method,
        digest=form.digest,
        key=form.key,
        subject=one.subject if one else "",
        issuer=one.issuer if one else "",
        fingerprint=one.fingerprint if one else "",
        not_before=one.not_before if one else None,
        not_after=one.not_after if one else None,
        authority=authority,
        verified_at=at,
    )


def _reasons(found: _Found) -> list[str]:
    return [f.reason for f in (*found.faults, *([found.computed] if found.computed else []))]


def _certificates(form: Form, found: _Found) -> list[Certificate]:
    read = []
    for der in form.certificates:
        try:
            read.append(read_certificate(der))
        except ValueError as error:
            fault = Fault(
                reason="signature.certificate-unreadable", words=str(error), status=str(Status.UNSUPPORTED)
            )
            found.faults.append(fault)
            return []
    if read:
        found.certificate = read[0]
    return read


def _conclude(
    found: _Found, said: CapAlert, at: datetime, registry: Registry
) -> tuple[Status, str, str, str | None]:
    if found.faults:
        # The gravest first: what is of no admitted form is never called merely out of date.
        first = min(found.faults, key=lambda f: (not f.fatal, f.status != Status.REFUSED))
        return Status(first.status), first.reason, first.words, None
    if found.computed is not None:
        return Status(found.computed.status), found.computed.reason, found.computed.words, None
    if found.whole in (Shape.PACKED, Shape.PACKED_ALONE):
        words = f"the signature fits only {found.whole}: not what was received"
        return Status.INVALID, "signature.only-normalised", words, None
    if found.whole is None or found.certificate is None:
        raise AssertionError("a signature without a fault is whole and has a certificate")
    judged = registry.judge(found.certificate, sender=said.sender, sent=said.sent, received=at)
    if judged.trusted:
        return Status.TRUSTED, judged.reason, judged.words, judged.authority
    unknown = judged.authority is None
    return (
        Status.UNKNOWN_KEY if unknown else Status.NOT_TRUSTED,
        judged.reason,
        judged.words,
        judged.authority,
    )


def _compute(
    alert: etree._Element,
    said: CapAlert,
    index: int,
    certificates: Sequence[Certificate],
    found: _Found,
) -> None:
    """Do the mathematics, in every shape known from practice, with every key that the message brings."""
    keys: list[Certificate | None] = list(certificates) or [None]
    for shape in Shape:
        document, place = _shaped(alert, index, shape)
        if document is None:
            continue
        for key in tuple(keys):
            signed, fault = _agrees(document, place, key)
            if fault is None:
                found.whole, found.certificate, found.computed = shape, key, None
                _look(key, signed, said, shape, found)
                return
            if found.computed is None or fault.reason == CHANGED:
                found.computed = fault
            if fault.reason == CHANGED:
                keys = [key]  # it is this key's signature: only the content is to be had in another shape
                break


def _look(
    key: Certificate | None, signed: etree._Element | None, said: CapAlert, shape: Shape, found: _Found
) -> None:
    if key is not None and key.weak is not None:
        found.faults.append(Fault(reason="signature.key-weak", words=f"got {key.weak}"))
    received = shape in (Shape.RECEIVED, Shape.ALONE)
    if received and (signed is None or read_alert(signed)[0] != said):
        words = "what is signed reads as another message than what was received"
        found.faults.append(Fault(reason="signature.content-differs", words=words))


def _shaped(alert: etree._Element, index: int, shape: Shape) -> tuple[bytes | None, int]:
    """The message in a shape, and the signature's place in it; None where it is an earlier shape again."""
    several = len(signatures_of(alert)) > 1
    if shape in (Shape.ALONE, Shape.PACKED_ALONE) and not several:
        return None, 0
    content = etree.tostring(alert)
    if shape in (Shape.PACKED, Shape.PACKED_ALONE) and len(content) > MOST_PACKED:
        return None, 0
    copy = etree.fromstring(content)
    place = index
    if shape in (Shape.ALONE, Shape.PACKED_ALONE):
        for i, other in enumerate(signatures_of(copy)):
            if i != index:
                _remove(other)
        place = 0
    if shape in (Shape.PACKED, Shape.PACKED_ALONE):
        for node in copy.iter(etree.Element):
            if len(node) and not (node.text or "").strip():
                node.text = None
            for child in node:
                if not (child.tail or "").strip():
                    child.tail = None
        if shape is Shape.PACKED and etree.tostring(copy) == content:
            return None, 0
    return etree.tostring(copy), place


def _remove(node: etree._Element) -> None:
    """Take an element out and leave the text behind it where it was, as the enveloped transform does."""
    parent, before = node.getparent(), node.getprevious()
    assert parent is not None  # noqa: S101 - a Signature here is a child of the alert
    if node.tail:
        if before is None:
            parent.text = (parent.text or "") + node.tail
        else:
            before.tail = (before.tail or "") + node.tail
    node.tail = None
    parent.remove(node)


def _agrees(
    document: bytes, place: int, certificate: Certificate | None
) -> tuple[etree._Element | None, Fault | None]:
    """Let signxml compute whether the bytes agree; dates and trust of the key are none of its business."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from signxml.exceptions import InvalidDigest, SignXMLException

    verifier = _verifier(place)
    try:
        result = verifier.verify(
            document,
            x509_cert=None if certificate is None else certificate.loaded(),
            validate_schema=False,  # NAADS writes an Id that is none; the form is guarded more strictly above
            expect_config=_config(certificate),
        )
    except InvalidDigest:
        words = "the content is not what was signed: it was changed, or is signed in another shape"
        return None, Fault(reason=CHANGED, words=words, status=str(Status.INVALID))
    except InvalidSignature:
        words = "the signature value does not fit the key and what it signs"
        return None, Fault(reason="signature.value-wrong", words=words, status=str(Status.INVALID))
    except (SignXMLException, UnsupportedAlgorithm, ValueError, TypeError, NotImplementedError) as error:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        if "KeyValue" in words and "different" in words:
            return None, Fault(reason="signature.key-ambiguous", words=words)
        return None, Fault(reason="signature.uncomputable", words=words, status=str(Status.UNSUPPORTED))
    return result.signed_xml, None


def _config(certificate: Certificate | None) -> SignatureConfiguration:
    from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
    from signxml.verifier import SignatureConfiguration

    return SignatureConfiguration(
        require_x509=certificate is not None,
        location="./",
        # Weak algorithms are refused whatever comes out; whether the bytes agree is still worth knowing.
        signature_methods=frozenset(m for m in SignatureMethod if not m.name.startswith("HMAC")),
        digest_algorithms=frozenset(DigestAlgorithm),
        verification_time=None if certificate is None else certificate.not_before,
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
    )


def _verifier(place: int) -> Any:
    from signxml.verifier import XMLVerifier

    class Placed(XMLVerifier):
        """Looks at one of several signatures; signxml alone takes the first."""

        def _get_signature(self, root: etree._Element) -> etree._Element:
            return signatures_of(root)[place]

    return Placed()
