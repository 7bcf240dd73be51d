"""Read messages of CAP 1.0, 1.1 and 1.2 as they really come: defects are findings, never exceptions.

One pass reads leniently and writes down all that it mended; :func:`read` stops there. :func:`parse` goes on
to judge: the structure against that of the version, the content against the rules of everybody.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Circle, Pair, Polygon, assemble
from tocsin.cap.rulebook import RULES
from tocsin.cap.rules import judge
from tocsin.cap.secure import MAX_BYTES, local, namespace, read_xml, text_of
from tocsin.cap.structure import SCHEMA_INSTANCE, SIGNATURE, SPACES, structural_faults
from tocsin.cap.values import (
    BLANKS,
    ENUMERATIONS,
    read_circle,
    read_list,
    read_number,
    read_polygon,
    read_sent,
    read_time,
)
from tocsin.model.errors import ParseError

VERSIONS = {**SPACES, "": "none"}
"""Versions by namespace, and a message without one."""

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
_ORDER = {"alert": ALERT, "info": INFO, "resource": RESOURCE, "area": AREA}
_OPTIONAL = frozenset({
    "source", "restriction", "addresses", "code", "note", "references", "incidents", "language",
    "responseType", "audience", "effective", "onset", "expires", "senderName", "headline", "description",
    "instruction", "web", "contact", "size", "uri", "derefUri", "digest", "polygon", "circle", "altitude",
    "ceiling",
})  # fmt: skip
_SPELLINGS = {name: {value.lower(): value for value in values} for name, values in ENUMERATIONS.items()}
_HINTS = {f"{{{SCHEMA_INSTANCE}}}{name}" for name in ("schemaLocation", "noNamespaceSchemaLocation")}
_LETTER_ZONE = re.compile(r"\d\d:?\d\d(:?\d\d([.,]\d+)?)? ?[A-Za-z]{1,5}", re.ASCII)

Read = tuple[CapAlert, tuple[Finding, ...]]


def parse(content: bytes) -> Read:
    """Read and judge the one message in ``content``, bare or in a wrapper (Atom entry, EDXL, ``<alerts>``).

    Parameters
    ----------
    content : bytes
        As received.

    Returns
    -------
    alert : CapAlert
        What was said; what could not be read stands in ``unread``.
    findings : tuple of Finding
        Every defect, sorted: what was mended, what departs from the structure, what breaks a rule.

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
    return _only(parse_all(content))


def parse_all(content: bytes, *, max_bytes: int = MAX_BYTES) -> tuple[Read, ...]:
    """Read and judge every message in a document, in document order.

    Raises
    ------
    ParseError
        As :func:`parse`; also when there is no message at all.

    Examples
    --------
    >>> len(parse_all(b"<alerts><alert/><alert/></alerts>"))
    2
    """
    return tuple(read_alert(node) for node in _nodes(content, max_bytes))


def read(content: bytes, *, max_bytes: int = MAX_BYTES) -> Read:
    """Read the one message in ``content`` without judging it: for whoever has to be quick.

    Returns
    -------
    alert : CapAlert
        The same as :func:`parse` gives.
    findings : tuple of Finding
        What was mended or could not be kept in its place; structure and rules are not looked at.

    Raises
    ------
    ParseError
        As :func:`parse`.

    Examples
    --------
    >>> alert, mended = read(b"<alert><identifier>a-1</identifier><status>actual</status></alert>")
    >>> alert.status, [f.rule for f in mended]
    ('Actual', ['doc.namespace', 'text.enum-form'])
    """
    return _only(tuple(read_node(node) for node in _nodes(content, max_bytes)))


def _nodes(content: bytes, max_bytes: int) -> list[etree._Element]:
    root = read_xml(content, max_bytes=max_bytes)
    found = list(alert_nodes(root))
    if not found:
        raise ParseError(f"doc.namespace: got no alert element under {local(root)!r}, allowed: at least one")
    return found


def _only(messages: tuple[Read, ...]) -> Read:
    if len(messages) != 1:
        raise ParseError(f"doc.messages: got {len(messages)} messages, allowed: one (read many by parse_all)")
    return messages[0]


def alert_nodes(root: etree._Element) -> Iterator[etree._Element]:
    """Outermost ``alert`` elements of a document, whatever wraps them."""
    if local(root) == "alert":
        yield root
        return
    for child in root:
        yield from alert_nodes(child)


