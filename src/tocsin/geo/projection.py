"""The projection of a pack's planar map, so that a point finds its place on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ConicPart:
    """One conic equal-area (Albers) projection of a sphere, and the window of the map that it fills.

    Parameters
    ----------
    name : str
        What it shows.
    rotate : float
        Degrees added to every longitude (minus the central meridian).
    center : tuple of float
        Longitude (after rotation) and latitude that fall on the offset point, degrees.
    parallels : tuple of float
        The two standard parallels, degrees; their sines must not sum to zero.
    scale : float
        Relative to the scale of the whole map.
    offset : tuple of float
        Place of ``center`` from ``translate``, in units of the scale, y downwards.
    window : tuple of float
        ``x0, y0, x1, y1`` from ``translate`` in units of the scale, y downwards.
    """

    name: str
    rotate: float
    center: tuple[float, float]
    parallels: tuple[float, float]
    scale: float
    offset: tuple[float, float]
    window: tuple[float, float, float, float]

    def plane(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit-scale coordinates from ``translate``, y downwards, shape ``(n, 2)``, not cut to the window."""
        turned = np.radians((lon + self.rotate + 180.0) % 360.0 - 180.0)
        x, y = self._raw(turned, np.radians(lat))
        cx, cy = self._raw(np.radians(self.center[0]), np.radians(self.center[1]))
        return np.column_stack(
            [self.offset[0] + self.scale * (x - cx), self.offset[1] - self.scale * (y - cy)]
        )

    def _raw(self, lam: ArrayLike, phi: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        south, north = np.sin(np.radians(self.parallels))
        n = (south + north) / 2
        c = 1 + south * (2 * n - south)
        rho = np.sqrt(np.maximum(c - 2 * n * np.sin(phi), 0.0)) / n
        return rho * np.sin(n * np.asarray(lam)), np.sqrt(c) / n - rho * np.cos(n * np.asarray(lam))


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The planar map's projection: one part for most countries, insets for those that need them.

    Parameters
    ----------
    kind : str
        ``conic-equal-area``.
    scale : float
        Map units per radian.
    translate : tuple of float
        Map point from which parts are measured.
    parts : tuple of ConicPart
        The first whose window takes a point has it.

    Examples
    --------
    >>> part = ConicPart(name="all", rotate=96.0, center=(-0.6, 38.7), parallels=(29.5, 45.5),
    ...                  scale=1.0, offset=(0.0, 0.0), window=(-0.455, -0.238, 0.455, 0.238))
    >>> flat = Projection(kind="conic-equal-area", scale=1300.0, translate=(487.5, 305.0), parts=(part,))
    >>> flat.forward([47.449, 18.439], [-122.309, -66.002]).round(1).tolist()  # Seattle; San Juan is off
    [[97.0, 49.8], [nan, nan]]
    """

    kind: str
    scale: float
    translate: tuple[float, float]
    parts: tuple[ConicPart, ...]

    def forward(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
        """Map coordinates of points in degrees, shape ``(n, 2)``, y downwards; NaN off the map."""
        lats = np.atleast_1d(np.asarray(lat, dtype=np.float64))
        lons = np.atleast_1d(np.asarray(lon, dtype=np.float64))
        out = np.full((lats.size, 2), np.nan)
        for part in self.parts:
            flat = part.plane(lats, lons)
            x0, y0, x1, y1 = part.window
            inside = (flat[:, 0] >= x0) & (flat[:, 0] <= x1) & (flat[:, 1] >= y0) & (flat[:, 1] <= y1)
            take = inside & np.isnan(out[:, 0])
            out[take] = np.asarray(self.translate) + self.scale * flat[take]
        return out
