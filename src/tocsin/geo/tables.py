"""The CSV files of a pack: regions, sites and neighbours, checked row by row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from tocsin.model import ConfigError, Region, RegionLevel

REGION_COLUMNS = (
    "id", "level", "name", "parent", "code", "title", "lat", "lon", "area_km2", "population", "timezone",
    "mapped",
)  # fmt: skip
SITE_COLUMNS = (
    "id",
    "code",
    "name",
    "parent",
    "title",
    "lat",
    "lon",
    "timezone",
    "mapped",
    "x",
    "y",
    "strip",
)
NEIGHBOUR_COLUMNS = ("level", "a", "b")

_LEVELS = {str(level): level for level in RegionLevel}
_ORDER = {level: rank for rank, level in enumerate(RegionLevel)}
_TRUTH = {"true": True, "false": False}


def read_rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and row of each record of a CSV file with exactly these columns.

    Raises
    ------
    ConfigError
        If the file is absent, no UTF-8, or has other columns.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            head = next(reader, [])
            if head != list(columns):
                raise ConfigError(str(file), "line 1", ",".join(head), ",".join(columns))
            for row in reader:
                if not row:
                    continue  # an empty line, as editors leave them at the end
                if len(row) != len(columns):
                    raise ConfigError(str(file), f"line {reader.line_num}", row, f"{len(columns)} fields")
                yield reader.line_num, dict(zip(columns, row, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(str(file), "file", str(error), "CSV in UTF-8") from error


class RegionReader:
    """Reads regions and sites into one mapping, parents before children.

    Parameters
    ----------
    folder : Path
        Of the pack.
    levels : sequence of RegionLevel
        Levels that the pack declares.
    timezones : sequence of str
        Zones that the pack declares.
    """

    def __init__(self, folder: Path, levels: Sequence[RegionLevel], timezones: Sequence[str]) -> None:
        self._folder = folder
        self._levels = {str(level) for level in levels}
        self._timezones = frozenset(timezones)
        self.regions: dict[str, Region] = {}

    def read(self, name: str) -> None:
        """Read the nation and what is inside down to the level above sites."""
        file = self._folder / name
        for n, row in read_rows(file, REGION_COLUMNS):
            if row["level"] not in self._levels:
                raise ConfigError(str(file), f"line {n}: level", row["level"], sorted(self._levels))
            area, people = row["area_km2"], row["population"]
            self._add(
                file,
                n,
                row,
                _LEVELS[row["level"]],
                area=_number(file, n, "area_km2", area, 0.0, math.inf) if area else None,
                people=int(_number(file, n, "population", people, 0, math.inf)) if people else None,
            )
        nations = [r.id for r in self.regions.values() if r.parent is None]
        if len(nations) != 1:
            raise ConfigError(str(file), "parent", f"{len(nations)} regions without one", "one: the nation")
        self._sort()

    def read_sites(self, name: str) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
        """Read sites: planar places of the mapped ones, and the strip of the others in its order."""
        file = self._folder / name
        places: dict[str, tuple[float, float]] = {}
        strip: list[tuple[int, str]] = []
        for n, row in read_rows(file, SITE_COLUMNS):
            self._add(file, n, row, RegionLevel.SITE, area=None, people=None)
            if self.regions[row["id"]].mapped:
                x, y = (_number(file, n, key, row[key], -math.inf, math.inf) for key in ("x", "y"))
                places[row["id"]] = x, y
            else:
                strip.append((int(_number(file, n, "strip", row["strip"], 1, math.inf)), row["id"]))
        self._sort()
        return places, tuple(region for _, region in sorted(strip))

    def _add(
        self,
        file: Path,
        n: int,
        row: dict[str, str],
        level: RegionLevel,
        *,
        area: float | None,
        people: int | None,
    ) -> None:
        parent = self.regions.get(row["parent"])
        if row["id"] in self.regions:
            raise ConfigError(str(file), f"line {n}: id", row["id"], "each id once")
        for key in ("id", "name", "code", "title"):
            if not row[key].strip():
                raise ConfigError(str(file), f"line {n}: {key}", "nothing", "words")
        if level is RegionLevel.NATION:
            if row["parent"]:
                raise ConfigError(str(file), f"line {n}: parent", row["parent"], "nothing: it is the nation")
        elif parent is None or _ORDER[parent.level] >= _ORDER[level]:
            raise ConfigError(str(file), f"line {n}: parent", row["parent"], "a wider region on a line above")
        if row["timezone"] not in self._timezones:
            raise ConfigError(str(file), f"line {n}: timezone", row["timezone"], sorted(self._timezones))
        if row["mapped"] not in _TRUTH:
            raise ConfigError(str(file), f"line {n}: mapped", row["mapped"], sorted(_TRUTH))
        self.regions[row["id"]] = Region(
            id=row["id"],
            name=row["name"],
            level=level,
            parent=row["parent"] or None,
            code=row["code"],
            title=row["title"],
            lat=_number(file, n, "lat", row["lat"], -90.0, 90.0),
            lon=_number(file, n, "lon", row["lon"], -180.0, 180.0),
            area_km2=area,
            population=people,
            timezone=row["timezone"],
            mapped=_TRUTH[row["mapped"]],
        )

    def _sort(self) -> None:
        self.regions = dict(sorted(self.regions.items(), key=lambda item: (_ORDER[item[1].level], item[0])))


def _number(file: Path, n: int, key: str, text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most or math.isinf(value):
        raise ConfigError(str(file), f"line {n}: {key}", text, f"a number from {least:g} to {most:g}")
    return value
