"""News as server-sent events: a page that listens reads again only when something changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tocsin.api.gate import Desk, Guest, Here, needs
from tocsin.api.problems import Problem
from tocsin.ops.queries import Watch

ROUTER = APIRouter(tags=["picture"])

EVERY = 1.0
"""Seconds between two looks at the store."""

BEAT = 15
"""Looks without news after which a comment is sent, so that nobody on the way closes the line."""


@ROUTER.get("/stream", **needs(None))
def stream(request: Request, here: Here, guest: Guest) -> Response:
    """Events `cycle` {at}, `alert` {id, revision, state} and `feed` {id, outcome}, as they happen."""
    if here.streams.closing or here.streams.open >= here.streams.most:
        raise Problem(
            503, f"stream: got too many, allowed: {here.streams.most} at a time", {"Retry-After": "10"}
        )
    watch = Watch(here.office, here.clock())
    return StreamingResponse(
        _events(request, here, watch, desk=guest is not None),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(request: Request, here: Desk, watch: Watch, *, desk: bool) -> AsyncIterator[str]:
    here.streams.open += 1
    try:
        yield "retry: 2000\n\n"
        quiet = 0
        while not here.streams.closing and not await request.is_disconnected():
            news = await run_in_threadpool(watch.poll, here.clock(), desk=desk)
            for kind, said in news:
                yield f"event: {kind}\ndata: {json.dumps(said)}\n\n"
            quiet = 0 if news else quiet + 1
            if quiet >= BEAT:
                quiet = 0
                yield ": still here\n\n"
            await asyncio.sleep(EVERY)
    finally:
        here.streams.open -= 1
