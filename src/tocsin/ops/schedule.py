"""Live operation: the ingest loop and the cycle loop, two threads that do not call each other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from tocsin.feeds import Fetcher
from tocsin.model import HOUR, Raw, TocsinError
from tocsin.ops import commands, ingest, loop
from tocsin.ops.office import Office
from tocsin.ops.world import World
from tocsin.store import Store

LOG = logging.getLogger("tocsin")

CYCLE = timedelta(minutes=5)
"""From one live cycle to the next."""

UPKEEP = HOUR
"""From one flush of the inbox to the next."""


class Scheduler:
    """Runs the loops until it is stopped.

    Parameters
    ----------
    office : Office
        Store and country.
    clock : callable
        Gives the wall time, aware.
    fetcher : Fetcher
        The only HTTP client.
    tick : timedelta
        How often the loops look whether something is due.
    """

    def __init__(
        self,
        office: Office,
        *,
        clock: Callable[[], datetime],
        fetcher: Fetcher,
        tick: timedelta = timedelta(seconds=1),
    ) -> None:
        self._office, self._clock, self._fetcher, self._tick = office, clock, fetcher, tick
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ingest, name="tocsin-ingest", daemon=True),
            threading.Thread(target=self._cycle, name="tocsin-cycle", daemon=True),
        ]

    def start(self) -> None:
        """Start both loops."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask both loops to end, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _ingest(self) -> None:
        runs: dict[str, datetime] = {}
        documents: dict[str, Raw | None] = {}
        outcome: dict[str, str] = {}
        upkeep = self._clock()
        while not self._stop.is_set():
            for source, feed in ingest.live_feeds().items():
                at = self._clock()
                if self._stop.is_set() or not ingest.due(feed, runs.get(source), at):
                    continue
                runs[source] = at
                done, documents[source] = self._guarded_poll(source, at, documents.get(source))
                if done is not None and done.outcome != outcome.get(source):
                    # Said once when it breaks and once when it recovers.
                    outcome[source] = done.outcome
                    LOG.warning("feed %s is %s %s", source, done.outcome, done.message)
            if self._clock() - upkeep >= UPKEEP:
                upkeep = self._clock()
                tend(self._office.store, upkeep)
            self._stop.wait(self._tick.total_seconds())

    def _guarded_poll(
        self, source: str, at: datetime, last: Raw | None
    ) -> tuple[ingest.Ingested | None, Raw | None]:
        try:
            return ingest.poll(self._office, source, self._fetcher, at=at, last=last)
        except (TocsinError, OSError, ValueError):
            LOG.exception("feed %s: the reading itself failed", source)
            return None, None

    def _cycle(self) -> None:
        world: World | None = None
        last: datetime | None = None
        while not self._stop.is_set():
            at = self._clock().replace(microsecond=0)
            if last is None or at - last >= CYCLE:
                last = at
                try:
                    world = live_cycle(self._office, at=at, world=world)
                except (TocsinError, OSError, ValueError):
                    LOG.exception("cycle of %s failed; the next one starts from the store", at)
                    world = None
            self._stop.wait(self._tick.total_seconds())


def live_domains(office: Office) -> tuple[str, ...]:
    """Domains of the country that rest on at least one feed with an address."""
    live = ingest.live_feeds()
    return tuple(d.id for d in office.plan.domains if any(source in live for source in d.sources))


def live_cycle(office: Office, *, at: datetime, world: World | None = None) -> World:
    """Run one live cycle and send what waits in the outbox.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime
        Wall time.
    world : World, optional
        As left by the last cycle of this process; read back from the store if not given.

    Returns
    -------
    World
        For the next cycle.
    """
    plan = office.plan_of(live_domains(office))
    if world is None:
        world = loop.restore_world(office, plan, at=at)
    snapshot = office.store.as_of(at)
    # Officers acted since, or made drafts of their own: what they did is in the store.
    ids = {a.id for a in (*snapshot.standing(), *world.standing(at))}
    world.remember(office.store.get("alert", one, at=at) for one in sorted(ids))
    with office.store.transaction():
        one = loop.turn(office, plan, snapshot, world, mode="live", desk=None, archives={})
        office.store.save_state(plan.id, one.at, one.carried, keep=3)
    for call in commands.escalate(office, at=at):
        LOG.warning("%s waits %s: %s is called (%s)", call.alert, call.state, call.to, call.text)
    for alarm in commands.send_pending(office, at=at).alarms:
        LOG.error("%s", alarm)
    return world


def tend(store: Store, at: datetime) -> None:
    """Flush the inbox and merge small segments."""
    store.flush(at)
    store.compact(at)
