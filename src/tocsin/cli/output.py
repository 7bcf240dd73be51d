"""What a command prints: tables for people, JSON Lines for programs, progress for those who wait."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from tocsin.ops.office import Office

Row = Mapping[str, Any]
PIPE_WIDTH = 160
"""Columns of a table that goes into a file or pipe, where nobody can tell the width."""

Tell = Callable[[str, int, int], None]
"""Takes what is going on, how far it is, and how far it will go."""


def emit_json(row: Any) -> None:
    """Print one line of JSON."""
    from tocsin.model import to_plain

    print(json.dumps(to_plain(row), ensure_ascii=False, default=str))


def emit(
    rows: Iterable[Row],
    columns: Sequence[str | tuple[str, str]],
    *,
    as_json: bool,
    title: str = "",
    empty: str = "none",
) -> None:
    """Print rows: every key as JSON Lines, or the chosen columns as a table.

    Parameters
    ----------
    rows : iterable of mapping
        What is shown.
    columns : sequence of str or (str, str)
        Keys, or keys with the words above their column.
    as_json : bool
        For programs.
    title : str
        Above the table.
    empty : str
        Said when there are no rows.
    """
    if as_json:
        for row in rows:
            emit_json(row)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    found = list(rows)
    if not found:
        print(f"{title}: {empty}" if title else empty)
        return
    pairs = [(c, c.replace("_", " ")) if isinstance(c, str) else c for c in columns]
    table = Table(
        title=title or None, title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD
    )
    for key, words in pairs:
        number = all(isinstance(r.get(key), int | float) or r.get(key) is None for r in found)
        table.add_column(words, justify="right" if number else "left", overflow="fold")
    for row in found:
        table.add_row(*(Text(words_of(row.get(key))) for key, _ in pairs))
    console().print(table)


def console(*, error: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False)


def words_of(value: Any) -> str:
    """A value as people read it; what is not known is a dash.

    Examples
    --------
    >>> words_of(None), words_of(0.123456), words_of(["SEA", "PDX"]), words_of(True)
    ('–', '0.1235', 'SEA, PDX', 'yes')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {words_of(v)}" for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(words_of(v) for v in value) or "–"
    return str(value)


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    Examples
    --------
    >>> duration(7980), duration(-90), duration(200_000)
    ('2 h 13 min', '−1 min 30 s', '2 d 7 h')
    """
    sign = "−" if seconds < 0 else ""
    left = round(abs(seconds))
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return sign + " ".join(parts[:2])


def fields(row: Row, *, as_json: bool, title: str = "") -> None:
    """Print one thing: as one line of JSON, or a field a line."""
    if as_json:
        emit_json(row)
        return
    if title:
        print(title)
    width = max((len(k) for k in row), default=0)
    for key, value in row.items():
        print(f"  {key.replace('_', ' '):<{width}}  {words_of(value)}")


@contextlib.contextmanager
def progress() -> Iterator[Tell]:
    """Show how far long work is on a terminal, and nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _text, _done, _all: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(error=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)

        def tell(text: str, done: int, all_: int) -> None:
            bar.update(task, description=text, completed=done, total=all_ or None)

        yield tell


def warning(office: Office, name: str, at: datetime, *, json: bool) -> None:
    """A warning after a step: one line for people, the whole of it for programs."""
    from tocsin.ops import queries

    row = queries.warning(office, name, None, at)
    if json:
        emit_json(row)
    else:
        print(f"{name}: {row['state']}, revision {row['revision']}, version {row['etag']}")
