"""Integrity: whether the store holds what its manifest says."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.store.database import Database
from tocsin.store.manifest import Manifest, decode
from tocsin.store.order import cell_keys, ints
from tocsin.store.schema import INBOX, INTENT, SEGMENT
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
        for name in sorted(set(found) - told - {r.name for r in rows})
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
    return faults


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


def database_faults(database: Database) -> list[str]:
    """Faults that the database finds in itself."""
    with database.read() as connection:
        whole = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    faults = [f"database: {line}" for line in whole if line != "ok"]
    return faults + [f"database: {row[0]} row {row[1]} points to no {row[2]}" for row in dangling]
