"""``tocsin verify``: warnings against what then happened."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import At, Json, Packages, StorePath, moment, now, open_store_office, store_path

app = group("Verification: warnings against what then happened.")

NODE_MODULES = Path("node_modules")
COLUMNS = ["issued", "verdict", "level", "lead_s", "names", "local_dates", "domain"]


@app.command(epilog="Example: tocsin verify ledger --json")
def ledger(
    domain: Annotated[str | None, typer.Option("--domain", help="Only this one.")] = None,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """List every warning with its verdict, every miss, and the rate against the budget."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        try:
            entries, summaries = queries.ledger(office, moment(at), now(), domain)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    if json:
        output.emit([*entries, *summaries], [], as_json=True)
        return
    output.emit(
        [{**e, "verdict": e["verdict"] if e["entry"] == "warning" else "MISS"} for e in entries],
        COLUMNS,
        as_json=False,
        title="Ledger",
    )
    for row in summaries:
        output.fields(row, as_json=False, title=f"Summary: {row['domain']}")


@app.command(
    epilog="Example: tocsin verify hindcast --start 2001-01-01T06:05:00Z --end 2001-03-01T05:05:00Z "
    "--domain air_transport"
)
def hindcast(
    start: Annotated[str, typer.Option("--start", metavar="TIME", help="First cycle.")],
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="Last cycle.")],
    domain: Annotated[list[str] | None, typer.Option("--domain", help="May be repeated.")] = None,
    packages: Packages = NODE_MODULES,
    scratch: Annotated[
        Path | None, typer.Option("--scratch", help="Keep the store of the hindcast in this new folder.")
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """Replay a stretch of the packaged past in a store of its own, from nothing, and score it.

    Where --store holds cycles of the same plan and times, they are compared; exit 1 when one differs.
    """
    from tocsin.ops import hindcast as past

    first, last = moment(start, "--start"), moment(end, "--end")
    if first is None or last is None or last < first:
        raise typer.BadParameter("--end: allowed: not before --start")
    with output.progress() as tell:

        def told(done: int, all_: int, at: datetime) -> None:
            tell(f"{at:%Y-%m-%d}", done, all_)

        office = open_store_office(store) if past.is_store(store_path(store)) else None
        with contextlib.ExitStack() as stack:
            if office is not None:
                stack.enter_context(contextlib.closing(office.store))
            found = past.hindcast(
                packages,
                start=first,
                end=last,
                domains=domain or [],
                beside=office,
                folder=scratch,
                now=now(),
                progress=told,
            )
    if json:
        output.emit([*found.entries, *found.summaries, found.run], [], as_json=True)
    else:
        output.emit(found.entries, COLUMNS, as_json=False, title="Ledger")
        for row in found.summaries:
            output.fields(row, as_json=False, title=f"Summary: {row['domain']}")
        output.fields(found.run, as_json=False, title="Run")
    return FOUND_WRONG if found.run["differ"] else DONE
