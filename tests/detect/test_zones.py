"""Zones: by hand, and against the plainest enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.scan import zones
from tocsin.model import ConfigError, MethodError

SEEDS = st.integers(0, 10_000)


def some(seed, n):
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)), rng.integers(1, 50, n).astype(float), rng.integers(0, 9, n).astype(float)


@given(SEEDS, st.integers(1, 15), st.floats(0.05, 1.0))
def test_circles_are_what_a_plain_loop_finds(seed, n, bound):
    places, people, cases = some(seed, n)
    found = zones.circles(places, people, bound)
    want = []
    for centre in range(n):
        order = sorted(range(n), key=lambda j: np.hypot(*(places[j] - places[centre])))
        prefixes = [order[:size] for size in range(1, n + 1)]
        want += [zone for zone in prefixes if people[zone].sum() <= bound * people.sum() * (1 + 1e-12)]
    assert len(found) == len(want)
    assert [found.members(i).tolist() for i in range(len(found))] == want
    assert found.sums(cases).tolist() == [cases[zone].sum() for zone in want]
    taken = np.arange(n) == seed % n
    assert found.clear_of(taken).tolist() == [seed % n not in zone for zone in want]


@given(SEEDS, st.integers(1, 12), st.integers(1, 12))
def test_distinct_sets_are_each_once(seed, n, size):
    places, _, _ = some(seed, n)
    found = zones.prefixes(places, size)
    kept = [frozenset(found.members(int(i)).tolist()) for i in found.distinct()]
    every = {frozenset(found.members(i).tolist()) for i in range(len(found))}
    assert len(kept) == len(set(kept)) == len(every)
    assert set(kept) == every


@given(SEEDS, st.integers(1, 9), st.integers(1, 5), st.integers(1, 4))
def test_flexible_zones_are_all_connected_sets(seed, n, size, k):
    places, _, cases = some(seed, n)
    touching = zones.links(places, k)
    found = zones.flexible(places, size, touching)
    near = zones.nearest(places, size)

    def connected(group):
        reached = {group[0]}
        while True:
            more = {j for j in group if any(touching[i, j] for i in reached)} | reached
            if more == reached:
                return len(reached) == len(group)
            reached = more

    want = {
        frozenset((centre, *rest))
        for centre in range(n)
        for extra in range(near.shape[1])
        for rest in itertools.combinations(near[centre, 1:].tolist(), extra)
        if connected((centre, *rest))
    }
    got = [frozenset(found.members(i).tolist()) for i in range(len(found))]
    assert len(got) == len(set(got))
    assert set(got) == want
    assert found.sums(cases).tolist() == [cases[list(z)].sum() for z in got]
    assert found.clear_of(np.arange(n) == 0).tolist() == [0 not in z for z in got]


def test_equal_distances_keep_the_order_and_an_area_comes_first_in_its_own_place():
    places = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert zones.nearest(places, 4).tolist() == [[0, 2, 3, 1], [1, 2, 3, 0], [2, 3, 0, 1], [3, 2, 0, 1]]


def test_on_the_sphere_three_coordinates():
    places = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    assert zones.nearest(places, 2)[:, 1].tolist() == [2, 2, 0]


def test_bad_maps_are_refused():
    place, people = np.zeros((2, 2)), np.ones(2)
    with pytest.raises(MethodError, match=r"place of area 1: got \[nan"):
        zones.nearest(np.array([[0.0, 0.0], [np.nan, 0.0]]), 2)
    with pytest.raises(MethodError, match="population: got 0"):
        zones.circles(place, np.zeros(2), 0.5)
    with pytest.raises(MethodError, match="population: got -1"):
        zones.circles(place, np.array([-1.0, 5.0]), 0.5)
    with pytest.raises(ConfigError, match="bound: got 0"):
        zones.circles(place, people, 0.0)
    with pytest.raises(ConfigError, match="size: got 17"):
        zones.flexible(place, 17, zones.links(place, 1))


def test_an_empty_map_has_no_zones():
    empty = np.zeros((0, 2))
    assert len(zones.circles(empty, np.zeros(0), 0.5)) == 0
    assert len(zones.flexible(empty, 3, zones.links(empty, 2))) == 0
    assert len(zones.prefixes(empty, 3).distinct()) == 0
