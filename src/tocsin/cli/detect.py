"""``tocsin detect``: methods of early detection on anybody's series."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import Json

app = group("Methods of early detection, on any series.")


@app.command(epilog="Example: tocsin detect methods --json")
def methods(json: Json = False) -> None:
    """List the methods with their parameters."""
    from tocsin.ops import trial

    output.emit(trial.methods(), ["method", "title", "parameters"], as_json=json, title="Methods")


@app.command(
    epilog="Example: tocsin detect run seasonal_count --set side=low --set windows=[1,3,6] "
    "--input departures.csv --output judged.csv"
)
def run(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="As 'tocsin detect methods' shows it.")],
    input_: Annotated[
        Path, typer.Option("--input", "-i", help="CSV: series,time,value.", exists=True, dir_okay=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV; standard output if not given.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    tail: Annotated[
        float, typer.Option("--tail", min=0.0, max=1.0, help="Tail probability at which it alarms.")
    ] = 1e-3,
    zone: Annotated[str, typer.Option("--zone", help="IANA zone of the seasons.")] = "UTC",
) -> None:
    """Judge every value of a CSV by its past only; what is missing stays missing."""
    from tocsin.ops import trial

    lines, notes = trial.run(
        method, input_.read_bytes(), settings=set_ or [], tail=tail, zone=zone, name=str(input_)
    )
    for note in notes:
        typer.echo(f"{input_}: {note}", err=True)
    if out is None:
        sys.stdout.write(lines)
    else:
        out.write_text(lines, encoding="utf-8", newline="")
