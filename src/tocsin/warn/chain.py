"""Chains of messages: references, the message that replaces others, and those that it retires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.cap.values import write_time
from tocsin.model import Alert, State, TransitionError, iso, require_utc
from tocsin.warn.authority import without_approval


def reference(alert: Alert, sender: str) -> str:
    """Write the CAP reference to a message that was sent: ``sender,identifier,sent``."""
    if alert.sent is None:
        raise TransitionError(f"{alert.id}: sent: got nothing, allowed: a message that was issued")
    return f"{sender},{alert.id},{write_time(alert.sent)}"


def successor(
    old: Alert,
    chain: Sequence[Alert],
    msg_type: str,
    *,
    new_id: str,
    sender: str,
    actor: str,
    at: datetime,
    reason: str,
) -> Alert:
    """Make the draft that is to replace a message; it refers to every one sent and unexpired."""
    if not sender or not new_id:
        field = "new_id" if sender else "sender"
        raise TransitionError(
            f"{old.id}: {field}: got nothing, allowed: the CAP {'identifier' if sender else 'sender'}"
        )
    if new_id in {old.id, *(m.id for m in chain)}:
        raise TransitionError(
            f"{old.id}: new_id: got {new_id!r}, allowed: an identifier that the chain has not used"
        )
    related = unexpired((*chain, old), old.chain, at)
    return replace(
        without_approval(old),
        id=new_id,
        revision=0,
        state=State.DRAFT,
        msg_type=msg_type,
        created_at=at,
        sent=None,
        # What the old message referred to is related still, whether or not the caller has it at hand.
        references=tuple(dict.fromkeys((*old.references, *(reference(m, sender) for m in related)))),
        author=actor,
        submitter=None,
        reason=reason,
        correction=False,
    )


def replaced_by(alert: Alert, chain: Sequence[Alert], sender: str, at: datetime) -> list[Alert]:
    """Give the standing messages of the chain, once it is sure that the new one refers to all of them."""
    related = [m for m in unexpired(chain, alert.chain, at) if m.id != alert.id]
    if related and not sender:
        raise TransitionError(f"{alert.id}: sender: got nothing, allowed with a chain: the CAP sender")
    for message in related:
        if reference(message, sender) not in alert.references:
            raise TransitionError(
                f"{alert.id}: references: got none to {message.id}, sent at {iso(message.sent or at)}; "
                "reject this one and draft the update again from the newest message"
            )
    return [m for m in related if m.state is State.ISSUED]


def unexpired(messages: Iterable[Alert], chain: str, at: datetime) -> list[Alert]:
    """Give the messages of a chain that were sent and have not expired, oldest first."""
    at = require_utc(at, "at")
    mine = {m.id: m for m in messages if m.chain == chain and m.sent is not None and m.expires > at}
    return sorted(mine.values(), key=lambda m: (m.sent or m.created_at, m.id))
