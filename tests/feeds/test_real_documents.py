"""Real documents of the publishers against what a correct reader must give, where the data are there."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.every.places import PLACES
from tocsin.feeds import Parsed, all_feeds
from tocsin.model import Event, Raw, iso

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
OURS = {"usgs_earthquake_geojson": "usgs_earthquakes", "nws_api_alerts": "nws_alerts"}
AT = datetime(2026, 12, 1, tzinfo=UTC)
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/feeds is not there"),
]


def expected() -> list[dict[str, str]]:
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "EXPECT.physical.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["feed"] in OURS]


def read(feed: str, file: str) -> Parsed:
    content = (FOLDER / feed / file).read_bytes()
    raw = Raw(source=OURS[feed], url=file, fetched_at=AT, media_type="", content=content)
    return all_feeds()[OURS[feed]].parse(raw, known_at=AT, locate=PLACES)


def meets(event: Event, fact: dict[str, Any]) -> bool:
    """Whether one event carries every key of a fact; a depth is told apart by its unit."""
    depth = fact.get("unit") == "km"
    value = event.details.get("depth_km") if depth else event.magnitude
    got = {
        "time": iso(event.onset.replace(microsecond=0)),
        "value": value,
        "unit": "km" if depth else event.unit,
        "id": event.details.get("identifier", event.external_id),
        "lat": event.lat,
        "lon": event.lon,
        "missing": event.magnitude is None,
    }
    return all(
        got[k] == pytest.approx(v, rel=1e-9) if isinstance(v, float) else got[k] == v
        for k, v in fact.items()
        if k in got
    )


@pytest.mark.parametrize("row", expected(), ids=lambda r: f"{r['feed']}-{r['file']}")
def test_the_document_gives_what_it_must(row: dict[str, str]) -> None:
    events = [e for e in read(row["feed"], row["file"]).events if e.status != "withdrawn"]
    assert row["outcome"] in ("records", "empty")
    assert (len(events) > 0) == (row["outcome"] == "records")
    assert len(events) >= int(row["at_least"])
    for fact in json.loads(row["facts"]):
        assert any(meets(event, fact) for event in events), fact
