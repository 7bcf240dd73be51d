"""``tocsin cap``: messages of the Common Alerting Protocol, anybody's and our own."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import At, Json, StorePath, moment, now, open_store_office

app = group("Messages of the Common Alerting Protocol, anybody's and our own.")


@app.command(epilog="Example: tocsin cap check messages/ --json")
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", exists=True, help="Files or folders.")],
    json: Json = False,
) -> int:
    """Check messages against CAP 1.2; exit 1 when one breaks it."""
    from tocsin.ops import messages

    rows = [row for path in messages.files_in(paths) for row in messages.check(path)]
    if json:
        output.emit(rows, [], as_json=True)
    else:
        for row in rows:
            word = "ok" if row["parsed"] and not row["errors"] else "FAIL"
            print(f"{word} {row['file']} {row['identifier'] or '–'}")
            for kind in ("errors", "warnings"):
                for found in row[kind]:
                    print(f"  {kind[:-1]}: {found['path']}: {found['message']} ({found['rule']})")
    bad = [r for r in rows if r["errors"] or not r["parsed"]]
    if not rows:
        typer.echo("no message found: allowed: XML files, or folders with them", err=True)
    return FOUND_WRONG if bad or not rows else DONE


@app.command(epilog="Example: tocsin cap show us.air_transport.20010228T2105Z.SEA.1 --xml")
def show(
    name: Annotated[str, typer.Argument(metavar="ID|FILE", help="Of an issued warning, or a file.")],
    xml: Annotated[bool, typer.Option("--xml", help="The message itself.")] = False,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Show a message from a file, or as it was issued from the store."""
    from tocsin.ops import messages, queries

    if Path(name).is_file():
        content = Path(name).read_bytes()
    else:
        office = open_store_office(store)
        with contextlib.closing(office.store):
            content = queries.cap_message(office, name, moment(at), now(), drill=True)
    if xml:
        _write(content)
        return
    for message in messages.plain(content):
        output.fields(message, as_json=json)


@app.command(epilog="Example: tocsin cap feed --at 2001-03-05T18:05:00Z")
def feed(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="List this Atom feed instead.", exists=True)
    ] = None,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Write the Atom feed of the public messages that stand, or list one from a file."""
    from tocsin.ops import messages, queries

    if file is not None:
        rows = messages.entries(file)
        output.emit(rows, ["id", "title", "updated", "link"], as_json=json, title=str(file))
        return
    office = open_store_office(store)
    with contextlib.closing(office.store):
        content = queries.cap_feed(office, moment(at), now())
    if json:
        output.emit(messages.entries_of(content), [], as_json=True)
        return
    _write(content)


def _write(content: bytes) -> None:
    sys.stdout.write(content.decode("utf-8"))
    if not content.endswith(b"\n"):
        sys.stdout.write("\n")
