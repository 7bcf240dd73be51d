"""Lets the exception of a library out."""

import json
from datetime import datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_broken", "JSONDecodeError"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    json.loads(raw.content)
    return _good.parse(raw, known_at=known_at, locate=locate)
