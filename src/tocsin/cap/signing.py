"""Sign our own messages: enveloped, over the whole alert, in the form that most receivers verify.

RSA with SHA-256 or ECDSA on P-256 with SHA-256, exclusive canonical XML, one reference with an empty URI, and
the certificate inside. The private key is somebody else's business: whoever has it is a :class:`Signer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from lxml import etree

from tocsin.cap.certificate import Certificate, pem_certificates
from tocsin.cap.enveloped import signatures_of
from tocsin.cap.secure import local, read_xml
from tocsin.cap.signature import Status, verify
from tocsin.cap.trust import Authority, Kind, Registry, TrustedKey
from tocsin.model.errors import ConfigError, WarnError

METHODS = {"rsa-sha256": "RSA_SHA256", "ecdsa-sha256": "ECDSA_SHA256"}
"""What a signer may do, in our words and in those of signxml."""


class Signer(Protocol):
    """Somebody who has a private key and never gives it away: a file, a smart card, a key service."""

    @property
    def method(self) -> str:
        """``rsa-sha256`` or ``ecdsa-sha256`` (on P-256)."""

    @property
    def public_key(self) -> bytes:
        """The public key as SubjectPublicKeyInfo in DER."""

    def sign(self, data: bytes) -> bytes:
        """Hash the data with SHA-256 and sign that.

        Returns
        -------
        bytes
            For RSA the signature of PKCS #1 v1.5; for ECDSA the two integers as a DER sequence.
        """


def check_fits(signer: Signer, certificate: Certificate) -> None:
    """Let pass a certificate that is made out for a signer's key and may sign.

    Raises
    ------
    ConfigError
        Saying what does not fit.
    """
    import hashlib

    if signer.method not in METHODS:
        raise ConfigError("signer", "method", signer.method, list(METHODS))
    ours = hashlib.sha256(signer.public_key).hexdigest()
    if ours != certificate.key_hash:
        raise ConfigError("signer", "certificate", f"one of the key {certificate.key_hash[:16]}", ours[:16])
    if certificate.weak is not None:
        raise ConfigError("signer", "certificate", certificate.weak, "a strong key")
    if not certificate.signs:
        raise ConfigError("signer", "certificate", "no use for signatures", "digitalSignature")


def sign(content: bytes, signer: Signer, chain: bytes, *, at: datetime) -> bytes:
    """Sign one message and give its new bytes, which are to be kept and passed on unchanged.

    Parameters
    ----------
    content : bytes
        One bare message without a signature.
    signer : Signer
        Who has the key.
    chain : bytes
        The certificate of the key in PEM, and those of its issuers after it, which are put in too.
    at : datetime
        Now; the certificate must hold.

    Returns
    -------
    bytes
        UTF-8. Before they are given, they are verified as a receiver would: a signer that errs is found here.

    Raises
    ------
    WarnError
        When it is no single unsigned message, or what came out does not verify.
    ConfigError
        When the certificate is not that of the key.
    """
    certificates = pem_certificates(chain)
    certificate = certificates[0]
    check_fits(signer, certificate)
    alert = read_xml(content)
    if local(alert) != "alert":
        raise WarnError(f"sign: got {local(alert)!r}, allowed: one bare alert")
    if signatures_of(alert):
        raise WarnError("sign: got a message that is signed, allowed: one without a signature")
    signed = _enveloped(alert, signer, certificates)
    body: bytes = etree.tostring(signed, encoding="UTF-8")
    done = b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"
    _verified(done, certificate, at)
    return done


def _enveloped(alert: etree._Element, signer: Signer, chain: Sequence[Certificate]) -> etree._Element:
    from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
    from signxml.signer import XMLSigner

    engine = XMLSigner(
        signature_algorithm=SignatureMethod[METHODS[signer.method]],
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    key: Any = _Key(signer)
    signed: etree._Element = engine.sign(alert, key=key, cert=[c.loaded() for c in chain])
    return signed


class _Key:
    """A signer in the shape of a private key, as far as signxml asks for one."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.key_size = 256  # of the curve: only asked for with ECDSA, which is on P-256 here

    def sign(self, data: bytes, *_: Any, **__: Any) -> bytes:
        return self._signer.sign(data)


def _verified(content: bytes, certificate: Certificate, at: datetime) -> None:
    """Look at the result as a receiver would who knows exactly this certificate."""
    key = TrustedKey(kind=Kind.CERTIFICATE, certificate=certificate)
    anybody = Authority(id="self", name="this desk", senders=("*",), keys=(key,))
    (found,) = verify(content, received=at, registry=Registry(authorities=(anybody,)))
    verdict = found.best
    if verdict.status is not Status.TRUSTED:
        raise WarnError(f"sign: what was signed does not verify: {verdict.words} ({verdict.reason})")


def certificate_of(chain: bytes) -> Certificate:
    """The first certificate of a PEM text: that of the key.

    Raises
    ------
    ValueError
        When there is none.
    """
    return pem_certificates(chain)[0]
