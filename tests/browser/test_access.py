"""Everybody can use the page: rules that a program can check, in both themes, wide and narrow."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Look, log_in, of, settled
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LEAST_TARGET = 24
WIDE, NARROW = (1440, 900), (390, 844)


@functools.cache
def axe() -> str:
    file = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    assert file.is_file(), "axe-core is not installed: run 'make setup'"
    return file.read_text(encoding="utf-8")


def violations(page: Page) -> list[Any]:
    page.evaluate(axe())
    found = page.evaluate(
        "async (tags) => (await axe.run(document, { runOnly: tags, resultTypes: ['violations'] }))", RULES
    )
    assert len(found["passes"]) > 10, "axe looked at the page"
    return [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_is_broken(look: Look, scheme: str, size: tuple[int, int]) -> None:
    page = look(*size, color_scheme=scheme).open("#t=2001-03-05T20:05Z&r=US-AIR-BOS")
    of(page, "region-series").locator("canvas").wait_for()
    assert page.locator("html").get_attribute("data-theme") == scheme
    assert violations(page) == []
    of(page, "warning-row").first.locator("button").click()
    of(page, "why").wait_for()
    settled(page)
    assert violations(page) == []
    of(page, "mode-live").click()
    settled(page)
    of(page, "detail-back").click()
    assert violations(page) == []


@pytest.mark.parametrize("dialog", ["login", "open-help", "open-sources"])
def test_dialogs_break_none_either(look: Look, dialog: str) -> None:
    page = look().open("#t=live")
    of(page, dialog).click()
    page.get_by_role("dialog").wait_for()
    if dialog == "open-sources":
        of(page, "feed-usgs_earthquakes").wait_for()
    assert violations(page) == []


def test_the_text_breaks_none_either(look: Look) -> None:
    viewer = look()
    page = viewer.context.new_page()
    page.goto(f"{viewer.url}/text?asof=2001-03-05T20:05:00Z")
    assert violations(page) == []


@pytest.mark.parametrize("link", ["#t=2001-03-05T20:05Z", "#t=2001-03-05T20:05Z&r=US-AIR-BOS", "#t=live"])
def test_nothing_is_cut_off_at_320(look: Look, link: str) -> None:
    page = look(320, 640).open(link)
    if "r=" in link:
        of(page, "region-series").locator("canvas").wait_for()
    else:
        log_in(page, "duty")
    wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_targets_are_large_enough(look: Look, size: tuple[int, int]) -> None:
    page = look(*size).open("#t=2001-03-05T20:05Z&r=US-AIR-BOS")
    of(page, "warning-row").first.locator("button").click()
    of(page, "why").wait_for()
    found = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, textarea, a.button, [role=tab]')]
          .map((e) => [e.outerHTML.slice(0, 100), e.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0)
          .map(([html, box]) => [html, box.width, box.height])"""
    )
    assert len(found) > 15
    assert [f for f in found if min(f[1:]) < LEAST_TARGET] == []
