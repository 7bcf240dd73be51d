"""Point in region: boundaries decoded once, then searched through a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from tocsin.geo.sphere import KM_PER_DEGREE
from tocsin.geo.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """Where points lie.

    Parameters
    ----------
    regions : tuple of str or None
        Region of each point; None where it lies in none and none is near enough.
    distance_km : ndarray of float64, shape (n,)
        0 inside, the distance to the boundary for a nearest region, NaN for none.
    """

    regions: tuple[str | None, ...]
    distance_km: NDArray[np.float64]


def to_shape(topology: Topology, geometry: Mapping[str, Any]) -> Any:
    """One shapely geometry of a feature; spikes that quantising made are repaired.

    A region shrunk to a line stays a line: it contains next to no point, but is found as the nearest one.
    """
    polygons = topology.polygons(geometry)
    if not polygons:
        return shapely.LineString(topology.outline(geometry))
    parts = [shapely.Polygon(rings[0], rings[1:]) for rings in polygons]
    shape = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return shape if shape.is_valid else shapely.make_valid(shape)


class Locator:
    """Finds the region around a point.

    Parameters
    ----------
    ids : sequence of str
        Region of each shape.
    shapes : sequence of shapely geometry
        In degrees of longitude and latitude.
    """

    def __init__(self, ids: Sequence[str], shapes: Sequence[Any]) -> None:
        order = sorted(range(len(ids)), key=ids.__getitem__)
        self.ids = tuple(ids[i] for i in order)
        self.shapes = np.array([shapes[i] for i in order], dtype=object)
        shapely.prepare(self.shapes)
        self._tree = shapely.STRtree(self.shapes)

    def index(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.intp]:
        """Number of the region around each point, −1 for none; on a shared border the smallest id."""
        lats, lons = _points(lat, lon)
        point, shape = self._tree.query(shapely.points(lons, lats))
        inside = shapely.intersects_xy(self.shapes[shape], lons[point], lats[point])
        out = np.full(lats.size, len(self.ids), dtype=np.intp)
        np.minimum.at(out, point[inside], shape[inside])
        return np.where(out == len(self.ids), -1, out)

    def locate(self, lat: ArrayLike, lon: ArrayLike, *, nearest_km: float = 0.0) -> Located:
        """Regions of points; outside of all, the nearest one within ``nearest_km``.

        Distances are measured on a plane that touches the earth at the point: good to 1 % within 200 km.
        """
        lats, lons = _points(lat, lon)
        found = self.index(lats, lons)
        distance = np.where(found >= 0, 0.0, np.nan)
        if nearest_km > 0:
            for i in np.flatnonzero((found < 0) & np.isfinite(lats) & np.isfinite(lons)):
                near = self.nearest(float(lats[i]), float(lons[i]), nearest_km)
                if near is not None:
                    found[i], distance[i] = near
        regions = tuple(self.ids[i] if i >= 0 else None for i in found)
        return Located(regions=regions, distance_km=distance)

    def nearest(self, lat: float, lon: float, within_km: float) -> tuple[int, float] | None:
        """Number and distance of the nearest region within ``within_km``; None if there is none."""
        shrink = max(float(np.cos(np.radians(lat))), 1e-6)
        dlat = within_km / KM_PER_DEGREE
        dlon = min(dlat / shrink, 180.0)
        best: tuple[float, int] | None = None
        # A window that crosses the date line is asked for on both sides of it.
        for turn in (0.0, 360.0, -360.0):
            x = lon + turn
            if x + dlon < -180 or x - dlon > 180:
                continue
            window = shapely.box(x - dlon, lat - dlat, x + dlon, lat + dlat)
            for k in self._tree.query(window):
                local = shapely.transform(
                    self.shapes[k], lambda p, x=x: (p - (x, lat)) * (shrink * KM_PER_DEGREE, KM_PER_DEGREE)
                )
                distance = float(shapely.distance(local, shapely.Point(0.0, 0.0)))
                if distance <= within_km and (best is None or (distance, int(k)) < best):
                    best = distance, int(k)
        return None if best is None else (best[1], best[0])


def _points(lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lats = np.atleast_1d(np.asarray(lat, dtype=np.float64))
    lons = np.atleast_1d(np.asarray(lon, dtype=np.float64))
    if lats.shape != lons.shape or lats.ndim != 1:
        raise ValueError(f"lat, lon: got shapes {lats.shape} and {lons.shape}, allowed: two of one length")
    if np.any(np.abs(lats) > 90):
        raise ValueError(f"lat: got {lats[np.abs(lats) > 90][0]}, allowed: -90 to 90")
    # 190° east and 170° west are one place.
    return lats, np.where(np.abs(lons) > 180, (lons + 180) % 360 - 180, lons)
