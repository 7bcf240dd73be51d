"""Events: versions in the order of known time; a version that says nothing new is not one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.model.codec import from_plain, to_plain
from tocsin.model.errors import ShapeError
from tocsin.model.observation import Event
from tocsin.model.time import iso, require_utc, to_us
from tocsin.store.database import Database
from tocsin.store.rows import EARLIEST, LATEST
from tocsin.store.schema import EVENT

_NOT_CONTENT = ("known_at", "revision", "raw", "basis")


def require_events(events: Iterable[Event], at: datetime) -> None:
    """Refuse events that cannot be.

    Raises
    ------
    ShapeError
        Naming the event, the field, what was got and what is allowed.
    """
    for event in events:
        name = f"event {event.id}"
        if event.id != f"{event.source}:{event.external_id}":
            raise ShapeError(f"{name}: id: allowed: {event.source}:{event.external_id}")
        if event.known_at > at:
            raise ShapeError(
                f"{name}: known_at: got {iso(event.known_at)}, allowed: nothing known after the ingest at "
                f"{iso(at)}: quarantine it"
            )
        for field, moment in (("onset", event.onset), ("ends", event.ends), ("known_at", event.known_at)):
            if moment is not None and not EARLIEST <= moment < LATEST:
                raise ShapeError(f"{name}: {field}: got {iso(moment)}, allowed: the years 1700 to 2299")
        if event.ends is not None and event.ends < event.onset:
            raise ShapeError(f"{name}: ends: got {iso(event.ends)}, allowed: not before {iso(event.onset)}")


class Events:
    """Versions of events in one database."""

    database: Database

    def add_events(self, connection: sa.Connection, events: Iterable[Event], ingest: int) -> int:
        """Keep the versions that say something new; give their number."""
        kept = 0
        for event in sorted(events, key=lambda e: e.known_at):
            body = to_plain(event)
            digest = _digest(body)
            known = to_us(event.known_at)
            before = connection.scalar(
                sa.select(EVENT.c.digest)
                .where(EVENT.c.id == event.id, EVENT.c.known_at <= known)
                .order_by(EVENT.c.known_at.desc(), EVENT.c.seq.desc())
                .limit(1)
            )
            if before == digest:
                continue
            connection.execute(
                sa.insert(EVENT).values(
                    id=event.id,
                    domain=event.domain,
                    onset=to_us(event.onset),
                    ends=None if event.ends is None else to_us(event.ends),
                    known_at=known,
                    digest=digest,
                    body=body,
                    ingest=ingest,
                )
            )
            kept += 1
        return kept

    def known_events(
        self,
        at: datetime,
        *,
        domain: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[Event]:
        """The newest version of each event known at ``at`` whose time meets ``[start, end)``."""
        known = EVENT.c.known_at <= to_us(require_utc(at, "at"))
        meets: list[sa.ColumnElement[bool]] = []
        if domain is not None:
            meets.append(EVENT.c.domain == domain)
        if end is not None:
            meets.append(EVENT.c.onset < to_us(require_utc(end, "end")))
        if start is not None:
            first = to_us(require_utc(start, "start"))
            # an event without length, such as an earthquake, counts at its onset
            meets.append(sa.or_(EVENT.c.ends.is_(None), EVENT.c.ends > first, EVENT.c.onset >= first))
        versions = sa.select(
            EVENT.c.seq,
            EVENT.c.id,
            (
                sa.func.row_number().over(partition_by=EVENT.c.id, order_by=(EVENT.c.known_at, EVENT.c.seq))
                - 1
            ).label("revision"),
            sa.func.row_number()
            .over(partition_by=EVENT.c.id, order_by=(EVENT.c.known_at.desc(), EVENT.c.seq.desc()))
            .label("age"),
        ).where(known)
        if meets:  # only events of which some version meets; whether the newest does is asked below
            versions = versions.where(EVENT.c.id.in_(sa.select(EVENT.c.id).where(known, *meets)))
        last = versions.subquery()
        query = (
            sa.select(EVENT.c.body, last.c.revision)
            .join(last, EVENT.c.seq == last.c.seq)
            .where(last.c.age == 1, *meets)
            .order_by(EVENT.c.onset, EVENT.c.id)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [replace(from_plain(Event, body), revision=revision) for body, revision in rows]

    def event_history(self, id: str) -> list[Event]:  # noqa: A002
        """Every version of an event, oldest first."""
        query = sa.select(EVENT.c.body).where(EVENT.c.id == id).order_by(EVENT.c.known_at, EVENT.c.seq)
        with self.database.read() as connection:
            bodies = connection.scalars(query).all()
        return [replace(from_plain(Event, body), revision=n) for n, body in enumerate(bodies)]


def _digest(body: dict[str, Any]) -> str:
    content = {k: v for k, v in body.items() if k not in _NOT_CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
