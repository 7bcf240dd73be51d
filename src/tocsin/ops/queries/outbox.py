"""What became of each message on its way: the outboxes as the desk reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tocsin.model import ConfigError, iso
from tocsin.ops.office import Office
from tocsin.store import OutboxItem
from tocsin.warn.retry import Retry

ALARM = timedelta(days=7)
"""So long a message that was given up is an alarm; then it is history, which ``deliveries`` shows."""

OVERDUE = timedelta(minutes=2)
"""A message that could be sent and was not for so long: nobody carries it."""


def deliveries(
    office: Office, *, alert: str | None = None, state: str | None = None, drill: bool = False
) -> list[dict[str, Any]]:
    """Messages by warning and recipient, the oldest first.

    Parameters
    ----------
    alert, state : str or None
        Only of a message, only in a state: ``pending``, ``failed``, ``accepted``, ``delivered``, ``dead``.
    drill : bool
        Those of exercises and tests instead of the real ones.

    Returns
    -------
    list of dict
        ``accepted`` is the word of a channel; only ``delivered`` is that of the receiver.
    """
    name = "drill" if drill else "public"
    return [
        _row(item) | {"id": f"{name}:{item.id}"}
        for item in office.store.outbox_of(name).rows(status=state, alert=alert)
    ]


def overdue(office: Office, now: datetime) -> list[dict[str, Any]]:
    """Recipients with messages that could be sent and are not, whoever should: nothing carries them.

    Parameters
    ----------
    now : datetime
        Wall time.
    """
    retry, rows = Retry(), []
    replayed = {to.id for to in office.replay_desk.book.everybody}  # a replay carries its own
    for name in ("public", "drill", "reach"):
        outbox = office.store.outbox_of(name)
        rows += [
            item
            for item in outbox.pending(now - OVERDUE)
            if item.recipient not in replayed
            and (item.lease_until is None or not now < item.lease_until <= now + retry.horizon)
        ]
    found: dict[str, dict[str, Any]] = {}
    for item in rows:
        row = found.setdefault(
            item.recipient, {"recipient": item.recipient, "messages": 0, "since": iso(item.at)}
        )
        row["messages"] += 1
        row["since"] = min(row["since"], iso(item.at))
    return sorted(found.values(), key=lambda r: (r["since"], r["recipient"]))


def given_up(office: Office, now: datetime) -> list[OutboxItem]:
    """Real warnings that somebody did not get, of the last days, the oldest first.

    Parameters
    ----------
    now : datetime
        Wall time.
    """
    dead = office.store.outbox_of("public").rows(status="dead")
    return [item for item in dead if now - (item.settled_at or item.at) < ALARM]


def unreached(office: Office) -> list[dict[str, Any]]:
    """Recipients of real warnings that were not reached yet, with the last reason."""
    found: dict[str, dict[str, Any]] = {}
    for item in office.store.outbox_of("public").rows(status="failed"):
        row = found.setdefault(
            item.recipient,
            {"recipient": item.recipient, "channel": item.channel, "messages": 0, "since": iso(item.at)},
        )
        row["messages"] += 1
        row["detail"] = item.detail
    return sorted(found.values(), key=lambda r: (r["since"], r["recipient"]))


def hubs(office: Office) -> list[str]:
    """Addresses of the WebSub hubs that are told of the public feed, for who wants to subscribe to it."""
    try:
        book = office.desk.book
    except ConfigError:
        return []  # said at the start of the server and by the doctor; the feed itself must be served
    return [to.address for to in book.public if to.channel == "websub"]


def _row(item: OutboxItem) -> dict[str, Any]:
    return {
        "alert": item.payload.get("alert"),
        "recipient": item.recipient,
        "channel": item.channel,
        "state": item.status,
        "queued": iso(item.at),
        "answered": None if item.settled_at is None else iso(item.settled_at),
        "confirmed": None if item.confirmed_at is None else iso(item.confirmed_at),
        "attempts": item.attempts,
        "next_try": None if item.next_try is None or item.status != "failed" else iso(item.next_try),
        "detail": item.detail,
        "key": item.payload.get("key"),
    }
