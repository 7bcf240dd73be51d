"""A warning in several languages: written, taken out, and checked by another account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from tocsin.api.gate import Here, Member, needs
from tocsin.api.routes.warnings import Body, IfMatch, one, version
from tocsin.govern.permissions import Permission
from tocsin.ops import translating

ROUTER = APIRouter(tags=["warnings"])

Words = Annotated[str, Field(max_length=8000)]


class Texts(Body):
    """A warning in one more language; what is left out is what is there, else the template of its domain."""

    event: Words | None = None
    headline: Words | None = None
    description: Words | None = None
    instruction: Words | None = None


@ROUTER.put("/warnings/{id}/translations/{language}", **needs(Permission.TRANSLATE))
def translate(
    here: Here,
    who: Member,
    id: str,  # noqa: A002
    language: str,
    body: Texts,
    match: IfMatch = None,
) -> Response:
    """Write a warning in one more language; it is a draft again, and nobody has checked this text."""
    now = here.clock()
    texts = {name: text for name, text in body.model_dump().items() if text is not None}
    translating.translate(here.office, id, language, texts, who.actor, at=now, match=version(match))
    return one(here, id, who, now)


@ROUTER.delete("/warnings/{id}/translations/{language}", **needs(Permission.TRANSLATE))
def drop(here: Here, who: Member, id: str, language: str, match: IfMatch = None) -> Response:  # noqa: A002
    """Take a language out of a warning; it is a draft again."""
    now = here.clock()
    translating.drop(here.office, id, language, who.actor, at=now, match=version(match))
    return one(here, id, who, now)


@ROUTER.post("/warnings/{id}/translations/{language}/check", **needs(Permission.CHECK))
def check(here: Here, who: Member, id: str, language: str, match: IfMatch = None) -> Response:  # noqa: A002
    """Say that one read a translation against the main text; never one's own."""
    now = here.clock()
    translating.check(here.office, id, language, who.actor, at=now, match=version(match))
    return one(here, id, who, now)
