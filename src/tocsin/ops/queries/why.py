"""Why: from a warning, a cycle or a value back to the raw bytes, their source and its licence.

Every step is read from the store, none is retold from memory; where a step cannot be read any more, the
tree says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tocsin.feeds import all_feeds
from tocsin.model import (
    DAY,
    HOUR,
    Alert,
    Decision,
    Domain,
    Event,
    Member,
    Monitor,
    NotFoundError,
    Role,
    StoreError,
    iso,
    parse_valid_time,
)
from tocsin.ops import signatures
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.queries.told import told_reasons
from tocsin.ops.redaction import without_secrets
from tocsin.store import CycleRow, JournalEntry

MOST_MEMBERS = 40
"""Members of one warning that are walked back."""

STAFF = "staff"
"""What the public reads in place of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step on the way back.

    Parameters
    ----------
    kind : str
        ``warning``, ``decision``, ``message``, ``signature``, ``cycle``, ``previous``, ``finding``,
        ``series``, ``event``, ``observation``, ``raw``, ``dataset`` or ``source``.
    id : str
        Of the thing; for raw bytes ``sha256:…``.
    text : str
        What it says.
    children : tuple of Node
        What it rests on.
    """

    kind: str
    id: str
    text: str
    children: tuple[Node, ...] = ()


# What one walk has looked up, so that the same bytes are hashed once.
@dataclass(slots=True, eq=False)
class _Walk:
    office: Office
    desk: bool = True
    at: datetime | None = None
    raws: dict[str, Node] = field(default_factory=dict)


def why(office: Office, id: str, *, at: datetime | None = None, desk: bool = True) -> Node:  # noqa: A002
    """Walk back from a warning, a cycle or a value.

    Parameters
    ----------
    office : Office
        Store and country.
    id : str
        Id of a warning; ``cycle:ID`` or the id of a cycle; or ``quantity@region@valid_time``.
    at : datetime, optional
        Moment of knowledge; None is all that is kept.
    desk : bool
        False for the public, which reads roles in place of accounts of staff.

    Returns
    -------
    Node
        The tree; its leaves are sources with their licences.

    Raises
    ------
    NotFoundError
        When nothing of this id is kept.
    """
    walk = _Walk(office, desk, at)
    if id.count("@") == 2:
        return _value(walk, *id.split("@"), at=at)
    alert: Alert | None = office.store.get("alert", id, at)
    if alert is not None:
        return _warning(walk, alert, at)
    row = moments.cycle(office, id.removeprefix("cycle:"))
    if row is not None:
        return _cycle(walk, row, [], None)
    raise NotFoundError(
        f"id: got {id!r}, allowed: a warning, a cycle, or quantity@region@valid_time that is in the store"
    )


def actor_shown(decision: Decision, *, desk: bool) -> str:
    """Who decided: to the public, an account of staff is ``staff``."""
    return decision.actor if desk or _open(decision) else STAFF


def _open(decision: Decision) -> bool:
    return decision.simulated or decision.role is Role.SYSTEM


def flat(node: Node, depth: int = 0) -> list[dict[str, Any]]:
    """The tree as rows with their depth, for lists and tables."""
    rows = [{"depth": depth, "kind": node.kind, "id": node.id, "text": node.text}]
    for child in node.children:
        rows += flat(child, depth + 1)
    return rows


def _warning(walk: _Walk, alert: Alert, at: datetime | None) -> Node:
    entries = walk.office.store.audit(subject=alert.id, until=at)
    decisions = tuple(_decision(walk, e) for e in entries)
    domain = next((d for d in walk.office.plan.domains if d.id == alert.domain), None)
    inputs = tuple(_input(walk, ref, alert, domain) for ref in alert.inputs)
    text = f"level {alert.level}, {alert.state}, {len(alert.members)} region(s): {alert.headline}"
    return Node(
        kind="warning", id=alert.id, text=text, children=(*decisions, *_sent(walk, alert, at), *inputs)
    )


def _sent(walk: _Walk, alert: Alert, at: datetime | None) -> tuple[Node, ...]:
    """The bytes that left, and whose signature they bear."""
    note = walk.office.store.get(signatures.SENT, alert.id, at)
    if note is None:
        return ()
    by = f"signed by certificate sha256:{note['certificate']}" if note["signed"] else "not signed"
    why = f": {note['reason']}" if note["reason"] and walk.desk else ""
    return (Node(kind="message", id=f"sha256:{note['sha256']}", text=f"as sent, {by}{why}"),)


def _decision(walk: _Walk, entry: JournalEntry) -> Node:
    one = entry.decision
    # Both hashes are taken over the account: whoever guesses the account could prove it by them.
    named = walk.desk or _open(one)
    return Node(
        kind="decision",
        id=one.id if named else f"journal:{entry.seq}",
        text=f"{one.action} by {actor_shown(one, desk=walk.desk)} ({one.role}) at {iso(one.at)}"
        + (f", on {one.legal_basis}" if one.legal_basis else "")
        + (", by the stated policy of a replay" if one.simulated else "")
        + f"; content {one.content_hash[:16]}, journal entry {entry.seq}"
        + (f" {entry.hash[:16]}" if named else ""),
    )


def _input(walk: _Walk, ref: str, alert: Alert, domain: Domain | None) -> Node:
    kind, _, name = ref.partition(":")
    if kind == "cycle":
        row = moments.cycle(walk.office, name)
        if row is None:
            return Node(kind="cycle", id=name, text="not kept in this store")
        return _cycle(walk, row, alert.members[:MOST_MEMBERS], domain)
    if kind in {"raw", "sha256"}:
        return _raw(walk, name)
    return Node(kind=kind or "input", id=name or ref, text="named by the warning")


def _cycle(walk: _Walk, row: CycleRow, members: Iterable[Member], domain: Domain | None) -> Node:
    last = moments.before(walk.office, row)
    head = Node(
        kind="previous",
        id=last.id if last else "none",
        text=f"at {iso(last.at)}, inputs {last.inputs_hash[:16]}" if last else "the first cycle of its plan",
    )
    findings = tuple(_finding(walk, row, m, domain) for m in members) if domain else _summary(walk, row)
    return Node(
        kind="cycle",
        id=row.id,
        text=f"{row.mode} at {iso(row.at)}, plan {row.plan}, inputs {row.inputs_hash}, code {row.code}",
        children=(head, *findings),
    )


def _summary(walk: _Walk, row: CycleRow) -> tuple[Node, ...]:
    """Findings of a cycle that no warning led to: whatever was above normal in it."""
    out = []
    for a in row.summary.get("assessments", [])[:MOST_MEMBERS]:
        domain = next(d for d in walk.office.plan.domains if d.id == a["domain"])
        moment = walk.at or row.at
        reasons = a["contributors"] if walk.desk else told_reasons(walk.office, a["contributors"], moment)
        for c in reasons[:3]:
            leaves = _events(walk, row, domain, c["region"]) if c["kind"] == "event" else ()
            if not leaves:
                leaves = _series(walk, row, domain, c["region"], 1, {c["ref"].split("/")[0].split("@")[0]})
            text = f"level {a['level']} in {a['region']}: {c['text']}"
            out.append(Node(kind="finding", id=f"{c['ref']}@{c['region']}", text=text, children=leaves))
    return tuple(out)


def _finding(walk: _Walk, row: CycleRow, member: Member, domain: Domain) -> Node:
    if np.isfinite(member.tail):
        text = (
            f"{member.name}: {member.value:g} in {member.window_h} h, expected {member.expected:.4g}, "
            f"probability in normal times {member.tail:.2g}, since {iso(member.since)}"
        )
        raising = {m.quantity.id for m in domain.monitors if m.raises}
        leaves = _series(walk, row, domain, member.region, member.window_h, raising)
    else:
        text = f"{member.name}: reported event, since {iso(member.since)}"
        leaves = _events(walk, row, domain, member.region)
    return Node(kind="finding", id=f"{domain.id}@{member.region}", text=text, children=leaves)


def _series(
    walk: _Walk, row: CycleRow, domain: Domain, region: str, hours: int, wanted: set[str]
) -> tuple[Node, ...]:
    watched = walk.office.plan.watched[domain.id]
    if region not in watched:
        return ()
    monitors = [m for m in domain.monitors if m.quantity.id in wanted] or list(domain.monitors)
    nodes = [_judged(walk, row, m, region, watched.index(region), hours) for m in monitors]
    return tuple(n for n in nodes if n is not None)


def _judged(walk: _Walk, row: CycleRow, monitor: Monitor, region: str, i: int, hours: int) -> Node | None:
    quantity = monitor.quantity
    seen = moments.judged(row).get(quantity.id)
    if seen is None or seen.valid_time is None:
        return None
    span = (max(hours, 1) - 1) * HOUR if quantity.step <= HOUR else timedelta(0)
    cells = walk.office.store.as_of(row.at).cells(
        quantity=quantity.id,
        regions=[region],
        start=seen.valid_time - span,
        end=seen.valid_time + min(quantity.step, DAY),
    )
    leaves, hashes = [], []
    for cell in cells.to_pylist():
        value = cell["missing"] if cell["value"] is None else f"{cell['value']:g}"
        leaves.append(
            Node(
                kind="observation",
                id=f"{quantity.id}@{region}@{iso(cell['valid_time'])}",
                text=f"{value}, known at {iso(cell['known_at'])} ({cell['basis']}), from {cell['raw'][:16]}",
            )
        )
        hashes.append(cell["raw"])
    raws = tuple(_raw(walk, sha) for sha in dict.fromkeys(hashes))
    text = (
        f"{monitor.method} of {quantity.title}: {seen.values[i]:g} at {iso(seen.valid_time)}, expected "
        f"{seen.expected[i]:.4g}, normal {seen.lower[i]:.4g} to {seen.upper[i]:.4g}, tail {seen.tail[i]:.2g}"
    )
    return Node(kind="series", id=f"{quantity.id}@{region}", text=text, children=(*leaves, *raws))


def _events(walk: _Walk, row: CycleRow, domain: Domain, region: str) -> tuple[Node, ...]:
    seen = walk.office.store.as_of(row.at).events(
        domain=domain.id, start=row.at - domain.criteria.hold, end=row.at
    )
    return tuple(_event(walk, e) for e in seen if region in e.regions)


def _event(walk: _Walk, event: Event) -> Node:
    size = "" if event.magnitude is None else f"magnitude {event.magnitude:g}, "
    return Node(
        kind="event",
        id=event.id,
        text=f"{size}begun {iso(event.onset)}, revision {event.revision} known at {iso(event.known_at)}",
        children=(*_signature(walk, event), _raw(walk, event.raw)),
    )


def _signature(walk: _Walk, event: Event) -> tuple[Node, ...]:
    """What the signature of a message of another authority was worth when it came."""
    said = {name: event.details.get(name) for name in ("sender", "identifier")}
    if None in said.values():
        return ()
    found = walk.office.store.list(signatures.RECEIVED, where={**said, "source": event.source})
    return tuple(
        Node(
            kind="signature",
            id=f"sha256:{one['fingerprint']}" if one["fingerprint"] else one["status"],
            text=f"{one['status']} at {one['verified_at']}: {one['words']} ({one['reason']})",
        )
        for one in found
    )


def _value(walk: _Walk, quantity: str, region: str, valid: str, *, at: datetime | None) -> Node:
    office = walk.office
    office.pack.region(region)
    table = office.store.revisions(quantity, region, parse_valid_time(valid))
    rows = [r for r in table.to_pylist() if at is None or r["known_at"] <= at]
    if not rows:
        raise NotFoundError(f"value: got {quantity}@{region}@{valid}, allowed: one that is in the store")
    versions = tuple(
        Node(
            kind="observation",
            id=f"{quantity}@{region}@{iso(r['valid_time'])}",
            text=f"{r['missing'] if r['value'] is None else format(r['value'], 'g')}, known at "
            f"{iso(r['known_at'])} ({r['basis']}), read from {r['source']}",
            children=(_raw(walk, r["raw"]),),
        )
        for r in rows
    )
    text = f"{len(versions)} version(s) of {quantity} at {office.pack.region(region).title}"
    return Node(kind="series", id=f"{quantity}@{region}", text=text, children=versions)


def _raw(walk: _Walk, sha: str) -> Node:
    if sha in walk.raws:
        return walk.raws[sha]
    store = walk.office.store
    record = next((d for d in store.list("dataset") if d["sha256"] == sha), None)
    leaves: list[Node] = []
    if record is not None:
        text = f"{record['file']} of {record['package']} {record['release']}"
        leaves.append(Node(kind="dataset", id=record["id"], text=text))
    source = record["source"] if record else None
    try:
        raw = store.raw(sha)  # reading checks the hash
        source = raw.source
        where = without_secrets(raw.url)  # older stores kept addresses as they were asked
        text = f"{len(raw.content):,} bytes of {where}, fetched {iso(raw.fetched_at)}; kept, hash verified"
    except StoreError as error:
        text = f"not to be had: {error}"
    feed = all_feeds().get(source or "")
    if feed is not None:
        about = feed.SOURCE
        terms = f"{about.title}, {about.publisher}; {about.licence} ({about.licence_url})"
        leaves.append(Node(kind="source", id=about.id, text=terms))
    node = Node(kind="raw", id=f"sha256:{sha}", text=text, children=tuple(leaves))
    walk.raws[sha] = node
    return node
