"""The manifest: which segments and which waiting batches make up the store at one version.

A *pin* names one version. What a pin names stays readable for the grace that the sweep allows,
whatever is added, flushed or compacted meanwhile.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store import segment as segments
from tocsin.store.database import Database
from tocsin.store.order import STORED_SCHEMA, ints, month_start, months, sort_month
from tocsin.store.schema import INBOX, INGEST, INTENT, META, SEGMENT
from tocsin.store.segment import Segment, Wanted

_COLUMNS = [c for c in SEGMENT.c if c.name in Segment.__dataclass_fields__]
_BLOBS_KEPT = 4096
_FAR = 1 << 62
_GENERATION = sa.select(META.c.value).where(META.c.name == "generation").scalar_subquery()
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(INBOX.c.id), 0)).scalar_subquery()
_SAME_KEY = sa.select(INGEST.c.id).where(INGEST.c.key == sa.bindparam("same"))
_ENTER = sa.insert(INGEST)  # made once: the time inside a write transaction is time that others wait
_VERSION = sa.select(_GENERATION, _NEWEST)
_BULK_BITS = 31  # a batch has its number in the high bits; parts of archives count in the low ones


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of the store's observations."""

    generation: int
    newest_batch: int
    segments: tuple[Segment, ...]
    batches: tuple[int, ...]
    shared: bool  # False when its batches may still be rolled back
    held: dict[int, pa.Table] = field(default_factory=dict, compare=False)  # its inbox, once decoded


@dataclass(frozen=True, slots=True)
class Month:
    """What a version holds of one month of valid time: segments, and rows of the inbox."""

    number: int
    segments: tuple[Segment, ...]
    waiting: pa.Table | None

    @property
    def rows(self) -> int:
        """Rows in it at most."""
        return sum(s.rows for s in self.segments) + (0 if self.waiting is None else self.waiting.num_rows)


class Manifest:
    """Pins versions and reads what they name.

    Parameters
    ----------
    database : Database
        Where the manifest is kept.
    folder : Path
        Where the segment files are.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._lock = threading.Lock()
        self._pin: Pin | None = None
        self._blobs: OrderedDict[int, pa.Table] = OrderedDict()

    def path(self, name: str) -> Path:
        """Where a segment's file is: a folder a month."""
        return self.folder / name[:7] / name

    def pin(self) -> Pin:
        """The present version; some eighty microseconds when nothing has changed."""
        inside = self.database.in_transaction
        with self.database.read() as connection:
            generation, newest = connection.execute(_VERSION).one()
            known = self._pin
            if known and (known.generation, known.newest_batch) == (generation, newest):
                return known
            rows = connection.execute(
                sa.select(*_COLUMNS).where(SEGMENT.c.removed.is_(None)).order_by(SEGMENT.c.id)
            ).all()
            batches = connection.scalars(
                sa.select(INBOX.c.id).where(INBOX.c.flushed.is_(None)).order_by(INBOX.c.id)
            ).all()
        named = (r._asdict() for r in rows)
        parts = tuple(Segment(**(r | {"quantities": tuple(r["quantities"])})) for r in named)
        pin = Pin(generation, newest, parts, tuple(batches), not inside)
        if not inside:
            self._pin = pin
        return pin

    def waiting(self, pin: Pin) -> dict[int, pa.Table]:
        """The rows of a pin's inbox by month, each month sorted as a segment is."""
        if pin.batches and not pin.held:
            pin.held.update(split_months(self._decode(pin)))
        return pin.held

    def _decode(self, pin: Pin) -> list[pa.Table]:
        have: dict[int, pa.Table] = {}
        if pin.shared:
            with self._lock:
                have = {i: self._blobs[i] for i in pin.batches if i in self._blobs}
        lacking = [i for i in pin.batches if i not in have]
        for some in _pieces(lacking, 500):
            with self.database.read() as connection:
                rows = connection.execute(
                    sa.select(INBOX.c.id, INBOX.c.blob, INBOX.c.size).where(INBOX.c.id.in_(some))
                ).all()
            if len(rows) != len(some):
                raise StoreError(
                    "inbox: a batch of this snapshot was swept: the read lasted longer than the grace; "
                    "take a new snapshot"
                )
            for number, blob, size in rows:
                have[number] = decode(blob, size, number)
        if pin.shared and lacking:
            with self._lock:
                self._blobs.update((i, have[i]) for i in lacking)
                while len(self._blobs) > _BLOBS_KEPT:
                    self._blobs.popitem(last=False)
        return [have[i] for i in pin.batches]

    def months(self, pin: Pin, wanted: Wanted) -> list[Month]:
        """The months that can hold wanted rows, in order; nothing is read yet."""
        chosen: dict[int, list[Segment]] = {}
        for part in pin.segments:
            if wanted.may_be_in(part):
                chosen.setdefault(part.month, []).append(part)
        waiting = {m: t for m, t in self.waiting(pin).items() if wanted.meets(_bounds(m), (-_FAR, _FAR))}
        return [
            Month(month, tuple(chosen.get(month, ())), waiting.get(month))
            for month in sorted(set(chosen) | set(waiting))
        ]

    def read(self, month: Month, wanted: Wanted, columns: Sequence[str]) -> list[pa.Table]:
        """The tables of a month that can hold wanted rows: each sorted, none filtered yet."""
        tables = [segments.read(self.path(s.name), wanted, columns) for s in month.segments]
        if month.waiting is not None:
            tables.append(month.waiting.select(list(columns)))
        return [t for t in tables if t.num_rows]

    def prepare(self, tables: Iterable[tuple[int, pa.Table]], at: int) -> list[dict[str, Any]]:
        """Write sorted months as files that no version names yet; give their manifest rows."""
        rows = []
        for month, table in tables:
            data, row = segments.encode(table)
            row["month"] = month
            row["name"] = f"{np.datetime64(month, 'M')}-{row['sha256'][:24]}.parquet"
            # told before it is written: what a killed process leaves is found again
            with self.database.write() as connection:
                connection.execute(sa.delete(INTENT).where(INTENT.c.name == row["name"]))
                connection.execute(sa.insert(INTENT).values(name=row["name"], at=at))
            segments.write(self.path(row["name"]), data)
            rows.append(row)
        return rows

    def publish(
        self, connection: sa.Connection, rows: Sequence[dict[str, Any]], removed: Sequence[int], at: int
    ) -> int:
        """Make files part of the next version and others no longer; give its number."""
        generation = _generation(connection) + 1
        connection.execute(sa.update(META).where(META.c.name == "generation").values(value=generation))
        if removed:
            done = connection.execute(
                sa.update(SEGMENT)
                .where(SEGMENT.c.id.in_(list(removed)), SEGMENT.c.removed.is_(None))
                .values(removed=generation, removed_at=at)
            )
            if done.rowcount != len(removed):
                raise Superseded
        names = [row["name"] for row in rows]
        if names:
            connection.execute(sa.insert(SEGMENT), [row | {"added": generation} for row in rows])
            connection.execute(sa.delete(INTENT).where(INTENT.c.name.in_(names)))
        return generation


