"""As-of conformance: ``python -m tests.conformance.asof FOLDER`` answers a folder of histories.

Every row goes in through ``store.add`` in the order of ``known_at``; every answer comes out of
``store.as_of`` (bias: out of ``store.news``). Any folder of the same layout will do: vintage files
``*.csv.gz`` with the columns series, region, valid_time, known_at, value, and the tables
``queries.csv.gz``, ``panels.csv`` and ``bias.csv``.
"""

from __future__ import annotations

import hashlib
import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.conformance.runner import Report, Tolerance, run, table
from tocsin.model import DAY, OBSERVATION_SCHEMA, Missing, from_us, parse_time, parse_valid_time, to_us
from tocsin.store import Store, open_store

COLUMNS = ["series", "region", "valid_time", "known_at", "value"]
BATCH = 2_000
FLUSH_EVERY = 40
SIX_DIGITS = Tolerance(relative=1e-5)
_DAY_US = DAY // timedelta(microseconds=1)


@dataclass(slots=True)
class History:
    """What the files hold besides values: names of times, and the cells there are."""

    keys: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    quantities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    newest: dict[str, int] = field(default_factory=dict)


def vintage_files(folder: Path) -> list[Path]:
    """Every table of vintages in a folder, by its columns."""
    found = []
    for path in sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")]):
        first = next(table(path), None)
        if first is not None and list(first) == COLUMNS:
            found.append(path)
    return found


def ingest(folder: Path, store: Store, history: History) -> int:
    """Every row of a folder through ``store.add``, in the order of known time; give their number."""
    instants: dict[str, int] = {}
    rows: list[tuple[int, str, str, int, str]] = []
    for path in vintage_files(folder):
        for row in table(path):
            for name, read in (("known_at", parse_time), ("valid_time", parse_valid_time)):
                if row[name] not in instants:
                    instants[row[name]] = to_us(read(row[name], f"{path.name}: {name}"))
            quantity = f"{path.name}/{row['series']}"
            valid = instants[row["valid_time"]]
            rows.append((instants[row["known_at"]], quantity, row["region"], valid, row["value"]))
            history.keys[path.name][valid] = row["valid_time"]
            history.quantities[path.name].add(quantity)
            history.newest[path.name] = max(history.newest.get(path.name, 0), instants[row["known_at"]])
    rows.sort(key=lambda r: r[0])  # stable: rows of one moment stay as they stand in the files
    for number, start in enumerate(range(0, len(rows), BATCH)):
        some = rows[start : start + BATCH]
        at = from_us(some[-1][0])
        store.add(_batch(some), ingest=f"rows {start}", at=at)
        if number % FLUSH_EVERY == FLUSH_EVERY - 1:  # so that answers come from inbox and segments alike
            store.flush(at)
            store.compact(at)
    return len(rows)


