"""Every feed of the catalogue passes every shipped check on its own samples, and gives its stored golden."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.every.places import PLACES, REGIONS
from tocsin.feeds import all_feeds
from tocsin.model import to_plain
from tocsin.testing.feeds import CHECKS, Case, case_of

FEEDS = all_feeds()
SAMPLES = Path(__file__).parents[1] / "data" / "feeds"
BROKEN = sorted((Path(__file__).parent / "broken" / "feeds").glob("[a-z]*.py"))
ADDRESS = "https://publisher.example.org/feed/latest"


def sample_files() -> list[Path]:
    return sorted(p for p in SAMPLES.glob("*/*") if not p.name.endswith(".golden.json"))


def case_for(path: Path) -> Case:
    feed = FEEDS[path.parent.name]
    # An archive is known by its file's name; what is fetched by its address.
    archive = feed.SOURCE.url is None and feed.SOURCE.id != "cap_atom"
    url = path.name if archive else ADDRESS
    return case_of(feed, path.read_bytes(), url=url, locate=PLACES, regions=REGIONS)


def test_the_feeds_were_found_and_each_has_a_sample() -> None:
    assert set(FEEDS) >= {"bls_unemployment", "bts_flights", "cap_atom", "nws_alerts", "usgs_earthquakes"}
    assert {path.parent.name for path in sample_files()} == set(FEEDS)
    assert len(CHECKS) >= 9


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("path", sample_files(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_feed_passes(path: Path, check: Any) -> None:
    check(case_for(path))


@pytest.mark.parametrize("path", sample_files(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_sample_gives_the_stored_golden(path: Path) -> None:
    parsed = case_for(path).parse()
    rows = parsed.table().to_pylist()
    digest = summary(rows) if len(rows) > 200 else to_plain(rows)
    got = {
        "observations": digest,
        "events": to_plain(parsed.events),
        "findings": to_plain(parsed.findings),
        "links": list(parsed.links),
    }
    golden = path.with_name(path.stem + ".golden.json")
    text = json.dumps(got, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):  # after a wanted change: look at the difference, then commit it
        golden.write_text(text, encoding="utf-8")
    assert json.loads(golden.read_text(encoding="utf-8")) == json.loads(text)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and sums of a long table, and the rows that are not zero."""
    told = [row for row in rows if row["value"] not in (0, 0.0, None)]
    return {"rows": len(rows), "not zero": to_plain(told)}


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"broken_feed_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = Path(__file__).parent / "broken" / "feeds" / "_good.py"
DOCUMENT = json.dumps(
    {"records": [{"day": "2019-12-30", "value": 3.5}, {"day": "2019-12-31", "value": 4}]}
).encode()


def small_case(path: Path) -> Case:
    feed: Any = load(path)
    return case_of(feed, DOCUMENT, url=ADDRESS, locate=PLACES, regions=REGIONS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_good_twin_of_the_broken_feeds_passes(check: Any) -> None:
    check(small_case(GOOD))


def test_there_is_a_broken_feed_for_every_check() -> None:
    assert {load(path).BREAKS for path in BROKEN} == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_broken_feed_fails_its_check(path: Path) -> None:
    case = small_case(path)
    check = next(c for c in CHECKS if c.__name__ == case.feed.BREAKS)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match=case.feed.REASON):  # type: ignore[attr-defined]
        check(case)
