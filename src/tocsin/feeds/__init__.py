"""Feeds: fetch bytes, parse them purely, pass them through the gate.

The ingest loop does, for one feed::

    raw = fetcher.fetch(source, url, at=now)           # Raw | NotModified
    store.keep_raw(raw)
    gated = admit(feed, raw, now=now, locate=pack, regions=pack.regions)
    store.add(gated.observations, …); store.add(gated.events, …)
    for r in gated.rejected: store.quarantine(source.id, now, raw.sha256, r.where, r.error)
"""

from typing import cast

from tocsin import catalog
from tocsin.feeds.contract import Feed, Locate, Parsed, is_archive
from tocsin.feeds.fetch import Fetcher, Limits, NotModified
from tocsin.feeds.gate import Gated, admit, gate
from tocsin.feeds.rejected import Rejected


def all_feeds() -> dict[str, Feed]:
    """Every feed by id, found by scanning.

    Examples
    --------
    >>> all_feeds()["usgs_earthquakes"].SOURCE.publisher
    'US Geological Survey'
    """
    return cast("dict[str, Feed]", catalog.feeds())


__all__ = [
    "Feed",
    "Fetcher",
    "Gated",
    "Limits",
    "Locate",
    "NotModified",
    "Parsed",
    "Rejected",
    "admit",
    "all_feeds",
    "gate",
    "is_archive",
]
