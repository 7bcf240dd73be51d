"""Point in county, by the tree and by trying every polygon."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from tocsin.geo import Pack
from tocsin.geo.locate import Locator
from tocsin.geo.sphere import KM_PER_DEGREE, distance_km, equal_area_km


def test_tree_agrees_with_brute_force(us: Pack) -> None:
    rng = np.random.default_rng(20010228)
    lat = np.concatenate([rng.uniform(24, 50, 900), rng.uniform(17, 72, 300)])
    lon = np.concatenate([rng.uniform(-125, -66, 900), rng.uniform(-180, -60, 300)])
    found = us.locate(lat, lon).regions
    locator = us.locator()
    for i in range(lat.size):
        hits = np.flatnonzero(shapely.contains_xy(locator.shapes, lon[i], lat[i]))
        assert found[i] == (locator.ids[hits[0]] if hits.size else None)
    assert sum(region is not None for region in found) > 500


def test_every_inner_point_lies_in_its_own_county(us: Pack) -> None:
    counties = [r for r in us.at_level("county") if r.area_km2 is not None]
    assert len(counties) == 3230
    found = us.locate([r.lat for r in counties], [r.lon for r in counties]).regions
    assert [r.id for r, f in zip(counties, found, strict=True) if r.id != f] == []


def test_many_points_in_one_go_are_as_many_single_ones(us: Pack) -> None:
    lat, lon = [47.449, 42.364, 0.0, 21.45], [-122.309, -71.005, 0.0, -158.0]
    assert us.locate(lat, lon).regions == tuple(us.county_at(a, b) for a, b in zip(lat, lon, strict=True))


def test_outside_gives_none_or_the_nearest_with_its_distance(us: Pack) -> None:
    lat, lon = [40.4], [-73.6]  # some 20 km off Long Island
    assert us.locate(lat, lon).regions == (None,)
    assert np.isnan(us.locate(lat, lon).distance_km[0])
    assert us.locate(lat, lon, nearest_km=5).regions == (None,)
    near = us.locate(lat, lon, nearest_km=60)
    assert near.regions == ("US-36059",)  # Nassau, New York
    assert 15 < near.distance_km[0] < 30
    inside = us.locate([40.75], [-73.6], nearest_km=60)
    assert inside.distance_km[0] == 0.0


def test_nearest_across_the_date_line() -> None:
    square = shapely.box(179.0, 51.0, 180.0, 52.0)
    locator = Locator(["east"], [square])
    located = locator.locate([51.5, 51.5], [-179.9, 179.5], nearest_km=20)
    assert located.regions == ("east", "east")
    expected = 0.1 * KM_PER_DEGREE * np.cos(np.radians(51.5))
    assert np.allclose(located.distance_km, [expected, 0.0], rtol=1e-6)


def test_longitudes_beyond_180_are_the_same_place(us: Pack) -> None:
    assert us.locate([21.45], [-158.0 + 360]).regions == us.locate([21.45], [-158.0]).regions == ("US-15003",)


def test_missing_coordinates_lie_nowhere(us: Pack) -> None:
    located = us.locate([np.nan, 47.449], [-122.0, np.nan], nearest_km=50)
    assert located.regions == (None, None)
    assert np.isnan(located.distance_km).all()


@pytest.mark.parametrize(("lat", "lon"), [([91.0], [0.0]), ([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]])])
def test_wrong_points_are_refused(us: Pack, lat: list[float], lon: list[float]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        us.locate(lat, lon)


def test_a_region_shrunk_to_a_line_is_still_the_nearest_one(us: Pack) -> None:
    church = us.region("US-51610")
    locator = us.locator()
    line = locator.shapes[locator.ids.index("US-51610")]
    assert line.geom_type == "LineString"
    assert line.distance(shapely.Point(church.lon, church.lat)) < 1e-4
    assert church.area_km2 is None


def test_distances_and_areas_of_known_size() -> None:
    assert float(distance_km(0, 0, 0, 180)) == pytest.approx(20015.1, abs=0.1)
    assert float(distance_km(10, 20, 10, 20)) == 0.0
    # The whole ellipsoid in the equal-area plane: 510.07 million square kilometres.
    x0, y0 = equal_area_km([-180], [-90])[0]
    x1, y1 = equal_area_km([180], [90])[0]
    assert (x1 - x0) * (y1 - y0) == pytest.approx(510_065_622, rel=1e-6)
