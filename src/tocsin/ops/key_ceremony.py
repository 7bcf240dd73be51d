"""The ceremony of keys: made, published, replaced without a gap, revoked; each step is on the record.

What people do at it stands in the runbook. Here every step holds the ring's lock and asks for an
administrator. The ring is written before the commit that puts the step on record. A kill between the two
leaves a step that holds (a revoked key signs nothing) and is not on record: the doctor says so, and the next
step, or the same one again, puts it on record first.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tocsin.cap.signing import certificate_of, check_fits
from tocsin.govern.permissions import Permission, require
from tocsin.model import ConfigError, ConflictError, Decision, iso
from tocsin.model.record import decision_id
from tocsin.ops import keys
from tocsin.ops.commands import Actor
from tocsin.ops.keys import NAME, RING, Key, Ring, read_ring, ring_folder, ring_of, written
from tocsin.ops.office import Office
from tocsin.warn.filing import alone, put

LEAD = timedelta(days=7)
"""From the publication of a new certificate to its first use, unless told otherwise."""


@contextmanager
def _changing(office: Office, actor: Actor, at: datetime) -> Iterator[Ring]:
    """The ring, to be changed by nobody else meanwhile; what a kill kept off the record is on it."""
    require(actor.role, Permission.MAINTAIN_STORE)
    folder = ring_folder(office.path)
    if folder is None:
        raise ConfigError("tocsin.toml", "signing.keyring", "", "a folder outside of the store")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(folder):
        ring = read_ring(folder)
        for key in ring.keys:
            for step in keys.unrecorded(office, key):
                _record(office, ring, key, step, actor, at=at, reason="interrupted: on record only now")
        yield ring


def _keep(
    office: Office, ring: Ring, key: Key, change: str, actor: Actor, *, at: datetime, reason: str = ""
) -> Ring:
    """Put a key into the ring and the change on record: both or, at a fault, neither."""
    others = [k for k in ring.keys if k.id != key.id]
    changed = replace(ring, keys=(*others, key))
    path = ring.folder / RING
    try:
        with office.store.transaction():
            _record(office, ring, key, f"key.{change}", actor, at=at, reason=reason)
            put(path, written(changed))
    except BaseException:
        # What is not on record is not done; only a kill gets by here, and the next start sees it.
        put(path, written(ring))
        raise
    return changed


def _record(
    office: Office, ring: Ring, key: Key, action: str, actor: Actor, *, at: datetime, reason: str
) -> None:
    subject = f"key:{key.id}"
    office.store.journal(
        Decision(
            id=decision_id(subject, action, at, actor.account),
            at=at,
            actor=actor.account,
            role=actor.role,
            action=action,
            subject=subject,
            content_hash=ring.certificate(key.id).fingerprint,
            reason=reason,
        )
    )


def create(
    office: Office,
    name: str,
    actor: Actor,
    *,
    at: datetime,
    start: datetime | None = None,
    days: int = 365,
    method: str = "rsa-sha256",
    reason: str = "",
) -> Key:
    """Make a key in a file, with a certificate that it signs itself and a request for one of an authority.

    Parameters
    ----------
    office : Office
        Store and country; the certificate is made out to the desk's sender.
    name : str
        Id of the key, never used before.
    actor : Actor
        An administrator.
    at : datetime
        Wall time.
    start : datetime or None
        When it is to sign; at once (after it is published) when None.
    days : int
        For how long.
    method : str
        ``rsa-sha256`` (RSA of 3072 bits: what most receivers verify) or ``ecdsa-sha256`` (P-256).

    Raises
    ------
    ConfigError, ConflictError, AuthorityError
        When there is no key ring, the name is taken, or the role may not.
    """
    if not NAME.fullmatch(name):
        raise ConfigError("key ring", "id", name, "small letters, digits, '.', '_' and '-'")
    if not 1 <= days <= 3_660:
        raise ConfigError("key ring", "days", days, "1 to 3660")
    begins = start or at
    key = Key(
        id=name,
        signer="file",
        options={"file": f"{name}.key.pem"},
        valid_from=begins,
        valid_until=begins + timedelta(days=days),
        created_at=at,
    )
    with _changing(office, actor, at) as ring:
        if any(k.id == name for k in ring.keys) or keys.on_record(office, name):
            raise ConflictError(f"key: got {name!r}, which is used, allowed: a new name")
        private, certificate, request = _generate(method, office.pack.sender, key)
        _lay_aside(ring.folder / f"{name}.key.pem")
        _put_private(ring.folder / f"{name}.key.pem", private)
        put(ring.folder / f"{name}.crt.pem", certificate)
        put(ring.folder / f"{name}.csr.pem", request)
        check_fits(ring.signer(key), ring.certificate(name))
        _keep(office, ring, key, "create", actor, at=at, reason=reason)
    return key


def rotate(
    office: Office,
    name: str,
    actor: Actor,
    *,
    at: datetime,
    lead: timedelta = LEAD,
    days: int = 365,
    method: str = "rsa-sha256",
    reason: str = "",
) -> Key:
    """Make the key that follows: it is to sign from ``lead`` on, while the present one still may.

    Raises
    ------
    ConfigError
        When no key signs now, or the present one ends before the new one begins: there would be a gap.
    """
    ring = ring_of(office)
    present = ring.current(at) if ring is not None else None
    if present is None:
        raise ConfigError("key ring", "rotate", "no key that signs now", "one; make it with 'create'")
    if lead < timedelta(0) or present.valid_until < at + lead:
        raise ConfigError(
            "key ring", "lead", str(lead), f"a start before {present.id} ends at {iso(present.valid_until)}"
        )
    return create(office, name, actor, at=at, start=at + lead, days=days, method=method, reason=reason)


def publish(
    office: Office, name: str, actor: Actor, *, at: datetime, chain: bytes | None = None, reason: str = ""
) -> Key:
    """Note that receivers have a key's certificate; from then on, and not before its start, it signs.

    Parameters
    ----------
    chain : bytes or None
        Certificate of an authority for this key (and of its issuers) in PEM, in place of our own.

    Raises
    ------
    ConfigError
        When the certificate is not that of the key, or does not cover the time in which it is to sign.
    """
    with _changing(office, actor, at) as ring:
        key = ring.key(name)
        if key.state(at) in ("revoked", "past"):
            raise ConfigError("key ring", name, key.state(at), "a key that has not ended")
        if chain is not None:
            if key.published_at is not None:
                raise ConflictError(f"{name}: got another certificate, allowed: the published one")
            check_fits(ring.signer(key), certificate_of(chain))
        found = ring.certificate(name) if chain is None else certificate_of(chain)
        if found.not_before > key.valid_from or found.not_after < key.valid_until:
            dates = f"{iso(found.not_before)} to {iso(found.not_after)}"
            wanted = f"{iso(key.valid_from)} to {iso(key.valid_until)}"
            raise ConfigError("key ring", f"{name}: dates of the certificate", dates, wanted)
        if key.published_at is not None:
            return key
        if chain is not None:
            put(ring.folder / f"{name}.crt.pem", chain)
        key = replace(key, published_at=at)
        _keep(office, ring, key, "publish", actor, at=at, reason=reason)
    return key


def revoke(office: Office, name: str, actor: Actor, *, at: datetime, reason: str) -> Key:
    """Let a key sign nothing any more, at once; what it signed before keeps its verdicts.

    Raises
    ------
    ConfigError
        Without a reason.
    """
    if not reason.strip():
        raise ConfigError("key ring", "reason", reason, "why it is revoked, in words")
    with _changing(office, actor, at) as ring:
        key = ring.key(name)
        if key.revoked_at is not None:
            return key
        key = replace(key, revoked_at=at, revoked_because=reason)
        _keep(office, ring, key, "revoke", actor, at=at, reason=reason)
    return key


def _lay_aside(path: Path) -> None:
    """Give a key file that no entry names another name: it is of a step that a kill cut, or of a lost ring.

    It is not deleted, for nobody could make it again; the doctor names it until somebody has looked.
    """
    if path.is_symlink() or path.exists():
        n = next(n for n in itertools.count(1) if not path.with_name(f"{path.name}.unused-{n}").exists())
        path.rename(path.with_name(f"{path.name}.unused-{n}"))


def _put_private(path: Path, content: bytes) -> None:
    """Write a key so that it was never readable by others, and never over another one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _generate(method: str, sender: str, key: Key) -> tuple[bytes, bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if method == "rsa-sha256":
        private = rsa.generate_private_key(65537, 3072)
    elif method == "ecdsa-sha256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        raise ConfigError("key ring", "method", method, ["rsa-sha256", "ecdsa-sha256"])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{sender}/{key.id}"[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # It must cover a message of its first second, and what it signed until it has been received.
        .not_valid_before(key.valid_from - timedelta(days=1))
        .not_valid_after(key.valid_until + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, hashes.SHA256())
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
        request.public_bytes(Encoding.PEM),
    )
