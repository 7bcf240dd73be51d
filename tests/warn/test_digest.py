"""Five hundred warnings on one page: few groups, each with all its members, and nothing lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warn.desk import alert, at, member
from tests.warn.flood import flood as desk_flood
from tocsin.geo import load_pack
from tocsin.warn.digest import MOST, digest

PACK = load_pack("us")
COUNTIES = [c.id for c in PACK.at_level("county")]
NEIGHBOURS = {c: tuple(n.id for n in PACK.neighbours(c)) for c in COUNTIES}
HAZARDS = {
    "Winter storm": "Met", "Flood": "Met", "Tornado": "Met", "Earthquake": "Geo", "Wildfire": "Fire",
    "Air quality": "Env", "Outbreak": "Health", "Power cut": "Infra",
}  # fmt: skip
KING, PIERCE, WASHINGTON, SEA, BOS = "US-53033", "US-53053", "US-53", "US-AIR-SEA", "US-AIR-BOS"


def one(number, region, hazard="Flood", **changes):
    regions = (region,) if isinstance(region, str) else region
    plain = {
        "event": hazard,
        "category": HAZARDS.get(hazard, "Other"),
        "members": tuple(member(r, r) for r in regions),
    }
    return alert(number, **(plain | changes))


def flood(n, seed=7, hazards=tuple(HAZARDS), counties=COUNTIES):
    """Warnings of all hazards over counties everywhere, a few of them extreme."""
    rng = np.random.default_rng(seed)
    return [
        one(
            i,
            counties[int(rng.integers(len(counties)))],
            hazards[int(rng.integers(len(hazards)))],
            level=int(rng.choice([2, 3, 4], p=[0.8, 0.19, 0.01])),
            created_at=at("09:10") + timedelta(seconds=int(rng.integers(600))),
        )
        for i in range(n)
    ]


def grouped(alerts, **more):
    return digest(alerts, PACK.regions, NEIGHBOURS, **more)


def members(groups):
    return sorted(a.id for g in groups for a in g.members)


@pytest.mark.parametrize("seed", range(3))
def test_five_hundred_warnings_are_at_most_twenty_groups_and_none_is_lost(seed):
    alerts = flood(500, seed)
    groups = grouped(alerts)
    assert 1 < len(groups) <= MOST
    assert members(groups) == sorted(a.id for a in alerts)
    assert sum(len(g.members) for g in groups) == 500
    levels = [g.level for g in groups]
    assert levels == sorted(levels, reverse=True)
    for g in groups:
        assert g.level == max(a.level for a in g.members) == g.members[0].level
        assert set(g.hazards) == {a.event for a in g.members}
        assert set(g.regions) == {r for a in g.members for r in a.regions}


def test_the_gravest_keep_a_group_of_their_own_as_long_as_there_is_room():
    alerts = [a for a in flood(500) if a.level < 4]
    alerts += [
        one(9000 + i, c, "Tornado", level=4) for i, c in enumerate(("US-20173", "US-48201", "US-53033"))
    ]
    groups = grouped(alerts)
    extreme = [g for g in groups if g.level == 4]
    assert len(extreme) == 3
    assert all(g.by == "area" and g.hazards == ("Tornado",) for g in extreme)


def test_a_norester_over_six_airports_and_forty_counties_is_one():
    around = [c.id for c in PACK.at_level("county") if c.parent in ("US-25", "US-09", "US-44", "US-33")][:40]
    connected = [c for c in around if any(n in around for n in NEIGHBOURS[c])]
    airports = ["US-AIR-BOS", "US-AIR-PVD", "US-AIR-BDL", "US-AIR-MHT", "US-AIR-ORH", "US-AIR-HVN"]
    airports = [a for a in airports if a in PACK.regions and PACK.regions[a].parent in connected]
    assert len(airports) >= 3
    alerts = [one(i, r, "Winter storm") for i, r in enumerate([*connected, *airports])]
    (group,) = grouped(alerts)
    assert (group.by, len(group.members)) == ("area", len(alerts))


@pytest.mark.parametrize(
    ("a", "b", "together"),
    [
        (KING, PIERCE, True),  # side by side
        (KING, SEA, True),  # the airport lies in it
        (WASHINGTON, PIERCE, True),  # around it
        (SEA, WASHINGTON, True),
        (KING, "US-53063", False),  # Spokane
        (SEA, BOS, False),
    ],
)
def test_areas_that_touch_are_one_group(a, b, together):
    assert (len(grouped([one(1, a), one(2, b)])) == 1) is together


def test_other_hazards_and_drills_are_other_groups():
    groups = grouped([one(1, KING), one(2, KING, "Wildfire"), one(3, KING, status="Exercise")])
    assert len(groups) == 3
    # A drill is never joined with what is real, however few groups are asked for.
    few = grouped([one(1, KING), one(2, KING, "Wildfire"), one(3, KING, status="Exercise")], most=1)
    assert Counter(len({a.status for a in g.members}) for g in few) == {1: 2}


def test_nothing_gives_nothing():
    assert grouped([]) == ()


@given(
    picks=st.lists(st.tuples(st.sampled_from(COUNTIES), st.sampled_from(sorted(HAZARDS))), max_size=40),
    most=st.integers(1, 25),
    order=st.randoms(use_true_random=False),
)
def test_every_warning_is_in_exactly_one_group_whatever_the_order(picks, most, order):
    alerts = [one(i, c, h) for i, (c, h) in enumerate(picks)]
    groups = grouped(alerts, most=most)
    assert members(groups) == sorted(a.id for a in alerts)
    assert len(groups) <= most
    mixed = list(alerts)
    order.shuffle(mixed)
    assert grouped(mixed, most=most) == groups


def test_the_flood_that_goes_to_the_receivers_is_a_page_too():
    """The same 500 warnings that delivery is tried with (tests.warn.test_flood)."""
    alerts = desk_flood(PACK.regions, at=at("12:00"))
    groups = grouped(alerts)
    assert len(groups) <= MOST
    assert members(groups) == sorted(a.id for a in alerts)
    assert len(alerts) == 500
    assert groups[0].level == 4
    assert groups[0].hazards == ("Earthquake",)
    assert all(len(g.hazards) == 1 for g in groups)  # five hazards fit on a page without being mixed
