"""RSS 0.91 to 2.0 and RSS 1.0 as carriers of CAP: items with links to messages, or with messages inside."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from tocsin.cap.entry import Entry, absolute, element_base
from tocsin.cap.secure import local, text_of
from tocsin.cap.values import BLANKS, read_time

CAP_TYPE = "application/cap+xml"


def is_rss(root: etree._Element) -> bool:
    """Whether a document is RSS: ``rss``, or the ``RDF`` of version 1.0, with a channel.

    Examples
    --------
    >>> from tocsin.cap.secure import read_xml
    >>> is_rss(read_xml(b'<rss version="2.0"><channel/></rss>'))
    True
    """
    return local(root) in ("rss", "RDF") and any(local(n) == "channel" for n in root)


def read_rss(root: etree._Element, base: str = "") -> tuple[Entry, list[tuple[etree._Element, Entry]]]:
    """The channel and its items, without the messages inside.

    Parameters
    ----------
    root : lxml element
        Of a document for which :func:`is_rss` holds.
    base : str
        Address of the feed, against which relative links are resolved.

    Returns
    -------
    channel : Entry
        Title, address and time of the channel; an RSS channel has no id.
    items : list of (element, Entry)
        In document order; the id of an item is its ``guid`` (``rdf:about`` in RSS 1.0).
    """
    base = element_base(root, base)
    channel = next((n for n in root if local(n) == "channel"), root)
    base = element_base(channel, base)
    head = Entry(
        id="",
        title=_text(channel, "title"),
        updated=_time(channel, "lastBuildDate") or _time(channel, "pubDate") or _time(channel, "date"),
        links=tuple(absolute(base, link) for link in [_text(channel, "link")] if link),
    )
    nodes = [n for holder in (channel, root) for n in holder if local(n) == "item"]
    return head, [(node, _item(node, base)) for node in dict.fromkeys(nodes)]


def _item(node: etree._Element, base: str) -> Entry:
    base = element_base(node, base)
    about = next((str(v) for k, v in node.attrib.items() if str(k).endswith("}about")), "")
    marked: list[str] = []
    plain: list[str] = []
    for child in node:
        name = local(child)
        if name == "enclosure":
            href, cap = child.get("url", ""), child.get("type") == CAP_TYPE
        elif name == "link":  # RSS writes the address as text, an Atom link inside RSS as an attribute
            href = text_of(child).strip(BLANKS) or child.get("href", "")
            cap = child.get("type") == CAP_TYPE
            if child.get("rel") == "self":
                continue
        else:
            continue
        if href.strip(BLANKS):
            (marked if cap else plain).append(absolute(base, href.strip(BLANKS)))
    return Entry(
        id=_text(node, "guid") or about,
        title=_text(node, "title"),
        updated=_time(node, "pubDate") or _time(node, "date"),
        links=tuple(dict.fromkeys([*marked, *plain])),
        summary=_text(node, "description"),
    )


def _text(node: etree._Element, name: str) -> str:
    texts = (text_of(n).strip(BLANKS) for n in node if local(n) == name)
    return next((text for text in texts if text), "")


def _time(node: etree._Element, name: str) -> datetime | None:
    """A time as RFC 822 writes it, or as ISO 8601 does; None where it names no zone."""
    text = _text(node, name)
    if not text or text[:1].isdigit():
        moment = read_time(text)
        if moment is not None or not text:
            return moment
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.utcoffset() is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
