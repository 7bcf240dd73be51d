"""``tocsin warnings deliveries`` and ``reach``: what arrived, and whether the channels work."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.main import DONE, FOUND_WRONG
from tocsin.cli.options import Json, StorePath, now, open_store_office

STATES = ("pending", "failed", "accepted", "delivered", "dead")


def register(app: typer.Typer) -> None:
    """Add the commands to the group of warnings."""
    app.command(epilog="Example: tocsin warnings deliveries --state dead")(deliveries)
    app.command(epilog="Example: tocsin warnings reach --test")(reach)


def deliveries(
    id: Annotated[  # noqa: A002
        str | None, typer.Argument(metavar="[ID]", help="Of one warning; of all when left out.")
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help=f"Only {', '.join(STATES)}.")] = None,
    drill: Annotated[bool, typer.Option("--drill", help="Of exercises and tests.")] = False,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """What became of each message; exit 1 when one was given up.

    "accepted" is the word of a channel, only "delivered" that of the receiver itself.
    """
    from tocsin.ops import queries

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state: got {state!r}, allowed: {', '.join(STATES)}")
    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = queries.deliveries(office, alert=id, state=state, drill=drill)
    output.emit(
        rows,
        ["alert", "recipient", "channel", "state", "queued", "answered", "attempts", "detail"],
        as_json=json,
        title="Deliveries",
    )
    return FOUND_WRONG if any(row["state"] == "dead" for row in rows) else DONE


def reach(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message to all drill recipients.")
    ] = False,
    store: StorePath = None,
    json: Json = False,
) -> int:
    """What tests of the channels gave: share and delay by recipient; exit 1 when one does not work.

    Real warnings are not counted. "unknown" is not well: nobody on the other side says that tests arrive.
    """
    from tocsin.ops import reach as measured

    office = open_store_office(store)
    with contextlib.closing(office.store):
        if test:
            measured.send_test(office, at=now())
            measured.carry(office, clock=now)
        rows = measured.reach(office, now())
    output.emit(
        rows,
        ["recipient", "channel", "audience", "state", "tests", "taken", "confirmed", "delay_s", "words"],
        as_json=json,
        title="Reach",
    )
    return FOUND_WRONG if any(row["state"] in ("failed", "silent") for row in rows) else DONE
