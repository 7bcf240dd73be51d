"""Atom feeds (RFC 4287) of CAP messages: write our own, read anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin

from lxml import etree

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapInfo
from tocsin.cap.reading import VERSIONS, alert_nodes, read_alert
from tocsin.cap.secure import local, namespace, read_xml, text_of
from tocsin.cap.values import BLANKS, read_time
from tocsin.model.errors import ParseError, ShapeError

ATOM = "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


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
    if local(root) != "feed" or namespace(root) != ATOM:
        raise ParseError(f"feed: got the root {root.tag!r}, allowed: an Atom feed")
    findings: list[Finding] = []
    base = urljoin(base, root.get(_XML_BASE, ""))
    entries = []
    seen: set[str] = set()
    for i, node in enumerate((n for n in root if local(n) == "entry"), 1):
        path = f"feed/entry[{i}]"
        entry = _entry(node, path, base, findings)
        if entry.id and entry.id in seen:
            findings.append(_finding("feed.id-duplicate", f"{path}/id", f"{entry.id!r} again"))
        seen.add(entry.id)
        entries.append(entry)
    feed = AtomFeed(
        id=_read(root, "id"),
        title=_read(root, "title"),
        updated=read_time(_read(root, "updated")),
        author=next((_read(n, "name") for n in root if local(n) == "author"), ""),
        link=_link(root, base, "self"),
        entries=tuple(entries),
    )
    _required(feed, "feed", findings)
    return feed, tuple(findings)


def _entry(node: etree._Element, path: str, base: str, findings: list[Finding]) -> AtomEntry:
    base = urljoin(base, node.get(_XML_BASE, ""))
    alerts = []
    for found in alert_nodes(node):
        if namespace(found) in VERSIONS:
            alert, defects = read_alert(found)
            alerts.append(alert)
            findings.extend(defects)
    entry = AtomEntry(
        id=_read(node, "id"),
        title=_read(node, "title"),
        updated=read_time(_read(node, "updated")),
        link=_link(node, base, "alternate"),
        summary=_read(node, "summary"),
        alerts=tuple(alerts),
    )
    _required(entry, path, findings)
    if entry.link is None and not alerts:
        findings.append(_finding("feed.link", f"{path}/link", "neither a link nor a message"))
    return entry


def _required(noun: AtomFeed | AtomEntry, path: str, findings: list[Finding]) -> None:
    findings.extend(
        _finding(f"feed.{name}", f"{path}/{name}", "missing or blank (RFC 4287)")
        for name in ("id", "title")
        if not getattr(noun, name)
    )
    if noun.updated is None:
        findings.append(_finding("feed.updated", f"{path}/updated", "missing or no instant (RFC 4287)"))


def _link(node: etree._Element, base: str, rel: str) -> str | None:
    """The CAP link of an entry where one is marked, else the first of its relation."""
    links = [n for n in node if local(n) == "link" and n.get("href", "").strip(BLANKS)]
    marked = [n for n in links if n.get("type") == CAP_TYPE]
    plain = [n for n in links if n.get("rel", "alternate") == rel]
    chosen = (marked or plain or [None]) if rel == "alternate" else (plain or [None])
    return None if chosen[0] is None else _join(base, chosen[0].get("href", "").strip(BLANKS))


def _join(base: str, href: str) -> str:
    try:
        return urljoin(base, href)
    except ValueError:  # an address that is none; the fetcher refuses it by name
        return href


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
