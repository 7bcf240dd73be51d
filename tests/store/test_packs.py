"""Packs of cycles: small, quick by series, and each cycle read back as it was kept."""

from __future__ import annotations

import gc
import json
import logging
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.model import ConflictError, StoreError
from tocsin.store import (
    JUDGED,
    CycleRow,
    Judged,
    cycles,
    decode_judged,
    encode_judged,
    open_store,
    packs,
    restore_store,
)
from tocsin.store.judged import TILE
from tocsin.store.migrations import CURRENT
from tocsin.store.packs import PACK, Pack
from tocsin.testing.store import HOUR, NOW, T0


def judged(quantity: str, valid: datetime | None, values: Sequence[float]) -> Judged:
    array = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        columns = {name: (array + k).astype(np.float32) for k, name in enumerate(JUDGED)}
    return Judged(quantity=quantity, valid_time=valid, values=array, **columns)


def cycle(n: int, *rows: Judged, plan: str = "p", **changes: object) -> CycleRow:
    row = CycleRow(
        id=f"{plan}{n}", plan=plan, at=T0 + n * HOUR, mode="live", inputs_hash=f"h{n}", code="1",
        judgement=encode_judged(rows), levels=bytes([n % 5]) * 9,
        summary={"domains": ["x"], "n": n, "assessments": [{"text": "äöü\n\u2028", "n": n}] * (n % 3)},
    )  # fmt: skip
    return replace(row, **changes)


def waiting(folder: Path) -> int:
    sql = sqlite3.connect(folder / "tocsin.db")
    try:
        return sql.execute("SELECT COUNT(*) FROM cycle WHERE pack IS NULL").fetchone()[0]
    finally:
        sql.close()


