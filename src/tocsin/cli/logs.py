"""What a server tells about itself: on standard error, plain or as JSON Lines, without secrets."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

LOGGERS = ("tocsin", "uvicorn")
"""Whose words are told; those of the HTTP client are not, they hold every address that is asked."""


class Level(StrEnum):
    """From which level on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Format(StrEnum):
    """In which form."""

    PLAIN = "plain"
    JSON = "json"


LogLevel = Annotated[Level, typer.Option("--log-level", help="From which level on the log is told.")]
LogFormat = Annotated[Format, typer.Option("--log-format", help="A line for people, or JSON Lines.")]


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = _one_line(_clean(record.getMessage()))
        lines = [f"{_at(record)} {record.levelname} {record.name}: {message}"]
        # Set in, so that no line of a fault can pass for a line of the log.
        lines += [f"  {_one_line(line)}" for line in _fault(self, record).splitlines()]
        return "\n".join(lines)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        row = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": _clean(record.getMessage()),
        }
        if fault := _fault(self, record):
            row["exception"] = fault
        return json.dumps(row)  # all in ASCII: nothing in it ends a line


def _fault(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Traceback and stack of a record; empty where it has none."""
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return _clean("\n".join(parts))


def _clean(text: str) -> str:
    from tocsin.ops.redaction import without_secrets  # late: --help loads nothing of the doors

    return without_secrets(text)


def _one_line(text: str) -> str:
    """A text whose control characters and ends of lines are written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _at(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


@contextlib.contextmanager
def told(level: Level, form: Format) -> Iterator[None]:
    """Tell the log on standard error meanwhile.

    Parameters
    ----------
    level : Level
        From which level on.
    form : Format
        A line for people, in which what would break it is escaped and a fault is set in below, or a JSON
        object a line with ``at``, ``level``, ``logger``, ``thread``,
        ``message`` and, after a fault, ``exception``.
    """
    handler = logging.StreamHandler(sys.stderr)
    # On the handler too: the server sets the level of its own loggers after us.
    handler.setLevel(level.upper())
    handler.setFormatter(_Json() if form is Format.JSON else _Plain())
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level.upper())
    try:
        yield
    finally:
        for logger, old in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)
