"""From an issued warning to decisions: what goes where is decided once, then sent until there is a receipt.

The two halves meet in the outbox only. :func:`prepare` runs the stages of :data:`STAGES` in order and ends in
a row for each recipient, unique by (group, recipient, content): however often and in however many processes
it runs, there is one decision to send. :mod:`tocsin.warn.sending` takes what is pending to the channels; a
crash between a channel's answer and its record leads to a second call with the same idempotency key, never to
a lost warning.

Drills are kept apart by structure: an address book has two tables, and a drill is routed by the one that
holds no public recipient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.cap import Polygon
from tocsin.model import (
    Alert,
    Level,
    Region,
    State,
    WarnError,
    iso,
    require_utc,
    to_plain,
)
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import Message, Recipient, idempotency_key
from tocsin.warn.message import Issuer, write
from tocsin.warn.outbox import Outbox
from tocsin.warn.sending import Round, send
from tocsin.warn.wording import DRILLS

__all__ = ["STAGES", "Desk", "Outcome", "Round", "outbox_for", "prepare", "send"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a warning on its way to one recipient, or to all.

    Parameters
    ----------
    alert : str
        Id.
    recipient : str or None
        Id; None where it ended before anybody was chosen.
    stage : str
        Stage that decided.
    sent_on : bool
        True when a new decision to send was kept.
    reason : str
        In words.
    """

    alert: str
    recipient: str | None
    stage: str
    sent_on: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the stages need to know.

    Parameters
    ----------
    issuer : Issuer
        In whose name.
    levels : tuple of Level
        Level scheme.
    regions : mapping of str to Region
        All regions of the pack.
    book : AddressBook
        Recipients.
    polygons : mapping
        Rings by region, where they are to be sent.
    secret : callable
        Gives what makes idempotency keys unguessable; asked for when something is decided.
    """

    issuer: Issuer
    levels: tuple[Level, ...]
    regions: Mapping[str, Region]
    book: AddressBook
    polygons: Mapping[str, tuple[Polygon, ...]] = field(default_factory=dict)
    secret: Callable[[], bytes] = bytes


Seal = Callable[[Alert, bytes], bytes]
"""From the rendered message to the bytes that leave: signed, and kept."""


@dataclass(slots=True, kw_only=True)
class _Way:
    """One warning on its way through the stages."""

    alert: Alert
    at: datetime
    desk: Desk
    outbox: Outbox
    chain: Sequence[Alert]
    routes: Mapping[str, Recipient] = field(default_factory=dict)
    seal: Seal | None = None
    body: str = ""
    outcomes: list[Outcome] = field(default_factory=list)


Stage = Callable[[_Way], str | None]
"""Gives the reason why the way ends here, or None to go on."""


def _issued(way: _Way) -> str | None:
    alert = way.alert
    if alert.state is not State.ISSUED or alert.sent is None:
        raise WarnError(f"{alert.id}: state: got {alert.state}, allowed to be delivered: issued")
    return f"expired at {iso(alert.expires)}" if alert.expires <= way.at else None


def _public_level(way: _Way) -> str | None:
    public = {level.rank for level in way.desk.levels if level.public}
    # Who was told of a warning must be told that it was lowered or cancelled, whatever the new level.
    told = any(m.sent is not None and m.level in public for m in way.chain if m.chain == way.alert.chain)
    if way.alert.level in public or told:
        return None
    return f"level {way.alert.level} does not leave the house"


def _routed(way: _Way) -> str | None:
    way.routes = way.desk.book.routes(way.alert.status)
    return None if way.routes else f"nobody in the address book gets status {way.alert.status}"


def _rendered(way: _Way) -> str | None:
    desk = way.desk
    content = write(
        way.alert, issuer=desk.issuer, levels=desk.levels, regions=desk.regions, polygons=desk.polygons
    )
    way.body = (content if way.seal is None else way.seal(way.alert, content)).decode()
    return None


def _enqueued(way: _Way) -> str | None:
    """Decide once: the outbox's unique key is the answer to *already sent?*, with no gap to race in."""
    alert = way.alert
    for to in way.routes.values():
        message = Message(
            key=idempotency_key(alert.chain, to.id, alert.content_hash, secret=way.desk.secret()),
            alert=alert.id,
            status=alert.status,
            msg_type=alert.msg_type,
            headline=alert.headline,
            sent=alert.sent or way.at,
            expires=alert.expires,
            body=way.body,
            level=alert.level,
        )
        new = way.outbox.enqueue(
            group=alert.chain,
            recipient=to.id,
            content_hash=alert.content_hash,
            channel=to.channel,
            payload=to_plain(message),
            at=way.at,
            priority=alert.level,
        )
        reason = "decided to send" if new else "already decided: same group, recipient and content"
        way.outcomes.append(
            Outcome(alert=alert.id, recipient=to.id, stage="enqueued", sent_on=new, reason=reason)
        )
    return None


STAGES: tuple[tuple[str, Stage], ...] = (
    ("issued", _issued),
    ("public level", _public_level),
    ("routed", _routed),
    ("rendered", _rendered),
    ("enqueued", _enqueued),
)
"""The way of a warning to the outbox, in order; the first stage that gives a reason ends it."""


def outbox_for(status: str) -> str:
    """Name of the outbox for messages of a CAP status; drills have one of their own.

    Examples
    --------
    >>> outbox_for("Actual"), outbox_for("Exercise")
    ('public', 'drill')
    """
    return "drill" if status in DRILLS else "public"


def prepare(
    alert: Alert,
    *,
    at: datetime,
    desk: Desk,
    outbox: Outbox,
    chain: Sequence[Alert] = (),
    seal: Seal | None = None,
) -> tuple[Outcome, ...]:
    """Decide what of an issued warning goes to whom, once.

    Parameters
    ----------
    alert : Alert
        Issued.
    at : datetime
        Now.
    chain : sequence of Alert
        The other messages of its chain; needed for an update or a cancellation.
    seal : Seal or None
        Makes the final bytes of what is rendered, once: signed and kept.

    Returns
    -------
    tuple of Outcome
        One a recipient, or one that says why it goes to nobody. Nothing vanishes without a reason.

    Raises
    ------
    WarnError
        If it was not issued, or its message breaks a rule of the standard.
    """
    way = _Way(alert=alert, at=require_utc(at, "at"), desk=desk, outbox=outbox, chain=chain, seal=seal)
    for name, stage in STAGES:
        reason = stage(way)
        if reason is not None:
            return (Outcome(alert=alert.id, recipient=None, stage=name, sent_on=False, reason=reason),)
    return tuple(way.outcomes)
