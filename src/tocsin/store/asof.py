"""What was known at one moment: the newest row of each cell, from the pinned files and batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.observation import OBSERVATION_SCHEMA
from tocsin.store.manifest import Manifest, Month, Pin
from tocsin.store.order import STORED_SCHEMA, codes, ints, last_of_runs, newest
from tocsin.store.segment import Wanted

_WORTH_THREADS = 200_000  # rows
_KEYS = ("quantity", "region", "valid_time", "known_at", "seq")


def cells(
    manifest: Manifest, pin: Pin, wanted: Wanted, columns: Sequence[str] = tuple(OBSERVATION_SCHEMA.names)
) -> pa.Table:
    """The newest row of each wanted cell with known time up to ``wanted.until``.

    Sorted by month of valid time, then quantity, region and valid time, whether the rows lie in one
    segment, in many, or still in the inbox.
    """
    names = [n for n in STORED_SCHEMA.names if n in columns or n in _KEYS]

    def find(month: Month) -> pa.Table:
        tables = manifest.read(month, wanted, names)
        winners = [last for t in tables if (last := _newest_sorted(t, wanted)).num_rows]
        if not winners:
            return _empty(columns)
        if len(winners) > 1:
            winners = [newest(pa.concat_tables(winners), month.number)]
        return winners[0].select(list(columns))

    found = _each(find, manifest.months(pin, wanted))
    return pa.concat_tables([_empty(columns), *found]).unify_dictionaries()


def rows(manifest: Manifest, pin: Pin, wanted: Wanted, columns: Sequence[str] | None = None) -> pa.Table:
    """Every wanted row, all versions, unsorted."""
    names = list(columns) if columns is not None else STORED_SCHEMA.names
    needed = [n for n in STORED_SCHEMA.names if n in names or n in _KEYS[:4]]

    def find(month: Month) -> pa.Table:
        found = [_empty(names)]
        for table in manifest.read(month, wanted, needed, ordered=False):
            keep = wanted.mask(table)
            found.append((table if keep is None else table.filter(pa.array(keep))).select(names))
        return pa.concat_tables(found)

    found = _each(find, manifest.months(pin, wanted))
    return pa.concat_tables([_empty(names), *found]).unify_dictionaries()


def _each(find: Callable[[Month], pa.Table], months: list[Month]) -> list[pa.Table]:
    """The answers of the months, in order; months are independent, so large ones are read side by side."""
    if len(months) < 2 or sum(m.rows for m in months) < _WORTH_THREADS:
        return [find(month) for month in months]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(find, months))


def _empty(names: Sequence[str]) -> pa.Table:
    return pa.schema([STORED_SCHEMA.field(n) for n in names]).empty_table()


def _newest_sorted(table: pa.Table, wanted: Wanted) -> pa.Table:
    """Of rows sorted by cell, the last wanted one of each."""
    table = table.unify_dictionaries()
    keep = wanted.mask(table)
    columns: list[NDArray[np.integer]] = [
        codes(table["region"])[0],
        ints(table["valid_time"]),
        codes(table["quantity"])[0],
    ]
    if keep is None:
        last = last_of_runs(*columns)
        return table if last.all() else table.filter(pa.array(last))
    at = np.flatnonzero(keep)
    if not at.size:
        return table.slice(0, 0)
    last = last_of_runs(*(c[at] for c in columns))
    return table.take(pa.array(at[last]))
