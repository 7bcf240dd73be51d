"""The page of an outbreak, run as it stands: what it says of itself is what comes out."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from docs.walkthrough import Page, cells

from docs import walkthrough

(SCRIPT,) = walkthrough.SCRIPTS


@functools.cache
def outbreak() -> Page:
    return walkthrough.run(SCRIPT)


def said() -> str:
    return "\n".join(re.findall(r"(?s)^```text\n(.*?)^```", outbreak().text, re.MULTILINE))


def test_the_page_goes_the_whole_way() -> None:
    titles = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?s)```python.*?```", "", outbreak().text))
    assert [t.split(". ", 1)[-1] for t in titles] == [
        "An outbreak, end to end",
        "The world",
        "Reports come late",
        "Nowcast",
        "Detection",
        "A budget of false alarms",
        "The draft of a warning",
        "Was it right?",
        "What to take away",
    ]
    assert list(outbreak().figures) == ["outbreak-1.svg", "outbreak-2.svg"]
    assert all(svg.startswith(b"<?xml") and b"<path" in svg for svg in outbreak().figures.values())
    for name in outbreak().figures:
        assert f"({name})" in outbreak().text


def test_the_nowcast_is_better_than_the_first_count() -> None:
    first, corrected = map(float, re.findall(r"(?:count|nowcast): ([\d.]+)", said())[:2])
    assert corrected < first / 2
    (within,) = re.findall(r"standard deviations in (\d+)%", said())
    assert 85 <= int(within) <= 99


def test_the_promise_is_kept_whatever_is_judged() -> None:
    rates = re.findall(r"(\d\.\d\d) a week, promised (\d\.\d\d)", said())
    assert len(rates) == 3
    assert all(float(rate) <= float(promised) for rate, promised in rates)


def test_more_outbreaks_are_found_with_the_nowcast() -> None:
    found = {name: int(n) for name, n in re.findall(r"(?m)^(\w+(?: counts)?) +(\d+) / 13", said())}
    assert found["hindsight"] >= found["nowcast"] > found["first counts"]


def test_a_draft_names_the_place_and_waits_for_people() -> None:
    assert re.search(r"(?m)^draft, level [23], \d\d (August|September) 2008, by system$", said())
    assert re.search(r"(?m)^More cases than normal: (New York|New Jersey|Connecticut)", said())


def test_cells_are_cut_and_what_stands_above_them_is_left_out() -> None:
    script = "# ruff: noqa\n# %% [markdown]\n# # A\n#\n# b\n\n# %%\nx = 1\n# a comment\n# %%\n"
    assert list(cells(script)) == [("text", "# A\n\nb"), ("code", "x = 1\n# a comment")]


def test_a_cell_that_breaks_breaks_the_page(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("# %%\nx = 1\n# %%\nprint(y)\n")
    with pytest.raises(NameError, match="y"):
        walkthrough.run(path)


def test_a_page_is_run_again_only_when_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "small.py"
    script.write_text(
        "# %%\nfrom matplotlib.figure import Figure\nfigure = Figure()\nprint(1)\n# %%\nprint(2)\n"
    )
    monkeypatch.setattr(walkthrough, "SCRIPTS", (script,))
    out = tmp_path / "out"
    walkthrough.write(out)
    text = (out / "small.md").read_text()
    assert (text.count("```text"), text.count("![")) == (2, 1)
    assert (out / "small-1.svg").exists()
    (out / "small.md").write_text("kept")
    walkthrough.write(out)
    assert (out / "small.md").read_text() == "kept"
