"""The seals: what each transaction wrote, bound to the journal; and whether the tables still say it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tocsin.govern.audit.chain import FIRST, Tell, Walk
from tocsin.govern.audit.finding import Findings, Kind
from tocsin.govern.audit.source import BATCH, plain_text, rows
from tocsin.store.schema import SEALED, Sealed

CACHE_KIB = 32_768
"""Memory for the index of what was sealed; the rest is in a file of its own that goes with the connection."""


@dataclass(slots=True)
class SealWalk:
    """How far the seals were followed: the last one, its hash, and how long the journal was then."""

    n: int = 0
    head: str = FIRST
    entries: int = 0
    looked: int = 0
    rows: int = 0


class Said:
    """What the seals say of each row, the last word counting; on disk, so that the memory is bounded."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        for line in (
            f"PRAGMA cache_size = -{CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "CREATE TABLE said (name TEXT, key TEXT, digest TEXT, n INTEGER)",
            "BEGIN",
        ):
            self._base.execute(line)
        self._held: list[tuple[str, str, str, int]] = []

    def close(self) -> None:
        """Give back memory and disk."""
        self._base.close()

    def add(self, name: str, key: str, digest: str, n: int) -> None:
        """Note what a seal says."""
        self._held.append((name, key, digest, n))
        if len(self._held) >= BATCH:
            self._flush()

    def ready(self) -> None:
        """Make looking up fast, once all is said."""
        self._flush()
        self._base.execute("CREATE INDEX of ON said (name, key, n)")

    def of(self, name: str, key: str) -> tuple[str, int] | None:
        """Digest and number of the last seal that names a row."""
        found: tuple[str, int] | None = self._base.execute(
            "SELECT digest, n FROM said WHERE name = ? AND key = ? ORDER BY n DESC LIMIT 1", (name, key)
        ).fetchone()
        return found

    def keys(self, name: str) -> Iterator[tuple[str, int]]:
        """Every row of a kind that seals name, with the last seal that does."""
        yield from rows(self._base, "SELECT key, MAX(n) FROM said WHERE name = ? GROUP BY key", (name,))

    def count(self, name: str) -> int:
        """How many rows of a kind seals name."""
        query = "SELECT COUNT(*) FROM (SELECT DISTINCT key FROM said WHERE name = ?)"
        return int(self._base.execute(query, (name,)).fetchone()[0])

    def _flush(self) -> None:
        self._base.executemany("INSERT INTO said VALUES (?, ?, ?, ?)", self._held)
        self._held.clear()


def follow_seals(
    connection: sqlite3.Connection, findings: Findings, said: Said, *, walk: SealWalk, tell: Tell
) -> Iterator[SealWalk]:
    """Follow the chain of seals from where ``walk`` stands; gives the walk after each one."""
    query = (
        "SELECT n, entries, head, CAST(rows AS TEXT), prev, hash, "
        "(SELECT j.hash FROM journal j WHERE j.seq = seal.entries) FROM seal WHERE n > ? ORDER BY n"
    )
    last = connection.execute("SELECT MAX(n) FROM seal").fetchone()[0] or 0
    for n, entries, head, text, prev, hashed, there in rows(connection, query, (walk.n,)):
        place = f"seal {n}"
        if n != walk.n + 1:
            findings.add(
                Kind.REMOVED, f"after seal {walk.n}", found=f"seal {n} next", expected=f"seal {walk.n + 1}"
            )
        elif prev != walk.head:
            findings.add(
                Kind.REORDERED,
                place,
                found=f"that it follows {plain_text(prev)[:16]}",
                expected=f"that it follows seal {walk.n}, {walk.head[:16]}",
            )
        if _seal_hash(prev, entries, head, text) != hashed or type(entries) is not int:
            findings.add(
                Kind.CHANGED,
                place,
                found="content of another hash than it was written with",
                expected=f"content of hash {plain_text(hashed)[:16]}",
            )
        else:
            _bound(n, entries, head, there, walk, findings)
            walk.entries = entries
            walk.rows += _witness(text, n, said)
        walk.n, walk.looked = n, walk.looked + 1
        walk.head = hashed if isinstance(hashed, str) else ""
        if walk.looked % 5_000 == 0:
            tell("seals", n, last)
        yield walk
    most = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'seal'").fetchone()
    if most is not None and most[0] != walk.n:
        findings.add(
            Kind.CUT_OFF,
            "seals",
            found=f"{walk.n} seals",
            expected=f"{most[0]}, which is how many the database says to have numbered",
        )


