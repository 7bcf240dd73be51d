"""The whole way of a verification, from the first entry or from an anchor to the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tocsin.govern.audit.anchors import Anchor, AnchorKey, Heads, judge_anchors
from tocsin.govern.audit.chain import FIRST, Tell, Walk, follow
from tocsin.govern.audit.finding import Findings, Kind, Report
from tocsin.govern.audit.lawful import bear_out
from tocsin.govern.audit.seals import Said, SealWalk, compare, compare_named, follow_seals, sealed_up_to
from tocsin.govern.audit.source import reading
from tocsin.model import NotFoundError, iso
from tocsin.store.schema import trigger_statements


def verify(
    store: Path,
    *,
    anchors: Sequence[Anchor] | None = None,
    keys: Mapping[str, AnchorKey] | None = None,
    since: datetime | None = None,
    tell: Tell = lambda _text, _done, _all: None,
) -> Report:
    """Verify the record of a store against itself, its tables, the law, and anchors kept elsewhere.

    The database is read once from end to end, a few thousand rows at a time, in one consistent view; it may
    be written meanwhile. Nothing is changed.

    Parameters
    ----------
    store : Path
        Folder of the store, or of a backup.
    anchors : sequence of Anchor, optional
        In the order in which they were made. None: nobody has any.
    keys : mapping, optional
        Keys that may have signed them, by id.
    since : datetime, optional
        Go on from the last good anchor at or before this time: what came before is not looked at again, and
        of the tables only what was written since.
    tell : callable
        Hears what is going on, how far it is, and how far it will go.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    NotFoundError
        When no anchor that may be relied on is as old as ``since``.
    """
    findings = Findings()
    good = judge_anchors(anchors or (), keys or {}, findings)
    if not anchors:
        findings.note(
            Kind.NO_ANCHOR,
            "anchors",
            found="none: that the end was cut off, or all was written anew, cannot be seen",
            expected="one a day, kept elsewhere",
        )
    origin = None if since is None else _origin(good, since)
    with reading(store) as connection, closing(Said()) as said:
        journal, seals = Walk(), SealWalk()
        if origin is not None:
            journal = Walk(seq=origin.entries, head=origin.head)
            seals = SealWalk(n=origin.seals, head=origin.seal_head, entries=origin.entries)
        _guards(connection, findings)
        _journal(connection, good, journal, findings, tell)
        _seals(connection, good, seals, said, findings, tell)
        sealed_up_to(journal, seals, findings)
        said.ready()
        rows = (compare if origin is None else compare_named)(connection, findings, said, tell=tell)
        if origin is None:
            bear_out(connection, findings, tell=tell)
        if anchors is not None:
            _told(anchors, journal, findings)
    return Report(
        entries=journal.looked,
        seals=seals.looked,
        rows=rows,
        anchors=len(anchors or ()),
        head=journal.head,
        seal_head=seals.head,
        since="" if origin is None else iso(origin.at),
        faults=tuple(findings.faults),
        notes=tuple(findings.notes),
        more=findings.more,
    )


def heads(store: Path) -> Heads:
    """How long journal and seals are now, and the hashes of their last entries.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    """
    with reading(store) as connection:
        entries = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        seals = connection.execute("SELECT n, hash FROM seal ORDER BY n DESC LIMIT 1").fetchone()
    first, second = entries or (0, FIRST), seals or (0, FIRST)
    return Heads(entries=first[0], head=first[1], seals=second[0], seal_head=second[1])


def _origin(good: Sequence[Anchor], since: datetime) -> Anchor:
    found = [a for a in good if a.at <= since]
    if not found:
        oldest = f"from {iso(good[0].at)} on" if good else "none: there is no good anchor"
        raise NotFoundError(f"since: got {iso(since)}, allowed: {oldest}")
    return max(found, key=lambda a: (a.at, a.entries))


def _journal(
    connection: sqlite3.Connection, good: Sequence[Anchor], walk: Walk, findings: Findings, tell: Tell
) -> None:
    """Follow the journal, and look at each anchor when its entry comes by."""
    waiting = sorted(good, key=lambda a: a.entries, reverse=True)
    begin = walk.seq
    there = {begin: walk.head}
    if begin:
        row = connection.execute("SELECT hash FROM journal WHERE seq = ?", (begin,)).fetchone()
        there = {} if row is None else {begin: row[0]}

    def meet(seq: int, hashed: object) -> None:
        while waiting and waiting[-1].entries <= seq:
            anchor = waiting.pop()
            if anchor.entries == seq and hashed != anchor.head:
                findings.add(
                    Kind.REWRITTEN,
                    f"journal entry {seq}, by the {anchor.name}",
                    found=f"hash {str(hashed)[:16]}",
                    expected=anchor.head[:16],
                )

    while waiting and waiting[-1].entries < begin:
        waiting.pop()  # before where we begin
    if begin in there:
        meet(begin, there[begin])
    for line, _ in follow(connection, findings, walk=walk, tell=tell):
        meet(line.seq, line.hash)
    for anchor in reversed(waiting):
        findings.add(
            Kind.CUT_OFF,
            f"journal, by the {anchor.name}",
            found=f"{walk.seq} entries",
            expected=f"{anchor.entries} or more",
        )


def _seals(
    connection: sqlite3.Connection,
    good: Sequence[Anchor],
    walk: SealWalk,
    said: Said,
    findings: Findings,
    tell: Tell,
) -> None:
    """Follow the seals, and look at each anchor when its seal comes by."""
    by_seal = {a.seals: a for a in good if a.seals >= walk.n}
    if walk.n:
        row = connection.execute("SELECT hash FROM seal WHERE n = ?", (walk.n,)).fetchone()
        _seal_met(by_seal.get(walk.n), None if row is None else row[0], findings)
    for one in follow_seals(connection, findings, said, walk=walk, tell=tell):
        _seal_met(by_seal.get(one.n), one.head, findings)
    for n, anchor in by_seal.items():
        if n > walk.n:
            findings.add(
                Kind.CUT_OFF, f"seals, by the {anchor.name}", found=f"{walk.n} seals", expected=f"{n} or more"
            )


def _seal_met(anchor: Anchor | None, hashed: object, findings: Findings) -> None:
    if anchor is not None and hashed != anchor.seal_head:
        findings.add(
            Kind.REWRITTEN,
            f"seal {anchor.seals}, by the {anchor.name}",
            found=f"hash {str(hashed)[:16]}",
            expected=anchor.seal_head[:16],
        )


def _told(anchors: Sequence[Anchor], journal: Walk, findings: Findings) -> None:
    """Whether every anchor that the journal tells of is in the file."""
    hashes = {a.hash for a in anchors}
    for hashed, seq in journal.anchored.items():
        if hashed not in hashes:
            findings.add(
                Kind.LOST_ANCHOR,
                f"journal entry {seq} (anchor)",
                found="no such anchor in the file",
                expected=f"the one of hash {hashed[:16]}",
            )


def _guards(connection: sqlite3.Connection, findings: Findings) -> None:
    """Whether the triggers that keep the past as it was are there."""
    there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    for statement in trigger_statements("sqlite"):
        name = statement.removeprefix("CREATE TRIGGER ").removeprefix("IF NOT EXISTS ").split()[0]
        if name not in there:
            findings.add(Kind.UNGUARDED, f"trigger {name}", found="none", expected="the one of the schema")
