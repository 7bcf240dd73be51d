"""TopoJSON: arcs that neighbours share, decoded to polygons and adjacency."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model import ConfigError

Rings = list[NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topology:
    """A TopoJSON topology with its arcs decoded.

    Parameters
    ----------
    file : str
        Name for messages.
    objects : mapping
        Geometry collections by name, as in the file.
    arcs : tuple of ndarray, each of shape (n_points, 2)
        Positions, x and y in the units of the file.
    """

    file: str
    objects: Mapping[str, Any]
    arcs: tuple[NDArray[np.float64], ...]

    def members(self, name: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Feature id and geometry of each member of the collection ``name``.

        Raises
        ------
        ConfigError
            If there is no such collection.
        """
        if name not in self.objects:
            raise ConfigError(self.file, "objects", name, sorted(self.objects))
        for geometry in self.objects[name]["geometries"]:
            identity = geometry.get("id")
            yield None if identity is None else str(identity), geometry

    def polygons(self, geometry: Mapping[str, Any]) -> list[Rings]:
        """Polygons of a geometry, each a list of closed rings (the first is the outer one).

        What quantising has shrunk to a line or a point has no area and is left out: an islet, or all of a
        very small region, whose list is then empty; :meth:`outline` still tells where it is.
        """
        found = []
        for polygon in _parts(geometry, self.file):
            outer, *holes = (self._ring(ring) for ring in polygon)
            if len(outer) >= 4:
                found.append([outer, *(hole for hole in holes if len(hole) >= 4)])
        return found

    def outline(self, geometry: Mapping[str, Any]) -> NDArray[np.float64]:
        """The first outer ring of a geometry, be it shrunk or not, shape ``(n, 2)``."""
        return self._ring(_parts(geometry, self.file)[0][0])

    def _ring(self, arcs: list[int]) -> NDArray[np.float64]:
        try:
            lines = [self.arcs[i] if i >= 0 else self.arcs[~i][::-1] for i in arcs]
        except IndexError:
            raise ConfigError(self.file, "arc", max(arcs), f"below {len(self.arcs)}") from None
        # An arc begins where the one before it ended: the joint is kept once.
        return np.concatenate([lines[0], *(line[1:] for line in lines[1:])])

    def neighbours(self, name: str) -> set[tuple[str, str]]:
        """Pairs ``a < b`` of members of a collection that share an arc (a touch in one point is none)."""
        owners: defaultdict[int, set[str]] = defaultdict(set)
        for identity, geometry in self.members(name):
            for polygon in _parts(geometry, self.file):
                for ring in polygon:
                    for arc in ring:
                        owners[arc if arc >= 0 else ~arc].add(identity or "")
        return {(a, b) for group in owners.values() for a in group for b in group if a < b}


def read_topology(path: Path) -> Topology:
    """Read a TopoJSON file, quantised or not.

    Raises
    ------
    ConfigError
        If the file is absent or no TopoJSON.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "t.json"
    ...     _ = file.write_text('{"type": "Topology", "objects": {}, "arcs": [[[0, 0], [2, 1]]],'
    ...                         '"transform": {"scale": [10, 1], "translate": [5, 0]}}')
    ...     read_topology(file).arcs[0].tolist()
    [[5.0, 0.0], [25.0, 1.0]]
    """
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(str(path), "file", error.strerror or "unreadable", "a TopoJSON file") from error
    except ValueError as error:
        raise ConfigError(str(path), "file", str(error), "a TopoJSON file") from error
    if not isinstance(plain, dict) or plain.get("type") != "Topology":
        got = plain.get("type") if isinstance(plain, dict) else type(plain).__name__
        raise ConfigError(str(path), "type", got, ["Topology"])
    try:
        arcs = _decode(plain["arcs"], plain.get("transform"))
        objects = {name: {"geometries": list(one["geometries"])} for name, one in plain["objects"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ConfigError(str(path), "arcs, transform, objects", got, "what TopoJSON prescribes") from error
    return Topology(file=path.name, objects=objects, arcs=arcs)


def _decode(
    arcs: list[list[list[float]]], transform: Mapping[str, Any] | None
) -> tuple[NDArray[np.float64], ...]:
    lengths = np.array([len(arc) for arc in arcs], dtype=np.intp)
    if not arcs:
        return ()
    if lengths.min() < 2:
        raise ValueError("an arc of fewer than two positions")
    # Decoded together: one array of all points and one running sum is ten times faster than arc by arc.
    points = np.array([position for arc in arcs for position in arc], dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError("positions that are not pairs")
    starts = np.cumsum(lengths) - lengths
    if transform is not None:
        running = np.cumsum(points, axis=0)
        # Differences begin anew with each arc: what ran up before it is taken away.
        before = np.where(starts[:, None] > 0, running[starts - 1], 0.0)
        points = (running - np.repeat(before, lengths, axis=0)) * transform["scale"] + transform["translate"]
    return tuple(np.split(points, starts[1:]))


def _parts(geometry: Mapping[str, Any], file: str) -> list[list[list[int]]]:
    kind = geometry.get("type")
    if kind == "Polygon":
        return [geometry["arcs"]]
    if kind == "MultiPolygon":
        return list(geometry["arcs"])
    raise ConfigError(file, f"geometry {geometry.get('id')}: type", kind, ["Polygon", "MultiPolygon"])
