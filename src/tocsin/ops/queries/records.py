"""Tasks, the audit journal, legal bases and messages of the Common Alerting Protocol, as kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import Alert, NotFoundError, State, to_plain
from tocsin.ops.office import Office
from tocsin.warn.channels.atom import feed
from tocsin.warn.message import write


def responses(
    office: Office, at: datetime | None, now: datetime, *, state: str | None = None, alert: str | None = None
) -> list[dict[str, Any]]:
    """Tasks known at a moment, the next due first."""
    found = [t for t in office.store.list("task", at=at or now) if state is None or t.state == state]
    found = [t for t in found if alert is None or t.alert == alert]
    return [to_plain(t) for t in sorted(found, key=lambda t: (t.due_at, t.id))]


def audit(
    office: Office,
    *,
    subject: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Entries of the journal with their place in the hash chain, oldest first."""
    entries = office.store.audit(subject=subject, actor=actor, since=since, until=until, limit=limit)
    return [{"seq": e.seq, "prev": e.prev, "hash": e.hash, **to_plain(e.decision)} for e in entries]


def laws(office: Office) -> list[dict[str, Any]]:
    """Legal bases that an approval may cite."""
    return [to_plain(law) for law in office.pack.laws]


def cap_message(
    office: Office,
    id: str,  # noqa: A002
    at: datetime | None,
    now: datetime,
    *,
    drill: bool = False,
) -> bytes:
    """An issued message of the Common Alerting Protocol, as it was sent.

    Parameters
    ----------
    office : Office
        Store and country.
    id : str
        CAP identifier.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    drill : bool
        Whether exercises, tests and levels that do not leave the house may be read too.

    Raises
    ------
    NotFoundError
        When no such message was issued by then; a message that is not public is not told apart.
    """
    alert: Alert | None = office.store.get("alert", id, at or now)
    if alert is None or alert.sent is None or not (drill or _public(office, alert)):
        raise NotFoundError(f"message: got {id!r}, allowed: one that was issued to the public")
    return write(alert, issuer=office.desk.issuer, levels=office.pack.levels, regions=office.pack.regions)


def cap_feed(office: Office, at: datetime | None, now: datetime, *, link: str | None = None) -> bytes:
    """The Atom feed of public messages that stood at a moment; empty when none did."""
    moment = at or now
    alerts = office.store.list("alert", at=moment)
    standing = [
        a
        for a in alerts
        if a.sent is not None and a.expires > moment and _public(office, a)
        if a.state in {State.ISSUED, State.UPDATED, State.CANCELLED}
    ]
    bodies = [
        write(a, issuer=office.desk.issuer, levels=office.pack.levels, regions=office.pack.regions)
        for a in standing
    ]
    return feed(bodies, at=moment, title=f"{office.pack.sender_name}: warnings", link=link)


def _public(office: Office, alert: Alert) -> bool:
    return alert.status == "Actual" and office.pack.levels[alert.level - 1].public
