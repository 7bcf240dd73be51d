"""Anchors: the heads of journal and seals at a moment, signed, and kept where the database is not.

A chain of hashes cannot show that its end was cut off, or that all of it was written anew. Somebody who
kept its head can. An anchor is one line of JSON with sorted keys; each names the SHA-256 of the line before
it. The signature is over the line without its field ``signature``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tocsin.govern.audit.finding import Findings, Kind
from tocsin.model import StoreError, from_plain, iso, require_utc, to_plain

FORMAT = "tocsin-anchor/1"
BEGIN = "0" * 64
"""What the first anchor names as the line before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How long journal and seals are, and the hashes of their last entries."""

    entries: int
    head: str
    seals: int
    seal_head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The record at one moment.

    Parameters
    ----------
    at : datetime
        When it was taken.
    entries, seals : int
        How many there were.
    head, seal_head : str
        Hashes of the last ones.
    prev : str
        SHA-256 of the line of the anchor before.
    key : str or None
        Id of the key that signed; None where none was set up.
    method : str or None
        ``rsa-sha256`` (PKCS #1 v1.5) or ``ecdsa-sha256`` (DER).
    signature : str or None
        Base64.
    format : str
        Of the line.

    Examples
    --------
    >>> from datetime import UTC
    >>> one = Anchor(at=datetime(2001, 3, 1, tzinfo=UTC), entries=0, head="", seals=0, seal_head="", prev="")
    >>> read_anchors([one.line]) == (one,)
    True
    """

    at: datetime
    entries: int
    head: str
    seals: int
    seal_head: str
    prev: str = BEGIN
    key: str | None = None
    method: str | None = None
    signature: str | None = None
    format: str = FORMAT

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", require_utc(self.at, "at"))
        if self.format != FORMAT:
            raise ValueError(f"format: got {self.format!r}, allowed: {FORMAT}")
        if len({self.key is None, self.method is None}) != 1:
            raise ValueError("key, method: got one of them, allowed: both or neither")

    @property
    def line(self) -> str:
        """The anchor as it is kept."""
        return _canonical(to_plain(self))

    @property
    def hash(self) -> str:
        """SHA-256 of the line: what the next anchor and the journal name."""
        return hashlib.sha256(self.line.encode()).hexdigest()

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        plain = to_plain(replace(self, signature=None))
        del plain["signature"]
        return _canonical(plain).encode()

    @property
    def name(self) -> str:
        """For people."""
        return f"anchor of {iso(self.at)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorKey:
    """A key by which anchors are signed, and when it may.

    Parameters
    ----------
    id : str
        As anchors name it.
    public_key : bytes
        SubjectPublicKeyInfo in DER.
    valid_from, valid_until : datetime or None
        Window in which it signs.
    revoked_at : datetime or None
        From then on nothing that it signed counts; what says to be earlier may have been dated back by
        whoever has the key, and is noted.
    reason : str
        Why it was revoked.
    """

    id: str
    public_key: bytes
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked_at: datetime | None = None
    reason: str = ""


def read_anchors(lines: Iterable[str], *, name: str = "anchors") -> tuple[Anchor, ...]:
    """Read anchors, one a line; a last line that was torn by a kill is left out, as it was never told.

    Raises
    ------
    StoreError
        When a line is no anchor: the file is not what was written.
    """
    found: list[Anchor] = []
    texts = list(lines)
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            plain = json.loads(text)
            if not isinstance(plain, dict):
                raise TypeError("no object")
            anchor = from_plain(Anchor, plain)
            if anchor.line != text.rstrip("\r\n"):
                raise ValueError("other spelling than was written")
        except (ValueError, TypeError, KeyError) as error:
            if number == len(texts) and not text.endswith("\n"):
                break
            raise StoreError(
                f"{name}: line {number}: got {text[:60]!r} ({error}), allowed: an anchor as "
                "'tocsin govern audit anchor' writes it; take the copy that is kept elsewhere"
            ) from error
        found.append(anchor)
    return tuple(found)


