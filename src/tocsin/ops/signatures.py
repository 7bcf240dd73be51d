"""Signatures on the way out and on the way in: each made once, judged once, and kept.

*Out*: a message is signed when it is rendered for the outbox, inside the transaction that issues it. The
bytes are kept under their hash and served unchanged ever after, by every channel, the feed and the page.
*In*: each message of another authority is judged when it comes, by the registry of that moment. The verdict
is kept with the fingerprint of the certificate; the same message that comes again keeps its first verdict.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.cap.signature import Examined, Verdict, verify
from tocsin.cap.signing import sign
from tocsin.cap.trust import Registry, read_registry
from tocsin.feeds import Feed
from tocsin.feeds.contract import Locate, Parsed
from tocsin.feeds.rejected import Rejected
from tocsin.model import (
    Alert,
    AuthorityError,
    ConfigError,
    Decision,
    Event,
    Raw,
    Role,
    Source,
    WarnError,
    to_plain,
)
from tocsin.model.record import decision_id
from tocsin.ops import keys
from tocsin.ops.config import read_settings
from tocsin.ops.office import Office
from tocsin.ops.signers import within
from tocsin.store.backup import holds_private_key

SENT = "sent_message"
"""Kind of the records that name the bytes of a message of ours."""
RECEIVED = "signature"
"""Kind of the records that hold the verdict on a message of somebody else."""
NO_KEY = "no key ring is set: messages go out unsigned"

_MAX_BYTES = 50_000_000


def sealing(office: Office, *, at: datetime) -> Callable[[Alert, bytes], bytes]:
    """What makes the final bytes of a message when it is issued: signs them if it can, and keeps them.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime
        Moment of issue.
    """

    def seal(alert: Alert, content: bytes) -> bytes:
        return _seal(office, alert, content, at)

    return seal


def _seal(office: Office, alert: Alert, content: bytes, at: datetime) -> bytes:
    before = sent_bytes(office, alert.id)
    if before is not None:
        return before  # a repeat says what was said, byte for byte
    body, key, fingerprint, why = content, "", "", ""
    try:
        body, key, fingerprint = _signed(office, content, at)
    except Exception as error:  # a key service in trouble must not keep a warning in the house
        why = str(error) if isinstance(error, ConfigError | WarnError) else f"{type(error).__name__}: {error}"
        if read_settings(office.path).signing.required:
            raise WarnError(
                f"{alert.id}: signature: got none ({why}), allowed: a signed message (signing.required in "
                "tocsin.toml); an administrator can mend the key ring"
            ) from error
    raw = Raw(source="desk", url=alert.id, fetched_at=at, media_type="application/cap+xml", content=body)
    sha = office.store.keep_raw(raw)
    note = {
        "id": alert.id,
        "at": at,
        "sha256": sha,
        "signed": bool(key),
        "key": key,
        "certificate": fingerprint,
        "reason": why,
    }
    office.store.put(SENT, alert.id, note, known_at=at, revision=0)
    if key or why != NO_KEY:
        reason = f"sha256:{sha} signed by certificate sha256:{fingerprint}" if key else f"not signed: {why}"
        office.store.journal(
            Decision(
                id=decision_id(alert.id, "sign", at, "system"),
                at=at,
                actor="system",
                role=Role.SYSTEM,
                action="sign" if key else "sign.failed",
                subject=alert.id,
                content_hash=alert.content_hash,
                reason=reason,
            )
        )
    return body


def _signed(office: Office, content: bytes, at: datetime) -> tuple[bytes, str, str]:
    ring = keys.ring_of(office)
    if ring is None:
        raise WarnError(NO_KEY)
    key = ring.current(at)
    if key is None:
        raise ConfigError("key ring", "key", "none that may sign now", "a published key within its dates")
    if keys.revoked_on_record(office, key.id):  # somebody put an older ring back
        raise ConfigError("key ring", key.id, "a key that is revoked on record", "one that is not")
    found, chain = ring.certificate(key.id), ring.chain(key.id)
    body = within(lambda: sign(content, ring.signer(key), chain, at=at))
    return body, key.id, found.fingerprint


def sign_file(office: Office, content: bytes, *, at: datetime) -> bytes:
    """Sign a message that is no warning: a test, an exercise, a draft.

    Raises
    ------
    AuthorityError
        For an Actual message: it is signed when it is issued, after a second officer has approved it.
    """
    from tocsin import cap

    alert, _ = cap.parse(content)
    if alert.status == "Actual":
        raise AuthorityError(
            f"{alert.identifier}: status: got Actual, allowed here: Exercise, System, Test, Draft; a "
            "warning is signed when it is issued, after a second officer approved it"
        )
    return _signed(office, content, at)[0]


def sent_bytes(office: Office, alert: str, at: datetime | None = None) -> bytes | None:
    """The bytes of a message as they were sent; None when it was never rendered for anybody."""
    note = office.store.get(SENT, alert, at)
    return None if note is None else office.store.raw(note["sha256"]).content


def state(office: Office, now: datetime) -> dict[str, Any]:
    """Whether what goes out is signed, and whether what comes in can be trusted, for status and doctor."""
    faults: list[str] = []
    key, signs = None, False
    try:
        ring = keys.ring_of(office)
        if ring is not None:
            key = ring.current(now)
            if key is None:
                faults.append("the key ring has no key that may sign now")
            else:
                ring.signer(key)
                ring.certificate(key.id)
                signs = not keys.revoked_on_record(office, key.id)
            faults += keys.differences(office, ring)
            faults += [
                f"key {k.id} is to sign from {k.valid_from:%Y-%m-%d} on and is not published"
                for k in ring.keys
                if k.state(now) == "unpublished"
            ]
    except ConfigError as error:
        ring = None
        faults.append(str(error))
    registry, trust = None, None
    try:
        registry = registry_of(office)
    except ConfigError as error:
        trust = str(error)
    private = sorted(
        file.name for file in (office.path / "trust").glob("*.pem") if holds_private_key(file.read_bytes())
    )
    if private:
        trust = f"trust/{private[0]} holds a private key, which is in no backup: it belongs into the key ring"
    known = 0 if registry is None else sum(bool(a.keys) for a in registry.authorities if a.id != "this-desk")
    unsigned = [n for n in office.store.list(SENT, at=now) if not n["signed"]]
    return {
        "signs": signs,
        "key": None if key is None else key.id,
        "until": None if key is None else to_plain(key.valid_until),
        "words": "; ".join(faults) or (NO_KEY if ring is None else f"key {key.id if key else ''} signs"),
        "faults": faults,
        "unsigned": len(unsigned),
        "authorities": known,
        "trust": trust or (f"{known} authorities are known by their certificates" if known else
                           "no authority is registered: no signature is trusted"),
        "trust_fault": trust is not None,
    }  # fmt: skip


def registry_of(office: Office, path: Path | None = None) -> Registry:
    """The registry of a store, with this desk's own published keys.

    Parameters
    ----------
    path : Path or None
        Another registry than the one that is set.

    Raises
    ------
    ConfigError
        When it is set and cannot be read.
    """
    said = read_settings(office.path).trust.registry
    found = Registry()
    if path is not None:
        found = read_registry(path)
    elif said:
        found = read_registry(office.path / Path(said).expanduser())
    own = keys.ourselves(office)
    return found if own is None else Registry(authorities=(*found.authorities, own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The verdicts on the messages of one document, and the policy that they meet.

    Parameters
    ----------
    verdicts : mapping of (str, str) to mapping
        Records by sender and identifier; a joined text could be split in two ways.
    registry : Registry
        Of this moment.
    source : str
        Feed that carried them.
    """

    verdicts: Mapping[tuple[str, str], Mapping[str, Any]]
    registry: Registry
    source: str

    def refusal(self, sender: str, identifier: str) -> str | None:
        """Why a message does not meet the policy of its authority; None where it does or there is none."""
        policy = self.registry.requires(sender, source=self.source)
        found = self.verdicts.get((sender, identifier))
        if policy is None:
            return None
        if found is None or found["status"] != "valid-trusted":
            why = "no signature was found" if found is None else f"{found['words']} ({found['reason']})"
        elif policy.speaks_as(sender) or found["authority"] == policy.id:
            return None
        else:
            why = f"got one of {found['authority']}"
        if policy.resembles(sender):
            why = f"got sender {sender!a}, which only looks like one of its own; {why}"
        return f"{policy.name} signs its messages: {why}"


