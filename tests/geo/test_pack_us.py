"""The pack of the demonstration country: what must be true of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from tocsin.geo import Pack, load_pack
from tocsin.model import RegionLevel, Role


def test_counts(us: Pack) -> None:
    assert Counter(r.level for r in us.regions.values()) == {
        RegionLevel.NATION: 1,
        RegionLevel.STATE: 56,
        RegionLevel.COUNTY: 3231,
        RegionLevel.SITE: 229,
    }
    assert sum(r.mapped for r in us.at_level("county")) == 3142
    assert {r.code for r in us.at_level("state") if not r.mapped} == {"AS", "GU", "MP", "PR", "VI"}
    assert len({r.title for r in us.at_level("county")}) == 3231


@pytest.mark.parametrize(
    ("code", "county", "state"),
    [
        ("SEA", "King", "Washington"),
        ("BOS", "Suffolk", "Massachusetts"),
        ("IAH", "Harris", "Texas"),
        ("JFK", "Queens", "New York"),
        ("EWR", "Essex", "New Jersey"),
        ("DCA", "Arlington", "Virginia"),  # the generalised border puts the point into the District
        ("OMA", "Douglas", "Nebraska"),  # … and this one across the Missouri
        ("KTN", "Ketchikan Gateway", "Alaska"),  # on the shore, outside every polygon
        ("MQT", "Marquette", "Michigan"),  # the airport without a state
        ("SJU", "Carolina", "Puerto Rico"),
    ],
)
def test_airports_in_their_counties(us: Pack, code: str, county: str, state: str) -> None:
    site = us.region(f"US-AIR-{code}")
    parent, around = us.ancestors(site.id)[:2]
    assert (parent.name, around.name) == (county, state)
    assert site.title.endswith(f"{county}, {state}")
    assert us.find(code)[0] == site


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("US-AIR-PHX", "America/Phoenix"),
        ("US-AIR-TUS", "America/Phoenix"),
        ("US-AIR-HNL", "Pacific/Honolulu"),
        ("US-AIR-IND", "America/Indiana/Indianapolis"),
        ("US-AIR-EVV", "America/Chicago"),
        ("US-AIR-SDF", "America/Kentucky/Louisville"),
        ("US-AIR-DTW", "America/Detroit"),
        ("US-AIR-SJU", "America/Puerto_Rico"),
        ("US-AIR-STT", "America/St_Thomas"),
        ("US-AIR-ANC", "America/Anchorage"),
        ("US-AIR-BOI", "America/Boise"),
        ("US-AIR-PNS", "America/Chicago"),
        ("US-AIR-MIA", "America/New_York"),
        ("US-18097", "America/Indiana/Indianapolis"),
        ("US-18091", "America/Chicago"),
        ("US-04", "America/Phoenix"),
    ],
)
def test_time_zones(us: Pack, region: str, zone: str) -> None:
    assert us.region(region).timezone == zone


def test_strip_holds_what_the_map_lacks(us: Pack) -> None:
    assert us.strip == ("US-AIR-BQN", "US-AIR-SJU", "US-AIR-STT", "US-AIR-STX")
    assert {us.around(s, "state").code for s in us.strip} == {"PR", "VI"}
    assert set(us.sites) == set(us.site_xy) | set(us.strip)
    assert all(us.planar(s) is None for s in us.strip)


def test_sites_stand_where_the_projection_puts_them(us: Pack) -> None:
    mapped = [us.region(s) for s in us.site_xy]
    xy = us.projection.forward([r.lat for r in mapped], [r.lon for r in mapped])
    assert np.allclose(xy, list(us.site_xy.values()), atol=0.0051)
    assert (xy > 0).all()
    assert (xy < us.map_size).all()


def test_lincoln_always_comes_with_its_parent(us: Pack) -> None:
    found = [r for r in us.find("Lincoln") if r.name == "Lincoln"]
    assert len(found) == 24
    assert len({r.title for r in found}) == 24
    assert all(r.title == f"Lincoln, {us.region(r.parent).name}" for r in found)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("King County, WA", "US-53033"),
        ("king washington", "US-53033"),
        ("53033", "US-53033"),
        ("us-53033", "US-53033"),
        ("dona ana", "US-35013"),
        ("Orleans Parish", "US-22071"),
        ("St Louis (city)", "US-29510"),
        ("WA", "US-53"),
        ("new york", "US-36"),
        ("O'Hare", "US-AIR-ORD"),
        ("United States", "US"),
    ],
)
def test_find(us: Pack, text: str, first: str) -> None:
    assert us.find(text)[0].id == first


@pytest.mark.parametrize("text", ["", "  ", "?!", "atlantis"])
def test_find_nothing(us: Pack, text: str) -> None:
    assert us.find(text) == ()


def test_independent_cities_are_told_from_the_county_of_their_name(us: Pack) -> None:
    assert us.region("US-24510").title == "Baltimore (city), Maryland"
    assert us.region("US-24005").title == "Baltimore, Maryland"
    assert us.region("US-51760").title == "Richmond (city), Virginia"


@pytest.mark.parametrize(
    ("scheme", "value", "region"),
    [
        ("SAME", "053033", "US-53033"),
        ("SAME", "153033", "US-53033"),
        ("SAME", "053000", "US-53"),
        ("SAME", "000000", "US"),
        ("SAME", "057550", None),  # a marine area
        ("FIPS6", "053033", "US-53033"),
        ("UGC", "WAC033", "US-53033"),
        ("UGC", "WAC000", "US-53"),
        ("UGC", "WAZ558", None),  # a forecast zone is no county
        ("UGC", "XXC033", None),
        ("IATA", "SEA", "US-AIR-SEA"),
        ("IATA", "LHR", None),
        ("EMMA", "DE001", None),
    ],
)
def test_geocodes(us: Pack, scheme: str, value: str, region: str | None) -> None:
    assert us.by_geocode(scheme, value) == region


def test_population_is_the_sum_of_listed_places(us: Pack) -> None:
    states = us.at_level("state")
    fifty_one = sum(r.population for r in states if r.mapped)
    assert fifty_one == 278_759_830
    assert us.nation.population == sum(r.population for r in states) == 281_521_058
    for state in states:
        counties = sum(r.population or 0 for r in us.children(state.id))
        # Swains Island has listed people and no drawn county.
        assert 0 <= state.population - counties <= (37 if state.code == "AS" else 0)
    assert "not a census" in us.description.populations.what


def test_no_listed_place_is_unknown_not_zero(us: Pack) -> None:
    unlisted = [r for r in us.at_level("county") if r.population is None]
    assert "Kalawao, Hawaii" in {r.title for r in unlisted}
    assert len(unlisted) == 11
    assert all(r.population != 0 for r in us.at_level("county"))


@pytest.mark.parametrize(
    ("state", "km2"),
    # Colorado and Wyoming have straight borders and no coast: US Census Bureau, state area measurements.
    [("US-08", 269_601), ("US-56", 253_335)],
)
def test_areas(us: Pack, state: str, km2: float) -> None:
    assert us.region(state).area_km2 == pytest.approx(km2, rel=0.002)
    assert sum(r.area_km2 or 0 for r in us.children(state)) == pytest.approx(us.region(state).area_km2, abs=1)


def test_neighbours(us: Pack) -> None:
    assert {r.name for r in us.neighbours("US-53")} == {"Oregon", "Idaho"}
    assert {r.name for r in us.neighbours("US-53033")} == {"Chelan", "Kittitas", "Pierce", "Snohomish"}
    around = {r.name for r in us.neighbours("US-04")}
    assert around == {"California", "Nevada", "New Mexico", "Utah"}  # Colorado touches in a point only
    assert us.neighbours("US-15003") == ()  # an island
    pairs = {(r.id, n.id) for r in us.regions.values() for n in us.neighbours(r.id)}
    assert pairs == {(b, a) for a, b in pairs}
    assert all(a != b and us.region(a).level == us.region(b).level for a, b in pairs)
    assert sum(us.region(a).level == "county" for a, _ in pairs) == 2 * 8944
    # Neighbouring states are those with neighbouring counties.
    across = {(us.region(a).parent, us.region(b).parent) for a, b in pairs if us.region(a).level == "county"}
    assert {(a, b) for a, b in across if a != b} == {p for p in pairs if us.region(p[0]).level == "state"}


def test_levels_and_laws(us: Pack) -> None:
    assert [(v.rank, v.name, v.colour, v.glyph, v.hatch, v.public) for v in us.levels] == [
        (1, "watch", "#f2d024", "△", "none", False),
        (2, "warning", "#e8862a", "▲", "diagonal", True),
        (3, "severe", "#c0392b", "◆", "cross", True),
        (4, "extreme", "#4a1a5e", "■", "dots", True),
    ]
    assert all("not legal advice" in law.note for law in us.laws)
    for level in us.levels:
        lawful = [
            law for law in us.laws if level.rank in law.levels and set(law.roles) & set(level.issued_by)
        ]
        assert lawful
        assert level.public is False or Role.DUTY_OFFICER not in level.issued_by
    assert us.sender.endswith("example.org")
    assert us.break_glass is not None
    assert us.break_glass.hazards == ("Earthquake",)


def test_loading_is_quick_and_needs_no_geometry() -> None:
    code = "import sys; from tocsin.geo import load_pack; load_pack(); print('shapely' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    took = []
    for _ in range(5):
        start = time.perf_counter()
        load_pack("us")
        took.append(time.perf_counter() - start)
    assert min(took) < 0.3
