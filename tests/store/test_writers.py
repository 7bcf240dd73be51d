"""Writers that wait for one another, threads that share a store, and snapshots inside a transaction."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from tocsin.model import StoreError
from tocsin.store import database, open_store
from tocsin.testing.store import NOW, T0, observation, state_of


def test_a_store_that_is_held_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_SOON", (3, 0.001))
    monkeypatch.setattr(database, "_LATER", (3, 0.001))
    store = open_store(tmp_path)
    holder = sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has held it"):
        store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
    assert store.as_of(NOW).cells().num_rows == 0  # reading goes on
    holder.execute("ROLLBACK")
    holder.close()
    assert store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW).new == 1
    store.close()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    faults: list[Exception] = []

    def work(name: str) -> None:
        try:
            for n in range(10):
                with store.transaction():
                    store.add([observation(f"{name}{n}", T0, T0, 1.0)], ingest=f"{name}{n}", at=NOW)
                    store.put("note", f"{name}{n}", {}, known_at=T0, revision=0)
                assert store.as_of(NOW).cells(regions=[f"{name}{n}"]).num_rows == 1
                if n % 4 == 3:
                    store.flush(NOW)
                    store.compact(NOW)
        except Exception as fault:  # noqa: BLE001 - shown by the test
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert store.as_of(NOW).cells().num_rows == len(store.list("note")) == 40
    assert store.check() == []
    store.close()


def test_what_was_rolled_back_is_not_remembered(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def add_and_fail() -> None:
        with store.transaction():
            store.add([observation("A", T0, T0, 1.0)], ingest="1", at=NOW)
            assert state_of(store.as_of(NOW).cells()) == {("air.departures", "A", T0): 1.0}
            raise KeyError

    with pytest.raises(KeyError):
        add_and_fail()
    # another batch takes the number of the one that never was
    store.add([observation("B", T0, T0, 2.0)], ingest="2", at=NOW)
    assert state_of(store.as_of(NOW).cells()) == {("air.departures", "B", T0): 2.0}
    store.close()


def test_upkeep_is_not_for_transactions(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.transaction():
        for call in (store.flush, store.compact):
            with pytest.raises(StoreError, match=r"inside transaction\(\)"):
                call(NOW)
    store.close()
