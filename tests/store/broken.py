"""Stores that each break one rule; the suite must go red on every one of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.model import Observation, to_table
from tocsin.store import Added
from tocsin.store.embedded import EmbeddedStore
from tocsin.store.outbox import OutboxTable
from tocsin.store.packs import light
from tocsin.store.snapshot import PastSnapshot
from tocsin.testing.store import NOW, TICK


class IgnoresKnownAt(EmbeddedStore):
    """Looks ahead: every moment sees what is known today."""

    def as_of(self, at: datetime) -> PastSnapshot:
        return super().as_of(NOW)


class CountsOneTickLate(EmbeddedStore):
    """A row counts only after its known time."""

    def as_of(self, at: datetime) -> PastSnapshot:
        return super().as_of(at - TICK)


class _ValuesOnly(PastSnapshot):
    """Newest value of each cell, as ``arg_max`` gives it: a withdrawal is skipped."""

    def cells(self, **choice: Any) -> pa.Table:
        news = self._store.news(datetime.fromisoformat("1700-01-01T00:00Z"), self.at)
        news = news.filter(pc.is_null(news["missing"]))
        rows = {(r["quantity"], r["region"], r["valid_time"]): n for n, r in enumerate(news.to_pylist())}
        return news.take(pa.array(list(rows.values()), pa.int64()))


class SkipsMissing(EmbeddedStore):
    """A missing value is no value here."""

    def as_of(self, at: datetime) -> PastSnapshot:
        return _ValuesOnly(self, at, self.manifest.pin())


class _Zeros(PastSnapshot):
    def panel(self, *args: Any, **choice: Any) -> Any:
        panel = super().panel(*args, **choice)
        panel.values[~panel.known] = 0.0
        return panel


class ZeroForUnknown(EmbeddedStore):
    """No signal is no hazard here."""

    def as_of(self, at: datetime) -> PastSnapshot:
        return _Zeros(self, at, self.manifest.pin())


class KnowsNoKeys(EmbeddedStore):
    """The same batch twice is kept twice."""

    _numbers = itertools.count()

    def add(self, records: Any, *, ingest: str, at: datetime) -> Added:
        return super().add(records, ingest=f"{ingest} {os.getpid()} {next(self._numbers)}", at=at)


class TakesTheFuture(EmbeddedStore):
    """Believes any known time."""

    def add(self, records: Any, *, ingest: str, at: datetime) -> Added:
        return super().add(records, ingest=ingest, at=NOW)


class ArrivalIsKnowledge(EmbeddedStore):
    """Takes the order of arrival for the order of knowledge: an old revision that comes late wins."""

    def add(self, records: Any, *, ingest: str, at: datetime) -> Added:
        if not isinstance(records, pa.Table):
            records = to_table(r for r in records if isinstance(r, Observation))
        with self.database.read() as connection:
            n = connection.exec_driver_sql("SELECT COUNT(*) FROM ingest").scalar() or 0
        known = pc.min(records["known_at"]).as_py() if n == 0 else NOW - timedelta(days=1) + n * TICK
        column = pa.array([known] * records.num_rows, records.schema.field("known_at").type)
        return super().add(
            records.set_column(3, records.schema.field("known_at"), column), ingest=ingest, at=at
        )


class FirstOfATie(EmbeddedStore):
    """Of two rows known at the same instant, keeps to the one that came first."""

    def add(self, records: Any, *, ingest: str, at: datetime) -> Added:
        if isinstance(records, list):
            records = records[:1]
        return super().add(records, ingest=ingest, at=at)


class FollowsAhead(EmbeddedStore):
    """A replay that sees the next step already."""

    def follow(self, *, start: datetime, end: datetime, step: timedelta, panels: Any) -> Any:
        for snapshot in super().follow(start=start + step, end=end + step, step=step, panels=panels):
            snapshot.at = snapshot.at - step  # type: ignore[misc]
            yield snapshot


class LosesRows(EmbeddedStore):
    """Forgets what was waiting when it flushes."""

    def flush(self, at: datetime) -> int:
        with self.database.write() as connection:
            return connection.exec_driver_sql("UPDATE inbox SET flushed = 0, flushed_at = 0").rowcount


class OneEyeIsEnough(EmbeddedStore):
    """Lets an officer approve what the same officer submitted."""

    def approve(self, **given: Any) -> None:
        if given["approver"] == given["submitter"]:
            given["submitter"] += " (somebody else)"
        super().approve(**given)


class ForgetsToRollBack(EmbeddedStore):
    """Every call is a commit of its own."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield


class JudgesAhead(EmbeddedStore):
    """Shows what cycles after the moment said."""

    def judgements(self, quantity: str, series: int, *, until: datetime, **choice: Any) -> pa.Table:
        return super().judgements(quantity, series, until=NOW, **choice)


class DropsSummaries(EmbeddedStore):
    """Saves disk by keeping of a cycle in a pack only what is read of many."""

    def cycles(self, *span: Any, **choice: Any) -> Any:
        return [replace(row, summary=light(row.summary)) for row in super().cycles(*span, **choice)]


class _NoLease(OutboxTable):
    def claim(self, at: datetime, **asked: Any) -> Any:
        rows = super().claim(at, **asked)
        self.release(asked["owner"])
        return rows


class SendsTwice(EmbeddedStore):
    """What one has claimed another gets as well."""

    def outbox_of(self, name: str) -> OutboxTable:
        return _NoLease(self.database, name)


class _Overtaking(OutboxTable):
    def _sendable(self, now: int, horizon: timedelta) -> Any:
        return super()._sendable(now, horizon)[:-1]


class LetsUpdatesOvertake(EmbeddedStore):
    """Of a group it gives whatever is graver."""

    def outbox_of(self, name: str) -> OutboxTable:
        return _Overtaking(self.database, name)


class _AnyStatus(OutboxTable):
    def enqueue(self, *, payload: Any, **row: Any) -> bool:
        return super().enqueue(payload={k: v for k, v in payload.items() if k != "status"}, **row)


class OneBoxForAll(EmbeddedStore):
    """Drills wait among real warnings."""

    def outbox_of(self, name: str) -> OutboxTable:
        return _AnyStatus(self.database, "public")


CASES = [
    (SendsTwice, "check_outbox_lanes"),
    (LetsUpdatesOvertake, "check_outbox_lanes"),
    (OneBoxForAll, "check_outbox_lanes"),
    (JudgesAhead, "check_judgements"),
    (DropsSummaries, "check_judgements"),
    (IgnoresKnownAt, "check_as_of_counts_from_the_instant"),
    (IgnoresKnownAt, "check_the_past_stays"),
    (IgnoresKnownAt, "check_revisions"),
    (CountsOneTickLate, "check_as_of_counts_from_the_instant"),
    (SkipsMissing, "check_withdrawals"),
    (SkipsMissing, "check_upkeep_changes_no_answer"),
    (ZeroForUnknown, "check_panel_tells_missing_from_unknown"),
    (KnowsNoKeys, "check_idempotence"),
    (KnowsNoKeys, "check_three_processes"),
    (TakesTheFuture, "check_bad_rows_are_refused"),
    (ArrivalIsKnowledge, "check_revisions"),
    (FirstOfATie, "check_ties"),
    (FollowsAhead, "check_follow_equals_as_of"),
    (LosesRows, "check_upkeep_changes_no_answer"),
    (LosesRows, "check_kill"),
    (OneEyeIsEnough, "check_authority"),
    (ForgetsToRollBack, "check_transaction"),
]
"""Broken store, and a check that must find it."""
