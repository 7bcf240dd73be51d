"""EDXL-DE 1.0 as a wrapper: messages as embedded XML, as base64 content, or at an address."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from lxml import etree

from tocsin.cap.entry import Entry
from tocsin.cap.finding import Finding
from tocsin.cap.secure import local, text_of
from tocsin.cap.values import BLANKS, read_time

CAP_TYPES = ("application/cap+xml", "application/xml", "text/xml")


def is_edxl(root: etree._Element) -> bool:
    """Whether a document is an EDXL distribution.

    Examples
    --------
    >>> from tocsin.cap.secure import read_xml
    >>> is_edxl(read_xml(b'<EDXLDistribution xmlns="urn:oasis:names:tc:emergency:EDXL:DE:1.0"/>'))
    True
    """
    return local(root) == "EDXLDistribution"


def read_edxl(
    root: etree._Element,
) -> tuple[Entry, list[tuple[etree._Element, Entry]], list[tuple[etree._Element, bytes]], list[Finding]]:
    """The distribution, its content objects, and what is packed as base64 in them.

    Parameters
    ----------
    root : lxml element
        Of a document for which :func:`is_edxl` holds.

    Returns
    -------
    head : Entry
        The distribution: id and time.
    objects : list of (element, Entry)
        Content objects in document order; the link of one is its ``uri``.
    packed : list of (element, bytes)
        Decoded ``contentData`` that may be XML.
    findings : list of Finding
        Content objects that hold neither XML nor anything else, base64 that is none.
    """
    head = Entry(id=_text(root, "distributionID"), title="", updated=_time(root, "dateTimeSent"))
    objects: list[tuple[etree._Element, Entry]] = []
    packed: list[tuple[etree._Element, bytes]] = []
    findings: list[Finding] = []
    for i, node in enumerate((n for n in root if local(n) == "contentObject"), 1):
        path = f"EDXLDistribution/contentObject[{i}]"
        links: list[str] = []
        holders = [n for n in node if local(n) in ("xmlContent", "nonXMLContent")]
        if not holders:
            findings.append(_finding("feed.content", path, "neither xmlContent nor nonXMLContent"))
        for holder in (n for n in holders if local(n) == "nonXMLContent"):
            if _text(holder, "mimeType").partition(";")[0].strip().lower() not in CAP_TYPES:
                continue  # a map or a sound beside the message
            if uri := _text(holder, "uri"):
                links.append(uri)
            if data := _text(holder, "contentData"):
                try:
                    packed.append((holder, base64.b64decode("".join(data.split()), validate=True)))
                except (binascii.Error, ValueError) as error:
                    place = f"{path}/nonXMLContent/contentData"
                    findings.append(_finding("feed.content", place, f"{error}, allowed: base64"))
        objects.append(
            (node, Entry(id="", title=_text(node, "contentDescription"), updated=None, links=tuple(links)))
        )
    return head, objects, packed, findings


def _text(node: etree._Element, name: str) -> str:
    return next((text_of(n).strip(BLANKS) for n in node if local(n) == name), "")


def _time(node: etree._Element, name: str) -> datetime | None:
    return read_time(_text(node, name))


def _finding(rule: str, path: str, message: str) -> Finding:
    return Finding(rule=rule, level="warning", path=path, message=message)
