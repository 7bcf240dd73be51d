"""The picture in words, for a browser without JavaScript, says the same."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Look, of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

MOST_BYTES = 30_000


@pytest.mark.parametrize("asof", ["2001-03-05T20:05:00Z", "2001-02-26T18:05:00Z"])
def test_it_counts_as_the_page_does(look: Look, asof: str) -> None:
    page = look().open(f"#t={asof}")
    legend = of(page, "legend").locator("[data-value]").all()
    counts = [n.get_attribute("data-value") for n in legend]
    rows = {row.get_attribute("data-id") for row in of(page, "warning-row").all()}

    viewer = look(java_script_enabled=False)
    plain = viewer.context.new_page()
    viewer.seen.watch(plain)
    answer = plain.goto(f"{viewer.url}/text?asof={asof}")
    assert answer is not None
    assert answer.status == 200
    assert len(answer.body()) <= MOST_BYTES
    assert [plain.locator(f"[data-level='{level}'] b").inner_text() for level in (4, 3, 2, 1)] == counts
    assert plain.locator("h1").inner_text().endswith(f"{len(rows)} open warning(s)")
    assert "Earthquakes" in plain.inner_text("body")
    links = [a.get_attribute("href") or "" for a in plain.locator("a[href^='/text/warnings/']").all()]
    assert len(links) == len(rows)
    if links:
        told = plain.goto(f"{viewer.url}{links[0]}")
        assert told is not None
        assert told.status == 200
        assert len(told.body()) <= MOST_BYTES
        assert "Departures" in plain.inner_text("h1")


def test_without_javascript_the_page_leads_there(look: Look) -> None:
    viewer = look(java_script_enabled=False)
    page = viewer.context.new_page()
    page.goto(viewer.url)
    page.locator("noscript a[href='/text']").click()
    assert page.url.startswith(f"{viewer.url}/text")
    assert page.locator("h1").inner_text().startswith("United States")
