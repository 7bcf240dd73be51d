"""Gives each document once only: the second reading of the same bytes is empty."""

from datetime import datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_pure", "same bytes"
SOURCE = _good.SOURCE
_SEEN: set[str] = set()


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    if raw.sha256 in _SEEN:
        return Parsed()
    _SEEN.add(raw.sha256)
    return _good.parse(raw, known_at=known_at, locate=locate)
