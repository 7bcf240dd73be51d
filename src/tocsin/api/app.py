"""The application: routes over one office, with the clock given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

import tocsin
from tocsin.api import problems
from tocsin.api.gate import Desk
from tocsin.api.routes import (
    accountable,
    authorities,
    delivery,
    front,
    languages,
    matrix,
    people,
    picture,
    stream,
    suppressed,
    text,
    warnings,
    world,
)
from tocsin.api.shield import Headed, Limited, Tagged
from tocsin.ops.office import Office

_ABOUT = """Views of what is known at any moment (`asof`), and the steps in the life of a warning.

Every error is a problem detail (RFC 9457). Lists are pages with a cursor in `next`. Every GET has an ETag.
Steps with a warning need `If-Match` with the version that was decided on, and the session's `X-CSRF-Token`.
`x-permission` of an operation names what it asks for; `open` needs no log-in."""


def create_app(
    office: Office,
    *,
    clock: Callable[[], datetime],
    open_at: datetime | None = None,
    static: Path | None = None,
) -> FastAPI:
    """Make the application of one office; it starts no thread and reads no clock of its own.

    Parameters
    ----------
    office : Office
        Store and country.
    clock : callable
        Gives the wall time, aware.
    open_at : datetime, optional
        Moment of a replay on which the page opens; without it the page opens live.
    static : Path, optional
        Folder of the built front; that of the package by default.

    Returns
    -------
    FastAPI
        ``app.state.streams.close()`` ends the open streams, for a server that is told to stop.
    """
    folder = static or Path(tocsin.__file__).parent / "static"
    desk = Desk(office=office, clock=clock, open_at=open_at, static=folder)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.streams.close()

    problem = {
        "description": "Problem details (RFC 9457)",
        "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM}},
    }
    app = FastAPI(
        title="Tocsin",
        summary="Open all-hazards risk monitoring and early warning",
        description=_ABOUT,
        version=tocsin.__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        responses={"default": problem},
        redirect_slashes=False,
    )
    app.state.desk, app.state.streams = desk, desk.streams
    app.state.bulletin = stream.Bulletin(desk)
    problems.install(app)
    views = (
        picture.ROUTER,
        warnings.ROUTER,
        languages.ROUTER,
        accountable.ROUTER,
        suppressed.ROUTER,
        delivery.ROUTER,
        matrix.ROUTER,
        authorities.ROUTER,
        people.ROUTER,
        stream.ROUTER,
    )
    for router in views:
        app.include_router(router, prefix="/api/v1")
    for router in (world.ROUTER, text.ROUTER, front.ROUTER):
        app.include_router(router)
    # The last one added is the outermost.
    app.add_middleware(Tagged)
    app.add_middleware(Limited)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(Headed)
    return app


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
