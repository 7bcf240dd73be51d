"""Read messages of CAP 1.0, 1.1 and 1.2 as they really come: defects are findings, never exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Circle, Pair, Polygon
from tocsin.cap.rules import check
from tocsin.cap.secure import MAX_BYTES, local, namespace, read_xml, text_of
from tocsin.cap.values import BLANKS, ENUMERATIONS, is_time, read_list, read_number, read_time
from tocsin.model.errors import ParseError

VERSIONS = {
    "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
    "": "none",
}
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

ALERT = (
    "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses",
    "code", "note", "references", "incidents", "info",
)  # fmt: skip
INFO = (
    "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience",
    "eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction",
    "web", "contact", "parameter", "resource", "area",
)  # fmt: skip
RESOURCE = ("resourceDesc", "mimeType", "size", "uri", "derefUri", "digest")
AREA = ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling")
_OPTIONAL = frozenset({
    "source", "restriction", "addresses", "code", "note", "references", "incidents", "language",
    "responseType", "audience", "effective", "onset", "expires", "senderName", "headline", "description",
    "instruction", "web", "contact", "size", "uri", "derefUri", "digest", "polygon", "circle", "altitude",
    "ceiling",
})  # fmt: skip


def parse(content: bytes) -> tuple[CapAlert, tuple[Finding, ...]]:
    """Read the one message in ``content``, bare or in a wrapper (Atom entry, EDXL, ``<alerts>``).

    Parameters
    ----------
    content : bytes
        As received.

    Returns
    -------
    alert : CapAlert
        What was said; what could not be read stands in ``unread``.
    findings : tuple of Finding
        Every defect: of the form, and of the rules of :func:`tocsin.cap.check`.

    Raises
    ------
    ParseError
        If the bytes are no well-formed XML, hold a document type, are too large, or do not hold exactly
        one message.

    Examples
    --------
    >>> alert, findings = parse(b"<alert><identifier>a-1</identifier></alert>")
    >>> alert.identifier, alert.version
    ('a-1', 'none')
    >>> [f.rule for f in findings]
    ['alert.sender.empty', 'alert.sent.format', 'doc.namespace']
    """
    messages = parse_all(content)
    if len(messages) != 1:
        raise ParseError(f"doc.messages: got {len(messages)} messages, allowed: one (read many by parse_all)")
    return messages[0]


def parse_all(
    content: bytes, *, max_bytes: int = MAX_BYTES
) -> tuple[tuple[CapAlert, tuple[Finding, ...]], ...]:
    """Read every message in a document, in document order.

    Raises
    ------
    ParseError
        As :func:`parse`; also when there is no message at all.

    Examples
    --------
    >>> len(parse_all(b"<alerts><alert/><alert/></alerts>"))
    2
    """
    root = read_xml(content, max_bytes=max_bytes)
    found = tuple(read_alert(node) for node in alert_nodes(root))
    if not found:
        raise ParseError(f"doc.messages: got no alert element under {local(root)!r}, allowed: at least one")
    return found


def alert_nodes(root: etree._Element) -> Iterator[etree._Element]:
    """Outermost ``alert`` elements of a document, whatever wraps them."""
    if local(root) == "alert":
        yield root
        return
    for child in root:
        yield from alert_nodes(child)


def read_alert(node: etree._Element) -> tuple[CapAlert, tuple[Finding, ...]]:
    """Read one ``alert`` element."""
    findings: list[Finding] = []
    space = namespace(node)
    if space not in VERSIONS or not space:
        _report(findings, "doc.namespace", "error", "alert", f"got {space!r}, allowed: CAP 1.0, 1.1 or 1.2")
    version = VERSIONS.get(space, "none")
    if version in ("1.0", "1.1"):
        _report(findings, "doc.version-old", "info", "alert", f"got {version}, current: 1.2")
    r = _Reader(node, "alert", ALERT, findings, space)
    alert = CapAlert(
        identifier=r.token("identifier"),
        sender=r.token("sender"),
        sent=r.time("sent"),
        status=r.choice("status"),
        msg_type=r.choice("msgType"),
        source=r.text("source"),
        scope=r.choice("scope"),
        restriction=r.text("restriction"),
        addresses=r.items("addresses"),
        code=tuple(r.many("code")),
        note=r.text("note"),
        references=tuple((r.text("references") or "").split()),
        incidents=r.items("incidents"),
        infos=tuple(_info(n, f"alert/info[{i}]", findings, space) for i, n in r.nodes("info")),
        version=version,
        unread=tuple(r.unread),
    )
    findings.extend(check(alert))
    return alert, tuple(sorted(set(findings)))


def _info(node: etree._Element, path: str, findings: list[Finding], space: str) -> CapInfo:
    r = _Reader(node, path, INFO, findings, space)
    return CapInfo(
        language=r.token("language") or None,
        category=tuple(r.choices("category")),
        event=r.token("event"),
        response_type=tuple(r.choices("responseType")),
        urgency=r.choice("urgency"),
        severity=r.choice("severity"),
        certainty=r.choice("certainty"),
        audience=r.text("audience"),
        event_code=tuple(r.pairs("eventCode")),
        effective=r.time("effective"),
        onset=r.time("onset"),
        expires=r.time("expires"),
        sender_name=r.text("senderName"),
        headline=r.text("headline"),
        description=r.text("description"),
        instruction=r.text("instruction"),
        web=r.text("web"),
        contact=r.text("contact"),
        parameter=tuple(r.pairs("parameter")),
        resources=tuple(
            _resource(n, f"{path}/resource[{i}]", findings, space) for i, n in r.nodes("resource")
        ),
        areas=tuple(_area(n, f"{path}/area[{i}]", findings, space) for i, n in r.nodes("area")),
        unread=tuple(r.unread),
    )


def _resource(node: etree._Element, path: str, findings: list[Finding], space: str) -> CapResource:
    r = _Reader(node, path, RESOURCE, findings, space)
    size = r.text("size")
    if size is not None and not (size.isascii() and size.removeprefix("-").isdigit() and len(size) < 19):
        r.unread.append(("size", size))
        size = None
    return CapResource(
        resource_desc=r.text("resourceDesc") or "",
        mime_type=r.token("mimeType"),
        size=None if size is None else int(size),
        uri=r.text("uri"),
        deref_uri=r.text("derefUri"),
        digest=r.text("digest"),
        unread=tuple(r.unread),
    )


def _area(node: etree._Element, path: str, findings: list[Finding], space: str) -> CapArea:
    r = _Reader(node, path, AREA, findings, space)
    polygons: list[Polygon] = []
    for text in r.many("polygon"):
        ring = read_polygon(text)
        if ring is None:
            r.unread.append(("polygon", text))
        else:
            polygons.append(ring)
    circles: list[Circle] = []
    for text in r.many("circle"):
        circle = read_circle(text)
        if circle is None:
            r.unread.append(("circle", text))
        else:
            circles.append(circle)
    return CapArea(
        area_desc=r.text("areaDesc") or "",
        polygons=tuple(polygons),
        circles=tuple(circles),
        geocodes=tuple(r.pairs("geocode")),
        altitude=r.number("altitude"),
        ceiling=r.number("ceiling"),
        unread=tuple(r.unread),
    )


def read_polygon(text: str) -> Polygon | None:
    """Read ``lat,lon lat,lon …``; None if any pair cannot be read.

    Examples
    --------
    >>> read_polygon("1,2 3,4 5,6 1,2")
    ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (1.0, 2.0))
    """
    ring = []
    for pair in text.split():
        parts = [read_number(part) for part in pair.split(",")]
        if len(parts) != 2 or parts[0] is None or parts[1] is None:
            return None
        ring.append((parts[0], parts[1]))
    return tuple(ring) or None


def read_circle(text: str) -> Circle | None:
    """Read ``lat,lon radius``; None if it has another form.

    Examples
    --------
    >>> read_circle("47.5,-122.3 30")
    (47.5, -122.3, 30.0)
    """
    parts = text.split()
    if len(parts) != 2:
        return None
    centre = read_polygon(parts[0])
    radius = read_number(parts[1])
    return None if centre is None or radius is None else (*centre[0], radius)


class _Reader:
    """The children of one element by local name; keeps what nobody asked for as findings."""

    def __init__(
        self, node: etree._Element, path: str, order: tuple[str, ...], findings: list[Finding], space: str
    ) -> None:
        self._path, self._findings = path, findings
        self.unread: list[Pair] = []
        self._children: dict[str, list[etree._Element]] = {}
        place = -1
        signatures = 0
        for child in node:
            name = local(child)
            if not name:
                continue  # comments and instructions say nothing
            if namespace(child) == SIGNATURE and name == "Signature":
                signatures += 1
            elif namespace(child) not in ("", space, *VERSIONS):
                self._report("doc.foreign-element", "warning", name, f"namespace {namespace(child)!r}")
            elif name == "password":
                self._report("alert.password", "warning", name, "present, removed from CAP 1.2; not kept")
            elif name not in order:
                self._report("doc.unknown-element", "warning", name, "not of the standard here; not read")
            else:
                self._children.setdefault(name, []).append(child)
                if order.index(name) < place:
                    self._report("doc.order", "warning", name, "out of the order of the standard")
                place = max(place, order.index(name))
        for name in node.attrib:
            if not str(name).startswith(f"{{{_SCHEMA_INSTANCE}}}"):
                self._report("doc.foreign-element", "warning", f"@{name}", "an attribute, allowed: none")
        if signatures:
            self._report("signature.present", "info", "Signature", f"{signatures} in the message")
        if signatures > 1:
            self._report("signature.duplicate", "info", "Signature", f"{signatures} in the message")

    def _report(self, rule: str, level: str, name: str, message: str) -> None:
        _report(self._findings, rule, level, f"{self._path}/{name}", message)

    def nodes(self, name: str) -> list[tuple[int, etree._Element]]:
        return list(enumerate(self._children.get(name, ()), 1))

    def many(self, name: str) -> list[str]:
        """Texts of all elements of a name; a blank one is only reported."""
        texts = []
        for child in self._children.get(name, ()):
            text = text_of(child).strip(BLANKS)
            if text or name not in _OPTIONAL:
                texts.append(text)
            if not text and name in _OPTIONAL:
                self._report("text.empty-optional", "warning", name, "present and blank")
                if name in ("polygon", "circle"):
                    self.unread.append((name, ""))  # a shape was announced
        return texts

    def text(self, name: str) -> str | None:
        """The first text that is not blank; further ones are kept unread."""
        texts = [text for text in self.many(name) if text]
        for text in texts[1:]:
            self._report("doc.repeated-element", "warning", name, f"again: {text[:80]!r}")
            self.unread.append((name, text))
        return texts[0] if texts else None

    def token(self, name: str) -> str:
        return " ".join((self.text(name) or "").split())

    def choice(self, name: str) -> str:
        return self._choose(name, self.token(name), self._children.get(name, ()))

    def choices(self, name: str) -> list[str]:
        return [
            self._choose(name, " ".join(text_of(child).split()), (child,))
            for child in self._children.get(name, ())
        ]

    def _choose(self, name: str, word: str, nodes: list[etree._Element] | tuple[etree._Element, ...]) -> str:
        """A value of the standard however it is spelt; anything else as it came."""
        allowed = {value.lower(): value for value in ENUMERATIONS[name]}
        if name == "certainty" and word.lower() == "very likely":
            self._report("info.certainty.very-likely", "warning", name, "of CAP 1.0; read as Likely")
            return "Likely"
        value = allowed.get(word.lower(), word)
        if value in ENUMERATIONS[name] and nodes and text_of(nodes[0]) != value:
            self._report("text.enum-form", "error", name, f"got {text_of(nodes[0])!r}, allowed: {value!r}")
        return value

    def time(self, name: str) -> datetime | None:
        text = self.text(name)
        if text is None:
            return None
        moment = read_time(text)
        if moment is None:
            self.unread.insert(0, (name, text))
            return None
        if text[-1:].isalpha():
            self._report("time.zulu", "error", name, f"got {text!r}, allowed: a numeric offset")
        if text.endswith("+00:00"):
            self._report("time.utc-plus", "warning", name, f"got {text!r}; UTC is written -00:00")
        if not is_time(text):
            rule = "alert.sent.format" if name == "sent" else "time.format"
            self._report(rule, "error", name, f"got {text!r}, allowed: YYYY-MM-DDThh:mm:ss±hh:mm")
        return moment

    def number(self, name: str) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        number = read_number(text)
        if number is None:
            self.unread.insert(0, (name, text))
        return number

    def items(self, name: str) -> tuple[str, ...]:
        text = self.text(name)
        if text is None:
            return ()
        items = read_list(text)
        if items is None:
            self.unread.insert(0, (name, text))
            return ()
        return items

    def pairs(self, name: str) -> list[Pair]:
        """Name and value; CAP 1.0 wrote them as the text ``name=value``."""
        pairs = []
        for child in self._children.get(name, ()):
            parts: dict[str, str] = {}
            for part in child:
                if local(part) in ("valueName", "value"):
                    parts.setdefault(local(part), text_of(part).strip(BLANKS))
                elif local(part):
                    self._report("doc.unknown-element", "warning", f"{name}/{local(part)}", "not read")
            if not len(child):
                key, _, value = text_of(child).strip(BLANKS).partition("=")
                parts = {"valueName": key, "value": value}
            pairs.append((parts.get("valueName", ""), parts.get("value", "")))
        return pairs


def _report(findings: list[Finding], rule: str, level: str, path: str, message: str) -> None:
    findings.append(Finding(rule=rule, level=level, path=path, message=message))