def test_cycles_come_back_bit_by_bit(tmp_path: Path) -> None:
    odd = np.frombuffer(np.array([0x7FF8_0000_DEAD_BEEF, 1 << 63], np.uint64).tobytes(), np.float64)
    rows = [
        cycle(
            n, judged("q.b", T0 + n // 7 * HOUR, [n, *odd]), judged("q.a", None, []), judged("é", T0, [n] * 3)
        )
        for n in range(PACK * 2 + 3)
    ]
    store = open_store(tmp_path)
    for row in rows:
        assert store.put_cycle(row)
    assert waiting(tmp_path) == 3
    assert store.cycles(T0, NOW) == rows
    assert [store.cycles(r.at, r.at + HOUR) for r in rows] == [[r] for r in rows]
    assert not store.put_cycle(rows[0])
    with pytest.raises(ConflictError, match="inputs_hash"):
        store.put_cycle(replace(rows[0], inputs_hash="other"))
    heads = store.cycle_heads(T0, NOW, levels=True)
    assert [(h.id, h.at, h.domains, h.levels) for h in heads] == [
        (r.id, r.at, ("x",), r.levels) for r in rows
    ]
    assert {h.levels for h in store.cycle_heads(T0, NOW)} == {b""}
    assert store.check() == []


def test_what_has_no_columns_keeps_its_bytes(tmp_path: Path) -> None:
    twice = encode_judged([judged("q", T0, [1.0]), judged("q", T0, [2.0])])
    alien = {3: b"j" * 50, 4: b"", 5: twice, 6: b"\xff\xff\xff\xff and then nothing"}
    rows = [cycle(n, judged("q", T0, [float(n)] * (2 if n == 7 else 1))) for n in range(PACK)]
    rows = [replace(r, judgement=alien.get(n, r.judgement)) for n, r in enumerate(rows)]
    bare = replace(rows[8], summary={})
    store = open_store(tmp_path)
    for row in [*rows[:8], bare, *rows[9:]]:
        store.put_cycle(row)
    assert waiting(tmp_path) == 0
    assert store.cycles(T0, NOW) == [*rows[:8], bare, *rows[9:]]
    assert store.cycle_heads(T0, NOW)[8].domains == ()


SHAPES = st.tuples(
    st.integers(0, 90),  # hour of the cycle
    st.sampled_from(["p", "r"]),
    st.integers(0, 3) | st.none(),  # hours back to the period judged
    st.lists(st.sampled_from([0.0, 1.5, float("nan"), -7e300]), min_size=2, max_size=2),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(SHAPES, min_size=PACK, max_size=80), st.integers(-1, 95), st.integers(0, 60), st.integers(1, 40)
)
def test_a_series_is_what_the_newest_cycle_by_then_said(
    shapes: list[tuple[int, str, int | None, list[float]]], until: int, start: int, width: int
) -> None:
    rows = {
        (n, plan): cycle(n, judged("q", None if b is None else T0 + (n - b) * HOUR, v), plan=plan)
        for n, plan, b, v in shapes
    }
    now, span = T0 + until * HOUR, (T0 + start * HOUR, T0 + (start + width) * HOUR)
    wanted: dict[datetime, float] = {}
    for row in sorted(rows.values(), key=lambda r: (r.at, r.plan)):
        (one,) = decode_judged(row.judgement)
        if row.at <= now and one.valid_time is not None and span[0] <= one.valid_time < span[1]:
            wanted[one.valid_time] = float(one.expected[1])
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        for row in rows.values():  # in any order, as replays of several pasts bring them
            store.put_cycle(row)
        got = store.judgements("q", 1, of=2, start=span[0], end=span[1], until=now)
        store.close()
    assert got["valid_time"].to_pylist() == sorted(wanted)
    found = np.array([wanted[t] for t in sorted(wanted)], np.float32)
    assert np.array_equal(got["expected"].to_numpy(), found, equal_nan=True)


@pytest.mark.parametrize("n", [1, TILE - 1, TILE, TILE + 1, 2 * TILE + 5])
def test_every_series_is_found_in_its_tile(tmp_path: Path, n: int) -> None:
    store = open_store(tmp_path)
    for k in range(PACK + 1):
        store.put_cycle(cycle(k, judged("q", T0 + k * HOUR, np.arange(n) + 1000.0 * k)))
    for series in {0, n // 2, n - 1, min(TILE, n - 1)}:
        span = {"start": T0, "end": NOW, "until": NOW}
        got = store.judgements("q", series, of=n, **span)
        assert got["values"].to_pylist() == [series + 1000.0 * k for k in range(PACK + 1)]
        for other in (n + 1, n + TILE):
            with pytest.raises(StoreError, match=f"got {n} series, allowed: the {other}"):
                store.judgements("q", series, of=other, **span)
    with pytest.raises(StoreError, match="series: got"):
        store.judgements("q", n, of=n, **span)
    store.close()


def test_a_transaction_that_fails_leaves_no_pack(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    rows = [cycle(n, judged("q", T0 + n * HOUR, [float(n)])) for n in range(PACK)]

    def fail() -> None:
        with store.transaction():
            for row in rows:
                store.put_cycle(row)
            assert store.cycles(T0, NOW) == rows
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.cycles(T0, NOW) == []
    others = [cycle(n, judged("q", T0, [-1.0])) for n in range(PACK)]  # of the same summaries
    for row in others:
        store.put_cycle(row)
    assert store.cycles(T0, NOW) == others


def test_a_live_day_of_heavy_weather_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    raw = 0
    store = open_store(tmp_path)
    values = rng.poisson(9.0, 400)
    for n in range(4 * PACK):  # every five minutes; the numbers of an hour stay for twelve cycles
        if n % 12 == 0:
            values = rng.poisson(9.0, 400)
        assessments = [
            {
                "region": f"US-{r:05d}",
                "level": 2,
                "text": f"{v} where {v / 3:.3f} are expected, p {v / 7e5:.3g}",
            }
            for r, v in enumerate(values)
        ]
        row = cycle(0, judged("q", T0 + n // 12 * HOUR, values), summary={"assessments": assessments})
        row = replace(row, id=str(n), at=T0 + n * timedelta(minutes=5))
        raw += len(row.judgement) + len(json.dumps(row.summary))
        store.put_cycle(row)
    store.close()
    sql = sqlite3.connect(tmp_path / "tocsin.db")
    kept = sum(
        sql.execute(f"SELECT SUM(LENGTH(blob)) FROM {table}").fetchone()[0]
        for table in ("cycle_pack", "cycle_column")
    )
    sql.close()
    assert kept < raw / 30


def test_check_finds_damage(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for n in range(PACK):
        store.put_cycle(cycle(n, judged("q", T0 + n * HOUR, [float(n)])))
    store.close()
    sql = sqlite3.connect(tmp_path / "tocsin.db")
    sql.execute("UPDATE cycle_pack SET blob = substr(blob, 1, length(blob) - 9)")
    sql.execute("UPDATE cycle_column SET blob = (SELECT blob FROM cycle_pack), size = size + 1")
    sql.commit()
    store = open_store(tmp_path)
    assert ["damaged" in f for f in store.check()] == [True, True]
    with pytest.raises(StoreError, match="damaged"):
        store.cycles(T0, NOW)
    with pytest.raises(StoreError, match="damaged"):
        store.judgements("q", 0, of=1, start=T0, end=NOW, until=NOW)
    sql.execute("PRAGMA foreign_keys = OFF")
    sql.execute("DELETE FROM cycle_column")
    sql.execute("DELETE FROM cycle_pack")
    sql.commit()
    sql.close()
    assert len([f for f in store.check() if "got no pack" in f]) == PACK
    store.close()


def test_a_backup_of_which_nothing_is_lost_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise KeyError("a fault in packing")

    rows = [cycle(n, judged("q", T0 + n * HOUR, [float(n)])) for n in range(PACK)]
    store = open_store(tmp_path / "store")
    monkeypatch.setattr(packs, "_require_same", refuse)
    assert all(store.put_cycle(row) for row in rows)
    store.backup(tmp_path / "backup")
    restored = restore_store(tmp_path / "backup", tmp_path / "restored")
    (fault,) = restored.check()  # it is still told
    assert "no pack can be made" in fault
    assert restored.cycles(T0, NOW) == rows
    restored.close()
    store.close()


def test_a_pack_that_cannot_be_made_costs_no_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise KeyError("a fault in packing")

    rows = [cycle(n, judged("q", T0 + n * HOUR, [float(n)])) for n in range(3 * PACK)]
    store = open_store(tmp_path)
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "tocsin"):
        broken.setattr(packs, "_require_same", refuse)
        assert all(store.put_cycle(row) for row in rows[:-1])
        assert store.cycles(T0, NOW) == rows[:-1]
        (fault,) = store.check()
        assert "no pack can be made" in fault
        assert "a fault in packing" in fault
        store.compact(NOW)  # nor does it stop the upkeep
    said = [r.getMessage() for r in caplog.records]
    assert said == ["cycles of p (live) wait: they cannot be laid together"] * 3, "not at every cycle"
    assert waiting(tmp_path) == 3 * PACK - 1
    assert store.check() == [], "they can be laid together again"
    store.compact(NOW)
    assert waiting(tmp_path) == PACK - 1
    store.put_cycle(rows[-1])
    assert waiting(tmp_path) == 0
    assert store.cycles(T0, NOW) == rows
    assert store.check() == []
    store.close()


def test_a_cycle_damaged_while_it_waits_is_named_and_stops_no_other(tmp_path: Path) -> None:
    rows = [cycle(n, judged("q", T0 + n * HOUR, [float(n)])) for n in range(3 * PACK)]
    store = open_store(tmp_path)
    for row in rows[:5]:
        store.put_cycle(row)
    sql = sqlite3.connect(tmp_path / "tocsin.db")
    sql.execute("UPDATE cycle_loose SET summary = substr(summary, 1, 10) WHERE cycle = 'p3'")
    sql.execute("DELETE FROM cycle_loose WHERE cycle = 'p4'")
    sql.commit()
    sql.close()
    for row in rows[5:]:
        assert store.put_cycle(row)
    store.compact(NOW)
    # three times as many came, two are damaged: these and what makes no third pack wait
    assert waiting(tmp_path) == PACK
    assert [f.partition(": got")[0].partition(": the summary")[0] for f in store.check()] == [
        "cycles: p3",
        "cycles: p4",
    ]
    assert store.cycles(T0 + 5 * HOUR, NOW) == rows[5:]
    for n, said in ((3, "what it said is damaged"), (4, "nothing of what it said")):
        with pytest.raises(StoreError, match=f"p{n}: .*{said}"):
            store.cycles(T0 + n * HOUR, T0 + (n + 1) * HOUR)
    with pytest.raises(StoreError, match="p4: got nothing"):
        store.judgements("q", 0, of=1, start=T0, end=NOW, until=NOW)
    store.close()


@pytest.mark.parametrize(
    ("damage", "said", "judged_too"),
    [
        ("DELETE FROM cycle_column WHERE quantity = 'q'", "no columns of q", False),
        ("DELETE FROM cycle_column WHERE start = 0", f"no tile of q at series 0|{TILE}", True),
        (f"DELETE FROM cycle_column WHERE start = {TILE}", f"{TILE} of {TILE + 5} series of q", True),
        (f"UPDATE cycle_column SET blob = x'00' WHERE start = {TILE}", "damaged", True),
        ("UPDATE cycle_pack SET sha256 = 'x'", "sha256", False),
        ("UPDATE cycle_column SET start = start + 1", "no tile of q at series 0", False),
        ("DELETE FROM cycle WHERE id = 'p7'", f"got {PACK - 1} cycles", None),
        ("UPDATE cycle SET place = place + 1", f"got {PACK} cycles that belong", None),
        ("UPDATE cycle SET tiled = 0 WHERE place = 2", f"got {PACK} cycles that belong", None),
    ],
)  # fmt: skip
def test_check_finds_what_is_gone(tmp_path: Path, damage: str, said: str, judged_too: bool | None) -> None:
    store = open_store(tmp_path)
    for n in range(PACK):
        store.put_cycle(cycle(n, judged("q", T0 + n * HOUR, np.arange(TILE + 5) * 1.0 + n)))
    assert store.check() == []
    sql = sqlite3.connect(tmp_path / "tocsin.db")
    assert sql.execute(damage).rowcount > 0
    sql.commit()
    sql.close()
    (fault,) = store.check()
    assert said in fault or any(part in fault for part in said.split("|"))
    if judged_too is not None:
        with pytest.raises(StoreError, match="pack 1"):
            store.cycles(T0, NOW)
    if judged_too:
        with pytest.raises(StoreError, match="pack 1, q: "):
            store.judgements("q", TILE + 1, of=TILE + 5, start=T0, end=NOW, until=NOW)
    store.close()


def test_one_flipped_bit_is_found_when_it_is_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=300)  # what does not compress lies there as it is
    store = open_store(tmp_path)
    for n in range(PACK):
        store.put_cycle(cycle(n, judged("q", T0 + n * HOUR, values + n)))
    store.close()
    sql = sqlite3.connect(tmp_path / "tocsin.db")
    whole = sql.execute("SELECT blob FROM cycle_column WHERE start = 0").fetchone()[0]
    bits = bytearray(whole)
    bits[len(bits) // 2] ^= 1
    sql.execute("UPDATE cycle_column SET blob = ? WHERE start = 0", (bytes(bits),))
    sql.commit()
    sql.close()
    store = open_store(tmp_path)
    (fault,) = store.check()
    assert "pack 1, q: the bytes are damaged" in fault
    with pytest.raises(StoreError, match="pack 1, q: the bytes are damaged"):
        store.judgements("q", 3, of=300, start=T0, end=NOW, until=NOW)
    with pytest.raises(StoreError, match="pack 1, q: the bytes are damaged"):
        store.cycles(T0, NOW)
    store.close()


def _packs_at_hand() -> list[Pack]:
    return [thing for thing in gc.get_objects() if isinstance(thing, Pack)]


def test_many_cycles_are_read_a_pack_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        cycle(n, judged("q", T0, [float(n)]), plan=plan) for n in range(3 * PACK + 2) for plan in ("a", "b")
    ]
    store = open_store(tmp_path, keep=0)
    for row in rows:
        store.put_cycle(row)
    held: list[int] = []
    # Other tests of this process may hold packs: held here, so that no address is used again.
    others = _packs_at_hand()
    theirs = {id(pack) for pack in others}
    read = cycles.read_pack

    def count(*given: object) -> Pack:
        pack = read(*given)  # type: ignore[arg-type]
        held.append(sum(id(other) not in theirs for other in _packs_at_hand()))
        return pack

    monkeypatch.setattr(cycles, "read_pack", count)
    assert store.cycles(T0, NOW) == rows
    assert len(held) == 6, "each pack once, though two plans alternate"
    assert max(held) <= 2, "the one before goes when the next is there"
    store.close()


def _as_version_1(folder: Path) -> None:
    """Take from a store what version 2 brought."""
    sql = sqlite3.connect(folder / "tocsin.db")
    for statement in (
        *(f"DROP TABLE {t}" for t in ("cycle_column", "cycle_loose", "cycle_pack")),
        *(f"DROP INDEX {i}" for i in ("cycle_waiting", "cycle_tiled")),
        *(f"ALTER TABLE cycle DROP COLUMN {c}" for c in ("pack", "place", "tiled")),
        *(f"ALTER TABLE segment DROP COLUMN {c}" for c in ("news", "news_sha256")),
        "UPDATE meta SET value = 1 WHERE name = 'schema'",
    ):
        sql.execute(statement)
    sql.commit()
    sql.close()


def _shape(folder: Path) -> set[tuple[object, ...]]:
    sql = sqlite3.connect(folder / "tocsin.db")
    tables = [r[0] for r in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: set[tuple[object, ...]] = set(sql.execute("SELECT type, name FROM sqlite_master"))
    for table in tables:
        found |= {(table, *r[1:]) for r in sql.execute(f"PRAGMA table_info({table})")}
    sql.close()
    return found


def test_an_older_store_is_read_as_it_is_and_packed_by_compact(tmp_path: Path) -> None:
    rows = [cycle(n, judged("q", T0 + n * HOUR, [float(n), 0.0])) for n in range(2 * PACK + 5)]
    old, new = tmp_path / "old", tmp_path / "new"
    open_store(new).close()
    open_store(old).close()
    _as_version_1(old)
    sql = sqlite3.connect(old / "tocsin.db")
    columns = "id, plan, mode, inputs_hash, code, judgement, levels"
    for r in rows:
        plain = [getattr(r, c) for c in columns.split(", ")]
        sql.execute(
            f"INSERT INTO cycle ({columns}, at, summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*plain, int(r.at.timestamp()) * 10**6, json.dumps(dict(r.summary), separators=(",", ":"))],
        )
    sql.commit()
    sql.close()
    store = open_store(old)
    assert _shape(old) - {(t, *r) for t, *r in _shape(new)} == set()
    assert _shape(old) == _shape(new)
    assert CURRENT >= 2
    ask = {"of": 2, "start": T0, "end": NOW, "until": T0 + 40 * HOUR}
    before = store.judgements("q", 0, **ask)
    assert before["values"].to_pylist() == [float(n) for n in range(41)]
    assert store.cycles(T0, NOW) == rows
    assert waiting(old) == len(rows)
    store.compact(NOW)
    assert waiting(old) == 5
    assert store.judgements("q", 0, **ask).equals(before)
    assert store.cycles(T0, NOW) == rows
    assert store.check() == []
    store.close()
