"""``tocsin warnings review`` and ``reviews``: what one officer did alone, looked at by another."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import As, At, Json, StorePath, actor, moment, now, open_store_office


def register(app: typer.Typer) -> None:
    """Add the commands to the group of warnings."""
    app.command(
        epilog="Example: tocsin warnings review us.seismic.20261123T210000Z.53033.1 --as root "
        "--verdict upheld --finding 'eight seconds were left; the text was right'"
    )(review)
    app.command(epilog="Example: tocsin warnings reviews --due")(reviews)


def review(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Warning that one officer approved alone.")],
    as_: As,
    verdict: Annotated[str, typer.Option("--verdict", help="upheld or wrong.")],
    finding: Annotated[str, typer.Option("--finding", help="What was found, in words.")],
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Put on record what you found of an approval under break-glass; nobody reviews their own (exit 4)."""
    from tocsin.ops import reviews

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who = actor(office, as_)
        row = reviews.review(office, id_, who, verdict=verdict, finding=finding, at=now())
    if json:
        output.emit_json(dict(row))
    else:
        print(f"{row['alert']}: {row['verdict']}, reviewed by {row['reviewed_by']}")


def reviews(
    due: Annotated[bool, typer.Option("--due", help="Only those that nobody has reviewed.")] = False,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """List approvals under break-glass with their reviews; exit 1 when one is overdue."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = queries.reviews(office, moment(at), now(), due=due)
    output.emit(
        rows,
        ["alert", "account", "policy", "reason", "at", "due", "overdue", "verdict", "reviewed_by", "finding"],
        as_json=json,
        title="Break-glass",
    )
    return FOUND_WRONG if any(row["overdue"] for row in rows) else DONE
