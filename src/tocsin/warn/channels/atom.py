"""An Atom feed of messages (RFC 4287), as a folder that any web server can serve.

The address is the folder: one ``<identifier>.xml`` for each message and ``feed.xml``, which lists those that
have not expired, newest first. The receipt says *accepted*: the message can be read there; who read it is not
known.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tocsin.cap import CapAlert, parse
from tocsin.cap.atom import AtomFeed, entry_of, render_atom
from tocsin.model import ChannelError, ParseError, Receipt, iso
from tocsin.warn.contract import Message, Recipient, admit, receipt
from tocsin.warn.filing import alone, file_name, put

NAME = "atom"
MAX_BYTES = 5_000_000
FEED = "feed.xml"
INDEX = "index.json"


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
        parse(body)
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
        # What has expired is not opened again: the cost does not grow with the history.
        listed = {name: until for name, until in _index(folder).items() if until > iso(at)}
        listed[path.name] = iso(message.expires)
        put(folder / FEED, feed([(folder / name).read_bytes() for name in sorted(listed)], at=at))
        put(folder / INDEX, json.dumps(listed, indent=1, sort_keys=True).encode())
    return receipt(message, to, at=at, status="accepted", detail=f"listed in {FEED} as {path.name}")


def _index(folder: Path) -> dict[str, str]:
    """Names of the messages in the feed, with the instant until when each stands."""
    try:
        index: dict[str, str] = json.loads((folder / INDEX).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ChannelError(f"{folder / INDEX}: {error}", retry=True) from error
    return {name: until for name, until in index.items() if (folder / name).is_file()}


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
    standing = [m for m in messages if m.sent is not None and _until(m) > at]
    standing.sort(key=lambda m: (m.sent or at, m.identifier), reverse=True)
    author = next((i.sender_name for m in standing for i in m.infos if i.sender_name), "Tocsin")
    sender = standing[0].sender if standing else (messages[0].sender if messages else "tocsin")
    entries = tuple(
        entry_of(_plain(m), link=file_name(m.identifier), id=_name(f"{m.sender},{m.identifier}"))
        for m in standing
    )
    updated = standing[0].sent if standing else at
    return render_atom(
        AtomFeed(id=_name(sender), title=title, updated=updated, author=author, link=link, entries=entries)
    )


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
