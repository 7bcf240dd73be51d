"""Other authorities whose warnings are read: terms, freshness, and how each of their messages stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from tocsin.api.answer import MOST_ITEMS, as_json, moment, page
from tocsin.api.gate import Here, needs
from tocsin.api.routes.picture import AsOf, Cursor
from tocsin.cap.chains import State
from tocsin.govern.permissions import Permission
from tocsin.ops.queries import authorities as views

ROUTER = APIRouter(tags=["picture"])


@ROUTER.get("/authorities", **needs(Permission.READ_DESK))
def authorities(here: Here, asof: AsOf = None) -> Response:
    """Authorities whose feeds are read, with licence, freshness, and how many of their messages conflict."""
    now = here.clock()
    rows = views.authorities(here.office, moment(asof, "asof", now), now)
    return as_json({"items": rows, "next": None})


@ROUTER.get("/authorities/messages", **needs(Permission.READ_DESK))
def messages(
    here: Here,
    asof: AsOf = None,
    state: Annotated[State | None, Query(description="Only messages in this state")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 500,
) -> Response:
    """Messages of other authorities as received by a moment, and how each of them stands at it."""
    now = here.clock()
    at = moment(asof, "asof", now)
    rows = views.messages(here.office, at, now, state=None if state is None else str(state))
    return as_json(page(rows, cursor, limit))
