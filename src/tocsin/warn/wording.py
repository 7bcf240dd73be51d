"""What the text of a warning must fulfil before anybody may be asked to approve it."""

from __future__ import annotations

import re
from datetime import datetime

from tocsin.cap.values import CATEGORY, MSG_TYPE, RESPONSE_TYPE, SCOPE, STATUS
from tocsin.model import Alert, iso

HEADLINE = 160
"""Most characters of a headline; more is cut off by receivers that show one line."""

DRILLS = ("Exercise", "Test")
"""Statuses that must never reach the public."""

_PLACEHOLDER = re.compile(
    r"\{\{?[^{}]*\}\}?|\$\{[^{}]*\}|\$[A-Za-z_]\w*|%\([^()]*\)[sd]|<<[^<>]*>>|\bTODO\b|\bXXX\b"
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
    for name in ("event", "headline", "description", "instruction"):
        text = getattr(alert, name)
        if not text.strip():
            found.append(f"{name}: got nothing, allowed: plain words")
        if (hole := _PLACEHOLDER.search(text)) is not None:
            found.append(f"{name}: got the unfilled placeholder {hole[0]!r}, allowed: finished text")
        if (mark := _MARKUP.search(text)) is not None:
            found.append(f"{name}: got the markup {mark[0]!r}, allowed: plain text")
    if len(alert.headline) > HEADLINE:
        found.append(f"headline: got {len(alert.headline)} characters, allowed: at most {HEADLINE}")
    if alert.headline.strip() and alert.headline.strip() == alert.description.strip():
        found.append("description: got the headline again, allowed: the reason in sentences")
    if not _LANGUAGE.match(alert.language):
        found.append(f"language: got {alert.language!r}, allowed: a language tag such as en-US")
    if alert.expires <= alert.onset:
        found.append(f"expires: got {iso(alert.expires)}, allowed: after onset {iso(alert.onset)}")
    if alert.expires <= at:
        found.append(f"expires: got {iso(alert.expires)}, allowed: later than now, {iso(at)}")
    if alert.msg_type in ("Update", "Cancel") and not alert.references:
        found.append(f"references: got none, allowed for {alert.msg_type}: every message that it replaces")
    return tuple(found)


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
