"""What one officer did alone under break-glass, and the review of it that is due.

The act and its review are one record of kind ``break_glass``: revision 0 says that it was done and until when
it must be looked at, revision 1 who looked at it and what was found. What is not reviewed in time is shown
and escalated (:func:`tocsin.ops.commands.escalate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tocsin.govern.permissions import Permission, require
from tocsin.model import (
    Alert,
    AuthorityError,
    Decision,
    NotFoundError,
    TransitionError,
    iso,
    parse_time,
)
from tocsin.model.record import decision_id
from tocsin.ops.office import Office

if TYPE_CHECKING:
    from tocsin.ops.commands import Actor

KIND = "break_glass"

VERDICTS = ("upheld", "wrong")
"""What a review may find: it was right to act alone, or it was not."""


def begin(office: Office, alert: Alert, *, policy: str, reason: str, due: datetime, at: datetime) -> None:
    """Keep that one officer approved a warning alone; call it inside the transaction of the approval."""
    name = f"{alert.id}:{iso(at)}"
    body = {
        "id": name,
        "alert": alert.id,
        "content_hash": alert.content_hash,
        "headline": alert.headline,
        "level": alert.level,
        "policy": policy,
        "account": alert.approver,
        "submitter": alert.submitter,
        "author": alert.author,
        "reason": reason,
        "at": iso(at),
        "due": iso(due),
        "reviewed_by": None,
        "reviewed_at": None,
        "verdict": None,
        "finding": "",
    }
    office.store.put(KIND, name, body, known_at=at, revision=0)


def reviews(office: Office, at: datetime | None, now: datetime, *, due: bool = False) -> list[dict[str, Any]]:
    """Acts under break-glass known at a moment, with their reviews; the next due first.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    due : bool
        Only those that nobody has reviewed.

    Returns
    -------
    list of dict
        ``overdue`` tells whether the time for the review has passed.
    """
    moment = at or now
    rows = [
        {**row, "overdue": row["verdict"] is None and parse_time(row["due"]) < moment}
        for row in office.store.list(KIND, at=moment)
    ]
    rows = [row for row in rows if not due or row["verdict"] is None]
    return sorted(rows, key=lambda r: (r["due"], r["id"]))


def review(
    office: Office, alert: str, actor: Actor, *, verdict: str, finding: str, at: datetime
) -> Mapping[str, Any]:
    """Put on record what another officer found of an act under break-glass; the oldest that waits is meant.

    Parameters
    ----------
    office : Office
        Store and country.
    alert : str
        Id of the warning that was approved alone.
    actor : Actor
        Who reviews it: neither author, submitter nor approver.
    verdict : str
        One of :data:`VERDICTS`.
    finding : str
        In words.
    at : datetime
        Now.

    Raises
    ------
    AuthorityError
        When the role may not, or the account took part in the act.
    NotFoundError
        When no act of this warning waits for a review.
    TransitionError
        When the verdict is none, or the finding is missing.
    """
    require(actor.role, Permission.REVIEW)
    if verdict not in VERDICTS:
        raise TransitionError(f"{alert}: verdict: got {verdict!r}, allowed: {', '.join(VERDICTS)}")
    if not finding.strip():
        raise TransitionError(f"{alert}: finding: got nothing, allowed: what was found, in words")
    with office.store.transaction():
        waiting = [row for row in office.store.list(KIND, where={"alert": alert}) if row["verdict"] is None]
        if not waiting:
            raise NotFoundError(f"review: got {alert!r}, allowed: a warning that one officer approved alone")
        old = min(waiting, key=lambda r: (r["due"], r["id"]))
        for part in ("account", "submitter", "author"):
            if old[part] == actor.account:
                raise AuthorityError(
                    f"{alert}: reviewer: got {actor.account!r}, who took part in it; allowed: another officer"
                )
        new = {
            **old,
            "reviewed_by": actor.account,
            "reviewed_at": iso(at),
            "verdict": verdict,
            "finding": finding.strip(),
        }
        office.store.put(KIND, old["id"], new, known_at=at, revision=1)
        office.store.journal(
            Decision(
                id=decision_id(old["id"], "review", at, actor.account),
                at=at,
                actor=actor.account,
                role=actor.role,
                action="review",
                subject=alert,
                content_hash=old["content_hash"],
                reason=f"{verdict}: {finding.strip()}",
                simulated=actor.simulated,
            )
        )
    return new
