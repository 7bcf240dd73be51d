"""What a channel is: it takes a finished message to a recipient and gives a receipt, or says why not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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
    """

    id: str
    channel: str
    address: str
    audience: Audience


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
    """

    key: str
    alert: str
    status: str
    msg_type: str
    headline: str
    sent: datetime
    expires: datetime
    body: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "sent", require_utc(self.sent, "sent"))
        object.__setattr__(self, "expires", require_utc(self.expires, "expires"))


class Channel(Protocol):
    """A module in ``warn/channels`` with these three names."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """Name of the module."""

    @property
    def MAX_BYTES(self) -> int:  # noqa: N802 - a constant of the module
        """Longest body in UTF-8 that the channel takes."""

    def send(self, message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
        """Hand the message over; calling again with the same key must do no harm.

        Raises
        ------
        ChannelError
            With ``retry`` telling whether the same message may be sent again.
        """


def idempotency_key(group: str, recipient: str, content_hash: str) -> str:
    """Name one decision to send, the same in every process and after every crash.

    Examples
    --------
    >>> idempotency_key("chain", "feed", "0f")[:8]
    '822da4ce'
    """
    return hashlib.sha256("\x1f".join((group, recipient, content_hash)).encode()).hexdigest()


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
