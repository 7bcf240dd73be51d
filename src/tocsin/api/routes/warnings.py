"""Warnings: lists, one with its reasons, and the steps of its life."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Header, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tocsin.api.answer import MOST_ITEMS, as_json, moment, page
from tocsin.api.gate import Desk, Guest, Here, Member, needs
from tocsin.api.problems import Problem
from tocsin.api.routes.picture import AsOf, Cursor
from tocsin.govern.permissions import Permission, require
from tocsin.ops import commands, queries
from tocsin.ops.access import Visitor
from tocsin.ops.drafting import Manual, manual_draft

ROUTER = APIRouter(tags=["warnings"])

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="`etag` of the warning that was decided on")
]
Words = Annotated[str, Field(max_length=8000)]


class Body(BaseModel):
    """Fields that a request may carry; others are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Step(Body):
    """What a step may need."""

    legal_basis: Words | None = Field(default=None, description="Key of a law; approval needs it")
    reason: Words = Field(default="", description="In words; rejection and cancellation need it")
    break_glass: bool = Field(
        default=False, description="Approve one's own, as the country's policy allows; it needs a reason"
    )
    correction: bool = Field(default=False, description="A cancellation that says that the warning was wrong")


class Changes(Body):
    """New content of a draft; what is left out stays."""

    event: Words | None = None
    level: int | None = Field(default=None, ge=1, le=4)
    impact: int | None = Field(default=None, ge=1, le=4)
    headline: Words | None = None
    description: Words | None = None
    instruction: Words | None = None
    onset: AwareDatetime | None = None
    expires: AwareDatetime | None = None
    reason: Words = ""
    correction: bool = Field(default=False, description="An update that says that the warning was wrong")


class NewDraft(Body):
    """A warning that an officer drafts by hand."""

    domain: str
    event: Words
    level: int = Field(ge=1, le=4)
    impact: int = Field(default=0, ge=0, le=4, description="1 to 4; that of the level if left out")
    headline: Words
    description: Words
    instruction: Words
    regions: list[str] = Field(min_length=1, max_length=500)
    onset: AwareDatetime | None = None
    expires: AwareDatetime | None = None
    hours: float = Field(default=12, gt=0, le=24 * 31, description="How long it stands without `expires`")
    status: Literal["Actual", "Exercise"] = "Actual"


