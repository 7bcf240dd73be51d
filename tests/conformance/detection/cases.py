"""A reference case: its inputs as arrays, its reference results, compared in the words of ``METHODS.md``."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conformance import runner
from tocsin.model import Panel, from_us

Floats = NDArray[np.float64]
DAY_US = 86_400_000_000
TEXT = frozenset({"date", "region", "location", "locations", "id"})
"""Meanings whose cells stay text; all others are numbers, NaN where the cell is empty."""

INPUTS = ("obs_per_year",)
"""Columns of a reference that METHODS.md takes as inputs, though no case lists them; in ``Case.keys``."""

DIGITS = 1e-11
"""Relative difference up to which two numbers of the files are the same one."""

Column = Floats | NDArray[np.object_]


# ---- inputs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """An input file, by meaning.

    ``columns`` holds one array a meaning, rows as in the file. Of the role ``values`` empty ones are left
    out, and with ``aggregate`` = ``sum_by_t`` there is one row a ``t``, in order. Text stays text for the
    meanings of :data:`TEXT`.
    """

    path: str
    role: str
    columns: Mapping[str, Column]
    key: str | None = None

    def __getitem__(self, meaning: str) -> Any:
        return self.columns[meaning]

    def __contains__(self, meaning: object) -> bool:
        return meaning in self.columns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """Counts by time and region, after ``regions``, ``t_offset`` and ``missing_t``.

    Row 0 is reference t = 1, row ``t - 1`` is reference t; there is a row for every t to the last one.
    """

    t: NDArray[np.int64]  # (n_times,): 1, 2, ...
    regions: tuple[str, ...]
    values: Floats  # (n_times, n_regions)
    dates: NDArray[np.datetime64] | None  # (n_times,)
    given: Mapping[str, Floats]  # population, trials, expected: (n_times, n_regions)

    @property
    def times(self) -> NDArray[np.int64]:
        """Microseconds since 1970: of the dates at 0 h UTC; without dates, t weeks from 1970 on."""
        if self.dates is None:
            return self.t * (7 * DAY_US)
        return self.dates.astype("datetime64[us]").astype(np.int64)

    @property
    def panel(self) -> Panel:
        """The same as a panel of Tocsin."""
        return Panel(
            quantity="count",
            regions=self.regions,
            times=self.times,
            values=self.values,
            known=np.isfinite(self.values),
            at=from_us(int(self.times[-1]) + 31 * DAY_US),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What an adapter is given; the reference results are not in it."""

    id: str
    method: str
    parameters: Mapping[str, Any]
    tables: tuple[Table, ...] = ()
    counts: Counts | None = None
    keys: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Key columns of the reference by name, one entry a row: numbers where they are, else text."""

    @property
    def name(self) -> str:
        return f"{self.method}/{self.id}"

    @property
    def rows(self) -> int:
        """Number of rows that the reference has."""
        return len(next(iter(self.keys.values()), ()))

    def table(self, role: str) -> Table:
        """The one input file of a role."""
        (found,) = [t for t in self.tables if t.role == role]
        return found

    def at_keys(self, panel: NDArray[Any]) -> Floats:
        """Entries of an array (n_times, n_regions) over :attr:`counts`, one a row of the reference."""
        assert self.counts is not None
        rows = np.array(self.keys["t"], np.int64) - 1
        names = self.keys.get("region") or self.counts.regions * len(rows)
        if len(names) != len(rows):
            raise ValueError(f"{self.name}: got {len(self.counts.regions)} regions, and rows that name none")
        column = {name: i for i, name in enumerate(self.counts.regions)}
        found: Floats = np.asarray(panel, float)[rows, [column[name] for name in names]]
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """What an adapter answers.

    Parameters
    ----------
    columns
        By the name of the reference column, or by its meaning where only one compared column has it; one
        entry a row. NaN (or None) is missing.
    keys
        By key column, one entry a row; rows may then come in any order and number, as long as every row of
        the reference is there. Without, rows are those of ``Case.keys``, in that order.
    scalars
        By name.
    """

    columns: Mapping[str, Sequence[Any] | NDArray[Any]] = field(default_factory=dict)
    keys: Mapping[str, Sequence[Any] | NDArray[Any]] = field(default_factory=dict)
    scalars: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """Reference results of a case: cells as text, and how they are compared."""

    rows: tuple[Mapping[str, str], ...]
    key: tuple[str, ...]
    columns: Mapping[str, str]
    tolerance: Mapping[str, Mapping[str, Any]]
    compare: str
    scalars: Mapping[str, Mapping[str, Any]]


def entries(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Every case of a folder as it is described, methods and cases in the order of the files."""
    for path in sorted((folder / "reference").glob("*/cases.json")):
        yield from json.loads(path.read_text("utf-8"))


