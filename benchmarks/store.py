"""The store against a DuckDB file with the same rows in the same run: ``python -m benchmarks.store``.

Prints the list "To reach" of the storage guide: ours, DuckDB's, the ratio, the goal, and whether it
is met. Each engine runs in processes of its own, one after the other, and gives its answers as
Arrow (panels as numpy). Times are medians. The last line is the ratio of "as-of, all cells".
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from tocsin.model import DAY, HOUR, OBSERVATION_SCHEMA, to_us
from tocsin.store import Store, open_store

START = datetime(2001, 1, 1, tzinfo=UTC)
QUANTITIES = ("air.departures", "air.delay_mean", "air.on_time")
REGIONS = tuple(f"US-AIR-{n:03d}" for n in range(230))
SERIES = len(QUANTITIES) * len(REGIONS)
BATCH = 200
_US = timedelta(microseconds=1)
_WORD = OBSERVATION_SCHEMA.field("quantity").type
_TIME = OBSERVATION_SCHEMA.field("valid_time").type


def make_rows(rows: int, *, arrival: bool = False) -> Iterator[pa.Table]:
    """Hours by series with revisions and gaps, a million rows a table.

    In the order of an archive (series, valid time, known time), or as they arrived (known time).

    Each cell is known 30 to 90 minutes after its hour; a third is revised once, hours to days later;
    one in a hundred is missing with a reason.
    """
    hours = rows * 3 // (4 * SERIES)
    rng = np.random.default_rng(1)
    cells = hours * SERIES
    hour = np.repeat(np.arange(hours), SERIES)
    series = np.tile(np.arange(SERIES, dtype=np.int32), hours)
    valid = to_us(START) + hour * (HOUR // _US)
    known = valid + rng.integers(90 * 60, 150 * 60, cells) // 60 * 60_000_000
    again = np.flatnonzero(rng.random(cells) < 1 / 3)
    later = known[again] + (rng.exponential(20.0, again.size) + 1).astype(np.int64) * (HOUR // _US)
    cell = np.concatenate((np.arange(cells), again))
    known = np.concatenate((known, later))
    order = np.argsort(known, kind="stable") if arrival else np.lexsort((known, valid[cell], series[cell]))
    cell, known = cell[order], known[order]
    value = rng.poisson(12, cell.size).astype(float)
    delay = series[cell] // len(REGIONS) == 1
    value[delay] = np.round(rng.normal(8, 20, int(delay.sum())), 1)
    gap = rng.random(cell.size) < 0.01
    first = int(known.min())
    raws = [f"{n:064x}" for n in range(int((known.max() - first) // (DAY // _US)) + 1)]
    for low in range(0, cell.size, 1_000_000):
        part = slice(low, low + 1_000_000)
        one = series[cell[part]]
        raw = ((known[part] - first) // (DAY // _US)).astype(np.int32)
        zero = np.zeros(one.size, np.int32)
        columns = [
            _words(one // len(REGIONS), QUANTITIES),
            _words(one % len(REGIONS), REGIONS),
            pa.array(valid[cell[part]]).cast(_TIME),
            pa.array(known[part]).cast(_TIME),
            pa.array(value[part], mask=gap[part]),
            pa.nulls(one.size, pa.string()),
            pa.DictionaryArray.from_arrays(pa.array(zero, mask=~gap[part]), ["not_reported"]),
            _words(one // len(REGIONS), ("bts_flights", "bts_delays", "bts_on_time")),
            _words(raw, raws),
            _words(zero, ("estimated",)),
        ]
        yield pa.Table.from_arrays(columns, schema=OBSERVATION_SCHEMA)


def _words(code: Any, words: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(code, pa.int32()), pa.array(list(words), pa.string()))


@dataclass(frozen=True)
class Questions:
    """What both engines are asked."""

    at: datetime
    series: tuple[str, ...]
    panel_start: datetime
    panel_end: datetime
    news_from: datetime
    cell: datetime


def questions(rows: int) -> Questions:
    """Moments late in the data, so that most of it is known."""
    hours = rows * 3 // (4 * SERIES)
    end = START + hours * HOUR
    picked = np.random.default_rng(2).choice(len(REGIONS), 34, replace=False)
    return Questions(
        at=end - 24 * HOUR,
        series=tuple(REGIONS[i] for i in sorted(picked)),  # times three quantities: 102 series
        panel_start=end - 24 * HOUR - min(90 * DAY, (hours // 2) * HOUR),
        panel_end=end - 24 * HOUR,
        news_from=START + (hours // 2) * HOUR,
        cell=START + (hours // 3) * HOUR,
    )


class Engine(Protocol):
    """One of the two sides."""

    def load(self, tables: Iterator[pa.Table]) -> None: ...
    def as_of_all(self, q: Questions) -> pa.Table: ...
    def as_of_series(self, q: Questions) -> pa.Table: ...
    def panel(self, q: Questions) -> np.ndarray[Any, Any]: ...
    def news(self, q: Questions) -> pa.Table: ...
    def vintages(self, q: Questions) -> pa.Table: ...
    def counts(self) -> pa.Table: ...
    def append(self, table: pa.Table, key: str) -> None: ...
    def size(self) -> int: ...


class Ours:
    """Tocsin's store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = open_store(folder)
        self.now = START + timedelta(days=36_500)

    def load(self, tables: Iterator[pa.Table]) -> None:
        self.store.load(tables, ingest="all", at=self.now)
        self.store.compact(self.now, full=True)
        self.store.compact(self.now, grace=timedelta(0))

    def as_of_all(self, q: Questions) -> pa.Table:
        return self.store.as_of(q.at).cells()

    def as_of_series(self, q: Questions) -> pa.Table:
        return self.store.as_of(q.at).cells(regions=q.series)

    def panel(self, q: Questions) -> np.ndarray[Any, Any]:
        panel = self.store.as_of(q.at).panel(
            QUANTITIES[0], regions=REGIONS, start=q.panel_start, end=q.panel_end, step=HOUR
        )
        return panel.values

    def news(self, q: Questions) -> pa.Table:
        return self.store.news(q.news_from, q.news_from + HOUR)

    def vintages(self, q: Questions) -> pa.Table:
        return self.store.revisions(QUANTITIES[1], REGIONS[117], q.cell)

    def counts(self) -> pa.Table:
        return self.store.counts()

    def append(self, table: pa.Table, key: str) -> None:
        self.store.add(table, ingest=key, at=self.now)

    def size(self) -> int:
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())


