"""Webhook: the message to an address of the receiver, signed so that nobody else can speak for us.

Form and signature are those of Standard Webhooks 1: ``webhook-id`` (the idempotency key),
``webhook-timestamp`` and ``webhook-signature``, a HMAC-SHA256 over ``id.timestamp.body``. The receiver drops
an id that it has. The receipt is *accepted* for any 2xx, and *delivered* only if the receiver gives the key
back, as a header ``webhook-receipt`` or as ``{"receipt": "<key>"}``. Redirects are not followed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.model import ChannelError, Receipt
from tocsin.warn.contract import Fault, Link, Message, Recipient, admit, loopback, receipt
from tocsin.warn.line import Posts, trust

if TYPE_CHECKING:
    import httpx

NAME = "webhook"
MAX_BYTES = 2_000_000
SETTINGS = {
    "insecure": "true to send to another machine without TLS",
    "ca_file": "certificates to trust instead of the system's",
}
SECRETS = {
    "secret": "shared with the receiver, at least 24 characters; one that begins with whsec_ is base64"
}

TIMEOUT = 8.0
"""Seconds for connecting, and for each part of an answer."""
WHOLE = 20.0
"""Seconds for all of it: finding, connecting, posting, the answer."""

LONGEST_ANSWER = 65_536
LEAST_SECRET = 24
_AGAIN = {408, 425, 429}
_PREFIX = "whsec_"


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse an address that is not https (but on this machine), and a secret that is missing or short."""
    import httpx

    found: list[Fault] = []
    try:
        url = httpx.URL(to.address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    near = loopback(url.host)
    if url.scheme not in ("https", "http") or not url.host or url.userinfo or url.fragment:
        found.append(Fault(key="address", got=to.address, allowed="https://… without a log-in"))
    elif url.scheme == "http" and not near and to.settings.get("insecure") is not True:
        found.append(Fault(key="address", got=to.address, allowed="https://… (or insecure = true)"))
    if "secret" not in to.secrets:
        found.append(
            Fault(key="secret_file", got=None, allowed="secret_file or secret_env: what we sign with")
        )
    elif len(_key(to) or b"") < LEAST_SECRET:
        words = f"at least {LEAST_SECRET} characters; after {_PREFIX} base64"
        found.append(Fault(key="secret_file", got="a short or malformed secret", allowed=words))
    return found


def probe(to: Recipient) -> str:
    """Ask the receiver's server with OPTIONS, which changes nothing; any answer shows that it is there."""
    import httpx

    try:
        with _client(to) as client:
            answer = client.options(to.address)
    except httpx.HTTPError as error:
        raise ChannelError(f"{to.id}: cannot be reached: {_said(error)}", retry=True) from error
    return f"{httpx.URL(to.address).host} answers ({answer.status_code})"


def signature(key: bytes, name: str, timestamp: int, body: bytes) -> str:
    """Sign as Standard Webhooks says.

    Parameters
    ----------
    key : bytes
        Shared with the receiver.
    name : str
        The ``webhook-id``.
    timestamp : int
        Seconds since 1970.

    Examples
    --------
    >>> key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{name}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Post the message.

    Raises
    ------
    ChannelError
        With ``retry`` if the receiver cannot be reached, is busy or has a fault of its own; for good if it
        may not go there or the receiver refuses it.
    """
    if dry_run:
        body, _ = _written(message, to, at)
        return receipt(message, to, at=at, status="dry", detail=f"would be posted, {len(body)} bytes")
    with closing(link(to)) as one:
        return one.send(message, at=at)


def link(to: Recipient) -> Link:
    """Keep the connection to a receiver for all that one lane has for it."""
    return _Link(to)


class _Link:
    def __init__(self, to: Recipient) -> None:
        self._to = to
        self._posts = Posts(to.id, str(to.settings.get("ca_file", "")))

    def send(self, message: Message, *, at: datetime) -> Receipt:
        to = self._to
        body, headers = _written(message, to, at)
        code, said, given = self._posts.post(
            to.address, body, headers, timeout=TIMEOUT, whole=WHOLE, most=LONGEST_ANSWER
        )
        if 200 <= code < 300:
            if given.get("webhook-receipt") == message.key or _gives_back(message.key, said):
                return receipt(message, to, at=at, status="delivered", detail=f"{code}, with a receipt")
            return receipt(message, to, at=at, status="accepted", detail=f"{code}, without a receipt")
        again = code >= 500 or code in _AGAIN
        shown = said[:200].decode("utf-8", "replace").strip()
        raise ChannelError(f"{to.id}: the receiver answered {code} {shown}".rstrip(), retry=again)

    def close(self) -> None:
        self._posts.close()


def _written(message: Message, to: Recipient, at: datetime) -> tuple[bytes, dict[str, str]]:
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    body, key, timestamp = message.body.encode(), _key(to), int(at.timestamp())
    if key is None:
        raise ChannelError(f"{to.id}: secret: got none that can be used", retry=False)
    return body, {
        "content-type": "application/cap+xml; charset=utf-8",
        "user-agent": "tocsin",
        "idempotency-key": f'"{message.key}"',
        "webhook-id": message.key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message.key, timestamp, body),
        "cap-status": message.status,
    }


def _gives_back(key: str, said: bytes) -> bool:
    try:
        plain = json.loads(said)
    except ValueError:
        return False
    return isinstance(plain, dict) and plain.get("receipt") == key


def _key(to: Recipient) -> bytes | None:
    text = to.secrets.get("secret", "")
    if not text.startswith(_PREFIX):
        return text.encode() or None
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return None


def _client(to: Recipient) -> httpx.Client:
    import httpx

    return httpx.Client(
        timeout=TIMEOUT,
        verify=trust(str(to.settings.get("ca_file", ""))),
        trust_env=False,
        follow_redirects=False,
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
