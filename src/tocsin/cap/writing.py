"""A message as canonical XML of CAP 1.2: the order of the standard, numeric offsets, UTF-8, indented."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Pair
from tocsin.cap.values import write_list, write_number, write_time
from tocsin.model.errors import ShapeError

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
"""What :func:`render` writes."""

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot carry."""


def render(alert: CapAlert) -> bytes:
    """Write a message; the same message gives the same bytes, and reading them gives the message back.

    What stands in ``unread`` is written as it came, so a message of somebody else keeps its defects; use
    :func:`tocsin.cap.check` before one of ours leaves.

    Raises
    ------
    ShapeError
        If a text holds a character that XML cannot carry, or a list item a double quote.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> sent = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> print(render(CapAlert(identifier="a-1", sender="desk@example.org", sent=sent)).decode())
    <?xml version="1.0" encoding="UTF-8"?>
    <alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
      <identifier>a-1</identifier>
      <sender>desk@example.org</sender>
      <sent>2001-02-28T19:00:00-00:00</sent>
      <status>Actual</status>
      <msgType>Alert</msgType>
      <scope>Public</scope>
    </alert>
    <BLANKLINE>
    """
    root = element(alert)
    etree.indent(root)
    body: bytes = etree.tostring(root, encoding="UTF-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body + b"\n"


def element(alert: CapAlert) -> etree._Element:
    """The message as an element, to be put into a feed."""
    node = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    write = _Writer(node, alert.unread)
    write("identifier", alert.identifier)
    write("sender", alert.sender)
    write("sent", None if alert.sent is None else write_time(alert.sent))
    write("status", alert.status)
    write("msgType", alert.msg_type)
    write("source", alert.source)
    write("scope", alert.scope)
    write("restriction", alert.restriction)
    write("addresses", _list("addresses", alert.addresses))
    write("code", *alert.code)
    write("note", alert.note)
    write("references", " ".join(alert.references) or None)
    write("incidents", _list("incidents", alert.incidents))
    for info in alert.infos:
        _info(node, info)
    return node


def _info(parent: etree._Element, info: CapInfo) -> None:
    node = _sub(parent, "info")
    write = _Writer(node, info.unread)
    write("language", info.language)
    write("category", *info.category)
    write("event", info.event)
    write("responseType", *info.response_type)
    write("urgency", info.urgency)
    write("severity", info.severity)
    write("certainty", info.certainty)
    write("audience", info.audience)
    _pairs(node, "eventCode", info.event_code)
    for name, moment in (("effective", info.effective), ("onset", info.onset), ("expires", info.expires)):
        write(name, None if moment is None else write_time(moment))
    write("senderName", info.sender_name)
    write("headline", info.headline)
    write("description", info.description)
    write("instruction", info.instruction)
    write("web", info.web)
    write("contact", info.contact)
    _pairs(node, "parameter", info.parameter)
    for resource in info.resources:
        _resource(node, resource)
    for area in info.areas:
        _area(node, area)


def _resource(parent: etree._Element, resource: CapResource) -> None:
    node = _sub(parent, "resource")
    write = _Writer(node, resource.unread)
    write("resourceDesc", resource.resource_desc)
    write("mimeType", resource.mime_type)
    write("size", None if resource.size is None else str(resource.size))
    write("uri", resource.uri)
    write("derefUri", resource.deref_uri)
    write("digest", resource.digest)


def _area(parent: etree._Element, area: CapArea) -> None:
    node = _sub(parent, "area")
    write = _Writer(node, area.unread)
    number = write_number
    write("areaDesc", area.area_desc)
    write("polygon", *(" ".join(f"{number(a)},{number(b)}" for a, b in ring) for ring in area.polygons))
    write("circle", *(f"{number(a)},{number(b)} {number(r)}" for a, b, r in area.circles))
    _pairs(node, "geocode", area.geocodes)
    write("altitude", None if area.altitude is None else number(area.altitude))
    write("ceiling", None if area.ceiling is None else number(area.ceiling))


class _Writer:
    """Writes elements in order, each followed by what was unread under the same name."""

    def __init__(self, node: etree._Element, unread: Iterable[Pair]) -> None:
        self._node = node
        self._unread = tuple(unread)

    def __call__(self, name: str, *values: str | None) -> None:
        kept = [text for element_name, text in self._unread if element_name == name]
        for value in (*values, *kept):
            if value is not None:
                _sub(self._node, name).text = _text(name, value)


def _pairs(parent: etree._Element, name: str, pairs: Iterable[Pair]) -> None:
    for key, value in pairs:
        node = _sub(parent, name)
        _sub(node, "valueName").text = _text(name, key)
        _sub(node, "value").text = _text(name, value)


def _sub(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _list(name: str, items: tuple[str, ...]) -> str | None:
    try:
        return write_list(items) or None
    except ValueError as error:
        raise ShapeError(f"{name}: {error}") from None


def _text(name: str, value: str) -> str:
    bad = ILLEGAL.search(value)
    if bad:
        raise ShapeError(f"{name}: got the character {bad.group()!r}, allowed: what XML 1.0 can carry")
    return value
