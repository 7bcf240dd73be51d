"""``tocsin series``: values as known at a moment, their revisions, in and out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import At, End, Json, Start, StorePath, moment, now, open_store_office, valid_moment

if TYPE_CHECKING:
    import pyarrow as pa

app = group("Values as known at a moment, their revisions, in and out.")

Quantity = Annotated[str, typer.Option("--quantity", "-q", help="Id, such as air_transport.departures.")]
Regions = Annotated[list[str] | None, typer.Option("--region", "-r", help="Id; may be repeated. [all]")]
COLUMNS = ["quantity", "region", "valid_time", "value", "missing", "known_at", "source", "basis"]


@contextlib.contextmanager
def _cells(
    store: Path | None,
    quantity: str,
    region: list[str] | None,
    start: str | None,
    end: str | None,
    at: str | None,
) -> Iterator[pa.Table]:
    """What the options of a selection choose, as known at their moment; the store is open meanwhile."""
    from tocsin.ops import exchange

    office = open_store_office(store)
    with contextlib.closing(office.store):
        yield exchange.cells(
            office,
            quantity=quantity,
            regions=region,
            start=valid_moment(start, "--start"),
            end=valid_moment(end, "--end"),
            at=moment(at) or now(),
        )


@app.command(
    "as-of",
    epilog="Example: tocsin series as-of -q air_transport.departures -r US-AIR-SEA "
    "--start 2001-02-28T12:00:00Z --end 2001-03-01T00:00:00Z --at 2001-02-28T21:05:00Z",
)
def as_of(
    quantity: Quantity,
    region: Regions = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Show the newest value of each period that was known at a moment."""
    from tocsin.ops import exchange

    with _cells(store, quantity, region, start, end, at) as table:
        output.emit(exchange.rows(table), COLUMNS, as_json=json)


@app.command(
    epilog="Example: tocsin series revisions -q air_transport.arrival_delay -r US-AIR-SEA "
    "--time 2001-02-28T18:00:00Z"
)
def revisions(
    quantity: Quantity,
    region: Annotated[str, typer.Option("--region", "-r", help="Id.")],
    time: Annotated[str | None, typer.Option("--time", help="Of one period; all if not given.")] = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Show every version of the values of a series, with the moment from which each was known."""
    from tocsin.ops import exchange

    office = open_store_office(store)
    with contextlib.closing(office.store):
        table = exchange.revisions(
            office, quantity=quantity, region=region, time=valid_moment(time, "--time")
        )
    output.emit(exchange.rows(table), COLUMNS, as_json=json)


@app.command("import", epilog="Example: tocsin series import gauges.csv --source desk_gauges")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)],
    source: Annotated[str, typer.Option("--source", help="Id under which the rows are kept.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Keep rows of CSV or Parquet files as observations, with the hash of the file as what they rest on."""
    from tocsin.model import to_plain
    from tocsin.ops import intake

    office = open_store_office(store)
    with contextlib.closing(office.store), output.progress() as tell:
        done = []
        for number, path in enumerate(files):
            tell(path.name, number, len(files))
            one = intake.import_table(office, path, source=source, at=now())
            done.append({"file": str(path), **to_plain(one)})
    output.emit(done, ["file", "source", "observations", "unchanged", "message"], as_json=json)


@app.command(
    epilog="Example: tocsin series export -q air_transport.departures --at 2001-03-05T18:05:00Z "
    "--output departures.parquet"
)
def export(
    quantity: Quantity,
    region: Regions = None,
    start: Start = None,
    end: End = None,
    at: At = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .csv or .parquet file; CSV on standard output.")
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Write values as known at a moment to a file."""
    from tocsin.ops import intake

    with _cells(store, quantity, region, start, end, at) as table:
        for lines in intake.write_table(table, out):
            typer.echo(lines, nl=False)
    if out is not None:
        output.fields({"file": str(out), "rows": table.num_rows}, as_json=json)