def _bound(n: int, entries: int, head: Any, there: Any, walk: SealWalk, findings: Findings) -> None:
    """Whether the journal is still the one that a seal names."""
    if entries < walk.entries:
        findings.add(
            Kind.REORDERED, f"seal {n}", found=f"{entries} entries", expected=f"{walk.entries} or more"
        )
    elif there is None and entries:
        findings.add(
            Kind.CUT_OFF, f"journal, by seal {n}", found=f"no entry {entries}", expected=f"{entries} entries"
        )
    elif head != (there or FIRST):
        findings.add(
            Kind.REWRITTEN,
            f"journal entry {entries}, by seal {n}",
            found=f"hash {plain_text(there)[:16]}",
            expected=plain_text(head)[:16],
        )


def _witness(text: str, n: int, said: Said) -> int:
    found = json.loads(text)
    for name, *key, digest in found:
        said.add(name, _canonical(key), digest, n)
    return len(found)


def sealed_up_to(journal: Walk, seals: SealWalk, findings: Findings) -> None:
    """Whether every entry of the journal was there when the last seal was made."""
    if seals.entries < journal.seq:
        findings.add(
            Kind.INSERTED,
            f"journal entry {seals.entries + 1} to {journal.seq}",
            found="no seal over them",
            expected="the seal that the store makes in the same transaction",
        )


def compare(connection: sqlite3.Connection, findings: Findings, said: Said, *, tell: Tell) -> int:
    """Compare every row of every sealed table with what the last seal says of it; give how many."""
    looked = 0
    for name, kind in SEALED.items():
        total = connection.execute(f'SELECT COUNT(*) FROM "{kind.table}"').fetchone()[0]
        known = 0
        for number, row in enumerate(rows(connection, _query(kind)), start=1):
            key = _canonical([row[kind.columns.index(column)] for column in kind.key])
            known += _compare(name, key, row, said.of(name, key), findings)
            looked += 1
            if number % 5_000 == 0:
                tell(f"rows of {name}", number, total)
        if known < said.count(name):
            _gone(connection, name, kind, said, findings)
    return looked


def compare_named(connection: sqlite3.Connection, findings: Findings, said: Said, *, tell: Tell) -> int:
    """Compare only the rows that the seals at hand name: what was written since an anchor."""
    looked = 0
    for name, kind in SEALED.items():
        for key, n in said.keys(name):
            looked += 1
            if looked % 5_000 == 0:
                tell(f"rows of {name}", looked, 0)
            row = _row(connection, kind, json.loads(key))
            if row is None:
                _missing(name, key, n, findings)
            else:
                _compare(name, key, row, said.of(name, key), findings)
    return looked


def _compare(
    name: str, key: str, row: tuple[Any, ...], sealed: tuple[str, int] | None, findings: Findings
) -> bool:
    """Judge one row; whether a seal names it."""
    if sealed is None:
        findings.add(
            Kind.UNEXPLAINED,
            f"{name} {key}",
            found="a row that no seal names",
            expected="none: it was put there past the store",
        )
        return False
    digest, n = sealed
    if _digest(row) != digest:
        findings.add(
            Kind.CHANGED,
            f"{name} {key}",
            found=f"a row of digest {_digest(row)[:16]}",
            expected=f"{plain_text(digest)[:16]}, as seal {n} says",
        )
    return True


def _gone(connection: sqlite3.Connection, name: str, kind: Sealed, said: Said, findings: Findings) -> None:
    for key, n in said.keys(name):
        if _row(connection, kind, json.loads(key)) is None:
            _missing(name, key, n, findings)


def _missing(name: str, key: str, n: int, findings: Findings) -> None:
    findings.add(
        Kind.REMOVED,
        f"{name} {key}",
        found="no such row" if "." not in name else "no such row, or a message that is to be sent again",
        expected=f"the one that seal {n} names",
    )


def _query(kind: Sealed) -> str:
    columns = ", ".join(f'"{c}"' for c in kind.columns)
    where = "" if not kind.states else f" WHERE status IN ({', '.join(repr(s) for s in kind.states)})"
    return f'SELECT {columns} FROM "{kind.table}"{where} ORDER BY {", ".join(kind.key)}'


def _row(connection: sqlite3.Connection, kind: Sealed, key: list[Any]) -> tuple[Any, ...] | None:
    columns = ", ".join(f'"{c}"' for c in kind.columns)
    where = " AND ".join(f'"{c}" = ?' for c in kind.key)
    if kind.states:
        where += f" AND status IN ({', '.join(repr(s) for s in kind.states)})"
    query = f'SELECT {columns} FROM "{kind.table}" WHERE {where}'
    found: tuple[Any, ...] | None = connection.execute(query, key).fetchone()
    return found


def _digest(row: tuple[Any, ...]) -> str:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _canonical(key: list[Any]) -> str:
    # of any bytes whatever: this is only compared, within one run
    text = json.dumps(key, ensure_ascii=False, separators=(",", ":"), default=repr)
    return text.encode("utf-8", "backslashreplace").decode()


def _seal_hash(prev: Any, entries: Any, head: Any, text: Any) -> str:
    whole = f"{prev}\n{entries}\n{head}\n{text}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(whole).hexdigest()
