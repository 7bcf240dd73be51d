"""Atom feeds (RFC 4287) of CAP messages: write our own, read anybody's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from tocsin.cap.entry import Entry, absolute, element_base
from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapInfo
from tocsin.cap.reading import VERSIONS, alert_nodes, read_alert
from tocsin.cap.secure import local, namespace, read_xml, text_of
from tocsin.cap.values import BLANKS, read_time
from tocsin.model.errors import ParseError, ShapeError

ATOM = "http://www.w3.org/2005/Atom"
_OTHERS = ("", "http://purl.org/atom/ns#")
"""A namespace that was forgotten, and that of the draft before the standard: what they hold is clear."""
CAP_TYPE = "application/cap+xml"
_OTHER = ("enclosure", "related", "via")
"""Relations under which publishers also give the message, where none is marked as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """One entry: where a message is to be fetched, or the message itself.

    Parameters
    ----------
    id, title : str
        Identity (an IRI) and headline.
    updated : datetime or None
        Aware; None only where what came is no instant.
    link : str or None
        Address of the message, absolute where the feed gives a base.
    summary : str
        In words.
    alerts : tuple of CapAlert
        Messages embedded in the entry.
    """

    id: str
    title: str
    updated: datetime | None
    link: str | None = None
    summary: str = ""
    alerts: tuple[CapAlert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomFeed:
    """A feed of messages.

    Parameters
    ----------
    id, title : str
        Identity (an IRI) and name.
    updated : datetime or None
        Aware; when anything in it changed last.
    author : str
        Authority that publishes it.
    link : str or None
        Address of the feed itself.
    entries : tuple of AtomEntry
        Newest first in ours.
    """

    id: str
    title: str
    updated: datetime | None
    author: str = ""
    link: str | None = None
    entries: tuple[AtomEntry, ...] = ()


def entry_of(alert: CapAlert, *, link: str, id: str | None = None) -> AtomEntry:  # noqa: A002 - Atom's word
    """The entry under which a message is announced.

    Parameters
    ----------
    alert : CapAlert
        A message that was sent.
    link : str
        Address at which its bytes can be had.
    id : str or None
        IRI of the entry; the link when None.

    Raises
    ------
    ShapeError
        If the message was not sent.

    Examples
    --------
    >>> a = CapAlert(identifier="a-1", sender="x", sent=datetime(2001, 2, 28, tzinfo=UTC))
    >>> entry_of(a, link="https://example.org/cap/a-1.xml").title
    'Alert a-1'
    """
    if alert.sent is None:
        raise ShapeError(f"sent: message {alert.identifier!r} has none, allowed: a message that was sent")
    info = alert.infos[0] if alert.infos else CapInfo()
    title = info.headline or info.event or f"{alert.msg_type} {alert.identifier}"
    if alert.status != "Actual":
        title = f"{alert.status.upper()}: {title}"  # no reader of a list may mistake it
    return AtomEntry(
        id=id or link,
        title=title,
        updated=alert.sent,
        link=link,
        summary=info.description or alert.note or "",
    )


def render_atom(feed: AtomFeed) -> bytes:
    """Write a feed; the same feed gives the same bytes.

    Raises
    ------
    ShapeError
        If the feed or an entry lacks id, title, updated or (an entry) the link, or two entries share an id.

    Examples
    --------
    >>> at = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> content = render_atom(AtomFeed(id="urn:x", title="Warnings", updated=at, author="Desk"))
    >>> parse_atom(content)[0].title
    'Warnings'
    """
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    _write(root, "id", feed.id, "feed")
    _write(root, "title", feed.title, "feed")
    _write(root, "updated", _rfc3339(feed.updated, "feed"), "feed")
    author = etree.SubElement(root, f"{{{ATOM}}}author")
    _write(author, "name", feed.author, "feed/author")
    if feed.link:
        etree.SubElement(
            root, f"{{{ATOM}}}link", {"rel": "self", "type": "application/atom+xml", "href": feed.link}
        )
    seen: set[str] = set()
    for entry in feed.entries:
        if entry.id in seen:
            raise ShapeError(f"feed/entry/id: {entry.id!r} twice, allowed: once")
        if not entry.link:
            raise ShapeError(f"feed/entry/link: entry {entry.id!r} has none, allowed: the message's address")
        seen.add(entry.id)
        node = etree.SubElement(root, f"{{{ATOM}}}entry")
        _write(node, "id", entry.id, "feed/entry")
        _write(node, "title", entry.title, "feed/entry")
        _write(node, "updated", _rfc3339(entry.updated, "feed/entry"), "feed/entry")
        etree.SubElement(node, f"{{{ATOM}}}link", {"rel": "alternate", "type": CAP_TYPE, "href": entry.link})
        if entry.summary:
            _write(node, "summary", entry.summary, "feed/entry")
    etree.indent(root)
    body: bytes = etree.tostring(root, encoding="UTF-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def parse_atom(
    content: bytes, *, base: str = "", max_bytes: int = 50_000_000
) -> tuple[AtomFeed, tuple[Finding, ...]]:
    """Read a feed, with the messages embedded in it.

    Parameters
    ----------
    content : bytes
        As received.
    base : str
        Address of the feed: relative links are resolved against it (and against ``xml:base``).
    max_bytes : int
        Size limit.

    Returns
    -------
    feed : AtomFeed
        Entries in document order.
    findings : tuple of Finding
        Rules ``feed.id``, ``feed.id-duplicate``, ``feed.title``, ``feed.updated``, ``feed.link``, and those
        of the embedded messages.

    Raises
    ------
    ParseError
        If the bytes are no well-formed XML, hold a document type, are too large, or are no Atom feed.
    """
    root = read_xml(content, max_bytes=max_bytes)
    if not is_atom(root):
        raise ParseError(f"feed: got the root {root.tag!r}, allowed: an Atom feed")
    head, items = read_entries(root, base)
    findings: list[Finding] = []
    entries = []
    counted = []
    for node, entry in items:
        alerts = []
        for found in alert_nodes(node):
            if namespace(found) in VERSIONS:
                alert, defects = read_alert(found)
                alerts.append(alert)
                findings.extend(defects)
        counted.append(dataclasses.replace(entry, messages=len(alerts)))
        entries.append(
            AtomEntry(
                id=entry.id,
                title=entry.title,
                updated=entry.updated,
                link=entry.links[0] if entry.links else None,
                summary=entry.summary,
                alerts=tuple(alerts),
            )
        )
    feed = AtomFeed(
        id=head.id,
        title=head.title,
        updated=head.updated,
        author=next((_read(n, "name") for n in root if local(n) == "author"), ""),
        link=head.links[0] if head.links else None,
        entries=tuple(entries),
    )
    return feed, (*check_feed(head, counted), *findings)


def is_atom(root: etree._Element) -> bool:
    """Whether a document is an Atom feed, or one entry of it on its own.

    Examples
    --------
    >>> is_atom(read_xml(b'<feed xmlns="http://www.w3.org/2005/Atom"/>'))
    True
    """
    space, name = namespace(root), local(root)
    if space == ATOM:
        return name in ("feed", "entry")
    named = {local(child) for child in root if namespace(child) == space}
    return name == "feed" and space in _OTHERS and not named.isdisjoint({"entry", "title"})


def read_entries(root: etree._Element, base: str = "") -> tuple[Entry, list[tuple[etree._Element, Entry]]]:
    """The feed and its entries, without the messages inside.

    Parameters
    ----------
    root : lxml element
        Of a document for which :func:`is_atom` holds.
    base : str
        Address of the feed, against which relative links are resolved.

    Returns
    -------
    head : Entry
        The feed; its link is that to itself.
    entries : list of (element, Entry)
        In document order.
    """
    base = element_base(root, base)
    alone = local(root) == "entry"
    nodes = [root] if alone else [n for n in root if local(n) == "entry" and namespace(n) == namespace(root)]
    links = [absolute(base, href) for n, href in _links(root) if n.get("rel") == "self"]
    return _entry(root, base, tuple(links)), [
        (node, _entry(node, element_base(node, base))) for node in nodes
    ]


def check_feed(head: Entry, entries: Iterable[Entry], *, form: str = "feed/entry") -> list[Finding]:
    """Judge a feed by RFC 4287 (for RSS: RSS 2.0) and the practice of CAP feeds.

    Parameters
    ----------
    head : Entry
        The feed.
    entries : iterable of Entry
        With the number of messages in each.
    form : str
        ``feed/entry`` or ``rss/channel/item``, for the paths; a channel of RSS needs no id.

    Returns
    -------
    list of Finding
        ``feed.id``, ``feed.id-duplicate``, ``feed.title``, ``feed.updated``, ``feed.link``.

    Examples
    --------
    >>> feed = Entry(id="urn:x", title="Warnings", updated=datetime(2001, 2, 28, tzinfo=UTC))
    >>> [f.rule for f in check_feed(feed, [Entry(id="", title="Flood", updated=feed.updated)])]
    ['feed.id', 'feed.link']
    """
    above, _, name = form.rpartition("/")
    atom = name == "entry"
    findings = _required(head, above, atom, atom)
    seen: set[str] = set()
    for i, entry in enumerate(entries, 1):
        path = f"{form}[{i}]"
        findings.extend(_required(entry, path, True, atom))
        if entry.id and entry.id in seen:
            findings.append(_finding("feed.id-duplicate", f"{path}/id", f"{entry.id!r} again, allowed: once"))
        seen.add(entry.id)
        if not entry.links and not entry.messages:
            words = "neither a link nor a message, allowed: one of them"
            findings.append(_finding("feed.link", f"{path}/link", words))
    return findings


def _entry(node: etree._Element, base: str, links: tuple[str, ...] | None = None) -> Entry:
    if links is None:
        found = _links(node)
        marked = [href for n, href in found if n.get("type") == CAP_TYPE]
        plain = [href for n, href in found if n.get("rel", "alternate") == "alternate"]
        rest = [href for n, href in found if n.get("rel") in _OTHER or local(n) == "content"]
        links = tuple(dict.fromkeys(absolute(base, href) for href in (*marked, *plain, *rest)))
    return Entry(
        id=_read(node, "id"),
        title=_read(node, "title"),
        updated=read_time(_read(node, "updated")),
        links=links,
        summary=_read(node, "summary"),
    )


def _links(node: etree._Element) -> list[tuple[etree._Element, str]]:
    """Links with an address, and content that lies elsewhere (``content src``)."""
    found = []
    for child in node:
        if local(child) in ("link", "content"):
            href = child.get("href" if local(child) == "link" else "src", "").strip(BLANKS)
            if href:
                found.append((child, href))
    return found


def _required(noun: Entry, path: str, id_needed: bool, time_needed: bool) -> list[Finding]:
    names = ("id", "title") if id_needed else ("title",)
    found = [
        _finding(f"feed.{name}", f"{path}/{name}", "missing or blank, allowed: text")
        for name in names
        if not getattr(noun, name)
    ]
    if time_needed and noun.updated is None:
        found.append(_finding("feed.updated", f"{path}/updated", "missing or no instant (RFC 4287)"))
    return found


def _read(node: etree._Element, name: str) -> str:
    return next((text_of(n).strip(BLANKS) for n in node if local(n) == name), "")


def _write(parent: etree._Element, name: str, text: str, path: str) -> None:
    if not text:
        raise ShapeError(f"{path}/{name}: got none, allowed: text (RFC 4287)")
    try:
        etree.SubElement(parent, f"{{{ATOM}}}{name}").text = text
    except ValueError as error:
        raise ShapeError(f"{path}/{name}: {error}") from None


def _rfc3339(moment: datetime | None, path: str) -> str:
    if moment is None:
        raise ShapeError(f"{path}/updated: got none, allowed: an aware time (RFC 4287)")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _finding(rule: str, path: str, message: str) -> Finding:
    level = "warning" if rule == "feed.updated" else "error"
    return Finding(rule=rule, level=level, path=path, message=message)
