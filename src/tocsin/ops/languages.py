"""The languages in which a country warns, and what it asks of a warning before it may go out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from tocsin.model import Alert, TransitionError
from tocsin.ops.office import Office
from tocsin.warn.translation import Language, require_languages


def languages(office: Office) -> Mapping[str, Language]:
    """Languages of the country by tag, the first is the one of its main texts."""
    rules = {row.language: row for row in office.pack.translations}
    return {
        tag: Language(tag=tag)
        if tag not in rules
        else Language(tag=tag, required_from=rules[tag].required_from, checked_by=rules[tag].checked_by)
        for tag in office.pack.languages
    }


def language_of(office: Office, alert: Alert, language: str) -> str:
    """The tag as the country writes it.

    Raises
    ------
    TransitionError
        When the country does not warn in this language; names those that it has.
    """
    known = {tag.casefold(): tag for tag in office.pack.languages}
    if language.casefold() not in known:
        near = difflib.get_close_matches(language, office.pack.languages, n=1)
        hint = f". Did you mean {near[0]!r}?" if near else ""
        raise TransitionError(
            f"{alert.id}: language: got {language!r}, allowed by country {office.pack.id}: "
            f"{', '.join(office.pack.languages)}{hint}"
        )
    return known[language.casefold()]


def fit(office: Office, alert: Alert, *, whole: bool) -> None:
    """Hold a warning to its country: regions and languages that it has.

    Parameters
    ----------
    office : Office
        Store and country.
    alert : Alert
        As it is to be kept.
    whole : bool
        Whether every language that the country asks for at this level must be there, too.

    Raises
    ------
    TransitionError
        Naming the field, what was got and what is allowed.
    """
    odd = next((r for r in alert.regions if r not in office.pack.regions), None)
    if odd is not None:
        near = difflib.get_close_matches(odd, office.pack.regions, n=1)
        hint = f". Did you mean {near[0]!r}?" if near else ""
        raise TransitionError(
            f"{alert.id}: members: got region {odd!r}, allowed: a region of pack {office.pack.id}{hint}"
        )
    if len(set(alert.regions)) != len(alert.regions):
        raise TransitionError(f"{alert.id}: members: got a region twice, allowed: each once")
    known = languages(office)
    if not whole:  # a draft may lack what a warning may not
        known = {tag: Language(tag=tag) for tag in known}
    require_languages(alert, known)
