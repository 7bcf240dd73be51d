"""Seals: each transaction that decides something says what it wrote, chained by hash.

The journal says who decided what. A seal says which rows of which tables the same transaction left behind, by
their digests, and how long the journal was then. A row that is changed, removed or put in past the store is
one that no seal vouches for; a journal or a chain of seals that is cut no longer fits the other. They are
checked by :mod:`tocsin.govern.audit`, with code of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store.schema import JOURNAL, METADATA, SEAL, SEALED

FIRST = "0" * 64
"""What the first seal names as the hash before it, and as the head of an empty journal."""

MOST = 1_000
"""Rows of one seal."""


def digest(values: Sequence[Any]) -> str:
    """Digest of a row: over its columns as a JSON array.

    Examples
    --------
    >>> digest(["x", 1, None]) == digest(["x", "1", None])
    False
    """
    return hashlib.sha256(_canonical(values).encode()).hexdigest()


def seal_hash(prev: str, entries: int, head: str, rows: str) -> str:
    """Hash of a seal: over the one before, the journal as it was, and the rows.

    Examples
    --------
    >>> seal_hash(FIRST, 1, "a", "[]") == seal_hash(FIRST, 2, "a", "[]")
    False
    """
    return hashlib.sha256(f"{prev}\n{entries}\n{head}\n{rows}".encode()).hexdigest()


def seal(connection: sa.Connection, touched: Mapping[tuple[str, ...], tuple[Any, ...]]) -> None:
    """Seal what a transaction wrote, as its last statement.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    touched : mapping
        Name of the kind and key as text → key, of each row.

    Raises
    ------
    StoreError
        When a row is not there: nothing is committed then.
    """
    rows = []
    for (name, *_), key in touched.items():
        if name == "journal":
            continue  # its entry is in the head that the seal names
        row = connection.execute(_one(name), dict(zip(SEALED[name].key, key, strict=True))).first()
        if row is None:
            raise StoreError(f"seal: {name} {key}: got no such row, allowed: what was just written")
        rows.append([name, *key, digest(tuple(row))])
    _append(connection, rows)


def seal_everything(connection: sa.Connection) -> None:
    """Seal every row that is there, as an older version wrote it; nothing for an empty store."""
    rows = []
    for name, kind in SEALED.items():
        places = [kind.columns.index(column) for column in kind.key]
        rows += [
            [name, *(row[p] for p in places), digest(tuple(row))] for row in connection.execute(_all(name))
        ]
    if rows or connection.scalar(sa.select(JOURNAL.c.seq).limit(1)) is not None:
        _append(connection, rows)


def _append(connection: sa.Connection, rows: list[list[Any]]) -> None:
    prev = connection.scalar(sa.select(SEAL.c.hash).order_by(SEAL.c.n.desc()).limit(1)) or FIRST
    last = connection.execute(
        sa.select(JOURNAL.c.seq, JOURNAL.c.hash).order_by(JOURNAL.c.seq.desc()).limit(1)
    ).first()
    entries, head = (0, FIRST) if last is None else (last.seq, last.hash)
    for part in _parts(rows):
        text = _canonical(part)
        hashed = seal_hash(prev, entries, head, text)
        connection.execute(
            sa.insert(SEAL).values(entries=entries, head=head, rows=text, prev=prev, hash=hashed)
        )
        prev = hashed


def _parts(rows: list[list[Any]]) -> Iterable[list[list[Any]]]:
    return [rows[n : n + MOST] for n in range(0, max(len(rows), 1), MOST)]


@cache
def _all(name: str) -> sa.Select[Any]:
    kind = SEALED[name]
    table = METADATA.tables[kind.table]
    # JSON columns as the text that is kept: what is sealed are bytes, not their meaning
    columns = [
        sa.type_coerce(c, sa.Text) if isinstance(c.type, sa.JSON) else sa.type_coerce(c, sa.Integer)
        if isinstance(c.type, sa.Boolean) else c
        for c in (table.c[column] for column in kind.columns)
    ]  # fmt: skip
    query = sa.select(*columns)
    return query.where(table.c.status.in_(kind.states)) if kind.states else query


@cache
def _one(name: str) -> sa.Select[Any]:
    kind = SEALED[name]
    table = METADATA.tables[kind.table]
    return _all(name).where(*(table.c[column] == sa.bindparam(column) for column in kind.key))


def _canonical(plain: Any) -> str:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
