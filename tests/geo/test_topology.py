"""TopoJSON decoded in one go is what the specification says arc by arc; served, it bears our names."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.geo import Pack, load_pack
from tocsin.geo.planar import planar_map
from tocsin.geo.topology import read_topology
from tocsin.model import ConfigError

_POSITION = st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
_ARCS = st.lists(st.lists(_POSITION, min_size=2, max_size=6), max_size=6)


@settings(deadline=None)  # the machine may be busy
@given(_ARCS, st.booleans())
def test_decoding_agrees_with_the_specification(arcs: list[list[tuple[int, int]]], quantised: bool) -> None:
    plain: dict[str, object] = {"type": "Topology", "objects": {}, "arcs": arcs}
    if quantised:
        plain["transform"] = {"scale": [0.5, 0.25], "translate": [-3, 7]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.json"
        file.write_text(json.dumps(plain))
        decoded = read_topology(file).arcs
    assert len(decoded) == len(arcs)
    for arc, got in zip(arcs, decoded, strict=True):
        x = y = 0
        for position, point in zip(arc, got, strict=True):
            # Quantised positions are differences from the one before, beginning anew with each arc.
            x, y = (x + position[0], y + position[1]) if quantised else position
            expected = (x * 0.5 - 3, y * 0.25 + 7) if quantised else (x, y)
            assert tuple(point) == expected


def test_rings_close_and_run_on(us: Pack) -> None:
    topology = read_topology(us.folder / us.description.boundaries.file)
    rings = 0
    for _, geometry in topology.members("counties"):
        for polygon in topology.polygons(geometry):
            for ring in polygon:
                assert np.array_equal(ring[0], ring[-1])
                assert len(ring) >= 4
                rings += 1
    assert rings > 3231


def test_the_served_map_has_our_ids_and_fits_the_first_view(us: Pack) -> None:
    served = planar_map(us)
    plain = json.loads(served)
    ids = [g["id"] for name in ("counties", "states", "nation") for g in plain["objects"][name]["geometries"]]
    assert sorted(ids) == sorted(r.id for r in us.regions.values() if r.mapped and r.level != "site")
    names = {g["id"]: g["properties"] for g in plain["objects"]["counties"]["geometries"]}
    assert names["US-24510"] == {"name": "Baltimore (city)"}
    assert plain["arcs"] == json.loads(us.map_file.read_bytes())["arcs"]
    assert len(gzip.compress(served)) < 300_000
    assert served == planar_map(load_pack("us"))


def test_a_map_feature_that_is_no_region_is_not_served(tiny_folder: Path) -> None:
    file = tiny_folder / "flat.topo.json"
    file.write_text(file.read_text().replace('"id": "02"', '"id": "77"'))
    with pytest.raises(ConfigError, match=r"flat\.topo\.json: cantons: id: got '77'"):
        planar_map(load_pack(tiny_folder))
