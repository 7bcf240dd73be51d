"""``tocsin warnings shelve``, ``unshelve``, ``shelved``: what the desk need not be asked about."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.options import As, At, Json, StorePath, actor, moment, now, open_store_office

Why = Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group of warnings."""
    app.command(
        epilog="Example: tocsin warnings shelve --as duty --domain air_transport --region US-53 --hours 6 "
        "--reason 'runway works at Seattle until midnight'"
    )(shelve)
    app.command(
        epilog="Example: tocsin warnings unshelve us.silence.20261124T023000000000Z.duty --as duty "
        "--reason 'works are over'"
    )(unshelve)
    app.command(epilog="Example: tocsin warnings shelved")(shelved)


def shelve(
    as_: As,
    reason: Why,
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=168, help="How long it holds.")],
    domain: Annotated[list[str] | None, typer.Option("--domain", help="Id; may be repeated.")] = None,
    hazard: Annotated[
        list[str] | None, typer.Option("--hazard", help="Event as the warnings call it; may be repeated.")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", "-r", help="Id, with all inside it; may be repeated.")
    ] = None,
    max_level: Annotated[
        int, typer.Option("--max-level", min=1, max=3, help="Highest level that it holds back.")
    ] = 2,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Ask the system not to ask about certain warnings for a while; what it holds back stays visible."""
    from datetime import timedelta

    from tocsin.ops import shelving

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who, at = actor(office, as_), now()
        wish = shelving.Wish(
            ends=at + timedelta(hours=hours),
            domains=tuple(domain or ()),
            hazards=tuple(hazard or ()),
            regions=tuple(region or ()),
            max_level=max_level,
        )
        try:
            made = shelving.shelve(office, wish, who, reason=reason, at=at)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    _tell(made, json=json)


def unshelve(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As 'tocsin warnings shelved' shows it.")],
    as_: As,
    reason: Why,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """End a silence before its time; what it held back is asked at the next cycle."""
    from tocsin.ops import shelving

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who = actor(office, as_)
        made = shelving.unshelve(office, id_, who, reason=reason, at=now())
    _tell(made, json=json)


def shelved(at: At = None, store: StorePath = None, json: Json = False) -> None:
    """List the silences that hold, with what each holds back."""
    from tocsin.ops import queries

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = queries.shelved(office, moment(at), now())
    output.emit(
        rows,
        ["id", "ends", "domains", "hazards", "regions", "max_level", "author", "reason", "holding"],
        as_json=json,
        title="Silences",
    )


def _tell(silence: Any, *, json: bool) -> None:
    from tocsin.ops.shelving import words
    from tocsin.ops.suppression import plain

    if json:
        output.emit_json(plain(silence))
    else:
        print(f"{silence.id}: {words(silence)}")
