"""Observations out of the store, as tables and as plain rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from tocsin.feeds import all_feeds
from tocsin.model import ConfigError
from tocsin.ops.intake import plain
from tocsin.ops.office import Office


def cells(
    office: Office,
    *,
    quantity: str,
    regions: Sequence[str] | None,
    start: datetime | None,
    end: datetime | None,
    at: datetime,
) -> pa.Table:
    """The newest row of each cell known at ``at``, in the observation schema.

    Raises
    ------
    ShapeError
        When a region is none of the country.
    ConfigError
        When no feed declares the quantity and the store has none of it.
    """
    for region in regions or []:
        office.pack.region(region)
    table = office.store.as_of(at).cells(quantity=quantity, regions=regions, start=start, end=end)
    if not table.num_rows:
        known = sorted({q.id for feed in all_feeds().values() for q in feed.SOURCE.quantities})
        if quantity not in known and not office.store.as_of(at).cells(quantity=quantity).num_rows:
            raise ConfigError("series", "quantity", quantity, known)
    return table


def revisions(office: Office, *, quantity: str, region: str, time: datetime | None) -> pa.Table:
    """All versions of the values of a series, by valid time and known time.

    Raises
    ------
    ShapeError
        When the region is none of the country.
    """
    office.pack.region(region)
    return office.store.revisions(quantity, region, time)


def rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Plain rows of a table of observations; a value in words stands in ``value``."""
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            text = row.pop("text", None)
            if text is not None:
                row["value"] = text
            yield {name: plain(value) for name, value in row.items()}
