"""The structure that CAP 1.0, 1.1 and 1.2 give a message, as data, and what in a message departs from it.

The schemas of the three versions say which elements may stand where, how often, in which order and with
which type of text. They are expressed here in our own notation, a line for each sequence: ``name`` once,
``name?`` at most once, ``name+`` once or more, ``name*`` any number. The verdict is that of libxml2 with the
schema files, which is more lenient than their letter in one point: a signature may also stand before an
``info``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lxml import etree

from tocsin.cap.secure import local, namespace, text_of
from tocsin.cap.values import BLANKS, ENUMERATIONS

SPACES = {
    "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
}
"""Versions by namespace."""
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
"""Namespace of XML signatures."""
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
"""Namespace of hints to a schema, which anybody may give and nobody need follow."""

_XSI = f"{{{SCHEMA_INSTANCE}}}"
_XML_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_TYPE_NAMES = {
    "": "string", "date-time": "dateTime", "decimal": "decimal", "integer": "integer", "language": "language",
    "uri": "anyURI",
}  # fmt: skip
"""Types that a text may claim for itself (``xsi:type``), by form; the others have no name."""

_SEQUENCES = {
    "1.2": {
        "alert": "identifier sender sent status msgType source? scope restriction? addresses? code* note? "
        "references? incidents? info*",
        "info": "language? category+ event responseType* urgency severity certainty audience? eventCode* "
        "effective? onset? expires? senderName? headline? description? instruction? web? contact? parameter* "
        "resource* area*",
        "resource": "resourceDesc mimeType size? uri? derefUri? digest?",
        "area": "areaDesc polygon* circle* geocode* altitude? ceiling?",
        "pair": "valueName value",
    },
    "1.1": {
        "alert": "identifier sender sent status msgType source? scope restriction? addresses? code* note? "
        "references? incidents? info*",
        "info": "language? category+ event responseType* urgency severity certainty audience? eventCode* "
        "effective? onset? expires? senderName? headline? description? instruction? web? contact? parameter* "
        "resource* area*",
        "resource": "resourceDesc mimeType? size? uri? derefUri? digest?",
        "area": "areaDesc polygon* circle* geocode* altitude? ceiling?",
        "pair": "valueName value",
    },
    "1.0": {
        "alert": "identifier sender sent status msgType password? source? scope? restriction? addresses? "
        "code* note? references? incidents? info*",
        "info": "language? category* event urgency severity certainty audience? eventCode* effective? onset? "
        "expires? senderName? headline? description? instruction? web? contact? parameter* resource* area*",
        "resource": "resourceDesc mimeType? size? uri? digest?",
        "area": "areaDesc polygon* circle* geocode* altitude? ceiling?",
    },
}
_NESTED = {"info": "info", "resource": "resource", "area": "area"}
_PAIRS = dict.fromkeys(("eventCode", "parameter", "geocode"), "pair")
_TYPES = {
    "1.2": {
        **dict.fromkeys(("sent", "effective", "onset", "expires"), "cap-time"),
        **dict.fromkeys(("altitude", "ceiling"), "decimal"),
        "language": "language", "web": "uri", "uri": "uri", "size": "integer",
    },
    "1.1": {
        **dict.fromkeys(("sent", "effective", "onset", "expires"), "date-time"),
        "language": "language", "web": "uri", "uri": "uri", "size": "integer",
    },
}  # fmt: skip
_TYPES["1.0"] = _TYPES["1.1"]


def _without(name: str, *values: str) -> tuple[str, ...]:
    return tuple(v for v in ENUMERATIONS[name] if v not in values)


VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "1.2": ENUMERATIONS,
    "1.1": {**ENUMERATIONS, "responseType": _without("responseType", "Avoid", "AllClear")},
    "1.0": {
        **ENUMERATIONS,
        "status": _without("status", "Draft"),
        "category": _without("category", "CBRNE"),
        "certainty": ("Very Likely", *_without("certainty", "Observed")),
    },
}
"""Allowed values by version and element."""


class Fault(NamedTuple):
    """One departure from the structure.

    Parameters
    ----------
    path : str
        Where: ``alert/info[2]/expires``.
    got, allowed : str
        What stands there; what may.
    """

    path: str
    got: str
    allowed: str


class _Particle(NamedTuple):
    name: str
    least: int
    most: int | None
    sequence: str  # of what is inside; empty for a text
    form: str  # of the text


def _particles(version: str, line: str) -> tuple[_Particle, ...]:
    found = []
    nested = _NESTED if version == "1.0" else {**_NESTED, **_PAIRS}
    for word in line.split():
        name = word.rstrip("?+*")
        least, most = {"": (1, 1), "?": (0, 1), "+": (1, None), "*": (0, None)}[word[len(name) :]]
        form = name if name in VALUES[version] else _TYPES[version].get(name, "")
        found.append(_Particle(name, least, most, nested.get(name, ""), form))
    return tuple(found)


_MODEL = {
    version: {name: _particles(version, line) for name, line in sequences.items()}
    for version, sequences in _SEQUENCES.items()
}
_PLACES = {
    version: {kind: {p.name: i for i, p in enumerate(parts)} for kind, parts in kinds.items()}
    for version, kinds in _MODEL.items()
}


def structural_faults(node: etree._Element) -> list[Fault]:
    """Hold an ``alert`` element against the structure of its version.

    Parameters
    ----------
    node : lxml element
        The message.

    Returns
    -------
    list of Fault
        In document order; empty when the message is valid. One in no namespace of CAP is one fault.

    Examples
    --------
    >>> node = etree.XML('<alert xmlns="urn:oasis:names:tc:emergency:cap:1.1"><identifier/></alert>')
    >>> structural_faults(node)[0]
    Fault(path='alert/sender', got='nothing', allowed='one, after identifier')
    """
    space = namespace(node)
    version = SPACES.get(space)
    if version is None or local(node) != "alert":
        return [Fault("alert", f"{local(node)} of namespace {space!r}", "alert of CAP 1.0, 1.1 or 1.2")]
    return list(_Walk(version, space).complex(node, "alert", "alert"))


class _Walk:
    """One pass over one message of a known version."""

    def __init__(self, version: str, space: str) -> None:
        self._model, self._places = _MODEL[version], _PLACES[version]
        self._values, self._version = VALUES[version], version
        self._space = f"{{{space}}}"

    def complex(self, node: etree._Element, kind: str, path: str) -> Iterator[Fault]:
        parts, places = self._model[kind], self._places[kind]
        if node.attrib:
            yield from _attributes(node, path)
        if node.text and node.text.strip(BLANKS):
            yield Fault(path, f"the text {_short(node.text)}", "elements only")
        at, seen = 0, [0] * len(parts)
        width = len(self._space)
        for child in node:
            tag = child.tag
            if child.tail and child.tail.strip(BLANKS):
                yield Fault(path, f"the text {_short(child.tail)}", "elements only")
            if not isinstance(tag, str):
                continue
            name = tag[width:] if tag.startswith(self._space) else ""
            place = places.get(name, -1)
            if place < 0:
                if kind == "alert" and self._version == "1.2" and tag.startswith(f"{{{SIGNATURE}}}"):
                    last = len(parts) - 1
                    yield from self._missing(parts, seen, at, last, path)
                    at = last  # an info may follow, nothing else
                    yield from self._inside_signature(child, path)
                    continue
                yield Fault(f"{path}/{local(child)}", _named(child), self._allowed(parts, seen, at))
                continue
            part = parts[place]
            seen[place] += 1
            where = f"{path}/{name}" if part.most == 1 else f"{path}/{name}[{seen[place]}]"
            if place < at:
                before = parts[at].name
                yield Fault(where, f"{name} after {before}", f"{name} before {before}")
            elif part.most == 1 and seen[place] > 1:
                yield Fault(where, f"{name} again", "once")
            elif place > at:
                yield from self._missing(parts, seen, at, place, path)
                at = place
            if part.sequence:
                yield from self.complex(child, part.sequence, where)
            else:
                yield from self._simple(child, part, where)
        yield from self._missing(parts, seen, at, len(parts), path)

    @staticmethod
    def _missing(
        parts: tuple[_Particle, ...], seen: list[int], at: int, to: int, path: str
    ) -> Iterator[Fault]:
        for i in range(at, to):
            if parts[i].least and not seen[i]:
                seen[i] = 1  # said once, also when it comes later
                number = "one" if parts[i].most == 1 else "one or more"
                where = f"after {parts[i - 1].name}" if i else "as the first element"
                yield Fault(f"{path}/{parts[i].name}", "nothing", f"{number}, {where}")

    @staticmethod
    def _allowed(parts: tuple[_Particle, ...], seen: list[int], at: int) -> str:
        names = []
        for i in range(at, len(parts)):
            if parts[i].most is None or not seen[i]:
                names.append(parts[i].name)
            if parts[i].least and not seen[i]:
                break
        return ", ".join(names) or "nothing more"

    def _simple(self, node: etree._Element, part: _Particle, path: str) -> Iterator[Fault]:
        if node.attrib:
            yield from _attributes(node, path, part.form)
        text = node.text or ""
        if len(node):
            inner = next((c for c in node if isinstance(c.tag, str)), None)
            if inner is not None:
                yield Fault(path, f"the element {local(inner)}", "text only")
                return
            text = text_of(node)
        if not part.form or (part.form == "language" and not text):  # an empty language is the default one
            return
        values = self._values.get(part.form)
        if values is not None:
            if text not in values:
                yield Fault(path, repr(text[:80]), ", ".join(values))
            return
        judge, allowed = _FORMS[part.form]
        # libxml2 takes blanks around every type but this one, where they may only follow a zone.
        bare = part.form == "date-time" and not _ZONE_END.search(text.rstrip(BLANKS))
        kept = text if bare else text.rstrip(BLANKS) if part.form == "date-time" else text.strip(BLANKS)
        if not judge(kept):
            yield Fault(path, _short(text), allowed)

    def _inside_signature(self, node: etree._Element, path: str) -> Iterator[Fault]:
        """A processor that knows the schema judges its elements wherever they are wrapped."""
        for inner in node.iter(f"{self._space}alert", f"{self._space}valueName", f"{self._space}value"):
            where = f"{path}/Signature//{local(inner)}"
            if local(inner) == "alert":
                yield from self.complex(inner, "alert", where)
            elif inner.getparent() is not None and namespace(inner.getparent()) + "}" != self._space[1:]:
                yield from self._simple(inner, _Particle("value", 1, 1, "", ""), where)


def _attributes(node: etree._Element, path: str, form: str = "-") -> Iterator[Fault]:
    """Attributes that are no hint to a schema; ``form`` is that of a text, a hyphen where there is none."""
    for name in map(str, node.attrib):
        if name in (f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"):
            continue
        if name == f"{_XSI}type" and _TYPE_NAMES.get(form) == _type_named(node, node.attrib[name]):
            continue  # a generator that says what is so anyway
        yield Fault(f"{path}/@{name.rsplit('}', 1)[-1]}", f"the attribute {name}", "no attribute")


def _type_named(node: etree._Element, name: str) -> str:
    """Local name of a type of XML Schema; empty for one of another namespace."""
    prefix, _, word = name.strip(BLANKS).rpartition(":")
    return word if node.nsmap.get(prefix or None) == _XML_SCHEMA else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else text[:77] + "…")


def _named(node: etree._Element) -> str:
    space = namespace(node)
    return local(node) + (f" of namespace {space!r}" if space not in SPACES else "")


# Types of texts. White space at the ends is removed before they are judged.

_DATE_TIME = re.compile(
    r"-?([1-9]\d{4,}|\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-](\d\d):(\d\d))?", re.ASCII
)
_ZONE_END = re.compile(r"(Z|[+-]\d\d:\d\d)$", re.ASCII)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


def is_date_time(text: str) -> bool:
    """Whether ``text`` is a date and a time of XML Schema, with or without a zone.

    Examples
    --------
    >>> is_date_time("2001-02-28T10:54:00.5Z"), is_date_time("2001-02-29T10:54:00Z")
    (True, False)
    """
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return False
    year, month, day, hour, minute, second, fraction, zone, zone_hour, zone_minute = found.groups()
    if not int(year) or not 1 <= int(month) <= 12 or not int(day):
        return False
    leap = int(month) == 2 and int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0)
    if int(day) > _DAYS[int(month) - 1] + leap or int(minute) > 59 or int(second) > 59:
        return False
    if int(hour) > 23 and (hour, minute, second, (fraction or ".").strip("0")) != ("24", "00", "00", "."):
        return False
    return (
        not zone or zone == "Z" or (int(zone_minute) < 60 and int(zone_hour) * 60 + int(zone_minute) <= 840)
    )


def is_cap_time(text: str) -> bool:
    """Whether ``text`` is a time as the schema of CAP 1.2 wants it.

    Examples
    --------
    >>> is_cap_time("2001-02-28T10:54:00-08:00"), is_cap_time("2001-02-28T18:54:00Z")
    (True, False)
    """
    return len(text) == 25 and text[19] in "+-" and is_date_time(text)


_UNWISE = {ord(c): "_" for c in ' <>"{}|\\^`'} | dict.fromkeys((*range(32), 127), "_")
_PLAIN = r"[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2}"
_PATH = rf"(?:{_PLAIN}|[:@/])*"
_ADDRESS = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))"  # a scheme, or no colon in the first segment
    rf"(?://(?:(?:{_PLAIN}|:)*@)?(?:\[[^\]]*\]|(?:{_PLAIN})*)(?::(?P<port>[0-9]+))?(?=[/?#]|$)|(?!//))"
    rf"{_PATH}(?:\?(?:{_PLAIN}|[:@/?])*)?(?:#(?:{_PLAIN}|[:@/?\[\]])*)?"
)


def is_uri(text: str) -> bool:
    """Whether ``text`` is an address of XML Schema: absolute or relative, other characters as they are.

    Examples
    --------
    >>> is_uri("https://example.org/a map.png"), is_uri("50 %"), is_uri("")
    (True, False, True)
    """
    text = text.translate(_UNWISE)
    if not text.isascii():
        text = "".join(c if c.isascii() else "_" for c in text)
    found = _ADDRESS.fullmatch(text)
    return found is not None and int((found["port"] or "0")[:12]) < 2**31


_FORMS: dict[str, tuple[Callable[[str], bool], str]] = {
    "cap-time": (is_cap_time, "YYYY-MM-DDThh:mm:ss with an offset such as +01:00 or -00:00"),
    "date-time": (is_date_time, "YYYY-MM-DDThh:mm:ss with or without an offset"),
    "decimal": (lambda text: _DECIMAL.fullmatch(text) is not None, "a decimal number"),
    "integer": (lambda text: _INTEGER.fullmatch(text) is not None, "a whole number"),
    "language": (lambda text: _LANGUAGE.fullmatch(text) is not None, "a language tag such as en-US"),
    "uri": (is_uri, "an address (RFC 3986)"),
}
