"""Upkeep: waiting batches become segments, small segments become large ones, old files go.

Every step may be killed at any point, and may run in several processes at once: files are written
first, under names that nobody reads, and one short transaction makes them count.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.model.time import require_utc, to_us
from tocsin.store import segment as segments
from tocsin.store.database import Database
from tocsin.store.manifest import Manifest, Superseded
from tocsin.store.order import sort_month
from tocsin.store.schema import INBOX, INTENT, SEGMENT
from tocsin.store.segment import Segment, Wanted

GRACE = timedelta(hours=1)
"""How long replaced files stay; must exceed the longest read and the longest write."""

_TIER = 4  # a merge takes in a segment up to so many times as large as what is merged already
_MERGERS = 2  # months merged side by side: each is in memory while it is
_MICROSECOND = timedelta(microseconds=1)


class Upkeep:
    """Flush, compaction and sweep of one store."""

    database: Database
    manifest: Manifest
    pack_cycles: Callable[[], int]

    def flush(self, at: datetime) -> int:
        """Move waiting batches to segments.

        Parameters
        ----------
        at : datetime
            Wall time.

        Returns
        -------
        int
            Rows moved; 0 when there were none, or when another process moved them first.
        """
        now = to_us(require_utc(at, "at"))
        self._outside("flush")
        pin = self.manifest.pin()
        if not pin.batches:
            return 0
        months = self.manifest.waiting(pin)
        rows = self.manifest.prepare(months.items(), now)
        try:
            with self.database.write() as connection:
                generation = self.manifest.publish(connection, rows, (), now)
                moved = 0
                for some in range(0, len(pin.batches), 500):
                    batch = pin.batches[some : some + 500]
                    done = connection.execute(
                        sa.update(INBOX)
                        .where(INBOX.c.id.in_(batch), INBOX.c.flushed.is_(None))
                        .values(flushed=generation, flushed_at=now)
                    )
                    moved += done.rowcount
                if moved != len(pin.batches):
                    raise Superseded
        except Superseded:
            return 0  # the files are swept later: another process may have published the same ones
        return sum(t.num_rows for t in months.values())

    def compact(self, at: datetime, *, grace: timedelta = GRACE, full: bool = False) -> int:
        """Merge small segments and sweep what nobody can be reading any more.

        Parameters
        ----------
        at : datetime
            Wall time.
        grace : timedelta
            How long replaced files stay readable.
        full : bool
            Merge every month into one segment, however large.

        Returns
        -------
        int
            Segments that were merged away.
        """
        now = to_us(require_utc(at, "at"))
        self._outside("compact")
        by_month: dict[int, list[Segment]] = {}
        for part in self.manifest.pin().segments:
            by_month.setdefault(part.month, []).append(part)
        due: list[tuple[int, list[Segment]]] = []
        for month, parts in sorted(by_month.items()):
            chosen = parts if full else choose_merge(parts)
            if len(chosen) > 1:
                due.append((month, chosen))
        with ThreadPoolExecutor(_MERGERS) as pool:
            merged = sum(pool.map(lambda one: self._merge(one[0], one[1], now), due))
        for part in self.manifest.pin().segments:
            if part.news is None and part.rows > segments.NEWS_ROWS:
                self._index_news(part, now)
        self._sweep(now - grace // _MICROSECOND)
        self.pack_cycles()
        return merged

    def _index_news(self, part: Segment, now: int) -> None:
        try:
            table = segments.read(self.manifest.path(part.name), Wanted())
        except StoreError:
            if part.id in {s.id for s in self.manifest.pin().segments}:
                raise
            return  # another process merged and swept it meanwhile
        news = self.manifest.news_file(part.month, table, now)
        with suppress(Superseded), self.database.write() as connection:
            self.manifest.publish_news(connection, part, news)

    def _merge(self, month: int, parts: list[Segment], now: int) -> int:
        parts = sorted(parts, key=lambda p: p.id)
        try:
            tables = [segments.read(self.manifest.path(p.name), Wanted()) for p in parts]
        except StoreError:
            if {p.id for p in parts} <= {s.id for s in self.manifest.pin().segments}:
                raise
            return 0  # another process merged and swept them meanwhile
        whole = sort_month(pa.concat_tables(tables), month)
        del tables
        rows = self.manifest.prepare([(month, whole)], now, news=True)
        try:
            with self.database.write() as connection:
                self.manifest.publish(connection, rows, [p.id for p in parts], now)
        except Superseded:
            return 0
        return len(parts)

    def _sweep(self, before: int) -> None:
        # files go inside the transaction: nobody can tell of a file by the same name meanwhile, and if we are
        # killed in it, rows without a file are left, which count for nothing and go with the next sweep
        with self.database.write() as connection:
            gone = connection.execute(
                sa.select(SEGMENT.c.name, SEGMENT.c.news).where(SEGMENT.c.removed_at <= before)
            ).all()
            old = {name for row in gone for name in row if name is not None}
            told = set(connection.scalars(sa.select(INTENT.c.name).where(INTENT.c.at <= before)))
            # a name that was told twice may have been published by the other teller: keep that file
            if told:
                kept = connection.execute(sa.select(SEGMENT.c.name, SEGMENT.c.news))
                told -= {name for row in kept for name in row}
            for name in sorted(old | told):
                path = self.manifest.path(name)
                path.unlink(missing_ok=True)
                for partial in path.parent.glob(f"{name}.*.part"):
                    partial.unlink(missing_ok=True)
            connection.execute(sa.delete(SEGMENT).where(SEGMENT.c.removed_at <= before))
            connection.execute(sa.delete(INBOX).where(INBOX.c.flushed_at <= before))
            connection.execute(sa.delete(INTENT).where(INTENT.c.at <= before))

    def _outside(self, what: str) -> None:
        if self.database.in_transaction:
            raise StoreError(f"{what}: got a call inside transaction(), allowed: outside; it makes its own")


def choose_merge(parts: list[Segment]) -> list[Segment]:
    """Which segments of a month to merge: the small ones, and a larger one only when it is due.

    So each row is written again a few times only, and a month keeps a handful of segments.
    """
    ordered = sorted(parts, key=lambda p: (p.rows, p.id))
    total, taken = 0, 0
    for place, part in enumerate(ordered):
        if place and part.rows > _TIER * total:
            break
        total += part.rows
        taken = place + 1
    return ordered[:taken] if taken > 1 else []
