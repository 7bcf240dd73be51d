"""A well-behaved little feed; each neighbour breaks one rule of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.feeds.contract import Locate, Parsed
from tocsin.feeds.formats.fields import Fields, each, read_json
from tocsin.model import Bad, Kind, Observation, Quantity, Raw, Source, parse_valid_time

QUANTITY = Quantity(
    id="river.level",
    domain="river",
    title="Level",
    unit="m",
    kind=Kind.LEVEL,
    bad=Bad.HIGH,
    step=timedelta(days=1),
    lower=-10,
    upper=100,
)
SOURCE = Source(
    id="good_river",
    title="A river",
    publisher="Nobody",
    url="https://publisher.example.org/feed/latest",
    licence="CC0-1.0",
    licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
    cadence=timedelta(days=1),
    lag=timedelta(hours=1),
    stale_after=timedelta(days=2),
    quantities=(QUANTITY,),
    domains=("river",),
    media_type="application/json",
)


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    document = Fields(read_json(raw), raw.url)

    def read(record: Fields) -> Iterator[Observation]:
        try:
            valid = parse_valid_time(record.text("day"))
        except ValueError:
            record.instant("day")  # refuses it with the place
            raise
        value = record.number("value")
        if value is not None:
            yield Observation(
                quantity=QUANTITY.id,
                region="US-53033",
                valid_time=valid,
                known_at=known_at,
                value=value,
                source=raw.source,
                raw=raw.sha256,
            )

    observations, findings = each(document.many("records"), "records", read)
    return Parsed(observations=observations, findings=(*document.rest(), *findings))
