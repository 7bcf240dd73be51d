"""Distances and areas on the earth, without a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_KM = 6371.0088
"""Mean radius of the earth; distances are on this sphere (error below 0.6 %)."""

KM_PER_DEGREE = EARTH_KM * np.pi / 180.0

_E2 = 0.00669438002290  # eccentricity squared of GRS 80
_E = _E2**0.5
_A_KM = 6378.137


def distance_km(lat: ArrayLike, lon: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> NDArray[np.float64]:
    """Great-circle distance in kilometres; arguments in degrees, broadcast against each other.

    Examples
    --------
    >>> round(float(distance_km(47.449, -122.309, 42.364, -71.005)))  # Seattle to Boston
    4006
    """
    a, b, c, d = (np.radians(np.asarray(v, dtype=np.float64)) for v in (lat, lon, lat2, lon2))
    h = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0))), dtype=np.float64)


def equal_area_km(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
    """Cylindrical equal-area coordinates in kilometres on the GRS 80 ellipsoid, shape ``(n, 2)``.

    A flat area in these coordinates is the area on the ellipsoid (through the authalic latitude); edges
    are taken as straight between their ends, which for boundaries with many vertices is far below 0.1 %.

    Examples
    --------
    >>> corners = equal_area_km([0, 1, 1, 0], [0, 0, 1, 1])
    >>> x, y = corners.T
    >>> float(round(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2, 1))
    12308.5
    """
    sine = np.sin(np.radians(np.asarray(lat, dtype=np.float64)))
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    x = _A_KM * np.radians(np.asarray(lon, dtype=np.float64))
    return np.column_stack([x, _A_KM * q / 2])
