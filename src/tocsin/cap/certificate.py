"""What is kept of a certificate: never the name of a person."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

RSA_BITS, EC_BITS = 2048, 256
"""Shortest keys that are relied on."""

_HASHES = frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"})
"""By which an issuer may sign a certificate that counts."""

_HOST = re.compile(r"(?=.*[0-9_.:/])[A-Za-z0-9*_.:/@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The facts of a certificate that a verdict rests on.

    Parameters
    ----------
    subject, issuer : str
        Organisation, country and technical name; a name of mere letters may be a person's and is left out.
    fingerprint, key_hash : str
        SHA-256 of the certificate, and of its public key (SubjectPublicKeyInfo), in hexadecimal digits.
    not_before, not_after : datetime
        Its own dates.
    names : tuple of str
        Host names that it is made out to, and its common name where that is a technical one.
    signs : bool
        Whether it may be used for signatures.
    weak : str or None
        Why its key is too weak; None when it is not.
    der : bytes
        The certificate itself, which is public.
    """

    subject: str
    issuer: str
    fingerprint: str
    key_hash: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    signs: bool
    weak: str | None
    der: bytes

    def loaded(self) -> x509.Certificate:
        """The certificate as the cryptographic library has it."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.der)

    def issued_by(self, issuer: Certificate) -> bool:
        """Whether another certificate's key signed this one, and may sign certificates."""
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        above, below = issuer.loaded(), self.loaded()
        try:
            used = below.signature_hash_algorithm
            if used is not None and used.name not in _HASHES:
                return False  # another certificate of the same hash can be made
            for extension in above.extensions:
                if isinstance(extension.value, x509.KeyUsage) and not extension.value.key_cert_sign:
                    return False
            basic = above.extensions.get_extension_for_class(x509.BasicConstraints).value
            below.verify_directly_issued_by(above)
        except (x509.ExtensionNotFound, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return bool(basic.ca)


@contextmanager
def old_certificates() -> Iterator[None]:
    """Read certificates without a warning about a serial number of zero or below, as old ones have."""
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Parameters
    ----------
    der : bytes
        Its DER form.

    Raises
    ------
    ValueError
        When it is none, or its key is of no kind that is known.
    """
    import hashlib

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        hosts = _hosts(found)
        subject, issuer = _words(found.subject), _words(found.issuer)
        signs = _signs(found)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"certificate: {error}") from None
    return Certificate(
        subject=subject,
        issuer=issuer,
        fingerprint=hashlib.sha256(der).hexdigest(),
        key_hash=hashlib.sha256(spki).hexdigest(),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        names=hosts,
        signs=signs,
        weak=_weak(key),
        der=der,
    )


def pem_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """Read every certificate of a PEM text, in its order.

    Raises
    ------
    ValueError
        When there is none, or one cannot be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    loaded = x509.load_pem_x509_certificates(pem)
    return tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in loaded)


def _words(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    kept = []
    for label, oid in (
        ("CN", NameOID.COMMON_NAME),
        ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
        ("O", NameOID.ORGANIZATION_NAME),
        ("C", NameOID.COUNTRY_NAME),
    ):
        for part in name.get_attributes_for_oid(oid):
            text = str(part.value).strip()
            if label == "CN" and not _HOST.fullmatch(text):
                text = "(not kept)"  # it may be a person's
            kept.append(f"{label}={text}")
    return ", ".join(kept) or "(not kept)"


def _hosts(found: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    names: Iterable[str] = ()
    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternative.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    common = [str(part.value) for part in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(dict.fromkeys([*names, *(c for c in common if _HOST.fullmatch(c))]))


def _signs(found: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True  # without the extension every use is allowed (RFC 5280, 4.2.1.3)
    return bool(usage.digital_signature or usage.content_commitment)


def _weak(key: object) -> str | None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size >= RSA_BITS else f"RSA of {key.key_size} bits, allowed: {RSA_BITS} up"
    if isinstance(key, ec.EllipticCurvePublicKey):
        good = key.key_size >= EC_BITS
        return None if good else f"a curve of {key.key_size} bits, allowed: {EC_BITS} or more"
    return f"{type(key).__name__}, allowed: RSA or an elliptic curve"
