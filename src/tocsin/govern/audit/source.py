"""The database as it lies there: read only, by plain SQL, in one consistent view."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tocsin.model import StoreError

DATABASE = "tocsin.db"
SCHEMA = 5
"""Version of the schema from which on there are seals."""

BATCH = 2_000
"""Rows that are in memory at a time."""


@contextmanager
def reading(store: Path) -> Iterator[sqlite3.Connection]:
    """Open the database of a store; nothing is written to it, and no schema is changed.

    Parameters
    ----------
    store : Path
        Folder of the store, or of a backup.

    Raises
    ------
    StoreError
        When there is none, it is damaged, or an older Tocsin wrote it.
    """
    path = store / DATABASE
    if not path.is_file():
        raise StoreError(f"{store}: got no store, allowed: a folder with {DATABASE}")
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
        try:
            # what is no text must be found, not raise
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            connection.execute("PRAGMA busy_timeout = 30000")
            connection.execute("BEGIN")
            found = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
            if found is None or int(found[0]) < SCHEMA:
                raise StoreError(
                    f"{store}: schema: got version {found and found[0]}, allowed: {SCHEMA} or later; "
                    "bring it there with tocsin store migrate"
                )
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}; it is damaged: run tocsin store check") from error


def rows(
    connection: sqlite3.Connection, query: str, values: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows of a query, some at a time: what is looked at may be larger than the memory."""
    cursor = connection.execute(query, values)
    while found := cursor.fetchmany(BATCH):
        yield from found


def plain_text(value: Any) -> str:
    """A value of a column as a text that can be printed; anything may stand there.

    Examples
    --------
    >>> plain_text(b"a"), plain_text(None), plain_text("x" * 99)[-1]
    ("b'a'", 'nothing', '…')
    """
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:79] + "…"
