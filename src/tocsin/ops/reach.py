"""Reach: routine test messages through each channel, and what came back of them.

A channel that takes everything and delivers nothing is found by nobody, unless something is sent through it
that nobody needs. Test messages (CAP status ``Test``) go to the recipients of the drills' table, through an
outbox of their own that no real warning is in, and are never counted with real ones. Two things are measured
for each recipient: whether and how soon the *channel* took it, and whether and how soon the *receiver* said
that it has it: by a receipt in its answer, or by sending the key of the message to ``/api/v1/receipts``.
Where nobody confirms, that it arrives is unknown, however well the channel speaks of itself.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.cap import CapAlert, CapArea, CapInfo, render
from tocsin.model import ConfigError, iso, parse_time, to_plain
from tocsin.ops.config import read_settings
from tocsin.ops.office import Office, sender
from tocsin.store import OutboxItem
from tocsin.warn.contract import Message, idempotency_key
from tocsin.warn.sending import send

OUTBOX = "reach"

LOOK = timedelta(minutes=10)
"""From one look whether a test is due to the next."""

LASTS = timedelta(hours=1)
"""A test message that has not arrived by then never will."""

CONFIRM = timedelta(minutes=15)
"""Within this time a receiver that confirms has confirmed."""

WINDOW = timedelta(days=30)
"""Tests that count."""

STALE = timedelta(days=2)
"""Where tests are sent by hand only, a receipt older than this says nothing of today."""


def send_test(office: Office, *, at: datetime) -> list[str]:
    """Put one test message for each recipient of a drill into the outbox of tests.

    Parameters
    ----------
    at : datetime
        Now; a second test of the same second is the same test.

    Returns
    -------
    list of str
        Ids of the recipients that will get it.

    Raises
    ------
    ConfigError
        When nobody is in the drills' table.
    """
    book = office.desk.book
    if not book.drill:
        raise ConfigError("recipients.toml", "drill", None, "at least one recipient [drill.ID]")
    cap = _message(office, at)
    body = render(cap).decode()
    content = hashlib.sha256(body.encode()).hexdigest()
    outbox = office.store.outbox_of(OUTBOX)
    with office.store.transaction():
        for to in book.drill:
            message = Message(
                key=idempotency_key(cap.identifier, to.id, content, secret=office.desk.secret()),
                alert=cap.identifier,
                status="Test",
                msg_type="Alert",
                headline=cap.infos[0].headline or "",
                sent=at,
                expires=at + LASTS,
                body=body,
            )
            outbox.enqueue(
                group=cap.identifier,
                recipient=to.id,
                content_hash=content,
                channel=to.channel,
                payload=to_plain(message),
                at=at,
            )
    return [to.id for to in book.drill]


def carry(office: Office, *, clock: Callable[[], datetime]) -> None:
    """Take test messages that wait to their channels once, and no other message.

    Parameters
    ----------
    clock : callable
        Gives the wall time.
    """
    outbox = office.store.outbox_of(OUTBOX)
    send(outbox, office.channels, office.desk.book, at=clock(), clock=clock, owner=sender())


def send_when_due(office: Office, at: datetime) -> None:
    """Send a test when the last one is older than ``reach.every_hours`` of the settings; 0 is never."""
    hours = read_settings(office.path).reach.every_hours
    if not hours or not office.desk.book.drill:
        return
    # A test that seems to come from the future is of a clock that was set back, and counts as none.
    recent = office.store.outbox_of(OUTBOX).rows(since=at - timedelta(hours=hours))
    if not any(row.at <= at for row in recent):
        send_test(office, at=at)


def confirm(office: Office, key: str, *, at: datetime) -> bool:
    """Note that a receiver says it has the message with this key; False when there is no such message.

    Parameters
    ----------
    key : str
        Idempotency key, which only who got the message knows.
    """
    return any(office.store.outbox_of(n).confirm(key, at=at) for n in ("reach", "public", "drill"))


def reach(office: Office, now: datetime, *, window: timedelta = WINDOW) -> list[dict[str, Any]]:
    """What the tests of each recipient gave, those that are wrong first.

    Parameters
    ----------
    now : datetime
        Wall time.
    window : timedelta
        Tests of so long ago count.

    Returns
    -------
    list of dict
        ``recipient``, ``channel``, ``audience``, ``state``, ``words``, ``tests``, ``taken`` and ``confirmed``
        (shares, None where no test is over), ``delay_s`` and ``longest_s`` (of the channel's answers),
        ``confirmed_delay_s``, ``last`` (time of the last test).

    Notes
    -----
    States: ``ok`` (the receiver confirmed the last test, which is not older than two intervals), ``failed``
    (it was not taken), ``silent`` (it was taken but not confirmed, as tests before it were), ``unknown``
    (never tested, under way, confirmed too long ago, or taken by a channel whose receiver never confirms).
    A public recipient is not tested itself: its row says which tests speak for its channel.
    """
    book = office.desk.book
    by_recipient: dict[str, list[OutboxItem]] = {}
    for row in office.store.outbox_of(OUTBOX).rows(since=now - window):
        by_recipient.setdefault(row.recipient, []).append(row)
    rows = [
        {"recipient": to.id, "channel": to.channel, "audience": str(to.audience)}
        | _measured(by_recipient.get(to.id, []), now)
        for to in book.drill
    ]
    for state in rows:
        _forget(state, now, _holds(office))
    tested = {to.channel for to in book.drill}
    for to in book.public:
        state = _measured([], now)
        state["words"] = (
            f"not tested itself; tests of {to.channel} go to {_names(book.drill, to.channel)}"
            if to.channel in tested
            else f"no recipient of a drill has the channel {to.channel}: whether it works is unknown"
        )
        rows.append({"recipient": to.id, "channel": to.channel, "audience": str(to.audience)} | state)
    order = {"failed": 0, "silent": 1, "unknown": 2, "ok": 3}
    return sorted(rows, key=lambda r: (order[r["state"]], r["audience"], r["recipient"]))


def _holds(office: Office) -> timedelta:
    """How long the receipt of a test says that a channel works: until two tests in a row would be missing."""
    return timedelta(hours=2 * read_settings(office.path).reach.every_hours) or STALE


def _forget(row: dict[str, Any], now: datetime, holds: timedelta) -> None:
    """What a receipt showed long ago is not known to hold today."""
    if row["state"] == "ok" and now - parse_time(row["last"]) > holds:
        row["state"] = "unknown"
        row["words"] = (
            f"the receiver confirmed the last test, of {row['last']}: too long ago to say how it is now"
        )


def _names(drill: Iterable[Any], channel: str) -> str:
    return ", ".join(to.id for to in drill if to.channel == channel)


def _measured(tests: Sequence[OutboxItem], now: datetime) -> dict[str, Any]:
    over = [t for t in tests if t.status in ("accepted", "delivered", "dead") or now - t.at > LASTS]
    taken = [t for t in over if t.status in ("accepted", "delivered")]
    confirmed = [t for t in over if t.confirmed_at is not None]
    delays = [(t.settled_at - t.at).total_seconds() for t in taken if t.settled_at is not None]
    confirmations = [(t.confirmed_at - t.at).total_seconds() for t in confirmed if t.confirmed_at is not None]
    state, words = _state(tests, now)
    return {
        "state": state,
        "words": words,
        "tests": len(over),
        "taken": len(taken) / len(over) if over else None,
        "confirmed": len(confirmed) / len(over) if over else None,
        "delay_s": statistics.median(delays) if delays else None,
        "longest_s": max(delays, default=None),
        "confirmed_delay_s": statistics.median(confirmations) if confirmations else None,
        "last": iso(tests[-1].at) if tests else None,
    }


def _state(tests: Sequence[OutboxItem], now: datetime) -> tuple[str, str]:
    if not tests:
        return "unknown", "never tested"
    last = tests[-1]
    if last.confirmed_at is not None:
        return "ok", "the receiver confirmed the last test"
    if last.status == "dead" or (last.status in ("pending", "failed") and now - last.at > LASTS):
        return "failed", f"the last test was not taken: {last.detail or 'nothing sent it'}"
    if last.status in ("pending", "failed"):
        return "unknown", "the last test is under way" + (f": {last.detail}" if last.detail else "")
    if any(t.confirmed_at is not None for t in tests):
        if now - last.at <= CONFIRM:
            return "unknown", "the last test was taken, its confirmation is not due yet"
        return (
            "silent",
            "the channel took the last test, but the receiver did not confirm it as it did before",
        )
    return "unknown", "the channel took the last test; the receiver never confirms"


def _message(office: Office, at: datetime) -> CapAlert:
    stem = at.strftime("%Y%m%dT%H%M%SZ")
    return CapAlert(
        identifier=f"{office.pack.id}.reach.{stem}",
        sender=office.pack.sender,
        sent=at.replace(microsecond=0),
        status="Test",
        note="This is a test of the system: do not act on it.",
        infos=(
            CapInfo(
                language="en-US",
                category=("Other",),
                event="Test of the channels",
                response_type=("None",),
                urgency="Unknown",
                severity="Minor",
                certainty="Unlikely",
                expires=at.replace(microsecond=0) + LASTS,
                sender_name=office.pack.sender_name,
                headline="TEST: routine test of this channel",
                description="This is a test of the system: do not act on it. It shows what arrives.",
                instruction="This is a test of the system: do nothing.",
                areas=(CapArea(area_desc="None: this is a test", geocodes=(("tocsin:test", "reach"),)),),
            ),
        ),
    )
