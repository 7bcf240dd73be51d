"""Every method has a page that says when it is good, when not and what it costs, and shows a real series."""

from __future__ import annotations

import dataclasses
import re
import sys
import types
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from docs import method_pages, method_pictures
from tocsin.catalog import detectors
from tocsin.ops.described import Described, described, needs, parameters, season, state_bytes

SECTIONS = (
    "Good for",
    "Not good",
    "On a real series",
    "How it works",
    "What it is told",
    "Settings",
    "Cost",
    "On your own series",
    "References",
)
needs_data = pytest.mark.skipif(
    not method_pictures.DATA.is_dir(), reason="node_modules is not there: make setup"
)


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"(?m)^## (.+)$", page)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("name", sorted(detectors()))
@needs_data
def test_a_page_has_every_section(name: str) -> None:
    page = method_pages.page(name)
    found = sections(page)
    assert tuple(found) == SECTIONS
    assert {title for title, body in found.items() if len(body) < 20} == set()
    assert f"{name}.svg" in found["On a real series"]
    assert f"tocsin detect run {name}" in found["On your own series"]
    assert re.search(r"\]\(https://doi.org/10\.\d{4,}/[^)\s]+\)|WMO-No", found["References"])
    assert "bytes" in found["Cost"]


@pytest.mark.parametrize("name", sorted(detectors()))
def test_a_method_says_its_part_itself(name: str) -> None:
    kind = detectors()[name]
    said = described(kind)
    empty = [f.name for f in dataclasses.fields(Described) if not getattr(said, f.name)]
    assert empty == []
    assert said.good.startswith("Good ")
    assert said.not_good.startswith("Not good ")
    assert {f.name for f in dataclasses.fields(kind)} - set(parameters(kind)) == set()


@needs_data
def test_a_picture_shows_values_alarms_and_tails(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    method_pictures.draw("cusum", path)
    root = ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - our own file
    assert root.tag.endswith("svg")
    text = path.read_text("utf-8")
    for colour in (method_pictures.BLUE, method_pictures.ORANGE, method_pictures.RED):
        assert colour in text
    assert "fill: #ffffff" not in text  # no ground: it lies on light and on dark pages
    first = path.read_bytes()
    method_pictures.draw("cusum", path)
    assert path.read_bytes() == first


@needs_data
def test_the_series_are_what_their_captions_say() -> None:
    weekly = method_pictures.weekly()
    assert set(np.diff(weekly.panel.times)) == {7 * method_pictures.DAY_US}
    assert str(weekly.panel.times.astype("datetime64[us]")[0])[:10] == "1990-01-01"
    assert 9_500 < weekly.panel.values[:, 0].sum() < 10_000
    states = method_pictures.states()
    assert len(states.panel.regions) > 25
    assert np.isfinite(states.given["population"]).all()
    hourly = method_pictures.hourly()
    assert str(hourly.panel.times.astype("datetime64[us]")[-1])[:7] == "2001-01"
    shares = method_pictures.shares()
    assert (shares.panel.values <= shares.given["trials"]).all()


def test_pictures_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def draw(name: str, path: Path) -> None:
        drawn.append(name)
        path.write_text("<svg/>")

    monkeypatch.setattr(method_pictures, "draw", draw)
    monkeypatch.setattr(method_pictures, "DATA", tmp_path)
    stale = tmp_path / "gone.svg"
    stale.write_text("")
    method_pictures.write(tmp_path)
    assert drawn == list(detectors())
    assert not stale.exists()
    method_pictures.write(tmp_path)
    assert len(drawn) == len(detectors())


def module(monkeypatch: pytest.MonkeyPatch, text: str) -> type:
    """A class in a module with that docstring."""
    made = types.ModuleType("made_for_a_test", text)
    kind = dataclasses.make_dataclass("Made", [("limit", float)])
    kind.__module__ = made.__name__
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return kind


def test_a_docstring_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """A title.

    Good for ``counts``. Not good for
    rates.

    It counts (:mod:`tocsin.detect.calibration`)
    two:

    - one
      thing;
    - another.

    Cost: 8 bytes a series.

    References
    ----------
    One (2001), A, doi:10.1/a;
    Two (2002), B.
    """
    said = described(module(monkeypatch, text))
    assert said == Described(
        title="A title",
        good="Good for `counts`.",
        not_good="Not good for rates.",
        cost="8 bytes a series.",
        prose=("It counts (`tocsin.detect.calibration`) two:", "- one thing;\n- another."),
        references=("One (2001), A, doi:10.1/a", "Two (2002), B."),
    )


def test_what_is_not_said_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = module(monkeypatch, "Only a title.")
    said = described(kind)
    assert (said.good, said.not_good, said.cost, said.references) == ("", "", "", ())
    assert needs(kind) == ()
    assert season(kind) == "none"
    assert parameters(kind) == {}


def test_state_is_counted_for_a_series_and_for_all() -> None:
    each, shared = state_bytes(detectors()["robust_ewma"](season="month"))
    assert each == 8 * (3 + 12)
    assert shared > 0
