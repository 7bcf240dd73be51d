"""``tocsin warnings translate`` and ``check``: a warning in one more language, read by another account."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from tocsin.cli import output
from tocsin.cli.options import As, Json, Match, StorePath, actor, now, open_store_office

Id = Annotated[str, typer.Argument(metavar="ID", help="As 'tocsin warnings list' shows it.")]
Language = Annotated[str, typer.Option("--language", "-l", help="Tag, as the country names it: es-US.")]
Text = Annotated[str | None, typer.Option(help="In that language. [what is there, else the template]")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group of warnings."""
    app.command(
        epilog="Example: tocsin warnings translate us.exercise.20261123T210000Z.SEA.1 --as analyst -l es-US"
    )(translate)
    app.command(
        epilog="Example: tocsin warnings check us.exercise.20261123T210000Z.SEA.1 --as duty -l es-US"
    )(check)


def translate(
    id_: Id,
    as_: As,
    language: Language,
    event: Text = None,
    headline: Text = None,
    description: Text = None,
    instruction: Text = None,
    drop: Annotated[bool, typer.Option("--drop", help="Take this language out.")] = False,
    match: Match = None,
    store: StorePath = None,
    json: Json = False,
) -> None:
    """Write a warning in one more language, or fill in the template; it is a draft again.

    Nobody has checked it then: that is for another account.
    """
    from tocsin.ops import translating

    texts = {"event": event, "headline": headline, "description": description, "instruction": instruction}
    given = {name: text for name, text in texts.items() if text is not None}
    if drop and given:
        raise typer.BadParameter("got texts and --drop, allowed: one of them")
    office = open_store_office(store)
    with contextlib.closing(office.store):
        who, at = actor(office, as_), now()
        if drop:
            translating.drop(office, id_, language, who, at=at, match=match)
        else:
            translating.translate(office, id_, language, given, who, at=at, match=match)
        output.warning(office, id_, at, json=json)


def check(
    id_: Id, as_: As, language: Language, match: Match = None, store: StorePath = None, json: Json = False
) -> None:
    """Say that you read a translation against the main text; one's own is not allowed (exit 4)."""
    from tocsin.ops import translating

    office = open_store_office(store)
    with contextlib.closing(office.store):
        who, at = actor(office, as_), now()
        translating.check(office, id_, language, who, at=at, match=match)
        output.warning(office, id_, at, json=json)
