"""Errors as problem details (RFC 9457): one table from our error tree to status codes."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tocsin.model import (
    AuthorityError,
    ConfigError,
    ConflictError,
    FeedError,
    NotFoundError,
    PastError,
    RespondError,
    StoreError,
    TocsinError,
    TransitionError,
    WarnError,
)
from tocsin.ops.access import TooManyTries

LOG = logging.getLogger("tocsin")

MEDIA_TYPE = "application/problem+json"

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TooManyTries, 429),
    (AuthorityError, 403),
    (TransitionError, 409),
    (ConflictError, 409),
    (PastError, 409),
    (NotFoundError, 404),
    (StoreError, 503),
    (RespondError, 409),
    (WarnError, 422),
    (FeedError, 422),
    (ConfigError, 422),
    (TocsinError, 422),
    (ValueError, 422),
)
"""First match wins; a store that is damaged or refuses is out of service, not empty."""


class Problem(HTTPException):
    """An answer other than success, in words.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What was got, what is allowed.
    headers : dict, optional
        Further headers.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status_code=status, detail=detail, headers=headers)


def body(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """A problem as JSON types.

    Examples
    --------
    >>> body(404, "no such warning")["title"]
    'Not Found'
    """
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }


def respond(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem as a response; it is never cached."""
    return JSONResponse(
        body(status, detail, **more),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def retry_after(error: TooManyTries) -> dict[str, str]:
    """The header that says when to come again."""
    return {"Retry-After": str(max(1, int(error.wait.total_seconds())))}


def install(app: FastAPI) -> None:
    """Answer every error of this application as a problem."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(TocsinError, _ours)
    app.add_exception_handler(ValueError, _ours)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    return respond(error.status_code, str(error.detail), dict(error.headers or {}))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it only
    faults = [{"field": ".".join(str(p) for p in e["loc"]), "message": str(e["msg"])} for e in error.errors()]
    text = "; ".join(f"{f['field']}: {f['message']}" for f in faults)
    return respond(422, text, errors=faults)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next(code for kind, code in STATUS if isinstance(error, kind))
    headers = retry_after(error) if isinstance(error, TooManyTries) else {}
    # A version that is not the one sent is a failed precondition, any other conflict is a conflict.
    if isinstance(error, ConflictError) and "If-Match" in str(error) and "if-match" in request.headers:
        status = 412
    if status == 503:
        # What is damaged where is for the log: the message may name files of this server.
        LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return respond(503, "the store cannot answer; the log of the server says more", {"Retry-After": "60"})
    return respond(status, str(error), headers)


def uncaught(method: str, path: str, error: Exception) -> JSONResponse:
    """Answer for an error of ours: the log has it, the world does not."""
    LOG.error("%s %s failed", method, path, exc_info=error)
    return respond(500, "an error of the server; the log of the server says more")
