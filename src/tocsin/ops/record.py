"""A cycle as bytes: what it saw and judged, small enough to keep for every hour."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.cycle import Cycle
from tocsin.model import UNCOVERED, Plan, from_plain, iso

_FIELDS = ("expected", "lower", "upper", "tail")


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


def encode_judgement(cycle: Cycle) -> bytes:
    """Values and judgement of every monitor as one compressed Arrow record batch."""
    heads = [
        {
            "quantity": row.quantity,
            "n": len(row.regions),
            "valid_time": None if row.valid_time is None else iso(row.valid_time),
        }
        for row in cycle.rows
    ]
    columns = {"value": np.concatenate([row.values for row in cycle.rows] or [np.zeros(0)])}
    for name in _FIELDS:
        parts = [
            np.full(len(row.values), np.nan, np.float32)
            if row.step is None
            else getattr(row.step, name).astype(np.float32)
            for row in cycle.rows
        ]
        columns[name] = np.concatenate(parts or [np.zeros(0, np.float32)])
    batch = pa.record_batch(columns).replace_schema_metadata({"rows": json.dumps(heads)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def decode_judgement(blob: bytes) -> dict[str, Judged]:
    """The inverse of :func:`encode_judgement`, by quantity."""
    with pa.ipc.open_stream(blob) as reader:
        batch = reader.read_next_batch()
    heads = json.loads(batch.schema.metadata[b"rows"])
    columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in ("value", *_FIELDS)}
    out: dict[str, Judged] = {}
    start = 0
    for head in heads:
        part = slice(start, start + head["n"])
        valid = head["valid_time"]
        out[head["quantity"]] = Judged(
            quantity=head["quantity"],
            valid_time=None if valid is None else from_plain(datetime, valid),
            values=columns["value"][part],
            **{name: columns[name][part] for name in _FIELDS},
        )
        start += head["n"]
    return out


def encode_levels(cycle: Cycle, plan: Plan) -> bytes:
    """Level bytes of every domain in the order of the plan, compressed."""
    parts = [
        cycle.levels.get(d.id, np.full(len(plan.watched[d.id]), UNCOVERED, np.uint8)) for d in plan.domains
    ]
    return zlib.compress(np.concatenate(parts).astype(np.uint8).tobytes(), 6)


def decode_levels(
    blob: bytes, domains: Sequence[str], watched: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.uint8]]:
    """Level bytes by domain, in the order of its watched regions."""
    flat = np.frombuffer(zlib.decompress(blob), np.uint8)
    ends = np.cumsum([len(watched[d]) for d in domains])
    return dict(zip(domains, np.split(flat, ends[:-1]), strict=True))
