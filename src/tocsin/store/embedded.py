"""The embedded store: one folder with a SQLite database, segments and raw bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import ConflictError, StoreError
from tocsin.model.observation import OBSERVATION_SCHEMA, Event, Observation, to_table
from tocsin.model.panel import Snapshot
from tocsin.model.time import require_utc, to_us
from tocsin.store import asof, backup, integrity, manifest
from tocsin.store.accounts import Accounts
from tocsin.store.authority import Authority
from tocsin.store.contract import Added, PanelSpec
from tocsin.store.cycles import Cycles
from tocsin.store.database import Database
from tocsin.store.events import Events, require_events
from tocsin.store.follow import follow
from tocsin.store.intake import Intake
from tocsin.store.journal import Journal
from tocsin.store.kept import KEEP, Kept
from tocsin.store.manifest import Manifest, bulk_seq, next_ingest, split_months
from tocsin.store.migrations import migrate
from tocsin.store.order import STORED_SCHEMA, ints
from tocsin.store.outbox import Outbox
from tocsin.store.packs import Pack
from tocsin.store.records import Records
from tocsin.store.rows import require_observations
from tocsin.store.schema import INBOX, INGEST, RAW, SEGMENT
from tocsin.store.seals import seal
from tocsin.store.segment import Wanted, count_rows
from tocsin.store.snapshot import PastSnapshot
from tocsin.store.upkeep import Upkeep

_WAIT = sa.insert(INBOX)
_SPILL_ROWS = 4_000_000  # rows of an archive held in memory before they are written


class EmbeddedStore(Events, Records, Journal, Authority, Outbox, Cycles, Intake, Accounts, Upkeep):
    """A store in one folder, for one machine and any number of its processes.

    Parameters
    ----------
    path : Path
        The folder.
    keep : int
        Bytes of batches and of cycles, each, that are kept decoded in memory.

    Notes
    -----
    Threads may share it. A process that forks must open its own.
    """

    def __init__(self, path: Path, *, keep: int = KEEP) -> None:
        self.folder = path
        self.database = Database(path / backup.DATABASE)
        self.database.seal = seal
        self.manifest = Manifest(self.database, path / "segments", keep=keep)
        self.packs: Kept[int, Pack] = Kept(keep)
        self.unpacked: dict[tuple[str, str], int] = {}
        migrate(self.database)

    def __repr__(self) -> str:
        return f"EmbeddedStore({str(self.folder)!r})"

    def close(self) -> None:
        """Give back files and connections."""
        self.database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All inside is one durable commit, or nothing; a call inside another joins it."""
        with self.database.write():
            yield

    def add(self, records: pa.Table | Iterable[Observation | Event], *, ingest: str, at: datetime) -> Added:
        """Keep a batch in one durable transaction.

        Parameters
        ----------
        records : pyarrow.Table or iterable of Observation and Event
            A table in ``OBSERVATION_SCHEMA``, or nouns of both kinds.
        ingest : str
            Idempotence key, such as the hash of the bytes: the same again is a no-op.
        at : datetime
            Wall time of the ingest; nothing may be known later.

        Raises
        ------
        ShapeError
            When a row cannot be; then nothing of the batch is kept.
        """
        at = _require_ingest(ingest, at)
        if isinstance(records, pa.Table):
            table, events = records, []
        else:
            nouns = list(records)
            events = [n for n in nouns if isinstance(n, Event)]
            table = to_table(n for n in nouns if isinstance(n, Observation))
            if len(events) + table.num_rows != len(nouns):
                odd = next(n for n in nouns if not isinstance(n, Observation | Event))
                raise StoreError(f"add: got {type(odd).__name__}, allowed: Observation, Event or a table")
        table = require_observations(table, at)
        require_events(events, at)
        blob, size = manifest.encode(table)
        with self.database.write() as connection:
            seq = next_ingest(connection, ingest, to_us(at), rows=table.num_rows, events=len(events))
            if seq is None:
                return Added(new=0, duplicate=True)
            if table.num_rows:
                connection.execute(_WAIT, {"id": seq, "rows": table.num_rows, "size": size, "blob": blob})
            kept = self.add_events(connection, events, seq)
        return Added(new=table.num_rows, events=kept)

    def load(self, tables: Iterable[pa.Table], *, ingest: str, at: datetime) -> Added:
        """Keep an archive: as :meth:`add`, but straight to sorted segments, visible all at once.

        Parameters
        ----------
        tables : iterable of pyarrow.Table
            Observations; read one after the other, never all in memory.
        ingest : str
            Idempotence key.
        at : datetime
            Wall time of the ingest.

        Raises
        ------
        ShapeError
            When a row cannot be; then nothing of the archive is kept.
        """
        at = _require_ingest(ingest, at)
        self._outside("load")
        known = sa.select(INGEST.c.id).where(INGEST.c.key == ingest)
        with self.database.read() as connection:
            if connection.scalar(known) is not None:
                return Added(new=0, duplicate=True)
        held: list[pa.Table] = []
        rows: list[dict[str, Any]] = []
        waiting = total = 0
        for table in tables:
            held.append(require_observations(table, at))
            waiting += table.num_rows
            if waiting >= _SPILL_ROWS:
                rows += self._spill(held, at)
                held, total, waiting = [], total + waiting, 0
        rows += self._spill(held, at)
        total += waiting
        with self.database.write() as connection:
            if next_ingest(connection, ingest, to_us(at), rows=total, bulk=True) is None:
                return Added(new=0, duplicate=True)
            try:
                self.manifest.publish(connection, rows, (), to_us(at))
            except manifest.Superseded as error:
                raise ConflictError(f"load {ingest}: another process has published a file of it") from error
        return Added(new=total)

    def as_of(self, at: datetime) -> PastSnapshot:
        """The store as known at ``at``; pins the present version of the observations."""
        return PastSnapshot(self, at, self.manifest.pin())

    def follow(
        self, *, start: datetime, end: datetime, step: timedelta, panels: Sequence[PanelSpec]
    ) -> Iterator[Snapshot]:
        """Snapshots at ``start, start + step, … ≤ end``; panels of the specs cost microseconds.

        Parameters
        ----------
        start, end : datetime
            First and last moment of knowledge, both included.
        step : timedelta
            From moment to moment.
        panels : sequence of PanelSpec
            What will be asked for; anything else is answered as :meth:`as_of` does.
        """
        return follow(self, self.manifest.pin(), start=start, end=end, step=step, panels=panels)

    def news(self, since: datetime, until: datetime) -> pa.Table:
        """Rows that became known in ``(since, until]``, in the order of known time."""
        wanted = Wanted(since=to_us(require_utc(since, "since")), until=to_us(require_utc(until, "until")))
        table = asof.rows(self.manifest, self.manifest.pin(), wanted)
        order = np.lexsort((ints(table["seq"]), ints(table["known_at"])))
        return table.take(pa.array(order)).select(OBSERVATION_SCHEMA.names)

    def revisions(self, quantity: str, region: str, valid_time: datetime | None = None) -> pa.Table:
        """All versions of the cells of a series, by valid time, known time and order of ingest."""
        start = None if valid_time is None else to_us(require_utc(valid_time, "valid_time"))
        wanted = Wanted(
            quantity=quantity, regions=(region,), start=start, end=None if start is None else start + 1
        )
        table = asof.rows(self.manifest, self.manifest.pin(), wanted)
        order = np.lexsort((ints(table["seq"]), ints(table["known_at"]), ints(table["valid_time"])))
        return table.take(pa.array(order)).select(OBSERVATION_SCHEMA.names)

    def counts(self) -> pa.Table:
        """Rows kept by source and day of valid time.

        Returns
        -------
        pyarrow.Table
            Columns ``source`` (text), ``day`` (date) and ``rows`` (whole number), sorted.
        """
        pin = self.manifest.pin()
        total: dict[tuple[str, int], int] = {}
        with self.database.read() as connection:
            kept = connection.scalars(
                sa.select(SEGMENT.c.counts).where(
                    SEGMENT.c.added <= pin.generation,
                    sa.or_(SEGMENT.c.removed.is_(None), SEGMENT.c.removed > pin.generation),
                )
            ).all()
        waiting = [count_rows(t) for t in self.manifest.waiting(pin).values()] if pin.batches else []
        for part in [*kept, *waiting]:
            for source, day, number in part:
                total[source, day] = total.get((source, day), 0) + number
        ordered = sorted(total)
        return pa.table(
            {
                "source": pa.array([s for s, _ in ordered], pa.string()),
                "day": pa.array([d for _, d in ordered], pa.int32()).cast(pa.date32()),
                "rows": pa.array([total[key] for key in ordered], pa.int64()),
            }
        )

    def check(self) -> list[str]:
        """Faults of the store in words; empty when it is whole."""
        return [*self.damage(), *integrity.packing_faults(self.database)]

    def damage(self) -> list[str]:
        """Those faults by which something is lost or untrue, in words."""
        return [
            *integrity.database_faults(self.database),
            *integrity.segment_faults(self.manifest),
            *integrity.inbox_faults(self.database),
            *integrity.cycle_faults(self.database),
            *self.raw_faults(),
            *self.journal_faults(),
        ]

    def backup(self, destination: Path) -> None:
        """A copy of this moment in a new folder, itself a store; others may go on writing.

        Raises
        ------
        StoreError
            When something is in ``destination`` already.
        """
        backup.require_empty(destination)
        backup.copy_database(self.database.path, destination / backup.DATABASE)
        copy = Database(destination / backup.DATABASE)
        try:
            with copy.read() as connection:
                kept = connection.execute(sa.select(SEGMENT.c.name, SEGMENT.c.news)).all()
                hashes = connection.scalars(sa.select(RAW.c.sha256)).all()
        finally:
            copy.close()
        names = [name for row in kept for name in row if name is not None]
        files = [(self.manifest.path(n), Manifest(copy, destination / "segments").path(n)) for n in names]
        for sha256 in hashes:
            path = self.raw_path(sha256)
            files.append((path, destination / path.relative_to(self.folder)))
        for source, target in files:
            backup.link(source, target)
        backup.copy_settings(self.folder, destination)

    def _spill(self, held: list[pa.Table], at: datetime) -> list[dict[str, Any]]:
        """Write rows of an archive as segments that no version names yet."""
        with self.database.write() as connection:
            seq = bulk_seq(connection)
        stored = [
            t.append_column(STORED_SCHEMA.field("seq"), pa.array(np.full(t.num_rows, seq, np.int64)))
            for t in held
        ]
        held.clear()
        return self.manifest.prepare(split_months(stored).items(), to_us(at))


def _require_ingest(ingest: str, at: datetime) -> datetime:
    if not ingest:
        raise StoreError("ingest: got an empty key, allowed: the hash of what is ingested")
    return require_utc(at, "at")
