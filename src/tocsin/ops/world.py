"""The running world of a loop of cycles: what the store holds, kept at hand between two cycles.

A cycle asks its snapshot for the standing warnings, the verdicts and the carried state. The store answers
these as of any moment; a loop that wrote them itself a moment ago need not ask again. A test holds both
answers equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model import Alert, Event, FeedState, Panel, Plan, Snapshot, Source, State
from tocsin.ops import staleness
from tocsin.verify import ledger
from tocsin.verify.outcome import Day

KEEP = ledger.WAIT + timedelta(days=3)
"""Verdicts and days of so long are kept at hand: the wait for a verdict, and the two days that it is on."""

AFTER_END = timedelta(hours=6)
"""For so long after the last record of an archive a replay still says that its source is stale."""

STANDING = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED, State.ISSUED})


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """What a loop carries from one cycle to the next.

    Parameters
    ----------
    alerts : dict of str to Alert
        Newest revision of every warning.
    verdicts : list of (datetime, mapping)
        Entries with the moment from which they are known.
    days : dict
        Local days judged, by domain, region and day.
    until : dict of str to datetime
        For each domain, the moment up to which the local days that ended have been judged.
    closed : set of str
        Chains whose verdict can no longer change.
    carried : mapping of ndarray or None
        State that the last cycle left.
    forecasts : dict of str to int
        Newest slot of time of which each quantity has a forecast (:mod:`tocsin.ops.forecasting`).
    """

    alerts: dict[str, Alert] = field(default_factory=dict)
    verdicts: list[tuple[datetime, Mapping[str, Any]]] = field(default_factory=list)
    days: dict[str, dict[tuple[str, date], Day]] = field(default_factory=dict)
    until: dict[str, datetime] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    carried: Mapping[str, NDArray[Any]] | None = None
    forecasts: dict[str, int] = field(default_factory=dict)

    def remember(self, alerts: Iterable[Alert]) -> None:
        """Take newer revisions of warnings."""
        self.alerts |= {alert.id: alert for alert in alerts}

    def forget(self, at: datetime) -> None:
        """Drop what neither stands nor waits for a verdict: a loop does not grow with its history."""
        self.alerts = {
            key: a
            for key, a in self.alerts.items()
            if (a.state in STANDING and a.expires > at) or (a.sent is not None and a.chain not in self.closed)
        }
        open_chains = {a.chain for a in self.alerts.values()}
        self.closed &= open_chains
        recent = at - KEEP
        self.verdicts = [(known, entry) for known, entry in self.verdicts if known > recent]
        for domain, days in self.days.items():
            oldest = self.oldest(domain, at)
            for key in [k for k in days if k[1] < oldest]:
                del days[key]

    def oldest(self, domain: str, at: datetime) -> date:
        """First local day of a domain that is still at hand: an open chain keeps all of its own."""
        waiting = [
            member.since
            for alert in self.alerts.values()
            if alert.domain == domain and alert.sent is not None and alert.chain not in self.closed
            for member in alert.members
        ]
        # A day of margin: the local day may be the one before that of UTC.
        return min([at - KEEP, *waiting]).date() - timedelta(days=1)

    def standing(self, at: datetime) -> list[Alert]:
        """Warnings that stand or wait at a moment, as the store gives them."""
        found = [a for a in self.alerts.values() if a.state in STANDING and a.expires > at]
        return sorted(found, key=lambda a: a.id)


# What a snapshot of the store says, except for what the loop itself wrote last.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chained:
    """A snapshot of the store with the loop's own records laid over it.

    Parameters
    ----------
    snapshot : Snapshot
        Observations and events as known at its moment.
    world : World
        Warnings, verdicts and carried state.
    plan : Plan
        What is watched: where the records of an archive are looked for.
    archives : mapping of str to (datetime, datetime)
        Sources that an archive covers, with its first and last moment; empty in live operation.
    sources : mapping of str to Source
        Declarations, which say from which age content counts no more.
    """

    snapshot: Snapshot
    world: World
    plan: Plan
    archives: Mapping[str, tuple[datetime, datetime]]
    sources: Mapping[str, Source]

    @property
    def at(self) -> datetime:
        """The moment of knowledge."""
        return self.snapshot.at

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel:
        """As the store's snapshot."""
        return self.snapshot.panel(quantity, regions=regions, start=start, end=end, step=step)

    def cells(
        self,
        *,
        quantity: str | None = None,
        regions: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """As the store's snapshot."""
        return self.snapshot.cells(quantity=quantity, regions=regions, start=start, end=end)

    def events(
        self, *, domain: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Event]:
        """As the store's snapshot."""
        return self.snapshot.events(domain=domain, start=start, end=end)

    def standing(self) -> Sequence[Alert]:
        """Warnings that stand or wait."""
        return self.world.standing(self.at)

    def verdicts(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Verdicts taken in ``(since, at]``."""
        return [entry for known, entry in self.world.verdicts if since < known <= self.at]

    def carried(self, plan: str) -> Mapping[str, NDArray[Any]] | None:
        """State that the cycle before left."""
        return self.snapshot.carried(plan) if self.world.carried is None else self.world.carried

    def feeds(self) -> Mapping[str, FeedState]:
        """State of each source; of one that an archive covers, what the records known by now say.

        To a cycle a stale source is a failed one: neither tells that nothing happened.
        """
        return {source: _failed(state) for source, state in self._states().items()}

    def _states(self) -> dict[str, FeedState]:
        if not self.archives:
            read = self.snapshot.feeds()
            return {name: staleness.aged(s, self.sources.get(name), self.at) for name, s in read.items()}
        return {
            name: staleness.archived(self.sources[name], self._newest(self.sources[name]), self.at)
            for name, (first, last) in self.archives.items()
            if first <= self.at <= last + AFTER_END
        }

    def _newest(self, source: Source) -> datetime | None:
        domains = staleness.served(source, self.plan)
        return staleness.newest_content(source, domains, self.plan, self.snapshot)


def _failed(state: FeedState) -> FeedState:
    if state.outcome != staleness.STALE:
        return state
    return replace(state, outcome="failed", message=f"stale: {state.message}")
