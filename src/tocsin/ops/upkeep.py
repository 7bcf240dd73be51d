"""Keeping the store: checked, compacted, backed up, restored, brought to the newest schema."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.ops import anchoring
from tocsin.ops.office import Office
from tocsin.store import open_store, restore_store


def check(office: Office) -> list[str]:
    """Faults of the store and of its record of decisions, in words; empty when both are whole."""
    return [*office.store.check(), *(str(f) for f in anchoring.verify(office.path).faults)]


def compact(office: Office, *, at: datetime, full: bool = False) -> dict[str, int]:
    """Flush what waits to segments and merge these; give the numbers."""
    return {"rows_flushed": office.store.flush(at), "segments_merged": office.store.compact(at, full=full)}


def backup(office: Office, destination: Path) -> dict[str, Any]:
    """A copy of this moment in a new folder, itself a store."""
    office.store.backup(destination)
    anchoring.keep_with(office.path, destination)
    return describe(destination)


def restore(source: Path, path: Path) -> dict[str, Any]:
    """Lay a backup out as a store in a new folder, and check it.

    Returns
    -------
    dict
        As :func:`describe`, and ``faults``: what is wrong with it in words, none of which costs anything.

    Raises
    ------
    StoreError
        When there is no backup, something is in the folder, or the backup is damaged.
    """
    store = restore_store(source, path)
    try:
        anchoring.keep_with(source, path)
        faults = store.check()
    finally:
        store.close()
    return {**describe(path), "faults": faults}


def migrate(path: Path) -> dict[str, Any]:
    """Bring a store to the newest schema: opening it does.

    Raises
    ------
    StoreError
        When there is none, or it was written by a newer Tocsin.
    """
    open_store(path, create=False).close()
    return describe(path)


def describe(path: Path) -> dict[str, Any]:
    """Where a store is, how much it holds, and the head of its journal."""
    files = [f for f in path.rglob("*") if f.is_file()]
    store = open_store(path, create=False)
    try:
        counts = store.counts()
        entries = store.audit(limit=1)
        rows = sum(counts.column("rows").to_pylist())
        return {
            "store": str(path),
            "files": len(files),
            "bytes": sum(f.stat().st_size for f in files),
            "observations": rows,
            "journal_entries": entries[-1].seq if entries else 0,
            "journal_head": entries[-1].hash if entries else None,
        }
    finally:
        store.close()