class Superseded(Exception):  # noqa: N818 - a signal between our own functions, never seen outside
    """Another process did the same work first."""


def _generation(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(META.c.value).where(META.c.name == "generation")) or 0)


def _bounds(month: int) -> tuple[int, int]:
    return month_start(month), month_start(month + 1) - 1


def _pieces(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def split_months(tables: Iterable[pa.Table]) -> dict[int, pa.Table]:
    """Rows in the order of ingest, divided by month of valid time, each month sorted."""
    whole = pa.concat_tables([STORED_SCHEMA.empty_table(), *tables])
    if not whole.num_rows:
        return {}
    whole = whole.unify_dictionaries().combine_chunks()
    month = months(ints(whole["valid_time"]))
    found = np.unique(month).tolist()
    if len(found) == 1:
        return {found[0]: sort_month(whole, found[0])}
    order = np.argsort((month - found[0]).astype(np.int16), kind="stable")
    whole = whole.take(pa.array(order))
    bounds = np.searchsorted(month[order], [*found, found[-1] + 1])
    return {
        m: sort_month(whole.slice(a, b - a), m)
        for m, a, b in zip(found, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    }


def encode(table: pa.Table) -> tuple[bytes, int]:
    """A small batch as one compressed Arrow stream, and its size before compression."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.unify_dictionaries())
    stream = sink.getvalue()
    # as a whole: compressing buffer by buffer costs 1 ms a batch and packs half as well
    return bytes(pa.compress(stream, codec="zstd", asbytes=True)), stream.size


def decode(blob: bytes, size: int, number: int) -> pa.Table:
    """The batch again, with its place in the order of ingest.

    Raises
    ------
    StoreError
        When the bytes are damaged.
    """
    try:
        with pa.ipc.open_stream(pa.decompress(blob, decompressed_size=size, codec="zstd")) as reader:
            table = reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"inbox {number}: the batch is damaged: {error}; run tocsin store check") from error
    seq = pa.array(np.full(table.num_rows, number << _BULK_BITS, np.int64))
    return table.append_column(STORED_SCHEMA.field("seq"), seq)


def next_ingest(connection: sa.Connection, key: str, at: int, **values: Any) -> int | None:
    """Enter an ingest and give its number; None when its key is known already."""
    if connection.scalar(_SAME_KEY, {"same": key}) is not None:
        return None
    done = connection.execute(_ENTER, {"key": key, "at": at, **values})
    return int(done.lastrowid)


def bulk_seq(connection: sa.Connection) -> int:
    """A place in the order of ingest for rows of an archive: after every ingest so far, never given twice."""
    connection.execute(sa.update(META).where(META.c.name == "bulk").values(value=META.c.value + 1))
    number = connection.scalar(sa.select(META.c.value).where(META.c.name == "bulk")) or 0
    last = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(INGEST.c.id), 0))) or 0
    return (int(last) << _BULK_BITS) + int(number)
