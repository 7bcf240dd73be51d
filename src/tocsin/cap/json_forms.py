"""Messages as JSON: GeoJSON in the form of api.weather.gov, and CAP's own names as the BBK writes them.

Both are brought into the elements of the standard and read by the one reader of CAP, so that every defect is
repaired and reported as it would be in XML.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from lxml import etree

from tocsin.cap.entry import Entry
from tocsin.cap.finding import Finding
from tocsin.cap.values import read_time, write_list, write_number
from tocsin.cap.writing import ILLEGAL, NAMESPACE
from tocsin.model.errors import ParseError

_PAIRS = ("eventCode", "parameter", "geocode")
_LISTS = ("addresses", "incidents")
_ORDER: Mapping[str, tuple[str, ...]] = {
    "alert": (
        "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses",
        "code", "note", "references", "incidents", "info",
    ),
    "info": (
        "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience",
        "eventCode", "effective", "onset", "expires", "senderName", "headline", "description", "instruction",
        "web", "contact", "parameter", "resource", "area",
    ),
    "resource": ("resourceDesc", "mimeType", "size", "uri", "derefUri", "digest"),
    "area": ("areaDesc", "polygon", "circle", "geocode", "altitude", "ceiling"),
}  # fmt: skip
"""Elements of the standard in its order, which is that in which they are written."""

_NWS_ALERT = {
    "id": "identifier", "sender": "sender", "sent": "sent", "status": "status", "messageType": "msgType",
    "source": "source", "scope": "scope", "restriction": "restriction", "addresses": "addresses",
    "code": "code", "note": "note", "references": "references", "incidents": "incidents",
}  # fmt: skip
_NWS_INFO = {
    "language": "language", "category": "category", "event": "event", "response": "responseType",
    "urgency": "urgency", "severity": "severity", "certainty": "certainty", "audience": "audience",
    "eventCode": "eventCode", "effective": "effective", "onset": "onset", "expires": "expires",
    "senderName": "senderName", "headline": "headline", "description": "description",
    "instruction": "instruction", "web": "web", "contact": "contact", "parameters": "parameter",
}  # fmt: skip
_NWS_OTHER = frozenset(
    {"@id", "@type", "areaDesc", "geocode", "affectedZones", "ends", "replacedBy", "replacedAt"}
)
_ENDS = "eventEndingTime"
"""Under which the service's own CAP says when the event ends, which may be later than the message does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonItem:
    """One object of a JSON document: an entry, and the message that it is, as an element of CAP.

    Parameters
    ----------
    path : str
        Where: ``features[0]``.
    entry : Entry
        What it is called.
    node : lxml element or None
        The message; None where the object is none.
    findings : tuple of Finding
        What could not be brought over.
    """

    path: str
    entry: Entry
    node: etree._Element | None
    findings: tuple[Finding, ...] = ()


