"""The journal as a chain: every entry is what was written, and follows the one before it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tocsin.govern.audit.finding import Findings, Kind
from tocsin.govern.audit.source import plain_text, rows
from tocsin.model import parse_time, to_us

FIRST = "0" * 64
"""What the first entry names as the hash before it."""

COLUMNS = ("id", "at", "actor", "action", "subject")
"""Columns that say again what the body says."""

_WRITTEN = (
    "id", "at", "actor", "role", "action", "subject", "content_hash", "legal_basis", "reason", "simulated",
)  # fmt: skip
"""Order of the keys in bodies that were written before they were sorted."""

_QUERY = (
    "SELECT seq, id, at, actor, action, subject, CAST(body AS TEXT), prev, hash FROM journal "
    "WHERE seq > ? ORDER BY seq"
)

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as it lies there: anything may stand in any field."""

    seq: int
    id: Any
    at: Any
    actor: Any
    action: Any
    subject: Any
    body: Any
    prev: Any
    hash: Any

    @property
    def name(self) -> str:
        """For people."""
        return f"journal entry {self.seq} ({plain_text(self.action)} of {plain_text(self.subject)})"


@dataclass(slots=True)
class Walk:
    """How far the chain was followed.

    Parameters
    ----------
    seq, head : int, str
        The last entry, and its hash.
    looked : int
        Entries looked at.
    anchored : dict
        Content hashes of entries that say that an anchor was made, and their places.
    """

    seq: int = 0
    head: str = FIRST
    looked: int = 0
    anchored: dict[str, int] = field(default_factory=dict)


def follow(
    connection: sqlite3.Connection, findings: Findings, *, walk: Walk, tell: Tell
) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    """Follow the chain from where ``walk`` stands, and give each entry with its body once it is judged.

    Parameters
    ----------
    connection : Connection
        The database.
    findings : Findings
        Where faults go.
    walk : Walk
        From where; it is carried forward.
    tell : callable
        Hears how far it is.
    """
    last = _scalar(connection, "SELECT MAX(seq) FROM journal") or 0
    for row in rows(connection, _QUERY, (walk.seq,)):
        line = Line(*row)
        _placed(connection, line, walk, findings)
        body = _body(line, findings)
        walk.seq, walk.looked = line.seq, walk.looked + 1
        walk.head = line.hash if isinstance(line.hash, str) else ""
        if body is not None and body.get("action") == "anchor":
            walk.anchored[str(body.get("content_hash"))] = line.seq
        if walk.looked % 5_000 == 0:
            tell("journal", line.seq, last)
        yield line, body
    _not_cut(connection, walk, findings)


def _placed(connection: sqlite3.Connection, line: Line, walk: Walk, findings: Findings) -> None:
    """Whether an entry follows the one before it."""
    gap = line.seq - walk.seq - 1
    if gap:
        which = f"entry {walk.seq + 1}" + (f" to {line.seq - 1}" if gap > 1 else "")
        findings.add(
            Kind.REMOVED,
            f"journal, after entry {walk.seq}",
            found=f"entry {line.seq} next",
            expected=f"{which} between them",
        )
    if line.prev == walk.head:
        return
    other = connection.execute("SELECT seq FROM journal WHERE hash = ?", (line.prev,)).fetchone()
    if other is not None and other[0] != walk.seq:
        kind, found = Kind.REORDERED, f"that it follows entry {other[0]}"
    elif gap:
        return  # what it follows is what was removed
    elif other is not None:
        kind, found = Kind.CHANGED, f"the hash before it as {plain_text(line.prev)[:16]}"
    else:
        kind, found = Kind.REMOVED, "that it follows an entry that is not there"
    findings.add(kind, line.name, found=found, expected=f"that it follows entry {walk.seq}, {walk.head[:16]}")


def _body(line: Line, findings: Findings) -> dict[str, Any] | None:
    """What an entry says, if it can be read; a fault where it is not what was written."""
    try:
        body = json.loads(line.body)
        if not isinstance(body, dict):
            raise TypeError("no object")
        accounts_for = _hash(line.prev, line.body, body) == line.hash
        said = {name: body.get(name) for name in COLUMNS}
        said["at"] = to_us(parse_time(body["at"], "at"))
    except (TypeError, ValueError, KeyError, AttributeError):
        findings.add(
            Kind.CHANGED, line.name, found=f"the body {plain_text(line.body)}", expected="a decision as JSON"
        )
        return None
    if not accounts_for:
        findings.add(
            Kind.CHANGED,
            line.name,
            found="content of another hash than it was written with",
            expected=f"content of hash {plain_text(line.hash)[:16]}",
        )
        return body
    for name in COLUMNS:
        kept = getattr(line, name)
        if kept != said[name] or type(kept) is not type(said[name]):
            findings.add(
                Kind.CHANGED,
                line.name,
                found=f"column {name} {plain_text(kept)}",
                expected=f"{plain_text(said[name])}, as its body says",
            )
    return body


def _hash(prev: Any, text: str, body: dict[str, Any]) -> str | None:
    """Hash of an entry over the text that is kept; None where that text is none that was ever written."""
    canonical = _dumps(dict(sorted(body.items())))
    if text != canonical and text != _dumps({k: body[k] for k in _WRITTEN if k in body}):
        return None
    return hashlib.sha256(f"{prev}\n{canonical}".encode("utf-8", "surrogateescape")).hexdigest()


def _dumps(plain: Any) -> str:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _not_cut(connection: sqlite3.Connection, walk: Walk, findings: Findings) -> None:
    """Whether the database remembers more entries than there are."""
    most = _scalar(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'journal'") or 0
    if most != walk.seq:
        findings.add(
            Kind.CUT_OFF,
            "journal",
            found=f"{walk.seq} entries",
            expected=f"{most}, which is how many the database says to have numbered",
        )


def _scalar(connection: sqlite3.Connection, query: str) -> Any:
    found = connection.execute(query).fetchone()
    return None if found is None else found[0]
