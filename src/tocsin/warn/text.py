"""A message in words, for channels that carry text: whole for a letter, short for a telephone."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from tocsin.cap import CapAlert, CapInfo, parse
from tocsin.model import ChannelError, ParseError, iso
from tocsin.warn.contract import Message
from tocsin.warn.wording import shorten

REFERENCE = 8
"""Characters of the idempotency key at the end of a short text: by them a copy is known as a copy."""


def opened(message: Message) -> CapAlert:
    """The message as it was written.

    Raises
    ------
    ChannelError
        For good: the body is no message, or one without an info.
    """
    try:
        alert = parsed(message.body)
    except ParseError as error:
        raise ChannelError(f"{message.alert}: body: {error}", retry=False) from error
    if not alert.infos:
        raise ChannelError(f"{message.alert}: body: got no info, allowed: at least one", retry=False)
    return alert


@lru_cache(maxsize=512)
def parsed(body: str) -> CapAlert:
    """The message in a text; a warning goes to many recipients, and each channel asks for its words.

    Raises
    ------
    ParseError
        When it is none.
    """
    return parse(body.encode())[0]


def subject(message: Message) -> str:
    """One line: the headline as the public reads it, with the word that marks a drill."""
    info = opened(message).infos[0]
    return " ".join((info.headline or info.event or message.headline).split())


def long_text(message: Message) -> str:
    """Everything that the public must read, one block for each language.

    Raises
    ------
    ChannelError
        As :func:`opened`.
    """
    alert = opened(message)
    parts = [_block(alert, info) for info in alert.infos]
    parts.append(f"Message {alert.identifier} of {alert.sender}, {alert.msg_type}, {alert.status}.")
    return "\n\n".join(parts) + "\n"


def short_text(message: Message, limit: int) -> str:
    """Headline, until when, and what to do, in at most so many characters; it ends with a reference.

    Parameters
    ----------
    limit : int
        Characters, at least 40.

    Raises
    ------
    ChannelError
        As :func:`opened`.
    ValueError
        For a smaller limit.
    """
    if limit < 40:
        raise ValueError(f"limit: got {limit}, allowed: at least 40")
    info = opened(message).infos[0]
    end = f" Ref {message.key[:REFERENCE]}"
    until = "" if info.expires is None else f" Until {_clock(info.expires)}."
    head = subject(message).rstrip(".") + "."
    room = limit - len(end)
    text = shorten(head, room)
    for more in (until, f" {(info.instruction or '').strip()}"):
        if more.strip() and len(text) + 12 <= room:
            text = shorten(text + more, room)
    return text + end


def _block(alert: CapAlert, info: CapInfo) -> str:
    areas = "; ".join(a.area_desc for a in info.areas if a.area_desc)
    lines = [
        info.headline or info.event or "",
        "",
        f"Where: {areas}" if areas else "Where: unknown",
        *([f"From: {_clock(info.onset)}"] if info.onset else []),
        *([f"Until: {_clock(info.expires)}"] if info.expires else []),
        f"Severity: {info.severity}, urgency: {info.urgency}, certainty: {info.certainty}",
        "",
        info.description or "",
        "",
        f"What to do: {info.instruction}" if info.instruction else "",
        "",
        *([f"Note: {alert.note}"] if alert.note else []),
        *([f"More: {info.web}"] if info.web else []),
        f"Issued by {info.sender_name or alert.sender}" + (f", {iso(alert.sent)}" if alert.sent else ""),
    ]
    text = "\n".join(line.rstrip() for line in lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %z}"
