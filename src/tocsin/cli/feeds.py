"""``tocsin feeds``: what is read, from whom, on which terms, and whether it came."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG, WRONG_USE
from tocsin.cli.options import At, Json, StorePath, moment, now, open_store_office, store_path

if TYPE_CHECKING:
    from tocsin.ops.office import Office

app = group("What is read, from whom, on which terms, and whether it came.")

Feed = Annotated[str, typer.Argument(metavar="FEED", help="Id, as 'tocsin feeds list' shows it.")]


@app.command("list", epilog="Example: tocsin feeds list --json")
def list_(store: StorePath = None, at: At = None, json: Json = False) -> None:
    """List every feed with its licence and the state of its last reading."""
    from tocsin.ops import feed_book

    rows = feed_book.declared()
    folder = store_path(store)
    if folder.is_dir():
        office = open_store_office(store)
        with contextlib.closing(office.store):
            rows = feed_book.with_state(office, rows, at=moment(at) or now())
    output.emit(
        rows,
        ["id", "publisher", "licence", "outcome", "last_ok", "newest", "message"],
        as_json=json,
        title="Feeds",
    )


@app.command(epilog="Example: tocsin feeds show cap_atom:met --at 2026-11-24T03:00:00Z")
def show(feed: Feed, store: StorePath = None, at: At = None, json: Json = False) -> int:
    """Show what one feed declares; of cap_atom also its authorities, of cap_atom:NAME the messages received.

    Messages of one identity that say different things are in the state "conflict": all of them are listed.
    """
    from tocsin.ops import feed_book
    from tocsin.ops.intake import CAP

    name, _, authority = feed.partition(":")
    row = feed_book.one(name)
    folder = store_path(store)
    if name != CAP or not folder.is_dir():
        if authority:
            typer.echo(
                f"{feed}: got no store in {folder}, allowed: --store PATH of one that reads it", err=True
            )
            return WRONG_USE
        output.fields(row, as_json=json)
        return DONE
    office = open_store_office(store)
    with contextlib.closing(office.store):
        return _show_authorities(office, row, authority, at, json)


def _show_authorities(office: Office, row: dict[str, Any], name: str, at: str | None, json: bool) -> int:
    from tocsin.ops.queries.authorities import authorities, messages

    rows = authorities(office, moment(at), now())
    if name:
        found = next((r for r in rows if r["id"] == name), None)
        if found is None:
            typer.echo(
                f"{name}: allowed: {', '.join(r['id'] for r in rows) or 'none is configured'}", err=True
            )
            return WRONG_USE
        source = f"{row['id']}:{name}"
        kept = [m for m in messages(office, moment(at), now()) if m["source"] == source]
    else:
        found, kept = {**row, "authorities": rows}, messages(office, moment(at), now(), state="conflict")
    if json:
        output.emit_json({**found, "messages" if name else "conflicts": kept})
        return DONE
    output.fields({k: v for k, v in found.items() if k != "authorities"}, as_json=False)
    if not name:
        columns = [
            "id",
            "name",
            "country",
            "licence",
            "outcome",
            "last_ok",
            "newest",
            "in_force",
            "conflicts",
        ]
        output.emit(rows, columns, as_json=False, title="Authorities", empty="none is configured")
    columns = ["state", "sent", "sender", "identifier", "msg_type", "headline", "problems"]
    title = "Messages" if name else "Messages that contradict each other"
    output.emit(kept, columns, as_json=False, title=title, empty="none")
    return DONE


@app.command(epilog="Example: tocsin feeds parse usgs_earthquakes all_hour.geojson --json")
def parse(
    feed: Feed,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)],
    at: At = None,
    pack: Annotated[str, typer.Option("--pack", help="The country.")] = "us",
    json: Json = False,
) -> int:
    """Parse files as one feed does, and print a record a line; findings go to standard error."""
    from tocsin.ops import feed_book

    wrong = False
    for path in files:
        read = feed_book.parse_file(feed, path, pack=pack, at=moment(at) or now())
        columns = ["kind", "quantity", "id", "region", "regions", "valid_time", "onset", "value", "magnitude"]
        output.emit(read.records(), columns, as_json=json, title=str(path), empty="no records")
        for finding in read.findings:
            wrong |= finding.level != "info"
            typer.echo(f"{path}: {finding.level}: {finding.path}: {finding.message}", err=True)
    return FOUND_WRONG if wrong else DONE


@app.command(epilog="Example: tocsin feeds probe usgs_earthquakes")
def probe(
    feed: Feed,
    url: Annotated[str | None, typer.Option("--url", help="Another address than the declared one.")] = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Fetch one feed once and say what came; nothing is kept."""
    from tocsin.cli.serve import fetcher
    from tocsin.ops import feed_book
    from tocsin.ops.config import read_settings

    client = fetcher(read_settings(store_path(store)))
    found = feed_book.probe(feed, client, url=url, at=now())
    output.fields(found, as_json=json)
    return DONE if found["outcome"] == "ok" else FOUND_WRONG


@app.command(epilog="Example: tocsin feeds new gauges_river --to src/tocsin/feeds/sources")
def new(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="Id: publisher_product, in small letters.")],
    to: Annotated[Path, typer.Option("--to", help="Folder.", file_okay=False)] = Path(),
    json: Json = False,
) -> None:
    """Write the first version of a feed: a file that parses a CSV, to be changed into yours."""
    from tocsin.ops import feed_book

    path = feed_book.scaffold(feed, to)
    if json:
        output.emit_json({"file": str(path)})
    else:
        print(
            f"{path}: change the declaration and parse(), then run the checks of tocsin.testing.feeds on it"
        )
