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


@app.command(epilog="Example: tocsin cap check messages/ --profile wmo --json")
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", exists=True, help="Files or folders.")],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Also check: ipaws, cap-cp, cap-au, meteoalarm, wmo. May be repeated.",
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Judge the messages as one set, too: chains and conflicts.")
    ] = False,
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help="Least level shown: error, warning or info.")
    ] = "warning",
    json: Json = False,
) -> int:
    """Check messages and feeds against CAP and its profiles; exit 1 when one breaks a rule of level error."""
    from tocsin.cli import cap_report
    from tocsin.ops import messages

    if level not in cap_report.LEVELS:
        raise typer.BadParameter(
            f"got {level!r}, allowed: {', '.join(cap_report.LEVELS)}", param_hint="--level"
        )
    with output.progress() as tell:
        judged = messages.check(paths, profiles=profile or (), together=together, tell=tell)
    if not judged:
        typer.echo(
            f"no message found: allowed: files, or folders with {', '.join(messages.SUFFIXES)}", err=True
        )
        return FOUND_WRONG
    if json:
        output.emit((one.row() for one in judged), [], as_json=True)
    else:
        cap_report.report(judged, level)
    return FOUND_WRONG if any(one.wrong for one in judged) else DONE


@app.command(epilog="Example: tocsin cap show us.air_transport.20010228T2105Z.SEA.1 --xml")
def show(
    name: Annotated[
        str, typer.Argument(metavar="ID|PATH", help="Of an issued warning, or a file or folder.")
    ],
    xml: Annotated[bool, typer.Option("--xml", help="The message itself.")] = False,
    chain: Annotated[
        bool, typer.Option("--chain", help="The messages of a file or folder as chains, and how each stands.")
    ] = False,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Show a message from a file, or as it was issued from the store."""
    from tocsin.cli import cap_report
    from tocsin.ops import messages, queries

    if chain:
        from tocsin.ops.message_sets import chains_in

        if not Path(name).exists():
            raise typer.BadParameter(
                f"got {name!r}, allowed with --chain: a file or a folder", param_hint="PATH"
            )
        rows = chains_in([Path(name)], moment(at) or now())
        columns = ["chain", "sent", "msg_type", "identifier", "state", "by", "expires", "problems"]
        output.emit(rows, columns, as_json=json, title=name, empty="no message")
        return
    if Path(name).is_file():
        content = Path(name).read_bytes()
    else:
        office = open_store_office(store)
        with contextlib.closing(office.store):
            content = queries.cap_message(office, name, moment(at), now(), drill=True)
    if xml:
        _write(content)
        return
    if json:
        for message in messages.plain(content):
            output.emit_json(message)
        return
    for i, alert in enumerate(messages.read(content)):
        if i:
            print()
        cap_report.draw(alert)


@app.command(epilog="Example: tocsin cap convert message.xml --output converted/")
def convert(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A message or a feed of any form."),
    ],
    output_folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="A file for each message. [standard output]"),
    ] = None,
) -> int:
    """Write messages of any version and form as canonical CAP 1.2; exit 1 when one still breaks CAP.

    What the new form cannot take along is said on standard error: a signature is always lost, for it holds
    for the old bytes only.
    """
    from tocsin.ops import messages

    converted = messages.convert(file.read_bytes())
    if output_folder is None and len(converted) > 1:
        raise typer.BadParameter(
            f"got {len(converted)} messages, allowed: a folder for them", param_hint="--output"
        )
    for one in converted:
        if output_folder is None:
            _write(one.content)
        else:
            output_folder.mkdir(parents=True, exist_ok=True)
            (output_folder / one.name).write_bytes(one.content)
            print(output_folder / one.name)
        for found in one.lost:
            typer.echo(f"left out: {found.path}: {found.message} ({found.rule})", err=True)
        for found in one.findings:
            if found.level == "error":
                typer.echo(f"still wrong: {found.path}: {found.message} ({found.rule})", err=True)
    return FOUND_WRONG if any(f.level == "error" for one in converted for f in one.findings) else DONE


@app.command(epilog="Example: tocsin cap feed --at 2001-03-05T18:05:00Z")
def feed(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="List this feed (Atom, RSS, JSON) instead.", exists=True),
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
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # as received: it names its own encoding
        sys.stdout.buffer.write(content)
        return
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
