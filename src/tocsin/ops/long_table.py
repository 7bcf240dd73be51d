"""Anybody's CSV with one row a series and time, as a panel; and columns of a panel as rows again.

The periods of a panel are evenly spaced wherever the times of the file are: a period that no row names is put
in as unknown, so that "52 weeks ago" is 52 rows ago. What cannot be read is an error that names file, line,
series and what was got.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from tocsin.model import Panel, ShapeError, from_us, parse_valid_time, to_us

Floats = NDArray[np.float64]

WANTED = ("series", "time", "value")
GIVEN = ("population", "trials", "expected", "x", "y", "z")
"""Columns that may be given besides, by meaning."""

MISSING = frozenset({"", "NA", "na", "NaN", "nan", "NULL", "null"})
"""What stands for a value that is not known."""

DAY_US = 86_400_000_000
FILL = 10
"""Unnamed periods are put in as long as there are no more than this many times as many as are named."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LongTable:
    """A long table, read.

    Parameters
    ----------
    panel : Panel
        Values, times by series; times rising, series in the order of the file.
    given : mapping of str to ndarray of float64
        Of :data:`GIVEN`, what the file has: shape (n_times, n_series), places (n_series,).
    rows : tuple of two ndarray of int64, shape (n_rows,)
        Row and column in the panel of every row of the file.
    texts : tuple of two pyarrow arrays
        Series and time of every row, as written.
    notes : tuple of str
        What the reader should know.
    """

    panel: Panel
    given: Mapping[str, Floats]
    rows: tuple[NDArray[np.int64], NDArray[np.int64]]
    texts: tuple[Any, Any]
    notes: tuple[str, ...]

    def at_rows(self, panel: NDArray[Any]) -> NDArray[Any]:
        """Entries of an array (n_times, n_series), one a row of the file."""
        return panel[self.rows]


def read(content: bytes, name: str) -> LongTable:
    r"""Read a CSV in UTF-8 with a header: ``series,time,value`` and, where known, those of :data:`GIVEN`.

    Parameters
    ----------
    content : bytes
        A time is an instant with its zone, a day or an ISO week; an empty value is missing.
    name : str
        Of the file, for messages.

    Raises
    ------
    ShapeError
        When a column is missing, a row has a bad time or number, a population is not positive, or a time of
        a series comes twice.

    Examples
    --------
    >>> table = read(b"series,time,value\na,2001-W04,5\na,2001-W01,4\na,2001-W02,\n", "weeks.csv")
    >>> table.panel.values[:, 0].tolist()
    [4.0, nan, nan, 5.0]
    >>> for note in table.notes:
    ...     print(note)
    1 of 3 rows: times not in order in series a; judged in the order of time
    1 of 4 periods are in no row: put in as unknown
    """
    table = _table(content, name)
    place = _Place(name, content, table["series"])
    notes = [f"column {extra}: not used" for extra in table if extra not in (*WANTED, *GIVEN)]
    series = place.series.dictionary_encode()
    names, column = series.dictionary.to_pylist(), _whole(series.indices)
    when = _times(table["time"], place)
    unsorted = _unsorted(when, column)
    if unsorted.size:
        first = names[column[unsorted[0]]]
        some = f"series {first}" if len(set(column[unsorted].tolist())) == 1 else f"{first} and other series"
        notes.append(
            f"{len(unsorted)} of {len(when)} rows: times not in order in {some}; judged in the order of time"
        )
    times, remark = _grid(np.unique(when))
    notes += remark
    row = np.searchsorted(times, when)
    _once(row, column, len(names), table["time"], place)
    shape = len(times), len(names)

    def spread(meaning: str) -> Floats:
        panel = np.full(shape, np.nan)
        panel[row, column] = _numbers(table[meaning], meaning, place)
        return panel

    known = np.zeros(shape, np.bool_)
    known[row, column] = True
    values = spread("value")
    given = {meaning: spread(meaning) for meaning in GIVEN if meaning in table}
    _sound(values, given, row, column, place)
    for axis in ("x", "y", "z"):
        if axis in given:
            given[axis] = _still(given[axis], axis, names, name)
    panel = Panel(
        quantity=name,
        regions=tuple(names),
        times=times,
        values=values,
        known=known,
        at=from_us(int(times[-1]) if len(times) else 0),
    )
    return LongTable(
        panel=panel, given=given, rows=(row, column), texts=(place.series, table["time"]), notes=tuple(notes)
    )


