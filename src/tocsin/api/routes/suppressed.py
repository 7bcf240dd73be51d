"""The page of groups, what the desk was not asked and why, and silences."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tocsin.api.answer import MOST_ITEMS, as_json, moment, page
from tocsin.api.gate import Here, Member, needs
from tocsin.api.routes.picture import AsOf, Cursor
from tocsin.govern.permissions import Permission
from tocsin.ops import queries, shelving, suppression

ROUTER = APIRouter(tags=["warnings"])

Words = Annotated[str, Field(min_length=1, max_length=2000)]
Names = Annotated[list[str], Field(max_length=500)]


class _Body(BaseModel):
    """Fields that a request may carry; others are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewSilence(_Body):
    """What the desk need not be asked about; at least one of domains, hazards and regions."""

    reason: Words
    domains: Names = []
    hazards: Names = []
    regions: Names = []
    max_level: int = Field(default=2, ge=1, le=3)
    ends: AwareDatetime | None = None
    hours: float = Field(default=6, gt=0, le=24 * 7, description="How long it holds without `ends`")


class End(_Body):
    """Why a silence ends before its time."""

    reason: Words


@ROUTER.get("/groups", **needs(Permission.READ_DESK))
def groups(
    here: Here,
    asof: AsOf = None,
    most: Annotated[int, Query(ge=1, le=200, description="Groups at most")] = 20,
) -> Response:
    """What stands or waits as a page of groups, each with the ids of all its members."""
    now = here.clock()
    rows = queries.groups(here.office, moment(asof, "asof", now), now, most=most)
    return as_json({"items": rows, "next": None, "warnings": sum(r["count"] for r in rows)})


@ROUTER.get("/suppressed", **needs(Permission.READ_DESK))
def suppressed(
    here: Here,
    asof: AsOf = None,
    active: Annotated[bool, Query(description="Only what is held back still")] = True,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 500,
) -> Response:
    """What the desk was not asked, with the reason; `caps` says how full the caps of the day are."""
    now = here.clock()
    at = moment(asof, "asof", now)
    rows = queries.suppressed(here.office, at, now, active=active)
    return as_json({**page(rows, cursor, limit), "caps": queries.caps(here.office, at, now)})


@ROUTER.get("/silences", **needs(Permission.READ_DESK))
def silences(here: Here, asof: AsOf = None) -> Response:
    """Silences that hold at a moment, each with what it holds back."""
    now = here.clock()
    return as_json({"items": queries.shelved(here.office, moment(asof, "asof", now), now), "next": None})


@ROUTER.post("/silences", status_code=201, **needs(Permission.SHELVE))
def shelve(here: Here, who: Member, body: NewSilence) -> Response:
    """Ask the system not to ask about certain warnings for a while."""
    now = here.clock()
    wish = shelving.Wish(
        ends=body.ends or now + timedelta(hours=body.hours),
        domains=tuple(body.domains),
        hazards=tuple(body.hazards),
        regions=tuple(body.regions),
        max_level=body.max_level,
    )
    made = shelving.shelve(here.office, wish, who.actor, reason=body.reason, at=now)
    return as_json(suppression.plain(made), status=201)


@ROUTER.post("/silences/{id}/end", **needs(Permission.SHELVE))
def unshelve(here: Here, who: Member, id: str, body: End) -> Response:  # noqa: A002
    """End a silence before its time."""
    made = shelving.unshelve(here.office, id, who.actor, reason=body.reason, at=here.clock())
    return as_json(suppression.plain(made))
