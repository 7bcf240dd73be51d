"""The one seam to SQL: connections, short transactions, durable commits.

Everything else in the store speaks SQLAlchemy Core. What is particular to SQLite is here and in
:mod:`tocsin.store.schema` (triggers), nowhere else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tocsin.model.errors import StoreError

BUSY_S = 30
"""How long a writer waits for another process before it gives up."""


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
        self.engine = sa.create_engine(
            sa.URL.create("sqlite+pysqlite", database=str(path)),
            connect_args={"timeout": BUSY_S, "check_same_thread": False},
            pool_size=8,
            max_overflow=64,
            json_serializer=_dumps,
        )
        self._local = threading.local()
        sa.event.listen(self.engine, "connect", _on_connect)
        sa.event.listen(self.engine, "begin", _on_begin)

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
        connection = self.engine.connect().execution_options(tocsin_write=True)
        try:
            try:
                transaction = connection.begin()
            except sa.exc.OperationalError as error:
                raise StoreError(
                    f"{self.path}: cannot write: {error.orig}; another process held the store for more than "
                    f"{BUSY_S} s, or the disk is read-only: stop it, or try again"
                ) from error
            self._local.writer = connection
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            else:
                transaction.commit()
            finally:
                self._local.writer = None
        finally:
            connection.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; inside a write transaction it sees that transaction's own rows."""
        writer: sa.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            yield writer
            return
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


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


def _on_begin(connection: sa.Connection) -> None:
    # a writer takes its lock at once: two that read first and write later would end in a deadlock
    immediate = connection.get_execution_options().get("tocsin_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
