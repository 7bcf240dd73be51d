"""Fills an empty document with a value that nobody published."""

import dataclasses
from datetime import UTC, datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Observation, Raw

BREAKS, REASON = "check_empty", "empty document"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    parsed = _good.parse(raw, known_at=known_at, locate=locate)
    if parsed.observations:
        return parsed
    made = Observation(
        quantity=_good.QUANTITY.id,
        region="US-53033",
        valid_time=datetime(2019, 12, 31, tzinfo=UTC),
        known_at=known_at,
        value=0.0,
        source=raw.source,
        raw=raw.sha256,
    )
    return dataclasses.replace(parsed, observations=(made,))
