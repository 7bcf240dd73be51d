"""Delivery: what became of each message, tests of the channels, and the word of a receiver that has one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tocsin.api.answer import MOST_ITEMS, as_json, page
from tocsin.api.gate import Here, Member, needs
from tocsin.api.problems import Problem
from tocsin.api.routes.picture import Cursor
from tocsin.govern.permissions import Permission
from tocsin.ops import queries, reach

ROUTER = APIRouter(tags=["delivery"])

State = Literal["pending", "failed", "accepted", "delivered", "dead"]


class Word(BaseModel):
    """What a receiver says."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern="^[0-9a-f]{64}$", description="Idempotency key of the message that it has")


@ROUTER.get("/deliveries", **needs(Permission.READ_DESK))
def deliveries(
    here: Here,
    alert: Annotated[str | None, Query(max_length=300, description="Id of a warning")] = None,
    state: State | None = None,
    drill: Annotated[bool, Query(description="Those of exercises and tests")] = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 500,
) -> Response:
    """What became of messages; *accepted* is the word of a channel, only *delivered* that of the receiver."""
    rows = queries.deliveries(here.office, alert=alert, state=state, drill=drill)
    return as_json(page(rows, cursor, limit))


@ROUTER.get("/reach", **needs(Permission.READ_DESK))
def measured(here: Here) -> Response:
    """What the tests of each recipient gave in the last thirty days; real warnings are not counted."""
    return as_json({"items": reach.reach(here.office, here.clock()), "next": None})


@ROUTER.post("/reach", status_code=202, **needs(Permission.TEST_CHANNELS))
def send_test(here: Here, _: Member) -> Response:
    """Send a test message to every recipient of drills now."""
    return as_json({"recipients": reach.send_test(here.office, at=here.clock())}, status=202)


@ROUTER.post("/receipts", status_code=202, **needs(None))
def received(here: Here, body: Word) -> Response:
    """A receiver says that it has a message; who has the key got the message."""
    if not reach.confirm(here.office, body.key, at=here.clock()):
        raise Problem(404, "key: got one that no message has, allowed: the key of a message that was got")
    return as_json({"key": body.key}, status=202)
