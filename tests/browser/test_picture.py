"""What the picture holds: the lists hold what the map holds, and what is not known never looks calm."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import REFUSED, Look, of, settled
from tests.browser.pixels import of_colour, pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

LAND = ("#d2d6da", "#dde0e3")
"""Land of the light theme, not watched and watched."""


def drawn(page: Page) -> set[str]:
    return set((of(page, "map").get_attribute("data-drawn") or "").split())


def listed(page: Page) -> set[str]:
    of(page, "tab-above").click()
    return {row.get_attribute("data-region") for row in of(page, "above-row").all()}


def flat(page: Page) -> int:
    """Pixels of the map that are plain land."""
    picture = pixels(of(page, "map"))
    return sum(of_colour(picture, colour, 1) for colour in LAND)


@pytest.mark.parametrize("at", ["2001-02-28T23:05Z", "2001-03-05T20:05Z", "2001-03-06T15:05Z"])
def test_the_list_holds_what_the_map_draws(look: Look, at: str) -> None:
    page = look().open(f"#t={at}")
    found = drawn(page)
    assert found
    assert listed(page) == found
    answer = page.request.get(f"/api/v1/picture?asof={at}").json()
    assert {a["region"] for a in answer["assessments"]} == found
    legend = of(page, "legend").locator("[data-value]").all()
    counts = dict(zip((4, 3, 2, 1), (int(n.get_attribute("data-value") or "") for n in legend), strict=True))
    assert {str(level): n for level, n in counts.items()} == answer["summary"]


def test_colour_is_on_the_map_where_something_is_abnormal(page: Page) -> None:
    severe = "#c0392b"
    assert of_colour(pixels(of(page, "map")), severe) > 30
    page.keyboard.press("Shift+J")
    page.keyboard.press("Shift+J")
    page.keyboard.press("Shift+J")
    expect(of(page, "map")).to_have_attribute("data-drawn", "")
    assert of_colour(pixels(of(page, "map")), severe) == 0


def test_what_the_map_cannot_show_stands_in_the_strip(page: Page) -> None:
    strip = of(page, "strip")
    assert "Puerto Rico" in strip.inner_text()
    assert "SJU" in strip.inner_text()
    assert "US-AIR-SJU" in drawn(page), "it is abnormal at this instant"
    of(page, "region-US-AIR-SJU").click()
    expect(of(page, "region-panel")).to_have_attribute("data-region", "US-AIR-SJU")


def test_a_warning_says_why_and_links_to_its_message(look: Look) -> None:
    page = look().open("#t=2001-03-06T00:05Z")
    row = page.locator('[data-testid=warning-row][data-id*=".LGA."]')
    assert row.get_attribute("data-state") == "issued"
    row.locator("button").click()
    why = of(page, "why").locator("li")
    expect(why.first).to_be_visible()
    kinds = " ".join(why.all_inner_texts()).lower()
    assert "departures" in kinds
    assert of(page, "detail-state").inner_text() == "Issued"
    assert {"LGA", "BOS", "EWR"} <= set(of(page, "members").inner_text().split())
    assert of(page, "history").locator("li").count() >= 4
    assert of(page, "tasks").locator("li").count() >= 1
    href = of(page, "cap-link").get_attribute("href")
    answer = page.request.get(href or "")
    assert answer.status == 200
    assert "urn:oasis:names:tc:emergency:cap:1.2" in answer.text()
    assert page.locator("[data-testid^=act-]").count() == 0


def test_a_region_shows_its_series_with_what_is_normal(look: Look) -> None:
    page = look().open("#t=2001-03-05T20:05Z&r=US-AIR-BOS")
    panel = of(page, "region-panel")
    chart = of(page, "region-series").locator("canvas")
    chart.wait_for()
    expect(of(page, "region-why")).to_contain_text("Departures")
    series = page.request.get(
        "/api/v1/series?region=US-AIR-BOS&quantity=air_transport.departures"
        "&start=2001-02-26T20:05Z&end=2001-03-05T20:05Z&asof=2001-03-05T20:05Z"
    ).json()["points"]
    assert any(
        low < high for low, high in zip(series["lower"], series["upper"], strict=True) if low is not None
    )
    shown = of(page, "region-series").locator("[data-value]").first
    assert float(shown.get_attribute("data-value") or "nan") == series["value"][-1] == 0
    colours = chart.evaluate(
        """(canvas) => {
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const seen = {};
          for (let i = 0; i < data.length; i += 4) {
            const key = `${data[i]},${data[i + 1]},${data[i + 2]},${data[i + 3]}`;
            if (data[i + 3]) seen[key] = (seen[key] ?? 0) + 1;
          }
          return Object.entries(seen).sort((a, b) => b[1] - a[1]).slice(0, 12).map((e) => [e[0], e[1]]);
        }"""
    )
    band = [n for colour, n in colours if colour.split(",")[3] != "255"]
    assert band, json.dumps(colours)
    assert max(band) > 1000, "the normal band is an area"
    states = {li.get_attribute("data-domain"): li for li in of(page, "region-domains").locator("li").all()}
    assert states["air_transport"].get_attribute("data-byte") == "3"
    assert states["seismic"].get_attribute("data-byte") == "255"
    assert "Not covered" in states["seismic"].inner_text()
    assert "Massachusetts" in panel.inner_text()


def test_a_feed_that_failed_since_the_last_full_hour_is_not_calm_in_live(look: Look) -> None:
    page = look().open("#t=live&r=US-53033")
    chip = of(page, "coverage-seismic")
    assert chip.get_attribute("data-state") == "failed"
    assert "FAILED" in chip.inner_text()
    assert REFUSED not in (chip.get_attribute("title") or ""), "the text of a fault is for staff"
    assert "striped" in (chip.get_attribute("class") or "")
    seismic = of(page, "region-domains").locator("[data-domain=seismic]")
    expect(seismic).to_have_attribute("data-byte", "254")
    assert "Unknown" in seismic.inner_text()
    assert "unknown" in (of(page, "map-sentence").get_attribute("aria-label") or "")
    bare = flat(page)
    of(page, "open-sources").click()
    feed = of(page, "feed-usgs_earthquakes")
    expect(feed).not_to_contain_text(REFUSED)
    page.keyboard.press("Escape")
    of(page, "mode-replay").click()
    settled(page)
    assert bare < 0.8 * flat(page), "the land is hatched in LIVE and plain in the replay"


def test_a_picture_that_cannot_be_read_is_said_to_be_missing(look: Look) -> None:
    viewer = look()
    viewer.context.route("**/api/v1/picture**", lambda route: route.fulfill(status=503, body="{}"))
    page = viewer.context.new_page()
    page.goto(viewer.url)
    expect(of(page, "problem")).to_be_visible()
    expect(page.get_by_text("Nothing on this map may be taken for calm")).to_be_visible()
