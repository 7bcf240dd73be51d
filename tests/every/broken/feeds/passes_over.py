"""Does not say that it passed over a field."""

import dataclasses
from datetime import datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_unknown_field", "in silence"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    return dataclasses.replace(_good.parse(raw, known_at=known_at, locate=locate), findings=())
