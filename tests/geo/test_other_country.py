"""Another country is data: an invented one goes through the same loader and the same questions."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from tocsin.geo import boundary_region, load_pack
from tocsin.geo.topology import read_topology
from tocsin.model import ConfigError, RegionLevel, ShapeError


def test_whole_pack_from_data_alone(tiny_folder: Path) -> None:
    pack = load_pack(tiny_folder)
    assert (pack.id, pack.title, pack.languages, pack.domains) == ("xa", "Examplia", ("fr",), ("floods",))
    assert list(pack.regions) == ["XA", "XA-01", "XA-02", "XA-G1", "XA-G2"]
    assert pack.nation.id == "XA"
    assert [r.id for r in pack.children("XA")] == ["XA-01", "XA-02"]
    assert [r.id for r in pack.ancestors("XA-G1")] == ["XA-01", "XA"]
    assert [r.id for r in pack.neighbours("XA-01")] == ["XA-02"]
    assert pack.neighbours("XA-G1") == ()
    assert [r.id for r in pack.within("XA", "site")] == ["XA-G1", "XA-G2"]
    assert pack.sites == ("XA-G1", "XA-G2")
    assert pack.strip == ("XA-G2",)
    assert pack.around("XA-G1", RegionLevel.STATE) is None
    assert pack.levels[0].name == "alerte"
    assert str(pack.laws[0]) == "Loi sur les eaux, article 3"
    assert pack.break_glass is not None
    assert pack.break_glass.hazards == ("Dam break",)
    assert pack.sender == "alerte@xa.example.org"


def test_a_folder_is_taken_as_text_too(tiny_folder: Path) -> None:
    assert load_pack(str(tiny_folder)).id == "xa"


@pytest.mark.parametrize(
    "file", ["pack.toml", "places.csv", "gauges.csv", "beside.csv", "land.topo.json", "flat.topo.json"]
)
def test_the_digest_tells_editions_apart(tiny_folder: Path, file: str) -> None:
    before = load_pack(tiny_folder).digest
    assert load_pack(tiny_folder).digest == before
    with (tiny_folder / file).open("a") as text:
        text.write("\n")
    assert load_pack(tiny_folder).digest != before


def test_another_process_gets_it_too(tiny_folder: Path) -> None:
    pack = load_pack(tiny_folder)
    assert repr(pack) == "Pack('xa', 5 regions of which 2 sites)"
    again = pickle.loads(pickle.dumps(pack))  # noqa: S301
    assert again.regions == pack.regions
    assert again.county_at(35.0, 8.5) == "XA-01"


def test_geometry_and_codes(tiny_folder: Path) -> None:
    pack = load_pack(tiny_folder)
    assert pack.county_at(35.0, 8.5) == "XA-01"
    assert pack.county_at(35.0, 10.0) == "XA-01"  # a shared border belongs to the smaller id
    assert pack.county_at(0.0, 0.0) is None
    assert pack.locate([35.0], [11.0], level="nation").regions == ("XA",)
    assert pack.by_geocode("PCODE", " XA02 ") == "XA-02"
    assert pack.by_geocode("PCODE", "XA99") is None
    assert pack.by_geocode("SAME", "XA02") is None
    assert [r.id for r in pack.find("canton ete")] == []
    assert [r.id for r in pack.find("ete canton")] == ["XA-01", "XA-G1"]
    with pytest.raises(ConfigError, match=r"boundaries\.objects: got 'state', allowed: nation, county"):
        pack.locate([35.0], [11.0], level="state")


def test_the_sites_of_the_file_lie_where_the_projection_says(tiny_folder: Path) -> None:
    pack = load_pack(tiny_folder)
    site = pack.region("XA-G1")
    assert pack.planar("XA-G1") == (42.87, 21.49)
    assert np.allclose(pack.projection.forward(site.lat, site.lon)[0], pack.planar("XA-G1"), atol=0.01)
    assert pack.planar("XA-G2") is None
    assert pack.planar("XA-02") is not None


def test_arcs_tell_neighbours_and_feature_ids_tell_regions(tiny_folder: Path) -> None:
    pack = load_pack(tiny_folder)
    topology = read_topology(tiny_folder / "land.topo.json")
    assert topology.neighbours("cantons") == {("01", "02")}
    assert boundary_region(pack.description.boundaries, "01") == "XA-01"
    assert boundary_region(pack.description.boundaries, None) == "XA"


def test_unknown_region_is_named_with_a_suggestion(tiny_folder: Path) -> None:
    with pytest.raises(
        ShapeError, match=r"got 'XA-001', allowed: a region of pack xa\. Did you mean 'XA-01'"
    ):
        load_pack(tiny_folder).region("XA-001")


def test_a_boundary_with_an_arc_that_is_not_there(tiny_folder: Path) -> None:
    file = tiny_folder / "land.topo.json"
    plain = json.loads(file.read_text())
    plain["objects"]["cantons"]["geometries"][0]["arcs"] = [[0, 9]]
    file.write_text(json.dumps(plain))
    with pytest.raises(ConfigError, match="arc: got 9, allowed: below 3"):
        load_pack(tiny_folder).county_at(35.0, 8.5)


def test_a_boundary_without_region_is_a_fault(tiny_folder: Path) -> None:
    file = tiny_folder / "land.topo.json"
    plain = json.loads(file.read_text())
    plain["objects"]["cantons"]["geometries"][0]["id"] = "77"
    file.write_text(json.dumps(plain))
    with pytest.raises(ConfigError, match="county boundary: got 'XA-77', allowed: a region"):
        load_pack(tiny_folder).county_at(35.0, 8.5)
