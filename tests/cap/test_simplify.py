"""A polygon with fewer points still covers all that it covered, and never crosses itself."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from tocsin.cap import message
from tocsin.cap.simplify import covers, simplify, simplify_area
from tocsin.model import ShapeError


def unwrapped(ring: message.Polygon) -> Polygon:
    """An independent reading of a ring: longitudes that never jump."""
    points = [(ring[0][1], ring[0][0])]
    for lat, lon in ring[1:]:
        while lon - points[-1][0] > 180:
            lon -= 360
        while lon - points[-1][0] < -180:
            lon += 360
        points.append((lon, lat))
    return Polygon(points)


def star(seed: int, points: int, lat: float, lon: float, size: float) -> message.Polygon:
    """A coast: a ring around a place that is rough at every scale and does not cross itself."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * math.pi, points, endpoint=False)
    waves = sum(
        rng.normal(0, 0.3 / k) * np.cos(k * angles + rng.uniform(0, 6.28)) for k in (1, 2, 3, 5, 8, 13, 40)
    )
    radius = size * np.clip(0.5 + 0.3 * np.asarray(waves) + rng.uniform(0, 0.05, points), 0.05, 1.0)
    lats = np.clip(lat + radius * np.sin(angles), -90, 90)
    lons = (lon + radius * np.cos(angles) + 180) % 360 - 180
    ring = [(round(float(a), 6), round(float(b), 6)) for a, b in zip(lats, lons, strict=True)]
    return (*ring, ring[0])


def sound(small: message.Polygon, limit: int) -> None:
    assert small[0] == small[-1]
    assert len(small) <= limit
    assert all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in small)
    assert unwrapped(small).is_valid


coasts = st.builds(
    star,
    seed=st.integers(0, 10**6),
    points=st.integers(20, 400),
    lat=st.floats(-80, 80),
    lon=st.floats(-180, 180),
    size=st.sampled_from([0.001, 0.1, 2.0, 8.0]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ring=coasts, limit=st.integers(10, 100))
def test_it_covers_with_few_points_and_does_not_cross_itself(ring: message.Polygon, limit: int) -> None:
    if not unwrapped(ring).is_valid:
        return
    small = simplify(ring, limit=limit)
    sound(small, limit)
    before, after = unwrapped(ring), unwrapped(small)
    shift = 360 * round((before.centroid.x - after.centroid.x) / 360)
    moved = Polygon([(x + shift, y) for x, y in after.exterior.coords])
    assert moved.buffer(1e-9).covers(before)
    assert covers(small, ring)
    assert all(moved.buffer(1e-9).covers(Point(p)) for p in before.exterior.coords)


@settings(max_examples=40, deadline=None)
@given(
    ring=st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=4, max_size=12),
    limit=st.integers(10, 12),
)
def test_any_scribble_is_surrounded_or_refused(ring: Any, limit: int) -> None:
    closed = tuple((float(a), float(b)) for a, b in (*ring, ring[0]))
    try:
        small = simplify(closed, limit=limit)
    except ShapeError:
        assert len(set(closed)) < 3
        return
    sound(small, limit)
    assert all(unwrapped(small).buffer(1e-9).covers(Point(lon, lat)) for lat, lon in closed)


def test_a_ring_that_is_small_enough_stays_as_it_is() -> None:
    ring = ((47.2, -122.4), (47.2, -121.5), (47.8, -121.5), (47.2, -122.4))
    assert simplify(ring) == ring


def test_a_coast_of_many_points_grows_by_little() -> None:
    ring = star(3, 5000, 47.0, -122.0, 2.0)
    small = simplify(ring)
    assert unwrapped(small).area < 1.15 * unwrapped(ring).area


def test_a_box_over_the_antimeridian_does_not_span_the_globe() -> None:
    ring = star(5, 300, -17.0, 179.9, 3.0)
    assert {lon > 0 for _, lon in ring} == {True, False}
    small = simplify(ring, limit=30)
    assert unwrapped(small).area < 1.5 * unwrapped(ring).area
    assert all(abs(b[1] - a[1]) < 20 or abs(b[1] - a[1]) > 340 for a, b in itertools.pairwise(small))


def test_an_area_of_islands_keeps_to_its_points() -> None:
    islands = [star(i, 60, 10 + 0.5 * (i % 7), 178.5 + 0.4 * (i % 8), 0.1) for i in range(50)]
    small = simplify_area(islands, limit=100)
    assert 2 <= len(small) <= 10
    assert sum(map(len, small)) <= 100
    for ring in small:
        sound(ring, 100)
    for island in islands:
        inside = [covers(ring, island) for ring in small]
        assert any(inside)


def test_the_whole_world_stays_the_whole_world() -> None:
    world = ((-90.0, -180.0), (90.0, -180.0), (90.0, 180.0), (-90.0, 180.0), (-90.0, -180.0))
    assert simplify(world) == world
    assert covers(world, star(1, 50, 10.0, 20.0, 5.0))
    assert covers(simplify(world, limit=10), world)


def test_few_islands_stay_as_they_are() -> None:
    islands = tuple(star(i, 10, 10.0, 3.0 * i, 1.0) for i in range(3))
    assert simplify_area(islands) == islands


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (((1.0, 1.0), (2.0, 2.0), (1.0, 1.0)), "three places"),
        (((1.0, 1.0), (99.0, 2.0), (3.0, 5.0), (1.0, 1.0)), "beyond latitude 90"),
        (((80.0, 0.0), (80.0, 120.0), (80.0, -120.0), (80.0, 0.0)), "a pole"),
    ],
)
def test_what_is_no_ring_is_refused(ring: message.Polygon, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        simplify(ring, limit=10)


def test_a_limit_that_nothing_can_keep_is_refused() -> None:
    with pytest.raises(ShapeError, match="limit: got 4"):
        simplify(star(1, 50, 0, 0, 1), limit=4)
