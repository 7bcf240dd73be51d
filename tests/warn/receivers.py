"""Receivers on this machine's loopback: a mail server, a web hook, MQTT brokers; each can be taken down."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRET = "a-secret-of-both-sides-0123456789"
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as s:
        s.bind((HOST, 0))
        return int(s.getsockname()[1])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, address: Any) -> None:
        """A client that hangs up is no news."""


@dataclass
class Hook:
    """A web hook that checks signatures, knows copies by their id, and counts what came."""

    receipts: bool = False
    refuse: int = 0
    port: int = field(default_factory=free_port)
    came: list[tuple[str, str]] = field(default_factory=list)  # key, body
    forged: int = 0
    tls: ssl.SSLContext | None = None
    server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hook"

    def held(self) -> dict[str, str]:
        return dict(self.came)

    def start(self) -> None:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # a sender may keep its connection
            wbufsize = -1  # an answer in two packets would wait for an acknowledgement between them

            def do_OPTIONS(self) -> None:
                self.answer(204)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if hook.refuse:
                    self.answer(hook.refuse)
                    return
                key = self.headers.get("webhook-id")
                if key is None:  # a hub, or a service of apprise
                    plain = (
                        parse_qs(body.decode())["hub.url"][0]
                        if b"hub.url" in body
                        else json.loads(body)["message"]
                    )
                    hook.came.append((self.headers.get("idempotency-key", plain), plain))
                    self.answer(200)
                    return
                signed = f"{key}.{self.headers['webhook-timestamp']}.".encode() + body
                digest = hmac.digest(SECRET.encode(), signed, hashlib.sha256)
                if self.headers["webhook-signature"] != "v1," + base64.b64encode(digest).decode():
                    hook.forged += 1
                    self.answer(401)
                    return
                hook.came.append((key, body.decode()))
                self.answer(200, json.dumps({"receipt": key}).encode() if hook.receipts else b"")

            def answer(self, code: int, body: bytes = b"") -> None:
                self.send_response(code)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server((HOST, self.port), Handler)
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@dataclass
class Mailbox:
    """A mail server with one mailbox; letters with a Message-ID that it has are copies."""

    refuse: str = ""
    port: int = field(default_factory=free_port)
    letters: list[Any] = field(default_factory=list)
    controller: Any = None

    def held(self) -> dict[str, str]:
        """CAP messages by the key in their Message-ID."""
        found = {}
        for letter in self.letters:
            (attached,) = letter.iter_attachments()
            key = letter["Message-ID"].strip("<>").partition("@")[0]
            found[key] = attached.get_content().decode()
        return found

    def keys(self) -> Counter[str]:
        return Counter(x["Message-ID"].strip("<>").partition("@")[0] for x in self.letters)

    def start(self) -> None:
        from aiosmtpd.controller import Controller

        box = self

        class Handler:
            async def handle_RCPT(  # noqa: N802 - name of aiosmtpd
                self, server: Any, session: Any, envelope: Any, address: str, options: Any
            ) -> str:
                if box.refuse:
                    return box.refuse
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(  # noqa: N802
                self, server: Any, session: Any, envelope: Any
            ) -> str:
                box.letters.append(message_from_bytes(envelope.content, policy=policy.default))
                return "250 taken"

        self.controller = Controller(Handler(), hostname=HOST, port=self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, Any], timeout: float = 20) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def close(self) -> None:
        async def cancel() -> None:
            others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        with contextlib.suppress(Exception):
            self.run(cancel(), 5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@dataclass
class Broker:
    """The broker of amqtt (MQTT 3.1.1), and a subscriber to everything; told by its topic, a copy is one."""

    port: int = field(default_factory=free_port)
    came: list[tuple[str, bytes]] = field(default_factory=list)
    loop: Loop | None = None
    broker: Any = None
    listener: Any = None

    def held(self) -> dict[str, str]:
        return {topic: payload.decode() for topic, payload in self.came}

    def start(self) -> None:
        from amqtt.broker import Broker as Amqtt

        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.loop = Loop()

        async def up() -> None:
            self.broker = Amqtt(
                {
                    "listeners": {
                        "default": {"type": "tcp", "bind": f"{HOST}:{self.port}", "max_connections": 50}
                    },
                    "plugins": {
                        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                    },
                }
            )
            await self.broker.start()

        self.loop.run(up())
        ready = threading.Event()
        self.listener = asyncio.run_coroutine_threadsafe(self._listen(ready), self.loop.loop)
        assert ready.wait(10)

    async def _listen(self, ready: threading.Event) -> None:
        import aiomqtt

        async with aiomqtt.Client(HOST, self.port, protocol=aiomqtt.ProtocolVersion.V311) as client:
            await client.subscribe("#", qos=1)
            ready.set()
            async for message in client.messages:
                self.came.append((str(message.topic), bytes(message.payload)))

    def stop(self) -> None:
        if self.loop is not None:
            self.listener.cancel()
            with contextlib.suppress(Exception):
                self.loop.run(self.broker.shutdown(), 10)
            self.loop.close()
            self.loop = None


@dataclass
class Broker5:
    """As much of a broker of MQTT 5 as a sender meets: it keeps what is published, with its properties."""

    reason: int = 0
    port: int = field(default_factory=free_port)
    came: list[tuple[str, bytes, dict[str, Any]]] = field(default_factory=list)
    version: int = 0
    hello: bytes = b""
    tls: ssl.SSLContext | None = None
    server: Any = None

    def held(self) -> dict[str, str]:
        return {p["user"]["idempotency-key"]: body.decode() for _, body, p in self.came}

    def start(self) -> None:
        self.server = socket.create_server((HOST, self.port), backlog=64)
        threading.Thread(target=self._accept, args=(self.server,), daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            # closing alone leaves who waits in accept waiting
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
            self.server = None

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            if self.tls is not None:
                try:
                    client = self.tls.wrap_socket(client, server_side=True)
                except OSError:
                    client.close()
                    continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream, contextlib.suppress(OSError, EOFError, IndexError):
            while head := stream.read(1):
                body = stream.read(_number(stream))
                kind = head[0] >> 4
                if kind == 1:  # CONNECT: protocol name, version
                    self.version, self.hello = body[6], body
                    client.sendall(b"\x20\x03\x00\x00\x00")
                elif kind == 3:
                    assert head[0] >> 1 & 3 == 1, "at least once is QoS 1"
                    size = int.from_bytes(body[:2])
                    topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
                    name, rest = rest[:2], rest[2:]
                    properties, payload = _properties(rest)
                    if self.reason < 0x80:
                        self.came.append((topic, payload, properties | {"retain": bool(head[0] & 1)}))
                    client.sendall(b"\x40\x04" + name + bytes([self.reason, 0]))
                elif kind == 14:
                    return


def _number(stream: Any) -> int:
    total = shift = 0
    while True:
        byte = stream.read(1)[0]
        total |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return total


def _properties(data: bytes) -> tuple[dict[str, Any], bytes]:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    made = Properties(PacketTypes.PUBLISH)
    _, size = made.unpack(data)
    found = {
        "user": dict(getattr(made, "UserProperty", [])),
        "type": getattr(made, "ContentType", None),
        "expiry": getattr(made, "MessageExpiryInterval", None),
    }
    return found, data[size:]


@contextlib.contextmanager
def running(*receivers: Any) -> Iterator[None]:
    """Start all, and stop them whatever happens."""
    try:
        for one in receivers:
            one.start()
        yield
    finally:
        for one in receivers:
            one.stop()


def eventually(fact: Callable[[], bool], within: float = 5.0) -> bool:
    """Wait until something is so; what has been sent over a socket arrives a moment later."""
    end = time.monotonic() + within
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