def read_alert(node: etree._Element) -> Read:
    """Read one ``alert`` element and judge it."""
    alert, mended = read_node(node)
    findings = set(mended)
    if alert.version != "none":  # no schema claims a message without a namespace
        schema = RULES["doc.schema"]
        findings.update(
            schema.at(f.path, f"got {f.got}, allowed: {f.allowed}") for f in structural_faults(node)
        )
    findings.update(_foreign_attributes(node))
    findings.update(judge(alert))
    return alert, tuple(sorted(findings))


def read_node(node: etree._Element) -> Read:
    """Read one ``alert`` element: what was said, and what was mended."""
    findings: list[Finding] = []
    space = namespace(node)
    version = VERSIONS.get(space, "none")
    if version == "none":
        findings.append(
            RULES["doc.namespace"].at("alert", f"got {space!r}, allowed: that of CAP 1.0, 1.1 or 1.2")
        )
    elif version != "1.2":
        findings.append(RULES["doc.version-old"].at("alert", f"got {version}, current: 1.2"))
    r = _Reader(node, "alert", "alert", findings, space)
    values = (
        r.token("identifier"),
        r.token("sender"),
        r.time("sent"),
        r.choice("status"),
        r.choice("msgType"),
        r.choice("scope"),
        r.text("source"),
        r.text("restriction"),
        r.items("addresses"),
        r.many("code"),
        r.text("note"),
        tuple((r.text("references") or "").split()),
        r.items("incidents"),
        tuple(_info(n, f"alert/info[{i}]", findings, space, version) for i, n in r.nodes("info")),
        tuple(r.unread),
        version,
        r.text("sent") or "",
    )
    return assemble(CapAlert, values), tuple(findings)


def _info(node: etree._Element, path: str, findings: list[Finding], space: str, version: str) -> CapInfo:
    r = _Reader(node, path, "info", findings, space, version)
    values = (
        r.token("language") or None,
        r.choices("category"),
        r.text("event") or "",
        r.choices("responseType"),
        r.choice("urgency"),
        r.choice("severity"),
        r.choice("certainty"),
        r.text("audience"),
        r.pairs("eventCode"),
        r.time("effective"),
        r.time("onset"),
        r.time("expires"),
        r.text("senderName"),
        r.text("headline"),
        r.text("description"),
        r.text("instruction"),
        r.text("web"),
        r.text("contact"),
        r.pairs("parameter"),
        tuple(
            _resource(n, f"{path}/resource[{i}]", findings, space, version) for i, n in r.nodes("resource")
        ),
        tuple(_area(n, f"{path}/area[{i}]", findings, space) for i, n in r.nodes("area")),
        tuple(r.unread),
    )
    return assemble(CapInfo, values)


def _resource(
    node: etree._Element, path: str, findings: list[Finding], space: str, version: str
) -> CapResource:
    r = _Reader(node, path, "resource", findings, space)
    mime_type = r.token("mimeType")
    if not mime_type and version != "1.2" and r.nodes("mimeType"):  # which 1.2 has to have, and so is judged
        findings.append(
            RULES["resource.mimetype"].at(f"{path}/mimeType", "got it blank, allowed: type/subtype")
        )
    size = r.text("size")
    digits = size.removeprefix("-").removeprefix("+") if size else ""
    if size is not None and not (size.isascii() and digits.isdigit() and len(size) < 19):
        r.unread.append(("size", size))
        size = None
    values = (
        r.text("resourceDesc") or "",
        mime_type,
        None if size is None else int(size),
        r.text("uri"),
        r.text("derefUri"),
        r.text("digest"),
        tuple(r.unread),
    )
    return assemble(CapResource, values)


def _area(node: etree._Element, path: str, findings: list[Finding], space: str) -> CapArea:
    r = _Reader(node, path, "area", findings, space)
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
    values = (
        r.text("areaDesc") or "",
        tuple(polygons),
        tuple(circles),
        r.pairs("geocode"),
        r.number("altitude"),
        r.number("ceiling"),
        tuple(r.unread),
    )
    return assemble(CapArea, values)


@functools.lru_cache(maxsize=64)  # bounded: the namespace comes from a stranger
def _places(kind: str, space: str) -> dict[str, tuple[str, int]]:
    """Name and place of the elements of a sequence, by tag, in every namespace that they may have."""
    spaces = {space, *VERSIONS}
    return {
        (f"{{{s}}}{name}" if s else name): (name, place)
        for s in spaces
        for place, name in enumerate(_ORDER[kind])
    }


