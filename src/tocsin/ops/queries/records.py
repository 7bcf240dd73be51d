"""Tasks, the audit journal, legal bases and messages of the Common Alerting Protocol, as kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import Alert, NotFoundError, State, to_plain
from tocsin.ops import anchoring, signatures
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
    action: str | None = None,
) -> list[dict[str, Any]]:
    """Entries of the journal with their place in the hash chain, oldest first."""
    # the newest of an action are not among the newest of all
    most = limit if action is None else None
    entries = office.store.audit(subject=subject, actor=actor, since=since, until=until, limit=most)
    kept = [e for e in entries if action is None or e.decision.action == action]
    if limit is not None:
        kept = kept[-limit:]
    return [{"seq": e.seq, "prev": e.prev, "hash": e.hash, **to_plain(e.decision)} for e in kept]


def audit_entry(office: Office, entry: str) -> dict[str, Any]:
    """One entry of the journal with the law that it cites, the content decided on, and who vouches for it.

    Parameters
    ----------
    office : Office
        Store and country.
    entry : str
        Its number in the journal, or the id of the decision.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = [e for e in office.store.audit() if entry in (str(e.seq), e.decision.id)]
    if not found:
        raise NotFoundError(f"entry: got {entry!r}, allowed: a number that 'tocsin govern audit list' shows")
    (one,) = found
    said = one.decision
    law = office.laws.get(said.legal_basis or "")
    revisions = [r for r in office.store.history("alert", said.subject) if r.known_at <= said.at]
    content = next((r.noun for r in reversed(revisions) if r.noun.content_hash == said.content_hash), None)
    anchors = anchoring.read(anchoring.anchors_file(office.path)) or ()
    anchored = next((a.name for a in anchors if a.entries >= one.seq), None)
    return {
        "seq": one.seq,
        **to_plain(said),
        "law": None if law is None else str(law),
        "headline": None if content is None else content.headline,
        "level": None if content is None else content.level,
        "prev": one.prev,
        "hash": one.hash,
        "anchored_by": anchored,
    }


def anchors(office: Office) -> list[dict[str, Any]]:
    """Heads of the journal as they were taken, oldest first, each as its line in the file of anchors."""
    found = anchoring.read(anchoring.anchors_file(office.path)) or ()
    return [to_plain(a) for a in found]


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
    return _bytes(office, alert)


def _bytes(office: Office, alert: Alert) -> bytes:
    """A message as it was sent, signature and all; one that went to nobody is rendered now."""
    kept = signatures.sent_bytes(office, alert.id)
    if kept is not None:
        return kept
    return write(alert, issuer=office.issuer, levels=office.pack.levels, regions=office.pack.regions)


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
    bodies = [_bytes(office, a) for a in standing]
    return feed(bodies, at=moment, title=f"{office.pack.sender_name}: warnings", link=link)


def _public(office: Office, alert: Alert) -> bool:
    return alert.status == "Actual" and office.pack.levels[alert.level - 1].public
