"""Live operation: jobs at their own pace, one thread each; none calls another, none can stop another.

Each feed is read by a job of its own, so that a slow publisher delays nobody; cycles, delivery, escalation,
tests of the channels and upkeep are jobs too. A job that fails says so and is tried again at its next time.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.feeds import Feed, Fetcher
from tocsin.model import HOUR, Raw, iso
from tocsin.ops import anchoring, commands, ingest, intake, jobs, loop, reach, repeats
from tocsin.ops.delivery import Courier
from tocsin.ops.loop import CYCLE
from tocsin.ops.office import Office
from tocsin.ops.redaction import without_secrets
from tocsin.ops.world import World
from tocsin.store import Store

LOG = logging.getLogger("tocsin")

POST = timedelta(seconds=15)
"""From one look for warnings that wait too long to the next: it does not wait for a cycle."""

DELIVERY = timedelta(seconds=1)
"""From one look into the outboxes to the next."""

UPKEEP = HOUR
"""From one flush of the inbox to the next."""


@dataclass(slots=True, kw_only=True)
class Job:
    """One kind of work that is done again and again.

    Parameters
    ----------
    name : str
        What people read.
    every : timedelta
        From one start to the next.
    work : callable
        Takes the moment.
    started, done : datetime or None
        The last start, and the last end without a fault.
    fault : str
        What went wrong last; empty after a good run.
    """

    name: str
    every: timedelta
    work: Callable[[datetime], None]
    started: datetime | None = None
    done: datetime | None = None
    fault: str = ""

    def turn(self, at: datetime, store: Store) -> None:
        """Run if it is due; no fault gets out, each is said once and kept.

        A clock that went back makes it due at once, and is put on record where ``tocsin status`` shows it.
        """
        if self.started is not None and at < self.started:
            self._say(f"the clock went back from {iso(self.started)} to {iso(at)}", store, at)
            self.started = None
        if self.started is not None and at - self.started < self.every:
            return
        self.started = at
        try:
            self.work(at)
        except Exception as error:
            # One broken job must not end its thread: the warning service goes on.
            LOG.exception("%s failed", self.name)
            self.fault = f"{type(error).__name__}: {error}"
            jobs.note(store, self.name, self.fault, at=at)
        else:
            if self.fault:
                LOG.warning("%s works again", self.name)
            if self.fault or self.done is None:  # the first time: a server before this one may have failed
                jobs.note(store, self.name, "", at=at)
            self.done, self.fault = at, ""

    def _say(self, what: str, store: Store, at: datetime) -> None:
        LOG.error("%s: %s", self.name, what)
        try:
            store.quarantine(self.name, at, None, "clock", what)
        except Exception:
            # Nor may what cannot be written: the thread would end.
            LOG.exception("%s: not put on record", self.name)


class Scheduler:
    """Runs the jobs until it is stopped.

    Parameters
    ----------
    office : Office
        Store and country.
    clock : callable
        Gives the wall time, aware.
    fetcher : Fetcher
        The only HTTP client.
    authorities : mapping of str to str, optional
        Further authorities whose CAP feeds are read: name to address.
    tick : timedelta
        How often each job looks whether it is due.
    """

    def __init__(
        self,
        office: Office,
        *,
        clock: Callable[[], datetime],
        fetcher: Fetcher,
        authorities: Mapping[str, str] | None = None,
        tick: timedelta = timedelta(seconds=1),
    ) -> None:
        self._clock, self._tick, self._store = clock, tick, office.store
        self._stop = threading.Event()
        self.courier = Courier(office=office, clock=clock)  # a bad address book is refused here, at the start
        self.jobs = _jobs(office, fetcher, dict(authorities or {}), self.courier)
        self._threads = [
            threading.Thread(target=self._run, args=(job,), name=f"tocsin-{job.name}", daemon=True)
            for job in self.jobs
        ]

    def start(self) -> None:
        """Start every job."""
        jobs.retire(self._store, {job.name for job in self.jobs}, at=self._clock())
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask every job to end, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)
        self.courier.stop(timeout)

    def _run(self, job: Job) -> None:
        while not self._stop.is_set():
            job.turn(self._clock(), self._store)
            self._stop.wait(self._tick.total_seconds())


def _jobs(office: Office, fetcher: Fetcher, authorities: Mapping[str, str], courier: Courier) -> list[Job]:
    jobs = [
        Job(
            name=f"feed {source}",
            every=max(feed.SOURCE.cadence, timedelta(seconds=30)),
            work=_Reader(office, source, feed, fetcher).read,
        )
        for source, feed in ingest.live_feeds().items()
    ]
    if authorities:
        read = functools.partial(_read_authorities, office, authorities, fetcher)
        jobs.append(Job(name="feeds of authorities", every=CYCLE, work=read))
    return [
        *jobs,
        Job(name="cycle", every=CYCLE, work=_Cycler(office).run),
        Job(name="delivery", every=DELIVERY, work=courier.turn),
        Job(name="escalation", every=POST, work=functools.partial(escalate, office)),
        Job(name="reach", every=reach.LOOK, work=functools.partial(reach.send_when_due, office)),
        Job(name="anchor", every=anchoring.LOOK, work=functools.partial(anchoring.take_when_due, office)),
        Job(name="upkeep", every=UPKEEP, work=functools.partial(tend, office.store)),
    ]


class _Reader:
    """Reads one feed and remembers its last document for conditional requests."""

    def __init__(self, office: Office, source: str, feed: Feed, fetcher: Fetcher) -> None:
        self._office, self._source, self._feed, self._fetcher = office, source, feed, fetcher
        self._last: Raw | None = None
        self._outcome = ""

    def read(self, at: datetime) -> None:
        try:
            done, self._last = ingest.poll(self._office, self._source, self._fetcher, at=at, last=self._last)
        except Exception as error:
            self._last = None
            fault = without_secrets(f"{type(error).__name__}: {error}")
            self._office.store.feed_run(self._source, at, "failed", fault)
            raise
        if done.outcome != self._outcome:  # said once when it breaks and once when it recovers
            self._outcome = done.outcome
            LOG.warning("feed %s is %s %s", self._source, done.outcome, done.message)


class _Cycler:
    """Runs live cycles; after a fault the next one starts from the store."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._world: World | None = None
        self._last: datetime | None = None

    def run(self, at: datetime) -> None:
        moment = at.replace(microsecond=0)
        if moment == self._last:
            return  # cycles are named by the second; one has run
        self._last = moment
        world, self._world = self._world, None
        self._world = live_cycle(self._office, at=moment, world=world)


