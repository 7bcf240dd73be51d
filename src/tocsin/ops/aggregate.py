"""Warnings of other authorities as they arrive: kept whole, ended only by whom they may, never overwritten.

A message is (sender, identifier, sent). The same identity with other content is a conflict: both stay and are
shown. A message of one authority cannot end a warning of another. A message that comes after the one that
ended it is known from then on, and is not in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tocsin.cap.chains import Identity
from tocsin.cap.containers import Found
from tocsin.cap.fingerprint import content_fingerprint, fingerprint
from tocsin.feeds import Rejected
from tocsin.feeds.authorities import Register, shipped
from tocsin.feeds.formats.warning import ENDED
from tocsin.model import Event, iso, to_plain
from tocsin.ops.config import read_settings
from tocsin.ops.office import Office
from tocsin.store import Store

MESSAGE = "cap_message"
"""Kind of the record of one message: what it says of itself, and the first receipt of this content."""
CONFLICT = "cap_conflict"
"""Kind of the record of events that share an identity and say different things."""
REFUSED = "cap_refused"
"""Kind of the record of an attempt to end a warning of another authority."""


def register_of(office: Office) -> Register:
    """Authorities that the store's settings name, before those that ship."""
    tables = read_settings(office.path).feeds.authorities
    return shipped().with_(table.noun(name) for name, table in tables.items())


def of_a_message(event: Event) -> bool:
    """Whether an event is what a message of another authority says, or the end of one."""
    return "content" in event.details or "by_sender" in event.details


def settle(office: Office, events: Iterable[Event], register: Register) -> tuple[list[Event], list[Rejected]]:
    """Events of other authorities as they may enter the store.

    Parameters
    ----------
    office : Office
        Store and country.
    events : iterable of Event
        Accepted by the gate, in document order.
    register : Register
        Says which senders are one authority.

    Returns
    -------
    events : list of Event
        Conflicts under names of their own; what was ended stays ended.
    rejected : list of Rejected
        Attempts to end a warning of another authority, for the quarantine.
    """
    kept: list[Event] = []
    last: dict[str, Event] = {}
    rejected: list[Rejected] = []
    for event in sorted(events, key=lambda e: e.known_at):
        details = event.details
        found: Iterable[Event] = (event,)
        if "content" in details and event.status != "withdrawn":
            found = (_arrived(office.store, event, last),)
        elif event.status == "withdrawn" and "by_sender" in details:
            if not register.same(details["by_sender"], details["sender"]):
                rejected += _foreign(office.store, event)
                continue
            found = _ended(office.store, event, last)
        for one in found:
            kept.append(one)
            last[one.id] = one
    return kept, rejected


def _arrived(store: Store, event: Event, last: Mapping[str, Event]) -> Event:
    """A warning: new, known, ended before it came, or another content under a name that is taken."""
    first = event.details.get("conflicts_with", event.id)
    versions = [*store.event_history(first), *([last[first]] if first in last else [])]
    contents = [v.details["content"] for v in versions if "content" in v.details]
    mine = event.details["content"]
    details = {k: v for k, v in event.details.items() if k != "conflicts_with"}
    name = first.removeprefix(f"{event.source}:")
    if contents and mine != contents[0]:  # the first that came keeps the name, whatever a document's order
        name, details = f"{name}~{mine}", {**details, "conflicts_with": first}
        _note_conflict(store, first, f"{event.source}:{name}", event.known_at)
    # What an archive tells later may have been known earlier: it stood until it was ended.
    ends = (v for v in reversed(versions) if v.status == "withdrawn" and v.known_at <= event.known_at)
    ended = next(ends, None)
    status, until = event.status, event.ends
    if ended is not None:
        status = "withdrawn"
        until = until if ended.ends is None else max(event.onset, ended.ends)
        details |= {k: v for k, v in ended.details.items() if k in (*ENDED, "by_sender")}
    own = f"{event.source}:{name}"
    return replace(event, id=own, external_id=name, status=status, ends=until, details=details)


