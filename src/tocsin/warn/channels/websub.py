"""WebSub (W3C): tell a hub that the feed has changed; the hub fetches it and hands it to its subscribers.

The address is the hub, the setting ``topic`` the address under which the feed is published, which has the
message before anything is in the outbox (``/cap/feed.xml`` of our own server). The receipt is the hub's:
*accepted*. Telling a hub twice does no harm: it fetches what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Audience, Fault, Link, Message, Recipient, admit, loopback, receipt
from tocsin.warn.line import Posts, trust

if TYPE_CHECKING:
    import httpx

NAME = "websub"
MAX_BYTES = 5_000_000
SETTINGS = {
    "topic": "address of the feed that the hub fetches",
    "insecure": "true for addresses on other machines without TLS",
    "ca_file": "certificates to trust instead of the system's",
}
SECRETS: dict[str, str] = {}
TIMEOUT = 8.0
"""Seconds for connecting, and for each part of an answer."""
WHOLE = 20.0
"""Seconds for all of it."""


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse addresses that are not https (but on this machine), and the public feed for drills."""
    found = [
        Fault(key=key, got=text, allowed="https://… (or insecure = true)")
        for key, text in (("address", to.address), ("topic", to.settings.get("topic")))
        if not _good(text, to)
    ]
    if to.audience is Audience.DRILL and str(to.settings.get("topic", "")).endswith("/cap/feed.xml"):
        found.append(
            Fault(key="topic", got=to.settings["topic"], allowed="a feed of drills, not the public's")
        )
    return found


def probe(to: Recipient) -> str:
    """Ask the hub with OPTIONS, which changes nothing; any answer shows that it is there."""
    import httpx

    try:
        with _client(to) as client:
            answer = client.options(to.address)
    except httpx.HTTPError as error:
        raise ChannelError(f"{to.id}: cannot be reached: {type(error).__name__}", retry=True) from error
    return f"{httpx.URL(to.address).host} answers ({answer.status_code})"


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Tell the hub.

    Raises
    ------
    ChannelError
        With ``retry`` if the hub cannot be reached or has a fault of its own; for good if it refuses.
    """
    if dry_run:
        admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
        feed = to.settings.get("topic", "")
        return receipt(message, to, at=at, status="dry", detail=f"the hub would be told of {feed}")
    with closing(link(to)) as one:
        return one.send(message, at=at)


def link(to: Recipient) -> Link:
    """Keep the connection to a hub for all that one lane has for it."""
    return _Link(to)


class _Link:
    def __init__(self, to: Recipient) -> None:
        self._to = to
        self._posts = Posts(to.id, str(to.settings.get("ca_file", "")))

    def send(self, message: Message, *, at: datetime) -> Receipt:
        to = self._to
        admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
        feed = str(to.settings.get("topic", ""))
        form = urlencode({"hub.mode": "publish", "hub.url": feed, "hub.topic": feed}).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": f'"{message.key}"',
            "user-agent": "tocsin",
        }
        code, _, _ = self._posts.post(to.address, form, headers, timeout=TIMEOUT, whole=WHOLE, most=1024)
        if 200 <= code < 300:
            said = f"{code}: the hub was told of {feed}"
            return receipt(message, to, at=at, status="accepted", detail=said)
        raise ChannelError(f"{to.id}: the hub answered {code}", retry=code >= 500 or code in (408, 429))

    def close(self) -> None:
        self._posts.close()


def _good(text: object, to: Recipient) -> bool:
    import httpx

    try:
        url = httpx.URL(text) if isinstance(text, str) else httpx.URL("")
    except httpx.InvalidURL:
        return False
    near = loopback(url.host)
    plain = url.scheme == "http" and (near or to.settings.get("insecure") is True)
    return bool(url.host) and not url.userinfo and (url.scheme == "https" or plain)


def _client(to: Recipient) -> httpx.Client:
    import httpx

    return httpx.Client(
        timeout=TIMEOUT,
        verify=trust(str(to.settings.get("ca_file", ""))),
        trust_env=False,
        follow_redirects=False,
    )
