"""The feed of the how-to is a real one: it passes every shipped check."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.every.places import PLACES, REGIONS
from tocsin.testing.feeds import case_of, check_feed

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-feed.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_feed_of_the_page_passes_every_check() -> None:
    module: Any = ModuleType("agency_river")
    exec(compile(block("python"), str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page
    case = case_of(module, block("json").encode(), url=module.SOURCE.url, locate=PLACES, regions=REGIONS)
    check_feed(case)
    assert [o["value"] for o in case.parse().table().to_pylist()] == [1.25, None]