def looks_like_json(content: bytes) -> bool:
    """Whether bytes begin as a JSON object or list do, in UTF-8, UTF-16 or UTF-32.

    Examples
    --------
    >>> looks_like_json(b' [{"identifier": "a"}]'), looks_like_json(b"<alert/>")
    (True, False)
    """
    head = content[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return head[:1] in (b"{", b"[")


def read_json(content: bytes, *, max_bytes: int) -> Any:
    """Read a JSON document; numbers that are none, and one key twice in an object, are refused.

    Raises
    ------
    ParseError
        The message begins with the rule that was broken: ``doc.oversize`` or ``doc.not-well-formed``.

    Examples
    --------
    >>> read_json(b'{"a": 1}', max_bytes=100)
    {'a': 1}
    """
    if len(content) > max_bytes:
        raise ParseError(f"doc.oversize: got {len(content)} bytes, allowed: {max_bytes}")

    def constant(word: str) -> NoReturn:
        raise ValueError(f"got the number {word}")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(items)
        if len(record) != len(items):
            names = [name for name, _ in items]
            raise ValueError(f"got the key {next(n for n in names if names.count(n) > 1)!r} twice")
        return record

    try:
        text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
        return json.loads(text, parse_constant=constant, object_pairs_hook=pairs)
    except RecursionError:
        raise ParseError("doc.not-well-formed: nested too deeply, allowed: JSON of a message") from None
    except ValueError as error:  # wrong bytes, no JSON, an integer of thousands of digits
        raise ParseError(f"doc.not-well-formed: {error}, allowed: JSON") from None


def items_of(document: Any) -> tuple[str, Entry, list[JsonItem]] | None:
    """The objects of a document that may be messages.

    Parameters
    ----------
    document : object
        As :func:`read_json` gives it.

    Returns
    -------
    tuple or None
        Kind (``geojson`` or ``json``), the document as an entry, and its items; None for a document that is
        of no form known here.

    Examples
    --------
    >>> kind, head, items = items_of({"identifier": "a-1", "sender": "x"})
    >>> kind, items[0].node[0].text
    ('json', 'a-1')
    >>> items_of({"name": "x"}) is None
    True
    """
    head = Entry(id="", title="", updated=None)
    if isinstance(document, Mapping):
        kind = document.get("type")
        if kind == "FeatureCollection" and isinstance(document.get("features"), list):
            head = Entry(id="", title=_word(document, "title"), updated=read_time(_word(document, "updated")))
            features = enumerate(document["features"])
            return "geojson", head, [_feature(item, f"features[{i}]") for i, item in features]
        if kind == "Feature":
            return "geojson", head, [_feature(document, "feature")]
        for name in ("alerts", "warnings", "alert"):
            if name in document:
                inner = document[name]
                found = inner if isinstance(inner, list) else [inner]
                return "json", head, [_plain(item, f"{name}[{i}]") for i, item in enumerate(found)]
        return ("json", head, [_plain(document, "object")]) if _is_alert(document) else None
    if isinstance(document, list):
        return "json", head, [_plain(item, f"list[{i}]") for i, item in enumerate(document)]
    return None


def _is_alert(item: Any) -> bool:
    return isinstance(item, Mapping) and "identifier" in item


def _plain(item: Any, path: str) -> JsonItem:
    if not _is_alert(item) and isinstance(item, Mapping) and _is_alert(item.get("alert")):
        item = item["alert"]  # beside what an aggregator says of it
    if not _is_alert(item):
        record = item if isinstance(item, Mapping) else {}
        entry = Entry(id=_word(record, "id"), title=_word(record, "headline"), updated=None)
        return JsonItem(path=path, entry=entry, node=None)
    entry = Entry(id=_word(item, "identifier"), title="", updated=read_time(_word(item, "sent")), messages=1)
    node, findings = element_of(item)
    return JsonItem(path=path, entry=entry, node=node, findings=findings)


def _feature(item: Any, path: str) -> JsonItem:
    record = item if isinstance(item, Mapping) else {}
    p = record.get("properties")
    p = p if isinstance(p, Mapping) else {}
    title = _word(p, "headline") or _word(p, "event")
    entry_id = _word(record, "id") or _word(p, "id")
    if "id" not in p or not {"sent", "messageType"} & p.keys():
        return JsonItem(path=path, entry=Entry(id=entry_id, title=title, updated=None), node=None)
    findings: list[Finding] = []
    area: dict[str, Any] = {"areaDesc": p.get("areaDesc"), "geocode": p.get("geocode")}
    area["polygon"] = list(_rings(record.get("geometry"), findings))
    info: dict[str, Any] = {ours: p.get(theirs) for theirs, ours in _NWS_INFO.items()}
    ends, more = p.get("ends"), info["parameter"]
    if ends and not (isinstance(more, Mapping) and _ENDS in more):
        info["parameter"] = {**(more if isinstance(more, Mapping) else {}), _ENDS: ends}
    alert = {ours: p.get(theirs) for theirs, ours in _NWS_ALERT.items()}
    alert["scope"] = alert["scope"] or "Public"  # the service leaves it out; what it publishes is public
    alert["info"] = [{**info, "area": [area]}]
    known = {*_NWS_ALERT, *_NWS_INFO, *_NWS_OTHER}
    findings.extend(_unknown("properties", name) for name in p if name not in known)
    node, more_findings = element_of(alert)
    entry = Entry(id=entry_id, title=title, updated=read_time(_word(p, "sent")), messages=1)
    return JsonItem(path=path, entry=entry, node=node, findings=(*findings, *more_findings))


def _rings(geometry: Any, findings: list[Finding]) -> Iterator[str]:
    """Outer rings in CAP's order of latitude and longitude; GeoJSON has them the other way round."""
    if geometry is None:  # the area is its codes
        return
    path = "alert/info[1]/area[1]/polygon"
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind == "GeometryCollection" and isinstance(geometry.get("geometries"), list):
        for one in geometry["geometries"]:
            yield from _rings(one, findings)
        return
    coordinates = geometry.get("coordinates") if kind in ("Polygon", "MultiPolygon") else None
    shapes = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(shapes, list):
        findings.append(_finding("area.polygon.parse", "error", path, f"geometry {kind!r}: not read"))
        return
    for shape in shapes:
        try:
            outer = [(float(point[1]), float(point[0])) for point in shape[0]]
            if not all(math.isfinite(value) for point in outer for value in point):
                raise ValueError("a coordinate that is no number")
        except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
            findings.append(_finding("area.polygon.parse", "error", path, f"coordinates: {error}"))
            continue
        if len(shape) > 1:
            words = f"{len(shape) - 1} holes: CAP has none, the area inside is warned too"
            findings.append(_finding("area.polygon.hole", "info", path, words))
        yield " ".join(f"{write_number(lat)},{write_number(lon)}" for lat, lon in outer)


def element_of(alert: Mapping[str, Any]) -> tuple[etree._Element, tuple[Finding, ...]]:
    """A message under CAP's own names as an ``alert`` element of CAP 1.2.

    Parameters
    ----------
    alert : mapping
        Texts, numbers, lists of them, and objects for ``info``, ``resource``, ``area``; pairs as objects of
        ``valueName`` and ``value``, or as an object from name to value or list of values.

    Returns
    -------
    element : lxml element
        To be read by :func:`tocsin.cap.reading.read_alert`.
    findings : tuple of Finding
        Fields that the standard does not have, values of another type.

    Examples
    --------
    >>> node, findings = element_of({"identifier": "a-1", "code": ["x", "y"], "new": 1})
    >>> [child.text for child in node], [f.path for f in findings]
    (['a-1', 'x', 'y'], ['alert/new'])
    """
    node = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    findings: list[Finding] = []
    _fill(node, "alert", alert, "alert", findings)
    return node, tuple(findings)


def _fill(
    node: etree._Element, kind: str, record: Mapping[str, Any], path: str, findings: list[Finding]
) -> None:
    order = _ORDER[kind]
    findings.extend(_unknown(path, name) for name in record if name not in order)
    for name in order:
        value = record.get(name)
        if value is None:
            continue
        place = f"{path}/{name}"
        if name in _ORDER:
            for i, inner in enumerate(value if isinstance(value, list) else [value], 1):
                if isinstance(inner, Mapping):
                    _fill(_sub(node, name), name, inner, f"{place}[{i}]", findings)
                else:
                    findings.append(_type(f"{place}[{i}]", inner, "an object"))
        elif name in _PAIRS:
            _pairs(node, name, value, place, findings)
        elif name == "references":
            _put(node, name, " ".join(_references(value, place, findings)), place, findings)
        elif name in _LISTS and isinstance(value, list):
            texts = [text for text in (_scalar(v, place, findings) for v in value) if text]
            try:
                _put(node, name, write_list(tuple(texts)), place, findings)
            except ValueError as error:
                findings.append(_finding("alert.list.quotes", "error", place, str(error)))
        else:
            for one in value if isinstance(value, list) else [value]:
                text = _scalar(one, place, findings)
                if text is not None:
                    _put(node, name, text, place, findings)


def _pairs(parent: etree._Element, name: str, value: Any, path: str, findings: list[Finding]) -> None:
    for key, text in _pair_items(value, path, findings):
        node = _sub(parent, name)
        _put(node, "valueName", key, path, findings)
        _put(node, "value", text, path, findings)


def _pair_items(value: Any, path: str, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and set(value) <= {"valueName", "value"}:
        value = [value]
    if isinstance(value, Mapping):
        for key, texts in value.items():
            for text in texts if isinstance(texts, list) else [texts]:
                yield str(key), _scalar(text, path, findings) or ""
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                findings.extend(_unknown(path, n) for n in item if n not in ("valueName", "value"))
                key, text = (_scalar(item.get(n), path, findings) or "" for n in ("valueName", "value"))
                yield key, text
            else:
                findings.append(_type(path, item, "an object with valueName and value"))
    else:
        findings.append(_type(path, value, "pairs of valueName and value"))


def _references(value: Any, path: str, findings: list[Finding]) -> Iterator[str]:
    """Earlier messages: one text as in CAP, or a list of texts or of objects."""
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, Mapping):
            parts = [_word(item, name) for name in ("sender", "identifier", "sent")]
            yield ",".join(parts)
        else:
            text = _scalar(item, path, findings)
            if text:
                yield text


def _scalar(value: Any, path: str, findings: list[Finding]) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return write_number(value) if math.isfinite(value) else "inf"
    if isinstance(value, str):
        return value
    findings.append(_type(path, value, "text"))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _put(parent: etree._Element, name: str, text: str, path: str, findings: list[Finding]) -> None:
    clean = ILLEGAL.sub("\ufffd", text)
    if clean != text:
        findings.append(_finding("doc.characters", "warning", path, "characters that XML cannot carry"))
    _sub(parent, name).text = clean


def _sub(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _word(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""


def _unknown(path: str, name: str) -> Finding:
    words = "not of the standard here; not read"
    return _finding("doc.unknown-element", "warning", f"{path}/{name[:80]}", words)


def _type(path: str, got: Any, allowed: str) -> Finding:
    return _finding("doc.json-type", "warning", path, f"got {type(got).__name__}, allowed: {allowed}")


def _finding(rule: str, level: str, path: str, message: str) -> Finding:
    return Finding(rule=rule, level=level, path=path, message=message)
