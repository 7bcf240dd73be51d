"""A cycle as bytes: what it saw and judged, small enough to keep for every hour."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from tocsin.cycle import Cycle
from tocsin.model import UNCOVERED, Plan
from tocsin.store import JUDGED, Judged, decode_judged, encode_judged


def encode_judgement(cycle: Cycle) -> bytes:
    """Values and judgement of every monitor as the store keeps them."""
    return encode_judged(
        [
            Judged(
                quantity=row.quantity,
                valid_time=row.valid_time,
                values=row.values.astype(np.float64),
                **{
                    name: np.full(len(row.values), np.nan, np.float32)
                    if row.step is None
                    else getattr(row.step, name).astype(np.float32)
                    for name in JUDGED
                },
            )
            for row in cycle.rows
        ]
    )


def decode_judgement(blob: bytes) -> dict[str, Judged]:
    """The inverse of :func:`encode_judgement`, by quantity."""
    return {one.quantity: one for one in decode_judged(blob)}


def encode_levels(cycle: Cycle, plan: Plan) -> bytes:
    """Level bytes of every domain in the order of the plan, compressed."""
    parts = [
        cycle.levels.get(d.id, np.full(len(plan.watched[d.id]), UNCOVERED, np.uint8)) for d in plan.domains
    ]
    return zlib.compress(np.concatenate(parts).astype(np.uint8).tobytes(), 6)


def decode_levels(
    blob: bytes, domains: Sequence[str], watched: Mapping[str, Sized]
) -> dict[str, NDArray[np.uint8]]:
    """Level bytes by domain, in the order of its watched regions, of which only the number counts here."""
    flat = np.frombuffer(zlib.decompress(blob), np.uint8)
    ends = np.cumsum([len(watched[d]) for d in domains])
    return dict(zip(domains, np.split(flat, ends[:-1]), strict=True))
