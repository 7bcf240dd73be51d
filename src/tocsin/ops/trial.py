"""A detector on a table from a file: the same code that runs live, without a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa

from tocsin.catalog import detectors
from tocsin.detect.contract import Detector, Floats, Now, State, Step, judge
from tocsin.detect.season import season_index
from tocsin.model import ConfigError, Judgement, ShapeError
from tocsin.model import zone as in_zone
from tocsin.ops import long_table, parameters
from tocsin.ops.described import needs, season
from tocsin.ops.long_table import LongTable

OUT = ("series", "time", "value", "expected", "upper", "tail", "alarm")
RARE = 1e-3
"""Tail at which a method alarms that has no rule of its own, where none is asked for."""

Tell = Callable[[str, int, int], None]


def methods() -> list[dict[str, Any]]:
    """Every method in its own words, with its parameters, their defaults, season and needed columns."""
    return [
        parameters.row(name, kind) | {"season": season(kind), "needs": list(needs(kind))}
        for name, kind in detectors().items()
    ]


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
    kind = parameters.chosen(detectors(), "detect", method)
    values = parameters.given(kind, method, settings)
    missing = [name for name in parameters.required(kind) if name not in values]
    if missing:
        raise ConfigError(method, "--set", None, f"a value for {', '.join(missing)}")
    try:
        made: Detector = kind(**values)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        said = f"what the method takes; it said {type(error).__name__}: {error}"
        raise ConfigError(method, "--set", " ".join(settings), said) from error
    return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A judged table.

    Parameters
    ----------
    columns : mapping of str to array
        One entry a row of the file, in its order: :data:`OUT`, then what details were asked for.
    notes : tuple of str
        What the reader should know.
    """

    columns: Mapping[str, Any]
    notes: tuple[str, ...]

    def csv(self) -> bytes:
        """As CSV; what is not known stays empty."""
        return long_table.write(self.columns)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping a row; what is not known is None."""
        table = pa.table({name: long_table.column_of(column) for name, column in self.columns.items()})
        for batch in table.to_batches(max_chunksize=4096):
            yield from batch.to_pylist()


def run(
    method: str,
    content: bytes,
    *,
    settings: Sequence[str],
    tail: float | None = None,
    zone: str = "UTC",
    name: str = "table",
    details: bool = False,
    tell: Tell | None = None,
) -> Judged:
    r"""Judge every row of a CSV by the rows before it.

    Parameters
    ----------
    method : str
        Name of a detector.
    content : bytes
        CSV in UTF-8 with columns ``series,time,value`` and, where the method asks for them, those of
        :data:`tocsin.ops.long_table.GIVEN`; an empty value is missing.
    settings : sequence of str
        ``name=value``.
    tail : float or None
        A row alarms at this tail probability or below; None for the method's own rule.
    zone : str
        IANA zone in which hours of the week and months are counted.
    name : str
        Of the file, for messages.
    details : bool
        Whether what else the method computed is given too.
    tell : callable, optional
        Takes what is going on, how far it is and how far it goes.

    Raises
    ------
    ShapeError
        When a column is missing, a row has a bad time or number, or a period of a series comes twice.
    ConfigError
        On a bad method, parameter or zone.

    Examples
    --------
    >>> rows = b"series,time,value\na,2001-W01,1\na,2001-W02,9\na,2001-W03,\n"
    >>> print(run("threshold", rows, settings=["limit=4"], tail=1.0).csv().decode(), end="")
    series,time,value,expected,upper,tail,alarm
    a,2001-W01,1,,4,1,1
    a,2001-W02,9,,4,0.3333333333333333,1
    a,2001-W03,,,4,,
    """
    detector = make(method, settings)
    try:
        in_zone(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError("detect", "--zone", zone, "an IANA zone such as America/New_York") from None
    table = long_table.read(content, name)
    for wanted in getattr(detector, "GIVEN", ()):
        if wanted not in table.given:
            has = ", ".join((*long_table.WANTED, *table.given))
            raise ShapeError(f"{name}: {wanted}: got columns {has}, allowed: with {wanted} for {method}")
    if not len(table.panel.times):
        return Judged(columns={c: np.zeros(0) for c in OUT}, notes=table.notes)
    watched = _Watched(detector, len(table.panel.times), tell or (lambda _text, _done, _all: None))
    seasons = season_index(
        getattr(detector, "SEASON", "none"), table.panel.times, [zone] * len(table.panel.regions)
    )
    judged = judge(watched, table.panel, seasons, table.given)
    columns, remark = _columns(table, judged, tail, details)
    idle = sorted(set(table.given) - watched.asked)
    notes = [
        *table.notes,
        *(f"column {column}: not used by {method} with these settings" for column in idle),
        *remark,
        *_unknown(table, judged),
    ]
    return Judged(columns=columns, notes=tuple(notes))


def _columns(
    table: LongTable, judged: Judgement, tail: float | None, details: bool
) -> tuple[dict[str, Any], list[str]]:
    """Columns of the judged rows, and remarks."""
    notes = []
    if tail is None and judged.alarm is not None:
        alarm = judged.alarm
        # What has neither a tail nor a bound was not judged: no alarm would say more than is known.
        silent = np.isnan(judged.tail) & np.isnan(judged.upper) & ~alarm
    else:
        if tail is None:
            tail = RARE
            notes.append(f"this method has no rule of its own: alarm is a tail of {RARE:g} or less")
        with np.errstate(invalid="ignore"):
            alarm = judged.tail <= tail
        silent = np.isnan(judged.tail)
    silent = silent | np.isnan(table.panel.values)
    series, time = table.texts
    columns: dict[str, Any] = {
        "series": series,
        "time": time,
        "value": table.at_rows(table.panel.values),
        "expected": table.at_rows(judged.expected),
        "upper": table.at_rows(judged.upper),
        "tail": table.at_rows(judged.tail),
        "alarm": pa.array(table.at_rows(alarm).astype(np.int8), mask=table.at_rows(silent)),
    }
    if details:
        for name, column in judged.details.items():
            columns[f"method_{name}" if name in columns else name] = table.at_rows(column)
    return columns, notes


def _unknown(table: LongTable, judged: Judgement) -> Iterator[str]:
    """Why values that are known were not judged, as far as their series tell."""
    values = table.panel.values
    known = np.isfinite(values)
    mute = known & np.isnan(judged.tail)
    below = mute & (np.nan_to_num(values) < 0)
    if below.any():
        first = table.panel.regions[int(np.argmax(below.any(0)))]
        yield f"{int(below.sum())} values below 0 stay unknown, the first in series {first}"
    never = ~(known & ~mute).any(0)
    for number in np.flatnonzero(never)[:SAID]:
        yield f"series {table.panel.regions[number]}: never judged: {_why(values[:, number])}"
    if never.sum() > SAID:
        yield f"{int(never.sum()) - SAID} other series: never judged"


SAID = 5
"""Series that are named one by one."""


def _why(values: Floats) -> str:
    known = values[np.isfinite(values)]
    if not known.size:
        return "every value is missing"
    if known.size == 1:
        return "one value, and nothing before it to judge it by"
    if not known.any():
        return f"all {known.size} values are 0"
    if (known == known[0]).all():
        return f"all {known.size} values are {known[0]:g}"
    return f"{known.size} values, too few for this method"


@dataclass(slots=True)
class _Watched:
    """A detector that tells how far it is, and remembers what it was asked for."""

    NAME: ClassVar[str] = "watched"

    detector: Detector
    steps: int
    tell: Tell
    done: int = 0
    asked: set[str] = field(default_factory=set)

    def start(self, n: int) -> State:
        return self.detector.start(n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        given = _Listening(now.given, self.asked)
        found = self.detector.step(state, values, dataclasses.replace(now, given=given))
        self.done += 1
        self.tell("judging", self.done, self.steps)
        return found


class _Listening(dict[str, Floats]):
    """Columns that remember which of them were read."""

    def __init__(self, given: Mapping[str, Floats], asked: set[str]) -> None:
        super().__init__(given)
        self._asked = asked

    def __getitem__(self, name: str) -> Floats:
        self._asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._asked.add(name)
        return super().get(name, default)
