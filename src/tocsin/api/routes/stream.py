"""News as server-sent events: a page that listens reads again only when something changed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tocsin.api.gate import COOKIE, Desk, Guest, Here, needs
from tocsin.api.problems import Problem
from tocsin.ops import access
from tocsin.ops.queries import News, Watch

ROUTER = APIRouter(tags=["picture"])

EVERY = 1.0
"""Seconds between two looks at the store."""

BEAT = 15
"""Looks without news after which a comment is sent, so that nobody on the way closes the line."""


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


class Bulletin:
    """News of one office, looked for once however many listen.

    Parameters
    ----------
    desk : Desk
        Office and clock.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._kept: deque[tuple[int, News]] = deque(maxlen=1000)
        self._last = 0
        self._looked = float("-inf")

    def begin(self) -> int:
        """Number of the newest piece of news: what comes after it is new to who begins to listen."""
        with self._lock:
            self._look(0.0)
            return self._last

    def after(self, last: int) -> tuple[int, list[News]]:
        """What came after a number, and the number to ask with next."""
        with self._lock:
            self._look(EVERY * 0.9)
            return self._last, [news for number, news in self._kept if number > last]

    def _look(self, rest: float) -> None:
        if time.monotonic() - self._looked < rest:
            return
        now = self._desk.clock()
        if self._watch is None:
            self._watch = Watch(self._desk.office, now)
        for news in self._watch.poll(now):
            self._last += 1
            self._kept.append((self._last, news))
        self._looked = time.monotonic()


@ROUTER.get("/stream", response_class=EventStream, **needs(None))
def stream(request: Request, here: Here, guest: Guest) -> Response:
    """Events `cycle` {at}, `alert` {id, revision, state}, `call` {id, at, text} and `feed` {id, outcome}.

    A `call` says that a warning has waited too long, or that a review is overdue; `delivery` {alert,
    recipient, state} that somebody will not get a warning. Only staff gets them.
    """
    if here.streams.closing or here.streams.open >= here.streams.most:
        text = f"stream: got too many, allowed: {here.streams.most} at a time"
        raise Problem(503, text, {"Retry-After": "10"})
    bulletin: Bulletin = request.app.state.bulletin
    token = None if guest is None else request.cookies.get(COOKIE)
    events = _events(request, here, bulletin, bulletin.begin(), token)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(events, headers=headers)


async def _events(
    request: Request, here: Desk, bulletin: Bulletin, last: int, token: str | None
) -> AsyncIterator[str]:
    here.streams.open += 1
    try:
        yield "retry: 2000\n\n"
        quiet = 0
        while not here.streams.closing and not await request.is_disconnected():
            last, news = await run_in_threadpool(bulletin.after, last)
            if token and await run_in_threadpool(access.visitor, here.office, token, here.clock()) is None:
                break  # the session ended, or its account was disabled: the page asks again as what it is now
            told = [n for n in news if token or n.public]
            for one in told:
                yield f"event: {one.kind}\ndata: {json.dumps(one.said)}\n\n"
            quiet = 0 if told else quiet + 1
            if quiet >= BEAT:
                quiet = 0
                yield ": still here\n\n"
            await asyncio.sleep(EVERY)
    finally:
        here.streams.open -= 1
