"""Warnings in further languages: written by hand or from a template, and checked by another account."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime

from tocsin.model import Alert, ConfigError, TransitionError, Translation, iso
from tocsin.ops import commands
from tocsin.ops.commands import Actor
from tocsin.ops.languages import language_of, languages
from tocsin.ops.office import Office
from tocsin.warn import lifecycle
from tocsin.warn.proposal import listed
from tocsin.warn.wording import HEADLINE, shorten

__all__ = ["check", "drop", "from_template", "languages", "translate"]


def translate(
    office: Office,
    alert: str,
    language: str,
    texts: Mapping[str, str],
    actor: Actor,
    *,
    at: datetime,
    match: str | None = None,
) -> Alert:
    """Write a warning in one more language of the country; it is a draft again.

    Parameters
    ----------
    office : Office
        Store and country.
    alert : str
        Id.
    language : str
        Tag, as the country names it.
    texts : mapping of str to str
        ``event``, ``headline``, ``description`` and ``instruction``; those left out are taken from the
        translation that is there, else from the template of the domain.
    actor : Actor
        Who writes it, and can therefore not check it.
    at : datetime
        Now.
    match : str, optional
        Version that was decided on.

    Raises
    ------
    TransitionError
        When the language is none of the country's, the texts have faults, or a text is missing and there is
        no template.
    ConflictError
        When the warning is not the version that was decided on.
    """
    with office.store.transaction():
        old = commands.matching(office, alert, match)
        tag = language_of(office, old, language)
        there = next((t.texts for t in old.translations if t.language == tag), None)
        whole = {**(there or from_template(office, old, tag)), **{k: v for k, v in texts.items() if v}}
        lacking = [name for name in ("event", "headline", "description", "instruction") if name not in whole]
        if lacking:
            raise TransitionError(
                f"{alert}: translations.{tag}.{lacking[0]}: got nothing and the domain {old.domain} has no "
                "template; allowed: words in that language"
            )
        written = Translation(
            language=tag,
            event=whole["event"],
            headline=whole["headline"],
            description=whole["description"],
            instruction=whole["instruction"],
            author=actor.account,
            written_at=at,
        )
        new, decision = lifecycle.translate(old, written, at=at, **commands.who(actor))
        commands.keep(office, new, decision)
    return new


def drop(
    office: Office, alert: str, language: str, actor: Actor, *, at: datetime, match: str | None = None
) -> Alert:
    """Take a translation out; the warning is a draft again.

    Raises
    ------
    TransitionError
        When there is none in this language.
    """
    with office.store.transaction():
        old = commands.matching(office, alert, match)
        new, decision = lifecycle.translate(old, language, at=at, **commands.who(actor))
        commands.keep(office, new, decision)
    return new


def check(
    office: Office, alert: str, language: str, actor: Actor, *, at: datetime, match: str | None = None
) -> Alert:
    """Note that an account other than its author has read a translation against the main text.

    Raises
    ------
    AuthorityError
        When the account wrote it, or its role may not check this language.
    TransitionError
        When there is no such translation, or it has been checked.
    """
    with office.store.transaction():
        old = commands.matching(office, alert, match)
        policy = languages(office).get(language_of(office, old, language))
        new, decision = lifecycle.check(
            old, language, at=at, by=None if policy is None else policy.checked_by, **commands.who(actor)
        )
        commands.keep(office, new, decision)
    return new


def from_template(office: Office, alert: Alert, language: str) -> dict[str, str]:
    """The texts that the template of the domain gives for a warning; empty where there is none.

    Raises
    ------
    ConfigError
        When the template holds a placeholder that nothing fills.
    """
    domain = next((d for d in office.plan.domains if d.id == alert.domain), None)
    template = {} if domain is None else domain.translations.get(language, {})
    words = {
        "places": listed([_place(office, m.region, m.name) for m in alert.members]),
        "count": str(len(alert.members)),
        "until": iso(alert.created_at),
    }
    try:
        filled = {name: string.Template(text).substitute(words) for name, text in template.items()}
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"{alert.domain}.toml", f"translations.{language}", str(error), sorted(words)
        ) from None
    if "headline" in filled:
        filled["headline"] = shorten(filled["headline"], HEADLINE)
    return filled


def _place(office: Office, region: str, name: str) -> str:
    found = office.pack.regions.get(region)
    if found is None:
        return name
    return f"{found.name} ({found.code})" if found.level == "site" else found.title
