"""``tocsin store``: checked, compacted, backed up, restored, migrated."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, StorePath, now, open_store_office, store_path

app = group("The store: checked, compacted, backed up, restored, migrated.")


@app.command(epilog="Example: tocsin store check --store .tocsin")
def check(store: StorePath = None, json: Json = False) -> int:
    """Look for faults in files, database and journal; exit 1 when there are."""
    from tocsin.ops import upkeep

    office = open_store_office(store)
    with contextlib.closing(office.store):
        faults = upkeep.check(office)
    output.emit(
        [{"fault": text} for text in faults], ["fault"], as_json=json, title="Faults", empty="none found"
    )
    return FOUND_WRONG if faults else DONE


@app.command(epilog="Example: tocsin store compact --full")
def compact(
    full: Annotated[bool, typer.Option("--full", help="Merge everything, not only what is small.")] = False,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Move what waits to segments, and merge these; reading goes on meanwhile."""
    from tocsin.ops import upkeep

    office = open_store_office(store)
    with contextlib.closing(office.store):
        output.fields(upkeep.compact(office, at=now(), full=full), as_json=json)


@app.command(epilog="Example: tocsin store backup /backups/tocsin-monday")
def backup(
    destination: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Copy this moment of the store into a new folder, itself a store."""
    from tocsin.ops import upkeep

    office = open_store_office(store)
    with contextlib.closing(office.store):
        output.fields(upkeep.backup(office, destination), as_json=json)


@app.command(epilog="Example: tocsin store restore /backups/tocsin-monday --store restored")
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="Folder of a backup.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Lay a backup out as a store in a new folder, and check it."""
    from tocsin.ops import upkeep

    output.fields(upkeep.restore(source, store_path(store)), as_json=json)


@app.command(epilog="Example: tocsin store migrate --store .tocsin")
def migrate(store: StorePath = None, json: Json = False) -> None:
    """Bring a store to the newest schema; there is no way back but a backup."""
    from tocsin.ops import upkeep

    output.fields(upkeep.migrate(store_path(store)), as_json=json)
