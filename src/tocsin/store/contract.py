"""What a store must do: the protocol, and the small nouns of its calls.

Two kinds of thing are kept. *Observations and events* are bitemporal: they have a time that they
are about and a time from which they are known, and ``as_of(t)`` answers with what was known at t.
*Records* (alerts, tasks, decisions, receipts, verdicts …) are revisions with a known time,
append-only. The conformance suite of a store is :mod:`tocsin.testing.store`.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.alert import Decision, Role
from tocsin.model.observation import Event, Observation, Raw
from tocsin.model.panel import FeedState, Snapshot

State = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What an ingest did.

    Parameters
    ----------
    new : int
        Observations kept.
    events : int
        Versions of events kept; one that says nothing new is not a version.
    duplicate : bool
        True when this ingest key had been seen before: nothing was done.
    """

    new: int
    events: int = 0
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSpec:
    """A panel that a replay will ask for at each step.

    Parameters
    ----------
    quantity : str
        Id.
    regions : tuple of str
        Ids, in the order asked for most.
    step : timedelta
        Grid, counted from 1970.
    span : timedelta
        How far back from each moment.
    """

    quantity: str
    regions: tuple[str, ...]
    step: timedelta
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One revision of a record: its noun (or mapping) and since when it is known."""

    kind: str
    id: str
    revision: int
    known_at: datetime
    noun: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One decision and its place in the hash chain."""

    seq: int
    decision: Decision
    prev: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Why one officer may act alone: the policy, the reason, and when it will be reviewed."""

    policy: str
    reason: str
    review_due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as kept: bound to one content, until one moment."""

    alert: str
    content_hash: str
    expires: datetime
    at: datetime
    submitter: str
    approver: str
    legal_basis: str
    breakglass: BreakGlass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One message to one recipient, and how far it has come."""

    id: int
    group: str
    recipient: str
    content_hash: str
    channel: str
    payload: Mapping[str, Any]
    at: datetime
    status: str
    attempts: int
    next_try: datetime | None
    settled_at: datetime | None
    detail: str
    priority: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRow:
    """One cycle as recorded.

    Parameters
    ----------
    id : str
        Unique.
    plan, mode : str
        What ran, and how (``live``, ``replay`` …).
    at : datetime
        Moment of knowledge.
    inputs_hash, code : str
        What it saw and which code ran.
    judgement : bytes
        What it judged: columns in the form of :mod:`tocsin.store.judged`, which are kept by series too; bytes
        of another form are kept as they are.
    levels : bytes
        Levels in the writer's own form.
    summary : mapping
        Plain JSON types.
    """

    id: str
    plan: str
    at: datetime
    mode: str
    inputs_hash: str
    code: str
    judgement: bytes
    levels: bytes
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleHead:
    """Which cycle was recorded when, without its columns.

    Parameters
    ----------
    id, plan, mode : str
        As in :class:`CycleRow`.
    at : datetime
        Moment of knowledge.
    domains : tuple of str
        What it watched, by its summary.
    levels : bytes
        As in :class:`CycleRow`, where asked for.
    """

    id: str
    plan: str
    mode: str
    at: datetime
    domains: tuple[str, ...]
    levels: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Something that came in and could not be used."""

    id: int
    source: str
    at: datetime
    raw: str | None
    where: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A role account of staff."""

    name: str
    role: Role
    password_hash: str
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A log-in; only the hash of its token is kept."""

    token_hash: str
    account: str
    created: datetime
    expires: datetime
    csrf: str


class Outbox(Protocol):
    """One table of decisions to send; a row is sent by who holds its lease."""

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
        priority: int = 0,
    ) -> bool:
        """Put a message there; False when it is there already."""

    def pending(self, at: datetime, *, limit: int | None = None) -> builtins.list[OutboxItem]:
        """Messages to be tried at ``at``, in the order in which they came."""

    def due(self, at: datetime, *, horizon: timedelta) -> dict[str, datetime]:
        """Recipients with messages that could be sent now, and since when the first of them waits."""

    def claim(
        self,
        at: datetime,
        *,
        recipient: str,
        owner: str,
        lease: timedelta,
        horizon: timedelta,
        limit: int,
    ) -> builtins.list[OutboxItem]:
        """Take messages to send them: of each group the first that is not settled."""

    def holds(self, id: int, owner: str) -> bool:  # noqa: A002
        """Whether a message is still to be sent, and by this owner and no other."""

    def wake(self, recipient: str, at: datetime) -> None:
        """Let what waits for its next try be tried now: the recipient's receiver is back."""

    def release(self, owner: str) -> None:
        """Give back what was taken and not settled."""

    def settle(
        self,
        id: int,  # noqa: A002
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
        owner: str | None = None,
    ) -> None:
        """Note what a channel answered."""

    def confirm(self, key: str, *, at: datetime) -> bool:
        """Note that the receiver itself says it has a message."""

    def rows(
        self, *, status: str | None = None, alert: str | None = None, since: datetime | None = None
    ) -> builtins.list[OutboxItem]:
        """Messages in any state, oldest first."""

    def tally(self) -> dict[str, int]:
        """How many messages are in each state."""


