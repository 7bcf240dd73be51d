"""Whose key is whose: the registry of authorities' certificates, and what it says of one signature.

A signature proves that somebody who had a key wrote these bytes. Only the registry says who that is. It is a
TOML file beside the certificates that it names; people put an authority into it after they have compared the
fingerprint by another way. An unknown key is never trusted, however good the mathematics.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tocsin.cap.certificate import Certificate, pem_certificates
from tocsin.model.errors import ConfigError
from tocsin.model.time import iso, require_utc

FILE = "authorities.toml"
"""Name of the registry in its folder."""


class Kind(StrEnum):
    """What a registered certificate stands for."""

    CERTIFICATE = "certificate"  # exactly this one
    PUBLIC_KEY = "public-key"  # any certificate with its key: a renewal keeps the trust
    ISSUER = "issuer"  # certificates that it issued, of the names given


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """One certificate by which an authority is known.

    Parameters
    ----------
    kind : Kind
        How it is compared.
    certificate : Certificate
        Of the signer, or of its issuer.
    names : tuple of str
        For an issuer: host or common names, as written, of the certificates that count.
    valid_from, valid_until : datetime or None
        Window of trust, narrower than the certificate's own.
    revoked_at : datetime or None
        From this receipt on it is not trusted.
    revoked_because : str
        Why.
    """

    kind: Kind
    certificate: Certificate
    names: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked_at: datetime | None = None
    revoked_because: str = ""

    def is_of(self, found: Certificate) -> bool:
        """Whether a signature's certificate is meant."""
        ours = self.certificate
        if self.kind is Kind.CERTIFICATE:
            return found.fingerprint == ours.fingerprint
        if self.kind is Kind.PUBLIC_KEY:
            return found.key_hash == ours.key_hash
        return bool(set(self.names) & set(found.names)) and found.issued_by(ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Somebody who may warn, and how they are known.

    Parameters
    ----------
    id, name : str
        For programs and for people.
    senders : tuple of str
        CAP senders for which it signs; ``*`` and ``?`` stand for any letters.
    keys : tuple of TrustedKey
        Present and past.
    require_signature : bool
        Whether what says to be from one of these senders must be signed and trusted.
    sources : tuple of str
        Feeds that carry this authority only: there, any other sender is not trusted either.
    """

    id: str
    name: str
    senders: tuple[str, ...]
    keys: tuple[TrustedKey, ...] = ()
    require_signature: bool = False
    sources: tuple[str, ...] = ()

    def speaks_as(self, sender: str) -> bool:
        """Whether a CAP sender is this authority's."""
        return any(fnmatchcase(sender, _pattern(pattern)) for pattern in self.senders)

    def resembles(self, sender: str) -> bool:
        """Whether a CAP sender is not this authority's, but may be taken for it by somebody who reads it."""
        if self.speaks_as(sender):
            return False
        seen = seen_as(sender)
        return any(fnmatchcase(seen, _pattern(seen_as(pattern))) for pattern in self.senders)


def _pattern(said: str) -> str:
    return said.replace("[", "[[]")  # only * and ? stand for anything


_LOOKS = str.maketrans(
    # Cyrillic, Greek, Armenian and other letters, and digits, that are drawn like these letters.
    "аеорсухіјѕԁһԛԝкмтвнοανικρτυχεηγıɑɡօսո01",
    "aeopcyxijsdhqwkmtbhoavikptuxenyiagounol",
)


def seen_as(sender: str) -> str:
    """A sender as a hurried reader sees it: no case, accents, blanks, last dots, nor what is not drawn.

    Examples
    --------
    >>> seen_as("Desk@EXAMPLE.org. ") == seen_as("d\u0435sk@examp1e.org\u200b")
    True
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", sender).casefold())
    kept = "".join(c for c in plain if unicodedata.category(c) not in _NOT_SEEN)
    return kept.translate(_LOOKS).rstrip(".")


_NOT_SEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the registry says of one key, for one sender, at one time.

    Parameters
    ----------
    reason : str
        ``trust.registered`` or why not: ``trust.unknown-key``, ``trust.revoked`` …
    words : str
        The same for people.
    authority : str or None
        Whose key it is.
    """

    reason: str
    words: str
    authority: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether it may be relied on."""
        return self.reason == TRUSTED


TRUSTED = "trust.registered"
UNKNOWN_KEY = "trust.unknown-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Authorities and their certificates.

    Parameters
    ----------
    authorities : tuple of Authority
        In the order of the file.

    Examples
    --------
    >>> Registry().requires("desk@example.org", source="cap_atom") is None
    True
    """

    authorities: tuple[Authority, ...] = ()

    def requires(self, sender: str, *, source: str = "") -> Authority | None:
        """The authority whose policy asks for a trusted signature on such a message; None when none does.

        Whose feed it is comes first, then whose sender it is, then who may be mistaken for its sender.
        """
        asking = [one for one in self.authorities if one.require_signature]
        owners = [one for one in asking if source and source in one.sources]
        speaking = [one for one in owners or asking if one.speaks_as(sender)]
        alike = [one for one in asking if one.resembles(sender)]
        return next(iter((*speaking, *owners, *alike)), None)

    def judge(
        self, certificate: Certificate, *, sender: str, sent: datetime | None, received: datetime
    ) -> Judged:
        """Say whether this certificate may speak for this sender, at the time of receipt.

        Parameters
        ----------
        certificate : Certificate
            Whose key made the signature.
        sender : str
            As the message says.
        sent : datetime or None
            As the message says; the date of a stolen key can be set back, so it is not enough alone.
        received : datetime
            When we got it.
        """
        require_utc(received, "received")
        known = [(a, key) for a in self.authorities for key in a.keys if key.is_of(certificate)]
        if not known:
            return Judged(
                reason=UNKNOWN_KEY,
                words=f"the certificate {certificate.fingerprint[:16]} is not in the registry: "
                "the message is whole, but who signed it is not known",
            )
        speaking = [(a, key) for a, key in known if a.speaks_as(sender)]
        revoked = self._revoked(certificate, received)
        if revoked is not None:
            return revoked  # however it is registered besides: as an issuer's, as a key, by somebody else
        if not speaking:
            alike = next((a for a, _ in known if a.resembles(sender)), None)
            if alike is not None:
                return Judged(
                    reason="trust.sender-alike",
                    words=f"got sender {sender!a}, which only looks like one of {alike.name}: "
                    f"{', '.join(alike.senders)}",
                    authority=alike.id,
                )
            owner = known[0][0]
            return Judged(
                reason="trust.other-authority",
                words=f"the key of {owner.name} signs for {', '.join(owner.senders)}, got sender {sender!r}",
                authority=owner.id,
            )
        judged = [_judge(a, key, certificate, sent, received) for a, key in speaking]
        return next((j for j in judged if j.trusted), judged[0])

    def _revoked(self, certificate: Certificate, received: datetime) -> Judged | None:
        """That the key is revoked under any of its certificates: whoever stole it can make further ones."""
        for one in self.authorities:
            for key in one.keys:
                if key.revoked_at is None or received < key.revoked_at:
                    continue
                same = key.kind is not Kind.ISSUER and key.certificate.key_hash == certificate.key_hash
                if same or key.is_of(certificate):
                    words = f"{one.name}: {_revocation(key)}"
                    return Judged(reason="trust.revoked", words=words, authority=one.id)
        return None


def _revocation(key: TrustedKey) -> str:
    since = "" if key.revoked_at is None else iso(key.revoked_at)
    return f"the key was revoked at {since}: {key.revoked_because}"


def _judge(
    authority: Authority, key: TrustedKey, found: Certificate, sent: datetime | None, received: datetime
) -> Judged:
    for reason, words in _objections(key, found, sent, received):
        return Judged(reason=reason, words=f"{authority.name}: {words}", authority=authority.id)
    return Judged(reason=TRUSTED, words=f"signed by {authority.name}", authority=authority.id)


def _objections(
    key: TrustedKey, found: Certificate, sent: datetime | None, received: datetime
) -> Iterator[tuple[str, str]]:
    if key.revoked_at is not None and received >= key.revoked_at:
        yield "trust.revoked", _revocation(key)
    if sent is None:
        yield "trust.sent-unknown", "the message does not say when it was sent"
        return
    for what, moment in (("received", received), ("sent", sent)):
        if moment < found.not_before:
            yield (
                "trust.certificate-not-yet-valid",
                f"{what} at {iso(moment)}, the certificate is valid from {iso(found.not_before)}",
            )
        if moment > found.not_after:
            yield (
                "trust.certificate-expired",
                f"{what} at {iso(moment)}, the certificate was valid until {iso(found.not_after)}",
            )
        early = key.valid_from is not None and moment < key.valid_from
        late = key.valid_until is not None and moment >= key.valid_until
        if early or late:
            yield "trust.outside-window", f"{what} at {iso(moment)}, outside the window of the registry"
    if key.kind is Kind.ISSUER:
        above = key.certificate
        if not above.not_before <= received <= above.not_after:
            yield "trust.certificate-expired", f"the issuer's certificate does not hold at {iso(received)}"
    if not found.signs:
        yield "trust.key-usage", "the certificate is not made out for signatures"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Word = Annotated[str, Field(min_length=1)]


class _Key(_Table):
    file: _Word
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    kind: Literal["certificate", "public-key", "issuer"] = "certificate"
    names: tuple[_Word, ...] = ()
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    revoked_because: str = ""


class _Authority(_Table):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    name: _Word
    senders: Annotated[tuple[_Word, ...], Field(min_length=1)]
    require_signature: bool = False
    sources: tuple[_Word, ...] = ()
    key: tuple[_Key, ...] = ()


class _File(_Table):
    authority: tuple[_Authority, ...] = ()


def read_registry(path: Path) -> Registry:
    """Read a registry with the certificates that it names.

    Parameters
    ----------
    path : Path
        The file, or a folder that holds one of the name :data:`FILE`.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed; also when a certificate is not the one whose
        fingerprint stands in the registry, or a file lies outside its folder.
    """
    path = path / FILE if path.is_dir() else path
    try:
        found = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), "file", str(error), "a registry of authorities in TOML") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(str(path), key, first["input"], first["msg"]) from error
    ids = [a.id for a in found.authority]
    again = next((i for i in ids if ids.count(i) > 1), None)
    if again is not None:
        raise ConfigError(str(path), "authority.id", again, "each id once")
    return Registry(authorities=tuple(_authority(path, a) for a in found.authority))


