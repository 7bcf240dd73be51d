"""The gate between a parser and the store: what breaks a declaration is set aside with its reason.

Nothing raises half-way: one bad record never costs the good ones, one bad document never stops the loop.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.cap.containers import Found
from tocsin.feeds.contract import Feed, Finding, Locate, Parsed
from tocsin.feeds.formats.fields import BROKEN
from tocsin.feeds.occurrences import judge_events
from tocsin.feeds.rejected import Rejected
from tocsin.feeds.rows import judge_rows
from tocsin.model import OBSERVATION_SCHEMA, Event, FeedError, Raw, Source, iso

MAX_BYTES = 100_000_000
"""Largest document that is parsed; what is fetched is bounded more tightly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """What may enter the store, and what may not.

    Parameters
    ----------
    observations : pyarrow.Table
        Accepted; values out of bounds stand as *missing: out_of_bounds*.
    events : tuple of Event
        Accepted and new.
    rejected : tuple of Rejected
        For the quarantine.
    findings : tuple of Finding
        From the parser.
    links : tuple of str
        Further documents to fetch.
    duplicates : int
        Records that were said twice in the same words.
    unchanged : int
        Events that the store knows already as they are.
    failed : bool
        True when the document could not be read at all: the feed counts as failed.
    issued : datetime or None
        When the publisher made the document, unless that is said to be in the future.
    messages : tuple of Found
        CAP messages as the parser read them.
    """

    observations: pa.Table
    events: tuple[Event, ...]
    rejected: tuple[Rejected, ...]
    findings: tuple[Finding, ...]
    links: tuple[str, ...]
    duplicates: int
    unchanged: int
    failed: bool = False
    issued: datetime | None = None
    messages: tuple[Found, ...] = ()

    @property
    def newest(self) -> datetime | None:
        """Newest content inside: what the age of a feed is counted from."""
        times = [min(e.onset, e.known_at) for e in self.events]
        times += [] if self.issued is None else [self.issued]
        # A row that says that a value is missing is no content: a feed that sends nothing else grows old.
        told = self.observations.filter(pc.is_null(self.observations["missing"]))
        if told.num_rows:
            times.append(pc.max(told["valid_time"]).as_py().astimezone(UTC))
        return max(times, default=None)


def admit(
    feed: Feed,
    raw: Raw,
    *,
    now: datetime,
    locate: Locate,
    regions: Container[str],
    last: datetime | None = None,
    previous: Mapping[str, Event] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Gated:
    """Parse one document and pass it through the gate; bad data never raise.

    Parameters
    ----------
    feed : Feed
        The plug-in.
    raw : Raw
        The document.
    now : datetime
        The clock; nothing may be known later.
    locate : Locate
        Places to regions.
    regions : container of str
        Ids that exist.
    last : datetime or None
        ``known_at`` of the newest record that this source gave by ingest: the clock may not go back.
    previous : mapping of str to Event
        Newest known version of events by id; what did not change is not stored again.
    max_bytes : int
        A larger document is not read at all.

    Returns
    -------
    Gated
        ``failed`` with one rejection where the document could not be read.
    """
    if raw.fetched_at > now:
        return _refused(f"fetched at {iso(raw.fetched_at)}, now is {iso(now)}: the clock went back")
    if len(raw.content) > max_bytes:
        return _refused(f"got {len(raw.content)} bytes, allowed: {max_bytes}")
    try:
        parsed = feed.parse(raw, known_at=raw.fetched_at, locate=locate)
    except FeedError as error:
        return _refused(f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 - a faulty plug-in must not stop the other feeds
        return _refused(f"fault in the parser of {raw.source}: {type(error).__name__}: {error}")
    return gate(parsed, source=feed.SOURCE, raw=raw, now=now, regions=regions, last=last, previous=previous)


def gate(
    parsed: Parsed,
    *,
    source: Source,
    raw: Raw,
    now: datetime,
    regions: Container[str],
    last: datetime | None = None,
    previous: Mapping[str, Event] | None = None,
) -> Gated:
    """Split what was parsed into accepted and rejected; parameters as :func:`admit`.

    Rules: the quantity is declared by the source; the region exists; the value lies in the quantity's bounds
    (else it becomes *missing: out_of_bounds* and is reported); nothing is known after ``now`` or before
    ``last`` (ingest basis); no observed period begins after it is known by more than the source's lag; an
    event begins at most a year ahead; one cell is not given two values at one time.
    """
    try:
        table = parsed.table()
    except (pa.ArrowException, ValueError, TypeError) as error:
        return _refused(f"observations break the schema: {error}")
    table, rejected, duplicates = judge_rows(table, source, raw, now, regions, last)
    events, set_aside, repeated, unchanged = judge_events(
        parsed.events, source, raw, now, regions, last, previous or {}
    )
    broken = [Rejected(where=f.path, error=f.message, record={}) for f in parsed.findings if f.rule == BROKEN]
    return Gated(
        observations=table,
        events=events,
        rejected=(*broken, *rejected, *set_aside),
        findings=parsed.findings,
        links=parsed.links,
        duplicates=duplicates + repeated,
        unchanged=unchanged,
        issued=None if parsed.issued is None or parsed.issued > now else parsed.issued,
        messages=parsed.messages,
    )


def _refused(error: str) -> Gated:
    return Gated(
        observations=OBSERVATION_SCHEMA.empty_table(),
        events=(),
        rejected=(Rejected(where="document", error=error, record={}),),
        findings=(),
        links=(),
        duplicates=0,
        unchanged=0,
        failed=True,
    )
