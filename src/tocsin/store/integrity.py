"""Integrity: whether the store holds what its manifest says."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store.database import Database
from tocsin.store.manifest import Manifest, decode
from tocsin.store.order import cell_keys, ints, sort_month
from tocsin.store.packs import (
    LOST,
    PACK,
    SAID,
    SAID_TEXT,
    Pack,
    lay_together,
    oldest_waiting,
    open_pack,
    summary_fault,
)
from tocsin.store.schema import CYCLE, CYCLE_PACK, INBOX, INTENT, SEGMENT
from tocsin.store.segment import Wanted, read


def segment_faults(manifest: Manifest) -> list[str]:
    """Segments that are gone, changed or out of order, and files that nobody knows."""
    # the folder first: what appears in it later has been told to the database before
    found = {p.name: p for p in manifest.folder.glob("*/*") if p.suffix != ".part"}
    with manifest.database.read() as connection:
        rows = connection.execute(sa.select(SEGMENT).order_by(SEGMENT.c.id)).all()
        told = set(connection.scalars(sa.select(INTENT.c.name)))
    faults = [
        f"segments: {name}: got a file that the manifest does not know"
        for name in sorted(set(found) - told - {r.name for r in rows} - {r.news for r in rows})
        if found[name].exists()  # not one that was swept just now
    ]
    for row in rows:
        path = manifest.path(row.name)
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            if row.removed is not None:
                continue  # on its way out: nobody reads it but an old snapshot
            faults.append(f"segments: {row.name}: cannot be read: {error.strerror}")
            continue
        if digest != row.sha256:
            faults.append(f"segments: {row.name}: sha256: got {digest}, allowed: {row.sha256}")
            continue
        try:
            table = read(path, Wanted())
        except StoreError as error:
            faults.append(f"segments: {error}")
            continue
        if table.num_rows != row.rows:
            faults.append(f"segments: {row.name}: rows: got {table.num_rows}, allowed: {row.rows}")
        key = cell_keys(table, row.month)
        if (key[1:] < key[:-1]).any():
            faults.append(f"segments: {row.name}: rows are out of order")
        known = ints(table["known_at"])
        if known.size and (int(known.min()), int(known.max())) != (row.min_known, row.max_known):
            faults.append(f"segments: {row.name}: known times are not those in the manifest")
        if row.news is not None:
            faults += _news_faults(manifest, row, table)
    return faults


def _news_faults(manifest: Manifest, row: sa.Row[Any], table: pa.Table) -> list[str]:
    """Whether a news file holds the rows of its segment."""
    path = manifest.path(row.news)
    try:
        data = path.read_bytes()
    except OSError as error:
        if row.removed is not None:
            return []
        return [f"segments: {row.news}: cannot be read: {error.strerror}"]
    digest = hashlib.sha256(data).hexdigest()
    if digest != row.news_sha256:
        return [f"segments: {row.news}: sha256: got {digest}, allowed: {row.news_sha256}"]
    try:
        again = sort_month(read(path, Wanted()), row.month)
    except StoreError as error:
        return [f"segments: {error}"]
    if not all(_plain(again[name]).equals(_plain(table[name])) for name in table.column_names):
        return [f"segments: {row.news}: its rows are not those of {row.name}"]
    return []


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without the numbering of its words, which is each file's own."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def inbox_faults(database: Database) -> list[str]:
    """Waiting batches that cannot be read back."""
    faults = []
    with database.read() as connection:
        for number, rows, size, blob in connection.execute(
            sa.select(INBOX.c.id, INBOX.c.rows, INBOX.c.size, INBOX.c.blob).order_by(INBOX.c.id)
        ):
            try:
                got = decode(blob, size, number).num_rows
            except StoreError as error:
                faults.append(str(error))
                continue
            if got != rows:
                faults.append(f"inbox {number}: rows: got {got}, allowed: {rows}")
    return faults


def cycle_faults(database: Database) -> list[str]:
    """Cycles of which something is gone or damaged, and packs that are not whole."""
    with database.read() as connection:
        faults = []
        for number in connection.scalars(sa.select(CYCLE_PACK.c.id).order_by(CYCLE_PACK.c.id)).all():
            pack, wrong = open_pack(connection, number)
            faults += wrong if pack is None else _members(connection, number, pack)
        lost = connection.scalars(
            sa.select(CYCLE.c.id)
            .outerjoin(CYCLE_PACK, CYCLE.c.pack == CYCLE_PACK.c.id)
            .where(CYCLE.c.pack.is_not(None), CYCLE_PACK.c.id.is_(None))
        )
        faults += [f"cycles: {name}: got no pack, allowed: what was kept" for name in lost]
        return faults + _waiting_faults(connection)


def _members(connection: sa.Connection, number: int, pack: Pack) -> list[str]:
    """Whether the cycles of a pack are those that were laid into it."""
    mine = sa.select(CYCLE.c.place, CYCLE.c.tiled).where(CYCLE.c.pack == number).order_by(CYCLE.c.place)
    got = [(place, bool(tiled)) for place, tiled in connection.execute(mine)]
    wanted = [(place, names is not None) for place, names in enumerate(pack.quantities)]
    if got == wanted:
        return []
    return [f"cycles: pack {number}: got {len(got)} cycles that belong to it, allowed: its {len(wanted)}"]


def _waiting_faults(connection: sa.Connection) -> list[str]:
    """Cycles that wait for their pack and are damaged."""
    faults = []
    alone = sa.select(CYCLE.c.id, SAID_TEXT.label("text"), LOST.label("lost")).select_from(SAID)
    for row in connection.execute(alone.where(CYCLE.c.pack.is_(None)).order_by(CYCLE.c.at)):
        wrong = summary_fault(row.text)
        if row.lost:
            faults.append(f"cycles: {row.id}: got nothing of what it said, allowed: what was kept")
        elif wrong is not None:
            faults.append(f"cycles: {row.id}: the summary is damaged: {wrong}")
    return faults


def packing_faults(database: Database) -> list[str]:
    """Cycles of which no pack can be made: they wait, and nothing of what they said is lost."""
    faults = []
    plans = sa.select(CYCLE.c.plan, CYCLE.c.mode).where(CYCLE.c.pack.is_(None)).distinct()
    with database.read() as connection:
        for plan, mode in connection.execute(plans).all():
            rows = oldest_waiting(connection, plan, mode)
            try:
                if len(rows) == PACK:
                    lay_together(rows)
            except Exception as error:  # noqa: BLE001 - whatever keeps them apart is what is asked for
                faults.append(f"cycles: {plan} {mode}: they wait, for no pack can be made of them: {error!r}")
    return faults


def database_faults(database: Database) -> list[str]:
    """Faults that the database finds in itself."""
    with database.read() as connection:
        whole = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    faults = [f"database: {line}" for line in whole if line != "ok"]
    return faults + [f"database: {row[0]} row {row[1]} points to no {row[2]}" for row in dangling]