class _Reader:
    """The children of one element by local name; keeps what nobody asked for as findings."""

    __slots__ = ("_findings", "_found", "_path", "_version", "unread")

    def __init__(
        self,
        node: etree._Element,
        path: str,
        kind: str,
        findings: list[Finding],
        space: str,
        version: str = "",
    ) -> None:
        self._path, self._findings, self._version = path, findings, version
        self.unread: list[Pair] = []
        self._found: dict[str, list[etree._Element]] = {}
        found, places, last = self._found, _places(kind, space), -1
        signatures = 0
        for child in node:
            known = places.get(child.tag)
            if known is None:
                signatures += self._odd(child, space)
                continue
            name, place = known
            if name in found:
                found[name].append(child)
            else:
                found[name] = [child]
            if place < last:
                self._report("doc.order", name, f"got it after {_ORDER[kind][last]}, allowed: before")
            else:
                last = place
        if signatures:
            self._report("signature.present", "Signature", f"got {signatures} in the message")
        if signatures > 1:
            self._report("signature.duplicate", "Signature", f"got {signatures} in the message")

    def _odd(self, child: etree._Element, space: str) -> int:
        """What has no place here; 1 for a signature, which is judged elsewhere."""
        name = local(child)
        if not name:
            return 0  # comments and instructions say nothing
        said = " ".join(text_of(child).split())[:80]
        if namespace(child) == SIGNATURE and name == "Signature":
            return 1
        if namespace(child) not in ("", space, *VERSIONS):
            self._report("doc.foreign-element", name, f"got namespace {namespace(child)!r}, text {said!r}")
        elif name == "password":
            self._report("alert.password", name, "got one, allowed: none; it is not kept")
        else:
            self._report(
                "doc.unknown-element", name, f"got text {said!r}, allowed here: none; it is not read"
            )
        return 0

    def _report(self, rule: str, name: str, message: str) -> None:
        self._findings.append(RULES[rule].at(f"{self._path}/{name}", message))

    def nodes(self, name: str) -> list[tuple[int, etree._Element]]:
        nodes = self._found.get(name)
        return list(enumerate(nodes, 1)) if nodes else []

    def many(self, name: str) -> tuple[str, ...]:
        """Texts of all elements of a name; a blank one is only reported."""
        nodes = self._found.get(name)
        if nodes is None:
            return ()
        texts = []
        for child in nodes:
            text = (self._whole(name, child) if len(child) else child.text or "").strip(BLANKS)
            if text or name not in _OPTIONAL:
                texts.append(text)
            else:
                self._report("text.empty-optional", name, "got it blank, allowed: text, or no such element")
                if name in ("polygon", "circle"):
                    self.unread.append((name, ""))  # a shape was announced
        return tuple(texts)

    def _whole(self, name: str, child: etree._Element) -> str:
        """A text that comments split, or that has elements inside: their text is kept, too."""
        for inner in child.iterdescendants(etree.Element):
            if namespace(inner) not in ("", namespace(child), *VERSIONS):
                rule = "doc.foreign-element"
            else:
                rule = "doc.unknown-element"
            self._report(rule, f"{name}/{local(inner)}", f"got namespace {namespace(inner)!r} inside a text")
            break  # one tells it
        return text_of(child)

    def text(self, name: str) -> str | None:
        """The first text that is not blank; further ones are kept unread."""
        nodes = self._found.get(name)
        if nodes is None:
            return None
        if len(nodes) == 1:
            child = nodes[0]
            text: str = "" if len(child) else (child.text or "").strip(BLANKS)
            if text:
                return text
        texts = [text for text in self.many(name) if text]
        for again in texts[1:]:
            self._report("doc.repeated-element", name, f"got it again: {again[:80]!r}, allowed: once")
            self.unread.append((name, again))
        return texts[0] if texts else None

    def token(self, name: str) -> str:
        """A text without blanks at its ends and with single ones inside; other white space is content."""
        return one_blank(self.text(name) or "")

    def choice(self, name: str) -> str:
        nodes = self._found.get(name)
        if nodes is None:
            return ""
        if len(nodes) > 1:
            self.text(name)  # further ones are reported and kept
        return self._choose(name, nodes[0])

    def choices(self, name: str) -> tuple[str, ...]:
        nodes = self._found.get(name)
        if nodes is None:
            return ()
        values = (self._choose(name, child) for child in nodes)
        return tuple(value for value in values if value or name not in _OPTIONAL)

    def _choose(self, name: str, child: etree._Element) -> str:
        """A value of the standard however it is spelt; anything else as it came."""
        said = self._whole(name, child) if len(child) else child.text or ""
        allowed = ENUMERATIONS[name]
        if said in allowed:
            return said
        word = " ".join(said.split())  # here any kind of space means nothing
        value = _SPELLINGS[name].get(word.lower())
        if value is not None:
            self._report("text.enum-form", name, f"got {said!r}, allowed: {value!r}")
            return value
        if name == "certainty" and word.lower() == "very likely":
            self._report("info.certainty.very-likely", name, f"got {said!r}, read as 'Likely'")
            if self._version == "1.0":
                return "Likely"
            word, value = "", "Likely"
        if word or name not in _OPTIONAL:
            self._report("text.enum-value", name, f"got {said!r}, allowed: {', '.join(allowed)}")
        else:
            self._report("text.empty-optional", name, "got it blank, allowed: a value, or no such element")
        return value or word

    def time(self, name: str) -> datetime | None:
        text = self.text(name)
        if text is None:
            return None
        moment = read_sent(text)
        if moment is not None:
            if text.endswith("+00:00"):
                self._report("time.utc-plus", name, f"got {text!r}; UTC is written -00:00")
            return moment
        moment = read_time(text)
        if _LETTER_ZONE.search(text[-40:]) and text[-1].isalpha():
            self._report("time.zulu", name, f"got {text!r}, allowed: an offset in digits")
        elif text.endswith("+00:00"):
            self._report("time.utc-plus", name, f"got {text!r}; UTC is written -00:00")
        rule = "alert.sent.format" if name == "sent" else "time.format"
        self._report(rule, name, f"got {text!r}, allowed: YYYY-MM-DDThh:mm:ss±hh:mm")
        if moment is None:
            self.unread.insert(0, (name, text))
        return moment

    def number(self, name: str) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        number = read_number(text)
        if number is None:
            self._report("area.altitude.parse", name, f"got {text[:80]!r}, allowed: a number")
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

    def pairs(self, name: str) -> tuple[Pair, ...]:
        """Name and value; CAP 1.0 wrote them as the text ``name=value``."""
        nodes = self._found.get(name)
        return tuple(self._pair(name, child) for child in nodes) if nodes else ()

    def _pair(self, name: str, child: etree._Element) -> Pair:
        if len(child) == 2:  # nearly all of them, and there are many
            first, second = child
            space = str(child.tag)[: -len(name)]
            named = first.tag == f"{space}valueName" and second.tag == f"{space}value"
            if named and not len(first) and not len(second):
                return (first.text or "").strip(BLANKS), (second.text or "").strip(BLANKS)
        parts: dict[str, str] = {}
        for part in child:
            tag = part.tag
            key = tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""
            if key and namespace(part) not in ("", namespace(child), *VERSIONS):
                self._report("doc.foreign-element", f"{name}/{key}", f"got namespace {namespace(part)!r}")
            elif key in ("valueName", "value"):
                text = (self._whole(f"{name}/{key}", part) if len(part) else part.text or "").strip(BLANKS)
                if parts.setdefault(key, text) is not text:
                    self._report("doc.repeated-element", f"{name}/{key}", f"got it again: {text[:80]!r}")
            elif key:
                self._report("doc.unknown-element", f"{name}/{key}", "got it, allowed: valueName, value")
        if not parts:
            key, _, value = text_of(child).strip(BLANKS).partition("=")
            return key, value
        return parts.get("valueName", ""), parts.get("value", "")


def one_blank(text: str) -> str:
    """One blank in place of every run of white space of XML; other spaces (a no-break space) stay.

    Examples
    --------
    >>> one_blank("two" + chr(10) + "  words")
    'two words'
    """
    if text.isascii() and " " not in text and text.isprintable():
        return text
    return re.sub("[ \t\r\n]+", " ", text)


def _foreign_attributes(node: etree._Element) -> Iterator[Finding]:
    """Attributes of another namespace; where a schema lies may be said, and signatures have their own."""
    path = local(node)
    for element in node.iter(etree.Element):
        names = [n for n in map(str, element.attrib) if n[0] == "{" and n not in _HINTS]
        if names and not _in_signature(element):
            where = path if element is node else f"{path}//{local(element)}"
            for name in names:
                value = element.get(name, "")[:80]
                yield RULES["doc.foreign-element"].at(
                    f"{where}/@{name}", f"got {value!r}, allowed: no attribute"
                )


def _in_signature(element: etree._Element) -> bool:
    return any(namespace(e) == SIGNATURE for e in (element, *element.iterancestors()))
