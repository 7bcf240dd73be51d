"""Kills at random points of ingest, upkeep, bulk load, approval and cycle: nothing lost, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import faults
from tocsin.model import StoreError
from tocsin.store import open_store
from tocsin.testing.store import NOW, T0, observation


def test_sixty_kills(tmp_path: Path) -> None:
    tally = faults.run(60, 7, tmp_path, lambda _: None)
    assert tally.faults == []
    assert (tally.kills, tally.lost, tally.duplicated) == (60, 0, 0)
    assert tally.acknowledged > 60  # they were killed at work, not before it


def test_a_store_that_forgets_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # what one life of the store acknowledged is taken from it before the next look
    look = faults.Ingest.found
    monkeypatch.setattr(faults.Ingest, "found", lambda self, store: type(look(self, store))())
    tally = faults.run(1, 1, tmp_path, lambda _: None)
    assert tally.lost == tally.acknowledged > 0


def test_files_of_a_killed_writer_are_swept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
    # as a flush does until the moment before it publishes
    rows = store.manifest.prepare(store.manifest.waiting(store.manifest.pin()).items(), 0)  # type: ignore[attr-defined]
    left = store.manifest.path(rows[0]["name"])  # type: ignore[attr-defined]
    half = left.with_name(f"{left.name}.1.part")
    half.write_bytes(b"half")
    assert left.exists()
    assert store.check() == []
    store.compact(NOW)
    assert not left.exists()
    assert not half.exists()
    assert store.as_of(NOW).cells().num_rows == 1


def test_a_name_told_twice_is_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
    manifest = store.manifest  # type: ignore[attr-defined]
    waiting = manifest.waiting(manifest.pin())
    store.flush(NOW)
    manifest.prepare(waiting.items(), 0)  # another process, too late, with the very same file
    store.compact(NOW)
    assert store.as_of(NOW).cells().num_rows == 1
    assert store.check() == []


def test_a_swept_segment_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for n in range(2):
        store.add([observation("A", T0, T0, float(n))], ingest=str(n), at=T0)
        store.flush(T0)
    old = store.as_of(NOW)
    store.compact(T0)
    assert old.cells().num_rows == 1  # within the grace
    store.compact(NOW)
    with pytest.raises(StoreError, match="longer than the grace"):
        old.cells()
    assert store.as_of(NOW).cells()["value"].to_pylist() == [1.0]