class Store(Protocol):
    """Everything that is kept, as known at any moment."""

    # -- observations and events
    def add(self, records: pa.Table | Iterable[Observation | Event], *, ingest: str, at: datetime) -> Added:
        """Keep a batch in one durable transaction.

        Parameters
        ----------
        records : pyarrow.Table or iterable
            Observations in ``OBSERVATION_SCHEMA``, or nouns of both kinds.
        ingest : str
            Idempotence key, such as the hash of the bytes: the same again is a no-op.
        at : datetime
            Wall time of the ingest.

        Raises
        ------
        ShapeError
            When a row breaks the schema, has none or several of value, text and missing, is NaN, is about
            a year outside 1700 to 2299, or is known after ``at``. Nothing of the batch is kept then.
        """

    def load(self, tables: Iterable[pa.Table], *, ingest: str, at: datetime) -> Added:
        """Keep an archive: as :meth:`add`, but straight to sorted segments, visible all at once."""

    def keep_raw(self, raw: Raw) -> str:
        """Keep bytes as received, compressed, under their SHA-256; the same again is a no-op."""

    def raw(self, sha256: str) -> Raw:
        """The bytes again; StoreError when unknown or damaged."""

    def as_of(self, at: datetime) -> Snapshot:
        """The store as known at ``at``."""

    def follow(
        self, *, start: datetime, end: datetime, step: timedelta, panels: Sequence[PanelSpec]
    ) -> Iterator[Snapshot]:
        """Snapshots at ``start, start + step, … ≤ end``; panels of the specs cost microseconds."""

    def news(self, since: datetime, until: datetime) -> pa.Table:
        """Rows that became known in ``(since, until]``, in the order of known time."""

    def revisions(self, quantity: str, region: str, valid_time: datetime | None = None) -> pa.Table:
        """All versions of the cells of a series, by valid time and known time."""

    def event_history(self, id: str) -> builtins.list[Event]:  # noqa: A002
        """Every version of an event, oldest first; empty for one that is not known."""

    def counts(self) -> pa.Table:
        """Rows kept by ``source`` and ``day`` of valid time: columns source, day, rows."""

    # -- upkeep
    def flush(self, at: datetime) -> int:
        """Move waiting batches to segments; give the number of rows moved."""

    def compact(self, at: datetime, *, grace: timedelta = timedelta(hours=1), full: bool = False) -> int:
        """Merge segments and sweep what nobody can be reading any more; give the number merged."""

    def check(self) -> builtins.list[str]:
        """Faults of the store in words; empty when it is whole."""

    def backup(self, destination: Path) -> None:
        """A copy of this moment in a new folder, itself a store."""

    def close(self) -> None:
        """Give back files and connections."""

    def transaction(self) -> AbstractContextManager[None]:
        """All inside is one durable commit, or nothing."""

    # -- records
    def put(self, kind: str, id: str, noun: Any, *, known_at: datetime, revision: int) -> None:  # noqa: A002
        """Keep one revision: ConflictError unless it is the next, PastError if it is known earlier."""

    def get(self, kind: str, id: str, at: datetime | None = None) -> Any:  # noqa: A002
        """The newest revision known at ``at`` (None: of all); None when there is none."""

    def history(self, kind: str, id: str) -> builtins.list[Stored]:  # noqa: A002
        """Every revision, oldest first."""

    def list(
        self, kind: str, *, at: datetime | None = None, where: Mapping[str, Any] | None = None
    ) -> builtins.list[Any]:
        """The newest revision of each record of a kind, by id; ``where`` compares fields of it."""

    def journal(self, decision: Decision) -> str:
        """Append a decision to the hash chain; give its hash."""

    def audit(
        self,
        *,
        subject: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> builtins.list[JournalEntry]:
        """Entries of the journal, oldest first (the newest ``limit`` of them)."""

    def approve(
        self,
        *,
        alert: str,
        content_hash: str,
        approver: str,
        submitter: str,
        legal_basis: str,
        at: datetime,
        expires: datetime,
        breakglass: BreakGlass | None = None,
    ) -> None:
        """Bind an approval to one content; AuthorityError or ConflictError when it may not be."""

    def issue(
        self, *, alert: str, content_hash: str, approval_expires: datetime, at: datetime, issuer: str
    ) -> None:
        """Issue what was approved, once; AuthorityError or ConflictError when it may not be."""

    def approvals(self, alert: str) -> builtins.list[Approval]:
        """Approvals of an alert, oldest first."""

    # -- delivery
    def outbox_of(self, name: str) -> Outbox:
        """One of the outboxes, which share nothing: ``public``, ``drill`` or ``reach``."""

    def enqueue(
        self,
        *,
        group: str,
        recipient: str,
        content_hash: str,
        channel: str,
        payload: Mapping[str, Any],
        at: datetime,
        priority: int = 0,
    ) -> bool:
        """Put a message into the outbox of real warnings; False when it is there already."""

    def pending(self, at: datetime, *, limit: int | None = None) -> builtins.list[OutboxItem]:
        """Real warnings to be tried at ``at``, in the order in which they came."""

    def settle(
        self,
        id: int,  # noqa: A002
        *,
        status: str,
        at: datetime,
        detail: str = "",
        next_try: datetime | None = None,
        owner: str | None = None,
    ) -> None:
        """Note what a channel answered; ``failed`` needs ``next_try``, ``dead`` is given up."""

    def outbox(self, *, status: str | None = None) -> builtins.list[OutboxItem]:
        """Real warnings in any state, oldest first."""

    # -- cycles
    def put_cycle(self, row: CycleRow) -> bool:
        """Keep a cycle; False when the same is there, ConflictError when another one is."""

    def cycles(self, start: datetime, end: datetime, plan: str | None = None) -> builtins.list[CycleRow]:
        """Cycles in ``[start, end)`` by time."""

    def cycle_heads(
        self, start: datetime, end: datetime, plan: str | None = None, *, levels: bool = False
    ) -> builtins.list[CycleHead]:
        """Which cycles are in ``[start, end)``, by time; of their columns, only levels, if asked for."""

    def judgements(
        self, quantity: str, series: int, *, of: int, start: datetime, end: datetime, until: datetime
    ) -> pa.Table:
        """One of ``of`` series as the newest cycle up to ``until`` judged each period in ``[start, end)``."""

    def save_state(self, plan: str, at: datetime, state: State | bytes, *, keep: int | None = None) -> None:
        """Keep the carried state of a plan; with ``keep``, only the newest so many."""

    def load_state(self, plan: str, before: datetime) -> dict[str, np.ndarray[Any, Any]] | None:
        """The newest state saved strictly before ``before``."""

    # -- feeds
    def feed_run(
        self,
        source: str,
        at: datetime,
        outcome: str,
        message: str = "",
        newest: datetime | None = None,
        raw: str | None = None,
    ) -> None:
        """Note a run of a feed: ``ok`` or ``failed``."""

    def feeds(self, at: datetime) -> dict[str, FeedState]:
        """State of each source as known at ``at``."""

    def quarantine(self, source: str, at: datetime, raw: str | None, where: str, error: str) -> int:
        """Note what could not be used, and why; give its number."""

    def quarantined(self, at: datetime | None = None) -> builtins.list[Quarantined]:
        """What is in quarantine, oldest first."""

    # -- accounts
    def put_account(self, account: Account) -> None:
        """Make or change an account."""

    def account(self, name: str) -> Account | None:
        """An account; None when there is none."""

    def accounts(self) -> builtins.list[Account]:
        """All accounts by name."""

    def open_session(self, session: Session) -> None:
        """Keep a log-in."""

    def session(self, token_hash: str, at: datetime) -> Session | None:
        """The log-in, unless expired at ``at`` or its account disabled."""

    def close_session(self, token_hash: str) -> None:
        """Forget a log-in."""
