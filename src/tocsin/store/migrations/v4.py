"""Version 4: an approval is held to the warning that it is for."""

from __future__ import annotations

import sqlalchemy as sa

from tocsin.store.schema import approval_triggers


def upgrade(connection: sa.Connection) -> None:
    """Add the triggers; approvals that are there stay as they are."""
    for statement in approval_triggers():
        connection.exec_driver_sql(statement)
