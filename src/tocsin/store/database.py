"""The one seam to SQL: connections, short transactions, durable commits.

Everything else in the store speaks SQLAlchemy Core. What is particular to SQLite is here and in
:mod:`tocsin.store.schema` (triggers), nowhere else.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tocsin.model.errors import StoreError

Seal = Callable[[sa.Connection, Mapping[tuple[str, ...], tuple[Any, ...]]], object]
"""What is done before a commit with the rows that were touched: see :mod:`tocsin.store.seals`."""

BUSY_S = 30
"""How long a writer waits for another process before it gives up."""

_SOON, _LATER = (200, 0.0001), (6_000, 0.005)  # tries to get the lock, and the pause between them

_ADVICE = {
    sqlite3.SQLITE_FULL: "its disk is full: make room outside the store",
    sqlite3.SQLITE_IOERR: "its disk is full or fails",
    sqlite3.SQLITE_CORRUPT: "it is damaged: run tocsin store check",
    sqlite3.SQLITE_NOTADB: "it is damaged: restore a backup",
    sqlite3.SQLITE_READONLY: "this account may not write there",
    sqlite3.SQLITE_CANTOPEN: "this account may not open it, or its folder is gone",
}


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
                hide_parameters=True,  # an error is logged: what was to be written is not
            )
            for _ in range(2)
        )
        self._local = threading.local()
        self.seal: Seal | None = None
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
        """One durable commit; a call inside another joins it.

        Raises
        ------
        StoreError
            When the database refuses, whatever its reason: a full disk, a lock, damage.
        """
        writer: sa.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            _require_open(writer)
            with in_words("written"):
                yield writer
            return
        later: dict[Hashable, Callable[[], object]] = {}
        touched: dict[tuple[str, ...], tuple[Any, ...]] = {}
        with in_words("written"), self._writers.connect() as connection, connection.begin():
            self._local.writer, self._local.later, self._local.touched = connection, later, touched
            try:
                yield connection
                _require_open(connection)
                if touched and self.seal is not None:
                    self.seal(connection, touched)
            finally:
                self._local.writer = None
        for work in later.values():
            work()

    def touch(self, name: str, *key: str | int) -> None:
        """Note a row that this thread's transaction has written: it is sealed before the commit.

        Parameters
        ----------
        name : str
            A key of :data:`tocsin.store.schema.SEALED`, or ``journal``.
        key : str or int
            Its key.
        """
        self._local.touched[name, *map(str, key)] = key

    def after_commit(self, name: Hashable, work: Callable[[], object]) -> None:
        """Do this once the transaction that this thread is in is committed, and not if it is undone.

        Parameters
        ----------
        name : hashable
            Of several by one name only the last is done.
        work : callable
            It must not raise: what was committed is kept, whatever becomes of it.
        """
        self._local.later[name] = work

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; inside a write transaction it sees that transaction's own rows.

        Raises
        ------
        StoreError
            When the database refuses.
        """
        writer: sa.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            _require_open(writer)
            with in_words("read"):
                yield writer
            return
        with in_words("read"), self._readers.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self._readers.dispose()
        self._writers.dispose()


def _require_open(connection: sa.Connection) -> None:
    # a full disk may make SQLite undo the whole of a transaction; what is written after that would be a
    # commit of its own: half of what was to be one
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        raise StoreError("the store cannot be written: the database has undone this transaction; try again")


@contextmanager
def in_words(verb: str) -> Iterator[None]:
    """Say in our words why the database refused: nobody above knows its driver.

    Parameters
    ----------
    verb : str
        What the store cannot be.

    Raises
    ------
    StoreError
        In place of an error of the driver.
    """
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        advice = _ADVICE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        text = f"the store cannot be {verb}: {cause}"
        raise StoreError(text if advice is None else f"{text}; {advice}") from error


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
