"""What a cycle read, as one hash: two cycles of the same hash rest on the same things."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model.alert import Alert
from tocsin.model.observation import Event
from tocsin.model.panel import FeedState
from tocsin.model.time import to_us

Reading = tuple[str, datetime | None, NDArray[np.float64]]
"""A quantity, the newest period read of it, and all values read."""


def inputs_hash(
    plan: str,
    at: datetime,
    before: bytes,
    *,
    readings: Iterable[Reading],
    events: Iterable[Event],
    standing: Iterable[Alert],
    feeds: Mapping[str, FeedState],
    verdicts: Sequence[Mapping[str, Any]],
) -> str:
    """SHA-256 over everything that a cycle read.

    Parameters
    ----------
    plan : str
        Id of the plan: a hash of pack, domains and their settings.
    at : datetime
        Moment of knowledge.
    before : bytes
        Hash of the cycle before, whose carried state was read; empty at the first.
    readings, events, standing, feeds, verdicts
        What was read, in the order in which it was read.

    Returns
    -------
    str
        64 hex digits.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2001, 2, 28, 20, 5, tzinfo=UTC)
    >>> nothing = dict(events=(), standing=(), feeds={}, verdicts=())
    >>> one = inputs_hash("p", at, b"", readings=[("q", at, np.array([1.0]))], **nothing)
    >>> one == inputs_hash("p", at, b"", readings=[("q", at, np.array([2.0]))], **nothing)
    False
    """
    digest = hashlib.sha256(f"{plan}|{to_us(at)}|".encode())
    digest.update(before or b"first")
    for quantity, valid_time, values in readings:
        digest.update(f"|{quantity}|{valid_time}|".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    for event in events:
        digest.update(f"|{event.id}|{event.revision}|{event.raw}".encode())
    for alert in standing:
        digest.update(f"|{alert.id}|{alert.revision}|{alert.content_hash}".encode())
    for source in sorted(feeds):
        digest.update(f"|{source}|{feeds[source].outcome}".encode())
    for line in sorted(f"|{v['domain']}|{v['verdict']}|{v.get('alert')}" for v in verdicts):
        digest.update(line.encode())
    return digest.hexdigest()
