"""Names a region that does not exist."""

import dataclasses
from datetime import datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_sample", "unknown to the pack"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    parsed = _good.parse(raw, known_at=known_at, locate=locate)
    moved = [dataclasses.replace(o, region="ATLANTIS") for o in parsed.observations]
    return dataclasses.replace(parsed, observations=moved)
