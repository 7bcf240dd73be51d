"""Reads a number that is none as if it were nothing."""

import dataclasses
from datetime import datetime

from tests.every.broken.feeds import _good
from tocsin.feeds.contract import Locate, Parsed
from tocsin.model import Raw

BREAKS, REASON = "check_nan", "NaN in JSON was accepted"
SOURCE = _good.SOURCE


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    tamed = raw.content.replace(b"NaN", b"0").replace(b"-Infinity", b"0").replace(b"1e999", b"0")
    return _good.parse(dataclasses.replace(raw, content=tamed), known_at=known_at, locate=locate)
