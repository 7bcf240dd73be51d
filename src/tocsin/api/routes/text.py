"""The picture as plain HTML of the server: no JavaScript, a few kilobytes, the same counts."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from tocsin.api.answer import moment
from tocsin.api.gate import Desk, Guest, Here, needs
from tocsin.api.routes.picture import AsOf
from tocsin.model import iso
from tocsin.ops import queries, reach

ROUTER = APIRouter(tags=["text"])

MOST_ROWS = 40
"""Rows of a list on one page; what is left out is said."""

LATEST = 10
"""Corrections on the page of the picture."""


class Style(Response):
    """A style sheet."""

    media_type = "text/css"


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tocsin.api", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def plain(name: str, status: int = 200, **values: Any) -> Response:
    """A page from its template."""
    text = _templates().get_template(name).render(**values)
    return Response(text.encode(), status_code=status, media_type="text/html", headers={"Vary": "Cookie"})


@ROUTER.get("/text", response_class=HTMLResponse, **needs(None))
def picture(
    here: Here,
    guest: Guest,
    asof: AsOf = None,
    group: Annotated[str | None, Query(max_length=400, description="Only the warnings of this group")] = None,
) -> Response:
    """The picture in words; for the desk also groups, what is held back, and whether messages arrive."""
    now = here.clock()
    at = moment(asof, "asof", now)
    staff = guest is not None
    shown = queries.picture(here.office, at, now, desk=staff)
    actor = None if guest is None else guest.actor
    warnings = queries.warnings(here.office, at, now, "open", actor=actor, desk=staff)
    warnings.sort(key=lambda w: (-w["level"], w["created_at"]))
    groups = queries.groups(here.office, at, now) if staff else []
    chosen = next((g for g in groups if g["key"] == group), None)
    if chosen is not None:
        members = set(chosen["members"])
        warnings = [w for w in warnings if w["id"] in members]
    corrected = queries.corrections(here.office, at, now, desk=staff)
    titles = {d.id: d.title for d in here.office.plan.domains}
    _, summaries = queries.ledger(here.office, at, now)
    return plain(
        "picture.html",
        **_clock(here, at, now),
        picture=shown,
        warnings=warnings[:MOST_ROWS],
        more_warnings=max(0, len(warnings) - MOST_ROWS),
        assessments=shown["assessments"][:MOST_ROWS],
        more_assessments=max(0, len(shown["assessments"]) - MOST_ROWS),
        titles=titles,
        summaries=summaries,
        staff=staff,
        groups=groups if len(groups) < sum(g["count"] for g in groups) else [],
        chosen=chosen,
        gone=group is not None and chosen is None,
        corrections=corrected[:LATEST],
        more_corrections=max(0, len(corrected) - LATEST),
        **(_desk(here, at, now) if staff else {}),
    )


@ROUTER.get("/text/style.css", response_class=Style, **needs(None))
def style() -> Response:
    """The style of these pages; the content policy allows none inside them."""
    source = _templates().get_template("style.css").render()
    return Style(source, headers={"Cache-Control": "no-cache"})


@ROUTER.get("/text/warnings/{id}", response_class=HTMLResponse, **needs(None))
def warning(here: Here, guest: Guest, id: str, asof: AsOf = None) -> Response:  # noqa: A002
    """One warning in words, with the way back to the raw bytes."""
    now = here.clock()
    at = moment(asof, "asof", now)
    actor = None if guest is None else guest.actor
    found = queries.warning(here.office, id, at, now, actor=actor, desk=guest is not None)
    return plain(
        "warning.html",
        **_clock(here, at, now),
        warning=found,
        law=here.office.laws.get(found["legal_basis"] or ""),
        deliveries=_deliveries(here, found) if guest is not None and at is None else None,
        why=found["why"][: 3 * MOST_ROWS],
        more_why=max(0, len(found["why"]) - 3 * MOST_ROWS),
    )


def _desk(here: Desk, at: datetime | None, now: datetime) -> dict[str, Any]:
    """What only staff reads: what is held back and why, and in LIVE whether messages arrive."""
    held = queries.suppressed(here.office, at, now, active=True)
    return {
        "held": held[:MOST_ROWS],
        "more_held": max(0, len(held) - MOST_ROWS),
        "silences": queries.shelved(here.office, at, now),
        "caps": queries.caps(here.office, at, now),
        "reach": reach.reach(here.office, now) if at is None else [],
    }


def _deliveries(here: Desk, found: dict[str, Any]) -> list[dict[str, Any]]:
    return queries.deliveries(here.office, alert=found["id"], drill=found["status"] != "Actual")


def _clock(here: Desk, at: datetime | None, now: datetime) -> dict[str, Any]:
    asof = None if at is None else iso(at)
    levels = {level.rank: level for level in here.office.pack.levels}
    return {
        "now": iso(now),
        "asof": asof,
        "suffix": "" if asof is None else f"?asof={quote(asof)}",
        "open_at": None if here.open_at is None else iso(here.open_at),
        "country": here.office.pack.title,
        "levels": levels,
        "earlier": iso((at or now) - timedelta(hours=1)),
        "later": iso(at + timedelta(hours=1)) if at is not None and at + timedelta(hours=1) <= now else None,
    }
