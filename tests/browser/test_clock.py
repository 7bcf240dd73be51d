"""One clock: everything on the page is as of the instant that it shows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, of, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def all_of(page: Page, asof: str) -> None:
    """Wait until every panel shows one instant."""
    expect(page.locator(f'[data-asof]:not([data-asof="{asof}"])')).to_have_count(0)
    assert page.locator(f'[data-asof="{asof}"]').count() >= 5
    settled(page)


def test_moving_the_range_moves_every_panel(look: Look) -> None:
    page = look().open("#t=2001-03-05T18:05Z&r=US-AIR-BOS")
    of(page, "region-series").locator("canvas").wait_for()
    all_of(page, "2001-03-05T18:05:00Z")
    time = of(page, "time")
    at = int(time.input_value())
    time.fill(str(at + 30))
    all_of(page, "2001-03-07T00:05:00Z")
    assert re.search(r"7 Mar 2001.*00:05 UTC", time.get_attribute("aria-valuetext") or "")
    expect(page).to_have_url(re.compile("t=2001-03-07T00:05:00Z"))


def test_keys_step_the_clock(look: Look) -> None:
    page = look().open("#t=2001-03-05T18:05Z")
    page.keyboard.press("k")
    all_of(page, "2001-03-05T19:05:00Z")
    page.keyboard.press("j")
    page.keyboard.press("j")
    all_of(page, "2001-03-05T17:05:00Z")
    page.keyboard.press("Shift+J")
    all_of(page, "2001-03-04T17:05:00Z")
    page.keyboard.press("n")
    all_of(page, "2001-03-05T20:05:00Z")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    all_of(page, "2001-03-05T20:05:00Z")


def test_the_next_change_is_where_a_level_changes(look: Look) -> None:
    page = look().open("#t=2001-02-27T18:05Z")
    assert of(page, "map").get_attribute("data-drawn") == ""
    of(page, "next-change").click()
    expect(of(page, "map")).to_have_attribute("data-drawn", "US-AIR-SEA")
    assert (of(page, "time").get_attribute("aria-valuetext") or "").startswith("28 Feb 2001")


def test_playing_moves_on_and_stops(look: Look) -> None:
    page = look().open("#t=2001-03-05T18:05Z")
    of(page, "speed").select_option(label="12×")
    of(page, "play").click()
    expect(of(page, "clock").locator("time")).to_have_attribute("datetime", re.compile("2001-03-06T"))
    of(page, "play").click()
    settled(page)
    stood = of(page, "time").input_value()
    page.wait_for_timeout(400)
    assert of(page, "time").input_value() == stood


def test_a_link_gives_a_colleague_the_same_picture(look: Look) -> None:
    one = look()
    page = one.open()
    of(page, "warning-row").first.locator("button").click()
    of(page, "members").locator("button").first.click()
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(r"t=2001-03-05T21:05:00Z&r=US-AIR-\w+&w="))
    settled(page)
    shown = (
        of(page, "region-panel").get_attribute("data-region"),
        of(page, "warning-detail").get_attribute("data-id"),
    )
    link = page.url.removeprefix(f"{one.url}/")
    other = look().open(link)
    expect(of(other, "region-panel")).to_have_attribute("data-region", shown[0] or "")
    expect(of(other, "warning-detail")).to_have_attribute("data-id", shown[1] or "")
    all_of(other, "2001-03-05T21:05:00Z")
    assert other.url == page.url


def test_live_and_back(look: Look) -> None:
    page = look().open()
    page.keyboard.press("l")
    expect(page.locator("html")).to_have_attribute("data-mode", "live")
    all_of(page, "live")
    assert of(page, "play").is_disabled()
    of(page, "mode-replay").click()
    all_of(page, "2001-03-05T20:05:00Z")
