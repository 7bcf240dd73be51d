"""What the desk was not asked, and why; how full the caps are; what is shelved; and the page of groups."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import Alert, iso, parse_time, to_plain
from tocsin.ops import suppression
from tocsin.ops.office import Office
from tocsin.ops.queries.warnings import is_open
from tocsin.warn.daily_cap import areas, local_day
from tocsin.warn.digest import MOST, digest
from tocsin.warn.grading import grading

_LACKING = {"stage": "unknown", "by": None, "until": None, "status": None, "event": None}
"""Fields that the records of repeated proposals and of delivery, or those of an earlier version, lack."""


def suppressed(
    office: Office, at: datetime | None, now: datetime, *, active: bool = False
) -> list[dict[str, Any]]:
    """What was held back, as known at a moment, the newest first.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    active : bool
        Only what is held back still: called for in the last hours, and before the end of what holds it back.

    Returns
    -------
    list of dict
        What would have been asked, with ``stage``, ``by``, ``reason``, ``since``, ``last`` and ``until``.
    """
    moment = at or now
    # Without a moment it is all that is on record: a clock that went back hides nothing.
    rows = [_row(row, moment) for row in office.store.list(suppression.KIND, at=at)]
    found = [row for row in rows if row["active"] or not active]
    return sorted(found, key=lambda row: (row["last"], row["id"]), reverse=True)


def _row(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    last, until = str(row.get("last", row.get("at"))), row.get("until")
    fresh = at - parse_time(last) <= suppression.OVER
    holds = until is None or parse_time(until) > at
    alert = row.get("alert", row["id"].split(":", 1)[0])
    body = {k: v for k, v in row.items() if k not in {"at", "revision"}}
    return {
        **_LACKING,
        **body,
        "alert": alert,
        "since": row.get("since", last),
        "last": last,
        "active": "since" in row and fresh and holds,
    }


def caps(office: Office, at: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """How many first messages officers were asked about today, in each area with a cap, and how many not.

    Returns
    -------
    list of dict
        ``domain``, ``area``, ``title``, ``day`` (local), ``asked``, ``withheld``, ``cap``; areas in which
        nothing was asked or withheld are left out.
    """
    moment = at or now
    held = [r for r in office.store.list(suppression.KIND, at=at) if r.get("stage") == "capped"]
    found = []
    for domain in office.plan.domains:
        if domain.criteria.daily_cap == 0:
            continue
        count: dict[str, list[int]] = {}
        asked: list[Alert] = office.store.list("alert", at=moment, where={"domain": domain.id})
        for alert in asked:
            if alert.author == "system" and alert.msg_type == "Alert" and alert.status == "Actual":
                for area in areas(alert, domain.criteria, office.pack.regions):
                    _add(office, count, area, 0, alert.created_at, moment)
        for row in held:
            if row["domain"] == domain.id:
                _add(office, count, row["by"], 1, parse_time(row["last"]), moment)
        found += [
            {
                "domain": domain.id,
                "area": area,
                "title": office.pack.regions[area].title,
                "day": str(local_day(moment, office.pack.regions[area])),
                "asked": n,
                "withheld": out,
                "cap": domain.criteria.daily_cap,
            }
            for area, (n, out) in sorted(count.items())
        ]
    return found


def _add(
    office: Office, count: dict[str, list[int]], area: str, column: int, when: datetime, at: datetime
) -> None:
    place = office.pack.regions[area]
    if local_day(when, place) == local_day(at, place):
        count.setdefault(area, [0, 0])[column] += 1


def shelved(office: Office, at: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """Silences that hold at a moment, those that end first come first, each with what it holds back."""
    moment = at or now
    held = suppressed(office, at, now, active=True)
    return [
        {**suppression.plain(s), "holding": sorted({r["alert"] for r in held if r["by"] == s.id})}
        for s in suppression.silences(office, at=moment)
    ]


def groups(
    office: Office, at: datetime | None, now: datetime, *, most: int = MOST, domain: str | None = None
) -> list[dict[str, Any]]:
    """What stands or waits at a moment as a page of groups, the gravest first.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    most : int
        Groups at most, from 1.
    domain : str, optional
        Only of this one.

    Returns
    -------
    list of dict
        ``key``, ``by``, ``status``, ``hazards``, ``level``, ``count``, ``waiting`` (members that wait for
        officers), ``rare_but_grave`` (members with that mark), ``places`` (number of regions), ``titles`` (of
        the first five), ``onset``, ``expires``, ``members`` (ids, the gravest first). The counts add up to
        the number of warnings.

    Raises
    ------
    ValueError
        When ``most`` is below 1.
    """
    if most < 1:
        raise ValueError(f"most: got {most}, allowed: 1 or more")
    moment = at or now
    alerts = [a for a in office.store.as_of(moment).standing() if is_open(a, moment)]
    alerts = [a for a in alerts if domain in (None, a.domain)]
    regions = office.pack.regions
    found = digest(alerts, regions, office.plan.neighbours, most=most)
    return [
        {
            "key": g.key,
            "by": g.by,
            "status": g.members[0].status,
            "hazards": list(g.hazards),
            "level": g.level,
            "count": len(g.members),
            "waiting": sum(a.sent is None for a in g.members),
            "rare_but_grave": sum(grading(a, office.pack.matrix).rare_but_grave for a in g.members),
            "places": len(g.regions),
            "titles": [regions[r].title if r in regions else r for r in g.regions[:5]],
            "onset": iso(g.onset),
            "expires": iso(g.expires),
            "members": to_plain([a.id for a in g.members]),
        }
        for g in found
    ]
