"""What a cycle saw and judged, as columns: one cycle by itself, and many cycles side by side.

A cycle comes as one compressed Arrow stream. Some cycles of one plan are then laid beside each other, series
by series, in *tiles* of a few hundred series: half a year of one series is read from a tile a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.codec import from_plain
from tocsin.model.errors import StoreError
from tocsin.model.time import from_us, iso, to_us
from tocsin.store.order import Ints

JUDGED = ("expected", "lower", "upper", "tail")
"""Columns of a judgement, beside the value."""

TILE = 256
"""Series that share a tile."""

FIELDS = ("values", *JUDGED)
"""All columns of a tile."""

NEVER = np.iinfo(np.int64).min  # in the place of a period that a cycle does not name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """One quantity as one cycle saw and judged it.

    Parameters
    ----------
    quantity : str
        Id.
    valid_time : datetime or None
        Start of the period.
    values : ndarray of float64, shape (n,)
        As known then, in the order of the plan's regions.
    expected, lower, upper, tail : ndarray of float32, shape (n,)
        The judgement.
    """

    quantity: str
    valid_time: datetime | None
    values: NDArray[np.float64]
    expected: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    tail: NDArray[np.float32]


def encode_judged(rows: Sequence[Judged]) -> bytes:
    """Values and judgements of one cycle as one compressed Arrow record batch.

    Examples
    --------
    >>> n = np.zeros(2, np.float32)
    >>> one = Judged(
    ...     quantity="q", valid_time=None, values=np.ones(2), expected=n, lower=n, upper=n, tail=n
    ... )
    >>> [j.values.tolist() for j in decode_judged(encode_judged([one]))]
    [[1.0, 1.0]]
    """
    heads = [
        {
            "quantity": row.quantity,
            "n": len(row.values),
            "valid_time": None if row.valid_time is None else iso(row.valid_time),
        }
        for row in rows
    ]
    columns = {"value": np.concatenate([row.values for row in rows] or [np.zeros(0)])}
    for name in JUDGED:
        columns[name] = np.concatenate([getattr(row, name) for row in rows] or [np.zeros(0, np.float32)])
    batch = pa.record_batch(columns).replace_schema_metadata({"rows": json.dumps(heads)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def is_judged(blob: bytes) -> bool:
    """Whether bytes claim to be columns of a cycle: those of another form have no series."""
    return blob[:4] == b"\xff\xff\xff\xff"  # how an Arrow stream begins


def decode_judged(blob: bytes) -> list[Judged]:
    """The inverse of :func:`encode_judged`.

    Raises
    ------
    StoreError
        When the bytes are something else.
    """
    try:
        # too small to be worth threads
        with pa.ipc.open_stream(blob, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
            batch = reader.read_next_batch()
        heads = json.loads(batch.schema.metadata[b"rows"])
        columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in ("value", *JUDGED)}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, StopIteration) as error:
        raise StoreError(f"judgement: got bytes that are no columns of a cycle ({error})") from error
    found, start = [], 0
    for head in heads:
        part = slice(start, start + head["n"])
        valid = head["valid_time"]
        found.append(
            Judged(
                quantity=head["quantity"],
                valid_time=None if valid is None else from_plain(datetime, valid),
                values=columns["value"][part],
                **{name: columns[name][part] for name in JUDGED},
            )
        )
        start += head["n"]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Some series of one quantity as the cycles of one pack judged them.

    Parameters
    ----------
    place, at, row : ndarray of int64, shape (n_cycles,)
        The cycle's place in its pack, its moment, and its row: cycles that say the same share one.
    valid : ndarray of int64, shape (n_rows,)
        The period judged, microseconds.
    fields : mapping of str to ndarray, shape (n_series, n_rows)
        ``values`` and the columns of a judgement.
    """

    place: Ints
    at: Ints
    row: Ints
    valid: Ints
    fields: Mapping[str, NDArray[Any]]

    @property
    def size(self) -> int:
        """Memory that it takes."""
        return sum(a.nbytes for a in self.fields.values()) + 8 * (3 * self.place.size + self.valid.size)

    def series(self, number: int, until: int) -> dict[str, NDArray[Any]]:
        """One series, a row for each cycle up to ``until`` that names a period: valid, at, and the fields."""
        kept = (self.at <= until) & (self.valid[self.row] != NEVER)
        row = self.row[kept]
        columns = {name: self.fields[name][number][row] for name in FIELDS}
        return {"valid": self.valid[row], "at": self.at[kept], **columns}