def write(columns: Mapping[str, Any]) -> bytes:
    r"""Columns of rows as CSV; NaN and null are empty, whole numbers have no point.

    Examples
    --------
    >>> write({"series": pa.array(["a,b", "c"]), "value": np.array([1.0, np.nan])})
    b'series,value\n"a,b",1\n"c",\n'
    """
    table = pa.table({name: column_of(column) for name, column in columns.items()})
    texts = [c for c in table.columns if pa.types.is_string(c.type)]
    # Arrow quotes every text or none.
    plain = not any(pc.any(pc.match_substring_regex(c, '[",\r\n]')).as_py() for c in texts)
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(columns)
    sink = io.BytesIO()
    sink.write(head.getvalue().encode())
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="none" if plain else "needed")
    arrow_csv.write_csv(table, sink, options)
    return sink.getvalue()


def column_of(column: Any) -> Any:
    """A column of rows as Arrow has it: NaN becomes null."""
    if isinstance(column, np.ndarray):
        return pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)
    return column


# ---- reading -----------------------------------------------------------------------------------------------


class _Place:
    """Where a row stands, for messages; lines are counted only when something is wrong."""

    def __init__(self, name: str, content: bytes, series: Any) -> None:
        self.name = name
        self.series = series
        self._content = content

    def of(self, row: int) -> str:
        """File, line and series of a row."""
        reader = csv.reader(io.StringIO(self._content.decode("utf-8-sig"), newline=""))
        kept = 0
        for cells in reader:
            if cells:
                if kept == row + 1:
                    break
                kept += 1
        return f"{self.name}: line {reader.line_num}: series {self.series[row].as_py()}"


def _table(content: bytes, name: str) -> Any:
    """Every column as text, without blanks around it."""
    if not content.strip():
        raise ShapeError(f"{name}: series: got an empty file, allowed: {','.join(WANTED)}")
    try:
        head = next(csv.reader(io.StringIO(content.decode("utf-8-sig").lstrip("\r\n"), newline="")))
        names = [h.strip() for h in head]
        for wanted in WANTED:
            if wanted not in names:
                shown = ", ".join(names)
                raise ShapeError(f"{name}: {wanted}: got columns {shown}, allowed: {','.join(WANTED)}")
        for twice in {n for n in names if names.count(n) > 1}:
            raise ShapeError(f"{name}: got column {twice} twice, allowed: once")
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types={h: pa.string() for h in head}, strings_can_be_null=False
            ),
        )
    except UnicodeDecodeError as error:
        raise ShapeError(f"{name}: got bytes that are not UTF-8: {error}") from error
    except (csv.Error, pa.ArrowInvalid) as error:
        raise ShapeError(f"{name}: {error}") from error
    columns = [pc.utf8_trim_whitespace(c.combine_chunks()) for c in table.columns]
    return dict(zip(names, columns, strict=True))


def _whole(column: Any) -> NDArray[np.int64]:
    return np.asarray(column).astype(np.int64)


def _times(texts: Any, place: _Place) -> NDArray[np.int64]:
    """Microseconds of every row; each text is read once."""
    coded = texts.dictionary_encode()
    known = np.zeros(len(coded.dictionary), np.int64)
    code = _whole(coded.indices)
    for i, text in enumerate(coded.dictionary.to_pylist()):
        try:
            known[i] = to_us(parse_valid_time(text, "time"))
        except ValueError as error:
            raise ShapeError(f"{place.of(int(np.argmax(code == i)))}: {error}") from error
    return known[code]