def _batch(rows: list[tuple[int, str, str, int, str]]) -> pa.Table:
    known, quantity, region, valid, value = zip(*rows, strict=True)
    numbers = [_number(v) for v in value]
    n = len(rows)
    columns = {
        "quantity": list(quantity),
        "region": list(region),
        "valid_time": pa.array(valid, pa.int64()).cast(OBSERVATION_SCHEMA.field("valid_time").type),
        "known_at": pa.array(known, pa.int64()).cast(OBSERVATION_SCHEMA.field("known_at").type),
        "value": numbers,
        "text": [v if v and x is None else None for v, x in zip(value, numbers, strict=True)],
        "missing": [None if v else str(Missing.WITHDRAWN) for v in value],
        "source": ["history"] * n,
        "raw": [""] * n,
        "basis": ["release"] * n,
    }
    return pa.table(
        {f.name: pa.array(columns[f.name], f.type) for f in OBSERVATION_SCHEMA}, OBSERVATION_SCHEMA
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def queries(path: Path, store: Store, report: Report) -> None:
    """One cell at one moment: value, withdrawn (empty) or not known yet (``unknown``)."""
    for row in table(path):
        valid = parse_valid_time(row["valid_time"])
        cells = store.as_of(parse_time(row["as_of"])).cells(
            quantity=f"{row['file']}/{row['series']}",
            regions=[row["region"]],
            start=valid,
            end=valid + timedelta(microseconds=1),
        )
        name = "query " + " ".join(row[c] for c in ("file", "series", "region", "valid_time", "as_of"))
        if cells.num_rows > 1:
            report.fail(name, f"got {cells.num_rows} rows for one cell")
            continue
        got: object = "unknown"
        if cells.num_rows:
            held = cells.to_pylist()[0]
            got = "" if held["missing"] else held["text"] if held["value"] is None else held["value"]
        report.case(name, got, row["expected"])


def panels(path: Path, store: Store, history: History, report: Report) -> None:
    """All cells of a file at one moment: how many, their sum, and a hash of those that are words."""
    totals: dict[str, int] = {}
    for row in table(path):
        file = row["file"]
        if file not in totals:
            totals[file] = sum(c.num_rows for c in _cells(store, history, file, None))
        numbers, withdrawn, lines = [], 0, []
        for cells in _cells(store, history, file, row["as_of"]):
            withdrawn += cells.num_rows - cells["missing"].null_count
            value = cells["value"].drop_null().to_numpy()
            numbers.append(value)
            words = cells.filter(cells["text"].is_valid())
            for word in words.select(["quantity", "region", "valid_time", "text"]).to_pylist():
                key = history.keys[file][to_us(word["valid_time"])]
                series = word["quantity"].removeprefix(f"{file}/")
                lines.append(f"{series}\t{word['region']}\t{key}\t{word['text']}\n".encode())
        number = np.concatenate(numbers)
        known = number.size + len(lines)
        digest = hashlib.sha256(b"".join(sorted(lines))).hexdigest()[:16] if lines else ""
        got = {
            "known": known,
            "withdrawn": withdrawn,
            "unknown": totals[file] - known - withdrawn,
            "numeric": number.size,
            "sum": float(number.sum()) if number.size else "",
            "text_sha256_16": digest,
        }
        for column, value in got.items():
            expected = row[column]
            if column == "sum" and not number.size and not expected.strip("0."):
                value = expected  # the sum of nothing is written as nothing or as zero
            exact = column != "sum"
            name = f"panel {file} {row['as_of']} {column}"
            if column == "text_sha256_16":
                report.case(name, f"'{value}", f"'{expected}")  # a word, even when it looks like a number
            else:
                report.case(name, value, expected, Tolerance() if exact else SIX_DIGITS)


def _cells(store: Store, history: History, file: str, as_of: str | None) -> Iterator[pa.Table]:
    snapshot = store.as_of(from_us(history.newest[file]) if as_of is None else parse_time(as_of))
    for quantity in sorted(history.quantities[file]):
        yield snapshot.cells(quantity=quantity)


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one series, sorted by cell and known time, with the bounds of the cells."""

    known: np.ndarray
    code: np.ndarray  # equal for equal values; -1 for none
    number: np.ndarray
    start: np.ndarray
    end: np.ndarray
    counted: np.ndarray  # cells that an evaluation counts


def versions(news: pa.Table) -> Versions:
    """Order the versions of one series and say which cells count (see the folder's README)."""
    region = news["region"].combine_chunks()
    region = region.indices.to_numpy() if news.num_rows else np.empty(0, np.int32)
    valid, known = (news[c].cast(pa.int64()).to_numpy() for c in ("valid_time", "known_at"))
    order = np.lexsort((known, valid, region))
    region, valid, known = region[order], valid[order], known[order]
    value = news["value"].to_numpy()[order]
    words = news["text"].to_numpy(zero_copy_only=False)[order]
    text = np.array([w or "" for w in words], dtype=str)
    missing = news["missing"].is_valid().to_numpy()[order]
    # numbers are equal as numbers, words as words
    code = np.unique(np.where(np.isnan(value), text, [repr(v) for v in value]), return_inverse=True)[1]
    code = np.where(missing, -1, code)
    new = np.ones(known.size, bool)
    new[1:] = (region[1:] != region[:-1]) | (valid[1:] != valid[:-1])
    start = np.flatnonzero(new)
    end = np.append(start[1:], known.size) - 1
    first, about = known[start], valid[start]
    counted = (
        (first > known.min())
        & (first >= about - 7 * _DAY_US)
        & (first <= about + 130 * _DAY_US)
        & (code[start] >= 0)
    )
    return Versions(known, code, value, start, end, counted)


def bias(path: Path, store: Store, history: History, report: Report) -> None:
    """What an evaluation with the last known values does not see, by series and lag."""
    newest = max(history.newest.values())
    news = store.news(from_us(-(10**15)), from_us(newest))
    held: dict[tuple[str, str], Versions] = {}
    names = news["quantity"].combine_chunks().cast(pa.string()).to_numpy(zero_copy_only=False)
    for row in table(path):
        file, series = row["file"], row["series"]
        if (file, series) not in held:
            rows = np.flatnonzero(names == f"{file}/{series}")
            held[file, series] = versions(news.take(pa.array(rows)))
        got = _bias(held[file, series], int(row["lag_days"]), history.newest[file], row["unit"] == "text")
        for column, value in got.items():
            name = f"bias {file} {series} {row['lag_days']} d {column}"
            report.case(name, value, row[column], Tolerance() if column == "cells" else SIX_DIGITS)


def _bias(v: Versions, lag_days: int, newest: int, words: bool) -> dict[str, object]:
    limit = v.known[v.start] + lag_days * _DAY_US
    # the last row of each cell known by its limit: rows of a cell are in order of known time
    early = v.known <= np.repeat(limit, v.end - v.start + 1)
    then = v.start + np.add.reduceat(early.astype(np.int64), v.start) - 1
    enters = v.counted & (limit <= newest) & (v.code[then] >= 0) & (v.code[v.end] >= 0)
    first, then, last = v.start[enters], then[enters], v.end[enters]
    n = int(enters.sum())
    share = float((v.code[then] != v.code[first]).mean()) if n else ""
    numbers = ("mean_abs_first", "mean_abs_revision", "mean_abs_remaining")
    means: dict[str, object] = dict.fromkeys(numbers, "")
    if n and not words:
        a, b, c = v.number[first], v.number[then], v.number[last]
        for name, part in zip(numbers, (a, b - a, c - b), strict=True):
            means[name] = float(np.abs(part).mean())
    return {"cells": n, **means, "share_revised": share}


def walk(folder: Path, report: Report) -> None:
    """Ingest a folder and answer every table in it."""
    with tempfile.TemporaryDirectory(prefix="tocsin-asof-") as place:
        store, history = open_store(Path(place) / "store"), History()
        try:
            rows = ingest(folder, store, history)
            print(f"{rows} rows of {len(history.quantities)} files ingested", file=report.out)
            for name in ("queries.csv.gz", "queries.csv"):
                if (folder / name).exists():
                    queries(folder / name, store, report)
            if (folder / "panels.csv").exists():
                panels(folder / "panels.csv", store, history, report)
            if (folder / "bias.csv").exists():
                bias(folder / "bias.csv", store, history, report)
            report.case("store is whole", store.check(), [])
        finally:
            store.close()


if __name__ == "__main__":
    sys.exit(run(walk, sys.argv[1:], "python -m tests.conformance.asof FOLDER"))
