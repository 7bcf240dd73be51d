"""Polygons with fewer points that still cover all that they covered: a warned place never falls outside.

Receivers want rings of at most a hundred points. Merely dropping points would cut corners off, and with them
people; so a ring is first widened, then simplified by less than it was widened, and the result is kept only
when it is checked to cover what was given.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import MultiPoint, Polygon, box
from shapely.geometry.base import BaseGeometry

from tocsin.cap import message
from tocsin.model.errors import ShapeError

POINTS = 100
"""Pairs of a ring, the repeated first one included, that receivers are asked to expect."""

_DIGITS = 5  # about a metre
_STEP = 1.08  # how finely the width of the margin is searched
_LEAST = 4 * 10**-_DIGITS  # a narrower margin is lost in rounding
_MANY = 1000
_FEWEST = 10  # a box whose long sides are divided needs so many


def simplify(ring: message.Polygon, *, limit: int = POINTS) -> message.Polygon:
    """A ring of at most ``limit`` points that covers the given one.

    Parameters
    ----------
    ring : Polygon
        Points of (latitude, longitude) in degrees. A side of more than 180 degrees of longitude goes over the
        antimeridian; a ring that crosses itself is taken as all that it surrounds.
    limit : int
        The most points, the repeated first one included; at least 10.

    Returns
    -------
    Polygon
        Closed, does not cross itself, coordinates of five digits; the given ring where that is already so.

    Raises
    ------
    ShapeError
        When the ring surrounds a pole, or is none: fewer than three places, or beyond latitude 90.

    Examples
    --------
    >>> import math
    >>> circle = [(10 + math.sin(a / 100), 20 + math.cos(a / 100)) for a in range(628)]
    >>> small = simplify((*circle, circle[0]), limit=20)
    >>> len(small) <= 20, covers(small, (*circle, circle[0]))
    (True, True)
    """
    if limit < _FEWEST:
        raise ShapeError(f"limit: got {limit}, allowed: {_FEWEST} or more")
    shape = _shape(ring)
    if len(ring) <= limit and ring[0] == ring[-1] and _as_given(ring).is_valid:
        return ring
    return _ring(_fewer(shape, limit))


def simplify_area(rings: Iterable[message.Polygon], *, limit: int = POINTS) -> tuple[message.Polygon, ...]:
    """Rings of together at most ``limit`` points that cover the given ones.

    Rings that are too many are joined with their neighbours first; each of the others gets points in
    proportion to those that it had.

    Parameters
    ----------
    rings : iterable of Polygon
        As in :func:`simplify`.
    limit : int
        The most points of all rings together; at least 10.

    Raises
    ------
    ShapeError
        As :func:`simplify`.

    Examples
    --------
    >>> tiny = [((y, x), (y + 1, x), (y, x + 1), (y, x)) for y in range(0, 40, 2) for x in (0, 3)]
    >>> sum(map(len, simplify_area(tiny, limit=30))) <= 30
    True
    """
    given = [ring for ring in rings if ring]
    if not given or (sum(map(len, given)) <= limit and all(_is_simple(ring) for ring in given)):
        return tuple(given)
    if limit < _FEWEST:
        raise ShapeError(f"limit: got {limit}, allowed: {_FEWEST} or more")
    shapes = _together([_shape(ring) for ring in given])
    shapes = _joined(shapes, limit // _FEWEST)
    counts = [len(s.exterior.coords) for s in shapes]
    spare = limit - _FEWEST * len(shapes)
    shares = [_FEWEST + math.floor(spare * n / sum(counts)) for n in counts]
    return tuple(
        _ring(shape if count <= share and _on_sheet(shape) else _fewer(shape, share))
        for shape, count, share in zip(shapes, counts, shares, strict=True)
    )


def covers(outer: message.Polygon, inner: message.Polygon) -> bool:
    """Whether a ring covers another one, both read as :func:`simplify` reads them.

    Examples
    --------
    >>> covers(((0, 0), (0, 9), (9, 9), (0, 0)), ((1, 2), (1, 3), (2, 3), (1, 2)))
    True
    """
    a, b = _shape(outer), _shape(inner)
    return any(a.covers(affinity.translate(b, shift)) for shift in (0.0, 360.0, -360.0))


def _is_simple(ring: message.Polygon) -> bool:
    return ring[0] == ring[-1] and _shape(ring) is not None and _as_given(ring).is_valid


def _unwrapped(ring: message.Polygon) -> list[tuple[float, float]]:
    """Points as (x, y) with longitudes that do not jump."""
    points = [(float(lon), float(lat)) for lat, lon in ring]
    if points[0] != points[-1]:
        points.append(points[0])
    flat = [points[0]]
    turn = 0.0
    for (before, _), (x, y) in itertools.pairwise(points):
        if 180 < abs(x - before) < 360:  # a side of exactly 360 degrees is a whole parallel
            turn -= math.copysign(360.0, x - before)
        flat.append((x + turn, y))
    if abs(flat[-1][0] - flat[0][0]) > 180:
        raise ShapeError("polygon: got a ring around a pole, allowed: one that does not surround a pole")
    return flat


def _as_given(ring: message.Polygon) -> Polygon:
    return Polygon(_unwrapped(ring))


def _shape(ring: message.Polygon) -> Polygon:
    """The ring as a valid shape without holes: everything that it surrounds."""
    if len({tuple(point) for point in ring}) < 3:
        raise ShapeError(f"polygon: got {len(ring)} points, allowed: three places or more")
    if any(not (abs(lat) <= 90 and abs(lon) <= 180) for lat, lon in ring):
        raise ShapeError(
            "polygon: got a point beyond latitude 90 or longitude 180, allowed: degrees of WGS 84"
        )
    flat = _unwrapped(ring)
    whole = Polygon(flat)
    if whole.is_valid and whole.area > 0:
        return whole
    parts = [p for p in _polygons(shapely.make_valid(whole)) if p.area > 0]
    outer = shapely.union_all([Polygon(p.exterior) for p in parts]) if parts else None
    if isinstance(outer, Polygon) and outer.covers(MultiPoint(flat)):
        return Polygon(outer.exterior)
    hull = MultiPoint(flat).convex_hull  # parts that touch at most: one shape around them
    return hull if isinstance(hull, Polygon) else _polygon(hull.buffer(2 * 10**-_DIGITS))


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    if isinstance(shape, Polygon):
        return [] if shape.is_empty else [shape]
    return [p for part in getattr(shape, "geoms", ()) for p in _polygons(part)]


def _polygon(shape: BaseGeometry) -> Polygon:
    found = _polygons(shape)
    return Polygon(found[0].exterior) if len(found) == 1 else Polygon(shape.convex_hull.exterior)


def _fewer(shape: Polygon, limit: int) -> Polygon:
    """Nearly the narrowest margin with which few enough points cover the shape."""
    west, south, east, north = shape.bounds
    stretch = max(0.05, math.cos(math.radians((south + north) / 2)))  # a degree of longitude is shorter
    flat = affinity.scale(shape, xfact=stretch, yfact=1.0, origin=(0, 0))
    size = max((east - west) * stretch, north - south, 10**-_DIGITS)
    if len(flat.exterior.coords) > _MANY:  # a first, narrow margin leaves few points to work on
        rough = _widened(flat, max(size / _MANY, _LEAST))
        flat = rough if rough.covers(flat) else flat

    def tried(margin: float) -> Polygon | None:
        back = affinity.scale(_widened(flat, margin), xfact=1 / stretch, yfact=1.0, origin=(0, 0))
        result = _tidy(back)
        fits = result is not None and len(result.exterior.coords) <= limit and _fits(result, shape)
        return result if fits else None

    steps = math.ceil(math.log(max(size / _LEAST, 2.0), _STEP))
    low, high, best = 0, steps, None
    while low < high:  # fewer points with a wider margin, nearly always: look for the first that will do
        middle = (low + high) // 2
        found = tried(_LEAST * _STEP**middle)
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    if best is None:
        grain = 2 * 10**-_DIGITS
        best = _divided(box(west - grain, max(-90.0, south - grain), east + grain, min(90.0, north + grain)))
    return best


def _widened(flat: Polygon, margin: float) -> Polygon:
    """Wider by a margin, then simplified by a little less, so that rounding cannot cut in."""
    wide = _polygon(flat.buffer(margin, join_style="mitre", mitre_limit=2.0))
    return _polygon(wide.simplify(0.9 * margin, preserve_topology=True))


def _tidy(shape: Polygon) -> Polygon | None:
    """Rounded, within the latitudes there are, no side so long that it could be read the other way round."""
    west, south, east, north = shape.bounds
    if south < -90 or north > 90:
        shape = _polygon(shape.intersection(box(west - 1, -90, east + 1, 90)))
    rounded = Polygon(np.round(np.asarray(shape.exterior.coords), _DIGITS))
    return _divided(rounded) if rounded.is_valid and rounded.area > 0 else None


def _divided(shape: Polygon) -> Polygon:
    points = list(shape.exterior.coords)
    if all(abs(b[0] - a[0]) < 170 for a, b in itertools.pairwise(points)):
        return shape
    out = [points[0]]
    for a, b in itertools.pairwise(points):
        parts = math.ceil(abs(b[0] - a[0]) / 170) or 1
        out.extend(
            (a[0] + (b[0] - a[0]) * k / parts, a[1] + (b[1] - a[1]) * k / parts) for k in range(1, parts)
        )
        out.append(b)
    return Polygon(out)


def _on_sheet(shape: Polygon) -> bool:
    """Whether its longitudes can be written as they are: moving them would round them."""
    west, _, east, _ = shape.bounds
    return bool(shape.is_valid and west >= -180 and east <= 180)


def _fits(found: Polygon, shape: Polygon) -> bool:
    return bool(found.is_valid and found.covers(shape))


def _ring(shape: Polygon) -> message.Polygon:
    """Back to (latitude, longitude), longitudes between -180 and 180, closed."""
    points = [(round(y, 9), round((x + 180.0) % 360.0 - 180.0, 9)) for x, y in shape.exterior.coords]
    if all(abs(x) <= 180 for x, _ in shape.exterior.coords):
        points = [(float(y), float(x)) for x, y in shape.exterior.coords]
    return (*points[:-1], points[0])


def _together(shapes: Sequence[Polygon]) -> list[Polygon]:
    """Shapes on one sheet: those on the other side of the antimeridian are moved over."""
    centre = shapes[0].centroid.x
    moved = []
    for shape in shapes:
        away = round((centre - shape.centroid.x) / 360.0)
        moved.append(affinity.translate(shape, xoff=360.0 * away) if away else shape)
    return [Polygon(p.exterior) for p in _polygons(shapely.union_all(moved))]


def _joined(shapes: list[Polygon], most: int) -> list[Polygon]:
    """Neighbours under one hull, the pair that adds least first, until they are few enough."""
    live = dict(enumerate(sorted(shapes, key=lambda s: (s.centroid.x, s.centroid.y))))
    order = list(live)
    after = dict(itertools.pairwise(order))
    before = {b: a for a, b in itertools.pairwise(order)}
    heap: list[tuple[float, int, int, int]] = []
    version = dict.fromkeys(live, 0)

    def push(a: int, b: int) -> None:
        hull = live[a].union(live[b]).convex_hull
        cost = hull.area - live[a].area - live[b].area
        heapq.heappush(heap, (cost, a, b, version[a] + version[b]))

    for a, b in after.items():
        push(a, b)
    while len(live) > max(1, most):
        _, a, b, seen = heapq.heappop(heap)
        if a not in live or b not in live or after.get(a) != b or version[a] + version[b] != seen:
            continue
        live[a] = _polygon(live[a].union(live[b]).convex_hull)
        del live[b]
        version[a] += version[b] + 1
        following = after.pop(b, None)
        after.pop(a, None)
        if following is not None:
            after[a], before[following] = following, a
            push(a, following)
        if a in before:
            push(before[a], a)
    return list(live.values())
