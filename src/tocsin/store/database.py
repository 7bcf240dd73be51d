"""The one seam to SQL: connections, short transactions, durable commits.

Everything else in the store speaks SQLAlchemy Core. What is particular to SQLite is here and in
:mod:`tocsin.store.schema` (triggers), nowhere else.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tocsin.model.errors import StoreError

BUSY_S = 30
"""How long a writer waits for another process before it gives up."""

_SOON, _LATER = (200, 0.0001), (6_000, 0.005)  # tries to get the lock, and the pause between them


def _dumps(plain: Any) -> str:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Database:
    """A SQL database of one process: reads see one consistent state, writes are one durable commit.

    Parameters
    ----------
    path : Path
        The SQLite file; it is made when absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers, self._writers = (
            sa.create_engine(
                sa.URL.create("sqlite+pysqlite", database=str(path)),
                connect_args={"timeout": BUSY_S, "check_same_thread": False},
                pool_size=8,
                max_overflow=64,
                json_serializer=_dumps,
            )
            for _ in range(2)
        )
        self._local = threading.local()
        for engine in (self._readers, self._writers):
            sa.event.listen(engine, "connect", _on_connect)
        sa.event.listen(self._writers, "connect", _on_connect_writer)
        sa.event.listen(self._readers, "begin", _begin_to_read)
        sa.event.listen(self._writers, "begin", _begin_to_write)

    @property
    def in_transaction(self) -> bool:
        """Whether this thread has an open write transaction."""
        return getattr(self._local, "writer", None) is not None

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One durable commit; a call inside another joins it."""
        writer: sa.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            yield writer
            return
        with self._writers.connect() as connection, connection.begin():
            self._local.writer = connection
            try:
                yield connection
            finally:
                self._local.writer = None

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; inside a write transaction it sees that transaction's own rows."""
        writer: sa.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            yield writer
            return
        with self._readers.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self._readers.dispose()
        self._writers.dispose()


def _on_connect(connection: Any, _record: Any) -> None:
    # the driver must not start transactions of its own: BEGIN is ours (below)
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _on_connect_writer(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 0")  # it waits by itself: see below


def _begin_to_read(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: sa.Connection) -> None:
    # a writer takes its lock at once: two that read first and write later would end in a deadlock
    driver: Any = connection.connection.dbapi_connection
    for tries, pause in (_SOON, _LATER):
        for _ in range(tries):
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise StoreError(f"the store cannot be written: {error}; is its disk full?") from error
                # SQLite's own waiting sleeps up to 100 ms at a time while others pass; a commit takes 1 ms
                time.sleep(pause)
            else:
                return
    raise StoreError(
        f"the store cannot be written: another process has held it for more than {BUSY_S} s: "
        "stop that one, or try again"
    )
