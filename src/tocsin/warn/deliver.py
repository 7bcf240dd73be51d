"""From an issued warning to receipts: first decide once what goes where, then send until there is a receipt.

The two halves meet in the outbox only. :func:`prepare` runs the stages of :data:`STAGES` in order and ends in
a row for each recipient, unique by (group, recipient, content): however often and in however many processes
it runs, there is one decision to send. :func:`send` takes what is pending to the channels; a crash between a
channel's answer and its record leads to a second call with the same idempotency key, never to a lost warning.

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
    ChannelError,
    Level,
    Receipt,
    Region,
    State,
    StoreError,
    WarnError,
    from_plain,
    iso,
    require_utc,
    to_plain,
)
from tocsin.warn.addresses import AddressBook, Silence
from tocsin.warn.contract import Audience, Channel, Message, Recipient, idempotency_key, receipt
from tocsin.warn.message import Issuer, write
from tocsin.warn.outbox import Outbox, OutboxRow
from tocsin.warn.retry import Retry
from tocsin.warn.wording import shorten


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
    silences : tuple of Silence
        What is held back.
    polygons : mapping
        Rings by region, where they are to be sent.
    """

    issuer: Issuer
    levels: tuple[Level, ...]
    regions: Mapping[str, Region]
    book: AddressBook
    silences: tuple[Silence, ...] = ()
    polygons: Mapping[str, tuple[Polygon, ...]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Way:
    """One warning on its way through the stages."""

    alert: Alert
    at: datetime
    desk: Desk
    outbox: Outbox
    chain: Sequence[Alert]
    routes: Mapping[str, Recipient] = field(default_factory=dict)
    body: str = ""
    outcomes: list[Outcome] = field(default_factory=list)


Stage = Callable[[_Way], str | None]
"""Gives the reason why the way ends here, or None to go on."""


def _issued(way: _Way) -> str | None:
    alert = way.alert
    if alert.state is not State.ISSUED or alert.sent is None:
        raise WarnError(f"{alert.id}: state: got {alert.state}, allowed to be delivered: issued")
    return f"expired at {iso(alert.expires)}" if alert.expires <= way.at else None


def _suppressed(way: _Way) -> str | None:
    held = next((s for s in way.desk.silences if s.covers(way.alert, way.at)), None)
    return None if held is None else f"held back by {held.id} of {held.author}: {held.reason}"


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
    way.body = write(
        way.alert, issuer=desk.issuer, levels=desk.levels, regions=desk.regions, polygons=desk.polygons
    ).decode()
    return None


def _enqueued(way: _Way) -> str | None:
    """Decide once: the outbox's unique key is the answer to *already sent?*, with no gap to race in."""
    alert = way.alert
    for to in way.routes.values():
        message = Message(
            key=idempotency_key(alert.chain, to.id, alert.content_hash),
            alert=alert.id,
            status=alert.status,
            msg_type=alert.msg_type,
            headline=alert.headline,
            sent=alert.sent or way.at,
            expires=alert.expires,
            body=way.body,
        )
        new = way.outbox.enqueue(
            group=alert.chain,
            recipient=to.id,
            content_hash=alert.content_hash,
            channel=to.channel,
            payload=to_plain(message),
            at=way.at,
        )
        reason = "decided to send" if new else "already decided: same group, recipient and content"
        way.outcomes.append(
            Outcome(alert=alert.id, recipient=to.id, stage="enqueued", sent_on=new, reason=reason)
        )
    return None


STAGES: tuple[tuple[str, Stage], ...] = (
    ("issued", _issued),
    ("suppressed", _suppressed),
    ("public level", _public_level),
    ("routed", _routed),
    ("rendered", _rendered),
    ("enqueued", _enqueued),
)
"""The way of a warning to the outbox, in order; the first stage that gives a reason ends it."""


def prepare(
    alert: Alert, *, at: datetime, desk: Desk, outbox: Outbox, chain: Sequence[Alert] = ()
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

    Returns
    -------
    tuple of Outcome
        One a recipient, or one that says why it goes to nobody. Nothing vanishes without a reason.

    Raises
    ------
    WarnError
        If it was not issued, or its message breaks a rule of the standard.
    """
    way = _Way(alert=alert, at=require_utc(at, "at"), desk=desk, outbox=outbox, chain=chain)
    for name, stage in STAGES:
        reason = stage(way)
        if reason is not None:
            return (Outcome(alert=alert.id, recipient=None, stage=name, sent_on=False, reason=reason),)
    return tuple(way.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of sending gave.

    Parameters
    ----------
    receipts : tuple of Receipt
        One an attempt; ``accepted``, ``delivered``, ``failed`` (will be tried again) or ``dead``.
    alarms : tuple of str
        Sentences for the desk: a warning that will not arrive.
    """

    receipts: tuple[Receipt, ...]
    alarms: tuple[str, ...]


def send(
    outbox: Outbox,
    channels: Mapping[str, Channel],
    book: AddressBook,
    *,
    at: datetime,
    retry: Retry | None = None,
    dry_run: bool = False,
) -> Round:
    """Take what is pending to the channels, and record every answer.

    Parameters
    ----------
    channels : mapping of str to Channel
        By name.
    retry : Retry or None
        How long to try; the defaults when None.
    dry_run : bool
        Let the channels check everything, send nothing and settle nothing.

    Returns
    -------
    Round
        Receipts in the order of the outbox, and alarms for what is dead.
    """
    retry, at = retry or Retry(), require_utc(at, "at")
    receipts: list[Receipt] = []
    alarms: list[str] = []
    for row in outbox.pending(at):
        try:
            message = from_plain(Message, dict(row.payload))
        except (ValueError, TypeError) as error:
            alarms.append(f"outbox row {row.id} to {row.recipient} cannot be read: {error}")
            if not dry_run:
                outbox.settle(row.id, status="dead", at=at, detail=f"payload: {error}")
            continue
        answer, next_try = _attempt(message, row, channels, book, at=at, retry=retry, dry_run=dry_run)
        receipts.append(answer)
        if not dry_run:
            try:
                outbox.settle(row.id, status=answer.status, at=at, detail=answer.detail, next_try=next_try)
            except StoreError as error:  # another process was first, or the row stays pending: both harmless
                alarms.append(f"{message.alert} to {row.recipient}: receipt not recorded: {error}")
        if answer.status == "dead":
            alarms.append(
                f"{message.msg_type} {message.alert} did not reach {row.recipient}: {answer.detail}; "
                "an administrator can check the channel, a duty officer can reach the recipient another way"
            )
    return Round(receipts=tuple(receipts), alarms=tuple(alarms))


def _attempt(
    message: Message,
    row: OutboxRow,
    channels: Mapping[str, Channel],
    book: AddressBook,
    *,
    at: datetime,
    retry: Retry,
    dry_run: bool,
) -> tuple[Receipt, datetime | None]:
    # The table is chosen by the message's own status, so a drill cannot name a public recipient here either.
    to = book.routes(message.status).get(row.recipient)
    if to is None:
        gone = Recipient(id=row.recipient, channel="none", address="", audience=Audience.DRILL)
        why = f"recipient: got {row.recipient!r}, allowed for {message.status}: those of its table"
        return receipt(message, gone, at=at, status="dead", detail=why), None
    channel = channels.get(to.channel)
    if channel is None:
        why = f"channel: got {to.channel!r}, allowed: {', '.join(sorted(channels)) or 'none'}"
        return receipt(message, to, at=at, status="dead", detail=why), None
    if message.expires <= at:
        why = f"expired at {iso(message.expires)} before it could be sent"
        return receipt(message, to, at=at, status="dead", detail=why), None
    try:
        return channel.send(message, to, at=at, dry_run=dry_run), None
    except ChannelError as error:
        again, why = error.retry, str(error)
    except Exception as error:  # noqa: BLE001 - one broken channel must not keep the others from warning
        again, why = True, f"{type(error).__name__}: {error}"
    attempt = row.attempts + 1
    detail = shorten(f"attempt {attempt}: {why}", 500)
    if not again or attempt >= retry.attempts:
        return receipt(message, to, at=at, status="dead", detail=detail), None
    wait = at + retry.wait(message.key, attempt)
    return receipt(message, to, at=at, status="failed", detail=detail), wait
