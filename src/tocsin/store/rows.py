"""What may come in: every fault of a table of observations is found before anything is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.model.errors import ShapeError
from tocsin.model.observation import OBSERVATION_SCHEMA, Basis, Missing
from tocsin.model.time import from_us, iso, to_us
from tocsin.store.order import ints

EARLIEST, LATEST = datetime(1700, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)
"""Valid times that a store takes: wider than any archive, narrower than a slip of units."""

_WORDS = {"missing": [str(m) for m in Missing], "basis": [str(b) for b in Basis]}


def require_observations(table: pa.Table, at: datetime) -> pa.Table:
    """The table in the observation schema, or the first fault in words.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of ``OBSERVATION_SCHEMA``; words may be plain strings.
    at : datetime
        Wall time of the ingest: nothing may be known later.

    Raises
    ------
    ShapeError
        Naming column, row, what was got and what is allowed.
    """
    if sorted(table.column_names) != sorted(OBSERVATION_SCHEMA.names):
        missing = sorted(set(OBSERVATION_SCHEMA.names) - set(table.column_names))
        extra = sorted(set(table.column_names) - set(OBSERVATION_SCHEMA.names))
        raise ShapeError(
            f"observations: columns: got {table.column_names} (missing {missing}, not known {extra}), "
            f"allowed: {OBSERVATION_SCHEMA.names}"
        )
    columns = [_column(table[field.name], field) for field in OBSERVATION_SCHEMA]
    table = pa.Table.from_arrays(columns, schema=OBSERVATION_SCHEMA)
    if table.num_rows:
        _check_values(table)
        _check_times(table, at)
    return table


def _column(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.type != field.type:
        word = pa.types.is_dictionary(field.type)
        text = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        plain = pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_null(text)
        if word and plain:
            column = column.cast(pa.string()).dictionary_encode()
        elif pa.types.is_null(column.type) and field.nullable:
            column = column.cast(field.type)
        else:
            raise ShapeError(f"observations: {field.name}: got type {column.type}, allowed: {field.type}")
    if pa.types.is_dictionary(column.type):
        # a null may hide in the words instead of the codes: then it is a null all the same
        if any(chunk.dictionary.null_count for chunk in column.chunks):
            column = column.cast(pa.string()).dictionary_encode()
        for chunk in column.chunks:
            for word_ in chunk.dictionary.to_pylist():
                _check_word(field.name, word_)
    if not field.nullable and column.null_count:
        row = int(pc.index(column.is_null(), True).as_py())
        raise ShapeError(f"observations: {field.name}: row {row}: got nothing, allowed: a value in every row")
    return column


def _check_word(name: str, word: str) -> None:
    if name in _WORDS and word not in _WORDS[name]:
        raise ShapeError(f"observations: {name}: got {word!r}, allowed: {', '.join(_WORDS[name])}")
    if name not in _WORDS and name != "raw" and not word.strip():
        raise ShapeError(f"observations: {name}: got {word!r}, allowed: an id that is not empty")


def _check_values(table: pa.Table) -> None:
    present = [table[name].is_valid() for name in ("value", "text", "missing")]
    # one of the three, in every row
    number = sum(np.asarray(column, dtype=np.int8) for column in present)
    wrong = np.flatnonzero(np.asarray(number) != 1)
    if wrong.size:
        raise ShapeError(
            f"observations: {_row(table, wrong[0])}: allowed: exactly one of value, text, missing"
        )
    finite = pc.is_finite(table["value"])
    if pc.any(pc.invert(finite)).as_py():
        row = int(pc.index(finite, False).as_py())
        raise ShapeError(
            f"observations: {_row(table, row)}: allowed: a finite number; NaN is missing with a reason"
        )


def _check_times(table: pa.Table, at: datetime) -> None:
    valid, known = ints(table["valid_time"]), ints(table["known_at"])
    for name, bad, allowed in (
        ("valid_time", (valid < to_us(EARLIEST)) | (valid >= to_us(LATEST)), "the years 1700 to 2299"),
        ("known_at", known < to_us(EARLIEST), "the years from 1700"),
        ("known_at", known > to_us(at), f"nothing known after the ingest at {iso(at)}: quarantine it"),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            us = (valid if name == "valid_time" else known)[rows[0]]
            raise ShapeError(
                f"observations: {_row(table, rows[0])}: {name}: got {iso(from_us(us))}, allowed: {allowed}"
            )


def _row(table: pa.Table, row: Any) -> str:
    row = int(row)
    got = {n: table[n][row].as_py() for n in ("quantity", "region", "value", "text", "missing")}
    return f"row {row}: got {got}"
