"""The gate's rules for observations, judged by whole columns; a row is looked at alone only to be told of."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tocsin.feeds.rejected import FIRST_YEAR, LAST_YEAR, Rejected
from tocsin.model import OBSERVATION_SCHEMA, Basis, Missing, Quantity, Raw, Source, iso, to_plain, to_us

_MISSING = frozenset(str(m) for m in Missing)


def judge_rows(
    table: pa.Table, source: Source, raw: Raw, now: datetime, regions: Container[str], last: datetime | None
) -> tuple[pa.Table, list[Rejected], int]:
    """Rows that may pass, what was set aside, and how many rows were said twice."""
    n = table.num_rows
    if not n:
        return table, [], 0
    table = table.combine_chunks().unify_dictionaries()
    valid = table["valid_time"].cast(pa.int64()).to_numpy(zero_copy_only=False)
    known = table["known_at"].cast(pa.int64()).to_numpy(zero_copy_only=False)
    value = table["value"].to_numpy(zero_copy_only=False).astype(np.float64)
    reasons: dict[int, str] = {}

    def reject(bad: NDArray[np.bool_], reason: str) -> None:
        for i in np.flatnonzero(bad):
            reasons.setdefault(int(i), reason)

    declared = {q.id: q for q in source.quantities}
    quantity, quantities = _codes(table["quantity"])
    place, places = _codes(table["region"])
    sha256 = raw.sha256
    words = {name: _codes(table[name]) for name in ("source", "raw", "basis")}
    reject(_in(quantity, [q not in declared for q in quantities]), f"quantity: not declared by {source.id}")
    reject(_in(place, [r not in regions for r in places]), "region: unknown to the pack")
    reject(_in(*_flag(words["source"], lambda w: w != raw.source)), f"source: allowed: {raw.source}")
    reject(_in(*_flag(words["raw"], lambda w: w != sha256)), "raw: not the hash of the document")
    reject(_in(*_flag(words["basis"], lambda w: w not in set(Basis))), "basis: unknown word")
    given = [table[c].is_valid().to_numpy(zero_copy_only=False) for c in ("value", "text", "missing")]
    said = np.add.reduce([column.astype(np.int8) for column in given])
    reject(given[0] & ~np.isfinite(value), "value: not finite; NaN is missing with a reason")
    reject(said != 1, "value: allowed: exactly one of value, text and missing")
    why, reasons_given = _codes(table["missing"])
    reject(_in(why, [w not in _MISSING for w in reasons_given]), "missing: unknown reason")
    first, end = (to_us(datetime(year, 1, 1, tzinfo=UTC)) for year in (FIRST_YEAR, LAST_YEAR))
    reject((valid < first) | (valid >= end), f"valid_time: allowed: {FIRST_YEAR} to {LAST_YEAR}")
    reject(known > to_us(now), f"known_at: from the future, now is {iso(now)}")
    reject(valid > known + source.lag // timedelta(microseconds=1), "valid_time: begins after it is known")
    if last is not None:
        ingest = _in(*_flag(words["basis"], lambda w: w == Basis.INGEST))
        reject(ingest & (known < to_us(last)), f"known_at: the clock went back, last was {iso(last)}")
    bounds = [declared.get(q) for q in quantities]
    low = _bound([q.lower if q else None for q in bounds], -np.inf, quantity)
    high = _bound([q.upper if q else None for q in bounds], np.inf, quantity)
    with np.errstate(invalid="ignore"):
        outside = (value < low) | (value > high)
    good = np.ones(n, bool)
    good[list(reasons)] = False
    text, _ = _codes(table["text"].dictionary_encode())
    cell = np.column_stack([quantity, place, valid, known])
    keep, clash = _unique(cell, np.column_stack([value, text, why]), good)
    reject(clash, "value: the document gives this cell two values at one time")
    duplicates = int((good & ~keep).sum())
    bad = np.zeros(n, bool)
    bad[list(reasons)] = True
    report = [
        Rejected(where=f"observations[{i}]", error=reasons[i], record=_row(table, i)) for i in sorted(reasons)
    ]
    outside &= ~bad & keep
    for i in np.flatnonzero(outside):
        q = declared[quantities[quantity[i]]]
        report.append(_out_of_bounds(table, int(i), q))
    if outside.any():
        table = _blank(table, outside)
    return table.filter(pa.array(keep & ~bad)), report, duplicates


def _unique(
    cell: NDArray[np.int64], said: NDArray[np.float64], good: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows to keep (of equal rows the first), and rows of a cell that contradict one another."""
    keep, clash = np.ones(len(cell), bool), np.zeros(len(cell), bool)
    rows = np.flatnonzero(good)
    order = rows[np.lexsort(cell[rows].T[::-1])]
    again = np.zeros(len(order), bool)
    again[1:] = (cell[order][1:] == cell[order][:-1]).all(axis=1)
    if not again.any():
        return keep, clash
    group = np.cumsum(~again) - 1
    first = order[~again][group]  # the first row of each cell, row by row
    one, other = said[order], said[first]
    equal = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    contradicted = np.zeros(int(group[-1]) + 1, bool)
    np.logical_or.at(contradicted, group, ~equal)
    clash[order] = contradicted[group]
    keep[order] = ~again | clash[order]
    return keep, clash


def _out_of_bounds(table: pa.Table, i: int, q: Quantity) -> Rejected:
    row = _row(table, i)
    error = f"value: got {row['value']!r}, allowed: {q.lower} to {q.upper} {q.unit}; kept as missing"
    return Rejected(where=f"observations[{i}]", error=error, record=row)


def _blank(table: pa.Table, rows: NDArray[np.bool_]) -> pa.Table:
    """The same rows with *missing: out_of_bounds* in place of the value."""
    mask = pa.array(rows)
    missing = table["missing"].cast(pa.string())
    missing = pc.if_else(mask, pa.scalar(str(Missing.OUT_OF_BOUNDS)), missing)
    at = table.schema.get_field_index
    table = table.set_column(
        at("value"),
        table.schema.field("value"),
        pc.if_else(mask, pa.scalar(None, pa.float64()), table["value"]),
    )
    return table.set_column(
        at("missing"), table.schema.field("missing"), missing.cast(OBSERVATION_SCHEMA.field("missing").type)
    )


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes (−1 for null) and words of a dictionary column."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, array.dictionary.to_pylist()


def _flag(coded: tuple[NDArray[np.int64], list[Any]], bad: Any) -> tuple[NDArray[np.int64], list[bool]]:
    codes, words = coded
    return codes, [bool(bad(word)) for word in words]


def _in(codes: NDArray[np.int64], flags: list[bool]) -> NDArray[np.bool_]:
    return np.append(np.array(flags, dtype=bool), False)[codes]  # −1 takes the last


def _bound(bounds: list[float | None], none: float, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([none if b is None else b for b in bounds] + [none], dtype=np.float64)[codes]


def _row(table: pa.Table, i: int) -> dict[str, Any]:
    row = table.slice(i, 1).to_pylist()[0]
    return {k: to_plain(v.astimezone(UTC) if isinstance(v, datetime) else v) for k, v in row.items()}