def load(folder: Path) -> Iterator[tuple[Case, Reference]]:
    """Every case of a folder."""
    for entry in entries(folder):
        yield read(folder, entry)


def read(folder: Path, entry: Mapping[str, Any]) -> tuple[Case, Reference]:
    """One entry of a ``cases.json``."""
    source = entry["input"]
    tables = tuple(_table(folder, file) for file in source["files"])
    counts = _counts(tables, source) if "regions" in source else None
    rows = _lines(folder / entry["reference"])
    if len(rows) != entry["rows"]:
        raise ValueError(f"{entry['reference']}: got {len(rows)} rows, allowed: {entry['rows']}")
    keys = {
        name: tuple(row[name] if name in TEXT else _cell(row[name]) for row in rows)
        for name in (*entry["key"], *(name for name in INPUTS if rows and name in rows[0]))
    }
    case = Case(
        id=entry["id"],
        method=entry["method"],
        parameters=entry["parameters"],
        tables=tables,
        counts=counts,
        keys=keys,
    )
    return case, Reference(
        rows=rows,
        key=tuple(entry["key"]),
        columns=entry["columns"],
        tolerance=entry["tolerance"],
        compare=entry["compare"],
        scalars=entry.get("scalars") or {},
    )


@functools.lru_cache(maxsize=64)
def _lines(path: Path) -> tuple[Mapping[str, str], ...]:
    return tuple(runner.table(path))


def _cell(text: str) -> Any:
    number = _number(text)
    return text if number is None else number


