"""A disk that is full: SQLite may not take another page, and says what it says on a real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from tocsin.store import Store


@contextmanager
def full_disk(store: Store, pages: int = 0) -> Iterator[None]:
    """Let the database of a store grow by so many pages and no more, in every connection that writes."""
    database = store.database  # type: ignore[attr-defined]
    limit = _pragma(database, "page_count") + pages

    def bound(connection: sa.Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"PRAGMA max_page_count = {limit}")

    def free(connection: sa.Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA max_page_count = 1000000")

    sa.event.listen(database._writers, "begin", bound)
    try:
        yield
    finally:
        sa.event.remove(database._writers, "begin", bound)
        sa.event.listen(database._writers, "begin", free)


def _pragma(database: Any, name: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
