"""Active alerts of the US National Weather Service: GeoJSON of api.weather.gov with the fields of CAP 1.2.

GeoJSON and not Atom, because one answer holds the whole messages with their SAME and UGC codes. ``expires``
ends the message, ``ends`` the event (it may be null). A User-Agent is required, no key. Form: the service's
OpenAPI description and CAP 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tocsin.cap import CapAlert, CapArea, CapInfo, Finding
from tocsin.feeds.contract import Locate, Parsed, is_archive
from tocsin.feeds.formats.fields import Fields, each, read_json
from tocsin.feeds.formats.warning import events_of, settle
from tocsin.model import Basis, Event, ParseError, Raw, Source

SOURCE = Source(
    id="nws_alerts",
    title="Active weather alerts",
    publisher="NOAA National Weather Service",
    url="https://api.weather.gov/alerts/active",
    licence="US Government work, public domain (17 U.S.C. 105); credit asked for",
    licence_url="https://www.weather.gov/disclaimer",
    cadence=timedelta(minutes=1),
    lag=timedelta(minutes=3),
    stale_after=timedelta(hours=1),
    quantities=(),
    domains=("weather_alerts",),
    media_type="application/geo+json",
)

_DOMAINS = {"": "weather_alerts"}


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read active alerts into events of the domain ``weather_alerts``.

    Each message is an event; an Update withdraws the messages that it names, a Cancel only withdraws. Status
    Test, Exercise, System and Draft never give an actual event. Live messages are known when fetched, those
    of an archive from ``sent`` on.

    Parameters
    ----------
    raw : Raw
        A FeatureCollection; an empty one is an answer (no alerts), not an error.
    known_at : datetime
        When the bytes came.
    locate : Locate
        Gives regions by SAME and UGC codes, else by the shape.

    Raises
    ------
    ParseError
        If it is no FeatureCollection, or most alerts are broken.
    """
    document = Fields(read_json(raw), raw.url)
    if document.text("type") != "FeatureCollection":
        raise ParseError(f"{raw.url}: type: got {document.get('type')!r}, allowed: 'FeatureCollection'")
    document.skip("@context", "title", "pagination")
    issued = document.instant("updated")
    remarks: list[Finding] = []
    sha256 = raw.sha256

    def read(feature: Fields) -> Iterator[Event]:
        alert, ends = _alert(feature)
        at, basis = known_at, Basis.INGEST
        if is_archive(raw) and alert.sent is not None and alert.sent <= known_at:
            at, basis = alert.sent, Basis.RELEASE
        events, more = events_of(
            alert,
            source=raw.source,
            raw=sha256,
            known_at=at,
            basis=basis,
            domains=_DOMAINS,
            locate=locate,
            ends=ends,
        )
        remarks.extend(more)
        yield from events

    events, findings = each(document.many("features"), "features", read)
    return Parsed(events=settle(events), findings=(*document.rest(), *findings, *remarks), issued=issued)


def _alert(feature: Fields) -> tuple[CapAlert, datetime | None]:
    feature.skip("id", "type")
    p = feature.needed("properties")
    p.skip("@id", "@type", "affectedZones", "replacedBy", "replacedAt")
    sent = p.instant("sent")
    if sent is None:
        raise ParseError("properties.sent: got nothing, allowed: an ISO 8601 time with a zone")
    geocode = p.record("geocode")
    codes = []
    if geocode is not None:
        codes = [(scheme, value) for scheme in ("SAME", "UGC") for value in geocode.texts(scheme)]
    response = p.optional_text("response")
    area = CapArea(
        area_desc=p.optional_text("areaDesc") or "", geocodes=tuple(codes), polygons=tuple(_rings(feature))
    )
    info = CapInfo(
        language=p.optional_text("language"),
        category=tuple(_one_or_many(p.get("category"))),
        event=p.text("event"),
        response_type=() if response is None else (response,),
        urgency=p.optional_text("urgency") or "Unknown",
        severity=p.optional_text("severity") or "Unknown",
        certainty=p.optional_text("certainty") or "Unknown",
        effective=p.instant("effective"),
        onset=p.instant("onset"),
        expires=p.instant("expires"),
        sender_name=p.optional_text("senderName"),
        headline=p.optional_text("headline"),
        description=p.optional_text("description"),
        instruction=p.optional_text("instruction"),
        web=p.optional_text("web"),
        areas=(area,),
    )
    p.skip("parameters", "eventCode", "scope", "code", "note")  # kept with the raw bytes
    alert = CapAlert(
        identifier=p.text("id"),
        sender=p.text("sender"),
        sent=sent,
        status=p.text("status"),
        msg_type=p.text("messageType"),
        references=tuple(_references(p.get("references"))),
        infos=(info,),
    )
    return alert, p.instant("ends")


def _references(value: Any) -> Iterator[str]:
    """Earlier messages; the service writes a list of objects, older archives one text as CAP does."""
    if isinstance(value, str):
        yield from value.split()
        return
    for i, item in enumerate(value or ()):
        record = Fields(item, f"properties.references[{i}]")
        yield f"{record.text('sender')},{record.text('identifier')},{record.optional_text('sent') or ''}"


def _one_or_many(value: Any) -> list[str]:
    items = [value] if isinstance(value, str) else value or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ParseError(f"properties.category: got {value!r:.80}, allowed: text or a list of texts")
    return items


def _rings(feature: Fields) -> Iterator[tuple[tuple[float, float], ...]]:
    """Outer rings of the shape as (lat, lon); None for alerts of whole zones."""
    geometry = feature.record("geometry")
    if geometry is None:
        return
    kind = geometry.text("type")
    shapes = {"Polygon": [geometry.get("coordinates")], "MultiPolygon": geometry.get("coordinates")}.get(kind)
    geometry.skip("coordinates")
    try:
        for rings in shapes or ():
            yield tuple((float(point[1]), float(point[0])) for point in rings[0])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise ParseError(f"geometry.coordinates: {error}, allowed: rings of longitude, latitude") from None
