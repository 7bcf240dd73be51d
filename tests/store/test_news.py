"""News files: what became known in one hour, from a block or two, and the same as without them."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tocsin.model import to_table
from tocsin.store import PanelSpec, open_store, restore_store, segment
from tocsin.testing.store import HOUR, NOW, T0, observation

ROWS = 900


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that a small store has many."""
    monkeypatch.setattr(segment, "GROUP_ROWS", 64)
    monkeypatch.setattr(segment, "NEWS_ROWS", 128)
    monkeypatch.setattr(segment, "_BLOCK_ROWS", 32)


def archive():
    """Hours of twenty series, known late by an hour to days, some withdrawn, many known at one instant."""
    rng = np.random.default_rng(3)
    return [
        observation(
            f"R{n % 20}",
            T0 + int(hour) * HOUR,
            T0 + (int(hour) + 1 + int(rng.exponential(20))) * HOUR,
            None if rng.random() < 0.1 else float(n),
            quantity=f"q.{n % 2}",
        )
        for n, hour in enumerate(rng.integers(0, 600, ROWS))
    ]


def filled(folder: Path):
    store = open_store(folder)
    store.load([to_table(archive())], ingest="1", at=NOW)
    return store


def news_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("segments/*/*.news.parquet"))


def test_news_are_the_same_and_read_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path)
    spans = [(T0 + h * HOUR, T0 + (h + w) * HOUR) for h in range(0, 700, 13) for w in (1, 5, 100)]
    before = [store.news(*span) for span in spans]
    assert not news_files(tmp_path)
    store.compact(NOW)
    assert news_files(tmp_path)
    read = []
    inner = segment._read
    monkeypatch.setattr(segment, "_read", lambda path, *rest: read.append(path.name) or inner(path, *rest))
    assert all(store.news(*span).equals(old) for span, old in zip(spans, before, strict=True))
    assert any(".news." in name for name in read)
    assert any(".news." not in name for name in read)  # a hundred hours are most of the month
    read.clear()
    store.news(T0 + 300 * HOUR, T0 + 301 * HOUR)
    assert read
    assert all(".news." in name for name in read)
    assert store.check() == []


def test_a_replay_sees_the_same(tmp_path: Path) -> None:
    store = filled(tmp_path)
    spec = PanelSpec(quantity="q.0", regions=("R0", "R2", "R4"), step=HOUR, span=50 * HOUR)
    span = {"start": T0, "end": T0 + 90 * HOUR, "step": HOUR, "panels": [spec]}

    def seen():
        ask = {"regions": spec.regions, "step": HOUR}
        return [s.panel("q.0", start=s.at - 9 * HOUR, end=s.at, **ask).values for s in store.follow(**span)]

    before = seen()
    store.compact(NOW)
    assert news_files(tmp_path)
    assert np.array_equal(before, seen(), equal_nan=True)


def test_merged_segments_get_one_at_once(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.load([to_table(archive()[:200])], ingest="2", at=NOW)
    store.compact(NOW, full=True, grace=timedelta(0))
    assert len(news_files(tmp_path)) == len(list(tmp_path.glob("segments/*/*.parquet"))) // 2 > 0
    old = {f.name for f in news_files(tmp_path)}
    store.load([to_table(archive()[200:400])], ingest="3", at=NOW)
    store.compact(NOW, full=True)
    store.compact(NOW, grace=timedelta(0))  # sweeps what was replaced, news files too
    assert not old & {f.name for f in news_files(tmp_path)}
    assert store.check() == []


def test_backup_takes_them_along(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    store.compact(NOW)
    store.backup(tmp_path / "backup")
    restored = restore_store(tmp_path / "backup", tmp_path / "restored")
    names = [f.name for f in news_files(tmp_path / "store")]
    assert [f.name for f in news_files(tmp_path / "restored")] == names != []
    assert restored.news(T0, T0 + HOUR).equals(store.news(T0, T0 + HOUR))


def test_check_finds_damage(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.compact(NOW)
    file = news_files(tmp_path)[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    assert ["sha256" in f for f in store.check()] == [True]
    file.unlink()
    assert ["cannot be read" in f for f in store.check()] == [True]
    file.write_bytes(whole)
    assert store.check() == []
    with sqlite3.connect(tmp_path / "tocsin.db") as sql:  # another segment's rows under the right hash
        other, digest = (
            segment.encode_news(
                to_table(archive()[:40]).append_column("seq", [[0] * 40]).cast(segment.STORED_SCHEMA)
            ),
            "news_sha256",
        )
        sql.execute(
            f"UPDATE segment SET {digest} = ? WHERE news = ?", (hashlib.sha256(other).hexdigest(), file.name)
        )
    sql.close()
    file.write_bytes(other)
    segment._INDICES.put(str(file), segment._index(str(file)), segment._INDICES.limit + 1)  # forget it
    assert ["its rows are not those" in f for f in store.check()] == [True]


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    store = filled(tmp_path)
    manifest = store.manifest
    part = max(manifest.pin().segments, key=lambda s: s.rows)
    table = segment.read(manifest.path(part.name), segment.Wanted())
    left = manifest.path(manifest.news_file(part.month, table, 0)["news"])  # told, written, not published
    assert left.exists()
    assert store.check() == []
    with sqlite3.connect(tmp_path / "tocsin.db") as sql:
        assert sql.execute("SELECT COUNT(*) FROM intent WHERE name = ?", (left.name,)).fetchone() == (1,)
    sql.close()
    store._sweep(1)
    assert not left.exists()
    store.compact(NOW)
    assert left.exists()  # the same rows, the same name, now in the manifest
    store.compact(NOW, grace=timedelta(0))
    assert left.exists()
    assert store.check() == []
