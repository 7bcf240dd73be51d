"""Any authority's CAP: Atom, RSS, EDXL-DE, a wrapper, GeoJSON or JSON of messages, or one bare message.

The address is configured for each authority (``SOURCE.url`` is None), and records carry the id under which it
was configured (``raw.source``). A feed that only links gives its links, which are fetched and parsed in turn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.cap import CapAlert, Finding
from tocsin.cap.containers import Contents, messages_in
from tocsin.feeds.contract import Locate, Parsed, finding, is_archive
from tocsin.feeds.formats.fields import BROKEN
from tocsin.feeds.formats.warning import events_of, settle
from tocsin.model import Basis, Event, ParseError, Raw, Source

SOURCE = Source(
    id="cap_atom",
    title="Warnings of another authority (CAP)",
    publisher="as configured",
    url=None,
    licence="as published by the authority; CAP messages are meant to be passed on",
    licence_url="https://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2-os.html",
    cadence=timedelta(minutes=5),
    lag=timedelta(minutes=5),
    stale_after=timedelta(
        days=30
    ),  # a quiet authority changes nothing for weeks; a read that fails shows at once
    quantities=(),
    domains=("weather_alerts", "seismic"),
    media_type="application/atom+xml",
)

MAX_BYTES = 50_000_000
_DOMAINS = {"Met": "weather_alerts", "Geo": "seismic", "": "weather_alerts"}


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read messages into events; see :mod:`tocsin.feeds.formats.warning` for chains.

    A message of an archive is known from its ``sent`` on (the publisher states it); a live one when fetched.

    Parameters
    ----------
    raw : Raw
        Any form of :func:`tocsin.cap.containers.messages_in`; a feed without entries is an answer (no
        warnings), not an error. An entry that holds nothing readable is a broken record.
    known_at : datetime
        When the bytes came.
    locate : Locate
        Gives regions by SAME, UGC and FIPS codes, else by the area's shape.

    Raises
    ------
    ParseError
        If the bytes are not well-formed, hold a document type, are too large, or are of no known form.
    """
    found = messages_in(raw.content, base="" if is_archive(raw) else raw.url, max_bytes=MAX_BYTES)
    if found.outcome in ("rejected", "refused") or (found.kind == "unknown" and not found.messages):
        raise ParseError(found.reason)
    findings = [f for f in found.findings if f.rule != "feed.link"]
    findings += (f for message in found.messages for f in message.findings)
    findings += (
        finding(BROKEN, f.path, f"{f.rule}: {f.message}", level="error")
        for f in found.findings
        if f.rule == "feed.link"
    )
    links = tuple(link for link in found.links if link.startswith(("http://", "https://")))
    findings += (
        finding("feed.link", "feed/entry/link", f"got {link!r}, allowed: http or https", level="warning")
        for link in found.links
        if link not in links
    )
    events: list[Event] = []
    sha256 = raw.sha256
    for message in found.messages:
        at, basis = _known(message.alert, raw, known_at)
        more, remarks = events_of(
            message.alert,
            source=raw.source,
            raw=sha256,
            known_at=at,
            basis=basis,
            domains=_DOMAINS,
            locate=locate,
        )
        events.extend(more)
        findings.extend(remarks)
    return Parsed(
        events=settle(_apart(events, findings)),
        findings=tuple(findings),
        links=links,
        issued=_issued(found),
        messages=found.messages,
    )


def _apart(events: Iterable[Event], findings: list[Finding]) -> list[Event]:
    """Messages of one identity that say different things become different events: none may hide another."""
    first: dict[str, str] = {}
    out = []
    for event in events:
        content = event.details.get("content")
        if content is not None and first.setdefault(event.id, content) != content:
            findings.append(
                finding(
                    "set.duplicate-identity", f"event {event.id}", "another content; both are kept", "error"
                )
            )
            name = f"{event.external_id}~{content}"
            details = {**event.details, "conflicts_with": event.id}
            event = dataclasses.replace(event, id=f"{event.source}:{name}", external_id=name, details=details)
        out.append(event)
    return out


def _issued(found: Contents) -> datetime | None:
    return found.head.updated if found.kind in ("atom", "rss", "geojson", "edxl") else None


def _known(alert: CapAlert, raw: Raw, known_at: datetime) -> tuple[datetime, Basis]:
    if is_archive(raw) and alert.sent is not None and alert.sent <= known_at:
        return alert.sent, Basis.RELEASE
    return known_at, Basis.INGEST
