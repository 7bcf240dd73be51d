"""Versions of the schema and the way forward from one to the next.

A step is one function in a module of its own (``v2.py`` …), entered in :data:`STEPS`; it gets a
connection inside the one transaction of the upgrade. There is no way back: restore a backup.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store.database import Database
from tocsin.store.migrations import v1, v2, v3, v4, v5
from tocsin.store.schema import META

STEPS: dict[int, Callable[[sa.Connection], None]] = {
    1: v1.upgrade,
    2: v2.upgrade,
    3: v3.upgrade,
    4: v4.upgrade,
    5: v5.upgrade,
}
"""Version reached by each step."""

CURRENT = max(STEPS)


def version(connection: sa.Connection) -> int:
    """Version of the schema that a database has; 0 when it is empty."""
    if not sa.inspect(connection).has_table("meta"):
        return 0
    found = connection.scalar(sa.select(META.c.value).where(META.c.name == "schema"))
    return 0 if found is None else int(found)


def migrate(database: Database) -> int:
    """Bring a database to the newest schema, in one transaction; give the version it had.

    Raises
    ------
    StoreError
        When the store was written by a newer Tocsin.
    """
    with database.read() as connection:
        had = version(connection)
    if had < CURRENT:
        with database.write() as connection:
            had = version(connection)  # somebody else may have been first
            for step in range(had + 1, CURRENT + 1):
                STEPS[step](connection)
                connection.execute(sa.delete(META).where(META.c.name == "schema"))
                connection.execute(sa.insert(META).values(name="schema", value=step))
    if had > CURRENT:
        raise StoreError(
            f"{database.path}: schema: got version {had}, allowed: up to {CURRENT}; "
            "it was written by a newer Tocsin: use that one, or restore an older backup"
        )
    return had
