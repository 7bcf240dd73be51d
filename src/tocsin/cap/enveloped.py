"""The one form of signature that is admitted: enveloped, over the whole alert, and nothing clever.

Everything that an XML signature *can* say beyond that (other elements, several references, transforms that
select or rewrite, keys that prove nothing) has been used to make a reader trust what was never signed. So it
is refused here by name, before any mathematics.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tocsin.cap.secure import local

DSIG = "http://www.w3.org/2000/09/xmldsig#"
DSIG11 = "http://www.w3.org/2009/xmldsig11#"

METHODS = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": "rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": "rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": "rsa-sha512",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": "rsa-pss-sha256",
    "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": "rsa-pss-sha384",
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": "rsa-pss-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": "ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": "ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": "ecdsa-sha512",
}
"""Signature methods that may be trusted, by their URI."""
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
"""Digests that may be trusted, by their URI."""
C14N = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
}
"""Canonical forms that may be used; those that keep comments are not among them."""
ENVELOPED = f"{DSIG}enveloped-signature"
MOST_CERTIFICATES = 5
"""Certificates that one signature may bring."""
MOST_SIGNATURES = 4
"""Signatures of one message that are looked at; each costs work."""

_IDS = frozenset({"id", "Id", "ID", "{http://www.w3.org/XML/1998/namespace}id"})
_WEAK = ("sha1", "md5", "md2", "md4", "ripemd160", "sha224")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a signature is not admitted.

    Parameters
    ----------
    reason : str
        Id: ``signature.transform``, ``signature.digest-weak`` …
    words : str
        What was got, what is allowed.
    status : str
        ``refused``, or ``unsupported`` where nobody can tell.
    fatal : bool
        Whether there is nothing left to compute.
    """

    reason: str
    words: str
    status: str = "refused"
    fatal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one Signature element says, and what is wrong with its form.

    Parameters
    ----------
    method, digest : str
        Short names of the algorithms, ``unknown`` where they are none; ``none`` where nothing is said.
    key : str
        What names the key: ``X509``, ``KeyValue`` or ``none``.
    certificates : tuple of bytes
        DER, in document order.
    faults : tuple of Fault
        The gravest first.
    """

    method: str
    digest: str
    key: str
    certificates: tuple[bytes, ...]
    faults: tuple[Fault, ...]


def signatures_of(alert: etree._Element) -> list[etree._Element]:
    """Signature elements that are children of the alert itself, in document order."""
    return [child for child in alert if child.tag == f"{{{DSIG}}}Signature"]


def message_faults(alert: etree._Element) -> tuple[Fault, ...]:
    """What makes every signature of a message worthless: content that could be read in two ways.

    Parameters
    ----------
    alert : Element
        The root of a document of its own.
    """
    found = []
    direct = set(signatures_of(alert))
    if len(direct) > MOST_SIGNATURES:
        words = f"got {len(direct)} signatures, allowed: {MOST_SIGNATURES}"
        found.append(Fault(reason="signature.too-many", words=words))
    for node in alert.iter(f"{{{DSIG}}}Signature"):
        if node not in direct:
            parent = node.getparent()
            where = "" if parent is None else local(parent)
            words = f"got a Signature inside {where!r}, allowed: as a child of alert only"
            found.append(Fault(reason="signature.misplaced", words=words))
            break
    if any(local(node) == "alert" for node in alert.iterdescendants()):
        words = "got an alert inside the alert, allowed: one (a signed message can be hidden in another)"
        found.append(Fault(reason="signature.wrapped-alert", words=words))
    ids = Counter(v for node in alert.iter(etree.Element) for k, v in node.attrib.items() if k in _IDS)
    twice = sorted(name for name, n in ids.items() if n > 1)
    if twice:
        words = f"got the Id {twice[0]!r} {ids[twice[0]]} times, allowed: once"
        found.append(Fault(reason="signature.duplicate-id", words=words))
    commented = next(_commented(alert), None)
    if commented is not None:
        words = (
            f"got a comment inside the text of {commented!r}, allowed: none: what is signed leaves it out, "
            "and readers may stop at it"
        )
        found.append(Fault(reason="signature.comment", words=words))
    return tuple(found)


def _commented(alert: etree._Element) -> Iterator[str]:
    """Elements whose text is split by a comment or an instruction, and Signatures that hold one anywhere."""
    for odd in alert.iter(etree.Comment, etree.ProcessingInstruction):
        parent = odd.getparent()
        if parent is None:
            continue
        inside = any(a.tag == f"{{{DSIG}}}Signature" for a in (parent, *parent.iterancestors()))
        texts = (parent.text, *(child.tail for child in parent))
        if inside or any(text and text.strip() for text in texts):
            yield local(parent)


def form_of(alert: etree._Element, signature: etree._Element) -> Form:
    """Read one Signature and say what is wrong with its form."""
    parts = {local(child): child for child in signature}
    names = [local(child) for child in signature if local(child)]
    info = signature.find(f"{{{DSIG}}}SignedInfo")
    value = signature.find(f"{{{DSIG}}}SignatureValue")
    if info is None or value is None:
        words = "got no SignedInfo or no SignatureValue, allowed: both"
        fault = Fault(reason="signature.empty", words=words, status="unsupported")
        return Form(method="none", digest="none", key="none", certificates=(), faults=(fault,))
    faults = []
    unknown = [n for n in names if n not in ("SignedInfo", "SignatureValue", "KeyInfo", "Object")]
    again = [n for n, count in Counter(names).items() if count > 1 and n != "Object"]
    if unknown or again:
        words = f"got {(unknown or again)[0]!r}, allowed: one SignedInfo, SignatureValue, KeyInfo; Object"
        faults.append(Fault(reason="signature.structure", words=words))
    references = info.findall(f"{{{DSIG}}}Reference")
    faults += _reference_faults(alert, references)
    method, wrong = _method(info)
    faults += wrong
    digest, wrong = _digest(references[0] if references else None)
    faults += wrong
    c14n = _algorithm(info.find(f"{{{DSIG}}}CanonicalizationMethod"))
    if c14n not in C14N:
        faults.append(_c14n_fault(c14n))
    certificates, key, wrong = _key(parts.get("KeyInfo"))
    faults += wrong
    digests = [r.find(f"{{{DSIG}}}DigestValue") for r in references]
    for name, node in (("SignatureValue", value), *(("DigestValue", d) for d in digests if d is not None)):
        if (said := base64_fault(node.text or "")) is not None:
            words = f"{name}: {said}"
            faults.append(Fault(reason="signature.base64", words=words, fatal=said == _NO_BASE64))
    faults.sort(key=lambda f: not f.fatal)
    return Form(method=method, digest=digest, key=key, certificates=certificates, faults=tuple(faults))


def _algorithm(node: etree._Element | None) -> str:
    return "" if node is None else node.get("Algorithm", "")


def _short(uri: str) -> str:
    return uri.rsplit("#", 1)[-1].rsplit("/", 1)[-1] or "none"


def _c14n_fault(uri: str) -> Fault:
    words = f"got {uri!r}, allowed: canonical XML 1.0 or 1.1, or exclusive, without comments"
    return Fault(reason="signature.canonical-form", words=words)


def _reference_faults(alert: etree._Element, references: list[etree._Element]) -> Iterator[Fault]:
    if len(references) != 1:
        words = f"got {len(references)} references, allowed: one, to the whole alert"
        yield Fault(reason="signature.references", words=words)
        return
    uri = references[0].get("URI")
    if uri is None or (uri.startswith("#") and not _names(alert, uri[1:])):
        words = f"got a reference to {uri!r}, allowed: the whole alert (an empty URI)"
        yield Fault(reason="signature.other-element", words=words)
    elif uri and not uri.startswith("#"):
        words = f"got a reference to {uri!r} outside the message, allowed: the whole alert"
        yield Fault(reason="signature.external", words=words)
    transforms = references[0].findall(f"{{{DSIG}}}Transforms/{{{DSIG}}}Transform")
    said = [_algorithm(t) for t in transforms]
    odd = [a for a in said if a != ENVELOPED and a not in C14N]
    if odd:
        words = f"got the transform {odd[0]!r}, allowed: enveloped-signature and a canonical form"
        yield Fault(reason="signature.transform", words=words)
    elif not said or said[0] != ENVELOPED or said.count(ENVELOPED) != 1 or len(said) > 2:
        words = f"got {[_short(a) for a in said]}, allowed: enveloped-signature, then one canonical form"
        yield Fault(reason="signature.transform", words=words)


def _names(alert: etree._Element, name: str) -> bool:
    """Whether an Id is that of the alert itself."""
    return bool(name) and any(alert.get(key) == name for key in _IDS)


def _method(info: etree._Element) -> tuple[str, list[Fault]]:
    node = info.find(f"{{{DSIG}}}SignatureMethod")
    uri = _algorithm(node)
    if uri in METHODS:
        if node is not None and len(node):
            words = f"got {local(node[0])!r} in the signature method, allowed: nothing"
            return METHODS[uri], [Fault(reason="signature.structure", words=words)]
        return METHODS[uri], []
    short = _short(uri)
    if "hmac" in short:
        words = f"got {short!r}: whoever can check such a signature can make it, allowed: {_allowed(METHODS)}"
        return short, [Fault(reason="signature.method-symmetric", words=words)]
    if any(weak in short for weak in _WEAK):
        words = f"got {short!r}, which can be forged, allowed: {_allowed(METHODS)}"
        return short, [Fault(reason="signature.method-weak", words=words, fatal=short != "rsa-sha1")]
    words = f"got {uri!r}, allowed: {_allowed(METHODS)}"
    return short if uri else "none", [
        Fault(reason="signature.method-unknown", words=words, status="unsupported" if uri else "refused")
    ]


def _digest(reference: etree._Element | None) -> tuple[str, list[Fault]]:
    if reference is None:
        return "none", []
    uri = _algorithm(reference.find(f"{{{DSIG}}}DigestMethod"))
    if uri in DIGESTS:
        return DIGESTS[uri], []
    short = _short(uri)
    if any(weak in short for weak in _WEAK):
        words = f"got {short!r}, which can be forged, allowed: {_allowed(DIGESTS)}"
        return short, [Fault(reason="signature.digest-weak", words=words, fatal=short != "sha1")]
    words = f"got {uri!r}, allowed: {_allowed(DIGESTS)}"
    return short, [
        Fault(reason="signature.digest-unknown", words=words, status="unsupported" if uri else "refused")
    ]


def _allowed(names: dict[str, str]) -> str:
    return ", ".join(names.values())


def _key(info: etree._Element | None) -> tuple[tuple[bytes, ...], str, list[Fault]]:
    texts: list[str] = []
    bare = False
    if info is not None:
        texts = [n.text or "" for n in info.iterfind(f"{{{DSIG}}}X509Data/{{{DSIG}}}X509Certificate")]
        bare = any(local(n) in ("KeyValue", "DEREncodedKeyValue") for n in info)
    if not texts:
        if bare:
            words = "got a bare KeyValue, allowed: a certificate (a bare key names nobody)"
            return (), "KeyValue", [Fault(reason="signature.key-value-only", words=words, fatal=False)]
        words = "got no certificate and no key, allowed: an X509Certificate"
        fault = Fault(reason="signature.key-missing", words=words, status="unsupported")
        return (), "none", [fault]
    if len(texts) > MOST_CERTIFICATES:
        words = f"got {len(texts)} certificates, allowed: {MOST_CERTIFICATES}"
        return (), "X509", [Fault(reason="signature.structure", words=words)]
    faults: list[Fault] = []
    certificates = []
    for text in texts:
        said = base64_fault(text)
        if said == _NO_BASE64:
            words = "the certificate is not base64"
            return (
                (),
                "X509",
                [Fault(reason="signature.certificate-unreadable", words=words, status="unsupported")],
            )
        if said is not None:
            faults.append(Fault(reason="signature.base64", words=f"X509Certificate: {said}", fatal=False))
        certificates.append(base64.b64decode(_bare(text)))
    return tuple(certificates), "X509", faults


_NO_BASE64 = "got other characters or a wrong length, allowed: base64"


def _bare(text: str) -> str:
    return "".join(text.split())


def base64_fault(text: str) -> str | None:
    """What is wrong with a base64 text, white space aside; None when it is the only way to write its bytes.

    Two texts that differ only in unused bits decode to the same bytes: who compares texts sees two
    signatures, who decodes sees one.

    Examples
    --------
    >>> base64_fault("AQ==") is None
    True
    >>> base64_fault("AR==")
    'got unused bits that are not zero, allowed: the canonical form'
    """
    bare = _bare(text)
    if not bare or not _BASE64.fullmatch(bare) or len(bare) % 4:
        return _NO_BASE64
    try:
        again = base64.b64encode(base64.b64decode(bare, validate=True)).decode()
    except binascii.Error:
        return _NO_BASE64
    return None if again == bare else "got unused bits that are not zero, allowed: the canonical form"


def signed_outside(root: etree._Element) -> bool:
    """Whether a document has a Signature that belongs to no alert in it, or one that holds an alert."""
    if local(root) == "alert":
        return False
    return any(
        all(local(above) != "alert" for above in node.iterancestors())
        for node in root.iter(f"{{{DSIG}}}Signature")
    )


def alert_documents(root: etree._Element) -> Iterator[etree._Element]:
    """Every alert of a document as a document of its own, wherever a reader would find one."""
    from tocsin.cap.containers import alert_elements

    for node in alert_elements(root):
        yield etree.fromstring(etree.tostring(node, with_tail=False), _PARSER)


_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
