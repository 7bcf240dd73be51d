"""What CAP 1.2 demands beyond its schema, and what practice recommends, as findings on a message.

The rules of one message only, by the ids of :mod:`tocsin.cap.rulebook`; sets of messages, feeds, profiles and
signatures are judged elsewhere. What can be seen in the text alone (the spelling of a value, the form of a
time) is found by the reader, :mod:`tocsin.cap.reading`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Pair, Polygon
from tocsin.cap.rulebook import RULES
from tocsin.cap.structure import structural_faults
from tocsin.cap.values import BLANKS, ENUMERATIONS, is_time, read_time
from tocsin.cap.writing import element

_FORBIDDEN = re.compile(r"[\s,<&]")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_MIME = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*(\s*;.*)?", re.ASCII | re.DOTALL)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SHA1 = re.compile(r"[0-9A-Fa-f]{40}")
# No run of signs is looked at twice, so that a text of five million < takes no longer than another.
_HTML = re.compile(r"<[A-Za-z/!][^<>]*>|&(#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,9});")
_DATE = re.compile(r"(\d{4})-\d\d-\d\d", re.ASCII)
_NO_BLANKS = dict.fromkeys(map(ord, BLANKS))
_TIMES = ("effective", "onset", "expires")
_HEADLINE = 160
_PAIRS = 100
_WORK = 10**9  # squares of pairs of the rings of a message: the search for crossings is quadratic at worst
_FAR = timedelta(days=30)
_SAME = 16  # characters from which one text in two languages is no coincidence

Found = tuple[str, str, str]  # rule, path, message


def check(alert: CapAlert) -> list[Finding]:
    """Judge a message as it would be written: its structure, its values, every rule of the standard.

    Parameters
    ----------
    alert : CapAlert
        Ours before it leaves, or one that was read.

    Returns
    -------
    list of Finding
        Sorted; empty when nothing is to be said. A message conforms when none is of level ``error``.

    Raises
    ------
    ShapeError
        If the message cannot be written at all.

    Examples
    --------
    >>> from datetime import UTC
    >>> sent = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> [f.rule for f in check(CapAlert(identifier="a 1", sender="x", sent=sent, msg_type="Cancel"))]
    ['alert.identifier.chars', 'alert.references.missing']
    """
    schema = RULES["doc.schema"]
    found = set(judge(alert))
    found.update(_at(values) for values in _enumerated(alert))
    found.update(
        schema.at(f.path, f"got {f.got}, allowed: {f.allowed}") for f in structural_faults(element(alert))
    )
    return sorted(found)


def judge(alert: CapAlert) -> list[Finding]:
    """Judge the content of a message, and leave the form of its values and its structure to others.

    Examples
    --------
    >>> from datetime import UTC
    >>> sent = datetime(2568, 2, 28, 19, 0, tzinfo=UTC)
    >>> [f.rule for f in judge(CapAlert(identifier="a-1", sender="x", sent=sent, msg_type="Ack"))]
    ['alert.references.missing', 'time.implausible-year']
    """
    found: set[Found] = set(_alert(alert))
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        found.update(_info(alert, info, path))
        for k, resource in enumerate(info.resources, 1):
            found.update(_resource(alert.version, resource, f"{path}/resource[{k}]"))
        for k, area in enumerate(info.areas, 1):
            found.update(_area(area, f"{path}/area[{k}]"))
    found.update(_crossings(alert.infos))
    return sorted(_at(values) for values in found)


def _at(found: Found) -> Finding:
    rule, path, message = found
    return RULES[rule].at(path, message)


def _enumerated(alert: CapAlert) -> Iterator[Found]:
    for path, name, value in (
        ("alert", "status", alert.status),
        ("alert", "msgType", alert.msg_type),
        ("alert", "scope", alert.scope),
        *(
            (f"alert/info[{i}]", name, value)
            for i, info in enumerate(alert.infos, 1)
            for name, values in (
                ("category", info.category),
                ("responseType", info.response_type),
                ("urgency", (info.urgency,)),
                ("severity", (info.severity,)),
                ("certainty", (info.certainty,)),
            )
            for value in values
        ),
    ):
        if value and value not in ENUMERATIONS[name]:
            yield (
                "text.enum-value",
                f"{path}/{name}",
                f"got {value!r}, allowed: {', '.join(ENUMERATIONS[name])}",
            )


def _alert(a: CapAlert) -> Iterator[Found]:
    for name, value in (("identifier", a.identifier), ("sender", a.sender)):
        if not value:
            yield f"alert.{name}.empty", f"alert/{name}", "got none, allowed: text"
        elif _FORBIDDEN.search(value):
            yield f"alert.{name}.chars", f"alert/{name}", f"got {value!r}, allowed: no blank, comma, < or &"
    lost = {name for name, _ in a.unread}
    if a.sent is None and "sent" not in lost:
        yield "alert.sent.format", "alert/sent", "got none, allowed: YYYY-MM-DDThh:mm:ss±hh:mm"
    yield from _year("alert/sent", a.sent, _kept(a.unread, "sent"))
    if a.status in ENUMERATIONS["status"] and a.status != "Actual":
        yield "alert.status.not-actual", "alert/status", f"got {a.status!r}: no warning for the public"
    if a.scope == "Restricted" and not a.restriction:
        yield "alert.scope.restriction-missing", "alert/restriction", "got none and scope Restricted"
    if a.scope != "Restricted" and a.restriction:
        yield (
            "alert.scope.restriction-unneeded",
            "alert/restriction",
            f"got one and scope {a.scope or 'none'}",
        )
    if a.scope == "Private" and not a.addresses and "addresses" not in lost:
        yield "alert.scope.addresses-missing", "alert/addresses", "got none and scope Private"
    for name in ("addresses", "incidents"):
        if name in lost:
            yield (
                "alert.list.quotes",
                f"alert/{name}",
                f"got {_kept(a.unread, name)[:80]!r}: odd number of quotes",
            )
    if a.status == "Exercise" and not a.note:
        yield "alert.note.exercise-missing", "alert/note", "got none, wanted: which exercise it is"
    if a.msg_type == "Error" and not a.note:
        yield "alert.note.error-missing", "alert/note", "got none, wanted: why the message was refused"
    if a.msg_type in ("Alert", "Update") and not a.infos:
        yield "alert.info.missing", "alert/info", f"got none in a message of type {a.msg_type}"
    yield from _references(a)
    yield from _across(a.infos)


def _references(a: CapAlert) -> Iterator[Found]:
    path = "alert/references"
    if a.msg_type in ("Update", "Cancel", "Ack", "Error") and not a.references:
        yield "alert.references.missing", path, f"got none in a message of type {a.msg_type}"
    if a.msg_type == "Alert" and a.references:
        yield "alert.references.on-alert", path, f"got {len(a.references)} in a message of type Alert"
    for item in a.references:
        parts = item.split(",")
        if len(parts) != 3 or not all(parts):
            yield "alert.references.form", path, f"got {item[:160]!r}, allowed: sender,identifier,sent"
            continue
        sender, identifier, sent = parts
        if not is_time(sent):
            yield "alert.references.time", path, f"got {sent[:80]!r}, allowed: YYYY-MM-DDThh:mm:ss±hh:mm"
        moment = read_time(sent)
        if (sender, identifier) == (a.sender, a.identifier) and (moment is None or moment == a.sent):
            yield "alert.references.self", path, f"got the message itself: {item[:160]!r}"
        if moment is not None and a.sent is not None and moment > a.sent:
            yield "alert.references.postdated", path, f"got {item[:160]!r}, which is later than this message"


def _across(infos: tuple[CapInfo, ...]) -> Iterator[Found]:
    path = "alert/info"
    if len({frozenset(i.category) for i in infos}) > 1:
        yield "info.category.differs", path, "got different categories, allowed: the same in all"
    if len({frozenset(i.event_code) for i in infos}) > 1:
        yield "info.eventcode.differs", path, "got different event codes, allowed: the same in all"
    events: dict[str, str] = {}
    texts: dict[tuple[str, str], str] = {}
    for info in infos:
        language = (info.language or "en-US").lower()
        first = events.setdefault(language, info.event)
        if first != info.event:
            yield "info.event.differs", path, f"got {first[:60]!r} and {info.event[:60]!r} in {language}"
        for name in ("headline", "description", "instruction"):
            text = getattr(info, name)
            if text and len(text) >= _SAME:
                other = texts.setdefault((name, text), language)
                if other != language:
                    yield "info.text.same-two-languages", path, f"got one {name} in {other} and {language}"


def _info(a: CapAlert, i: CapInfo, path: str) -> Iterator[Found]:
    if i.language is not None and not _LANGUAGE.fullmatch(i.language):
        yield (
            "info.language.form",
            f"{path}/language",
            f"got {i.language[:80]!r}, allowed: a tag such as en-US",
        )
    if not i.event:
        yield "info.event.empty", f"{path}/event", "got none, allowed: text"
    for name, value in (("urgency", i.urgency), ("severity", i.severity), ("certainty", i.certainty)):
        if value == "Unknown":
            yield "info.unknown", f"{path}/{name}", "got Unknown"
    yield from _times(a, i, path)
    if a.msg_type in ("Alert", "Update"):
        for name, there in (
            ("expires", i.expires or _kept(i.unread, "expires")), ("description", i.description),
            ("instruction", i.instruction), ("responseType", i.response_type), ("senderName", i.sender_name),
        ):  # fmt: skip
            if not there and not (name == "responseType" and a.version == "1.0"):  # which has none
                yield f"info.{name.lower()}.missing", f"{path}/{name}", "got none, recommended"
        if not i.areas and a.status == "Actual" and a.scope == "Public":
            yield "info.area.missing", f"{path}/area", "got none in a warning for the public"
    if i.headline and len(i.headline) > _HEADLINE:
        yield (
            "info.headline.long",
            f"{path}/headline",
            f"got {len(i.headline)} characters, useful: {_HEADLINE}",
        )
    if i.description and i.description in (i.headline, i.instruction):
        twin = "headline" if i.description == i.headline else "instruction"
        yield "info.text.repeated", f"{path}/description", f"got the {twin} again"
    for name in ("headline", "description", "instruction"):
        markup = _HTML.search(getattr(i, name) or "")
        if markup:
            yield "info.text.html", f"{path}/{name}", f"got {markup.group()[:60]!r}, allowed: plain text"
    if i.web is not None and not _ABSOLUTE.fullmatch(i.web):
        yield "info.web.not-absolute", f"{path}/web", f"got {i.web[:160]!r}, allowed: an absolute address"
    yield from _pairs(f"{path}/eventCode", i.event_code)
    yield from _pairs(f"{path}/parameter", i.parameter)


def _times(a: CapAlert, i: CapInfo, path: str) -> Iterator[Found]:
    for name in _TIMES:
        yield from _year(f"{path}/{name}", getattr(i, name), _kept(i.unread, name))
    # A start that is there and cannot be read is not the moment of sending.
    start = None if _kept(i.unread, "effective") else i.effective or a.sent
    if i.expires and start and i.expires <= start:
        which = "effective" if i.effective else "sent"
        yield "info.expires.not-after-start", f"{path}/expires", f"got {i.expires}, {which} is {start}"
    if i.onset and i.expires and i.onset > i.expires:
        yield "info.onset.after-expires", f"{path}/onset", f"got {i.onset}, expires is {i.expires}"
    if i.expires and a.sent and i.expires - a.sent > _FAR:
        yield "info.expires.far", f"{path}/expires", f"got {(i.expires - a.sent).days} days after sent"


def _resource(version: str, r: CapResource, path: str) -> Iterator[Found]:
    if not r.resource_desc:
        yield "resource.desc.empty", f"{path}/resourceDesc", "got none, allowed: text"
    # Versions before 1.2 leave the type away; there only one that is given is judged.
    if (r.mime_type or version == "1.2") and not _MIME.fullmatch(r.mime_type):
        yield "resource.mimetype", f"{path}/mimeType", f"got {r.mime_type[:80]!r}, allowed: type/subtype"
    if r.uri is None and r.deref_uri is None:
        yield "resource.uri.missing", f"{path}/uri", "got neither uri nor derefUri"
    if r.uri is not None and r.deref_uri is None and not _SCHEME.match(r.uri):
        yield "resource.uri.relative-no-deref", f"{path}/uri", f"got {r.uri[:160]!r} and no derefUri"
    content = None if r.deref_uri is None else _decoded(r.deref_uri)
    if r.deref_uri is not None and content is None:
        yield "resource.deref.base64", f"{path}/derefUri", f"got {r.deref_uri[:40]!r}…, allowed: base64"
    said = _kept(r.unread, "size")
    if said or (r.size is not None and r.size < 0):
        yield "resource.size", f"{path}/size", f"got {said or r.size!r}, allowed: a number of bytes"
    elif content is not None and r.size is not None and r.size != len(content):
        yield "resource.size", f"{path}/size", f"got {r.size}, the content has {len(content)} bytes"
    if r.digest is not None:
        if not _SHA1.fullmatch(r.digest):
            yield (
                "resource.digest",
                f"{path}/digest",
                f"got {r.digest[:80]!r}, allowed: 40 hexadecimal digits",
            )
        elif content is not None:
            digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()  # the standard's own choice
            if digest != r.digest.lower():
                yield "resource.digest", f"{path}/digest", f"got {r.digest}, the content has {digest}"


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.translate(_NO_BLANKS), validate=True)
    except (binascii.Error, ValueError):
        return None


def _area(a: CapArea, path: str) -> Iterator[Found]:
    if not a.area_desc:
        yield "area.desc.empty", f"{path}/areaDesc", "got none, allowed: text"
    for name, text in a.unread:
        if name == "polygon" and text:
            yield "area.polygon.parse", f"{path}/polygon", f"got {text[:80]!r}, allowed: lat,lon lat,lon …"
        elif name == "circle" and text:
            yield "area.circle.parse", f"{path}/circle", f"got {text[:80]!r}, allowed: lat,lon radius"
    for k, ring in enumerate(a.polygons, 1):
        yield from _polygon(ring, f"{path}/polygon[{k}]")
    for k, (lat, lon, radius) in enumerate(a.circles, 1):
        where = f"{path}/circle[{k}]"
        if abs(lat) > 90 or abs(lon) > 180:
            yield "area.coords.range", where, f"got {lat},{lon}, allowed: latitude to 90, longitude to 180"
        if radius < 0:
            yield "area.circle.negative", where, f"got the radius {radius}"
        if radius == 0:
            yield "area.circle.zero", where, "got the radius 0: a point"
    yield from _pairs(f"{path}/geocode", a.geocodes)
    ceiling = _kept(a.unread, "ceiling") if a.ceiling is None else a.ceiling
    if ceiling != "" and a.altitude is None and not _kept(a.unread, "altitude"):
        yield "area.ceiling.no-altitude", f"{path}/ceiling", f"got {ceiling!r} and no altitude"
    if a.ceiling is not None and a.altitude is not None and a.ceiling < a.altitude:
        yield "area.ceiling.below", f"{path}/ceiling", f"got {a.ceiling}, altitude is {a.altitude}"
    if not (a.polygons or a.circles or any(text for name, text in a.unread if name in ("polygon", "circle"))):
        if a.geocodes:
            yield "area.geocode-only", path, "got codes, neither polygon nor circle"
        else:
            yield "area.no-shape", path, "got no polygon, no circle and no geocode"


def _polygon(ring: Polygon, path: str) -> Iterator[Found]:
    if len(ring) < 4:
        yield "area.polygon.few", path, f"got {len(ring)} pairs, allowed: four or more"
    if ring[0] != ring[-1]:
        yield "area.polygon.open", path, f"got {ring[0]} first and {ring[-1]} last, allowed: the same"
    lats, lons = zip(*ring, strict=True)
    if max(lats) > 90 or min(lats) < -90 or max(lons) > 180 or min(lons) < -180:
        lat, lon = next((lat, lon) for lat, lon in ring if abs(lat) > 90 or abs(lon) > 180)
        swapped = abs(lat) > 90 and max(map(abs, lats)) <= 180 and max(map(abs, lons)) <= 90
        said = f"got {lat},{lon}, allowed: latitude to 90, longitude to 180"
        yield "area.coords.range", path, said + (" (longitude before latitude?)" if swapped else "")
    if len(ring) > _PAIRS:
        yield "area.polygon.many", path, f"got {len(ring)} pairs, useful: {_PAIRS}"
    if max(lons) - min(lons) > 180 and _unwrapped(lons) != list(lons):
        yield "area.polygon.antimeridian", path, "got two pairs more than 180 degrees of longitude apart"


def _crossings(infos: tuple[CapInfo, ...]) -> Iterator[Found]:
    """Rings that cross or touch themselves, as far as the work for all of them is bounded."""
    work = 0
    for i, info in enumerate(infos, 1):
        for j, area in enumerate(info.areas, 1):
            for k, ring in enumerate(area.polygons, 1):
                path = f"alert/info[{i}]/area[{j}]/polygon[{k}]"
                work += len(ring) ** 2
                crosses = _crosses(ring, bounded=work > _WORK)
                if crosses:
                    yield (
                        "area.polygon.crossing",
                        path,
                        "got edges that cross or touch, allowed: a simple ring",
                    )
                elif crosses is None:
                    said = f"got {len(ring)} pairs: too many to look whether the edges cross"
                    yield "area.polygon.many", path, said


def _unwrapped(lons: Sequence[float]) -> list[float]:
    """Longitudes without a jump at the antimeridian."""
    found, turn = [lons[0]], 0.0
    for last, lon in itertools.pairwise(lons):
        if abs(lon - last) > 180:
            turn += 360.0 if lon < last else -360.0
        found.append(lon + turn)
    return found


def _crosses(ring: Polygon, *, bounded: bool) -> bool | None:
    """Whether the edges cross or touch; where the work is bounded None, unless they touch in a pair."""
    lons = [lon for _, lon in ring]
    if max(lons) - min(lons) > 180:
        ring = tuple((lat, lon) for (lat, _), lon in zip(ring, _unwrapped(lons), strict=True))
    points = [point for last, point in zip((None, *ring), ring, strict=False) if point != last]
    if points[0] == points[-1]:
        points.pop()
    distinct = len(set(points))
    if distinct < 3:
        return False  # no ring
    if distinct < len(points):
        return True
    if distinct == 3:  # a triangle cannot, unless its corners lie on one line
        (y0, x0), (y1, x1), (y2, x2) = points
        return (x1 - x0) * (y2 - y0) == (x2 - x0) * (y1 - y0)
    if bounded:
        return None
    import shapely  # at first use: a third of the start of a command

    return not shapely.is_simple(shapely.linearrings(np.array(points)))


def _pairs(path: str, pairs: tuple[Pair, ...]) -> Iterator[Found]:
    for name, value in pairs:
        if not name or not value:
            yield "pair.empty", path, f"got valueName {name[:80]!r} and value {value[:80]!r}, allowed: both"


def _year(path: str, moment: datetime | None, unread: str) -> Iterator[Found]:
    year = moment.year if moment is not None else 2000
    if moment is None and (said := _DATE.match(unread)):  # no instant, for want of a zone for instance
        year = int(said[1])
    if not 2000 <= year <= 2100:
        yield "time.implausible-year", path, f"got the year {year}"


def _kept(unread: tuple[Pair, ...], name: str) -> str:
    return next((text for element_name, text in unread if element_name == name), "")
