"""Where a command starts, and how its end is told: the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DONE, FOUND_WRONG, WRONG_USE, FAULT, NOT_ALLOWED = range(5)
"""Exit status: done; done, and something was found wrong; wrong use; data or store fault; not allowed."""

STOPPED = 130
"""Exit status when somebody stopped it, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; those of the process if not given.

    Returns
    -------
    int
        0 done, 1 done and something was found wrong, 2 wrong use, 3 data or store fault, 4 not allowed.

    Examples
    --------
    >>> main(["regions", "show", "US-AIR-SEA", "--json"])  # doctest: +ELLIPSIS
    {"id": "US-AIR-SEA", ...
    0
    """
    import typer

    from tocsin.cli.app import app

    usage_error = typer.BadParameter.__mro__[1]  # typer carries its own click and gives it no public name

    try:
        status = app(
            args=None if arguments is None else list(arguments), prog_name="tocsin", standalone_mode=False
        )
    except (typer.Abort, KeyboardInterrupt):
        _say("stopped")
        return STOPPED
    except (BrokenPipeError, SystemExit):  # typer turns the one into the other
        # Whoever read our output has seen enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if isinstance(error, usage_error):
            error.show(file=sys.stderr)  # type: ignore[attr-defined]
            return WRONG_USE
        known = _status_of(error)
        if known is None:
            raise
        _say(str(error))
        return known
    return status if isinstance(status, int) else DONE


def _status_of(error: Exception) -> int | None:
    """Exit status of an error that was raised on purpose; None for a fault of ours."""
    from tocsin.model import (
        AuthorityError,
        ConfigError,
        RespondError,
        TocsinError,
        TransitionError,
    )

    if isinstance(error, AuthorityError):
        return NOT_ALLOWED
    if isinstance(error, ConfigError | TransitionError | RespondError):
        return WRONG_USE
    # A database that is locked, full or damaged is no fault of the code; its driver is loaded only if used.
    driver = sys.modules.get("sqlalchemy.exc")
    broken: tuple[type[Exception], ...] = () if driver is None else (driver.DBAPIError,)
    if isinstance(error, (TocsinError, OSError, *broken)):
        return FAULT
    return None


def _say(text: str) -> None:
    print(f"tocsin: {text}", file=sys.stderr)
