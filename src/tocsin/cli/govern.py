"""``tocsin govern``: sources and licences, legal bases, the record of decisions, limits."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, StorePath, open_store_office, store_path

app = group("Sources and licences, legal bases, the record of decisions, limits.")


@app.command(epilog="Example: tocsin govern sources")
def sources(store: StorePath = None, json: Json = False) -> int:
    """List every source and data set with licence, release and hash; exit 1 when a licence is missing."""
    from tocsin.ops import registry

    office = open_store_office(store) if store_path(store).is_dir() else None
    with contextlib.ExitStack() as stack:
        if office is not None:
            stack.enter_context(contextlib.closing(office.store))
        rows, faults = registry.sources(office)
    output.emit(
        rows,
        ["kind", "id", "publisher", "licence", "licence_url", "package", "release", ("sha256", "SHA-256")],
        as_json=json,
        title="Sources",
    )
    for fault in faults:
        typer.echo(fault, err=True)
    return FOUND_WRONG if faults else DONE


@app.command(epilog="Example: tocsin govern laws --json")
def laws(pack: Annotated[str, typer.Option("--pack", help="The country.")] = "us", json: Json = False) -> int:
    """List who may approve which level on which law; exit 1 when a level can never be issued."""
    from tocsin.ops import registry

    rows, gaps = registry.laws(pack)
    output.emit(rows, ["level", "name", "role", "key", "law", "article"], as_json=json, title="Legal bases")
    for gap in gaps:
        typer.echo(gap, err=True)
    return FOUND_WRONG if gaps else DONE


@app.command(epilog="Example: tocsin govern limits")
def limits(store: StorePath = None, json: Json = False) -> int:
    """Look for fields on persons in the vocabulary and in the store; exit 1 when there is one."""
    from tocsin.ops import registry

    office = open_store_office(store) if store_path(store).is_dir() else None
    with contextlib.ExitStack() as stack:
        if office is not None:
            stack.enter_context(contextlib.closing(office.store))
        looked, found = registry.limits(office)
    if json:
        output.emit_json({"looked_at": looked, "found": found})
    else:
        output.emit(
            [{"field": text} for text in found],
            ["field"],
            as_json=False,
            title="Fields on persons",
            empty=f"none in {', '.join(looked)}",
        )
    return FOUND_WRONG if found else DONE
