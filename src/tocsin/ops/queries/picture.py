"""The picture: what is not normal, how well it is watched, and how many warnings stand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import iso
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.queries.coverage import coverage
from tocsin.ops.queries.told import told_reasons
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
        Whether warnings that the public was not told count as standing, and as reasons, and whether it is
        told what went wrong with a feed.
    """
    moment = at or now
    moments.runs(office, now)
    rows = assessments(office, at, now, desk=desk)
    return {
        "asof": iso(moment),
        "mode": moments.mode_at(office, moment) if at is not None else "live",
        "summary": {str(level): sum(r["level"] == level for r in rows) for level in (1, 2, 3, 4)},
        "assessments": rows,
        "coverage": coverage(office, at, now, desk=desk),
        "standing": len(warnings(office, at, now, "open", desk=desk)),
    }


def assessments(
    office: Office, at: datetime | None, now: datetime, *, desk: bool = True
) -> list[dict[str, Any]]:
    """Every region and domain above normal at a moment, the highest level first.

    Without ``desk`` no reason is a warning that the public was not told, and what has no other reason is left
    out: a draft must not be read on the way round.
    """
    regions = office.pack.regions
    found = [
        {
            **a,
            "title": regions[a["region"]].title if a["region"] in regions else a["region"],
            "rare_but_grave": _rare_but_grave(office, a),
        }
        for domain, row in moments.newest(office, at or now).items()
        for a in row.summary.get("assessments", ())
        if a["domain"] == domain
    ]
    if not desk:
        pairs = [(a, told_reasons(office, a["contributors"], at or now)) for a in found]
        found = [{**a, "contributors": told} for a, told in pairs if told or not a["contributors"]]
    return sorted(found, key=lambda a: (-a["level"], a["since"], a["region"], a["domain"]))


def _rare_but_grave(office: Office, assessment: dict[str, Any]) -> bool:
    """The mark of what is unlikely, and grave if it comes, by the matrix in force; unknown has none."""
    matrix, likelihood = office.pack.matrix, assessment["likelihood"]
    return (
        matrix is not None
        and likelihood is not None
        and matrix.is_rare_but_grave(likelihood, assessment["impact"])
    )