@ROUTER.get("/warnings", **needs(None))
def warnings(
    here: Here,
    guest: Guest,
    asof: AsOf = None,
    state: Annotated[str | None, Query(description="`open`, or one state")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 500,
) -> Response:
    """Warnings known at a moment, newest first."""
    now = here.clock()
    at = moment(asof, "asof", now)
    actor = None if guest is None else guest.actor
    rows = queries.warnings(here.office, at, now, state, actor=actor, desk=guest is not None)
    return as_json(page(rows, cursor, limit), headers={"Vary": "Cookie"})


@ROUTER.post("/warnings", status_code=201, **needs(Permission.DRAFT))
def draft(here: Here, who: Member, body: NewDraft) -> Response:
    """Draft a warning by hand."""
    now = here.clock()
    onset = body.onset or now
    manual = Manual(
        domain=body.domain,
        event=body.event,
        level=body.level,
        impact=body.impact or body.level,
        headline=body.headline,
        description=body.description,
        instruction=body.instruction,
        regions=tuple(body.regions),
        onset=onset,
        expires=body.expires or onset + timedelta(hours=body.hours),
        status=body.status,
    )
    alert = manual_draft(here.office, manual, who.actor, at=now)
    return one(here, alert.id, who, now, status=201)


@ROUTER.get("/warnings/{id}", **needs(None))
def warning(here: Here, guest: Guest, id: str, asof: AsOf = None) -> Response:  # noqa: A002
    """One warning with its history, its tasks and the way back to the raw bytes."""
    now = here.clock()
    return one(here, id, guest, now, at=moment(asof, "asof", now))


@ROUTER.patch("/warnings/{id}", **needs(Permission.EDIT))
def edit(here: Here, who: Member, id: str, body: Changes, match: IfMatch = None) -> Response:  # noqa: A002
    """Change the content of a draft; an approval that it had is void."""
    now = here.clock()
    if body.correction:
        raise Problem(422, "correction: got true for a draft, allowed: with an update of what was issued")
    commands.edit(here.office, id, _changes(body), who.actor, at=now, match=version(match))
    return one(here, id, who, now)


@ROUTER.post("/warnings/{id}/submit", **needs(Permission.SUBMIT))
def submit(
    here: Here,
    who: Member,
    id: str,  # noqa: A002
    body: Step | None = None,  # noqa: ARG001 - the page sends one with every step
    match: IfMatch = None,
) -> Response:
    """Ask another officer for approval."""
    now = here.clock()
    commands.submit(here.office, id, who.actor, at=now, match=version(match))
    return one(here, id, who, now)


# Who lacks the role is told the article of the law that was cited, which only the step itself knows.
_APPROVAL = needs(Permission.READ_DESK) | {"openapi_extra": {"x-permission": str(Permission.APPROVE)}}


@ROUTER.post("/warnings/{id}/approve", **_APPROVAL)
def approve(here: Here, who: Member, id: str, body: Step, match: IfMatch = None) -> Response:  # noqa: A002
    """Approve exactly this content on a legal basis; never one's own."""
    now = here.clock()
    seen = version(match)
    if not body.legal_basis:
        require(who.actor.role, Permission.APPROVE)
        keys = ", ".join(sorted(here.office.laws))
        raise Problem(422, f"legal_basis: got none, allowed: {keys}")
    commands.approve(
        here.office,
        id,
        who.actor,
        legal_basis=body.legal_basis,
        at=now,
        match=seen,
        reason=body.reason,
        break_glass=commands.policy_of(here.office) if body.break_glass else None,
    )
    return one(here, id, who, now)


@ROUTER.post("/warnings/{id}/reject", **needs(Permission.REJECT))
def reject(here: Here, who: Member, id: str, body: Step, match: IfMatch = None) -> Response:  # noqa: A002
    """Turn a warning down, with a reason."""
    now = here.clock()
    seen = version(match)
    commands.reject(here.office, id, who.actor, reason=_reason(body.reason), at=now, match=seen)
    return one(here, id, who, now)


@ROUTER.post("/warnings/{id}/issue", **needs(Permission.ISSUE))
def issue(
    here: Here,
    who: Member,
    id: str,  # noqa: A002
    later: BackgroundTasks,
    body: Step | None = None,  # noqa: ARG001 - the page sends one with every step
    match: IfMatch = None,
) -> Response:
    """Issue what was approved; what goes out is in the outbox before this answers."""
    now = here.clock()
    commands.issue(here.office, id, who.actor, at=now, match=version(match))
    later.add_task(commands.send_pending, here.office, at=now, clock=here.clock)
    answer = one(here, id, who, now)
    answer.background = later
    return answer


@ROUTER.post("/warnings/{id}/cancel", **needs(Permission.CANCEL))
def cancel(here: Here, who: Member, id: str, body: Step, match: IfMatch = None) -> Response:  # noqa: A002
    """Draft the public cancellation of an issued warning; the answer is that draft."""
    now = here.clock()
    seen = version(match)
    new = commands.cancel(
        here.office,
        id,
        who.actor,
        reason=_reason(body.reason),
        at=now,
        match=seen,
        correction=body.correction,
    )
    return one(here, new.id, who, now)


@ROUTER.post("/warnings/{id}/update", **needs(Permission.UPDATE))
def update(here: Here, who: Member, id: str, body: Changes, match: IfMatch = None) -> Response:  # noqa: A002
    """Draft the message that is to replace an issued warning; the answer is that draft."""
    now = here.clock()
    seen = version(match)
    new = commands.update(
        here.office,
        id,
        _changes(body),
        who.actor,
        reason=_reason(body.reason),
        at=now,
        match=seen,
        correction=body.correction,
    )
    return one(here, new.id, who, now)


@ROUTER.post("/warnings/{id}/ack", **needs(Permission.READ_DESK))
def acknowledge(here: Here, who: Member, id: str) -> Response:  # noqa: A002
    """Note that an officer has seen a warning; it changes nothing else."""
    now = here.clock()
    commands.acknowledge(here.office, id, who.actor, at=now)
    return one(here, id, who, now)


@ROUTER.get("/laws", **needs(None))
def laws(here: Here) -> Response:
    """Legal bases that an approval may cite."""
    return as_json({"items": queries.laws(here.office), "next": None})


def one(
    here: Desk,
    id: str,  # noqa: A002
    guest: Visitor | None,
    now: datetime,
    *,
    at: datetime | None = None,
    status: int = 200,
) -> Response:
    """One warning as an answer, with its version in the header."""
    actor = None if guest is None else guest.actor
    found = queries.warning(here.office, id, at, now, actor=actor, desk=guest is not None)
    # The ETag is the version of the warning, for If-Match; what stands around it changes more often.
    return as_json(found, headers={"ETag": found["etag"], "Cache-Control": "no-store"}, status=status)


def version(match: str | None) -> str:
    """The version that a write was decided on; without one nothing is written."""
    if match is None or not match.strip():
        raise Problem(428, "If-Match: got none, allowed: the etag of the warning that was decided on")
    return match.strip()


def _reason(text: str) -> str:
    if not text:
        raise Problem(422, "reason: got none, allowed: a reason in words")
    return text


def _changes(body: Changes) -> dict[str, Any]:
    return {k: v for k, v in body.model_dump(exclude={"reason", "correction"}).items() if v is not None}
