"""Opening, versions of the schema, damage, and backups."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tocsin.model import Raw, StoreError
from tocsin.store import open_store, restore_store
from tocsin.store.migrations import CURRENT
from tocsin.testing.store import NOW, T0, observation


def test_no_store_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="got no store"):
        open_store(tmp_path / "nothing", create=False)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="got a file"):
        open_store(tmp_path / "file")


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "tocsin.db") as sql:
        sql.execute("UPDATE meta SET value = value + 1 WHERE name = 'schema'")
    sql.close()
    with pytest.raises(StoreError, match=f"got version {CURRENT + 1}, .*newer Tocsin"):
        open_store(tmp_path)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
    store.close()
    again = open_store(tmp_path, create=False)
    assert again.as_of(NOW).cells().num_rows == 1
    assert again.check() == []


def _full(folder: Path) -> None:
    store = open_store(folder)
    store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
    store.flush(NOW)
    store.add([observation("A", T0, T0, 2.0)], ingest="2", at=NOW)
    store.keep_raw(Raw(source="s", url="u", fetched_at=T0, media_type="text/plain", content=b"bytes"))
    store.close()


def _one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def test_check_finds_damage(tmp_path: Path) -> None:
    _full(tmp_path)
    store = open_store(tmp_path)
    assert store.check() == []
    segment, raw = _one(tmp_path, "segments/*/*"), _one(tmp_path, "raw/*/*")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-1] + b"x")
    assert ["sha256" in f for f in store.check()] == [True]
    segment.unlink()
    assert ["cannot be read" in f for f in store.check()] == [True]
    with pytest.raises(StoreError, match="the segment is gone"):
        store.as_of(NOW).cells()
    segment.write_bytes(whole)
    (segment.parent / "stray.parquet").write_bytes(b"x")
    assert ["does not know" in f for f in store.check()] == [True]
    (segment.parent / "stray.parquet").unlink()
    raw.write_bytes(raw.read_bytes()[:-2])
    assert ["damaged" in f for f in store.check()] == [True]
    raw.unlink()
    assert ["gone" in f for f in store.check()] == [True]
    store.close()


def test_damage_in_the_inbox(tmp_path: Path) -> None:
    _full(tmp_path)
    with sqlite3.connect(tmp_path / "tocsin.db") as sql:
        sql.execute("UPDATE inbox SET blob = substr(blob, 1, length(blob) - 9) WHERE flushed IS NULL")
    sql.close()
    store = open_store(tmp_path)
    assert ["the batch is damaged" in f for f in store.check()] == [True]
    with pytest.raises(StoreError, match="the batch is damaged"):
        store.as_of(NOW).cells()
    store.close()


def test_restore(tmp_path: Path) -> None:
    _full(tmp_path / "store")
    store = open_store(tmp_path / "store")
    store.backup(tmp_path / "backup")
    restored = restore_store(tmp_path / "backup", tmp_path / "restored")
    assert restored.as_of(NOW).cells().equals(store.as_of(NOW).cells())
    with pytest.raises(StoreError, match="not empty"):
        restore_store(tmp_path / "backup", tmp_path / "restored")
    with pytest.raises(StoreError, match=r"got no tocsin\.db"):
        restore_store(tmp_path, tmp_path / "other")


def test_a_backup_takes_along_what_is_set_for_the_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    (tmp_path / "store" / "domains").mkdir()
    overlay = tmp_path / "store" / "domains" / "air_transport.toml"
    overlay.write_text("start = 3.9\n")
    overlay.chmod(0o600)
    (tmp_path / "store" / "tocsin.toml").write_text('pack = "us"\n')
    store.backup(tmp_path / "backup")
    overlay.write_text("start = 1.0\n")  # what is set later is not in the backup: it holds no link
    restore_store(tmp_path / "backup", tmp_path / "restored").close()
    again = tmp_path / "restored" / "domains" / "air_transport.toml"
    assert again.read_text() == "start = 3.9\n"
    assert again.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "restored" / "tocsin.toml").read_text() == 'pack = "us"\n'
    again.write_text("start = 2.0\n")
    assert (tmp_path / "backup" / "domains" / "air_transport.toml").read_text() == "start = 3.9\n"
    store.close()


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    _full(tmp_path / "store")
    store = open_store(tmp_path / "store")
    store.backup(tmp_path / "backup")
    segment = _one(tmp_path / "backup", "segments/*/*")
    segment.unlink()  # a hard link: the store keeps its own
    assert store.check() == []
    with pytest.raises(StoreError, match="the backup is damaged"):
        restore_store(tmp_path / "backup", tmp_path / "restored")
