"""Which documents of an authority have to be fetched: those that are new, or that have changed.

A feed of links names the same messages for days. To fetch each of them with every reading would ask the
publisher for hundreds of documents every few minutes, and would make a new warning wait for old ones. The
feed itself is asked for under the condition that it changed since it was last read whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from tocsin.cap import messages_in
from tocsin.model import Raw, iso, parse_time
from tocsin.store import Store

CONDITIONS = ("etag", "last-modified")
LINK = "cap_link"
"""Kind of the record of one linked document: what its entry said when it was read, and when that was."""

FEED = "cap_feed"
"""Kind of the record of one address that was read whole: what the publisher calls this state of it."""

AGAIN = timedelta(days=1)
"""After so long a document is read again although its entry, or its publisher, says that nothing changed."""


def stamps(raw: Raw) -> dict[str, str]:
    """When each linked document changed last, as the entries of a feed say; without those that do not say.

    Examples
    --------
    >>> from datetime import UTC
    >>> item = b'<item><link>https://x.example/1</link></item>'
    >>> content = b'<rss><channel><title>t</title>' + item + b'</channel></rss>'
    >>> at = datetime(2001, 2, 28, tzinfo=UTC)
    >>> stamps(Raw(source="s", url="https://x.example/", fetched_at=at, media_type="", content=content))
    {}
    """
    found = messages_in(raw.content, base=raw.url)
    return {e.links[0]: iso(e.updated) for e in found.entries if e.links and e.updated is not None}


def due(store: Store, links: Iterable[str], said: Mapping[str, str], at: datetime) -> list[str]:
    """Links that have to be fetched, in the order of the feed.

    Parameters
    ----------
    store : Store
        Remembers what was read.
    links : iterable of str
        As the feed gives them.
    said : mapping of str to str
        From :func:`stamps`; a link of which nothing is said is always due.
    at : datetime
        Wall time.
    """
    out = []
    for link in dict.fromkeys(links):
        before = store.get(LINK, _name(link)) if link in said else None
        if before is None or before["updated"] != said[link] or at - parse_time(before["read_at"]) >= AGAIN:
            out.append(link)
    return out


def note(store: Store, link: str, said: Mapping[str, str], at: datetime) -> None:
    """Remember that a linked document was read well."""
    if link not in said:
        return
    rows = store.history(LINK, _name(link))
    known = max([at, *(row.known_at for row in rows)])  # a clock that went back loses nothing
    body = {"id": _name(link), "updated": said[link], "read_at": iso(at)}
    store.put(LINK, _name(link), body, known_at=known, revision=len(rows))


def condition(store: Store, source: str, url: str, at: datetime) -> Raw | None:
    """What to ask the publisher to compare with; None to ask for the whole document.

    Parameters
    ----------
    store : Store
        Remembers what was read.
    source, url : str
        Id of the feed that reads it, and its address.
    at : datetime
        Wall time.
    """
    before = store.get(FEED, _name(url))
    if before is None or not timedelta(0) <= at - parse_time(before["read_at"]) < AGAIN:
        return None  # also where the clock went back
    return Raw(
        source=source,
        url=url,
        fetched_at=at,
        media_type="",
        content=b"",
        headers=before["headers"],
    )


def note_feed(store: Store, url: str, headers: Mapping[str, str], at: datetime) -> None:
    """Remember that a feed, and all that it links, was read well; never call it for a part."""
    headers = {name: headers[name] for name in CONDITIONS if headers.get(name)}
    rows = store.history(FEED, _name(url))
    if not headers and not (rows and rows[-1].noun["headers"]):
        return
    known = max([at, *(row.known_at for row in rows)])
    body = {"id": _name(url), "headers": headers, "read_at": iso(at)}
    store.put(FEED, _name(url), body, known_at=known, revision=len(rows))


def _name(link: str) -> str:
    """The address may hold a key, so that its hash stands for it."""
    return hashlib.sha256(link.encode()).hexdigest()
