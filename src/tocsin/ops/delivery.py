"""Live delivery: a lane for each recipient that has something to get, as long as it has.

The courier is told the time about once a second. It starts a lane, a thread of its own, for every recipient
with messages that are due, and never waits for one: a receiver that answers slowly or not at all holds up
nobody but itself, and after failures its lane rests. What it keeps in memory it can lose: everything that
matters is in the outbox.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.model import ConfigError, TocsinError, iso
from tocsin.ops.address_book import FILE, read_recipients
from tocsin.ops.office import Office, sender
from tocsin.ops.redaction import without_secrets
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import LONGEST_SEND
from tocsin.warn.retry import Retry
from tocsin.warn.sending import LANES, PATIENCE, Carrier

LOG = logging.getLogger("tocsin")

OUTBOXES = ("public", "drill", "reach")
"""Real warnings first: where there are more lanes than may run, they do not wait for a drill."""

REST = timedelta(seconds=2)
"""First rest of a lane after failures; it doubles to :data:`LONGEST_REST`."""

LONGEST_REST = timedelta(seconds=5)
"""So long at most after a receiver is back, its lane goes on."""

LOOK = timedelta(seconds=30)
"""From one look at the address book on disk to the next."""

STUCK = timedelta(seconds=3 * LONGEST_SEND)
"""A lane that has told nothing for so long hangs in a channel that breaks its contract."""


@dataclass(slots=True)
class _Lane:
    """What is remembered of one recipient."""

    thread: threading.Thread | None = None
    started: datetime | None = None
    failures: int = 0
    down: bool = False
    rests_until: datetime | None = None
    fault: str = ""


@dataclass(slots=True, kw_only=True)
class Courier:
    """Carries what is in the outboxes of an office to its recipients.

    Parameters
    ----------
    office : Office
        Store, channels and address book; a bad address book is refused here, before anything is issued.
    clock : callable
        Gives the wall time.
    retry : Retry
        How long to try.

    Raises
    ------
    ConfigError
        When the address book cannot be used.
    """

    office: Office
    clock: Callable[[], datetime]
    retry: Retry = field(default_factory=Retry)
    _owner: str = field(init=False, default_factory=sender)
    _book: AddressBook = field(init=False)
    _elsewhere: frozenset[str] = field(init=False)
    _looked: datetime | None = field(init=False, default=None)
    _other_book: str = field(init=False, default="")
    _lanes: dict[tuple[str, str], _Lane] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _stopped: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._book = self.office.desk.book
        self._elsewhere = frozenset(to.id for to in self.office.replay_desk.book.everybody)

    def turn(self, at: datetime) -> None:
        """Start a lane for everybody who has something to get and whose lane neither runs nor rests.

        Parameters
        ----------
        at : datetime
            Wall time.

        Raises
        ------
        TocsinError
            When a lane hangs, or ``recipients.toml`` is not the one in use, after all others were started.
        """
        for name in OUTBOXES:
            outbox = self.office.store.outbox_of(name)
            due = [r for r in outbox.due(at, horizon=self.retry.horizon) if r not in self._elsewhere]
            # Whose turn was longest ago comes first: where many hang, the others are not starved.
            for recipient in sorted(due, key=lambda r: self._last(name, r)):
                self._start(name, recipient, at)
        stuck = [
            f"{recipient} ({name}) since {iso(lane.started)}"
            for (name, recipient), lane in sorted(self._lanes.items())
            if lane.thread is not None
            and lane.thread.is_alive()
            and lane.started is not None
            and at - lane.started > STUCK
        ]
        faults = [f"lanes that hang: {', '.join(stuck)}"] if stuck else []
        faults += [said] if (said := self._differs(at)) else []
        if faults:
            raise TocsinError("; ".join(faults))

    def _differs(self, at: datetime) -> str:
        """Why the address book in use is not the one on disk; empty where it is."""
        if self._looked is None or abs(at - self._looked) >= LOOK:
            self._looked = at
            try:
                same = read_recipients(self.office.path, self.office.channels) == self._book
                said = "" if same else "differs from the one in use: restart the server"
            except ConfigError as error:
                said = f"cannot be used, the one read at the start still is: {error}"
            self._other_book = f"{FILE} {said}" if said else ""
        return self._other_book

    def stop(self, timeout: float = 10.0) -> None:
        """Start no more lanes, and wait for those that run; what they do not finish stays in the outbox."""
        self._stopped = True
        for lane in list(self._lanes.values()):
            if lane.thread is not None:
                lane.thread.join(timeout)

    def idle(self) -> bool:
        """Whether no lane runs now."""
        return not any(x.thread is not None and x.thread.is_alive() for x in list(self._lanes.values()))

    def _last(self, name: str, recipient: str) -> float:
        lane = self._lanes.get((name, recipient))
        return 0.0 if lane is None or lane.started is None else lane.started.timestamp()

    def _start(self, name: str, recipient: str, at: datetime) -> None:
        with self._lock:
            lane = self._lanes.setdefault((name, recipient), _Lane())
            running = sum(1 for x in self._lanes.values() if x.thread is not None and x.thread.is_alive())
            if self._stopped or running >= LANES or (lane.thread is not None and lane.thread.is_alive()):
                return
            # A clock that went back must not make a rest of seconds one of hours.
            if lane.rests_until is not None and at < lane.rests_until <= at + LONGEST_REST:
                return
            lane.started = at
            lane.thread = threading.Thread(
                target=self._run, args=(name, recipient, lane), name=f"tocsin-to-{recipient}", daemon=True
            )
            lane.thread.start()

    def _run(self, name: str, recipient: str, lane: _Lane) -> None:
        def clock() -> datetime:
            lane.started = self.clock()  # it lives: it has just asked for the time
            return lane.started

        carrier = Carrier(
            outbox=self.office.store.outbox_of(name),
            channels=self.office.channels,
            book=self._book,
            clock=clock,
            owner=self._owner,
            retry=self.retry,
        )
        try:
            done = carrier.lane(recipient, was_down=lane.down)
        except Exception as error:
            # The store refused, or we have a defect: what is not settled is claimed again.
            LOG.exception("the lane to %s failed", recipient)
            lane.failures, lane.fault = lane.failures + 1, f"{type(error).__name__}: {error}"
        else:
            lane.failures = lane.failures + 1 if done.failures else 0
            lane.down = done.failures >= PATIENCE or (lane.down and bool(done.failures))
            self._tell(name, recipient, lane, [r.detail for r in done.receipts if r.status == "failed"])
            for alarm in done.alarms:
                LOG.error("%s", without_secrets(alarm))
        rest = min(REST * 2 ** min(lane.failures - 1, 10), LONGEST_REST) if lane.failures else None
        lane.rests_until = None if rest is None else self.clock() + rest

    def _tell(self, name: str, recipient: str, lane: _Lane, failed: list[str]) -> None:
        """Say once that a recipient cannot be reached, and once that it can again."""
        fault = without_secrets(failed[-1]) if failed else ""
        if fault and not lane.fault:
            LOG.warning("%s (%s) was not reached, it is tried again: %s", recipient, name, fault)
        elif lane.fault and not fault:
            LOG.warning("%s (%s) is reached again", recipient, name)
        lane.fault = fault
