"""When a source is stale: one rule for the cycle, the picture and the doctor, live and in a replay.

A source whose newest content is older than ``stale_after`` of its declaration is *stale*, however often and
however well it is read; a source that says nothing new is not a source that says all is well. Where an
archive is replayed nothing is read: what its records known by then say takes the place of a reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np

from tocsin.model import DAY, Domain, FeedState, Plan, Snapshot, Source, from_us, iso

STALE = "stale"
"""Outcome of a source that is read, but whose content is too old."""


class Aging(Protocol):
    """Whatever says after how long its content is too old: a source, or one authority of many."""

    @property
    def stale_after(self) -> timedelta:
        """When content so old is too old."""


def aged(state: FeedState, source: Aging | None, at: datetime) -> FeedState:
    """Say of a source that was read well whether its content is too old by now.

    Parameters
    ----------
    state : FeedState
        Of its last reading.
    source : Source, Authority or None
        Its declaration; None for a source that nothing is declared of, which has no age.
    at : datetime
        Moment of knowledge.

    Returns
    -------
    FeedState
        The same, or *stale* since the newest content was too old. The age is that of the newest content;
        of a source that never had any, such as a feed of warnings without one, that of its last reading.

    Examples
    --------
    >>> from tocsin.feeds import all_feeds
    >>> source = all_feeds()["usgs_earthquakes"].SOURCE
    >>> read = datetime(2026, 1, 1, tzinfo=UTC)
    >>> state = FeedState(source=source.id, outcome="ok", last_ok=read, newest=read)
    >>> [aged(state, source, read + timedelta(hours=h)).outcome for h in (1, 2, 3)]
    ['ok', 'ok', 'stale']
    """
    newest = state.newest or state.last_ok
    if source is None or state.outcome != "ok" or newest is None or at - newest <= source.stale_after:
        return state
    return replace(
        state,
        outcome=STALE,
        since=newest + source.stale_after,
        message=f"the newest content is of {iso(newest)}",
    )


def archived(source: Source, newest: datetime | None, at: datetime) -> FeedState:
    """State of a source in a replay of its archive: as old as the newest record that was known.

    Parameters
    ----------
    source : Source
        Its declaration.
    newest : datetime or None
        Newest content that was known at the moment; None where there is none that could still count.
    at : datetime
        Moment of knowledge.

    Returns
    -------
    FeedState
        *ok* or *stale*: a gap in an archive is never *ok*.
    """
    if newest is None:
        message = f"the archive has no value and no report of the {source.stale_after} before"
        return FeedState(source=source.id, outcome=STALE, message=message)
    return aged(FeedState(source=source.id, outcome="ok", last_ok=newest, newest=newest), source, at)


def served(source: Source, plan: Plan) -> list[Domain]:
    """Domains of a plan that a source serves, be it by its own declaration or by theirs."""
    return [d for d in plan.domains if d.id in source.domains or source.id in d.sources]


def newest_content(
    source: Source, domains: Iterable[Domain], plan: Plan, snapshot: Snapshot
) -> datetime | None:
    """End of the newest period with a value, or time of the newest report, that a source had given.

    A report that comes late is as old as what it reports, not as its coming; a period of which nothing is
    known but that its values are missing is none.

    Parameters
    ----------
    source : Source
        Its declaration.
    domains : iterable of Domain
        Domains of the plan that it serves.
    plan : Plan
        What is watched where.
    snapshot : Snapshot
        What was known.

    Returns
    -------
    datetime or None
        None where nothing is young enough to count; no further back is looked.
    """
    at = snapshot.at
    found: list[datetime] = []
    mine = {quantity.id for quantity in source.quantities}
    for domain in domains:
        if not domain.monitors:
            near = snapshot.events(domain=domain.id, start=at - source.stale_after - DAY, end=at)
            found += [min(e.onset, e.known_at) for e in near if e.source == source.id and e.known_at <= at]
        for monitor in domain.monitors:
            if found and at - max(found) <= source.stale_after:
                break  # fresh: how fresh the other series are does not matter
            if monitor.quantity.id in mine:
                found += _newest_period(
                    monitor.quantity.id, monitor.quantity.step, source, domain, plan, snapshot
                )
    return max(found, default=None)


def _newest_period(
    quantity: str, step: timedelta, source: Source, domain: Domain, plan: Plan, snapshot: Snapshot
) -> list[datetime]:
    """End of the newest period of a quantity with a value in one of the regions."""
    at = snapshot.at
    grid = min(step, DAY)  # periods longer than a day begin on a day
    back = source.stale_after + step + grid
    start = datetime(1970, 1, 1, tzinfo=UTC) + ((at - back) - datetime(1970, 1, 1, tzinfo=UTC)) // grid * grid
    panel = snapshot.panel(quantity, regions=plan.watched[domain.id], start=start, end=at, step=grid)
    # That values are missing is no content: a country whose every value is missing is not watched.
    rows = np.flatnonzero(np.isfinite(panel.values).any(axis=1))
    return [from_us(int(panel.times[rows[-1]])) + step] if rows.size else []
