"""Ingest: one loop for each feed, at its own pace, into the store; it calls no cycle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.feeds import Feed, Fetcher, NotModified, admit, all_feeds
from tocsin.feeds.gate import Gated
from tocsin.model import DAY, ConfigError, Event, FetchError, Raw
from tocsin.ops.office import Office

KEEP_EVENTS = 7 * DAY
"""Events of so many days are compared with what a feed says again."""

MAX_LINKS = 200
"""Further documents that one reading of a feed may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What one reading of a feed gave.

    Parameters
    ----------
    source : str
        Id of the feed.
    outcome : str
        ``ok`` or ``failed``.
    observations, events, unchanged, rejected : int
        Records kept, known already, and in quarantine.
    message : str
        What went wrong, in words; empty when nothing did.
    """

    source: str
    outcome: str
    observations: int = 0
    events: int = 0
    unchanged: int = 0
    rejected: int = 0
    message: str = ""


def live_feeds() -> dict[str, Feed]:
    """Feeds that have an address."""
    return {name: feed for name, feed in all_feeds().items() if feed.SOURCE.url is not None}


def poll(
    office: Office, source: str, fetcher: Fetcher, *, at: datetime, last: Raw | None = None
) -> tuple[Ingested, Raw | None]:
    """Fetch one feed and keep what it says.

    Parameters
    ----------
    office : Office
        Store and country.
    source : str
        Id of the feed.
    fetcher : Fetcher
        The only HTTP client.
    at : datetime
        Wall time.
    last : Raw, optional
        The document read before, for a conditional request.

    Returns
    -------
    tuple of Ingested and Raw
        What came of it, and the document for the next conditional request. A feed that cannot be reached
        is *failed*, with its reason; what was known before stays known, with its age.

    Raises
    ------
    ConfigError
        When the feed has no address.
    """
    feed = _feed(source)
    url = feed.SOURCE.url
    if url is None:
        raise ConfigError(source, "url", None, "a feed with an address; this one is read from an archive")
    try:
        got = fetcher.fetch(feed.SOURCE, url, at=at, previous=last)
    except FetchError as error:
        office.store.feed_run(source, at, "failed", str(error))
        return Ingested(source=source, outcome="failed", message=str(error)), last
    if isinstance(got, NotModified):
        newest = None if (state := office.store.feeds(at).get(source)) is None else state.newest
        office.store.feed_run(source, at, "ok", newest=newest)
        return Ingested(source=source, outcome="ok"), last
    done, gated = take(office, got, at=at)
    for link in gated.links[:MAX_LINKS]:
        try:
            more = fetcher.fetch(feed.SOURCE, link, at=at)
        except FetchError as error:
            office.store.quarantine(source, at, None, link, str(error))
            continue
        if isinstance(more, Raw):
            extra, _ = take(office, more, at=at, note=False)
            done = _plus(done, extra)
    return done, got


def take(office: Office, raw: Raw, *, at: datetime, note: bool = True) -> tuple[Ingested, Gated]:
    """Keep the bytes, what they say, and what could not be used.

    Parameters
    ----------
    raw : Raw
        A document of a feed.
    at : datetime
        Wall time.
    note : bool
        Whether this is a reading of the feed itself, to be noted as such.
    """
    feed = _feed(raw.source)
    store = office.store
    sha = store.keep_raw(raw)
    gated = admit(
        feed,
        raw,
        now=at,
        locate=office.pack,
        regions=office.pack.regions,
        previous=_known_events(office, feed, at),
    )
    with store.transaction():
        if gated.observations.num_rows:
            store.add(gated.observations, ingest=f"{raw.source}:{sha}:observations", at=at)
        if gated.events:
            store.add(gated.events, ingest=f"{raw.source}:{sha}:events:{at.isoformat()}", at=at)
        for rejected in gated.rejected:
            store.quarantine(raw.source, at, sha, rejected.where, rejected.error)
        message = "; ".join(r.error for r in gated.rejected[:3]) if gated.failed else ""
        if note:
            outcome = "failed" if gated.failed else "ok"
            store.feed_run(raw.source, at, outcome, message, newest=gated.newest, raw=sha)
    return Ingested(
        source=raw.source,
        outcome="failed" if gated.failed else "ok",
        observations=gated.observations.num_rows,
        events=len(gated.events),
        unchanged=gated.unchanged,
        rejected=len(gated.rejected),
        message=message,
    ), gated


def is_stale(feed: Feed, newest: datetime | None, at: datetime) -> bool:
    """Whether the newest content of a feed is older than the feed allows."""
    return newest is None or at - newest > feed.SOURCE.stale_after


def due(feed: Feed, last_run: datetime | None, at: datetime) -> bool:
    """Whether a feed should be read now, by its cadence but at most every half minute."""
    pause = max(feed.SOURCE.cadence, timedelta(seconds=30))
    return last_run is None or at - last_run >= pause


def _feed(source: str) -> Feed:
    feeds = all_feeds()
    if source not in feeds:
        raise ConfigError("feeds", "source", source, sorted(feeds))
    return feeds[source]


def _known_events(office: Office, feed: Feed, at: datetime) -> dict[str, Event]:
    snapshot = office.store.as_of(at)
    found: Iterable[Event] = (
        event
        for domain in feed.SOURCE.domains
        for event in snapshot.events(domain=domain, start=at - KEEP_EVENTS, end=at + KEEP_EVENTS)
    )
    return {event.id: event for event in found}


def _plus(a: Ingested, b: Ingested) -> Ingested:
    return Ingested(
        source=a.source,
        outcome=a.outcome,
        observations=a.observations + b.observations,
        events=a.events + b.events,
        unchanged=a.unchanged + b.unchanged,
        rejected=a.rejected + b.rejected,
        message=a.message or b.message,
    )
