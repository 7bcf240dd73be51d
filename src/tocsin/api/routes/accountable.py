"""What the desk answers for: warnings that were wrong, and what one officer did alone."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from tocsin.api.answer import MOST_ITEMS, as_json, moment, page
from tocsin.api.gate import Guest, Here, Member, needs
from tocsin.api.routes.picture import AsOf, Cursor
from tocsin.api.routes.warnings import Body
from tocsin.govern.permissions import Permission
from tocsin.ops import queries
from tocsin.ops import reviews as book

ROUTER = APIRouter(tags=["warnings"])

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]


class Review(Body):
    """What was found of an approval under break-glass."""

    verdict: Literal["upheld", "wrong"]
    finding: str = Field(min_length=1, max_length=8000)


@ROUTER.get("/corrections", **needs(None))
def corrections(
    here: Here, guest: Guest, asof: AsOf = None, cursor: Cursor = None, limit: Limit = 500
) -> Response:
    """Warnings that went out and were wrong, with the message that says so; newest first."""
    now = here.clock()
    rows = queries.corrections(here.office, moment(asof, "asof", now), now, desk=guest is not None)
    return as_json(page(rows, cursor, limit), headers={"Vary": "Cookie"})


@ROUTER.get("/reviews", **needs(Permission.READ_DESK))
def reviews(
    here: Here,
    asof: AsOf = None,
    due: Annotated[bool, Query(description="Only those that nobody has reviewed")] = False,
    cursor: Cursor = None,
    limit: Limit = 500,
) -> Response:
    """Approvals that one officer gave alone, with their reviews; the next due first."""
    now = here.clock()
    rows = queries.reviews(here.office, moment(asof, "asof", now), now, due=due)
    return as_json(page(rows, cursor, limit))


@ROUTER.post("/warnings/{id}/review", **needs(Permission.REVIEW))
def review(here: Here, who: Member, id: str, body: Review) -> Response:  # noqa: A002
    """Put on record what another officer found of an approval under break-glass."""
    row = book.review(here.office, id, who.actor, verdict=body.verdict, finding=body.finding, at=here.clock())
    return as_json(dict(row))
