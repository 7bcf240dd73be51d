"""Order of observation rows: by series, valid time and known time; the newest row of each cell.

A *cell* is one (quantity, region, valid time). Rows of a cell are ordered by known time, then by
``seq`` (the order of ingest), so that of two rows known at the same instant the one that came in
later counts. All work is on whole columns.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.observation import OBSERVATION_SCHEMA

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

STORED_SCHEMA = OBSERVATION_SCHEMA.append(pa.field("seq", pa.int64(), nullable=False))
"""Columns as kept: an observation and its place in the order of ingest."""

_MONTH_BITS = 42  # microseconds of a month fit


def ints(column: pa.ChunkedArray) -> Ints:
    """A column of times or whole numbers without nulls, as int64 (microseconds for times)."""
    parts = [chunk.view(pa.int64()).to_numpy() for chunk in column.chunks]
    if len(parts) == 1:
        only: Ints = parts[0]
        return only
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    """A dictionary column without nulls as codes and the words that they stand for."""
    if column.num_chunks == 0:
        return np.empty(0, np.int32), []
    column = column.unify_dictionaries()
    parts = [chunk.indices.to_numpy() for chunk in column.chunks]
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return joined, column.chunk(0).dictionary.to_pylist()


def ranks(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """Like :func:`codes`, with codes in the alphabetical order of the words."""
    code, words = codes(column)
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return rank[code] if len(words) else code.astype(np.int64), [words[i] for i in order]


def months(valid: Ints) -> Ints:
    """Months since 1970 of times in microseconds.

    Examples
    --------
    >>> months(np.array([-1, 0, 31 * 86_400_000_000])).tolist()
    [-1, 0, 1]
    """
    return valid.view("datetime64[us]").astype("datetime64[M]").view(np.int64)


def month_start(month: int) -> int:
    """First microsecond of a month counted from 1970."""
    return int(np.datetime64(month, "M").astype("datetime64[us]").view(np.int64))


def cell_keys(table: pa.Table, month: int) -> Ints:
    """One number a row that orders cells of one month; equal exactly for equal cells."""
    quantity, _ = ranks(table["quantity"])
    region, places = ranks(table["region"])
    series = quantity * len(places) + region
    if series.size and int(series.max()) >= 1 << (63 - _MONTH_BITS):
        series = np.unique(series, return_inverse=True)[1].astype(np.int64)
        if int(series.max()) >= 1 << (63 - _MONTH_BITS):
            raise ValueError(f"series in one month: got {int(series.max()) + 1}, allowed: 2,097,152")
    return (series << _MONTH_BITS) | (ints(table["valid_time"]) - month_start(month))


def row_order(key: Ints, known: Ints, seq: Ints) -> Ints:
    """Indices that sort rows by key, then known time, then seq; stable.

    Rows come in long sorted runs (segments, or the order of arrival), which the merge sort below
    uses; only the few cells whose versions arrived out of order are sorted again.
    """
    order = np.argsort(key, kind="stable")
    k, t, s = key[order], known[order], seq[order]
    same = k[1:] == k[:-1]
    wrong = same & ((t[1:] < t[:-1]) | ((t[1:] == t[:-1]) & (s[1:] < s[:-1])))
    if wrong.any():
        cell = np.concatenate(([0], np.cumsum(~same)))
        bad = np.zeros(int(cell[-1]) + 1, bool)
        bad[cell[1:][wrong]] = True
        rows = np.flatnonzero(bad[cell])
        order[rows] = order[rows][np.lexsort((s[rows], t[rows], k[rows]))]
    return order


def last_of_runs(*columns: NDArray[np.integer]) -> Mask:
    """True on the last row of each run of equal values; columns are sorted together.

    Examples
    --------
    >>> last_of_runs(np.array([1, 1, 2, 2]), np.array([5, 5, 5, 6])).tolist()
    [False, True, True, True]
    """
    last = np.ones(columns[0].size, bool)
    if last.size:
        inner = last[:-1]
        np.not_equal(columns[0][1:], columns[0][:-1], out=inner)
        for column in columns[1:]:
            inner |= column[1:] != column[:-1]
    return last


def sort_month(table: pa.Table, month: int) -> pa.Table:
    """Rows of one month in the order of a segment, as one chunk a column."""
    table = table.unify_dictionaries().combine_chunks()
    order = row_order(cell_keys(table, month), ints(table["known_at"]), ints(table["seq"]))
    if (order[1:] > order[:-1]).all():
        return table
    return table.take(pa.array(order))


def newest(table: pa.Table, month: int) -> pa.Table:
    """Of unsorted rows of one month, the newest of each cell, sorted by cell."""
    table = sort_month(table, month)
    return table.filter(pa.array(last_of_runs(cell_keys(table, month))))