def _read_authorities(office: Office, addresses: Mapping[str, str], fetcher: Fetcher, at: datetime) -> None:
    for one in intake.poll_authorities(office, addresses, fetcher, at=at):
        if one.outcome == "failed":
            LOG.warning("%s failed: %s", one.source, one.message)


def live_domains(office: Office) -> tuple[str, ...]:
    """Domains of the country that rest on at least one feed with an address."""
    live = ingest.live_feeds()
    return tuple(d.id for d in office.plan.domains if any(source in live for source in d.sources))


def live_cycle(office: Office, *, at: datetime, world: World | None = None) -> World:
    """Run one live cycle and keep it.

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
    return world


def escalate(office: Office, at: datetime) -> None:
    """Call who must be called for what waits, and say again what stands and is to be repeated."""
    for name in repeats.repeat(office, at=at):
        LOG.info("%s stands: it is said again", name)
    for call in commands.escalate(office, at=at):
        LOG.warning("%s waits %s: %s is called (%s)", call.alert, call.state, call.to, call.text)


def post(office: Office, at: datetime) -> None:
    """Escalate, and take what is in the outboxes to the channels in one round."""
    escalate(office, at)
    for alarm in commands.send_pending(office, at=at).alarms:
        LOG.error("%s", alarm)


def tend(store: Store, at: datetime) -> None:
    """Flush the inbox and merge small segments."""
    store.flush(at)
    store.compact(at)
