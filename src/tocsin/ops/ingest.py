"""Ingest: one loop for each feed, at its own pace, into the store; it calls no cycle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.feeds import Feed, Fetcher, NotModified, admit, all_feeds
from tocsin.feeds.gate import Gated
from tocsin.feeds.rejected import Rejected
from tocsin.model import DAY, ConfigError, Event, FetchError, Raw
from tocsin.ops import aggregate, signatures
from tocsin.ops.office import Office
from tocsin.ops.redaction import without_secrets

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
    office: Office,
    source: str,
    fetcher: Fetcher,
    *,
    at: datetime,
    last: Raw | None = None,
    url: str | None = None,
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
    url : str, optional
        Where to ask instead of the publisher's own address, such as a mirror.

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
    address = url or feed.SOURCE.url
    if address is None:
        raise ConfigError(source, "url", None, "a feed with an address; this one is read from an archive")
    try:
        got = fetcher.fetch(feed.SOURCE, address, at=at, previous=last)
    except FetchError as error:
        # The address may hold a key, and what failed is read by more people than the settings.
        message = without_secrets(str(error))
        office.store.feed_run(source, at, "failed", message)
        return Ingested(source=source, outcome="failed", message=message), None
    if isinstance(got, NotModified):
        newest = None if (state := office.store.feeds(at).get(source)) is None else state.newest
        office.store.feed_run(source, at, "ok", newest=newest)
        return Ingested(source=source, outcome="ok"), last
    at = max(at, got.fetched_at)  # nothing is kept before it came
    done, gated = take(office, got, at=at)
    unread = [f"{link}: more than {MAX_LINKS} linked documents" for link in gated.links[MAX_LINKS:]]
    for link in gated.links[:MAX_LINKS]:
        try:
            more = fetcher.fetch(feed.SOURCE, link, at=at)
        except FetchError as error:
            unread.append(f"{link}: {error}")
            continue
        if isinstance(more, Raw):
            at = max(at, more.fetched_at)
            extra, _ = take(office, more, at=at, note=False)
            if extra.outcome == "failed":
                unread.append(f"{link}: {extra.message}")
            done = _plus(done, extra)
    if unread:
        unread = [without_secrets(reason) for reason in unread]
        # A part that is missing is not calm: the feed counts as failed until it has been read whole.
        for reason in unread:
            office.store.quarantine(source, at, None, "link", reason)
        message = f"{len(unread)} of {len(gated.links)} linked documents not read; {unread[0]}"
        at += timedelta(microseconds=1)
        office.store.feed_run(source, at, "failed", message, newest=gated.newest)
        done = replace(done, outcome="failed", message=message)
    # Only what was read whole may be answered by "not modified" next time.
    return done, got if done.outcome == "ok" else None


def take(
    office: Office, raw: Raw, *, at: datetime, note: bool = True, authority: str | None = None
) -> tuple[Ingested, Gated]:
    """Keep the bytes, what they say, and what could not be used.

    Parameters
    ----------
    raw : Raw
        A document of a feed.
    at : datetime
        Wall time.
    note : bool
        Whether this is a reading of the feed itself, to be noted as such.
    authority : str, optional
        Name under which the address is configured, where one feed reads many authorities.
    """
    feed = _feed(raw.source)
    store = office.store
    sha = store.keep_raw(replace(raw, url=without_secrets(raw.url)))
    received = signatures.receive(office, raw, at=at)
    forged: list[Rejected] = []
    previous = _known_events(office, feed, at)

    def admitted() -> Gated:
        judged = None if received is None else signatures.Judged(feed=feed, received=received, refused=forged)
        regions = office.pack.regions
        return admit(judged or feed, raw, now=at, locate=office.pack, regions=regions, previous=previous)

    gated = admitted()
    if received is None and gated.messages:  # in an encoding, or behind an escape, that hid them
        received = signatures.receive(office, raw, at=at, surely=True)
        gated = admitted()
    with store.transaction():
        if gated.observations.num_rows:
            store.add(gated.observations, ingest=f"{raw.source}:{sha}:observations", at=at)
        events, refused = gated.events, gated.rejected
        if gated.messages or any(aggregate.of_a_message(event) for event in events):
            register = aggregate.register_of(office)
            settled, foreign = aggregate.settle(office, events, register)
            events, refused = tuple(settled), (*refused, *foreign)
            via = raw.source if authority is None else f"{raw.source}:{authority}"
            aggregate.keep_messages(store, gated.messages, source=via, raw=sha, at=at, register=register)
        if events:
            store.add(events, ingest=f"{raw.source}:{sha}:events:{at.isoformat()}", at=at)
        for rejected in (*refused, *forged):
            store.quarantine(raw.source, at, sha, rejected.where, rejected.error)
        message = "; ".join(without_secrets(r.error) for r in gated.rejected[:3]) if gated.failed else ""
        if note:
            outcome = "failed" if gated.failed else "ok"
            store.feed_run(raw.source, at, outcome, message, newest=gated.newest, raw=sha)
    return Ingested(
        source=raw.source,
        outcome="failed" if gated.failed else "ok",
        observations=gated.observations.num_rows,
        events=len(events),
        unchanged=gated.unchanged,
        rejected=len(refused) + len(forged),
        message=message,
    ), gated


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
