"""An entry of a feed, whatever the feed is written in: what it is called, and where its message lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from lxml import etree

_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One Atom entry, RSS item, GeoJSON feature or JSON object.

    Parameters
    ----------
    id, title : str
        Identity and headline; empty where the feed gives none.
    updated : datetime or None
        Aware; None where what came is no instant.
    links : tuple of str
        Addresses, those declared to be CAP first; absolute where the feed gives a base.
    summary : str
        In words.
    messages : int
        How many messages are in the entry itself.

    Examples
    --------
    >>> Entry(id="urn:x:1", title="Flood", updated=None).links
    ()
    """

    id: str
    title: str
    updated: datetime | None
    links: tuple[str, ...] = ()
    summary: str = ""
    messages: int = 0


def element_base(node: etree._Element, base: str) -> str:
    """The base address in force inside an element (``xml:base``).

    Examples
    --------
    >>> from tocsin.cap.secure import read_xml
    >>> element_base(read_xml(b'<a xml:base="cap/"/>'), "https://met.example/")
    'https://met.example/cap/'
    """
    return absolute(base, node.get(_XML_BASE, ""))


def absolute(base: str, href: str) -> str:
    """An address made absolute; one that is none stays as it is, and the fetcher refuses it by name.

    Examples
    --------
    >>> absolute("https://met.example/cap/", "1.xml"), absolute("https://met.example/", "http://[")
    ('https://met.example/cap/1.xml', 'http://[')
    """
    try:
        return urljoin(base, href)
    except ValueError:
        return href
