"""What the database refuses is an error of the store, in words; it costs what was being written, no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tests.store.full_disk import full_disk
from tests.store.test_packs import cycle, judged
from tocsin.model import StoreError
from tocsin.store import Store, open_store
from tocsin.store.packs import PACK
from tocsin.testing.store import HOUR, NOW, T0


def _fill(store: Store, start: int = 0, size: int = 2000) -> int:
    """Put notes until one is refused; give its number."""
    for n in range(start, start + 1000):
        try:
            store.put("note", f"n{n}", {"text": "x" * size}, known_at=T0, revision=0)
        except StoreError:
            return n
    raise AssertionError("the disk was never full")


def test_a_full_disk_is_an_error_of_the_store(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with full_disk(store, 8):
        refused = _fill(store)
        with pytest.raises(StoreError, match=r"written: .*is full; its disk is full: make room") as told:
            store.put("note", "big", {"text": "x" * 99_000}, known_at=T0, revision=0)
        assert isinstance(told.value.__cause__, sa.exc.OperationalError)  # SQLite itself said so
        assert store.check() == []
    kept = {f"n{n}" for n in range(refused)}
    assert len(kept) == refused
    assert all(store.get("note", name) for name in kept)
    assert store.get("note", f"n{refused}") is None
    assert store.get("note", "big") is None
    store.put("note", "big", {"text": "x" * 99_000}, known_at=T0, revision=0)  # there is room again
    store.close()


@pytest.mark.parametrize("pages", [0, 10, 40, 80, 90, 100, 110, 120, 130, 140, 160])
def test_a_disk_that_is_full_anywhere_about_a_pack_loses_no_cycle(
    tmp_path: Path, pages: int, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(1).normal(size=(PACK + 4, 600))  # as large in a pack as before
    rows = [cycle(n, judged("q", T0 + n * HOUR, values)) for n, values in enumerate(noise)]
    store = open_store(tmp_path)
    kept, refused = [], []
    with full_disk(store, pages):
        for row in rows:
            try:
                assert store.put_cycle(row)
            except StoreError as error:
                refused.append(str(error))
            else:
                kept.append(row)
        assert store.cycles(T0, NOW) == kept
    assert refused or "cannot be laid together" in caplog.text, "the disk was never full"
    assert all("disk is full" in text for text in refused)
    for row in rows:
        store.put_cycle(row)
    store.compact(NOW)
    assert store.cycles(T0, NOW) == rows
    assert store.check() == []
    store.close()


def test_a_transaction_that_the_database_has_undone_writes_nothing_more(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work() -> None:
        with store.transaction():
            store.put("note", "a", {}, known_at=T0, revision=0)
            with store.database.write() as connection:  # type: ignore[attr-defined]
                connection.connection.dbapi_connection.execute("ROLLBACK")  # as a full disk may make it do
            store.put("note", "b", {}, known_at=T0, revision=0)

    with pytest.raises(StoreError, match="has undone this transaction"):
        work()
    assert store.list("note") == []
    store.put("note", "b", {}, known_at=T0, revision=0)
    store.close()


def test_a_transaction_undone_at_its_end_is_no_success(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work() -> None:
        with store.transaction(), store.database.write() as connection:  # type: ignore[attr-defined]
            store.put("note", "a", {}, known_at=T0, revision=0)
            connection.connection.dbapi_connection.execute("ROLLBACK")

    with pytest.raises(StoreError, match="has undone this transaction"):
        work()
    assert store.list("note") == []
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").write_bytes(b"not a database, but as long as the head of one" * 9)
    with pytest.raises(StoreError, match=r"cannot be read: .*restore a backup"):
        open_store(tmp_path)


def test_a_backup_of_what_is_no_database(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.close()
    (tmp_path / "store" / "tocsin.db").write_bytes(b"not a database, but as long as the head of one" * 9)
    with pytest.raises(StoreError, match=r"cannot be copied: .*restore a backup"):
        store.backup(tmp_path / "backup")


def test_what_was_to_be_written_is_in_no_error(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with full_disk(store), pytest.raises(StoreError) as told:
        store.put("note", "big", {"text": "hunter2" * 9_000}, known_at=T0, revision=0)
    assert "hunter2" not in f"{told.value} {told.value.__cause__}"
    store.close()