def receive(office: Office, raw: Raw, *, at: datetime, surely: bool = False) -> Received | None:
    """Judge the messages of a document that came, and keep the verdicts; None where it seems to hold none.

    That is seen from the bytes, and so only where they are in letters of ASCII: whoever then finds messages
    all the same asks again with ``surely``, for a policy must not be passed by another encoding. A registry
    that cannot be read gives no trust, and is a fault that the doctor shows.
    """
    content = raw.content
    seems = b"alert" in content and content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if not seems and not surely:
        return None
    try:
        registry = registry_of(office)
    except ConfigError:
        registry = Registry()
    examined = verify(content, received=at, registry=registry, max_bytes=_MAX_BYTES)
    document = raw.sha256  # once: it is computed anew each time
    kept: dict[tuple[str, str], Mapping[str, Any]] = {}
    with office.store.transaction():  # one for all: each would wait for the disk by itself
        for one in examined:
            if not one.identifier:
                continue
            record = _kept(office, one, raw.source, document, at)
            name = (one.sender, one.identifier)
            # Two messages of one name: the better signed one must not lend its trust to the other.
            if name not in kept or record["status"] != "valid-trusted":
                kept[name] = record
    return Received(verdicts=kept, registry=registry, source=raw.source)


def _kept(office: Office, one: Examined, source: str, document: str, at: datetime) -> Mapping[str, Any]:
    # The same bytes from another feed are another receipt: its policy may be another.
    key = hashlib.sha256(f"{source}\x1f{one.sha256}".encode()).hexdigest()
    before: Mapping[str, Any] | None = office.store.get(RECEIVED, key)
    if before is not None:
        return before
    record = {
        "id": key,
        "sender": one.sender,
        "identifier": one.identifier,
        "sent": None if one.sent is None else to_plain(one.sent),
        "source": source,
        "raw": document,
        **plain(one.best),
        "signatures": len([v for v in one.verdicts if v.place]),
    }
    office.store.put(RECEIVED, key, record, known_at=at, revision=0)
    return record


def plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict in plain types."""
    found: dict[str, Any] = to_plain(verdict)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A feed whose events say what their signatures are worth; what is forged ends nothing.

    Parameters
    ----------
    feed : Feed
        As it is.
    received : Received
        Verdicts on the document that it is to read.
    refused : list of Rejected
        Filled when it reads: endings of warnings that nobody trustworthy said.
    """

    feed: Feed
    received: Received
    refused: list[Rejected]

    @property
    def SOURCE(self) -> Source:  # noqa: N802 - as the feed has it
        """Of the feed."""
        return self.feed.SOURCE

    def parse(self, raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
        """As the feed reads it, each event with the verdict on its message."""
        parsed = self.feed.parse(raw, known_at=known_at, locate=locate)
        events = [told for event in parsed.events if (told := self._told(event)) is not None]
        return replace(parsed, events=tuple(events))

    def _told(self, event: Event) -> Event | None:
        details = event.details
        if event.status == "withdrawn":
            ender = str(details.get("cancelled_by") or details.get("replaced_by") or "")
            why = self._forged(event, str(details.get("by_sender", "")), ender)
            if why is None:
                return event
            words = f"ended by {ender or 'nobody'}: not done: {why}"
            self.refused.append(Rejected(where=f"event {event.id}", error=words, record=to_plain(event)))
            return None
        sender, identifier = str(details.get("sender", "")), str(details.get("identifier", ""))
        found = self.received.verdicts.get((sender, identifier))
        why = self.received.refusal(sender, identifier)
        if found is None and why is None:
            return event
        if why is None and found is not None and found["status"] == "unsigned":
            return event  # nothing was promised, nothing is said: the record of the receipt has it
        said = {**details, "signature": "none" if found is None else found["status"]}
        if why is None:
            return replace(event, details=said)
        return replace(event, title=f"NOT TRUSTED: {event.title}", details={**said, "not_trusted": why})

    def _forged(self, event: Event, sender: str, ender: str) -> str | None:
        """Why an ending is not believed: by its own authority's policy, or by that of what it ends."""
        # The sender is given apart: one with a comma in it could pass for another one's identity.
        identifier = _SENT.sub("", ender.removeprefix(f"{sender},"))
        why = self.received.refusal(sender, identifier)
        if why is not None:
            return why
        owner = str(event.details.get("sender") or event.external_id.partition(",")[0])
        policy = self.received.registry.requires(owner, source=self.received.source)
        if policy is None:
            return None
        found = self.received.verdicts.get((sender, identifier))
        trusted = found is not None and found["status"] == "valid-trusted"
        own = found is not None and (policy.speaks_as(sender) or found["authority"] == policy.id)
        return None if trusted and own else f"{policy.name} signs what ends its messages"


_SENT = re.compile(r",\d{8}T\d{6}Z$")
"""End of the identity of a message that says when it was sent."""
