"""Options that many commands share, and how their words become values."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin.ops.commands import Actor
    from tocsin.ops.office import Office

StorePath = Annotated[
    Path | None,
    typer.Option("--store", metavar="PATH", help="Folder of the store. [TOCSIN_STORE, else .tocsin]"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON Lines with stable keys, for programs.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As known at this time (ISO 8601 with zone). [now]"),
]
Start = Annotated[str | None, typer.Option("--start", metavar="TIME", help="First time.")]
End = Annotated[
    str | None, typer.Option("--end", metavar="TIME", help="Time at which it ends, not included.")
]
As = Annotated[
    str,
    typer.Option(
        "--as", metavar="ACCOUNT", help="Account that acts; password from TOCSIN_PASSWORD or asked for."
    ),
]
Match = Annotated[
    str | None,
    typer.Option("--match", metavar="ETAG", help="Refuse unless the warning is still at this version."),
]
Packages = Annotated[
    Path, typer.Option("--packages", metavar="PATH", help="Folder with the npm packages of the data.")
]


def now() -> datetime:
    """Wall time: the command line is one of the doors, time is an argument behind it."""
    return datetime.now(UTC)


def store_path(path: Path | None) -> Path:
    """Folder of the store: the option, else ``TOCSIN_STORE``, else ``.tocsin``."""
    return path or Path(os.environ.get("TOCSIN_STORE") or ".tocsin")


def moment(text: str | None, name: str = "--at") -> datetime | None:
    """Read a time option.

    Raises
    ------
    typer.BadParameter
        Without a zone, or when it is no time.
    """
    from tocsin.model import parse_time

    if text is None:
        return None
    try:
        return parse_time(text, name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def valid_moment(text: str | None, name: str) -> datetime | None:
    """Read a time that values are valid for: also a day or an ISO week."""
    from tocsin.model import parse_valid_time

    if text is None:
        return None
    try:
        return parse_valid_time(text, name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def open_store_office(path: Path | None, *, create: bool = False) -> Office:
    """Open the store, with the country and the domains that its settings name."""
    from tocsin.ops.config import read_settings
    from tocsin.ops.office import open_office

    folder = store_path(path)
    settings = read_settings(folder)
    return open_office(
        folder,
        pack=settings.pack,
        domains=settings.domains or None,
        create=create,
        keep=settings.memory.keep_mb * 2**20,
    )


def actor(office: Office, account: str) -> Actor:
    """Who acts, once the password is right.

    Raises
    ------
    AuthorityError
        When account or password are wrong.
    """
    from tocsin.ops.access import authenticate
    from tocsin.ops.commands import Actor

    password = os.environ.get("TOCSIN_PASSWORD")
    if password is None:
        password = typer.prompt(f"Password of {account}", hide_input=True, err=True)
    found = authenticate(office, account, password, now())
    return Actor(account=found.name, role=found.role)
