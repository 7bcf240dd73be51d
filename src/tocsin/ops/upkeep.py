"""Keeping the store: checked, compacted, backed up, restored, brought to the newest schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.govern import audit
from tocsin.ops.office import Office
from tocsin.store import JournalEntry, open_store, restore_store


def check(office: Office) -> list[str]:
    """Faults of the store and of its journal, in words; empty when both are whole."""
    return [*office.store.check(), *journal_faults(office.store.audit())]


def journal_faults(entries: Sequence[JournalEntry]) -> tuple[str, ...]:
    """Where the journal was changed, and which issues it does not bear out; empty when neither."""
    return (*audit.verify(entries), *audit.unlawful(e.decision for e in entries))


def compact(office: Office, *, at: datetime, full: bool = False) -> dict[str, int]:
    """Flush what waits to segments and merge these; give the numbers."""
    return {"rows_flushed": office.store.flush(at), "segments_merged": office.store.compact(at, full=full)}


def backup(office: Office, destination: Path) -> dict[str, Any]:
    """A copy of this moment in a new folder, itself a store."""
    office.store.backup(destination)
    return describe(destination)


def restore(source: Path, path: Path) -> dict[str, Any]:
    """Lay a backup out as a store in a new folder, and check it.

    Raises
    ------
    StoreError
        When there is no backup, something is in the folder, or the backup is damaged.
    """
    restore_store(source, path).close()
    return describe(path)


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
