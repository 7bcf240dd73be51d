"""An Atom feed of messages (RFC 4287), as a folder that any web server can serve.

The address is the folder: one ``<identifier>.xml`` for each message and ``feed.xml``, which lists those that
have not expired, newest first. The receipt says *accepted*: the message can be read there; who read it is not
known.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from tocsin.cap import CapAlert, parse
from tocsin.cap.atom import AtomEntry, AtomFeed, entry_of, render_atom
from tocsin.model import ChannelError, ParseError, Receipt, iso
from tocsin.warn.contract import Fault, Message, Recipient, admit, receipt
from tocsin.warn.filing import alone, file_name, put, reachable
from tocsin.warn.text import parsed

NAME = "atom"
MAX_BYTES = 5_000_000
SETTINGS: dict[str, str] = {}
SECRETS: dict[str, str] = {}
FEED = "feed.xml"
INDEX = "index.json"

_Row = dict[str, str]


def faults(to: Recipient) -> Sequence[Fault]:
    """Refuse a folder that is a file."""
    if Path(to.address).is_file():
        return [Fault(key="address", got=to.address, allowed="a folder")]
    return []


def probe(to: Recipient) -> str:
    """Look whether the folder is there, or could be made."""
    return reachable(Path(to.address), to.id)


def send(message: Message, to: Recipient, *, at: datetime, dry_run: bool = False) -> Receipt:
    """Put the message into the recipient's folder and list it in the feed.

    Raises
    ------
    ChannelError
        For good if it may not go there, is no message or has the identifier of another one; with ``retry`` if
        the disk refuses.
    """
    admit(message, to, name=NAME, max_bytes=MAX_BYTES, at=at)
    folder, body = Path(to.address), message.body.encode()
    try:
        read = parsed(message.body)
    except ParseError as error:
        raise ChannelError(f"{to.id}: body: {error}", retry=False) from error
    path = folder / file_name(message.alert)
    if path.is_file() and path.read_bytes() != body:
        # An identifier names one content for ever; overwriting would change what was said.
        raise ChannelError(f"{to.id}: {path.name}: got other content under the same identifier", retry=False)
    if dry_run:
        return receipt(message, to, at=at, status="dry", detail=f"would be listed as {path.name}")
    with alone(folder):  # two processes that list at once would lose an entry
        put(path, body)
        # What is listed is not opened again: the cost does not grow with the history.
        now = iso(at)
        listed = {n: row for n, row in _index(folder).items() if row["until"] > now}
        listed[path.name] = _row(read) | {"until": iso(message.expires)}
        put(folder / FEED, _rendered([listed[name] for name in sorted(listed)], at=at))
        put(folder / INDEX, json.dumps(listed).encode(), durable=False)
    return receipt(message, to, at=at, status="accepted", detail=f"listed in {FEED} as {path.name}")


def _index(folder: Path) -> dict[str, _Row]:
    """What the feed says of each message in it, by the name of its file; made again where it is lost."""
    try:
        index = json.loads((folder / INDEX).read_text())
        if all(isinstance(row, dict) for row in index.values()):
            there = {entry.name for entry in os.scandir(folder)}
            return {name: row for name, row in index.items() if name in there}
    except (FileNotFoundError, ValueError, AttributeError):
        pass  # never made, cut off by a loss of power, or of Tocsin 0.1, which kept less
    except OSError as error:
        raise ChannelError(f"{folder / INDEX}: {error}", retry=True) from error
    try:
        files = [p for p in sorted(folder.glob("*.xml")) if p.name != FEED]
        return {p.name: _row(parsed(p.read_text("utf-8"))) for p in files}
    except (OSError, ValueError, ParseError) as error:
        raise ChannelError(f"{folder.name}: {error}", retry=True) from error


def feed(bodies: Iterable[bytes], *, at: datetime, title: str = "Warnings", link: str | None = None) -> bytes:
    """Write the feed of those messages that have not expired at an instant.

    Parameters
    ----------
    bodies : iterable of bytes
        Messages as they were sent.
    at : datetime
        Instant of the feed.
    title : str
        What people read.
    link : str or None
        Address of the feed itself; entries are linked relative to it.

    Returns
    -------
    bytes
        Atom; without entries where nothing stands, which is said by the feed and not by its absence.
    """
    messages = [parse(body)[0] for body in bodies]
    return _rendered([_row(m) for m in messages if m.sent is not None], at=at, title=title, link=link)


def _rendered(
    rows: Sequence[_Row], *, at: datetime, title: str = "Warnings", link: str | None = None
) -> bytes:
    now = iso(at)
    standing = [row for row in rows if row["until"] > now]
    standing.sort(key=lambda row: (_moment(row["sent"]), row["identifier"]), reverse=True)
    bare = render_atom(
        AtomFeed(
            id=_name(next((row["sender"] for row in (*standing, *rows)), "tocsin")),
            title=title,
            updated=_moment(standing[0]["sent"]) if standing else at,
            author=next((row["author"] for row in standing if row["author"]), "Tocsin"),
            link=link,
        )
    )
    # In a flood the feed is written as often as there are messages, and each entry is the same every time.
    entries = [_entry(*(row[key] for key in _OF_ENTRY)) for row in standing]
    return b"".join((bare.removesuffix(_END), *entries, _END))


_END = b"</feed>\n"
_OF_ENTRY = ("sender", "identifier", "sent", "title", "summary")


@lru_cache(maxsize=4096)
def _entry(sender: str, identifier: str, sent: str, title: str, summary: str) -> bytes:
    """The lines of one entry, as they stand in a feed."""
    entry = AtomEntry(
        id=_name(f"{sender},{identifier}"),
        title=title,
        updated=_moment(sent),
        link=file_name(identifier),
        summary=summary,
    )
    alone_in = render_atom(
        AtomFeed(id="urn:x", title="x", updated=_moment(sent), author="x", entries=(entry,))
    )
    return alone_in[alone_in.index(b"  <entry>") : -len(_END)]


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _row(message: CapAlert) -> _Row:
    """What the feed says of a message, as plain text."""
    entry = entry_of(_plain(message), link="")
    return {
        "identifier": message.identifier,
        "sender": message.sender,
        "sent": message.sent.isoformat() if message.sent else "",
        "until": iso(_until(message)),
        "author": next((i.sender_name for i in message.infos if i.sender_name), ""),
        "title": entry.title,
        "summary": entry.summary,
    }


def _until(message: CapAlert) -> datetime:
    ends = [i.expires for i in message.infos if i.expires is not None]
    far = datetime.max.replace(tzinfo=message.sent.tzinfo if message.sent else None)
    return max(ends) if ends else far  # without an end it stands until it is cancelled


def _plain(message: CapAlert) -> CapAlert:
    """The message without the word before its headline, which the entry puts there itself."""
    word = f"{message.status.upper()}: "
    return replace(
        message,
        infos=tuple(replace(i, headline=(i.headline or "").removeprefix(word)) for i in message.infos),
    )


def _name(text: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"tocsin:{text}").urn
