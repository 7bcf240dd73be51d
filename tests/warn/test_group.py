"""Near by distance, by a shared border, or one inside the other: what touches is one warning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cycle.test_propose import AT, BOS, LGA, PACK, SEA, context, found, issued
from tocsin.model import HOUR
from tocsin.warn.propose import propose

NEIGHBOURS = {c.id: tuple(n.id for n in PACK.neighbours(c.id)) for c in PACK.at_level("county")}
KING, PIERCE, THURSTON, SPOKANE = "US-53033", "US-53053", "US-53067", "US-53063"


def drafts(*regions, standing=(), at=AT, **criteria):
    here = replace(context(at, **({"group_km": 1.0} | criteria)), neighbours=NEIGHBOURS)
    made = propose(here, [found(r, at=at) for r in regions], (), standing)
    return [sorted(p.alert.regions) for p in made]


@pytest.mark.parametrize(
    ("regions", "groups"),
    [
        ((KING, PIERCE), 1),  # side by side
        ((KING, THURSTON), 2),  # not side by side
        ((KING, PIERCE, THURSTON), 1),  # in a row
        ((KING, SEA), 1),  # the airport lies in it
        (("US-53", SEA, SPOKANE), 1),  # the state around both
        ((KING, SPOKANE), 2),
        ((BOS, LGA), 2),
    ],
)
def test_areas_that_touch_are_one_warning_where_the_domain_says_so(regions, groups):
    assert len(drafts(*regions, group_adjacent=True)) == groups
    assert sorted(r for g in drafts(*regions, group_adjacent=True) for r in g) == sorted(regions)


def test_by_default_only_the_distance_counts():
    assert len(drafts(KING, PIERCE)) == 2
    assert len(drafts(KING, PIERCE, group_km=450)) == 1


def test_a_norester_over_six_airports_and_forty_counties_is_one_warning_with_areas():
    seen, edge = ["US-25025"], ["US-25025"]
    while len(seen) < 40:  # forty counties, each beside one of the others
        fresh = [n for c in edge for n in NEIGHBOURS[c] if n not in seen]
        edge = list(dict.fromkeys(fresh))
        seen += edge
    counties = seen[:40]
    airports = [s for s in PACK.sites if PACK.regions[s].parent in counties][:6]
    assert len(airports) == 6
    (group,) = drafts(*counties, *airports, group_adjacent=True)
    assert len(group) == 46


def test_what_touches_a_standing_warning_joins_it():
    here = replace(context(group_km=1.0, group_adjacent=True), neighbours=NEIGHBOURS)
    (first,) = propose(here, [found(KING)], (), ())
    later = AT + HOUR
    (group,) = drafts(PIERCE, standing=[issued(first.alert)], at=later, group_adjacent=True)
    assert group == [KING, PIERCE]
