"""Plug-ins are found by scanning; a bad one, and a bad domain file, is named with file and key."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from tocsin.catalog import detectors, feeds, load_domain, load_domains, plugins
from tocsin.catalog.domain_file import FOLDER, read_duration
from tocsin.model import ConfigError

GOOD = (FOLDER / "air_transport.toml").read_text()


def test_everything_that_lies_in_a_folder_is_found():
    folder = FOLDER.parent / "detect" / "methods"
    assert set(detectors()) == {p.stem for p in folder.glob("[a-z]*.py")}
    assert set(feeds()) == {p.stem for p in (FOLDER.parent / "feeds" / "sources").glob("[a-z]*.py")}
    assert list(detectors()) == sorted(detectors())


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "plugged"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [n for n in sys.modules if n.split(".")[0] == "plugged"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("X = 1", "NAME"),
    ],
)
def test_a_bad_plug_in_is_named_never_left_out(package, source, words):
    (package / "bad.py").write_text(source)
    with pytest.raises(ConfigError, match=words) as caught:
        plugins("plugged", ("NAME",))
    assert caught.value.file == "plugged.bad"


def test_private_files_are_no_plug_ins(package):
    (package / "_shared.py").write_text("1 / 0")
    (package / "good.py").write_text("NAME = 'good'")
    assert list(plugins("plugged", ("NAME",))) == ["good"]


@pytest.mark.parametrize("name", ["no.such.package", "tocsin.cycle"])
def test_what_is_no_package_is_refused(name):
    with pytest.raises(ConfigError, match="a package of plug-ins"):
        plugins(name, ())


CHANGES = {
    "unknown key": (
        'title = "Air transport"',
        'title = "Air"\ntitel = "Air"',
        "titel",
        None,
    ),
    "absent key": (
        'legal_basis = "ipaws"\n',
        "",
        "legal_basis",
        None,
    ),
    "wrong type": (
        "least_daily = 60\ngroup_km",
        'least_daily = "many"\ngroup_km',
        "criteria.least_daily",
        "many",
    ),
    "unknown source": (
        'sources = ["bts_flights"]',
        'sources = ["bts_fligths"]',
        "sources",
        "bts_flights",
    ),
    "unknown method": (
        'method = "robust_ewma"',
        'method = "robust_ewna"',
        "monitor.method",
        "robust_ewma",
    ),
    "unknown setting": (
        "gain = 0.02,",
        "gian = 0.02,",
        "monitor.settings",
        "gain",
    ),
    "unknown quantity": (
        'quantity = "air_transport.landings"',
        'quantity = "air_transport.landing"',
        "monitor.quantity",
        "air_transport.landings",
    ),
    "outcome of another domain": (
        'quantity = "air_transport.departures"\ntext',
        'quantity = "seismic.shaking"\ntext',
        "outcome.quantity",
        None,
    ),
    "unknown level of regions": (
        'region_level = "site"',
        'region_level = "town"',
        "region_level",
        "site",
    ),
    "duration without a unit": (
        'shadow = "31 d"',
        'shadow = "31"',
        "budget.shadow",
        "3 h 5 min",
    ),
    "a budget of nothing": (
        "per_week = 1.0",
        "per_week = 0",
        "budget.per_week",
        "greater than 0",
    ),
    "no TOML": (
        "[budget]",
        "[budget",
        "(file)",
        "TOML",
    ),
    "levels that fall": (
        'compound = "24 h"',
        'compound = "24 h"\nevent_levels = [[4.0, 2], [5.0, 1]]',
        "criteria.event_levels",
        "that rise",
    ),
    "magnitudes that fall": (
        'compound = "24 h"',
        'compound = "24 h"\nevent_levels = [[5.0, 1], [4.0, 2]]',
        "criteria.event_levels",
        "that rise",
    ),
    "a level that does not exist": (
        'compound = "24 h"',
        'compound = "24 h"\nevent_levels = [[5.0, 5]]',
        "criteria.event_levels",
        "1 to 4",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_bad_domain_file_is_refused_with_file_key_and_what_is_allowed(tmp_path, what):
    old, new, key, words = CHANGES[what]
    assert old in GOOD
    path = tmp_path / "air_transport.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_domain(path)
    assert caught.value.file == "air_transport.toml"
    assert caught.value.key == key
    assert words is None or words in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "air_transport.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_domain(path)


def test_any_change_of_a_file_is_another_version(tmp_path):
    path = tmp_path / "air_transport.toml"
    path.write_text(GOOD)
    first = load_domain(path)[0].version
    path.write_text(GOOD.replace("gain = 0.2\n", "gain = 0.21\n"))
    assert load_domain(path)[0].version != first == load_domains(["air_transport"])[0].version


def test_a_pattern_gives_a_monitor_for_each_quantity_in_order():
    ids = [m.quantity.id for m in load_domains(["economy"])[0].monitors]
    assert len(ids) == len(set(ids)) >= 14
    assert ids == sorted(ids)


def test_an_unknown_domain_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="Did you mean 'seismic'"):
        load_domains(["seismik"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("31 d", 31 * 86400), ("1.5 h", 5400), ("3h 5min", 11100), ("10 s", 10)]
)
def test_durations(text, seconds):
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "3", "h", "3 hours", "3 h and 5 min", "-3 h", 3, None])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="allowed: numbers with units"):
        read_duration(text)
