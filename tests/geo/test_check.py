"""The files of a pack agree with each other, and planted disagreements are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin.geo import Pack, load_pack
from tocsin.geo.check import check_pack


def test_the_packs_that_ship_and_the_invented_one_are_whole(us: Pack, tiny_folder: Path) -> None:
    assert check_pack(us) == ()
    assert check_pack(load_pack(tiny_folder)) == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        (
            "places.csv",
            "35.0,11.0,",
            "35.0,9.0,",
            "XA-02 (Hiver, Examplia): its point 35.0, 9.0 lies in XA-01",
        ),
        (
            "places.csv",
            "Tunis,true",
            "Tunis,false",
            "XA-02 (Hiver, Examplia): mapped is False, the map says True",
        ),
        ("gauges.csv", "42.87,21.49", "44.87,21.49", "XA-G1 (Pont, Été): at 44.87, 21.49 on the map"),
        ("gauges.csv", "35.0,11.9", "36.0,19.9", "XA-G2 (Phare, Hiver): more than 50 km outside of XA-02"),
        ("beside.csv", "XA-01,XA-02", "XA-01,XA", "XA (Examplia): XA-01 cannot be its neighbour"),
        (
            "pack.toml",
            "width = 100",
            "width = 10",
            "XA-G1 (Pont, Été): at 42.87, 21.49, outside the map of 10 by 50",
        ),
        (
            "pack.toml",
            "translate = [50.0",
            "translate = [52.0",
            "XA-G1 (Pont, Été): at 42.87, 21.49 on the map",
        ),
        (
            "pack.toml",
            "window = [-0.025,",
            "window = [-0.01,",
            "XA-01 (Été, Examplia): mapped, but off the projection's windows",
        ),
    ],
)
def test_planted_disagreement(tiny_folder: Path, file: str, old: str, new: str, finding: str) -> None:
    text = (tiny_folder / file).read_text(encoding="utf-8")
    assert old in text
    (tiny_folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(found.startswith(finding) for found in check_pack(load_pack(tiny_folder)))


def test_a_region_without_boundary_and_a_feature_without_region(tiny_folder: Path) -> None:
    for name, id_ in (("land", None), ("flat", "77")):
        file = tiny_folder / f"{name}.topo.json"
        plain = json.loads(file.read_text())
        geometries = plain["objects"]["cantons"]["geometries"]
        if id_ is None:
            del geometries[1]
        else:
            geometries[1]["id"] = id_
        file.write_text(json.dumps(plain))
    found = check_pack(load_pack(tiny_folder))
    assert "XA-02 (Hiver, Examplia): no boundary" in found
    assert "map, cantons: XA-77 is no region" in found
    assert "XA-02 (Hiver, Examplia): mapped is True, the map says False" in found


def test_a_boundary_drawn_twice(tiny_folder: Path) -> None:
    file = tiny_folder / "land.topo.json"
    plain = json.loads(file.read_text())
    plain["objects"]["cantons"]["geometries"].append(plain["objects"]["cantons"]["geometries"][0])
    file.write_text(json.dumps(plain))
    assert check_pack(load_pack(tiny_folder)) == ("county: a boundary is drawn twice",)
