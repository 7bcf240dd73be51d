"""Version 1: the first schema, whole."""

from __future__ import annotations

import sqlalchemy as sa

from tocsin.store.schema import META, METADATA, trigger_statements


def upgrade(connection: sa.Connection) -> None:
    """Make every table, constraint and trigger."""
    METADATA.create_all(connection)
    for statement in trigger_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.execute(sa.insert(META), [{"name": "generation", "value": 0}, {"name": "bulk", "value": 0}])