def _numbers(texts: Any, meaning: str, place: _Place) -> Floats:
    """Numbers of every row, NaN where there is none."""
    empty = pc.is_in(texts, value_set=pa.array(sorted(MISSING)))
    blanked = pc.if_else(empty, pa.scalar(None, pa.string()), texts)
    try:
        found: Floats = pc.cast(blanked, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        found = np.array([_number(text, i, meaning, place) for i, text in enumerate(blanked.to_pylist())])
    bad = np.isinf(found)
    if bad.any():
        row = int(np.argmax(bad))
        raise ShapeError(
            f"{place.of(row)}: {meaning}: got {texts[row].as_py()}, allowed: a finite number or nothing"
        )
    return found


def _number(text: str | None, row: int, meaning: str, place: _Place) -> float:
    try:
        return np.nan if text is None else float(text)
    except ValueError:
        allowed = "allowed: a number or nothing"
        raise ShapeError(f"{place.of(row)}: {meaning}: got {text!r}, {allowed}") from None


def _unsorted(when: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows that come after a later time of their series."""
    order = np.argsort(column, kind="stable")
    falls = (np.diff(when[order]) < 0) & (np.diff(column[order]) == 0)
    found: NDArray[np.int64] = np.sort(order[1:][falls])
    return found


def _once(row: NDArray[np.int64], column: NDArray[np.int64], width: int, texts: Any, place: _Place) -> None:
    """Refuse a time of a series that comes twice."""
    cell = row * width + column
    order = np.argsort(cell, kind="stable")
    twice = order[1:][np.diff(cell[order]) == 0]
    if twice.size:
        second = int(twice.min())
        raise ShapeError(f"{place.of(second)}: time: got {texts[second].as_py()} twice, allowed: once")


def _grid(times: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Evenly spaced periods that hold all the times, if there are such; and remarks."""
    if len(times) < 3:
        return times, []
    full = _even(times)
    if full is None:
        return times, ["times are not evenly spaced: periods are counted as they come"]
    if len(full) > FILL * len(times):
        most = f"more than {FILL} times the {len(times)} that are named"
        return times, [f"{len(full)} periods from first to last, {most}: periods are counted as they come"]
    gaps = len(full) - len(times)
    return full, [f"{gaps} of {len(full)} periods are in no row: put in as unknown"] if gaps else []


def _even(times: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Periods of one length, or of whole months, from the first time to the last; None if there are none."""
    step = int(np.diff(times).min())
    if not (np.diff(times) % step).any():
        return np.arange(times[0], times[-1] + 1, step, dtype=np.int64)
    if step < 28 * DAY_US:
        return None
    stamps = times.astype("datetime64[us]")
    months = stamps.astype("datetime64[M]")
    within = stamps - months.astype("datetime64[us]")
    number = months.astype(np.int64)
    length = int(np.diff(number).min())
    if (within != within[0]).any() or (np.diff(number) % length).any():
        return None
    named = np.arange(number[0], number[-1] + 1, length).astype("datetime64[M]").astype("datetime64[us]")
    full: NDArray[np.int64] = (named + within[0]).astype(np.int64)
    return full


def _sound(
    values: Floats,
    given: Mapping[str, Floats],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    place: _Place,
) -> None:
    """Refuse what cannot be of the meaning that it is given for; unknown may be anything."""
    with np.errstate(invalid="ignore"):
        for meaning, wrong, allowed in (
            ("population", given.get("population", values) <= 0, "above 0"),
            ("trials", given.get("trials", values) < 0, "0 or more"),
            ("expected", given.get("expected", values) < 0, "0 or more"),
            ("trials", given.get("trials", values) < values, "at least the value"),
        ):
            if meaning not in given:
                continue
            bad = wrong[row, column]
            if bad.any():
                first = int(np.argmax(bad))
                got = given[meaning][row[first], column[first]]
                raise ShapeError(f"{place.of(first)}: {meaning}: got {got:g}, allowed: {allowed}")


def _still(panel: Floats, axis: str, names: list[str], name: str) -> Floats:
    """The place of each series, which does not move."""
    with np.errstate(invalid="ignore"):
        low: Floats = np.fmin.reduce(panel, axis=0)
        high: Floats = np.fmax.reduce(panel, axis=0)
        moved = high > low
    for i in np.flatnonzero(moved | np.isnan(low)):
        if moved[i]:
            both = f"{low[i]:g} and {high[i]:g}"
            raise ShapeError(f"{name}: series {names[i]}: {axis}: got {both}, allowed: one place a series")
        raise ShapeError(f"{name}: series {names[i]}: {axis}: got none, allowed: a number in a row of it")
    return low
