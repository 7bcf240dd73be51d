"""A wrong pack is refused with file, key, what was got and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.geo import load_pack
from tocsin.geo.topology import read_topology
from tocsin.model import ConfigError


def _change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title =", "titel =", r"pack\.toml: (titel: got 'titel', allowed: .*title|title: got 'nothing')"),
        ('name = "alerte"', 'nmae = "alerte"', r"levels\.0\.(name: got 'nothing'|nmae)"),
        ('"Severe"', '"Sever"', r"levels\.0\.severity: got 'Sever', allowed: .*Did you mean 'Severe'"),
        ("#f2d024", "yellow", r"levels\.0\.colour: got 'yellow'"),
        ('issued_by = ["approving_officer"]', 'issued_by = ["approver"]', "got 'approver'.*analyst"),
        ("rank = 1", "rank = 2", "levels with ranks 1, 2"),
        ("levels = [1]", "levels = [3]", r"eau: levels out of \[1\], not \[3\]"),
        ('roles = ["approving_officer"]', 'roles = ["analyst"]', "lets approving_officer approve level 1"),
        ('"Africa/Tunis"', '"Africa/Carthage"', "IANA time zones, not 'Africa/Carthage'"),
        ("parallels = [33.0, 37.0]", "parallels = [-10.0, 10.0]", r"parts\.0\.parallels: .*sum is not zero"),
        ('kind = "conic-equal-area"', 'kind = "mercator"', "allowed: conic-equal-area"),
        ("places.csv", "../places.csv", r"regions\.file: got '\.\./places\.csv'"),
        (r"XA(?P<number>\d\d)", "XA(", "a regular expression"),
        ('region = "XA-{number}"', 'region = "XA-{nubmer}"', r"of \['number'\], not of \['nubmer'\]"),
        ('region = "XA-{id}"', 'region = "XA-{code}"', r"a template of \['id'\]"),
        ("schema = 1", "schema = 2", "schema: got 2, allowed: 1"),
        ("alerte@xa.example.org", "a b", r"sender\.address: got 'a b'"),
        ('level = "county"', 'level = "nation"', "each level once"),
        ('id = "xa"', "id = xa", "TOML in UTF-8"),
    ],
)  # fmt: skip
def test_toml(tiny_folder: Path, old: str, new: str, message: str) -> None:
    _change(tiny_folder, "pack.toml", old, new)
    with pytest.raises(ConfigError, match=message) as caught:
        load_pack(tiny_folder)
    assert str(tiny_folder / "pack.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id,level", "id,levl", "line 1: got .*allowed: 'id,level|line 1: got"),
        ("XA-02,county,Hiver,XA,", "XA-02,county,Hiver,XB,", "line 4: parent: got 'XB'"),
        ("XA-02,county", "XA-02,kanton", "line 4: level: got 'kanton', allowed: county, nation, site"),
        ("XA-02,county", "XA-01,county", "line 4: id: got 'XA-01', allowed: each id once"),
        ("35.0,11.0", "95.0,11.0", "line 4: lat: got '95.0', allowed: a number from -90 to 90"),
        ("35.0,11.0", "35.0,nan", "line 4: lon: got 'nan'"),
        (",2000,", ",many,", "line 4: population: got 'many'"),
        (",2000,", ",inf,", "line 4: population: got 'inf'"),
        ("2000,Africa/Tunis", "2000,Asia/Tokyo", "line 4: timezone: got 'Asia/Tokyo'"),
        ("Tunis,true", "Tunis,yes", "line 4: mapped: got 'yes', allowed: false, true"),
        ("Tunis,true", "Tunis", "line 4: got .* allowed: 12 fields"),
        ("county,Hiver,XA", "county,,XA", "line 4: name: got 'nothing'"),
        ("XA,nation,Examplia,,", "XA,nation,Examplia,XA,", "line 2: parent: got 'XA', allowed: nothing"),
        ("XA-01,county,Été,XA,", "XA-01,nation,Été,,", "2 regions without one"),
    ],
)
def test_regions(tiny_folder: Path, old: str, new: str, message: str) -> None:
    _change(tiny_folder, "places.csv", old, new)
    with pytest.raises(ConfigError, match=message) as caught:
        load_pack(tiny_folder)
    assert "places.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("gauges.csv", "42.87", "", "line 2: x: got '', allowed: a number"),
        ("gauges.csv", ",,,1", ",,,", "line 3: strip: got ''"),
        ("gauges.csv", "Pont,XA-01", "Pont,XA-09", "line 2: parent: got 'XA-09'"),
    ],
)
def test_sites(tiny_folder: Path, file: str, old: str, new: str, message: str) -> None:
    _change(tiny_folder, file, old, new)
    with pytest.raises(ConfigError, match=message):
        load_pack(tiny_folder)


def test_neighbours(tiny_folder: Path) -> None:
    _change(tiny_folder, "beside.csv", "XA-02", "XA-22")
    pack = load_pack(tiny_folder)
    with pytest.raises(ConfigError, match="line 2: b: got 'XA-22'"):
        pack.neighbours("XA-01")


@pytest.mark.parametrize("file", ["pack.toml", "places.csv", "gauges.csv"])
def test_absent_or_no_text(tiny_folder: Path, file: str) -> None:
    (tiny_folder / file).write_bytes(b"id = '\xff\xfe'")
    with pytest.raises(ConfigError, match=f"{file}: file: .*UTF-8"):
        load_pack(tiny_folder)
    (tiny_folder / file).unlink()
    with pytest.raises(ConfigError, match=file):
        load_pack(tiny_folder)


def test_unknown_pack_lists_those_that_ship() -> None:
    with pytest.raises(ConfigError, match="pack: id: got 'uk', allowed: us"):
        load_pack("uk")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a TopoJSON file"),
        ("[]", "type: got 'list', allowed: Topology"),
        ('{"type": "FeatureCollection"}', "got 'FeatureCollection', allowed: Topology"),
        ('{"type": "Topology", "objects": {}}', "arcs, transform, objects: got \"KeyError: 'arcs'"),
        ('{"type": "Topology", "objects": {}, "arcs": [[[1], [2]]]}', "not pairs"),
        ('{"type": "Topology", "objects": [], "arcs": []}', "what TopoJSON prescribes"),
        ('{"type": "Topology", "objects": {}, "arcs": [[]]}', "fewer than two positions"),
    ],
)
def test_broken_topology(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "t.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_topology(file)


def test_topology_without_the_collection_or_with_another_geometry(tiny_folder: Path) -> None:
    topology = read_topology(tiny_folder / "land.topo.json")
    with pytest.raises(
        ConfigError, match=r"objects: got 'canton', allowed: cantons, pays\. Did you mean 'cantons'"
    ):
        list(topology.members("canton"))
    with pytest.raises(ConfigError, match="geometry 7: type: got 'Point', allowed: Polygon, MultiPolygon"):
        topology.polygons({"type": "Point", "id": 7})
