"""The feed of the how-to is a real one: it passes every shipped check."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.every.places import PLACES, REGIONS
from tocsin.testing.feeds import case_of, check_feed

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-feed.md"
SAMPLE = {
    "records": [
        {"county": "053033", "time": "2019-12-30T00:00:00-08:00", "level": 1.25},
        {"county": "053053", "time": "2019-12-30T00:00:00-08:00", "level": None},
    ]
}


def test_the_feed_of_the_page_passes_every_check() -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    module: Any = ModuleType("agency_river")
    exec(compile(block[1], str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page
    case = case_of(module, json.dumps(SAMPLE).encode(), url=module.SOURCE.url, locate=PLACES, regions=REGIONS)
    check_feed(case)
    assert [o["value"] for o in case.parse().table().to_pylist()] == [1.25, None]
