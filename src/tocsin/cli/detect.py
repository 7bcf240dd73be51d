"""``tocsin detect``: methods of early detection on anybody's series."""

from __future__ import annotations

import contextlib
import sys
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.calibrate import calibrate
from tocsin.cli.group import group
from tocsin.cli.options import Json

app = group("Methods of early detection, on any series.")


@app.command(epilog="Example: tocsin detect methods --json")
def methods(json: Json = False) -> None:
    """List the methods: what each is good for, what it needs and what it costs."""
    from tocsin.ops import trial

    columns: list[str | tuple[str, str]] = [
        "method",
        "title",
        ("good_for", "good for"),
        "season",
        "needs",
        "cost",
    ]
    output.emit(trial.methods(), columns, as_json=json, title="Methods")


@app.command(
    epilog="Example: tocsin detect run seasonal_count --set side=low --set windows=[1,3,6] "
    "--input departures.csv --output judged.csv"
)
def run(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="As 'tocsin detect methods' shows it.")],
    input_: Annotated[
        Path,
        typer.Option(
            "--input",
            "-i",
            help="CSV: series,time,value; also population, trials, expected, x, y, z.",
            exists=True,
            dir_okay=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; standard output if not given.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    tail: Annotated[
        float | None,
        typer.Option("--tail", min=0.0, max=1.0, help="Alarm at this tail or less. [the method's own rule]"),
    ] = None,
    zone: Annotated[str, typer.Option("--zone", help="IANA zone of the seasons.")] = "UTC",
    details: Annotated[
        bool, typer.Option("--details", help="Also what else the method computed, a column each.")
    ] = False,
    json: Json = False,
) -> None:
    """Judge every value of a CSV by its past only; what is missing stays missing."""
    from tocsin.ops import trial

    with output.progress() as tell:
        judged = trial.run(
            method,
            input_.read_bytes(),
            settings=set_ or [],
            tail=tail,
            zone=zone,
            name=str(input_),
            details=details,
            tell=tell,
        )
    for note in judged.notes:
        typer.echo(f"{input_}: {note}", err=True)
    with contextlib.ExitStack() as stack:
        sink = sys.stdout if out is None else stack.enter_context(out.open("w", encoding="utf-8", newline=""))
        if json:
            sink.writelines(dumps(row, ensure_ascii=False) + "\n" for row in judged.rows())
        else:
            sink.write(judged.csv().decode("utf-8"))


app.command(epilog="Example: tocsin detect calibrate air_transport --figure power.svg")(calibrate)
