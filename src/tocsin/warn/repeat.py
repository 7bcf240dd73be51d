"""A warning that stands is said again: the same message, as a new decision to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.model import Alert
from tocsin.warn.contract import idempotency_key
from tocsin.warn.outbox import Outbox
from tocsin.warn.transitions import stands


def repeats_due(alert: Alert, every: timedelta, at: datetime) -> int:
    """How often a warning should have been said again by a moment; 0 for one that does not stand.

    Parameters
    ----------
    alert : Alert
        Newest revision.
    every : timedelta
        From one time to the next; zero: never.
    at : datetime
        Moment. A clock that went back before the message was sent gives 0.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tocsin.model import Member, State
    >>> noon = datetime(2001, 3, 5, 12, tzinfo=UTC)
    >>> here = Member(region="US", name="US", since=noon, tail=1.0, value=0.0, expected=0.0, window_h=1)
    >>> one = Alert(id="a", chain="a", state=State.ISSUED, domain="d", event="e", category="Geo", level=2,
    ...             likelihood=float("nan"), impact=2, headline="h", description="d", instruction="i",
    ...             members=(here,), onset=noon, expires=noon + timedelta(hours=12), created_at=noon,
    ...             sent=noon, author="system")
    >>> [repeats_due(one, timedelta(hours=4), noon + timedelta(hours=h)) for h in (3, 4, 9, 12)]
    [0, 1, 2, 0]
    """
    if every <= timedelta(0) or alert.sent is None or at < alert.sent or not stands(alert, at):
        return 0
    return (at - alert.sent) // every


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An outbox in which the same content is a new decision: the ``number``-th repetition.

    Parameters
    ----------
    outbox : Outbox
        That takes it.
    number : int
        From 1.
    """

    outbox: Outbox
    number: int

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
        priority: int = 0,
    ) -> bool:
        """Keep the decision to repeat under a key of its own; False when it is there already."""
        again = f"{content_hash}:repeat-{self.number}"
        # The first key is known to this receiver and to nobody else, and so is this one.
        key = idempotency_key(group, recipient, again, secret=str(payload["key"]).encode())
        return self.outbox.enqueue(
            group=group,
            recipient=recipient,
            content_hash=again,
            channel=channel,
            payload={**payload, "key": key},
            at=at,
            priority=priority,
        )