def judge_anchors(
    anchors: Sequence[Anchor], keys: Mapping[str, AnchorKey], findings: Findings
) -> tuple[Anchor, ...]:
    """Judge anchors among themselves: order, signatures; give those that may be relied on.

    Parameters
    ----------
    anchors : sequence of Anchor
        In the order of their file.
    keys : mapping
        By id.
    findings : Findings
        Where faults go.
    """
    good: list[Anchor] = []
    unsigned: list[Anchor] = []
    before: Anchor | None = None
    for anchor in anchors:
        if before is not None:
            _after(anchor, before, findings)
        if _signed(anchor, keys, findings):
            good.append(anchor)
            if anchor.key is None:
                unsigned.append(anchor)
        before = anchor
    if unsigned:
        findings.note(
            Kind.UNSIGNED,
            f"{len(unsigned)} of {len(anchors)} anchors, the last of {iso(unsigned[-1].at)}",
            found="no signature: they prove as much as the place where they are kept",
            expected="one",
        )
    return tuple(good)


def _after(anchor: Anchor, before: Anchor, findings: Findings) -> None:
    if anchor.prev != before.hash:
        findings.add(
            Kind.LOST_ANCHOR,
            anchor.name,
            found=f"that it follows {anchor.prev[:16]}",
            expected=f"that it follows the {before.name}, {before.hash[:16]}",
        )
    if anchor.at < before.at:
        findings.add(Kind.BACKWARDS, anchor.name, found=iso(anchor.at), expected=f"{iso(before.at)} or later")
    if anchor.entries < before.entries or anchor.seals < before.seals:
        findings.add(
            Kind.FORGED,
            anchor.name,
            found=f"{anchor.entries} entries, {anchor.seals} seals",
            expected=f"{before.entries} and {before.seals} or more, as the {before.name} says",
        )


def _signed(anchor: Anchor, keys: Mapping[str, AnchorKey], findings: Findings) -> bool:
    """Whether an anchor may be relied on by its signature; one without may, where no key was there."""
    if anchor.key is None or anchor.signature is None or anchor.method is None:
        had = [k.id for k in keys.values() if k.valid_from is not None and k.valid_from <= anchor.at]
        if anchor.key is not None or had:
            signer = anchor.key or had[0]
            findings.add(Kind.FORGED, anchor.name, found="no signature", expected=f"that of the key {signer}")
            return False
        return True
    key = keys.get(anchor.key)
    if key is None:
        known = ", ".join(keys) or "none is known"
        findings.add(
            Kind.UNKNOWN_KEY,
            anchor.name,
            found=f"the key {anchor.key}",
            expected=f"a known one: {known}",
        )
        return False
    if not _verifies(anchor, key):
        findings.add(
            Kind.FORGED,
            anchor.name,
            found="a signature of other content",
            expected=f"one by the key {key.id} over this line",
        )
        return False
    return _in_force(anchor, key, findings)


def _in_force(anchor: Anchor, key: AnchorKey, findings: Findings) -> bool:
    """Whether the key might sign then."""
    if key.revoked_at is not None:
        late = anchor.at >= key.revoked_at
        why = f" because {key.reason}" if key.reason else ""
        (findings.add if late else findings.note)(
            Kind.REVOKED_KEY,
            anchor.name,
            found=f"the key {key.id}, revoked at {iso(key.revoked_at)}{why}",
            expected="a key in force" if late else "that nobody else had it, who could date an anchor back",
        )
        if late:
            return False
    early = key.valid_from is not None and anchor.at < key.valid_from
    late = key.valid_until is not None and anchor.at > key.valid_until
    if early or late:
        window = " to ".join("…" if t is None else iso(t) for t in (key.valid_from, key.valid_until))
        findings.add(
            Kind.REVOKED_KEY,
            anchor.name,
            found=f"the key {key.id} outside its time",
            expected=f"a time in {window}",
        )
        return False
    return True


def _verifies(anchor: Anchor, key: AnchorKey) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    try:
        signature = base64.b64decode(anchor.signature or "", validate=True)
        public = serialization.load_der_public_key(key.public_key)
        if anchor.method == "rsa-sha256" and isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, anchor.signed_bytes, padding.PKCS1v15(), hashes.SHA256())
        elif anchor.method == "ecdsa-sha256" and isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, anchor.signed_bytes, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _canonical(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
