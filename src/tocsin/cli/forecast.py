"""``tocsin forecast``: what comes next, and how good earlier forecasts were."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import At, Json, StorePath, moment, now, open_store_office, store_path

app = group("Forecasts: on any series, and the scores of those that are kept.")


@app.command(epilog="Example: tocsin forecast methods --json")
def methods(json: Json = False) -> None:
    """List the methods: what each is good for and what it costs."""
    from tocsin.ops import forecast_table

    columns: list[str | tuple[str, str]] = ["method", "title", ("good_for", "good for"), "cost"]
    output.emit(forecast_table.methods(), columns, as_json=json, title="Methods")


@app.command(
    epilog="Example: tocsin forecast run ets --set season=12 --steps 3 --input unemployment.csv "
    "--output ahead.csv"
)
def run(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="As 'tocsin forecast methods' shows it.")],
    input_: Annotated[
        Path,
        typer.Option("--input", "-i", help="CSV: series,time,value.", exists=True, dir_okay=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; standard output if not given.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Periods ahead.")] = 1,
    level: Annotated[
        list[float] | None,
        typer.Option("--level", metavar="P", help="Probability of a quantile; may be repeated. [seven]"),
    ] = None,
    reconcile: Annotated[
        str | None,
        typer.Option(
            "--reconcile",
            metavar="HOW",
            help="Also the sums up the tree, and all made to add up: bottom_up, ols or mint_shrink.",
        ),
    ] = None,
    parents: Annotated[
        Path | None,
        typer.Option(
            "--parents",
            help="With --reconcile, the tree as CSV: series,parent. [the regions of the store's country]",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Forecast every series of a CSV; what cannot be forecast stays empty, with the reason."""
    from tocsin.ops import forecast_table, long_table

    if parents is not None and reconcile is None:
        raise typer.BadParameter("--parents: allowed: with --reconcile only")
    asked: dict[str, Any] = {
        "name": str(input_),
        "settings": set_ or [],
        "steps": steps,
        "levels": sorted(level) if level else None,
    }
    if reconcile is None:
        made, notes = forecast_table.run(method, input_.read_bytes(), **asked)
        columns = forecast_table.columns(made)
    else:
        tree = _tree(parents, store)
        told, notes = forecast_table.run_together(
            method, input_.read_bytes(), **asked, reconcile=reconcile, parents=tree
        )
        columns = {**forecast_table.columns(told.forecast), "mean": told.mean.T.ravel()}
    for note in notes:
        typer.echo(f"{input_}: {note}", err=True)
    if json:
        for row in zip(*columns.values(), strict=True):
            output.emit_json(dict(zip(columns, row, strict=True)))
        return
    written = long_table.write(columns)
    if out is None:
        sys.stdout.write(written.decode())
    else:
        out.write_bytes(written)


def _tree(parents: Path | None, store: Path | None) -> dict[str, str]:
    """The tree of a file, else of the country of the store, or of the default country where there is none."""
    from tocsin.ops import forecast_table
    from tocsin.ops.config import read_settings

    if parents is not None:
        return forecast_table.read_parents(parents.read_bytes(), str(parents))
    return forecast_table.parents_of(read_settings(store_path(store)).pack)


@app.command(epilog="Example: tocsin forecast scores --at 2001-07-01T00:00:00Z --json")
def scores(store: StorePath = None, at: At = None, json: Json = False) -> None:
    """Score the forecasts that are kept against what came, beside the seasonal naive."""
    from tocsin.ops import forecasting

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = forecasting.score(office, moment(at) or now())
    columns: list[str | tuple[str, str]] = [
        "quantity",
        "method",
        "step",
        "forecasts",
        "pairs",
        ("crps", "CRPS"),
        ("crps_naive", "CRPS of the seasonal naive"),
        "skill",
        "coverage",
    ]
    output.emit(rows, columns, as_json=json, title="Scores of forecasts")


@app.command(
    epilog="Example: tocsin forecast nowcast -q air_transport.departures -r US-AIR-SEA --longest 6 "
    "--at 2001-02-28T21:05:00Z"
)
def nowcast(
    quantity: Annotated[str, typer.Option("--quantity", "-q", help="Id of a count of hours or days.")],
    region: Annotated[str, typer.Option("--region", "-r", help="Id of the region.")],
    method: Annotated[
        str, typer.Option("--method", help="lawless, bayes.notrunc.bnb, bayes.notrunc, bayes.trunc, unif.")
    ] = "lawless",
    longest: Annotated[int, typer.Option("--longest", min=1, help="Longest delay, in periods.")] = 14,
    periods: Annotated[int, typer.Option("--periods", min=2, help="Periods that teach the delays.")] = 60,
    most: Annotated[int, typer.Option("--most", min=1, help="Largest count thought possible.")] = 1000,
    store: StorePath = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Show what the newest counts of a series will be when the late reports are in."""
    from tocsin.ops import nowcasting

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = nowcasting.view(
            office,
            quantity=quantity,
            region=region,
            settings=nowcasting.Nowcast(method=method, most=most),
            longest=longest,
            periods=periods,
            at=moment(at) or now(),
        )
    numbers = ["reported", "mean", "sd", *(f"q{level:g}" for level in nowcasting.LEVELS)]
    output.emit(
        rows, ["valid_time", "age", *numbers], as_json=json, title=f"Nowcast of {quantity} in {region}"
    )
