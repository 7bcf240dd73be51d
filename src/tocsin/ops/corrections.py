"""What went out and was wrong: said in public by the message that replaces it, and listed.

A correction is an update or a cancellation that says that what it replaces was wrong. When it is issued a
record of kind ``correction`` is kept in the same transaction: the list of corrections and the ledger read it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tocsin.cap.atom import AtomEntry, AtomFeed, render_atom
from tocsin.model import Alert, iso, parse_time
from tocsin.ops.office import Office

KIND = "correction"

MOST = 500
"""Corrections in the feed."""


def keep(office: Office, alert: Alert, replaced: Sequence[Alert], *, at: datetime) -> None:
    """Keep that a message corrected others; call it inside the transaction that issues it.

    Parameters
    ----------
    office : Office
        Store and country.
    alert : Alert
        The correction, issued.
    replaced : sequence of Alert
        The messages that it retires.
    at : datetime
        When it was issued.
    """
    body = {
        "id": alert.id,
        "chain": alert.chain,
        "corrects": [old.id for old in replaced],
        "msg_type": alert.msg_type,
        "domain": alert.domain,
        "level": alert.level,
        "was_level": max((old.level for old in replaced), default=alert.level),
        "headline": alert.headline,
        "was_headline": replaced[0].headline if replaced else "",
        "regions": list(alert.regions),
        "reason": alert.reason,
        "at": iso(at),
        "public": office.pack.levels[max(alert.level, *(o.level for o in replaced), 1) - 1].public,
    }
    office.store.put(KIND, alert.id, body, known_at=at, revision=0)


def corrections(
    office: Office, at: datetime | None, now: datetime, *, desk: bool = True
) -> list[dict[str, Any]]:
    """Corrections known at a moment, newest first.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    desk : bool
        Whether those of warnings that never left the house are shown too.

    Returns
    -------
    list of dict
        What corrects what, when and why.
    """
    rows = [row for row in office.store.list(KIND, at=at or now) if desk or row["public"]]
    return sorted((dict(row) for row in rows), key=lambda r: (r["at"], r["id"]), reverse=True)


def feed(office: Office, at: datetime | None, now: datetime, *, link: str | None = None) -> bytes:
    """The corrections as an Atom feed with links to their messages, newest first; empty when there are none.

    A correction stays in it when its message has expired: who acted on the wrong warning must learn
    that it was wrong.
    """
    rows = corrections(office, at, now, desk=False)[:MOST]
    entries = tuple(
        AtomEntry(
            id=_name(office, f"correction/{row['id']}"),
            title=f"Correction: {row['was_headline'] or row['headline']}",
            updated=parse_time(row["at"]),
            link=f"{quote(row['id'], safe='')}.xml",
            summary=row["reason"],
        )
        for row in rows
    )
    return render_atom(
        AtomFeed(
            id=_name(office, "corrections"),
            title=f"{office.pack.sender_name}: corrections",
            updated=entries[0].updated if entries else at or now,
            author=office.pack.sender_name,
            link=link,
            entries=entries,
        )
    )


def _name(office: Office, what: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"cap:{office.pack.sender},{what}").urn


def by_chain(office: Office, at: datetime) -> dict[str, list[str]]:
    """Ids of the corrections of each chain known at a moment, oldest first."""
    found: dict[str, list[str]] = {}
    for row in reversed(corrections(office, at, at)):
        found.setdefault(row["chain"], []).append(row["id"])
    return found
