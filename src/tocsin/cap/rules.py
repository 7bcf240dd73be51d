"""What CAP 1.2 demands beyond its schema, and what practice recommends, as findings on a message.

The rules of one message only; sets of messages, profiles and signatures are judged elsewhere. Section
numbers are those of CAP 1.2.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.cap.finding import Finding
from tocsin.cap.message import CapAlert, CapArea, CapInfo, CapResource, Pair
from tocsin.cap.values import (
    CATEGORY,
    CERTAINTY,
    MSG_TYPE,
    RESPONSE_TYPE,
    SCOPE,
    SEVERITY,
    STATUS,
    URGENCY,
    is_time,
    read_time,
)

_FORBIDDEN = re.compile(r"[\s,<&]")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?", re.ASCII)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_HTML = re.compile(r"<[A-Za-z/!][^>]*>|&(#\d+|#x[0-9A-Fa-f]+|[A-Za-z]{2,8});")
_TIME_ELEMENTS = ("effective", "onset", "expires")
_HEADLINE = 160
_FAR = timedelta(days=30)

Found = tuple[str, str, str, str]  # rule, level, path, message


def check(alert: CapAlert) -> list[Finding]:
    """Judge one message.

    Parameters
    ----------
    alert : CapAlert
        Ours before it leaves, or one that was read.

    Returns
    -------
    list of Finding
        Sorted; empty when nothing is to be said. A message conforms when none is of level ``error``.

    Examples
    --------
    >>> from datetime import UTC
    >>> sent = datetime(2001, 2, 28, 19, 0, tzinfo=UTC)
    >>> [f.rule for f in check(CapAlert(identifier="a 1", sender="x", sent=sent, msg_type="Cancel"))]
    ['alert.identifier.chars', 'alert.references.missing']
    """
    found: set[Found] = set(_alert(alert))
    for i, info in enumerate(alert.infos, 1):
        path = f"alert/info[{i}]"
        found.update(_info(alert, info, path))
        for k, resource in enumerate(info.resources, 1):
            found.update(_resource(resource, f"{path}/resource[{k}]"))
        for k, area in enumerate(info.areas, 1):
            found.update(_area(area, f"{path}/area[{k}]"))
    if alert.version == "none":  # no schema claims a message without a namespace
        found = {f for f in found if f[0] != "doc.schema"}
    return sorted(Finding(rule=r, level=v, path=p, message=m) for r, v, p, m in found)


def _alert(a: CapAlert) -> Iterator[Found]:
    for name, value in (("identifier", a.identifier), ("sender", a.sender)):
        if not value:
            yield f"alert.{name}.empty", "error", f"alert/{name}", "missing or blank (3.2.1)"
        elif _FORBIDDEN.search(value):
            yield (
                f"alert.{name}.chars", "error", f"alert/{name}",
                f"got {value!r}, allowed: no blank, comma, < or & (3.2.1)",
            )  # fmt: skip
    if a.sent is None:
        yield (
            "alert.sent.format",
            "error",
            "alert/sent",
            f"got {_kept(a.unread, 'sent')!r}, allowed: a CAP time",
        )
    yield from _year("alert/sent", a.sent)
    yield from _enumerated("alert/status", (a.status,), STATUS)
    yield from _enumerated("alert/msgType", (a.msg_type,), MSG_TYPE)
    yield from _enumerated("alert/scope", (a.scope,), SCOPE)
    if a.status in STATUS and a.status != "Actual":
        yield "alert.status.not-actual", "info", "alert/status", f"{a.status}: no warning for the public"
    if a.scope == "Restricted" and not a.restriction:
        yield "alert.scope.restriction-missing", "error", "alert/restriction", "scope is Restricted (3.2.1)"
    if a.scope != "Restricted" and a.restriction:
        yield "alert.scope.restriction-unneeded", "warning", "alert/restriction", f"scope is {a.scope}"
    lost = {name for name, _ in a.unread}
    if a.scope == "Private" and not a.addresses and "addresses" not in lost:
        yield "alert.scope.addresses-missing", "error", "alert/addresses", "scope is Private (3.2.1)"
    for name in ("addresses", "incidents"):
        if name in lost:
            yield "alert.list.quotes", "error", f"alert/{name}", f"quotes: got {_kept(a.unread, name)!r}"
    if a.status == "Exercise" and not a.note:
        yield "alert.note.exercise-missing", "warning", "alert/note", "an exercise says which (3.2.1)"
    if a.msg_type == "Error" and not a.note:
        yield "alert.note.error-missing", "warning", "alert/note", "an error message says why (3.2.1)"
    if a.msg_type in ("Alert", "Update") and not a.infos:
        yield "alert.info.missing", "warning", "alert/info", f"{a.msg_type} without info"
    yield from _references(a)
    yield from _across(a.infos)


def _references(a: CapAlert) -> Iterator[Found]:
    path = "alert/references"
    if a.msg_type in ("Update", "Cancel", "Ack", "Error") and not a.references:
        yield "alert.references.missing", "error", path, f"msgType is {a.msg_type} (3.2.1)"
    if a.msg_type == "Alert" and a.references:
        yield "alert.references.on-alert", "info", path, "a message of type Alert names earlier ones"
    for item in a.references:
        parts = item.split(",")
        if len(parts) != 3 or not all(parts):
            yield "alert.references.form", "error", path, f"got {item!r}, allowed: sender,identifier,sent"
            continue
        sender, identifier, sent = parts
        if not is_time(sent):
            yield "alert.references.time", "error", path, f"got {sent!r}, allowed: a CAP time"
        moment = read_time(sent)
        if (sender, identifier) == (a.sender, a.identifier) and (moment is None or moment == a.sent):
            yield "alert.references.self", "error", path, f"the message names itself: {item!r}"
        if moment is not None and a.sent is not None and moment > a.sent:
            yield "alert.references.postdated", "warning", path, f"names a later message: {item!r}"


def _across(infos: tuple[CapInfo, ...]) -> Iterator[Found]:
    path = "alert/info"
    if len({frozenset(i.category) for i in infos}) > 1:
        yield "info.category.differs", "warning", path, "the infos have different categories"
    if len({frozenset(i.event_code) for i in infos}) > 1:
        yield "info.eventcode.differs", "warning", path, "the infos have different event codes"
    events: dict[str, str] = {}
    texts: dict[tuple[str, str], str] = {}
    for info in infos:
        language = (info.language or "en-US").lower()
        if events.setdefault(language, info.event) != info.event:
            yield "info.event.differs", "warning", path, f"two events in {language}"
        for name in ("headline", "description", "instruction"):
            text = getattr(info, name)
            if text and len(text) >= 16 and texts.setdefault((name, text), language) != language:
                yield "info.text.same-two-languages", "warning", path, f"{name} is the same in two languages"


def _info(a: CapAlert, i: CapInfo, path: str) -> Iterator[Found]:
    if i.language is not None and not _LANGUAGE.fullmatch(i.language):
        yield (
            "info.language.form",
            "warning",
            f"{path}/language",
            f"got {i.language!r}, allowed: a language tag",
        )
    if not i.event:
        yield "info.event.empty", "error", f"{path}/event", "missing or blank (3.2.2)"
    if not i.category:
        yield "doc.schema", "error", f"{path}/category", "missing, required (3.2.2)"
    for name, got, allowed in (
        ("category", i.category, CATEGORY), ("responseType", i.response_type, RESPONSE_TYPE),
        ("urgency", (i.urgency,), URGENCY), ("severity", (i.severity,), SEVERITY),
        ("certainty", (i.certainty,), CERTAINTY),
    ):  # fmt: skip
        yield from _enumerated(f"{path}/{name}", got, allowed)
        if "Unknown" in got:
            yield "info.unknown", "info", f"{path}/{name}", "Unknown"
    yield from _times(a, i, path)
    if a.msg_type in ("Alert", "Update"):
        for rule, name, value in (
            ("expires", "expires", i.expires or _kept(i.unread, "expires")),
            ("description", "description", i.description), ("instruction", "instruction", i.instruction),
            ("responsetype", "responseType", i.response_type), ("sendername", "senderName", i.sender_name),
        ):  # fmt: skip
            if not value:
                yield f"info.{rule}.missing", "warning", f"{path}/{name}", "recommended, missing"
        if not i.areas and a.status == "Actual" and a.scope == "Public":
            yield "info.area.missing", "warning", f"{path}/area", "a public warning says where"
    if i.headline and len(i.headline) > _HEADLINE:
        yield (
            "info.headline.long",
            "info",
            f"{path}/headline",
            f"{len(i.headline)} characters, useful: {_HEADLINE}",
        )
    if i.description and i.description in (i.headline, i.instruction):
        yield "info.text.repeated", "warning", f"{path}/description", "repeats another text"
    for name in ("headline", "description", "instruction"):
        markup = _HTML.search(getattr(i, name) or "")
        if markup:
            yield (
                "info.text.html",
                "warning",
                f"{path}/{name}",
                f"got {markup.group()!r}, allowed: plain text",
            )
    if i.web is not None and not _ABSOLUTE.fullmatch(i.web):
        yield "info.web.not-absolute", "error", f"{path}/web", f"got {i.web!r}, allowed: an absolute address"
    yield from _pairs(f"{path}/eventCode", i.event_code)
    yield from _pairs(f"{path}/parameter", i.parameter)


def _times(a: CapAlert, i: CapInfo, path: str) -> Iterator[Found]:
    for name in _TIME_ELEMENTS:
        text = _kept(i.unread, name)
        if getattr(i, name) is None and text:
            yield "time.format", "error", f"{path}/{name}", f"got {text!r}, allowed: a CAP time"
        yield from _year(f"{path}/{name}", getattr(i, name))
    start = i.effective or a.sent
    if i.expires and start and i.expires <= start:
        yield "info.expires.not-after-start", "error", f"{path}/expires", "not later than effective or sent"
    if i.onset and i.expires and i.onset > i.expires:
        yield "info.onset.after-expires", "warning", f"{path}/onset", "later than expires"
    if i.expires and a.sent and i.expires - a.sent > _FAR:
        yield "info.expires.far", "info", f"{path}/expires", "more than 30 days after sent"


def _resource(r: CapResource, path: str) -> Iterator[Found]:
    if not r.resource_desc:
        yield "resource.desc.empty", "error", f"{path}/resourceDesc", "missing or blank (3.2.3)"
    if not _MIME.fullmatch(r.mime_type):
        yield "resource.mimetype", "error", f"{path}/mimeType", f"got {r.mime_type!r}, allowed: type/subtype"
    if r.uri is None and r.deref_uri is None:
        yield "resource.uri.missing", "warning", f"{path}/uri", "neither uri nor derefUri"
    if r.uri is not None and r.deref_uri is None and not _ABSOLUTE.fullmatch(r.uri):
        yield (
            "resource.uri.relative-no-deref",
            "error",
            f"{path}/uri",
            f"got {r.uri!r}, relative, no derefUri",
        )
    if _kept(r.unread, "size") or (r.size is not None and r.size < 0):
        yield "resource.size", "warning", f"{path}/size", "no size in bytes"
    if r.digest is not None and not re.fullmatch(r"[0-9A-Fa-f]{40}", r.digest):
        yield "resource.digest", "error", f"{path}/digest", f"got {r.digest!r}, allowed: SHA-1 in hexadecimal"


def _area(a: CapArea, path: str) -> Iterator[Found]:
    if not a.area_desc:
        yield "area.desc.empty", "error", f"{path}/areaDesc", "missing or blank (3.2.4)"
    for name, text in a.unread:
        if name in ("polygon", "circle") and text:
            yield f"area.{name}.parse", "error", f"{path}/{name}", f"got {text[:80]!r}"
        elif name in ("altitude", "ceiling"):
            yield "area.altitude.parse", "error", f"{path}/{name}", f"got {text[:80]!r}, allowed: a number"
    for k, ring in enumerate(a.polygons, 1):
        where = f"{path}/polygon[{k}]"
        if len(ring) < 4:
            yield "area.polygon.few", "error", where, f"got {len(ring)} pairs, allowed: four or more (3.2.4)"
        if ring[0] != ring[-1]:
            yield "area.polygon.open", "error", where, "the first and the last pair differ (3.2.4)"
        if any(abs(lat) > 90 or abs(lon) > 180 for lat, lon in ring):
            yield "area.coords.range", "error", where, "beyond latitude 90 or longitude 180"
        if len(ring) > 100:
            yield "area.polygon.many", "info", where, f"{len(ring)} pairs"
        if any(abs(p[1] - q[1]) > 180 for p, q in itertools.pairwise(ring)):
            yield "area.polygon.antimeridian", "info", where, "crosses the antimeridian"
    for k, (lat, lon, radius) in enumerate(a.circles, 1):
        where = f"{path}/circle[{k}]"
        if abs(lat) > 90 or abs(lon) > 180:
            yield "area.coords.range", "error", where, "beyond latitude 90 or longitude 180"
        if radius < 0:
            yield "area.circle.negative", "error", where, f"got the radius {radius}"
        if radius == 0:
            yield "area.circle.zero", "info", where, "a point"
    yield from _pairs(f"{path}/geocode", a.geocodes)
    if a.ceiling is not None and a.altitude is None:
        yield "area.ceiling.no-altitude", "error", f"{path}/ceiling", "without altitude (3.2.4)"
    if a.ceiling is not None and a.altitude is not None and a.ceiling < a.altitude:
        yield "area.ceiling.below", "error", f"{path}/ceiling", "lower than altitude"
    shapes = a.polygons or a.circles or {"polygon", "circle"} & {name for name, text in a.unread if text}
    if not shapes:
        rule, level = ("area.geocode-only", "info") if a.geocodes else ("area.no-shape", "warning")
        yield rule, level, path, "neither polygon nor circle"


def _enumerated(path: str, got: tuple[str, ...], allowed: tuple[str, ...]) -> Iterator[Found]:
    for value in got:
        if not value:
            yield "doc.schema", "error", path, "missing or blank, required"
        elif value not in allowed:
            yield "text.enum-value", "error", path, f"got {value!r}, allowed: {', '.join(allowed)}"


def _pairs(path: str, pairs: tuple[Pair, ...]) -> Iterator[Found]:
    for name, value in pairs:
        if not name or not value:
            yield "pair.empty", "warning", path, f"valueName {name!r}, value {value!r}"


def _year(path: str, moment: datetime | None) -> Iterator[Found]:
    if moment is not None and not 2000 <= moment.year <= 2100:
        yield "time.implausible-year", "warning", path, f"the year {moment.year}"


def _kept(unread: tuple[Pair, ...], name: str) -> str:
    return next((text for element, text in unread if element == name), "")
