"""Version 2: news files of large segments; packs of cycles."""

from __future__ import annotations

import sqlalchemy as sa

from tocsin.store.schema import CYCLE, CYCLE_COLUMN, CYCLE_LOOSE, CYCLE_PACK, SEGMENT


def upgrade(connection: sa.Connection) -> None:
    """Add the columns, tables and indices; what is there stays as it is until ``compact`` takes it up."""
    inspector = sa.inspect(connection)
    for table, names in ((SEGMENT, ("news", "news_sha256")), (CYCLE, ("pack", "place", "tiled"))):
        there = {c["name"] for c in inspector.get_columns(table.name)}
        for name in names:
            if name not in there:
                column = sa.schema.CreateColumn(table.c[name]).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")
    for table in (CYCLE_LOOSE, CYCLE_PACK, CYCLE_COLUMN):
        table.create(connection, checkfirst=True)
    for index in CYCLE.indexes:
        index.create(connection, checkfirst=True)
