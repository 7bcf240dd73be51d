"""The only HTTP client: asks for one document, politely and safely, and gives its bytes.

Every hop is resolved first and the connection made to the address that was checked, so a name that changes
its address in between (DNS rebinding) gains nothing. Bytes are counted as they come and as they unfold.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from tocsin import __version__
from tocsin.feeds.address import Allowed, IPAddress, check_url
from tocsin.feeds.unpack import Gunzip, Plain, TooLarge
from tocsin.model import FetchError, Raw, Source

USER_AGENT = f"tocsin/{__version__} (open early warning system)"
KEPT_HEADERS = ("content-type", "etag", "last-modified", "date", "expires", "cache-control")
_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a publisher may cost us.

    Parameters
    ----------
    max_bytes : int
        Size of the document, after unpacking.
    max_wire_bytes : int
        Size on the wire.
    connect_s, read_s : float
        Seconds for the connection, and for each piece.
    total_s : float
        Seconds for one try from the first byte asked to the last one got: a slow drip does not hold us.
    max_redirects : int
        Hops.
    tries : int
        How often one fetch asks before it gives up.
    backoff_s, max_backoff_s : float
        The wait before try *n* is drawn evenly from 0 to ``min(max_backoff_s, backoff_s * 2**n)``.
    max_retry_after_s : float
        A publisher that asks for a longer wait than this is left to the next round.
    host_interval_s : float
        Least time between two requests to one host.
    """

    max_bytes: int = 50_000_000
    max_wire_bytes: int = 50_000_000
    connect_s: float = 10.0
    read_s: float = 20.0
    total_s: float = 60.0
    max_redirects: int = 5
    tries: int = 3
    backoff_s: float = 1.0
    max_backoff_s: float = 30.0
    max_retry_after_s: float = 60.0
    host_interval_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The publisher says that nothing changed: a good read without new bytes.

    Parameters
    ----------
    source, url : str
        What was asked.
    at : datetime
        When the answer came.
    """

    source: str
    url: str
    at: datetime


class _Transient(Exception):  # noqa: N818 - inside this module only
    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def resolve(host: str, port: int) -> Iterator[str]:
    """Addresses of a host by the system's resolver."""
    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        yield str(address[0])


