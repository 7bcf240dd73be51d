"""What the text of a warning must fulfil before anybody may be asked to approve it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tocsin.cap.values import CATEGORY, MSG_TYPE, RESPONSE_TYPE, SCOPE, STATUS
from tocsin.model import Alert, Translation, iso

HEADLINE = 160
"""Most characters of a headline; more is cut off by receivers that show one line."""

LONGEST = {"event": 160, "headline": HEADLINE, "description": 5000, "instruction": 3000}
"""Most characters of each text: more is read by nobody, and cut off by receivers where it hurts."""

DRILLS = ("Exercise", "Test")
"""Statuses that must never reach the public."""

_PLACEHOLDER = re.compile(
    r"\{\{?[^{}]*\}\}?|\$\{[^{}]*\}|\$[A-Za-z_]\w*|%\([^()]*\)[sd]|<<[^<>]*>>"
    r"|\[[^\[\]]*\]|_{3,}|\?{3,}|\b(?:TODO|FIXME|TBC|TBD|XXX+)\b"
)
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|&[a-z]+;|&#\d+;")
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_IDENTIFIER = re.compile(r"[\s,<&]")


def faults(alert: Alert, *, at: datetime) -> tuple[str, ...]:
    """List what keeps this text from being issued; empty when there is nothing.

    Parameters
    ----------
    alert : Alert
        In any state.
    at : datetime
        When it is judged; a message that is over cannot go out.

    Returns
    -------
    tuple of str
        One sentence a fault: field, what was got, what is allowed.
    """
    found: list[str] = []
    if not alert.id or _IDENTIFIER.search(alert.id):
        found.append(f"id: got {alert.id!r}, allowed: words without space, comma, < or &")
    for name, allowed in (
        ("status", STATUS),
        ("msg_type", MSG_TYPE),
        ("scope", SCOPE),
        ("category", CATEGORY),
        ("response_type", RESPONSE_TYPE),
    ):
        got = getattr(alert, name)
        if got not in allowed:
            found.append(f"{name}: got {got!r}, allowed: {', '.join(allowed)}")
    found += _texts({name: getattr(alert, name) for name in LONGEST})
    if not _LANGUAGE.match(alert.language):
        found.append(f"language: got {alert.language!r}, allowed: a language tag such as en-US")
    if alert.expires <= alert.onset:
        found.append(f"expires: got {iso(alert.expires)}, allowed: after onset {iso(alert.onset)}")
    if alert.expires <= at:
        found.append(f"expires: got {iso(alert.expires)}, allowed: later than now, {iso(at)}")
    if alert.msg_type in ("Update", "Cancel") and not alert.references:
        found.append(f"references: got none, allowed for {alert.msg_type}: every message that it replaces")
    if alert.correction and alert.msg_type not in ("Update", "Cancel"):
        found.append(f"correction: got {alert.msg_type}, allowed: Update, Cancel")
    for one in alert.translations:
        found += translation_faults(alert, one)
    return tuple(found)


def translation_faults(alert: Alert, translation: Translation) -> list[str]:
    """List what keeps a translation from going out beside the main text, and the other translations.

    Parameters
    ----------
    alert : Alert
        The warning, with all its translations.
    translation : Translation
        One of them.

    Returns
    -------
    list of str
        One sentence a fault: field, what was got, what is allowed.
    """
    where = f"translations.{translation.language}"
    found = [f"{where}.{fault}" for fault in _texts(translation.texts)]
    if not _LANGUAGE.match(translation.language):
        found.append(f"{where}: got {translation.language!r}, allowed: a language tag such as es-US")
    others = [(alert.language, {name: getattr(alert, name) for name in LONGEST})]
    others += [(t.language, t.texts) for t in alert.translations if t is not translation]
    tag = translation.language.casefold()
    if any(tag == other.casefold() for other, _ in others):
        found.append(f"{where}: got this language twice, allowed: once")
    # An event may have one name in two languages, a sentence has not.
    sentences = {name: _plain(translation.texts[name]) for name in ("headline", "description", "instruction")}
    return found + [
        f"{where}.{name}: got the same text as in {language}, allowed: a translation"
        for language, texts in others
        for name, said in sentences.items()
        if said and said == _plain(texts[name])
    ]


def _texts(texts: Mapping[str, str]) -> list[str]:
    """Faults of the four texts of one language."""
    found = []
    for name, text in texts.items():
        if not text.strip():
            found.append(f"{name}: got nothing, allowed: plain words")
        if (hole := _PLACEHOLDER.search(text)) is not None:
            found.append(f"{name}: got the unfilled placeholder {hole[0]!r}, allowed: finished text")
        if (mark := _MARKUP.search(text)) is not None:
            found.append(f"{name}: got the markup {mark[0]!r}, allowed: plain text")
        if len(text) > LONGEST[name]:
            found.append(f"{name}: got {len(text)} characters, allowed: at most {LONGEST[name]}")
    if texts["headline"].strip() and texts["headline"].strip() == texts["description"].strip():
        found.append("description: got the headline again, allowed: the reason in sentences")
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def shorten(text: str, limit: int) -> str:
    """Cut a text at a word's end so that it fits, and show by … that it was cut.

    Examples
    --------
    >>> shorten("Cancelled: departures stopped at five airports", 30)
    'Cancelled: departures stopped…'
    """
    if len(text) <= limit:
        return text
    head = text[:limit]
    cut = head.rfind(" ")
    return (head[:cut] if cut > limit // 2 else head[: limit - 1]).rstrip(" ,;:.") + "…"
