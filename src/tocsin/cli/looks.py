"""Commands that look at the whole: status, doctor, why, coverage."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import At, Json, StorePath, moment, now, open_store_office, store_path

COLUMNS: Mapping[str, Sequence[str]] = {
    "runs": ["mode", "domains", "start", "end", "step_s"],
    "datasets": ["id", "package", "release", "observations", "events", "licence"],
    "feeds": ["id", "outcome", "last_ok", "newest", "message"],
    "coverage": ["domain", "state", "newest", "series_total", "series_unknown", "message"],
    "jobs": ["job", "state", "since", "message"],
    "quarantine": ["id", "source", "at", "where", "error"],
    "escalations": ["alert", "state", "to", "text"],
}
"""What people need of each part of ``tocsin status``."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: tocsin status --store .tocsin")(status)
    app.command(epilog="Example: tocsin doctor --store .tocsin")(doctor)
    app.command(epilog="Example: tocsin why us.air_transport.20010228T2105Z.SEA.1")(why)
    app.command(epilog="Example: tocsin coverage --at 2001-03-05T18:05:00Z")(coverage)


def status(store: StorePath = None, json: Json = False) -> None:
    """Show how the store, the feeds and the desk are: what failed, what is in quarantine, what waits."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        found = queries.status(office, now())
    if json:
        output.emit_json(found)
        return
    for name, part in found.items():
        _part(name, part, COLUMNS.get(name))


def _part(name: str, part: Any, columns: Sequence[str] | None) -> None:
    """A part of a report: lists of things as tables, the rest as words."""
    title = name.replace("_", " ").capitalize()
    if isinstance(part, list) and part and isinstance(part[0], Mapping):
        output.emit(part, columns or [str(key) for key in part[0]], as_json=False, title=title)
    elif isinstance(part, Mapping):
        output.fields(part, as_json=False, title=title)
    else:
        print(f"{title}: {'none' if part == [] else output.words_of(part)}")


def doctor(store: StorePath = None, json: Json = False) -> int:
    """Examine everything that can be wrong: store, record, country, laws, sources, page; exit 1 if it is.

    What cannot be told, because it never ran or was never read, is unknown (null in JSON): neither well nor
    wrong.
    """
    from tocsin.ops import health

    checks = health.examine(store_path(store), now=now())
    unknown = None if json else "unknown"
    output.emit(
        [{"check": c.name, "ok": unknown if c.ok is None else c.ok, "detail": c.detail} for c in checks],
        ["check", "ok", "detail"],
        as_json=json,
    )
    return FOUND_WRONG if any(c.ok is False for c in checks) else DONE


def why(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Warning, cycle, or quantity@region@time of a value.")
    ],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Walk from a warning back to the hash of the raw bytes that it rests on."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        steps = queries.flat(queries.why(office, name))
    if json:
        for step in steps:
            output.emit_json(step)
        return
    for step in steps:
        print(f"{'  ' * step['depth']}{step['kind']} {step['id']}: {step['text']}")


def coverage(store: StorePath = None, at: At = None, json: Json = False) -> None:
    """Show what each domain sees: fresh, stale, failed or never read, since when."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = queries.coverage(office, moment(at), now())
    output.emit(
        rows,
        ["domain", "state", "newest", "last_ok", "age_s", "series_total", "series_unknown", "message"],
        as_json=json,
        title="Coverage",
    )
