"""The outboxes: what is to be sent, once to each recipient, until it is settled or given up.

Three tables of one form that share nothing: real warnings (``public``), exercises and tests (``drill``), and
routine tests of the channels (``reach``). A row is sent by whoever holds its lease; a lease that has run out,
or that ends later than any lease could (the clock was set back), is anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tocsin.model.codec import to_plain
from tocsin.model.errors import StoreError
from tocsin.model.time import from_us, require_utc, to_us
from tocsin.store.contract import OutboxItem
from tocsin.store.database import Database
from tocsin.store.schema import FINAL, OUTBOXES

SETTLED = ("accepted", "delivered", "failed", "dead")
"""What a channel's answer can be: ``failed`` is tried again, the others are final."""

_OPEN = ("pending", "failed")


class OutboxTable:
    """One table of decisions to send.

    Parameters
    ----------
    database : Database
        Where it is.
    name : str
        A key of :data:`tocsin.store.schema.OUTBOXES`.

    Raises
    ------
    StoreError
        For an unknown name.
    """

    def __init__(self, database: Database, name: str) -> None:
        if name not in OUTBOXES:
            raise StoreError(f"outbox: got {name!r}, allowed: {', '.join(OUTBOXES)}")
        self.database, self.name, self._table = database, name, OUTBOXES[name]

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
        priority: int = 0,
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
        priority : int
            Of two that wait for one recipient the higher goes first, but never before an earlier message of
            its own group.

        Raises
        ------
        StoreError
            When a message of this status may not be in this table.
        """
        now, table = to_us(require_utc(at, "at")), self._table
        same = sa.select(table.c.id).where(
            table.c.group_id == group,
            table.c.recipient == recipient,
            table.c.content_hash == content_hash,
        )
        with self.database.write() as connection:
            if connection.scalar(same) is not None:
                return False
            done = connection.execute(
                sa.insert(table).values(
                    group_id=group,
                    recipient=recipient,
                    content_hash=content_hash,
                    channel=channel,
                    payload=to_plain(dict(payload)),
                    at=now,
                    status="pending",
                    next_try=now,
                    priority=priority,
                    cap_status=payload.get("status"),
                    message_key=payload.get("key"),
                )
            )
            self.database.touch(table.name, int(done.lastrowid))
        return True

    def pending(self, at: datetime, *, limit: int | None = None) -> list[OutboxItem]:
        """Messages to be tried at ``at``, in the order in which they came, whoever sends them now."""
        table = self._table
        query = (
            sa.select(table)
            .where(table.c.status.in_(_OPEN), table.c.next_try <= to_us(require_utc(at, "at")))
            .order_by(table.c.id)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_item(row) for row in connection.execute(query)]

    def due(self, at: datetime, *, horizon: timedelta) -> dict[str, datetime]:
        """Recipients with messages that somebody could send now, and since when the first of them waits."""
        table = self._table
        query = (
            sa.select(table.c.recipient, sa.func.min(table.c.at))
            .where(*self._sendable(to_us(require_utc(at, "at")), horizon))
            .group_by(table.c.recipient)
            .order_by(table.c.recipient)
        )
        with self.database.read() as connection:
            return {row[0]: from_us(row[1]) for row in connection.execute(query)}

    def claim(
        self,
        at: datetime,
        *,
        recipient: str,
        owner: str,
        lease: timedelta,
        horizon: timedelta,
        limit: int,
    ) -> list[OutboxItem]:
        """Take messages of one recipient to send them; nobody else gets them until the lease has run out.

        Of each group the first that is not settled, and no other: an update never overtakes its alert.

        Parameters
        ----------
        at : datetime
            Now.
        owner : str
            Who sends them; unique to each sender of each process.
        lease : timedelta
            For how long.
        horizon : timedelta
            Longest wait that can be meant: a row that waits for longer was put there before the clock was set
            back, and is due. At least ``lease``.
        limit : int
            At most so many.

        Returns
        -------
        list of OutboxItem
            Those of the highest priority first, then as they came.
        """
        now, table = to_us(require_utc(at, "at")), self._table
        query = (
            sa.select(table)
            .where(table.c.recipient == recipient, *self._sendable(now, horizon))
            .order_by(table.c.priority.desc(), table.c.id)
            .limit(limit)
        )
        with self.database.read() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []  # most looks find nothing: no writer's lock for them
        with self.database.write() as connection:
            rows = connection.execute(query).all()
            if rows:
                until = now + lease // timedelta(microseconds=1)
                connection.execute(
                    sa.update(table)
                    .where(table.c.id.in_([row.id for row in rows]))
                    .values(owner=owner, lease_until=until)
                )
        return [_item(row) for row in rows]

    def holds(self, id: int, owner: str) -> bool:  # noqa: A002
        """Whether a message is still to be sent, and by this owner and no other."""
        table = self._table
        query = sa.select(table.c.id).where(
            table.c.id == id, table.c.owner == owner, table.c.status.in_(_OPEN)
        )
        with self.database.read() as connection:
            return connection.scalar(query) is not None

    def wake(self, recipient: str, at: datetime) -> None:
        """Let what waits for its next try be tried now: the recipient's receiver is back."""
        now, table = to_us(require_utc(at, "at")), self._table
        with self.database.write() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.recipient == recipient, table.c.status == "failed", table.c.next_try > now)
                .values(next_try=now)
            )

    def release(self, owner: str) -> None:
        """Give back what this owner holds and did not settle."""
        table = self._table
        with self.database.write() as connection:
            connection.execute(
                sa.update(table).where(table.c.owner == owner).values(owner=None, lease_until=None)
            )

    def settle(
        self,
        id: int,  # noqa: A002
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
        owner: str | None = None,
    ) -> None:
        """Note what a channel answered.

        Parameters
        ----------
        owner : str or None
            Who sent it. An answer that the receiver has it counts whoever brings it; one that it does not is
            refused from a sender whose lease went to another, who may be about to succeed.

        Raises
        ------
        StoreError
            When there is no such message, it is settled for good already, another one sends it now, the
            status is not one of :data:`SETTLED`, or ``next_try`` does not fit it.
        """
        if status not in SETTLED:
            raise StoreError(f"outbox {id}: status: got {status!r}, allowed: {', '.join(SETTLED)}")
        if (status == "failed") != (next_try is not None):
            raise StoreError(
                f"outbox {id}: next_try: got {next_try} with {status!r}, allowed: with 'failed' only"
            )
        table, now = self._table, to_us(require_utc(at, "at"))
        mine = [table.c.id == id, table.c.status.in_(_OPEN)]
        if owner is not None and status in ("failed", "dead"):
            mine.append(table.c.owner == owner)
        with self.database.write() as connection:
            done = connection.execute(
                sa.update(table)
                .where(*mine)
                .values(
                    status=status,
                    settled_at=now,
                    detail=detail,
                    next_try=None if next_try is None else to_us(require_utc(next_try, "next_try")),
                    attempts=table.c.attempts + 1,
                    owner=None,
                    lease_until=None,
                    confirmed_at=now if status == "delivered" else table.c.confirmed_at,
                )
            )
            if done.rowcount != 1:
                raise StoreError(
                    f"outbox {id}: got a second answer, one of a sender that is no longer its owner, or no "
                    "such message, allowed: one that is pending"
                )
            if status in FINAL:
                self.database.touch(f"{table.name}.answer", id)

    def confirm(self, key: str, *, at: datetime) -> bool:
        """Note that the receiver says it has the message with this idempotency key, the first time it does.

        Returns
        -------
        bool
            False when no message has the key.
        """
        table = self._table
        query = sa.select(table.c.id, table.c.status, table.c.confirmed_at).where(table.c.message_key == key)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        # Anybody may ask: who guesses, or says it again and again, must not get the writer's lock.
        if row is None or row.confirmed_at is not None:
            return row is not None
        with self.database.write() as connection:
            row = connection.execute(query).first()
            if row is not None and row.confirmed_at is None:
                now = to_us(require_utc(at, "at"))
                values: dict[str, Any] = {"confirmed_at": now}
                if row.status != "delivered":  # whatever the channel said of it: the receiver knows better
                    values |= {
                        "status": "delivered",
                        "next_try": None,
                        "settled_at": now if row.status in _OPEN else table.c.settled_at,
                        "owner": None,
                        "lease_until": None,
                    }
                connection.execute(sa.update(table).where(table.c.id == row.id).values(**values))
                self.database.touch(f"{table.name}.answer", row.id)
        return True

    def rows(
        self, *, status: str | None = None, alert: str | None = None, since: datetime | None = None
    ) -> list[OutboxItem]:
        """Messages in any state (``dead``: those given up), oldest first.

        Parameters
        ----------
        status, alert : str or None
            Only those of a state, of a CAP identifier.
        since : datetime or None
            Only those put there since then.
        """
        table = self._table
        query = sa.select(table).order_by(table.c.id)
        if status is not None:
            query = query.where(table.c.status == status)
        if alert is not None:
            query = query.where(table.c.payload["alert"].as_string() == alert)
        if since is not None:
            query = query.where(table.c.at >= to_us(require_utc(since, "since")))
        with self.database.read() as connection:
            return [_item(row) for row in connection.execute(query)]

    def tally(self) -> dict[str, int]:
        """How many messages are in each state; states without any are left out."""
        table = self._table
        query = sa.select(table.c.status, sa.func.count()).group_by(table.c.status)
        with self.database.read() as connection:
            return {row[0]: row[1] for row in sorted(connection.execute(query))}

    def _sendable(self, now: int, horizon: timedelta) -> list[sa.ColumnElement[bool]]:
        table, earlier = self._table, self._table.alias()
        far = now + horizon // timedelta(microseconds=1)
        return [
            table.c.status.in_(_OPEN),
            sa.or_(table.c.next_try <= now, table.c.next_try > far),
            sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now, table.c.lease_until > far),
            ~sa.exists().where(
                earlier.c.recipient == table.c.recipient,
                earlier.c.group_id == table.c.group_id,
                earlier.c.status.in_(_OPEN),
                earlier.c.id < table.c.id,
            ),
        ]


class Outbox:
    """The outboxes of one database; calls without a name of one are about real warnings."""

    database: Database

    def outbox_of(self, name: str) -> OutboxTable:
        """One of the outboxes: ``public``, ``drill`` or ``reach``."""
        return OutboxTable(self.database, name)

    def enqueue(self, **row: Any) -> bool:
        """See :meth:`OutboxTable.enqueue`."""
        return self.outbox_of("public").enqueue(**row)

    def pending(self, at: datetime, *, limit: int | None = None) -> list[OutboxItem]:
        """See :meth:`OutboxTable.pending`."""
        return self.outbox_of("public").pending(at, limit=limit)

    def settle(self, id: int, **answer: Any) -> None:  # noqa: A002
        """See :meth:`OutboxTable.settle`."""
        self.outbox_of("public").settle(id, **answer)

    def outbox(self, *, status: str | None = None) -> list[OutboxItem]:
        """See :meth:`OutboxTable.rows`."""
        return self.outbox_of("public").rows(status=status)


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
        priority=row.priority,
        owner=row.owner,
        lease_until=None if row.lease_until is None else from_us(row.lease_until),
        confirmed_at=None if row.confirmed_at is None else from_us(row.confirmed_at),
    )
