"""How far two lists of regions cover the same ground."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.geo import load_pack
from tocsin.geo.overlap import inside, overlap, strictly_inside
from tocsin.model import ShapeError

REGIONS = load_pack("us").regions
KING, PIERCE, WASHINGTON, SEA, BOS = "US-53033", "US-53053", "US-53", "US-AIR-SEA", "US-AIR-BOS"
COUNTIES = sorted(r for r in REGIONS if r.startswith("US-53") and len(r) == 8)


def size(*ids):
    return sum(REGIONS[i].area_km2 for i in ids)


def test_by_area_where_all_have_one():
    assert overlap(REGIONS, [KING], [KING, PIERCE]) == pytest.approx(size(KING) / size(KING, PIERCE))
    assert overlap(REGIONS, [KING], [PIERCE]) == 0


def test_a_county_of_a_listed_state_adds_nothing():
    assert overlap(REGIONS, [WASHINGTON, KING], [WASHINGTON]) == 1
    assert overlap(REGIONS, [WASHINGTON], [KING, PIERCE]) == pytest.approx(
        size(KING, PIERCE) / size(WASHINGTON)
    )


def test_sites_have_no_area_and_count_as_one_each():
    assert overlap(REGIONS, [SEA], [SEA, BOS]) == 0.5
    assert overlap(REGIONS, [SEA, KING], [KING]) == 1  # the airport lies in the county
    assert overlap(REGIONS, [BOS, KING], [KING]) == 0.5


def test_nothing_and_nothing_are_the_same():
    assert overlap(REGIONS, [], []) == 1
    assert overlap(REGIONS, [], [KING]) == 0


def test_inside_and_strictly_inside():
    assert inside(REGIONS, KING, [KING])
    assert inside(REGIONS, SEA, [WASHINGTON])
    assert strictly_inside(REGIONS, SEA, [WASHINGTON])
    assert not strictly_inside(REGIONS, KING, [KING, PIERCE])
    assert not inside(REGIONS, WASHINGTON, [KING])


def test_a_region_of_nowhere_is_refused():
    with pytest.raises(ShapeError, match="US-99"):
        overlap(REGIONS, ["US-99"], [KING])


some = st.lists(st.sampled_from([*COUNTIES, WASHINGTON, "US-06", "US"]), max_size=8)


@given(a=some, b=some)
def test_it_is_a_share_and_the_same_both_ways(a, b):
    one = overlap(REGIONS, a, b)
    assert 0 <= one <= 1
    assert one == pytest.approx(overlap(REGIONS, b, a))
    assert overlap(REGIONS, a, [*a, *a]) == 1


@given(a=st.sets(st.sampled_from(COUNTIES), min_size=1), b=st.sets(st.sampled_from(COUNTIES), min_size=1))
def test_of_counties_it_is_the_plain_share_of_areas(a, b):
    assert overlap(REGIONS, a, b) == pytest.approx(size(*(a & b)) / size(*(a | b)))
