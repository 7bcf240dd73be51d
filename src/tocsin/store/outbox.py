"""The outbox: what is to be sent, once to each recipient, until it is settled or given up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.model.codec import to_plain
from tocsin.model.errors import StoreError
from tocsin.model.time import from_us, require_utc, to_us
from tocsin.store.contract import OutboxItem
from tocsin.store.database import Database
from tocsin.store.schema import OUTBOX

SETTLED = ("accepted", "delivered", "failed", "dead")
"""What a channel's answer can be: ``failed`` is tried again, the others are final."""


class Outbox:
    """Messages under way in one database."""

    database: Database

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
    ) -> bool:
        """Put a message into the outbox; False when it is there already, in whatever state.

        Parameters
        ----------
        group, recipient, content_hash : str
            Together they say what must not be sent twice.
        channel : str
            Name of the channel.
        payload : mapping
            What the channel needs, plain JSON types.
        at : datetime
            When it was put there: it is tried from then on.
        """
        now = to_us(require_utc(at, "at"))
        same = sa.select(OUTBOX.c.id).where(
            OUTBOX.c.group_id == group,
            OUTBOX.c.recipient == recipient,
            OUTBOX.c.content_hash == content_hash,
        )
        with self.database.write() as connection:
            if connection.scalar(same) is not None:
                return False
            connection.execute(
                sa.insert(OUTBOX).values(
                    group_id=group,
                    recipient=recipient,
                    content_hash=content_hash,
                    channel=channel,
                    payload=to_plain(dict(payload)),
                    at=now,
                    status="pending",
                    next_try=now,
                )
            )
        return True

    def pending(self, at: datetime, *, limit: int | None = None) -> list[OutboxItem]:
        """Messages to be tried at ``at``, in the order in which they came."""
        query = (
            sa.select(OUTBOX)
            .where(
                OUTBOX.c.status.in_(("pending", "failed")),
                OUTBOX.c.next_try <= to_us(require_utc(at, "at")),
            )
            .order_by(OUTBOX.c.id)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_item(row) for row in connection.execute(query)]

    def settle(
        self,
        id: int,  # noqa: A002
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
    ) -> None:
        """Note what a channel answered.

        Raises
        ------
        StoreError
            When there is no such message, it is settled for good already, the status is not one of
            :data:`SETTLED`, or ``next_try`` does not fit it.
        """
        if status not in SETTLED:
            raise StoreError(f"outbox {id}: status: got {status!r}, allowed: {', '.join(SETTLED)}")
        if (status == "failed") != (next_try is not None):
            raise StoreError(
                f"outbox {id}: next_try: got {next_try} with {status!r}, allowed: with 'failed' only"
            )
        with self.database.write() as connection:
            done = connection.execute(
                sa.update(OUTBOX)
                .where(OUTBOX.c.id == id, OUTBOX.c.status.in_(("pending", "failed")))
                .values(
                    status=status,
                    settled_at=to_us(require_utc(at, "at")),
                    detail=detail,
                    next_try=None if next_try is None else to_us(require_utc(next_try, "next_try")),
                    attempts=OUTBOX.c.attempts + 1,
                )
            )
            if done.rowcount != 1:
                raise StoreError(
                    f"outbox {id}: got a second answer or no such message, allowed: one that is pending"
                )

    def outbox(self, *, status: str | None = None) -> list[OutboxItem]:
        """Messages in any state (``dead``: those given up), oldest first."""
        query = sa.select(OUTBOX).order_by(OUTBOX.c.id)
        if status is not None:
            query = query.where(OUTBOX.c.status == status)
        with self.database.read() as connection:
            return [_item(row) for row in connection.execute(query)]


def _item(row: sa.Row[Any]) -> OutboxItem:
    return OutboxItem(
        id=row.id,
        group=row.group_id,
        recipient=row.recipient,
        content_hash=row.content_hash,
        channel=row.channel,
        payload=row.payload,
        at=from_us(row.at),
        status=row.status,
        attempts=row.attempts,
        next_try=None if row.next_try is None else from_us(row.next_try),
        settled_at=None if row.settled_at is None else from_us(row.settled_at),
        detail=row.detail,
    )
