"""``tocsin cap sign`` and ``tocsin cap verify``: who wrote a message, and was it changed on the way."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, StorePath, moment, now, open_store_office, store_path


def register(app: typer.Typer) -> None:
    """Put the commands into the group ``cap``."""
    app.command(epilog="Example: tocsin cap sign test.xml")(sign)
    app.command(epilog="Example: tocsin cap verify message.xml --registry trust/ --json")(verify)


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="One message.")],
    store: StorePath = None,
) -> None:
    """Sign a test, exercise or draft with the desk's key; warnings are signed when they are issued."""
    from tocsin.ops import signatures

    office = open_store_office(store)
    with contextlib.closing(office.store):
        content = signatures.sign_file(office, file.read_bytes(), at=now())
    sys.stdout.write(content.decode())


def verify(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", exists=True, help="Files or folders.")],
    registry: Annotated[
        Path | None,
        typer.Option("--registry", metavar="PATH", exists=True, help="Authorities and their certificates."),
    ] = None,
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="When they came. [now]")
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Judge the signatures of messages; exit 1 unless every message is trusted."""
    from tocsin.ops import messages, signed_files

    at = moment(received, "--received") or now()
    known = signed_files.registry(store_path(store), registry)
    rows = [row for path in messages.files_in(paths) for row in signed_files.judge(path, known, at)]
    if json:
        output.emit(rows, [], as_json=True)
    else:
        for row in rows:
            word = "ok" if row["status"] == "valid-trusted" else "FAIL"
            number = f" signature {row['place']}" if row["signatures"] > 1 else ""
            print(f"{word} {row['file']} {row['identifier'] or '–'}{number}: {row['status']}")
            print(f"  {row['words']} ({row['reason']})")
            if row["fingerprint"]:
                print(f"  {row['method']}, {row['subject']}, sha256:{row['fingerprint']}")
    if not rows:
        typer.echo("no message found: allowed: XML files, or folders with them", err=True)
    return DONE if rows and signed_files.all_trusted(rows) else FOUND_WRONG
