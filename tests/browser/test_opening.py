"""The page opens on the replay, quickly, quietly and without asking anybody else."""

from __future__ import annotations

import gzip

import pytest

from tests.browser.conftest import Look, of, settled
from tocsin.model import iso
from tocsin.ops import demo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def test_it_opens_in_replay_where_the_demonstration_says(look: Look) -> None:
    viewer = look()
    page = viewer.open()
    assert page.locator("html").get_attribute("data-mode") == "replay"
    assert of(page, "clock").locator("time").get_attribute("datetime") == "2001-03-05T18:05:00.000Z"
    assert of(page, "mode-replay").get_attribute("aria-pressed") == "true"
    assert of(page, "warning-row").count() >= 1
    assert viewer.seen.refused == [], "an answer of 4xx or 5xx on opening"
    assert viewer.seen.said == []
