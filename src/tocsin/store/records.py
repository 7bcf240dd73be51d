"""Records: alerts, tasks, assessments, receipts, verdicts …, as revisions that are never changed."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.model.alert import Alert, Receipt, State, Task
from tocsin.model.codec import from_plain, to_plain
from tocsin.model.errors import ConflictError, PastError, StoreError
from tocsin.model.finding import Assessment
from tocsin.model.time import from_us, iso, require_utc, to_us
from tocsin.store.contract import Stored
from tocsin.store.database import Database
from tocsin.store.schema import RECORD

KINDS: dict[str, type[Any]] = {"alert": Alert, "task": Task, "assessment": Assessment, "receipt": Receipt}
"""Kinds that come back as nouns; every other kind is a mapping of plain JSON types."""

_STANDING = {State.DRAFT, State.SUBMITTED, State.APPROVED, State.ISSUED}


class Records:
    """Revisions of records in one database."""

    database: Database

    def put(self, kind: str, id: str, noun: Any, *, known_at: datetime, revision: int) -> None:  # noqa: A002
        """Keep one revision.

        Parameters
        ----------
        kind, id : str
            Which record.
        noun : noun or mapping
            One of :data:`KINDS` when the kind is listed there, else a mapping.
        known_at : datetime
            From when it is known.
        revision : int
            0 for the first, else one more than the last.

        Raises
        ------
        ConflictError
            When ``revision`` is not the next one: read again, then decide.
        PastError
            When ``known_at`` is before that of the revision before.
        StoreError
            When the noun is of another kind or carries another id or revision.
        """
        known = to_us(require_utc(known_at, "known_at"))
        body, until, content = _encode(kind, id, noun, revision)
        with self.database.write() as connection:
            last = connection.execute(
                sa.select(RECORD.c.revision, RECORD.c.known_at)
                .where(RECORD.c.kind == kind, RECORD.c.id == id)
                .order_by(RECORD.c.revision.desc())
                .limit(1)
            ).first()
            allowed = 0 if last is None else last.revision + 1
            if revision != allowed:
                raise ConflictError(
                    f"{kind} {id}: revision: got {revision}, allowed: {allowed}; read it again"
                )
            if last is not None and known < last.known_at:
                raise PastError(
                    f"{kind} {id}: known_at: got {iso(known_at)}, allowed: not before "
                    f"revision {last.revision} at {iso(from_us(last.known_at))}"
                )
            connection.execute(
                sa.insert(RECORD).values(
                    kind=kind,
                    id=id,
                    revision=revision,
                    known_at=known,
                    until=until,
                    content_hash=content,
                    body=body,
                )
            )
            self.database.touch("record", kind, id, revision)

    def get(self, kind: str, id: str, at: datetime | None = None) -> Any:  # noqa: A002
        """The newest revision known at ``at`` (None: of all); None when there is none."""
        query = sa.select(RECORD.c.body).where(RECORD.c.kind == kind, RECORD.c.id == id)
        if at is not None:
            query = query.where(RECORD.c.known_at <= to_us(require_utc(at, "at")))
        with self.database.read() as connection:
            body = connection.scalar(query.order_by(RECORD.c.revision.desc()).limit(1))
        return None if body is None else _decode(kind, body)

    def history(self, kind: str, id: str) -> builtins.list[Stored]:  # noqa: A002
        """Every revision, oldest first."""
        query = (
            sa.select(RECORD.c.revision, RECORD.c.known_at, RECORD.c.body)
            .where(RECORD.c.kind == kind, RECORD.c.id == id)
            .order_by(RECORD.c.revision)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Stored(kind=kind, id=id, revision=r, known_at=from_us(k), noun=_decode(kind, b))
            for r, k, b in rows
        ]

    def list(
        self, kind: str, *, at: datetime | None = None, where: Mapping[str, Any] | None = None
    ) -> builtins.list[Any]:
        """The newest revision of each record of a kind, by id; ``where`` compares fields of it.

        Raises
        ------
        StoreError
            When a value of ``where`` is neither text, number, truth value nor None.
        """
        conditions = [RECORD.c.kind == kind]
        if at is not None:
            conditions.append(RECORD.c.known_at <= to_us(require_utc(at, "at")))
        last = (
            sa.select(RECORD.c.id, sa.func.max(RECORD.c.revision).label("revision"))
            .where(*conditions)
            .group_by(RECORD.c.id)
            .subquery()
        )
        query = (
            sa.select(RECORD.c.body)
            .join(last, sa.and_(RECORD.c.id == last.c.id, RECORD.c.revision == last.c.revision))
            .where(RECORD.c.kind == kind)
            .order_by(RECORD.c.id)
        )
        for field, value in (where or {}).items():
            query = query.where(_field_is(field, to_plain(value)))
        with self.database.read() as connection:
            bodies = connection.scalars(query).all()
        return [_decode(kind, body) for body in bodies]

    def standing(self, at: datetime) -> builtins.list[Alert]:
        """Alerts whose newest revision known at ``at`` is open or issued and does not expire by then."""
        now = to_us(require_utc(at, "at"))
        known = sa.and_(RECORD.c.kind == "alert", RECORD.c.known_at <= now)
        # an alert that no revision carries beyond `at` has expired; only the others are looked into
        alive = sa.select(RECORD.c.id).where(known, RECORD.c.until > now)
        last = (
            sa.select(RECORD.c.id, sa.func.max(RECORD.c.revision).label("revision"))
            .where(known, RECORD.c.id.in_(alive))
            .group_by(RECORD.c.id)
            .subquery()
        )
        query = (
            sa.select(RECORD.c.body)
            .join(last, sa.and_(RECORD.c.id == last.c.id, RECORD.c.revision == last.c.revision))
            .where(RECORD.c.kind == "alert", RECORD.c.until > now)
            .order_by(RECORD.c.id)
        )
        with self.database.read() as connection:
            bodies = connection.scalars(query).all()
        return [a for a in (_decode("alert", b) for b in bodies) if a.state in _STANDING]

    def verdicts(self, since: datetime, until: datetime) -> builtins.list[Mapping[str, Any]]:
        """Records of kind ``verdict`` that became known in ``(since, until]``, in that order."""
        query = (
            sa.select(RECORD.c.body)
            .where(
                RECORD.c.kind == "verdict",
                RECORD.c.known_at > to_us(require_utc(since, "since")),
                RECORD.c.known_at <= to_us(require_utc(until, "until")),
            )
            .order_by(RECORD.c.known_at, RECORD.c.id, RECORD.c.revision)
        )
        with self.database.read() as connection:
            return builtins.list(connection.scalars(query).all())


def _encode(kind: str, name: str, noun: Any, revision: int) -> tuple[Any, int | None, str | None]:
    cls = KINDS.get(kind)
    if cls is None:
        if not isinstance(noun, Mapping):
            raise StoreError(f"{kind} {name}: got {type(noun).__name__}, allowed: a mapping")
        return to_plain(dict(noun)), None, None
    if not isinstance(noun, cls):
        raise StoreError(f"{kind} {name}: got {type(noun).__name__}, allowed: {cls.__name__}")
    if isinstance(noun, Alert):
        if (noun.id, noun.revision) != (name, revision):
            raise StoreError(
                f"alert {name}: got the noun of {noun.id!r} revision {noun.revision}, "
                f"allowed: {name!r} revision {revision}"
            )
        return to_plain(noun), to_us(noun.expires), noun.content_hash
    own = getattr(noun, "id", name)
    if own != name:
        raise StoreError(f"{kind} {name}: got the noun of {own!r}, allowed: its own id")
    return to_plain(noun), None, None


def _decode(kind: str, body: Any) -> Any:
    cls = KINDS.get(kind)
    return body if cls is None else from_plain(cls, body)


def _field_is(field: str, value: Any) -> sa.ColumnElement[bool]:
    element: Any = RECORD.c.body[field]
    condition: sa.ColumnElement[bool]
    if value is None:
        condition = element.as_string().is_(None)
    elif isinstance(value, bool):
        condition = element.as_boolean() == value
    elif isinstance(value, int):
        condition = element.as_integer() == value
    elif isinstance(value, float):
        condition = element.as_float() == value
    elif isinstance(value, str):
        condition = element.as_string() == value
    else:
        raise StoreError(f"where: {field}: got {value!r}, allowed: text, a number, true, false or None")
    return condition