def _note_conflict(store: Store, first: str, other: str, at: datetime) -> None:
    before = store.history(CONFLICT, first)
    events = before[-1].noun["events"] if before else [first]
    if other in events:
        return
    known = max([at, *(row.known_at for row in before)])
    body = {"id": first, "events": [*events, other], "since": iso(known)}
    store.put(CONFLICT, first, body, known_at=known, revision=len(before))


def _ended(store: Store, event: Event, last: Mapping[str, Event]) -> Iterable[Event]:
    """The end of a warning and of all that conflict with it; what it said stays readable."""
    conflict = store.get(CONFLICT, event.id)
    for name in conflict["events"] if conflict else [event.id]:
        versions = store.event_history(name)
        told = last.get(name) or (versions[-1] if versions else None)
        if told is None:
            yield event  # it may still come
        elif told.status != "withdrawn":
            yield replace(
                told,
                status="withdrawn",
                ends=told.onset if event.ends is None else max(told.onset, event.ends),
                known_at=max(event.known_at, told.known_at),
                raw=event.raw,
                basis=event.basis,
                revision=0,
                details={**told.details, **event.details},
            )


def _foreign(store: Store, event: Event) -> list[Rejected]:
    """The refusal, once: a feed says the same again with every reading."""
    by, of = event.details["by_sender"], event.details["sender"]
    name = f"{event.id} by {next(event.details[k] for k in ENDED if k in event.details)}"
    if store.get(REFUSED, name) is not None:
        return []
    store.put(REFUSED, name, {"id": name, "event": event.id, "by": by}, known_at=event.known_at, revision=0)
    words = (
        f"references: got a message of {of!r} ended by {by!r}, allowed: senders of one authority; "
        "name both in [feeds.authorities] if they are one"
    )
    return [Rejected(where=event.id, error=words, record=to_plain(event))]


def keep_messages(
    store: Store, messages: Iterable[Found], *, source: str, raw: str, at: datetime, register: Register
) -> int:
    """Keep what each message says of itself, once for each content; give the number of new ones.

    Parameters
    ----------
    store : Store
        Where the bytes are already kept under their hash.
    messages : iterable of Found
        As read from one document.
    source : str
        Under which it was received: ``cap_atom:met``.
    raw : str
        SHA-256 of the document.
    at : datetime
        Time of receipt.
    register : Register
        Says whose sender it is.
    """
    new = 0
    for found in messages:
        alert = found.alert
        digest = fingerprint(alert)
        identity = Identity.of(alert)
        name = f"{alert.reference}#{digest[:16]}"
        if not identity.sender or not identity.identifier or store.get(MESSAGE, name) is not None:
            continue
        authority = register.of(alert.sender)
        info = alert.infos[0] if alert.infos else None
        expires = [i.expires for i in alert.infos if i.expires is not None]
        body: dict[str, Any] = {
            "id": name,
            "sender": alert.sender,
            "identifier": alert.identifier,
            "sent": None if alert.sent is None else iso(alert.sent),
            "status": alert.status,
            "msg_type": alert.msg_type,
            "scope": alert.scope,
            "references": list(alert.references),
            "event": "" if info is None else info.event,
            "headline": "" if info is None else info.headline or "",
            "severity": "" if info is None else info.severity,
            "languages": [i.language or "en-US" for i in alert.infos],
            "expires": iso(max(expires)) if expires else None,
            "fingerprint": digest,
            "content": content_fingerprint(alert),
            "authority": None if authority is None else authority.id,
            "licence": "" if authority is None else authority.licence,
            "source": source,
            "raw": raw,
            "path": found.path,
            "findings": sorted({f.rule for f in found.findings if f.level != "info"}),
        }
        store.put(MESSAGE, name, body, known_at=at, revision=0)
        new += 1
    return new
