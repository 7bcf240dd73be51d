"""The picture: what is not normal, how well it is watched, and how many warnings stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import iso
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.queries.coverage import coverage
from tocsin.ops.queries.warnings import warnings


def picture(office: Office, at: datetime | None, now: datetime, *, desk: bool = True) -> dict[str, Any]:
    """What is known at a moment, for one screen.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    desk : bool
        Whether warnings that the public was not told count as standing.
    """
    moment = at or now
    moments.runs(office, now)
    rows = assessments(office, at, now)
    return {
        "asof": iso(moment),
        "mode": moments.mode_at(office, moment) if at is not None else "live",
        "summary": {str(level): sum(r["level"] == level for r in rows) for level in (1, 2, 3, 4)},
        "assessments": rows,
        "coverage": coverage(office, at, now),
        "standing": len(warnings(office, at, now, "open", desk=desk)),
    }


def assessments(office: Office, at: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """Every region and domain above normal at a moment, the highest level first."""
    regions = office.pack.regions
    found = [
        {**a, "title": regions[a["region"]].title if a["region"] in regions else a["region"]}
        for domain, row in moments.newest(office, at or now).items()
        for a in row.summary.get("assessments", ())
        if a["domain"] == domain
    ]
    return sorted(found, key=lambda a: (-a["level"], a["since"], a["region"], a["domain"]))
