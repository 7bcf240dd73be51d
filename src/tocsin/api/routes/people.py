"""For those who are logged in: sessions, tasks, the journal, the state of the system."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.background import BackgroundTask

from tocsin.api.answer import as_json, moment, page
from tocsin.api.gate import COOKIE, Desk, Guest, Here, Member, caller, needs
from tocsin.api.problems import Problem, respond, retry_after
from tocsin.api.routes.picture import AsOf, Cursor, Limit
from tocsin.api.routes.warnings import Body, Step
from tocsin.govern.permissions import Permission
from tocsin.model import AuthorityError, parse_time, to_plain
from tocsin.ops import access, accounts, commands, queries
from tocsin.ops.access import TooManyTries, Visitor
from tocsin.ops.passwords import LONGEST

ROUTER = APIRouter(tags=["desk"])


class LogIn(Body):
    """Account and password."""

    account: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=LONGEST)


@ROUTER.get("/session", **needs(None))
def session(guest: Guest) -> Response:
    """Who is logged in."""
    return as_json(_session(guest), headers={"Cache-Control": "no-store"})


@ROUTER.post("/session", **needs(None, word=False))
def log_in(request: Request, here: Here, body: LogIn) -> Response:
    """Log in; the cookie carries the session."""
    now = here.clock()
    address = caller(request)
    # Waiting here would hold a thread that the readers of the site need: say at once that it is busy.
    if not here.hashing.acquire(blocking=False):
        raise Problem(503, "log-in: got too many at once, allowed: again in a moment", {"Retry-After": "1"})
    try:
        here.tries.admit(body.account, address, now)
        token, guest = access.log_in(here.office, body.account, body.password, now)
    except TooManyTries as error:
        refused = respond(429, str(error), retry_after(error))
        if error.lock:
            # After the answer: an account that exists must not take longer to refuse than one that does not.
            refused.background = BackgroundTask(
                accounts.note_lock, here.office, body.account, error.lock, at=now, window=here.tries.window
            )
        return refused
    except AuthorityError as error:
        raise Problem(401, str(error)) from error
    finally:
        here.hashing.release()
    here.tries.passed(body.account, address, now)
    # A log-in on top of another one ends that one.
    access.log_out(here.office, request.cookies.get(COOKIE))
    answer = as_json(_session(guest), headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(access.LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return answer


@ROUTER.delete("/session", **needs(None))
def log_out(request: Request, here: Here) -> Response:
    """Log out."""
    access.log_out(here.office, request.cookies.get(COOKIE))
    answer = as_json({"account": None}, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer


@ROUTER.get("/responses", **needs(Permission.READ_DESK))
def responses(
    here: Here,
    asof: AsOf = None,
    state: str | None = None,
    alert: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 500,
) -> Response:
    """Tasks, the next due first."""
    now = here.clock()
    at = moment(asof, "asof", now)
    return as_json(page(queries.responses(here.office, at, now, state=state, alert=alert), cursor, limit))


@ROUTER.post("/responses/{task}/done", **needs(Permission.SETTLE_TASK))
def done(here: Here, who: Member, task: str) -> Response:
    """Mark a task as done."""
    return _settle(here, who, task, done=True, reason="")


@ROUTER.post("/responses/{task}/drop", **needs(Permission.SETTLE_TASK))
def drop(here: Here, who: Member, task: str, body: Step) -> Response:
    """Drop a task, with a reason."""
    if not body.reason:
        raise Problem(422, "reason: got none, allowed: a reason in words")
    return _settle(here, who, task, done=False, reason=body.reason)


@ROUTER.get("/audit", **needs(Permission.READ_AUDIT))
def audit(
    here: Here,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    since: str | None = None,
    asof: AsOf = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """The journal of decisions with its hash chain, oldest first."""
    now = here.clock()
    rows = queries.audit(
        here.office,
        subject=subject,
        actor=actor,
        action=action,
        since=None if since is None else parse_time(since.replace(" ", "+"), "since"),
        until=moment(asof, "asof", now),
    )
    return as_json(page(rows, cursor, limit, lambda e: str(e["seq"])))


@ROUTER.get("/audit/anchors", **needs(Permission.READ_AUDIT))
def audit_anchors(
    here: Here, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Response:
    """Heads of the journal as they were taken and signed, oldest first: keep a copy."""
    return as_json(page(queries.anchors(here.office), cursor, limit, lambda a: str(a["seals"])))


@ROUTER.get("/accounts", **needs(Permission.MANAGE_ACCOUNTS))
def list_accounts(here: Here, cursor: Cursor = None, limit: Limit = 500) -> Response:
    """Accounts with their roles; never a password or its hash."""
    rows = to_plain(accounts.list_accounts(here.office))
    shown = page(rows, cursor, limit, lambda a: str(a["account"]))
    return as_json(shown, headers={"Vary": "Cookie", "Cache-Control": "no-store"})


@ROUTER.post("/accounts/{account}/disable", **needs(Permission.MANAGE_ACCOUNTS))
def disable(here: Here, who: Member, account: str, body: Step | None = None) -> Response:
    """Close an account: its sessions end at once; never the last administrator."""
    reason = "" if body is None else body.reason
    accounts.disable(here.office, account, at=here.clock(), actor=who.actor, reason=reason)
    return _account(here, account)


@ROUTER.post("/accounts/{account}/enable", **needs(Permission.MANAGE_ACCOUNTS))
def enable(here: Here, who: Member, account: str, body: Step | None = None) -> Response:
    """Open a disabled account again, with the password that it had."""
    reason = "" if body is None else body.reason
    accounts.enable(here.office, account, at=here.clock(), actor=who.actor, reason=reason)
    return _account(here, account)


@ROUTER.get("/status", **needs(Permission.READ_DESK))
def status(here: Here) -> Response:
    """Runs, feeds, quarantine, what waits and what did not go out."""
    return as_json(queries.status(here.office, here.clock()))


def _settle(here: Desk, who: Visitor, task: str, *, done: bool, reason: str) -> Response:
    new = commands.settle_task(here.office, task, who.actor, done=done, reason=reason, at=here.clock())
    return as_json(to_plain(new))


def _account(here: Desk, name: str) -> Response:
    (row,) = (a for a in accounts.list_accounts(here.office) if a["account"] == name)
    return as_json(to_plain(row))


def _session(guest: Visitor | None) -> dict[str, str | None]:
    if guest is None:
        return {"account": None}
    return {"account": guest.actor.account, "role": str(guest.actor.role), "csrf": guest.csrf}
