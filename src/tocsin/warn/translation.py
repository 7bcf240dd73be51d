"""A warning in several languages: who may write one, whose eyes must have seen it, and what voids that.

A translation is content: adding one makes the warning a draft again, and every approval is void. Before the
warning can be approved each translation was read against the main text by another account than its author's;
an edit of the main text makes all of them unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.model import Alert, AuthorityError, Role, TransitionError, Translation
from tocsin.model.alert import TRANSLATED
from tocsin.warn.wording import HEADLINE, shorten, translation_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language in which a country warns.

    Parameters
    ----------
    tag : str
        Language tag.
    required_from : int or None
        Lowest level that may not go out without it; None where it is never required.
    checked_by : tuple of Role
        Who may check a translation into it.
    """

    tag: str
    required_from: int | None = None
    checked_by: tuple[Role, ...] = (Role.ANALYST, Role.DUTY_OFFICER, Role.APPROVING_OFFICER)


def with_translation(alert: Alert, translation: Translation) -> Alert:
    """Put a translation in the place of the one of its language, if it has no faults of its own.

    Raises
    ------
    TransitionError
        If it is in the warning's own language, says the same words, or its text has faults.
    """
    if translation.language.casefold() == alert.language.casefold():
        raise TransitionError(
            f"{alert.id}: language: got {translation.language!r}, which the warning itself is in; allowed: "
            "another one"
        )
    others = tuple(t for t in alert.translations if t.language.casefold() != translation.language.casefold())
    new = replace(alert, translations=(*others, translation))
    if found := translation_faults(new, translation):
        raise TransitionError(f"{alert.id}: " + "; ".join(found))
    return new


def without_translation(alert: Alert, language: str) -> Alert:
    """Take a translation out.

    Raises
    ------
    TransitionError
        If there is none in this language.
    """
    found = of_language(alert, language)
    return replace(alert, translations=tuple(t for t in alert.translations if t is not found))


def of_language(alert: Alert, language: str) -> Translation:
    """The translation into a language.

    Raises
    ------
    TransitionError
        If there is none; names those that there are.
    """
    for one in alert.translations:
        if one.language.casefold() == language.casefold():
            return one
    there = ", ".join(t.language for t in alert.translations) or "none is there yet"
    raise TransitionError(f"{alert.id}: language: got {language!r}, allowed: {there}")


def checked(
    alert: Alert, language: str, *, actor: str, role: Role, at: datetime, by: Iterable[Role] | None = None
) -> Alert:
    """Note that an account read a translation against the main text; its author cannot.

    Parameters
    ----------
    by : iterable of Role or None
        Roles that the country lets check this language; None for any that may check at all.

    Raises
    ------
    AuthorityError
        If the account wrote it, or its role may not check this language.
    TransitionError
        If there is no translation into it, or it has been checked.
    """
    one = of_language(alert, language)
    roles = None if by is None else tuple(by)
    if roles is not None and role not in roles:
        allowed = ", ".join(roles) or "nobody"
        raise AuthorityError(
            f"{alert.id}: role: got {role}, allowed to check texts in {one.language}: {allowed}"
        )
    if actor == one.author:
        raise AuthorityError(
            f"{alert.id}: checked_by: got {actor!r}, who wrote the text in {one.language}; allowed: another "
            "account"
        )
    if one.checked_by is not None:
        raise TransitionError(
            f"{alert.id}: {one.language}: got a second check, allowed: one; {one.checked_by} has checked it"
        )
    seen = replace(one, checked_by=actor, checked_at=at)
    return replace(alert, translations=tuple(seen if t is one else t for t in alert.translations))


def unchecked(alert: Alert) -> Alert:
    """The same with every check void: the main text is another now."""
    return replace(
        alert, translations=tuple(replace(t, checked_by=None, checked_at=None) for t in alert.translations)
    )


def require_checks(alert: Alert) -> None:
    """Raise TransitionError while a translation has not been read by another account than its author's."""
    waiting = [t.language for t in alert.translations if t.checked_by is None or t.checked_by == t.author]
    if waiting:
        raise TransitionError(
            f"{alert.id}: translations: got {', '.join(waiting)} unchecked, allowed to approve: each read "
            "against the main text by another account than its author's, or taken out"
        )


def require_languages(alert: Alert, languages: Mapping[str, Language]) -> None:
    """Raise TransitionError for a language that the country does not have, or one that it asks for and lacks.

    A cancellation lacks nothing: what was wrong is taken back at once, in the languages that are there.
    """
    tags = {tag.casefold() for tag in languages}
    for field, tag in (
        ("language", alert.language),
        *((f"translations.{t.language}", t.language) for t in alert.translations),
    ):
        if tag.casefold() not in tags:
            raise TransitionError(
                f"{alert.id}: {field}: got {tag!r}, allowed by the country: {', '.join(languages)}"
            )
    there = {alert.language.casefold(), *(t.language.casefold() for t in alert.translations)}
    lacking = [
        one.tag
        for one in languages.values()
        if one.required_from is not None
        and alert.level >= one.required_from
        and one.tag.casefold() not in there
    ]
    if lacking and alert.msg_type != "Cancel":
        raise TransitionError(
            f"{alert.id}: translations: got none into {', '.join(lacking)}, allowed at level {alert.level}: "
            "with every language that the country asks for"
        )


_CANCELLED = {
    "en": ("Cancelled: {headline}", "This warning is cancelled.", "No action is recommended any more."),
    "es": (
        "Cancelado: {headline}",
        "Este aviso queda cancelado.",
        "Ya no se recomienda ninguna medida a causa de este aviso.",
    ),
    "fr": (
        "Annulé : {headline}",
        "Cette alerte est annulée.",
        "Aucune mesure n'est plus recommandée en raison de cette alerte.",
    ),
    "pt": (
        "Cancelado: {headline}",
        "Este aviso está cancelado.",
        "Já não se recomenda nenhuma medida por causa deste aviso.",
    ),
}
_WRONG = {
    "en": "This warning was wrong and is taken back.",
    "es": "Este aviso era erróneo y queda anulado.",
    "fr": "Cette alerte était erronée et est retirée.",
    "pt": "Este aviso estava errado e fica anulado.",
}
"""What a cancellation says in languages that we have words for, by their first part."""


def cancelled(alert: Alert, *, actor: str, at: datetime, correction: bool) -> tuple[Translation, ...]:
    """The translations of a cancellation, unchecked, where there are words for the language; else none.

    Parameters
    ----------
    alert : Alert
        What is cancelled.
    actor : str
        Account that cancels it: the author of these words as of the others.
    at : datetime
        When.
    correction : bool
        Whether it was wrong.
    """
    made = []
    for old in alert.translations:
        tongue = old.language.partition("-")[0].casefold()
        if tongue not in _CANCELLED:
            continue
        headline, description, instruction = _CANCELLED[tongue]
        made.append(
            Translation(
                language=old.language,
                event=old.event,
                headline=shorten(headline.format(headline=old.headline), HEADLINE),
                description=_WRONG[tongue] if correction else description,
                instruction=instruction,
                author=actor,
                written_at=at,
            )
        )
    return tuple(made)


def touches(changes: Iterable[str]) -> bool:
    """Whether changes of these fields make what was translated another text."""
    return not set(changes).isdisjoint({*TRANSLATED, "language"})
