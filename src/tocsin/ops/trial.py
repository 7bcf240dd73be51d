"""A detector on a table from a file: the same code that runs live, without a store."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import json
import math
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import numpy as np

from tocsin.catalog import detectors
from tocsin.detect.contract import Detector, judge
from tocsin.detect.season import season_index
from tocsin.model import ConfigError, Panel, ShapeError, from_us, parse_valid_time, to_us
from tocsin.model import zone as in_zone

OUT = ("series", "time", "value", "expected", "upper", "tail", "alarm")


def methods() -> list[dict[str, Any]]:
    """Every method with its title and its parameters with their defaults."""
    rows = []
    for name, kind in detectors().items():
        parameters = {
            f.name: None if f.default is dataclasses.MISSING else f.default for f in dataclasses.fields(kind)
        }
        module = inspect.getmodule(kind)
        title = (inspect.getdoc(module) or "").split("\n", 1)[0].rstrip(".")
        rows.append({"method": name, "title": title, "parameters": parameters})
    return rows


def make(method: str, settings: Sequence[str]) -> Detector:
    """A detector with parameters given as ``name=value``, values as JSON or plain words.

    Raises
    ------
    ConfigError
        When there is no such method or parameter, one is missing, or the method refuses a value.

    Examples
    --------
    >>> make("threshold", ["limit=5", "side=low"]).side
    'low'
    """
    kinds = detectors()
    if method not in kinds:
        raise ConfigError("detect", "METHOD", method, sorted(kinds))
    fields = {f.name: f for f in dataclasses.fields(kinds[method])}
    values: dict[str, Any] = {}
    for text in settings:
        name, equals, word = text.partition("=")
        if not equals or name not in fields:
            raise ConfigError(method, "--set", name, sorted(fields))
        values[name] = _value(word)
    missing = [n for n, f in fields.items() if f.default is dataclasses.MISSING and n not in values]
    if missing:
        raise ConfigError(method, "--set", None, f"a value for {', '.join(missing)}")
    try:
        made: Detector = kinds[method](**values)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        said = f"what the method takes; it said {type(error).__name__}: {error}"
        raise ConfigError(method, "--set", " ".join(settings), said) from error
    return made


def _value(word: str) -> Any:
    try:
        value = json.loads(word)
    except json.JSONDecodeError:
        return word
    return tuple(value) if isinstance(value, list) else value


def run(
    method: str, content: bytes, *, settings: Sequence[str], tail: float, zone: str, name: str
) -> tuple[str, list[str]]:
    """Judge every row of a CSV.

    Parameters
    ----------
    method : str
        Name of a detector.
    content : bytes
        CSV in UTF-8 with columns ``series,time,value``; an empty value is missing.
    settings : sequence of str
        ``name=value``.
    tail : float
        A row alarms at this tail probability or below.
    zone : str
        IANA zone in which hours of the week and months are counted.
    name : str
        Of the file, for messages.

    Returns
    -------
    str
        CSV with the columns :data:`OUT`, rows in the order of the input; what is not known stays empty.
    list of str
        What the reader should know.

    Raises
    ------
    ShapeError
        When a column is missing, a row has a bad time or value, or a period of a series comes twice.
    ConfigError
        On a bad method, parameter or zone.
    """
    detector = make(method, settings)
    try:
        in_zone(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError("detect", "--zone", zone, "an IANA zone such as America/New_York") from None
    rows, notes = _rows(content, name)
    names = tuple(sorted({row[0] for row in rows}))
    times = np.array(sorted({row[2] for row in rows}), np.int64)
    column, line = {s: i for i, s in enumerate(names)}, {int(t): i for i, t in enumerate(times)}
    values = np.full((len(times), len(names)), np.nan)
    known = np.zeros(values.shape, np.bool_)
    for number, (series, text, time, value) in enumerate(rows, start=2):
        place = line[time], column[series]
        if known[place]:
            raise ShapeError(f"{name}: line {number}: got {series} at {text} twice, allowed: once")
        known[place] = True
        values[place] = value
    if not rows:
        return ",".join(OUT) + "\n", notes
    panel = Panel(
        quantity=method, regions=names, times=times, values=values, known=known, at=from_us(int(times[-1]))
    )
    kind = getattr(detector, "SEASON", "none")
    judged = judge(detector, panel, season_index(kind, times, [zone] * len(names)))
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(OUT)
    for series, text, time, value in rows:
        place = line[time], column[series]
        chance = float(judged.tail[place])
        alarm: int | str = "" if math.isnan(chance) else int(chance <= tail)
        numbers = [value, judged.expected[place], judged.upper[place], chance]
        writer.writerow([series, text, *(_number(float(n)) for n in numbers), alarm])
    return sink.getvalue(), notes


def _rows(content: bytes, name: str) -> tuple[list[tuple[str, str, int, float]], list[str]]:
    """Series, time as written, time in microseconds, value; and remarks."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = reader.fieldnames or []
        for wanted in ("series", "time", "value"):
            if wanted not in header:
                raise ShapeError(
                    f"{name}: {wanted}: got columns {', '.join(header) or 'none'}, allowed: series,time,value"
                )
        notes = [
            f"column {extra}: not used by these methods"
            for extra in header
            if extra not in ("series", "time", "value")
        ]
        rows = []
        for row in reader:
            where = f"{name}: line {reader.line_num}"
            try:
                time = to_us(parse_valid_time(row["time"] or ""))
                value = float(row["value"]) if row["value"] and row["value"].strip() else math.nan
            except ValueError as error:
                raise ShapeError(f"{where}: {error}") from error
            if math.isinf(value):
                raise ShapeError(f"{where}: value: got {row['value']}, allowed: a finite number or nothing")
            rows.append((row["series"] or "", row["time"] or "", time, value))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ShapeError(f"{name}: {error}") from error
    return rows, notes


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
