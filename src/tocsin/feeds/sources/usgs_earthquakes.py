"""Earthquakes of the US Geological Survey: the GeoJSON summary feeds, live and as packaged archives.

Times are milliseconds since 1970 in UTC. The preferred id of an event can change when a better network takes
over: ``ids`` lists all, so a live document withdraws the others. A deleted event vanishes from the summary;
only a query with ``includedeleted`` shows it. Form: earthquake.usgs.gov/earthquakes/feed/v1.0/geojson.php.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tocsin.feeds.contract import Locate, Parsed, is_archive
from tocsin.feeds.formats.fields import Fields, each, read_json
from tocsin.model import Basis, Event, ParseError, Raw, Source, iso

SOURCE = Source(
    id="usgs_earthquakes",
    title="Earthquakes, all magnitudes, past hour",
    publisher="US Geological Survey",
    url="https://earthquake.usgs.gov/earthquakes/feed/v1.0/summary/all_day.geojson",
    licence="US Government work, public domain (17 U.S.C. 105); credit asked for",
    licence_url="https://www.usgs.gov/information-policies-and-instructions/copyrights-and-credits",
    cadence=timedelta(minutes=1),
    lag=timedelta(minutes=20),
    stale_after=timedelta(hours=2),
    quantities=(),
    domains=("seismic",),
    media_type="application/geo+json",
)

_NUMBERS = ("felt", "cdi", "mmi", "tsunami", "sig", "nst", "dmin", "rms", "gap")
_TEXTS = ("place", "url", "detail", "alert", "net", "code", "magType")


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read a summary document into events of the domain ``seismic``.

    Live documents are known when fetched. In an archive each event is known from its ``updated`` on, flagged
    as estimated: that is when the publisher last changed this version, which it showed within a minute or so;
    the earlier, rougher versions of it are not in the archive.

    Parameters
    ----------
    raw : Raw
        A FeatureCollection; an empty one is an answer (no events), not an error.
    known_at : datetime
        When the bytes came.
    locate : Locate
        Gives the county at the epicentre; an event outside of the country has no region.

    Raises
    ------
    ParseError
        If it is no FeatureCollection, or most features are broken.
    """
    document = Fields(read_json(raw), raw.url)
    if document.text("type") != "FeatureCollection":
        raise ParseError(f"{raw.url}: type: got {document.get('type')!r}, allowed: 'FeatureCollection'")
    document.skip("bbox")
    scenario, issued = False, None
    metadata = document.record("metadata")
    if metadata is not None:
        about = f"{metadata.optional_text('url')} {metadata.optional_text('title')}"
        scenario = "scenario" in about.lower()  # the catalogue of events that never happened
        issued = metadata.milliseconds("generated") if metadata.get("generated") is not None else None
        metadata.skip("status", "api", "count", "limit", "offset")
    archive, sha256 = is_archive(raw), raw.sha256

    def read(feature: Fields) -> Iterator[Event]:
        return _read(feature, raw.source, sha256, known_at, locate, archive=archive, scenario=scenario)

    events, findings = each(document.many("features"), "features", read)
    listed = {event.id for event in events if event.status != "withdrawn"}
    events = [event for event in events if event.status != "withdrawn" or event.id not in listed]
    return Parsed(events=tuple(events), findings=(*document.rest(), *findings), issued=issued)


def _read(
    feature: Fields,
    source: str,
    raw: str,
    known_at: datetime,
    locate: Locate,
    *,
    archive: bool,
    scenario: bool,
) -> Iterator[Event]:
    feature.skip("type")
    external_id = feature.text("id")
    p = feature.needed("properties")
    status = p.optional_text("status") or "automatic"
    deleted = status.lower() == "deleted"
    updated = p.milliseconds("updated")
    onset = updated if deleted and p.get("time") is None else p.milliseconds("time")
    lat, lon, depth = _point(feature)
    if lat is None and not deleted:
        raise ParseError(f"{external_id}: geometry: got none, allowed: a point")
    county = locate.county_at(lat, lon) if lat is not None and lon is not None else None
    details: dict[str, Any] = {name: p.number(name) for name in _NUMBERS}
    details |= {name: p.optional_text(name) for name in _TEXTS}
    ids = [i for i in (p.optional_text("ids") or "").split(",") if i]
    details |= {"depth_km": depth, "status": status, "updated": iso(updated), "ids": ids}
    p.skip("tz", "sources", "types")
    kind = p.optional_text("type") or "earthquake"
    magnitude = p.number("mag")
    event = Event(
        id=f"{source}:{external_id}",
        source=source,
        external_id=external_id,
        domain="seismic",
        hazard=kind.lower().replace(" ", "_"),
        title=p.optional_text("title") or f"{kind} {external_id}",
        onset=onset,
        ends=onset,
        known_at=min(updated, known_at) if archive else known_at,
        magnitude=magnitude,
        unit="" if magnitude is None else details["magType"] or "M",
        lat=lat,
        lon=lon,
        regions=() if county is None else (county,),
        status="exercise" if scenario else "withdrawn" if deleted else "actual",
        details={name: value for name, value in details.items() if value not in (None, [])},
        raw=raw,
        basis=Basis.ESTIMATED if archive else Basis.INGEST,
    )
    yield event
    if not archive and not scenario:
        for other in ids:
            if other != external_id:
                yield _other(event, other)


def _other(event: Event, other: str) -> Event:
    """The same event under an id that is no longer, or never was, the preferred one."""
    return Event(
        id=f"{event.source}:{other}",
        source=event.source,
        external_id=other,
        domain=event.domain,
        hazard=event.hazard,
        title=f"{event.title} (see {event.external_id})",
        onset=event.onset,
        ends=event.ends,
        known_at=event.known_at,
        status="withdrawn",
        details={"preferred": event.external_id},
        raw=event.raw,
        basis=event.basis,
    )


def _point(feature: Fields) -> tuple[float | None, float | None, float | None]:
    geometry = feature.record("geometry")
    if geometry is None:
        return None, None, None
    geometry.skip("type")
    place = geometry.many("coordinates")
    numbers = [n if isinstance(n, int | float) and not isinstance(n, bool) else None for n in place]
    if len(numbers) not in (2, 3) or numbers[0] is None or numbers[1] is None:
        raise ParseError(f"geometry.coordinates: got {place!r:.80}, allowed: longitude, latitude, depth")
    lon, lat = float(numbers[0]), float(numbers[1])
    if abs(lat) > 90 or abs(lon) > 180:
        raise ParseError(f"geometry.coordinates: got {place!r:.80}, allowed: degrees of WGS 84")
    depth = numbers[2] if len(numbers) == 3 else None
    return lat, lon, None if depth is None else float(depth)
