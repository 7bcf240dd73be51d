"""What was known at one moment: the newest row of each cell, from the pinned files and batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.observation import OBSERVATION_SCHEMA
from tocsin.store.manifest import Manifest, Pin
from tocsin.store.order import STORED_SCHEMA, codes, ints, last_of_runs, newest
from tocsin.store.segment import Wanted

_KEYS = ("quantity", "region", "valid_time", "known_at", "seq")


def cells(
    manifest: Manifest, pin: Pin, wanted: Wanted, columns: Sequence[str] = tuple(OBSERVATION_SCHEMA.names)
) -> pa.Table:
    """The newest row of each wanted cell with known time up to ``wanted.until``.

    Sorted by month of valid time, then quantity, region and valid time, whether the rows lie in one
    segment, in many, or still in the inbox.
    """
    names = [n for n in STORED_SCHEMA.names if n in columns or n in _KEYS]
    found = [pa.schema([STORED_SCHEMA.field(n) for n in columns]).empty_table()]
    for month, tables in manifest.parts(pin, wanted, names):
        winners = [last for t in tables if (last := _newest_sorted(t, wanted)).num_rows]
        if len(winners) == 1:
            found.append(winners[0].select(list(columns)))
        elif winners:
            found.append(newest(pa.concat_tables(winners), month).select(list(columns)))
    return pa.concat_tables(found).unify_dictionaries()


def rows(manifest: Manifest, pin: Pin, wanted: Wanted, columns: Sequence[str] | None = None) -> pa.Table:
    """Every wanted row, all versions, unsorted."""
    names = list(columns) if columns is not None else STORED_SCHEMA.names
    needed = [n for n in STORED_SCHEMA.names if n in names or n in _KEYS[:4]]
    found = [pa.schema([STORED_SCHEMA.field(n) for n in names]).empty_table()]
    for _, tables in manifest.parts(pin, wanted, needed):
        for table in tables:
            keep = wanted.mask(table)
            found.append((table if keep is None else table.filter(pa.array(keep))).select(names))
    return pa.concat_tables(found).unify_dictionaries()


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