def tiles(cycles: Sequence[tuple[int, int, Judged]]) -> list[tuple[int, bytes, Tile]]:
    """One quantity of some cycles, each with its place and moment, as tiles: first series, bytes, the tile.

    Raises
    ------
    ValueError
        When the cycles judge different numbers of series.
    """
    place = np.array([c[0] for c in cycles], np.int64)
    at = np.array([c[1] for c in cycles], np.int64)
    rows: dict[bytes, int] = {}
    shown: list[Judged] = []
    row = np.empty(len(cycles), np.int64)
    for i, (_, _, one) in enumerate(cycles):
        if one.values.size != cycles[0][2].values.size:
            raise ValueError(f"{one.quantity}: got cycles of different numbers of series, allowed: one")
        key = b"".join((str(one.valid_time).encode(), *(getattr(one, f).tobytes() for f in FIELDS)))
        row[i] = rows.setdefault(key, len(rows))
        if len(rows) > len(shown):
            shown.append(one)
    valid = np.array([NEVER if j.valid_time is None else to_us(j.valid_time) for j in shown], np.int64)
    stacked = {name: np.stack([getattr(j, name) for j in shown], axis=1) for name in FIELDS}
    found = []
    for start in range(0, max(stacked["values"].shape[0], 1), TILE):
        fields = {name: np.ascontiguousarray(a[start : start + TILE]) for name, a in stacked.items()}
        n = fields["values"].shape[0]
        head = np.array([place.size, valid.size, n], np.int64)
        parts = [head, place, at, row, valid, *fields.values()]
        data = b"".join(p.tobytes() for p in parts)
        found.append((start, data, Tile(place, at, row, valid, fields)))
    return found


def open_tile(data: bytes) -> Tile:
    """A tile from its bytes; nothing is copied."""
    n_cycles, n_rows, n = np.frombuffer(data, np.int64, 3).tolist()
    ends = (3 + np.cumsum([n_cycles, n_cycles, n_cycles, n_rows])).tolist()
    offset = 8 * ends[-1]
    place, at, row, valid = np.split(np.frombuffer(data, np.int64, ends[-1]), [3, *ends[:-1]])[1:]
    fields: dict[str, NDArray[Any]] = {}
    for name in FIELDS:
        kind = np.dtype(np.float64 if name == "values" else np.float32)
        fields[name] = np.frombuffer(data, kind, n * n_rows, offset).reshape(n, n_rows)
        offset += kind.itemsize * n * n_rows
    return Tile(place, at, row, valid, fields)


def of_cycle(quantity: str, parts: Sequence[Tile], place: int) -> Judged:
    """What one cycle of a pack said of a quantity, from all tiles of it in the order of their series.

    Raises
    ------
    StoreError
        When the cycle is not in them.
    """
    found = np.flatnonzero(parts[0].place == place)
    if found.size != 1:
        raise StoreError(f"{quantity}: got no columns of cycle {place} in its pack; run tocsin store check")
    row = int(parts[0].row[found[0]])
    valid = int(parts[0].valid[row])
    joined = {name: np.concatenate([t.fields[name][:, row] for t in parts]) for name in FIELDS}
    return Judged(quantity=quantity, valid_time=None if valid == NEVER else from_us(valid), **joined)
