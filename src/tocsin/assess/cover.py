"""What is not watched, and how long ago something was: silence of a feed is never calm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tocsin.assess.levels import Assessed
from tocsin.model import UNCOVERED, UNKNOWN, Domain, FeedState, from_us, to_us


def silent(domain: Domain, watched: Sequence[str], feeds: Mapping[str, FeedState]) -> frozenset[str]:
    """All regions of a domain of events when one of its feeds has failed; else none.

    Where values are watched, a missing value says it for each series.
    """
    failed = any(_state(feeds, source).outcome == "failed" for source in domain.sources)
    return frozenset(watched) if failed and not domain.monitors else frozenset()


def cover(assessed: Assessed, domain: Domain, feeds: Mapping[str, FeedState]) -> Assessed:
    """Mark as not covered what would be called calm in a domain of events whose feeds were never read."""
    never = all(_state(feeds, source).outcome == "never" for source in domain.sources)
    if never and not domain.monitors:
        assessed.levels[assessed.levels == 0] = UNCOVERED
    return assessed


def _state(feeds: Mapping[str, FeedState], source: str) -> FeedState:
    return feeds.get(source) or FeedState(source=source, outcome="never")


def last_above(at: datetime, assessed: Assessed, before: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """When each region was last above normal, microseconds since 1970; 0 for never.

    Parameters
    ----------
    at : datetime
        Moment of the cycle.
    assessed : Assessed
        Levels found at it.
    before : ndarray of int64 or None
        As the cycle before left it; None for the first.
    """
    old = np.zeros(len(assessed.regions), np.int64) if before is None else before
    above = (assessed.levels >= 1) & (assessed.levels < UNKNOWN)
    when: NDArray[np.int64] = np.where(above, to_us(at), old)
    return when


def ages(
    at: datetime,
    domains: Sequence[Domain],
    watched: Mapping[str, Sequence[str]],
    when: Mapping[str, NDArray[np.int64]],
) -> dict[tuple[str, str], timedelta]:
    """How long ago each region of each domain was last above normal, within the domain's compound window.

    Parameters
    ----------
    at : datetime
        Moment of the cycle.
    domains : sequence of Domain
        All that are watched.
    watched : mapping of str to sequence of str
        Regions of each domain.
    when : mapping of str to ndarray of int64
        As :func:`last_above` gave it for each domain.
    """
    return {
        (domain.id, watched[domain.id][i]): at - from_us(int(when[domain.id][i]))
        for domain in domains
        for i in np.flatnonzero(when[domain.id] >= to_us(at - domain.criteria.compound)).tolist()
    }
