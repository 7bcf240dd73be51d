"""The journal of decisions: append-only, each entry bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tocsin.model.alert import Decision
from tocsin.model.codec import from_plain, to_plain
from tocsin.model.errors import ConflictError
from tocsin.model.time import require_utc, to_us
from tocsin.store.contract import JournalEntry
from tocsin.store.database import Database
from tocsin.store.schema import JOURNAL

FIRST = "0" * 64
"""What the first entry names as the hash before it."""


def entry_hash(prev: str, body: Any) -> str:
    """Hash of an entry: over the hash before it and its content.

    Examples
    --------
    >>> entry_hash(FIRST, {"a": 1}) == entry_hash(FIRST, {"a": 2})
    False
    """
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{prev}\n{text}".encode()).hexdigest()


class Journal:
    """Decisions in one database."""

    database: Database

    def journal(self, decision: Decision) -> str:
        """Append a decision to the hash chain; give its hash.

        Raises
        ------
        ConflictError
            When a decision of this id is in the journal.
        """
        # sorted, so that the text that is kept is the text that is hashed
        body = dict(sorted(to_plain(decision).items()))
        with self.database.write() as connection:
            if connection.scalar(sa.select(JOURNAL.c.seq).where(JOURNAL.c.id == decision.id)) is not None:
                raise ConflictError(f"journal: decision {decision.id}: got it twice, allowed: once")
            prev = (
                connection.scalar(sa.select(JOURNAL.c.hash).order_by(JOURNAL.c.seq.desc()).limit(1)) or FIRST
            )
            hashed = entry_hash(prev, body)
            connection.execute(
                sa.insert(JOURNAL).values(
                    id=decision.id,
                    at=to_us(require_utc(decision.at, "at")),
                    actor=decision.actor,
                    action=decision.action,
                    subject=decision.subject,
                    body=body,
                    prev=prev,
                    hash=hashed,
                )
            )
            self.database.touch("journal")
        return hashed

    def audit(
        self,
        *,
        subject: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[JournalEntry]:
        """Entries of the journal, oldest first (the newest ``limit`` of them).

        Parameters
        ----------
        subject, actor : str, optional
            Only about this alert or task; only by this account.
        since, until : datetime, optional
            Only decisions made in ``[since, until]``.
        limit : int, optional
            At most so many, the newest ones.
        """
        query = sa.select(JOURNAL.c.seq, JOURNAL.c.body, JOURNAL.c.prev, JOURNAL.c.hash)
        if subject is not None:
            query = query.where(JOURNAL.c.subject == subject)
        if actor is not None:
            query = query.where(JOURNAL.c.actor == actor)
        if since is not None:
            query = query.where(JOURNAL.c.at >= to_us(require_utc(since, "since")))
        if until is not None:
            query = query.where(JOURNAL.c.at <= to_us(require_utc(until, "until")))
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(JOURNAL.c.seq.desc()).limit(limit)).all()
        return [
            JournalEntry(seq=s, decision=from_plain(Decision, b), prev=p, hash=h)
            for s, b, p, h in reversed(rows)
        ]

    def journal_faults(self) -> list[str]:
        """Where the chain is broken, in words; empty when it is whole."""
        faults, prev = [], FIRST
        with self.database.read() as connection:
            query = sa.select(JOURNAL.c.seq, JOURNAL.c.id, JOURNAL.c.body, JOURNAL.c.prev, JOURNAL.c.hash)
            for row in connection.execute(query.order_by(JOURNAL.c.seq)):
                if row.prev != prev:
                    faults.append(f"journal: entry {row.seq} ({row.id}) does not follow the entry before it")
                if entry_hash(row.prev, row.body) != row.hash:
                    faults.append(f"journal: entry {row.seq} ({row.id}) is not what was written")
                prev = row.hash
        return faults
