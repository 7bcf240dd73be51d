"""Any authority's CAP: an Atom feed with messages or links to them, a bare message, or a wrapper of messages.

The address is configured for each authority (``SOURCE.url`` is None), and records carry the id under which it
was configured (``raw.source``). A feed that only links gives its links, which are fetched and parsed in turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.cap import CapAlert, Finding, parse_all, parse_atom
from tocsin.cap.atom import ATOM
from tocsin.cap.secure import local, namespace, read_xml
from tocsin.feeds.contract import Locate, Parsed, finding, is_archive
from tocsin.feeds.formats.warning import events_of, settle
from tocsin.model import Basis, Event, Raw, Source

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
        Atom or CAP; a feed without entries is an answer (no warnings), not an error.
    known_at : datetime
        When the bytes came.
    locate : Locate
        Gives regions by SAME, UGC and FIPS codes, else by the area's shape.

    Raises
    ------
    ParseError
        If the bytes are no XML, hold a document type, are too large, or are neither Atom nor CAP.
    """
    root = read_xml(raw.content, max_bytes=MAX_BYTES)
    findings: list[Finding] = []
    links: tuple[str, ...] = ()
    issued = None
    if local(root) == "feed" and namespace(root) == ATOM:
        base = "" if is_archive(raw) else raw.url
        feed, defects = parse_atom(raw.content, base=base, max_bytes=MAX_BYTES)
        findings.extend(defects)
        issued = feed.updated
        alerts = [alert for entry in feed.entries for alert in entry.alerts]
        found = [entry.link for entry in feed.entries if entry.link and not entry.alerts]
        links = tuple(dict.fromkeys(link for link in found if link.startswith(("http://", "https://"))))
        findings.extend(
            finding("feed.link", "feed/entry/link", f"got {link!r}, allowed: http or https", level="warning")
            for link in found
            if link not in links
        )
    else:
        messages = parse_all(raw.content, max_bytes=MAX_BYTES)
        alerts = [alert for alert, _ in messages]
        findings.extend(f for _, defects in messages for f in defects)
    events: list[Event] = []
    sha256 = raw.sha256
    for alert in alerts:
        at, basis = _known(alert, raw, known_at)
        more, remarks = events_of(
            alert, source=raw.source, raw=sha256, known_at=at, basis=basis, domains=_DOMAINS, locate=locate
        )
        events.extend(more)
        findings.extend(remarks)
    return Parsed(events=settle(events), findings=tuple(findings), links=links, issued=issued)


def _known(alert: CapAlert, raw: Raw, known_at: datetime) -> tuple[datetime, Basis]:
    if is_archive(raw) and alert.sent is not None and alert.sent <= known_at:
        return alert.sent, Basis.RELEASE
    return known_at, Basis.INGEST
