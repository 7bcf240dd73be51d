"""What links to receivers share: an event loop, a limit on the time of all that they do, and HTTP over it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

from tocsin.model import ChannelError

T = TypeVar("T")

IDLE = 3.0
"""Seconds after which a kept connection is not trusted any more: the other side may have hung up."""


def _apart(work: Callable[[], T]) -> T:
    """Do what runs a loop; in a thread of its own where this one runs a loop already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(work).result()


class Line:
    """An event loop for one lane; it runs only while something is sent."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._last = 0.0

    def run(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
        """Do something within a time that covers all of it: names, connecting, encryption, the answer.

        Parameters
        ----------
        work : callable
            Gives what is awaited.
        seconds : float
            Then it is cancelled.

        Raises
        ------
        TimeoutError
            When it took longer.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()

        async def bounded() -> T:
            return await asyncio.wait_for(work(), seconds)

        runner = self._runner
        try:
            return _apart(lambda: runner.run(bounded()))
        finally:
            self._last = time.monotonic()

    def idle(self) -> bool:
        """Whether nothing was done for :data:`IDLE` seconds."""
        return time.monotonic() - self._last > IDLE

    def close(self, farewell: Callable[[], Coroutine[Any, Any, Any]] | None = None) -> None:
        """Take leave of the receiver and end the loop; what goes wrong here is of no interest to anybody.

        Parameters
        ----------
        farewell : callable or None
            Done first, within a few seconds.
        """
        if self._runner is None:
            return
        with contextlib.suppress(Exception):
            if farewell is not None:
                self.run(farewell, IDLE)
        with contextlib.suppress(Exception):
            _apart(self._runner.close)
        self._runner = None


class Posts:
    """POST requests of one lane over a connection that is kept.

    Redirects are not followed, no proxy is taken from the environment, certificates are checked.

    Parameters
    ----------
    name : str
        Of the recipient, for errors.
    ca_file : str
        Certificates to trust; those of the system if empty.
    """

    def __init__(self, name: str, ca_file: str = "") -> None:
        self._name, self._ca_file = name, ca_file
        self._line = Line()
        self._client: Any = None

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, whole: float, most: int
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Post once, and once more where a kept connection turns out to be gone.

        Parameters
        ----------
        timeout, whole : float
            Seconds for each part of the exchange, and for all of it.
        most : int
            Bytes of the answer that are read.

        Returns
        -------
        tuple of (int, bytes, mapping)
            Status, the answer's first bytes, its headers.

        Raises
        ------
        ChannelError
            With ``retry``: no answer.
        """
        import httpx

        try:
            return self._line.run(lambda: self._post(url, body, headers, timeout, whole, most), whole)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise ChannelError(f"{self._name}: cannot be reached: {said}", retry=True) from error

    def close(self) -> None:
        """Hang up."""
        client = self._client
        self._client = None
        self._line.close(None if client is None else client.aclose)

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, whole: float, most: int
    ) -> tuple[int, bytes, Mapping[str, str]]:
        import httpx

        if self._client is not None and not self._line.idle():
            try:
                return await self._once(url, body, headers, whole, most)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                pass  # kept for too long: the key makes a second copy harmless
        if self._client is not None:
            await self._client.aclose()
        self._client = httpx.AsyncClient(
            timeout=timeout, verify=trust(self._ca_file), trust_env=False, follow_redirects=False
        )
        return await self._once(url, body, headers, whole, most)

    async def _once(
        self, url: str, body: bytes, headers: Mapping[str, str], whole: float, most: int
    ) -> tuple[int, bytes, Mapping[str, str]]:
        import httpx

        said = b""
        plain = {**headers, "accept-encoding": "identity"}  # a small answer must not unpack to a large one
        async with self._client.stream("POST", url, content=body, headers=plain) as answer:
            # The status is the answer: what becomes of the rest must not have it sent again.
            with contextlib.suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(whole / 4):
                    async for part in answer.aiter_raw():
                        said += part
                        if len(said) > most:
                            break
            return int(answer.status_code), said[:most], answer.headers


@lru_cache(maxsize=16)
def trust(ca_file: str = "") -> ssl.SSLContext:
    """Certificates to trust: those of a file, or of the system; names are checked.

    Parameters
    ----------
    ca_file : str
        PEM; empty for the system's.
    """
    return ssl.create_default_context(cafile=ca_file or None)
