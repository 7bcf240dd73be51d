"""Warnings of other authorities as events; what CAP says about chains is kept.

A message is one event. An Update is an event and withdraws those that it names; a Cancel only withdraws. So
the part of a warning that goes on and the part that ended stay apart, although both name the same earlier
message. A message that is not Actual withdraws nothing: a drill cannot cancel a warning. Only an earlier
message can be withdrawn, so that two which name each other do not silence both.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tocsin.cap import CapAlert, CapArea, CapInfo, Finding, Polygon
from tocsin.cap.chains import Identity
from tocsin.cap.fingerprint import fingerprint
from tocsin.feeds.contract import Locate, finding
from tocsin.feeds.formats.fields import BROKEN
from tocsin.model import Basis, Event, iso

_SEVERITY = {"Minor": 1.0, "Moderate": 2.0, "Severe": 3.0, "Extreme": 4.0}
_STATUS = {"Actual": "actual", "Exercise": "exercise"}
_SCHEMES = {"same": "SAME", "ugc": "UGC", "fips6": "FIPS6", "fips": "FIPS6"}
_GRID = 24
SEVERITY_UNIT = "CAP severity"
CONTENT = 16
"""Letters of the fingerprint that an event keeps, by which two messages of one identity are told apart."""
ENDED = ("cancelled_by", "replaced_by")
"""Details under which a withdrawn event says which message ended it."""


def identity(sender: str, identifier: str, sent: datetime | None) -> str:
    """The publisher's id of a message: identifiers are unique for a sender only, and some are used again.

    Examples
    --------
    >>> from datetime import UTC
    >>> identity("desk@example.org", "a-1", datetime(2001, 2, 28, 19, 0, tzinfo=UTC))
    'desk@example.org,a-1,20010228T190000Z'
    """
    return f"{sender},{identifier}" + ("" if sent is None else f",{sent.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def events_of(
    alert: CapAlert,
    *,
    source: str,
    raw: str,
    known_at: datetime,
    basis: Basis,
    domains: Mapping[str, str],
    locate: Locate,
    ends: datetime | None = None,
    details: Mapping[str, Any] | None = None,
) -> tuple[list[Event], list[Finding]]:
    """One message as events: itself, and the withdrawal of those that it replaces or cancels.

    Parameters
    ----------
    alert : CapAlert
        As read.
    source, raw : str
        Id of the source and SHA-256 of the document.
    known_at, basis
        When it could be known, and how we know that.
    domains : mapping of str to str
        Domain by CAP category; the empty key is the domain of all others.
    locate : Locate
        Codes and points to regions.
    ends : datetime or None
        End of the event where the publisher tells it apart from the end of the message.
    details : mapping or None
        Further fields.

    Returns
    -------
    events : list of Event
        Empty for a message that warns of nothing (Ack, Error, all clear).
    findings : list of Finding
        What names no region or is no warning.
    """
    findings: list[Finding] = []
    path = f"alert {alert.identifier}"
    if not alert.identifier or not alert.sender:
        return [], [finding(BROKEN, path, "no identifier or sender: cannot be kept", level="error")]
    domain = next((domains[c] for i in alert.infos for c in i.category if c in domains), domains[""])
    events: list[Event] = []
    if alert.status == "Actual" and alert.msg_type in ("Update", "Cancel"):
        events.extend(_withdrawn(alert, source, raw, known_at, basis, domain, findings))
        if not alert.references:
            findings.append(finding("cap.references", path, f"{alert.msg_type} names no message", "warning"))
    elif alert.msg_type not in ("Alert", "Update", "Cancel"):
        findings.append(finding("cap.msg-type", path, f"{alert.msg_type!r}: no warning"))
    if alert.msg_type not in ("Alert", "Update"):
        return events, findings
    infos = _one_language([info for info in alert.infos if not _all_clear(info)])
    if not infos:
        findings.append(finding("cap.no-warning", path, "no info, or only an all-clear"))
        return events, findings
    regions, unknown = _regions((area for info in infos for area in info.areas), locate)
    findings.extend(
        finding("feed.unlocated", path, f"{code}: no region of the pack") for code in sorted(unknown)
    )
    events.append(_event(alert, infos, source, raw, known_at, basis, domain, regions, ends, details or {}))
    return events, findings


def settle(events: Iterable[Event]) -> tuple[Event, ...]:
    """One version of each event where a document gives several at one moment: what is withdrawn is withdrawn.

    An active list can hold a message beside the one that replaced it, and two messages can replace the same.

    Examples
    --------
    >>> settle([])
    ()
    """
    kept: dict[tuple[str, datetime, str], list[Event]] = {}
    for event in events:
        kept.setdefault((event.id, event.known_at, event.raw), []).append(event)
    settled: list[Event] = []
    for versions in kept.values():
        ended = next((e for e in versions if e.status == "withdrawn"), None)
        told = [e for e in versions if e.status != "withdrawn"]
        if ended is None:
            settled.extend(told)
        elif told:
            details = {**told[0].details, **ended.details}
            settled.append(dataclasses.replace(told[0], status="withdrawn", details=details))
        else:
            settled.append(ended)
    return tuple(settled)


def _event(
    alert: CapAlert,
    infos: list[CapInfo],
    source: str,
    raw: str,
    known_at: datetime,
    basis: Basis,
    domain: str,
    regions: tuple[str, ...],
    ends: datetime | None,
    details: Mapping[str, Any],
) -> Event:
    worst = max(infos, key=lambda i: _SEVERITY.get(i.severity, 0.0))
    onset = min(i.onset or i.effective or alert.sent or known_at for i in infos)
    expires = [i.expires for i in infos if i.expires is not None]
    if ends is None and len(expires) == len(infos):
        ends = max(expires)  # the message ends then; nobody says what comes after
    point = next((p for i in infos for a in i.areas for p in _centre(a)), None)
    said = {
        "sender": alert.sender,
        "identifier": alert.identifier,
        "sent": None if alert.sent is None else iso(alert.sent),
        "msg_type": alert.msg_type,
        "references": list(alert.references),
        "content": fingerprint(alert)[:CONTENT],
        "sender_name": worst.sender_name,
        "category": list(worst.category),
        "urgency": worst.urgency,
        "severity": worst.severity,
        "certainty": worst.certainty,
        "response_type": list(worst.response_type),
        "expires": iso(max(expires)) if expires else None,
        "area": "; ".join(dict.fromkeys(a.area_desc for i in infos for a in i.areas)),
        "description": worst.description,
        "instruction": worst.instruction,
        "web": worst.web,
        "language": worst.language,
        **details,
    }
    external_id = identity(alert.sender, alert.identifier, alert.sent)
    magnitude = _SEVERITY.get(worst.severity)
    return Event(
        id=f"{source}:{external_id}",
        source=source,
        external_id=external_id,
        domain=domain,
        hazard=worst.event or "unnamed",
        title=worst.headline or worst.event or alert.identifier,
        onset=onset,
        ends=None if ends is None else max(onset, ends),
        known_at=known_at,
        magnitude=magnitude,
        unit="" if magnitude is None else SEVERITY_UNIT,
        lat=None if point is None else point[0],
        lon=None if point is None else point[1],
        regions=regions,
        status=_STATUS.get(alert.status, "test"),
        details={k: v for k, v in said.items() if v not in (None, [], "")},
        raw=raw,
        basis=basis,
    )


def _withdrawn(
    alert: CapAlert,
    source: str,
    raw: str,
    known_at: datetime,
    basis: Basis,
    domain: str,
    findings: list[Finding],
) -> Iterator[Event]:
    """Versions that end what the message names; it never names itself into silence."""
    own = identity(alert.sender, alert.identifier, alert.sent)
    path = f"alert {alert.identifier}"
    seen = set()
    for reference in alert.references:
        named = Identity.read(reference)
        if named is None or named.sent is None:
            words = f"{reference!r} names no message: allowed: sender,identifier,sent; nothing is ended by it"
            findings.append(finding("cap.references", path, words, "warning"))
            continue
        external_id = identity(*named)
        if external_id == own or external_id in seen:
            continue
        seen.add(external_id)
        if alert.sent is None or named.sent >= alert.sent:
            words = f"{reference!r} was not sent earlier: it is not ended by this message"
            findings.append(finding("cap.references", path, words, "warning"))
            continue
        verb = "cancelled" if alert.msg_type == "Cancel" else "replaced"
        yield Event(
            id=f"{source}:{external_id}",
            source=source,
            external_id=external_id,
            domain=domain,
            hazard=alert.infos[0].event if alert.infos and alert.infos[0].event else "unnamed",
            title=f"{verb} by {alert.identifier}",
            onset=named.sent,
            ends=alert.sent,
            known_at=known_at,
            status="withdrawn",
            details={f"{verb}_by": own, "sender": named.sender, "by_sender": alert.sender},
            raw=raw,
            basis=basis,
        )


def _one_language(infos: list[CapInfo]) -> list[CapInfo]:
    """The infos in English where there are any, else in the language of the first."""
    languages = [(info.language or "en-US").lower() for info in infos]
    chosen = next((tag for tag in languages if tag.startswith("en")), languages[0] if languages else "")
    return [info for info, tag in zip(infos, languages, strict=True) if tag == chosen]


def _all_clear(info: CapInfo) -> bool:
    """Whether an info says that there is no warning (MeteoAlarm's green, an all-clear)."""
    levels = [value.strip() for name, value in info.parameter if name.lower() == "awareness_level"]
    return info.response_type == ("AllClear",) or any(level.startswith("1;") for level in levels)


def _regions(areas: Iterable[CapArea], locate: Locate) -> tuple[tuple[str, ...], set[str]]:
    """Regions by code; an area none of whose codes names one is looked at by its shape."""
    found: set[str] = set()
    unknown: set[str] = set()
    for area in areas:
        codes = [(_SCHEMES.get(name.lower(), name), value) for name, value in area.geocodes]
        named = {(s, v): locate.by_geocode(s, v) for s, v in codes if s in _SCHEMES.values()}
        here = {region for region in named.values() if region is not None}
        if not here:
            here = {r for lat, lon in _points(area) if (r := locate.county_at(lat, lon)) is not None}
            if not here:
                unknown.update(f"{s} {v}" for s, v in named)
        found |= here
    return tuple(sorted(found)), unknown


def _points(area: CapArea) -> Iterator[tuple[float, float]]:
    """Points of an area: its corners and a grid inside; enough to name the counties that matter."""
    for lat, lon, radius in area.circles:
        north = radius / 111.2
        east = north / max(0.01, float(np.cos(np.radians(lat))))
        ring = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        yield lat, lon
        for share in (0.5, 1.0):
            yield from _valid(lat + share * north * np.sin(ring), lon + share * east * np.cos(ring))
    for polygon in area.polygons:
        corners = np.array(polygon)
        yield from _valid(corners[:, 0], corners[:, 1])
        yield from _inside(polygon)


def _inside(polygon: Polygon) -> Iterator[tuple[float, float]]:
    corners = np.array(polygon)
    if len(corners) < 4 or np.ptp(corners[:, 1]) > 180:  # over the antimeridian: the corners must do
        return
    (south, west), (north, east) = corners.min(axis=0), corners.max(axis=0)
    lat, lon = (
        g.ravel() for g in np.meshgrid(np.linspace(south, north, _GRID), np.linspace(west, east, _GRID))
    )
    odd = np.zeros(lat.size, bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for (y1, x1), (y2, x2) in itertools.pairwise(corners):
            crosses = (y1 > lat) != (y2 > lat)
            odd ^= crosses & (lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
    yield from _valid(lat[odd], lon[odd])


def _valid(lats: Iterable[Any], lons: Iterable[Any]) -> Iterator[tuple[float, float]]:
    for lat, lon in zip(lats, lons, strict=True):
        if abs(lat) <= 90 and abs(lon) <= 180:
            yield float(lat), float(lon)


def _centre(area: CapArea) -> Iterator[tuple[float, float]]:
    for lat, lon, _ in area.circles:
        yield from _valid([lat], [lon])
    for polygon in area.polygons:
        corners = np.array(polygon[:-1] or polygon)
        if np.ptp(corners[:, 1]) <= 180:
            yield from _valid([corners[:, 0].mean()], [corners[:, 1].mean()])
