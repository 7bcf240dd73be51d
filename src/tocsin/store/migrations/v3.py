"""Version 3: outboxes apart for drills and for tests of the channels; who sends a message, and how soon."""

from __future__ import annotations

import sqlalchemy as sa

from tocsin.store.schema import OUTBOX, OUTBOX_DRILL, OUTBOXES, outbox_triggers

_NEW = ("priority", "owner", "lease_until", "cap_status", "message_key", "confirmed_at")


def upgrade(connection: sa.Connection) -> None:
    """Add columns and tables, and move drills out of the outbox of real warnings."""
    there = {c["name"] for c in sa.inspect(connection).get_columns(OUTBOX.name)}
    for name in _NEW:
        if name not in there:
            column = sa.schema.CreateColumn(OUTBOX.c[name]).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {OUTBOX.name} ADD COLUMN {column}")
    for table in OUTBOXES.values():
        table.create(connection, checkfirst=True)
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    said = {"cap_status": OUTBOX.c.payload["status"], "message_key": OUTBOX.c.payload["key"]}
    connection.execute(sa.update(OUTBOX).values({name: value.as_string() for name, value in said.items()}))
    drill = OUTBOX.c.cap_status.in_(("Exercise", "Test"))
    columns = [c for c in OUTBOX.c if c.name != "id"]
    connection.execute(
        sa.insert(OUTBOX_DRILL).from_select(
            [c.name for c in columns], sa.select(*columns).where(drill).order_by(OUTBOX.c.id)
        )
    )
    connection.execute(sa.delete(OUTBOX).where(drill))
    for statement in outbox_triggers():
        connection.exec_driver_sql(statement)
