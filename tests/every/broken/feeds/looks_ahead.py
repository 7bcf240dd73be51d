"""Says by ingest that it knew a value before the bytes came."""

from datetime import datetime, timedelta

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_times", "by ingest"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    return _good.parse(raw, known_at=known_at - timedelta(hours=5), locate=locate)
