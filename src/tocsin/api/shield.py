"""Around every request: limits of size, security headers, ETags of what is read."""

from __future__ import annotations

import hashlib
import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.api.problems import MEDIA_TYPE, body, uncaught

MOST_BODY = 64 * 1024
"""Bytes that a request may carry."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer."""


class Headed:
    """Puts the security headers on every answer, also on that of an error nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def headed(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        try:
            await self.app(scope, receive, headed)
        except Exception as error:  # noqa: BLE001 - the last door: what comes here is logged whole
            answer = uncaught(scope["method"], scope["path"], error)
            if not begun:
                await answer(scope, receive, headed)


class Limited:
    """Refuses bodies that are too long, whether they say so or not."""

    def __init__(self, app: ASGIApp, most: int = MOST_BODY) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdigit() or int(told) > self.most:
            await self._refuse(send)
            return
        # The whole body is read first: it is short, and a handler must not have begun when it is refused.
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            part = message.get("body", b"")
            size += len(part)
            if size > self.most:
                await self._refuse(send)
                return
            parts.append(part)
            more = message.get("more_body", False)
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self.app(scope, whole, send)

    async def _refuse(self, send: Send) -> None:
        text = json.dumps(body(413, f"body: got too much, allowed: {self.most} bytes")).encode()
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(text)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})


class Tagged:
    """Gives every answer to a GET an ETag, and answers 304 to who has it already; streams pass through.

    A HEAD is answered as the GET would be, without its body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        scope = {**scope, "method": "GET"}
        held: Message | None = None
        parts: list[bytes] = []
        wanted = Headers(scope=scope).get("if-none-match")

        async def tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                stream = headers.get("content-type", "").startswith("text/event-stream")
                if message["status"] != 200 or stream:
                    await send(message)
                else:
                    held = message
                return
            if held is None or message["type"] != "http.response.body":
                await send(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            content = b"".join(parts)
            headers = MutableHeaders(scope=held)
            if "etag" not in headers:
                headers["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
            headers.setdefault("Cache-Control", "no-cache")
            if wanted is not None and matches(wanted, headers["ETag"]):
                for name in ("content-length", "content-type", "content-encoding"):
                    if name in headers:
                        del headers[name]
                await send({**held, "status": 304})
                await send({"type": "http.response.body", "body": b""})
                return
            await send(held)
            await send({"type": "http.response.body", "body": b"" if head else content})

        await self.app(scope, receive, tagged)


def matches(header: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names this version, compared weakly.

    Examples
    --------
    >>> matches('W/"a", "b"', '"a"'), matches("*", '"a"'), matches('"c"', '"a"')
    (True, True, False)
    """
    tags = [t.strip().removeprefix("W/") for t in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
