"""The projection of points against the planar map that the publisher projected."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from tocsin.geo import Pack
from tocsin.geo.topology import read_topology


def _largest(polygons: list[list[np.ndarray]]) -> shapely.Geometry:
    shapes = [shapely.make_valid(shapely.Polygon(rings[0])) for rings in polygons]
    return max(shapes, key=lambda shape: shape.area)


def test_counties_fall_on_their_planar_twins(us: Pack) -> None:
    earth = read_topology(us.folder / us.description.boundaries.file)
    flat = read_topology(us.map_file)
    on_earth = dict(earth.members("counties"))
    errors = {}
    for fips, geometry in flat.members("counties"):
        drawn, source = flat.polygons(geometry), earth.polygons(on_earth[fips])
        if not drawn or not source:
            continue  # shrunk to a line: three independent cities of Virginia
        projected = [[us.projection.forward(rings[0][:, 1], rings[0][:, 0])] for rings in source]
        # Largest parts are compared, because generalising dropped different islets in the two files.
        errors[fips] = _largest(drawn).centroid.distance(_largest(projected).centroid)
    assert len(errors) == 3139
    assert max(errors.values()) < 0.5  # pixels of 975 × 610
    assert np.median(list(errors.values())) < 0.05


def test_inner_points_lie_in_their_planar_county(us: Pack) -> None:
    flat = read_topology(us.map_file)
    outside = []
    for fips, geometry in flat.members("counties"):
        polygons = flat.polygons(geometry)
        place = us.planar(f"US-{fips}")
        assert place is not None
        shape = shapely.union_all([shapely.make_valid(shapely.Polygon(r[0])) for r in polygons])
        if polygons and shape.distance(shapely.Point(place)) > 0.5:
            outside.append(fips)
    assert outside == []


@pytest.mark.parametrize(
    ("lat", "lon", "x", "y"),
    [
        # d3.geoAlbersUsa().scale(1300).translate([487.5, 305]) has these centres by definition.
        (38.7, -96.6, 487.5, 305.0),
        (58.5, -156.0, 487.5 - 0.307 * 1300, 305 + 0.201 * 1300),
        (19.9, -160.0, 487.5 - 0.205 * 1300, 305 + 0.212 * 1300),
    ],
)
def test_centres_of_the_three_parts(us: Pack, lat: float, lon: float, x: float, y: float) -> None:
    assert np.allclose(us.projection.forward(lat, lon), [[x, y]], atol=1e-9)


def test_off_the_map_is_nan_and_date_line_wraps(us: Pack) -> None:
    off = us.projection.forward([18.44, 13.48, 51.5, -90.0, np.nan], [-66.0, 144.8, 0.0, 0.0, 0.0])
    assert np.isnan(off).all()
    assert np.allclose(us.projection.forward(52.0, 179.5), us.projection.forward(52.0, -180.5))
