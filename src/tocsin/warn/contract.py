"""What a channel is: it takes a finished message to a recipient and gives a receipt, or says why not."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tocsin.model import ChannelError, Receipt, iso, require_utc
from tocsin.warn.wording import DRILLS


class Audience(StrEnum):
    """Who is behind a recipient."""

    PUBLIC = "public"
    DRILL = "drill"  # players of an exercise, loop-backs of a test; never the public


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address on one channel.

    Parameters
    ----------
    id : str
        Unique name; part of the idempotency key.
    channel : str
        ``NAME`` of the channel.
    address : str
        In the channel's own words: a folder, an endpoint.
    audience : Audience
        A drill never reaches ``public``, a real warning never goes to ``drill``.
    settings : mapping of str to text, whole number, or true and false
        What else the channel must know: its ``SETTINGS``.
    secrets : mapping of str to str
        Its ``SECRETS``, from files or the environment; never kept in the store, never shown.
    """

    id: str
    channel: str
    address: str
    audience: Audience
    settings: Mapping[str, str | int | bool] = field(default_factory=dict, hash=False)
    secrets: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a recipient as it was configured.

    Parameters
    ----------
    key : str
        ``address``, or the name of a setting or secret.
    got : object
        The value; of a secret never the value itself.
    allowed : str
        What may stand there.
    """

    key: str
    got: object
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A rendered warning on its way.

    Parameters
    ----------
    key : str
        Idempotency key: hash of (group, recipient, content); a receiver may drop what it has.
    alert : str
        CAP identifier.
    status, msg_type : str
        CAP values.
    headline : str
        For channels that show one line.
    sent, expires : datetime
        When it was issued, until when it is worth sending.
    body : str
        The message of the Common Alerting Protocol.
    level : int
        Of the warning, 1 to 4; the higher is sent first. 0 where it has none.
    """

    key: str
    alert: str
    status: str
    msg_type: str
    headline: str
    sent: datetime
    expires: datetime
    body: str
    level: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sent", require_utc(self.sent, "sent"))
        object.__setattr__(self, "expires", require_utc(self.expires, "expires"))


LONGEST_SEND = 25.0
"""Seconds within which a channel must have an answer or raise; its time-outs must add up to less."""

PLUGIN = ("NAME", "MAX_BYTES", "SETTINGS", "SECRETS", "faults", "probe", "send")
"""Names that a module in ``warn/channels`` defines."""


class Channel(Protocol):
    """A module in ``warn/channels`` with the names of :data:`PLUGIN`."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Name of the module."""

    @property
    def MAX_BYTES(self) -> int:  # noqa: N802 - a constant of the module
        """Longest body in UTF-8 that the channel takes."""

    @property
    def SETTINGS(self) -> Mapping[str, str]:  # noqa: N802 - a constant of the module
        """What a recipient may set, and what it means."""

    @property
    def SECRETS(self) -> Mapping[str, str]:  # noqa: N802 - a constant of the module
        """What a recipient may set by ``<name>_file`` or ``<name>_env`` only, and what it means."""

    def faults(self, to: Recipient) -> Sequence[Fault]:
        """What is wrong with a recipient, told without asking anybody: address, settings, secrets."""

    def probe(self, to: Recipient) -> str:
        """Look whether the receiver could be reached now, and send it no message; give what was found.

        Raises
        ------
        ChannelError
            When it could not.
        """

    def send(self, message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
        """Hand the message over within :data:`LONGEST_SEND`; again with the same key must do no harm.

        Raises
        ------
        ChannelError
            With ``retry`` telling whether the same message may be sent again.
        """


class Link(Protocol):
    """A connection to one receiver that is kept while there is more to send.

    A channel may have a function ``link(to) -> Link``; a lane then sends through it, and opens a new one
    after any fault. A channel without one is called anew for each message.
    """

    def send(self, message: Message, *, at: datetime) -> Receipt:
        """As the channel's own ``send``: it connects where it is not connected, within the same time."""

    def close(self) -> None:
        """Hang up; what was taken stays taken, whatever goes wrong here."""


def idempotency_key(group: str, recipient: str, content_hash: str, *, secret: bytes = b"") -> str:
    """Name one decision to send, the same in every process and after every crash.

    Parameters
    ----------
    group, recipient, content_hash : str
        Of the decision.
    secret : bytes
        Of the desk. Group and content are public, and a receiver says by the key that it has the message:
        with a secret only who got the message knows it.

    Examples
    --------
    >>> idempotency_key("chain", "feed", "0f")[:8]
    '822da4ce'
    """
    named = "\x1f".join((group, recipient, content_hash)).encode()
    if not secret:
        return hashlib.sha256(named).hexdigest()
    return hmac.digest(secret, named, hashlib.sha256).hex()


def loopback(host: str) -> bool:
    """Whether a host is this machine for certain: only there may a message or a log-in go in the clear.

    Examples
    --------
    >>> loopback("127.0.0.1"), loopback("localhost"), loopback("127.0.0.1.example.org")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name, whatever it begins with: who owns it says where it leads


def admit(message: Message, to: Recipient, *, name: str, max_bytes: int, at: datetime) -> None:
    """Raise ChannelError for what no channel may take; every channel calls it first, in a dry run too.

    Parameters
    ----------
    name, max_bytes : str, int
        ``NAME`` and ``MAX_BYTES`` of the channel.
    at : datetime
        When it is to be sent.

    Raises
    ------
    ChannelError
        Never worth a retry: a drill on its way to the public or the reverse, the wrong channel, a body that
        is too long or empty, a message that has expired.
    """
    drill = message.status in DRILLS
    if drill and to.audience is not Audience.DRILL:
        raise ChannelError(
            f"{to.id}: status: got {message.status}, allowed for the public: Actual only", retry=False
        )
    if not drill and message.status != "Actual":
        raise ChannelError(
            f"{to.id}: status: got {message.status}, allowed: Actual, {', '.join(DRILLS)}", retry=False
        )
    if not drill and to.audience is Audience.DRILL:
        raise ChannelError(
            f"{to.id}: audience: got {to.audience} for {message.status}, allowed: public", retry=False
        )
    if to.channel != name:
        raise ChannelError(f"{to.id}: channel: got {to.channel!r}, allowed here: {name}", retry=False)
    size = len(message.body.encode())
    if not 0 < size <= max_bytes:
        raise ChannelError(f"{to.id}: body: got {size} bytes, allowed: 1 to {max_bytes}", retry=False)
    if message.expires <= at:
        raise ChannelError(
            f"{to.id}: expires: got {iso(message.expires)}, allowed: after {iso(at)}", retry=False
        )


def receipt(message: Message, to: Recipient, *, at: datetime, status: str, detail: str = "") -> Receipt:
    """Write down what the channel answered, under the idempotency key."""
    return Receipt(
        id=message.key,
        alert=message.alert,
        channel=to.channel,
        recipient=to.id,
        at=require_utc(at, "at"),
        status=status,
        detail=detail,
    )
