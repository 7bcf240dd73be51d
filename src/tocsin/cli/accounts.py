"""``tocsin accounts``: who may log in, under which role; every change is on the record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli import output
from tocsin.cli.group import group
from tocsin.cli.options import As, Json, StorePath, actor, now, open_store_office

if TYPE_CHECKING:
    from tocsin.model import Role

app = group("Accounts of staff: who may log in, under which role.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As 'tocsin accounts list' shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words: it goes on record.")]
NEW_PASSWORD = "TOCSIN_NEW_PASSWORD"  # noqa: S105 - the name of a variable


@app.command("list", epilog="Example: tocsin accounts list")
def list_(store: StorePath = None, json: Json = False) -> None:
    """List the accounts with their roles; passwords are not kept."""
    from tocsin.ops import accounts

    office = open_store_office(store)
    with contextlib.closing(office.store):
        rows = accounts.list_accounts(office)
    output.emit(rows, ["account", "role", "disabled", "changed_at"], as_json=json, title="Accounts")


@app.command(epilog="Example: tocsin accounts add second --role duty_officer --as root")
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Letters, digits, '.', '_', '-', '@'; 64 at most.")
    ],
    as_: As,
    role: Annotated[str, typer.Option("--role", help="viewer, analyst, duty_officer …")],
    reason: Reason = "",
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Make an account, or give one a role and a new password (TOCSIN_NEW_PASSWORD, or asked for)."""
    from tocsin.ops import accounts

    wanted = read_role(role, "--role")
    _change(accounts.put_account, name, as_, reason, store, json=json, role=wanted, new_password=True)


@app.command(epilog="Example: tocsin accounts password duty --as root --reason 'a shift has changed'")
def password(name: Name, as_: As, reason: Reason = "", store: StorePath = None, json: Json = False) -> None:
    """Give an account a new password (TOCSIN_NEW_PASSWORD, or asked for), which ends its sessions."""
    from tocsin.ops import accounts

    _change(accounts.set_password, name, as_, reason, store, json=json, new_password=True)


@app.command(epilog="Example: tocsin accounts disable duty --as root --reason 'the password was shared'")
def disable(name: Name, as_: As, reason: Reason = "", store: StorePath = None, json: Json = False) -> None:
    """Close an account: its sessions end at once; never the last administrator (exit 4)."""
    from tocsin.ops import accounts

    _change(accounts.disable, name, as_, reason, store, json=json)


@app.command(epilog="Example: tocsin accounts enable duty --as root")
def enable(name: Name, as_: As, reason: Reason = "", store: StorePath = None, json: Json = False) -> None:
    """Open a disabled account again, with the password that it had."""
    from tocsin.ops import accounts

    _change(accounts.enable, name, as_, reason, store, json=json)


def _change(
    change: Callable[..., Any],
    name: str,
    account: str,
    reason: str,
    store: Any,
    *,
    json: bool,
    role: Role | None = None,
    new_password: bool = False,
) -> None:
    from tocsin.ops import accounts

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who = actor(office, account)
        more: list[Any] = [] if role is None else [role]
        if new_password:
            more.append(ask(name, NEW_PASSWORD))
        try:
            change(office, name, *more, at=now(), actor=who, reason=reason)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        row = next(r for r in accounts.list_accounts(office) if r["account"] == name)
    output.fields(row, as_json=json)


def ask(name: str, variable: str) -> str:
    """A password to be set: from the environment, else typed twice."""
    told = os.environ.get(variable)
    if told is not None:
        return told
    typed: str = typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def read_role(text: str, option: str) -> Role:
    """A role of staff by its name.

    Raises
    ------
    typer.BadParameter
        When there is none.
    """
    from tocsin.model import Role

    roles = [str(r) for r in Role if r is not Role.SYSTEM]
    if text not in roles:
        raise typer.BadParameter(f"{option}: got {text!r}, allowed: {', '.join(roles)}")
    return Role(text)
