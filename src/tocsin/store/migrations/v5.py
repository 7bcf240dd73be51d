"""Version 5: seals over the rows that decisions write, from here on and over what is there."""

from __future__ import annotations

import sqlalchemy as sa

from tocsin.store.schema import SEAL, append_only
from tocsin.store.seals import seal_everything


def upgrade(connection: sa.Connection) -> None:
    """Make the table, and seal what is there as it is now: what was done to it before is not seen."""
    SEAL.create(connection, checkfirst=True)
    for statement in append_only("seal"):
        connection.exec_driver_sql(statement)
    seal_everything(connection)
