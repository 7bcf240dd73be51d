"""Who may pass: the session of a request, its word against forgery, the permission of a route."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from tocsin.api.problems import Problem
from tocsin.govern.permissions import Permission, require
from tocsin.ops import access
from tocsin.ops.access import Tries, Visitor
from tocsin.ops.office import Office

OPEN = "open"
"""What a route declares that needs no log-in."""

COOKIE = "tocsin-session"
CSRF = "X-CSRF-Token"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True, eq=False)
class Streams:
    """Open streams of one server, so that it can end them."""

    most: int = 200
    open: int = 0
    closing: bool = False

    def close(self) -> None:
        """Let every stream end at its next look; call it when the server is told to stop."""
        self.closing = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Desk:
    """What every route needs.

    Parameters
    ----------
    office : Office
        Store and country.
    clock : callable
        Gives the wall time, aware.
    open_at : datetime or None
        Moment of a replay on which the page opens.
    static : Path
        Folder of the built front.
    tries : Tries
        Attempts to log in.
    hashing : Semaphore
        How many passwords are hashed at once: each takes 64 MiB.
    streams : Streams
        Open streams.
    """

    office: Office
    clock: Callable[[], datetime]
    open_at: datetime | None
    static: Path
    tries: Tries = field(default_factory=Tries)
    hashing: threading.Semaphore = field(default_factory=lambda: threading.BoundedSemaphore(2))
    streams: Streams = field(default_factory=Streams)


async def desk(request: Request) -> Desk:
    """The desk of this application."""
    here: Desk = request.app.state.desk
    return here


Here = Annotated[Desk, Depends(desk)]


def visitor(request: Request, here: Here) -> Visitor | None:
    """Who is logged in; None for the public."""
    return access.visitor(here.office, request.cookies.get(COOKIE), here.clock())


Guest = Annotated[Visitor | None, Depends(visitor)]


def member(guest: Guest) -> Visitor:
    """Who is logged in; a route that asks for a permission has one."""
    if guest is None:
        raise Problem(401, "session: got none, allowed: log in first")
    return guest


Member = Annotated[Visitor, Depends(member)]


def needs(permission: Permission | None, *, word: bool = True) -> dict[str, Any]:
    """Declare what a route asks for: keyword arguments of its decorator.

    Parameters
    ----------
    permission : Permission or None
        None for what is open to all; a write needs the session's word even then if there is a session.
    word : bool
        False for the log-in itself, which has no session to speak of yet.
    """

    def check(request: Request, guest: Guest) -> None:
        if request.method not in _READS:
            _own(request)
            if word and guest is not None and not guest.says(request.headers.get(CSRF)):
                raise Problem(403, f"{CSRF}: got none or another one, allowed: the word of this session")
        if permission is not None:
            require(member(guest).actor.role, permission)

    return {
        "dependencies": [Depends(check)],
        "openapi_extra": {"x-permission": OPEN if permission is None else str(permission)},
    }


def caller(request: Request) -> str:
    """Address that a request came from; of IPv6 the network, whose addresses are free to whoever has it.

    A server behind a proxy learns the address from it: see ``forwarded_allow_ips`` of uvicorn.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False))
    return str(address)


def _own(request: Request) -> None:
    """Refuse a write that a page of another site sends."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"} or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise Problem(403, "origin: got another site, allowed: the page of this server")