def _number(value: Any) -> float | None:
    """A value as a number (NaN if empty), or None where it is text."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "NA", "NaN")):
        return math.nan
    if isinstance(value, str) and value.strip().upper() in ("TRUE", "FALSE"):
        return float(value.strip().upper() == "TRUE")
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _table(folder: Path, file: Mapping[str, Any]) -> Table:
    lines = _lines(folder / file["path"])
    columns: dict[str, Column] = {}
    for name, meaning in file["columns"].items():
        cells = [line[name] for line in lines]
        numbers = [None] if meaning in TEXT else [_number(cell) for cell in cells]
        if None in numbers:
            columns[meaning] = np.array(cells, dtype=object)
        else:
            columns[meaning] = np.array(numbers, dtype=float)
    if file["role"] == "values":
        columns = _series(columns, file.get("aggregate", "none"))
    return Table(path=file["path"], role=file["role"], columns=columns, key=file.get("key"))


def _series(columns: Mapping[str, Column], aggregate: str) -> dict[str, Column]:
    """Values of one series, empty ones left out; summed over the regions of a t if so asked."""
    if aggregate not in ("none", "sum_by_t"):
        raise ValueError(f"aggregate: got {aggregate!r}, allowed: none, sum_by_t")
    keep = ~np.isnan(np.asarray(columns["value"], float))
    kept: dict[str, Column] = {name: column[keep] for name, column in columns.items()}
    if aggregate == "none":
        return kept
    t, group = np.unique(np.asarray(kept["t"], float), return_inverse=True)
    return {"t": t, "value": np.bincount(group, weights=np.asarray(kept["value"], float))}


def _counts(tables: Sequence[Table], source: Mapping[str, Any]) -> Counts | None:
    (table,) = [t for t in tables if t.role == "counts"]
    t = np.asarray(table["t"], np.int64) - int(source.get("t_offset") or 0)
    region = table["region"] if "region" in table else np.full(len(t), "", dtype=object)
    if source["regions"] == "only":
        keep = region == source["region"]
        if not keep.any():
            raise ValueError(f"{table.path}: got no region {source['region']!r}")
    elif source["regions"] in ("each", "sum"):
        keep = np.full(len(t), True)
    else:
        raise ValueError(f"regions: got {source['regions']!r}, allowed: each, sum, only")
    keep &= t >= 1
    names = tuple(dict.fromkeys(region[keep].tolist()))
    number = {name: i for i, name in enumerate(names)}
    place = t[keep] - 1, np.array([number[r] for r in region[keep]], np.int64)
    shape = int(t.max()), len(names)

    def spread(meaning: str) -> Floats:
        panel = np.full(shape, np.nan)
        panel[place] = np.asarray(table[meaning], float)[keep]
        return panel

    values = spread("count")
    values[np.array(source.get("missing_t") or [], np.int64) - 1] = np.nan
    given = {name: spread(name) for name in ("population", "trials") if name in table}
    for other in tables:
        if other.role == "expected":
            expected = np.full(shape, np.nan)
            expected[np.asarray(other["t"], np.int64) - 1] = np.asarray(other["expected"], float)[:, None]
            given["expected"] = expected
    if source["regions"] == "sum":
        # A total is unknown where a part of it is.
        values = values.sum(1, keepdims=True)
        given = {name: column.sum(1, keepdims=True) for name, column in given.items() if name != "expected"}
        names = ("total",)
    dates = None
    if "date" in table:
        dates = np.full(shape[0], np.datetime64("NaT"), "datetime64[D]")
        dates[place[0]] = np.array(table["date"][keep], "datetime64[D]")
    return Counts(t=np.arange(1, shape[0] + 1), regions=names, values=values, dates=dates, given=given)


# ---- comparison --------------------------------------------------------------------------------------------


def faults(result: Result, reference: Reference) -> list[str]:
    """What is wrong with a result, a sentence a column or scalar; nothing if it agrees."""
    found: list[str] = []
    order = _order(result, reference)
    if isinstance(order, str):
        return [order]
    upper = [name for name, meaning in reference.columns.items() if meaning == "upper"]
    for name, meaning in reference.columns.items():
        got = _answer(result, reference, name, meaning)
        if isinstance(got, str):
            found.append(got)
            continue
        if len(got) <= max(order, default=-1):
            found.append(f"{name}: got {len(got)} rows, allowed: {len(reference.rows)}")
            continue
        guard = upper[0] if upper and meaning == "alarm" and reference.compare == "finite" else None
        found += _column(name, [got[i] for i in order], reference, guard)
    for name, told in reference.scalars.items():
        if name not in result.scalars:
            found.append(f"scalar {name}: got none")
            continue
        value = result.scalars[name]
        if not _scalar_agrees(value, told):
            found.append(f"scalar {name}: got {value!r}, reference {told['value']!r}")
    return found


def _order(result: Result, reference: Reference) -> list[int] | str:
    """For each row of the reference, the row of the result."""
    n = len(reference.rows)
    if not reference.columns or not result.keys:
        return list(range(n))
    missing = [name for name in reference.key if name not in result.keys]
    if missing:
        return f"keys: got none for {', '.join(missing)}"
    lengths = {len(result.keys[name]) for name in reference.key}
    place = {
        tuple(_same(cell) for cell in row): i
        for i, row in enumerate(zip(*(list(result.keys[name]) for name in reference.key), strict=True))
    }
    if len(place) != max(lengths):
        return f"keys: got {max(lengths)} rows with {len(place)} different keys"
    order = []
    for row in reference.rows:
        key = tuple(_same(row[name]) for name in reference.key)
        if key not in place:
            return f"keys: got no row {key}"
        order.append(place[key])
    return order


def _same(cell: Any) -> str:
    """A key as it is compared: 12 digits of a number, or text; a list is its members, blanks between."""
    if isinstance(cell, list | tuple | np.ndarray):
        return _same(" ".join(str(c) for c in cell))
    number = _number(cell)
    return str(cell).strip() if number is None else f"{number:.11g}"


def _answer(result: Result, reference: Reference, name: str, meaning: str) -> Sequence[Any] | str:
    if name in result.columns:
        return list(result.columns[name])
    same = [n for n, m in reference.columns.items() if m == meaning]
    if meaning in result.columns and len(same) == 1:
        return list(result.columns[meaning])
    return f"{name} ({meaning}): got none"


def _column(name: str, got: Sequence[Any], reference: Reference, guard: str | None) -> list[str]:
    """Compare the cells of one column."""
    told = reference.tolerance[name]
    where = told.get("only_where")
    compared = 0
    wrong: list[str] = []
    beyond: list[str] = []
    for value, row in zip(got, reference.rows, strict=True):
        text = row[name].strip()
        if where is not None and not _chosen(row[where["column"]], where):
            continue
        if guard is not None and math.isnan(_number(row[guard]) or 0.0):
            continue
        number = _number(text)
        place = ", ".join(f"{k} {row[k]}" for k in reference.key)
        line = f"{place}: got {value!s}, reference {text}"
        if number is not None and not math.isfinite(number):
            if reference.compare == "all":
                compared += 1
                if not _alike(value, number):
                    wrong.append(line)
            continue
        compared += 1
        judged = _agrees(value, text, number, told, row)
        if judged == "wrong":
            wrong.append(line)
        elif judged == "beyond":
            beyond.append(line)
    allowed = _allowed(told, compared)
    if wrong or len(beyond) > allowed:
        n = len(wrong) + len(beyond)
        first = (wrong or beyond)[0]
        return [f"{name}: {n} of {compared} cells differ, allowed {allowed}; first: {first}"]
    return []


def _chosen(text: str, where: Mapping[str, Any]) -> bool:
    number = _number(text)
    if "equals" in where:
        return _same(text) == _same(where["equals"])
    return number is not None and number > float(where["above"])


def _alike(value: Any, number: float) -> bool:
    """Whether both are missing, or both the same infinity."""
    got = _number(value)
    return got is not None and (got == number or (math.isnan(got) and math.isnan(number)))


def _agrees(
    value: Any, text: str, number: float | None, told: Mapping[str, Any], row: Mapping[str, str]
) -> str:
    """``ok``; ``beyond`` where a share of the cells may be so; ``wrong`` where that is never allowed."""
    if number is None:  # text
        return "ok" if _same(value) == _same(text) else "wrong"
    got = _number(value)
    if got is None or math.isnan(got):
        return "wrong"
    if _within(got, number, told, row):
        return "ok"
    if "max_off_by_one_share" in told:
        return "beyond" if abs(abs(got - number) - 1) < 1e-6 else "wrong"
    return "beyond"


def _within(got: float, number: float, told: Mapping[str, Any], row: Mapping[str, str] | None) -> bool:
    if told.get("equal"):
        # The files have 12 significant digits, the last one rounded: the largest bounds, 1e12 and more, are
        # compared as far as the file says what they are. A count below 1e10 that is one off is not equal.
        return abs(got - number) <= DIGITS * abs(number)
    if "monte_carlo" in told:
        drawn = told["monte_carlo"]
        if "se_column" in drawn and row is not None:
            error = float(drawn["k"]) * (_number(row[drawn["se_column"]]) or 0.0)
        else:
            error = float(drawn.get("rel", 0.0)) * abs(number)
        limit = max(float(drawn.get("abs", 0.0)), error) * (1 + 1e-12)
    else:
        limit = float(told.get("abs", 0.0)) + float(told.get("rel", 0.0)) * abs(number)
    return abs(got - number) <= limit


def _allowed(told: Mapping[str, Any], compared: int) -> int:
    """How many cells may lie beyond."""
    share = told.get("max_off_by_one_share", told.get("max_share_beyond"))
    if share is None and "monte_carlo" in told and "se_column" not in told["monte_carlo"]:
        share = 1 / 50
    return 0 if share is None or compared == 0 else max(1, math.floor(share * compared))


def _scalar_agrees(value: Any, told: Mapping[str, Any]) -> bool:
    reference = told["value"]
    if isinstance(reference, list):
        return isinstance(value, list | tuple | np.ndarray) and _same(list(value)) == _same(reference)
    number = _number(reference)
    if number is None:
        return str(value) == str(reference)
    got = _number(value)
    if got is None:
        return False
    if math.isnan(number):
        return math.isnan(got)
    return _within(got, number, told, None)