_COLUMNS = ", ".join(OBSERVATION_SCHEMA.names)


class Duck:
    """A DuckDB file with the same rows."""

    def __init__(self, folder: Path) -> None:
        import duckdb

        self.path = folder / "peer.duckdb"
        folder.mkdir(parents=True, exist_ok=True)
        self.connection: Any = duckdb.connect(str(self.path))
        self.connection.execute("SET TimeZone = 'UTC'")
        words = ", ".join(
            f"{f.name} {'TIMESTAMPTZ' if f.type == _TIME else 'DOUBLE' if f.name == 'value' else 'VARCHAR'}"
            for f in OBSERVATION_SCHEMA
        )
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS o ({words})")
        self.connection.execute("CREATE TABLE IF NOT EXISTS ingest (key VARCHAR PRIMARY KEY)")

    def load(self, tables: Iterator[pa.Table]) -> None:
        for table in tables:
            self.connection.register("incoming", table)
            self.connection.execute(f"INSERT INTO o SELECT {_COLUMNS} FROM incoming")
        self.connection.unregister("incoming")
        self.connection.execute("CHECKPOINT")

    def _ask(self, query: str, *values: Any) -> pa.Table:
        return self.connection.sql(query, params=list(values)).to_arrow_table()

    # the fastest of four ways of asking that were tried: arg_max_null of each column took 9 times as
    # long, of a struct 4 times, a semi-join on the row id as long as this
    _NEWEST = (
        "SELECT * FROM o WHERE known_at <= ? {} "
        "QUALIFY row_number() OVER (PARTITION BY quantity, region, valid_time ORDER BY known_at DESC) = 1"
    )

    def as_of_all(self, q: Questions) -> pa.Table:
        return self._ask(self._NEWEST.format(""), q.at)

    def as_of_series(self, q: Questions) -> pa.Table:
        return self._ask(self._NEWEST.format("AND region IN (SELECT unnest(?))"), q.at, list(q.series))

    def panel(self, q: Questions) -> np.ndarray[Any, Any]:
        table = self._ask(
            "SELECT region, valid_time, arg_max_null(value, known_at) AS value FROM o WHERE known_at <= ? "
            "AND quantity = ? AND valid_time >= ? AND valid_time < ? GROUP BY ALL",
            q.at,
            QUANTITIES[0],
            q.panel_start,
            q.panel_end,
        )
        hours = (q.panel_end - q.panel_start) // HOUR
        values = np.full((hours, len(REGIONS)), np.nan)
        region = table["region"].combine_chunks().dictionary_encode()
        place = {r: n for n, r in enumerate(REGIONS)}
        column = np.array([place[r] for r in region.dictionary.to_pylist()])[region.indices.to_numpy()]
        us = table["valid_time"].cast(pa.int64()).to_numpy() - to_us(q.panel_start)
        values[us // (HOUR // _US), column] = table["value"].to_numpy()
        return values

    def news(self, q: Questions) -> pa.Table:
        query = "SELECT * FROM o WHERE known_at > ? AND known_at <= ? ORDER BY known_at"
        return self._ask(query, q.news_from, q.news_from + HOUR)

    def vintages(self, q: Questions) -> pa.Table:
        query = "SELECT * FROM o WHERE quantity = ? AND region = ? AND valid_time = ? ORDER BY known_at"
        return self._ask(query, QUANTITIES[1], REGIONS[117], q.cell)

    def counts(self) -> pa.Table:
        return self._ask(
            "SELECT source, CAST(valid_time AS DATE) AS day, count(*) AS rows FROM o "
            "GROUP BY ALL ORDER BY ALL"
        )

    def append(self, table: pa.Table, key: str) -> None:
        self.connection.register("incoming", table)
        self.connection.execute("BEGIN")
        self.connection.execute("INSERT INTO ingest VALUES (?)", [key])
        self.connection.execute(f"INSERT INTO o SELECT {_COLUMNS} FROM incoming")
        self.connection.execute("COMMIT")

    def size(self) -> int:
        return sum(f.stat().st_size for f in self.path.parent.glob("peer.duckdb*"))


ENGINES: dict[str, Callable[[Path], Engine]] = {"ours": Ours, "duckdb": Duck}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def _median(call: Callable[[], Any], times: int) -> float:
    return float(np.median([_timed(call)[0] for _ in range(times)]))


def batches(count: int, salt: int) -> Iterator[pa.Table]:
    """Small batches of new cells, as a feed brings them."""
    for n in range(count):
        one = np.arange(BATCH, dtype=np.int32) + salt
        us = np.full(BATCH, to_us(START) + n * (HOUR // _US))
        zero = np.zeros(BATCH, np.int32)
        yield pa.Table.from_arrays(
            [
                _words(zero, QUANTITIES[:1]),
                _words(one % len(REGIONS), REGIONS),
                pa.array(us).cast(_TIME),
                pa.array(us + HOUR // _US).cast(_TIME),
                pa.array(one.astype(float)),
                pa.nulls(BATCH, pa.string()),
                pa.DictionaryArray.from_arrays(pa.nulls(BATCH, pa.int32()), pa.array([], pa.string())),
                _words(zero, ("bts_flights",)),
                _words(zero, (f"{n:064x}",)),
                _words(zero, ("ingest",)),
            ],
            schema=OBSERVATION_SCHEMA,
        )


def _appends(engine: Engine, count: int, salt: int) -> list[float]:
    held = list(batches(count, salt))
    return [
        _timed(lambda t=table, n=n: engine.append(t, f"batch {salt} {n}"))[0]  # type: ignore[misc]
        for n, table in enumerate(held)
    ]


def measure_load(name: str, folder: Path, rows: int) -> dict[str, float]:
    """Time to load; disk after it. Rows are made before the clock starts."""
    tables = list(make_rows(rows))
    engine = ENGINES[name](folder)
    seconds, _ = _timed(lambda: engine.load(iter(tables)))
    return {"load": seconds, "disk": engine.size(), "rows": sum(t.num_rows for t in tables)}


def measure_arrival(name: str, folder: Path, rows: int) -> dict[str, float]:
    """One hour's news when the rows were loaded as they arrived."""
    engine, q = ENGINES[name](folder), questions(rows)
    engine.load(make_rows(rows, arrival=True))
    engine.news(q)
    return {"news": _median(lambda: engine.news(q), 11)}


def measure_memory(name: str, folder: Path, rows: int) -> dict[str, float]:
    """Peak memory of one as-of of everything, above what the process has before."""
    engine = ENGINES[name](folder)
    engine.counts()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = engine.as_of_all(questions(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"memory": peak * 1024, "cells": answer.num_rows}


def measure_reads(name: str, folder: Path, rows: int) -> dict[str, Any]:
    """Medians of the six kinds of read, and a sum of what they answered."""
    engine, q = ENGINES[name](folder), questions(rows)
    everything, some, panel = engine.as_of_all(q), engine.as_of_series(q), engine.panel(q)
    news, vintages, counts = engine.news(q), engine.vintages(q), engine.counts()
    answers = [
        everything.num_rows,
        everything["missing"].null_count,
        round(float(np.nansum(everything["value"].to_numpy())), 1),
        some.num_rows,
        round(float(np.nansum(some["value"].to_numpy())), 1),
        round(float(np.nansum(panel)), 1),
        int(np.isnan(panel).sum()),
        news.num_rows,
        round(float(np.nansum(news["value"].to_numpy())), 1),
        vintages.num_rows,
        counts.num_rows,
        sum(counts["rows"].to_pylist()),
    ]
    del everything, some, panel, news
    return {
        "answers": answers,
        "as_of_all": _median(lambda: engine.as_of_all(q), 5),
        "as_of_series": _median(lambda: engine.as_of_series(q), 7),
        "panel": _median(lambda: engine.panel(q), 11),
        "news": _median(lambda: engine.news(q), 11),
        "vintages": _median(lambda: engine.vintages(q), 31),
        "counts": _median(lambda: engine.counts(), 11),
    }


def measure_appends(name: str, folder: Path, count: int) -> dict[str, float]:
    """One writer into an empty store."""
    seconds = _appends(ENGINES[name](folder), count, 0)
    return {"median": float(np.median(seconds)), "p99": float(np.percentile(seconds, 99))}


def _write(name: str, folder: Path, count: int, salt: int, start: Any, queue: Any) -> None:
    engine = ENGINES[name](folder)
    start.wait()
    queue.put(_appends(engine, count, salt))


def measure_three(name: str, folder: Path, count: int) -> dict[str, float]:
    """Three processes that write to one store at once."""
    ENGINES[name](folder)
    context = mp.get_context("spawn")
    start, queue = context.Barrier(3), context.Queue()
    writers = [
        context.Process(target=_write, args=(name, folder, count, 1 + n, start, queue)) for n in range(3)
    ]
    for writer in writers:
        writer.start()
    seconds = [s for _ in writers for s in queue.get(timeout=300)]
    for writer in writers:
        writer.join()
    return {"median": float(np.median(seconds)), "p99": float(np.percentile(seconds, 99))}


def measure_waiting(name: str, folder: Path, rows: int) -> dict[str, float]:
    """As-of of 102 series with everything compacted, then with 190 small batches in the inbox."""
    engine, q = ENGINES[name](folder), questions(rows)
    compacted = _median(lambda: engine.as_of_series(q), 7)
    _appends(engine, 190, 7)
    engine.as_of_series(q)
    return {"compacted": compacted, "waiting": _median(lambda: engine.as_of_series(q), 7)}


def measure_follow(folder: Path, rows: int) -> dict[str, float]:
    """Snapshots a second of a replay that asks for the last 8 hours of 3 quantities at each."""
    from tocsin.store import PanelSpec

    store = open_store(folder)
    hours = rows * 3 // (4 * SERIES)
    specs = [PanelSpec(quantity=q, regions=REGIONS, step=HOUR, span=336 * HOUR) for q in QUANTITIES]
    began, steps = time.perf_counter(), 0
    for snapshot in store.follow(start=START, end=START + hours * HOUR, step=HOUR, panels=specs):
        for quantity in QUANTITIES:
            snapshot.panel(
                quantity, regions=REGIONS, start=snapshot.at - 8 * HOUR, end=snapshot.at, step=HOUR
            )
        steps += 1
    return {"rate": steps / (time.perf_counter() - began), "steps": steps}


def _call(function: Callable[..., dict[str, Any]], arguments: tuple[Any, ...], pipe: Any) -> None:
    pipe.send(function(*arguments))
    pipe.close()


def alone(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """A measurement in a process of its own."""
    context = mp.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(function, arguments, theirs))
    process.start()
    theirs.close()
    try:
        answer: dict[str, Any] = mine.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{function.__name__}{arguments}: the process failed") from None
    process.join()
    return answer


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    what: str
    ours: float
    peer: float
    goal: float
    unit: str = "s"
    below: str = "DuckDB"

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else float("inf")

    def __str__(self) -> str:
        scale, unit = {"s": (1e3, "ms"), "B": (1 / 2**20, "MiB")}[self.unit]
        met = "met" if self.ratio <= self.goal else "NOT MET"
        below = "" if self.below == "DuckDB" else f"of {self.below}"
        return (
            f"{self.what:<44} {self.ours * scale:>10.2f} {self.peer * scale:>10.2f} {unit:<4} "
            f"{self.ratio:>6.2f}  ≤ {self.goal:<5g} {met:<8} {below}"
        ).rstrip()


def compare(folder: Path, rows: int, appends: int) -> tuple[list[Line], list[str]]:
    """All measurements; lines of the table, and notes."""
    got: dict[str, dict[str, Any]] = {}
    for name in ("duckdb", "ours"):
        place = folder / name
        got[name] = alone(measure_load, name, place, rows)
        got[name] |= alone(measure_reads, name, place, rows)
        got[name] |= alone(measure_memory, name, place, rows)
        got[name]["append"] = alone(measure_appends, name, folder / f"{name}-appends", appends)
    us, peer = got["ours"], got["duckdb"]
    if us["answers"] != peer["answers"]:
        raise RuntimeError(f"the two answer differently: {us['answers']} and {peer['answers']}")
    follow = alone(measure_follow, folder / "ours", rows)
    arrived = {name: alone(measure_arrival, name, folder / f"{name}-arrival", rows) for name in ENGINES}
    three = alone(measure_three, "ours", folder / "ours-three", appends)
    waiting = alone(measure_waiting, "ours", folder / "ours", rows)
    lines = [
        Line("as-of, all cells", us["as_of_all"], peer["as_of_all"], 0.25),
        Line("as-of, all cells: peak memory", us["memory"], peer["memory"], 0.6, "B"),
        Line("as-of, 102 series", us["as_of_series"], peer["as_of_series"], 2),
        Line("90-day panel", us["panel"], peer["panel"], 1.25),
        Line("one hour's news", us["news"], peer["news"], 1),
        Line("all vintages of a cell", us["vintages"], peer["vintages"], 2),
        Line("count by source and day", us["counts"], peer["counts"], 1.5),
        Line("load with compaction", us["load"], peer["load"], 6),
        Line("disk", us["disk"], peer["disk"], 0.7, "B"),
        Line("append, median", us["append"]["median"], peer["append"]["median"], 1),
        Line("append, p99: three writers", three["p99"], us["append"]["p99"], 5, below="its one-writer p99"),
        Line(
            "as-of, 102 series, 190 batches in the inbox",
            waiting["waiting"],
            waiting["compacted"],
            2,
            below="compacted",
        ),
    ]
    p99 = {name: got[name]["append"]["p99"] * 1e3 for name in got}
    late = {name: arrived[name]["news"] * 1e3 for name in arrived}
    news = (
        f"one hour's news, had the rows been loaded as they arrived: ours {late['ours']:.2f} ms, DuckDB "
        f"{late['duckdb']:.2f} ms (its blocks then lie in the order of known time)"
    )
    writing = (
        f"append p99: ours {p99['ours']:.2f} ms, DuckDB {p99['duckdb']:.2f} ms; three writers: ours median "
        f"{three['median'] * 1e3:.2f} ms, p99 {three['p99'] * 1e3:.2f} ms; DuckDB takes one process only"
    )
    rate = f"follow: {follow['rate']:.0f} snapshots a second over {follow['steps']:.0f} (goal: at least 2000)"
    same = f"{us['rows']:.0f} rows, {us['cells']:.0f} cells known; both engines gave the same answers"
    notes = [same, news, writing, rate]
    return lines, notes


def main(arguments: list[str]) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.store", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="observations to load")
    parser.add_argument("--appends", type=int, default=400, help="small batches of each writer")
    parser.add_argument("--folder", type=Path, help="where to work (default: a passing folder here)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line instead")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix=".bench-store-", dir=given.folder or Path.cwd()))
    try:
        lines, notes = compare(folder, given.rows, given.appends)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for note in notes:
        print(note)
    if given.json:
        for line in lines:
            print(json.dumps({**line.__dict__, "ratio": line.ratio, "met": line.ratio <= line.goal}))
    else:
        print(f"{'':<44} {'ours':>10} {'DuckDB':>10} {'':<4} {'ratio':>6}  goal")
        for line in lines:
            print(line)
    print(f"ratio {lines[0].ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