def _authority(path: Path, said: _Authority) -> Authority:
    keys = tuple(_key(path, f"authority.{said.id}.key.{i}", key) for i, key in enumerate(said.key))
    return Authority(
        id=said.id,
        name=said.name,
        senders=said.senders,
        keys=keys,
        require_signature=said.require_signature,
        sources=said.sources,
    )


def _key(path: Path, where: str, said: _Key) -> TrustedKey:
    folder = path.parent.resolve()
    file = (folder / said.file).resolve()
    if not file.is_relative_to(folder):
        raise ConfigError(str(path), f"{where}.file", said.file, "a file in the folder of the registry")
    try:
        certificates = pem_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"{where}.file", said.file, f"a certificate in PEM ({error})") from error
    if len(certificates) != 1:
        raise ConfigError(str(path), f"{where}.file", f"{len(certificates)} certificates", "one")
    certificate = certificates[0]
    if certificate.fingerprint != said.sha256:
        raise ConfigError(str(path), f"{where}.sha256", said.sha256, certificate.fingerprint)
    if certificate.weak is not None:
        raise ConfigError(str(path), f"{where}.file", certificate.weak, "a certificate with a strong key")
    if (said.kind == "issuer") != bool(said.names):
        raise ConfigError(
            str(path), f"{where}.names", list(said.names), "names for an issuer, and only for an issuer"
        )
    if said.revoked_at is not None and not said.revoked_because:
        raise ConfigError(str(path), f"{where}.revoked_because", "", "a reason: the key is revoked")
    window = (said.valid_from, said.valid_until)
    if None not in window and window[0] >= window[1]:  # type: ignore[operator]  # both are given here
        raise ConfigError(str(path), f"{where}.valid_until", str(window[1]), "after valid_from")
    return TrustedKey(
        kind=Kind(said.kind),
        certificate=certificate,
        names=said.names,
        valid_from=_utc(said.valid_from),
        valid_until=_utc(said.valid_until),
        revoked_at=_utc(said.revoked_at),
        revoked_because=said.revoked_because,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else require_utc(moment, "moment")
