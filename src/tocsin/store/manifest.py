"""The manifest: which segments and which waiting batches make up the store at one version.

A *pin* names one version. What a pin names stays readable for the grace that the sweep allows,
whatever is added, flushed or compacted meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store import segment as segments
from tocsin.store.database import Database
from tocsin.store.kept import KEEP, Kept
from tocsin.store.order import STORED_SCHEMA, ints, month_start, months, sort_month
from tocsin.store.schema import INBOX, INGEST, INTENT, META, SEGMENT
from tocsin.store.segment import Segment, Wanted

_COLUMNS = [c for c in SEGMENT.c if c.name in Segment.__dataclass_fields__]
_WRITERS, _WORTH_THREADS = 2, 200_000  # threads that encode; rows
_FAR = 1 << 62
_GENERATION = sa.select(META.c.value).where(META.c.name == "generation").scalar_subquery()
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(INBOX.c.id), 0)).scalar_subquery()
_SAME_KEY = sa.select(INGEST.c.id).where(INGEST.c.key == sa.bindparam("same"))
_ENTER = sa.insert(INGEST)  # made once: the time inside a write transaction is time that others wait
_VERSION = sa.select(_GENERATION, _NEWEST)
_T = TypeVar("_T")
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
    keep : int
        Bytes of decoded batches that are kept in memory.
    """

    def __init__(self, database: Database, folder: Path, *, keep: int = KEEP) -> None:
        self.database = database
        self.folder = folder
        self._pin: Pin | None = None
        self._batches: Kept[int, pa.Table] = Kept(keep)

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
            have = {i: table for i in pin.batches if (table := self._batches.get(i)) is not None}
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
        if pin.shared:
            for i in lacking:
                self._batches.put(i, have[i], have[i].nbytes)
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

    def read(
        self, month: Month, wanted: Wanted, columns: Sequence[str], *, ordered: bool = True
    ) -> list[pa.Table]:
        """The tables of a month that can hold wanted rows: each sorted if ``ordered``, none filtered yet."""
        tables = [
            segments.read(self.path(s.name), wanted, columns)
            if ordered or s.news is None or wanted.since is None
            else segments.read_news(self.path(s.name), self.path(s.news), wanted, columns)
            for s in month.segments
        ]
        if month.waiting is not None:
            tables.append(month.waiting.select(list(columns)))
        return [t for t in tables if t.num_rows]

    def prepare(
        self, tables: Iterable[tuple[int, pa.Table]], at: int, *, news: bool = False
    ) -> list[dict[str, Any]]:
        """Write sorted months as files that no version names yet; give their manifest rows.

        Parameters
        ----------
        tables : iterable of (int, pyarrow.Table)
            Months and their rows.
        at : int
            Wall time, microseconds.
        news : bool
            Write news files of the large ones too; what is merged again soon needs none.
        """

        def write(month: int, table: pa.Table) -> dict[str, Any]:
            data, row = segments.encode(table)
            row["month"] = month
            row["name"] = self._keep(month, data, row["sha256"], "", at)
            return row | (self.news_file(month, table, at) if news else {"news": None, "news_sha256": None})

        held = list(tables)
        if len(held) < 2 or sum(t.num_rows for _, t in held) < _WORTH_THREADS:
            return [write(month, table) for month, table in held]
        with ThreadPoolExecutor(_WRITERS) as pool:  # encoding lets go of the interpreter
            return list(pool.map(write, *zip(*held, strict=True)))

    def news_file(self, month: int, table: pa.Table, at: int) -> dict[str, Any]:
        """Write the news file of a segment that is large enough to need one; columns of its manifest row."""
        if table.num_rows <= segments.NEWS_ROWS:
            return {"news": None, "news_sha256": None}
        data = segments.encode_news(table)
        sha256 = hashlib.sha256(data).hexdigest()
        return {"news": self._keep(month, data, sha256, ".news", at), "news_sha256": sha256}

    def _keep(self, month: int, data: bytes, sha256: str, kind: str, at: int) -> str:
        name = f"{np.datetime64(month, 'M')}-{sha256[:24]}{kind}.parquet"
        # told before it is written: what a killed process leaves is found again
        with self.database.write() as connection:
            connection.execute(sa.delete(INTENT).where(INTENT.c.name == name))
            connection.execute(sa.insert(INTENT).values(name=name, at=at))
        segments.write(self.path(name), data)
        return name

    def publish(
        self, connection: sa.Connection, rows: Sequence[dict[str, Any]], removed: Sequence[int], at: int
    ) -> int:
        """Make files part of the next version and others no longer; give its number.

        Raises
        ------
        Superseded
            When another process has published one of the files, or taken one of the others away.
        """
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
        names = [name for row in rows for name in (row["name"], row["news"]) if name is not None]
        if names:
            try:
                connection.execute(sa.insert(SEGMENT), [row | {"added": generation} for row in rows])
            except sa.exc.IntegrityError as error:
                raise Superseded from error
            connection.execute(sa.delete(INTENT).where(INTENT.c.name.in_(names)))
        return generation

    def publish_news(self, connection: sa.Connection, part: Segment, news: dict[str, Any]) -> None:
        """Give a segment its news file, in a version of its own."""
        done = connection.execute(
            sa.update(SEGMENT)
            .where(SEGMENT.c.id == part.id, SEGMENT.c.removed.is_(None), SEGMENT.c.news.is_(None))
            .values(news)
        )
        if not done.rowcount:
            raise Superseded
        self.publish(connection, (), (), 0)
        connection.execute(sa.delete(INTENT).where(INTENT.c.name == news["news"]))


class Superseded(Exception):  # noqa: N818 - a signal between our own functions, never seen outside
    """Another process did the same work first."""


def _generation(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(META.c.value).where(META.c.name == "generation")) or 0)


def _bounds(month: int) -> tuple[int, int]:
    return month_start(month), month_start(month + 1) - 1


def _pieces(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
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
