"""``tocsin respond``: playbooks and their tasks."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import As, At, Json, StorePath, actor, moment, now, open_store_office

app = group("Response: playbooks and their tasks.")


@app.command("list", epilog="Example: tocsin respond list")
def list_(json: Json = False) -> None:
    """List the playbooks."""
    from tocsin.ops import response

    rows = response.playbooks()
    if json:
        output.emit(rows, [], as_json=True)
        return
    shown = [{**r, "tasks": len(r["tasks"]), "roles": list(r["roles"].values())} for r in rows]
    output.emit(
        shown, ["id", "title", "domain", "levels", "tasks", "roles"], as_json=False, title="Playbooks"
    )


@app.command(epilog="Example: tocsin respond activate us.exercise.20261123T210000Z.SEA.1 --as duty")
def activate(
    alert: Annotated[str, typer.Argument(metavar="WARNING", help="Id of an issued warning.")],
    as_: As,
    playbook: Annotated[
        str | None, typer.Option("--playbook", help="Its id; that of domain and level if not given.")
    ] = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Open the tasks of a playbook for a warning; those that are open already are not opened twice."""
    from tocsin.model import to_plain
    from tocsin.ops import response

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who = actor(office, as_)
        opened = response.activate(office, alert, who, at=now(), playbook=playbook)
    output.emit(
        [to_plain(t) for t in opened],
        ["id", "title", "owner", "due_at"],
        as_json=json,
        title="Tasks opened",
        empty="none that was not there already",
    )


@app.command(epilog="Example: tocsin respond tasks --at 2001-02-28T22:00:00Z --open")
def tasks(
    warning: Annotated[str | None, typer.Option("--warning", help="Only of this chain.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only what is still to be done.")] = False,
    done: Annotated[str | None, typer.Option("--done", metavar="TASK", help="Mark as done.")] = None,
    drop: Annotated[str | None, typer.Option("--drop", metavar="TASK", help="Drop, with --reason.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")] = "",
    as_: Annotated[str | None, typer.Option("--as", metavar="ACCOUNT", help="Account that acts.")] = None,
    at: At = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """List tasks, the next due first; or settle one."""
    from tocsin.ops import commands, queries

    if (done or drop) and as_ is None:
        raise typer.BadParameter("--as: got none, allowed: the account that settles the task")
    if done and drop:
        raise typer.BadParameter("got --done and --drop, allowed: one of them")
    office = open_store_office(store)
    with contextlib.closing(office.store):
        if as_ is not None and (done or drop):
            who = actor(office, as_)
            commands.settle_task(office, done or drop or "", who, done=bool(done), reason=reason, at=now())
        rows = queries.responses(office, moment(at), now(), state="open" if open_ else None, alert=warning)
    output.emit(rows, ["due_at", "state", "owner", "title", "alert", "id"], as_json=json, title="Tasks")
