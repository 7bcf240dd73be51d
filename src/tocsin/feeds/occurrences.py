"""The gate's rules for events."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tocsin.feeds.rejected import FIRST_YEAR, LAST_YEAR, Rejected
from tocsin.model import Basis, Event, Raw, Source, iso, to_plain

EVENT_AHEAD = timedelta(days=366)
"""How far ahead an event may be announced."""
STATUSES = ("actual", "withdrawn", "exercise", "test")


def judge_events(
    events: tuple[Event, ...],
    source: Source,
    raw: Raw,
    now: datetime,
    regions: Container[str],
    last: datetime | None,
    previous: Mapping[str, Event],
) -> tuple[tuple[Event, ...], list[Rejected], int, int]:
    """Events that are new, what was set aside, how many were said twice, how many did not change."""
    accepted: dict[tuple[str, datetime], Event] = {}
    rejected: list[Rejected] = []
    duplicates = unchanged = 0
    sha256 = raw.sha256
    for i, event in enumerate(events):
        faults = list(_faults(event, source, raw, sha256, now, regions, last))
        key = (event.id, event.known_at)
        twin = accepted.get(key)
        if twin is not None and _content(twin) == _content(event):
            duplicates += 1
            continue
        if twin is not None:  # a warning must not vanish because a second copy differs: the first stays
            faults.append("id: the document gives this event twice with different content; the first is kept")
        if faults:
            rejected.append(Rejected(where=f"events[{i}]", error="; ".join(faults), record=to_plain(event)))
            continue
        accepted[key] = event
    changed = []
    for event in accepted.values():
        known = previous.get(event.id)
        if known is not None and _content(known) == _content(event):
            unchanged += 1
        else:
            changed.append(event)
    return tuple(changed), rejected, duplicates, unchanged


def _content(event: Event) -> tuple[Any, ...]:
    """Everything that the publisher said; not when and from which bytes we learnt it."""
    ours = ("revision", "known_at", "raw", "basis")
    return tuple(getattr(event, f.name) for f in dataclasses.fields(event) if f.name not in ours)


def _faults(
    event: Event,
    source: Source,
    raw: Raw,
    sha256: str,
    now: datetime,
    regions: Container[str],
    last: datetime | None,
) -> Iterator[str]:
    if event.source != raw.source or event.raw != sha256:
        yield f"source: got {event.source!r}, allowed: {raw.source!r} and the hash of its document"
    if event.id != f"{event.source}:{event.external_id}" or not event.external_id:
        yield f"id: got {event.id!r}, allowed: source:external_id"
    if event.domain not in source.domains:
        yield f"domain: got {event.domain!r}, allowed: {', '.join(source.domains)}"
    if event.status not in STATUSES:
        yield f"status: got {event.status!r}, allowed: {', '.join(STATUSES)}"
    unknown = [r for r in event.regions if r not in regions]
    if unknown:
        yield f"regions: got {unknown[:5]}, unknown to the pack"
    if event.known_at > now:
        yield f"known_at: got {iso(event.known_at)} from the future, now is {iso(now)}"
    if last is not None and event.basis is Basis.INGEST and event.known_at < last:
        yield f"known_at: got {iso(event.known_at)}, the clock went back, last was {iso(last)}"
    if event.onset > now + EVENT_AHEAD or not FIRST_YEAR <= event.onset.year < LAST_YEAR:
        yield f"onset: got {iso(event.onset)}, allowed: {FIRST_YEAR} to a year ahead"
    if event.ends is not None and event.ends < event.onset:
        yield f"ends: got {iso(event.ends)}, before the onset {iso(event.onset)}"
    if (event.lat is None) != (event.lon is None):
        yield "lat, lon: got one of them, allowed: both or none"
    if (
        event.lat is not None
        and event.lon is not None
        and not (abs(event.lat) <= 90 and abs(event.lon) <= 180)
    ):
        yield f"lat, lon: got {event.lat}, {event.lon}, allowed: degrees of WGS 84"