class Fetcher:
    """Fetches documents; one for a process, safe to use from several threads.

    Parameters
    ----------
    clock : callable
        Seconds that only grow (``time.monotonic``).
    sleep : callable
        Waits so many seconds (``time.sleep``).
    rng : random.Random
        Source of the jitter.
    limits : Limits
        What a publisher may cost.
    allow_private : iterable of str
        Networks and hosts that may be asked although they are not public; empty by default.
    resolve : callable
        ``(host, port)`` to addresses.
    contact : str
        How a publisher reaches whoever runs this: the address of a desk, never of a person.
    verify : bool or ssl.SSLContext
        How certificates are checked; ``False`` is refused.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        rng: random.Random,
        limits: Limits | None = None,
        allow_private: Iterable[str] = (),
        resolve: Resolve = resolve,
        contact: str = "",
        verify: bool | ssl.SSLContext = True,
    ) -> None:
        if verify is False:
            raise ValueError(
                "verify: got False, allowed: True or a context; an unchecked server proves nothing"
            )
        self._clock, self._sleep, self._rng, self._resolve = clock, sleep, rng, resolve
        self._limits = limits or Limits()
        self._user_agent = f"{USER_AGENT[:-1]}; {contact})" if contact else USER_AGENT
        self._allowed = Allowed.of(allow_private)
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()
        self._client = httpx.Client(
            verify=verify,
            trust_env=False,  # a proxy of the environment would undo the check of addresses
            follow_redirects=False,
            timeout=httpx.Timeout(self._limits.read_s, connect=self._limits.connect_s),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch(
        self, source: Source, url: str, *, at: datetime, previous: Raw | None = None
    ) -> Raw | NotModified:
        """Ask for one document.

        Parameters
        ----------
        source : Source
            Whose document it is; its media type is what we accept.
        url : str
            Where; http or https.
        at : datetime
            Now.
        previous : Raw or None
            The last document from this address: its ETag and Last-Modified make the request conditional.

        Returns
        -------
        Raw or NotModified
            ``fetched_at`` is ``at`` plus the time that it took, so nothing is known before it came.

        Raises
        ------
        FetchError
            ``retry`` says whether a later call may succeed.
        """
        began = self._clock()
        asked = check_url(url)
        tries = max(1, self._limits.tries)
        for n in range(tries):
            try:
                return self._once(source, asked, at, began, previous)
            except _Transient as fault:
                last = n + 1 == tries
                longest = self._limits.max_retry_after_s
                if last or (fault.wait_s is not None and fault.wait_s > longest):
                    asks = "" if fault.wait_s is None else f"; it asks to wait {fault.wait_s:g} s"
                    raise FetchError(
                        f"{asked}: {fault}{asks} (try {n + 1} of {tries})", retry=True
                    ) from fault
                ceiling = min(self._limits.max_backoff_s, self._limits.backoff_s * 2**n)
                self._sleep((fault.wait_s or 0.0) + self._rng.uniform(0.0, ceiling))
        raise AssertionError("unreachable: the last try returns or raises")

    def _once(
        self, source: Source, url: httpx.URL, at: datetime, began: float, previous: Raw | None
    ) -> Raw | NotModified:
        deadline = self._clock() + self._limits.total_s
        headers = {
            "User-Agent": self._user_agent,
            "Accept-Encoding": "gzip",
            "Accept": f"{source.media_type}, */*;q=0.1",
        }
        if previous is not None and previous.source == source.id:
            for name, condition in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since")):
                if previous.headers.get(name):
                    headers[condition] = previous.headers[name]
        here = url
        for _ in range(self._limits.max_redirects + 1):
            self._wait_for(here.host, deadline)
            try:
                with self._ask(here, headers) as response:
                    if response.status_code in _REDIRECTS:
                        here = self._redirected(here, response)
                        continue
                    came_at = self._moment(at, began)
                    if response.status_code == 304 and len(headers) > 3:
                        return NotModified(source=source.id, url=str(url), at=came_at)
                    self._refuse(here, response, came_at)
                    content = self._read(here, response, deadline)
                    return Raw(
                        source=source.id,
                        url=str(url),
                        fetched_at=self._moment(at, began),
                        media_type=_media_type(response, source),
                        content=content,
                        headers={k: response.headers[k] for k in KEPT_HEADERS if k in response.headers},
                    )
            except httpx.TimeoutException as error:
                raise _Transient(f"no answer in time ({type(error).__name__})") from error
            except httpx.RemoteProtocolError as error:
                raise _Transient(f"the answer broke off or is no HTTP ({error})") from error
            except httpx.TransportError as error:
                raise _Transient(f"{type(error).__name__}: {error}") from error
        raise FetchError(f"{url}: more than {self._limits.max_redirects} redirects", retry=False)

    def _ask(self, url: httpx.URL, headers: dict[str, str]) -> Any:
        """Open the request to an address that was checked, under the name that was asked for."""
        address = self._checked_address(url)
        request = self._client.build_request(
            "GET",
            url.copy_with(host=str(address)),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host} if url.scheme == "https" else {},
        )
        return _Stream(self._client, request)

    def _checked_address(self, url: httpx.URL) -> IPAddress:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = [ipaddress.ip_address(a.split("%", 1)[0]) for a in self._resolve(url.host, port)]
        except (OSError, UnicodeError, ValueError) as error:
            raise _Transient(f"{url.host} has no address ({error})") from error
        if not found:
            raise _Transient(f"{url.host} has no address")
        for address in found:  # one private address among public ones is reason enough to refuse
            if not self._allowed.takes(url.host, address):
                raise FetchError(
                    f"{url}: {url.host} is {address}, allowed: public ones and what allow_private names",
                    retry=False,
                )
        return found[0]

    def _redirected(self, here: httpx.URL, response: httpx.Response) -> httpx.URL:
        target = response.headers.get("location", "")
        try:
            there = check_url(str(here.join(target))) if target else None
        except (httpx.InvalidURL, ValueError):
            there = None
        if there is None:
            raise FetchError(f"{here}: redirected to {target!r}, allowed: http or https", retry=False)
        if here.scheme == "https" and there.scheme == "http":
            raise FetchError(f"{here}: redirected to {there}, allowed: not from https to http", retry=False)
        return there

    def _refuse(self, url: httpx.URL, response: httpx.Response, at: datetime) -> None:
        status = response.status_code
        if status in _RETRY_STATUS:
            raise _Transient(f"status {status}", _retry_after(response.headers.get("retry-after"), at))
        if not 200 <= status < 300 or status == 206:
            raise FetchError(f"{url}: status {status}, allowed: 200", retry=False)

    def _read(self, url: httpx.URL, response: httpx.Response, deadline: float) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise FetchError(f"{url}: content encoding {encoding!r}, allowed: gzip or none", retry=False)
        unpack = (
            Gunzip(self._limits.max_bytes) if encoding.endswith("gzip") else Plain(self._limits.max_bytes)
        )
        wire = 0
        try:
            for piece in response.iter_raw():
                if self._clock() > deadline:
                    raise _Transient(f"not complete within {self._limits.total_s:g} s")
                wire += len(piece)
                if wire > self._limits.max_wire_bytes:
                    raise TooLarge
                unpack.take(piece)
            return unpack.whole()
        except TooLarge:
            raise FetchError(
                f"{url}: larger than allowed ({self._limits.max_bytes} bytes, "
                f"{self._limits.max_wire_bytes} on the wire)",
                retry=False,
            ) from None
        except (zlib.error, EOFError) as error:
            raise _Transient(f"the packed answer is damaged or cut ({error})") from error

    def _wait_for(self, host: str, deadline: float) -> None:
        """Keep the distance between requests to one host; the place in the queue is taken before the wait."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(host, now))
            if turn > deadline:
                raise FetchError(f"{host}: too many requests are waiting for it", retry=True)
            self._next[host] = turn + self._limits.host_interval_s
        if turn > now:
            self._sleep(turn - now)

    def _moment(self, at: datetime, began: float) -> datetime:
        return at + timedelta(seconds=max(0.0, self._clock() - began))


class _Stream:
    """A response that is read piece by piece and always closed."""

    def __init__(self, client: httpx.Client, request: httpx.Request) -> None:
        self._client, self._request = client, request

    def __enter__(self) -> httpx.Response:
        self._response = self._client.send(self._request, stream=True)
        return self._response

    def __exit__(self, *_: object) -> None:
        self._response.close()


def _media_type(response: httpx.Response, source: Source) -> str:
    declared = str(response.headers.get("content-type", "")).split(";", 1)[0].strip().lower()
    return declared or source.media_type


def _retry_after(text: str | None, at: datetime) -> float | None:
    """Seconds that a publisher asks us to wait; None when it says nothing that can be read."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - at).total_seconds())
