"""``tocsin serve``: the page and the API on one port, the live loops beside them."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.logs import Format, Level, LogFormat, LogLevel, told
from tocsin.cli.options import At, StorePath, moment, now, open_store_office, store_path

if TYPE_CHECKING:
    from tocsin.feeds import Fetcher
    from tocsin.ops.config import Settings
    from tocsin.ops.office import Office

TRIES = 20
"""Ports tried from the first one on."""

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port; the next free one if it is taken. [8750]"),
]
Live = Annotated[bool, typer.Option("--live/--no-live", help="Read the live feeds and run live cycles.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: tocsin serve --store .tocsin --port 8750 --no-live")(serve)


def serve(
    store: StorePath = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on. [127.0.0.1]")] = None,
    port: Port = None,
    live: Live = True,
    at: At = None,
    log_level: LogLevel = Level.INFO,
    log_format: LogFormat = Format.PLAIN,
) -> None:
    """Serve the page, the API and the public CAP feed until stopped."""
    from tocsin.ops.config import read_settings

    opened = moment(at)
    office = open_store_office(store)
    try:
        with told(log_level, log_format):
            run(office, read_settings(store_path(store)), host=host, port=port, live=live, open_at=opened)
    finally:
        office.store.close()


def run(
    office: Office,
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    live: bool,
    open_at: datetime | None = None,
    once: bool = False,
) -> None:
    """Serve until a signal, and say on one line where the page can be opened.

    Parameters
    ----------
    office : Office
        Store and country.
    settings : Settings
        Of the store.
    host : str, optional
        As set in the store if not given.
    port : int, optional
        As set in the store if not given.
    live : bool
        Whether the live loops run beside it.
    open_at : datetime, optional
        Moment on which the page opens in replay.
    once : bool
        Stop as soon as the page can be opened: for tests and packagers.
    """
    import uvicorn

    from tocsin.api import create_app

    listener = listen(host or settings.serve.host, settings.serve.port if port is None else port)
    address, number = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address

    _ = office.desk  # a bad address book is refused now, not when the first warning is issued
    app = create_app(office, clock=now, open_at=open_at)

    class Server(uvicorn.Server):
        async def main_loop(self) -> None:
            print(f"Tocsin is ready: http://{shown}:{number}", flush=True)
            if not once:
                await super().main_loop()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.streams.close()  # a page that listens would hold the server for ever
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        forwarded_allow_ips=list(settings.serve.forwarded_allow_ips),
        log_config=None,  # what it says goes where ours goes
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    beside = loops(office, settings) if live and not once else contextlib.nullcontext()
    with _stoppable(), contextlib.closing(listener), beside:
        Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """End in order on SIGTERM and on Ctrl-C: uvicorn raises the signal again once it has stopped."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def loops(office: Office, settings: Settings) -> Iterator[None]:
    """Run the ingest loop and the cycle loop meanwhile."""
    from tocsin.ops.schedule import Scheduler

    scheduler = Scheduler(office, clock=now, fetcher=fetcher(settings), authorities=settings.feeds.cap)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop()


def fetcher(settings: Settings) -> Fetcher:
    """The HTTP client with the limits of the store's settings."""
    import random
    import time

    from tocsin.feeds import Fetcher

    return Fetcher(
        clock=time.monotonic,
        sleep=time.sleep,
        rng=random.Random(),  # noqa: S311 - spreads the waits of many clients, keeps no secret
        allow_private=settings.feeds.allow_private,
        contact=settings.feeds.contact,
    )


def listen(host: str, port: int) -> socket.socket:
    """Take a port, or one of the next if it is taken.

    Raises
    ------
    OSError
        When none of them is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in range(port, min(port + TRIES, 65536)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    raise OSError(f"{host}: got no free port from {port} to {port + TRIES - 1}; choose one with --port")
