"""Which cycles hold at a moment: runs of the loop, and the newest cycle of each domain."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tocsin.model import HOUR, StoreError
from tocsin.ops.loop import CYCLE
from tocsin.ops.office import Office
from tocsin.ops.record import decode_judgement, decode_levels
from tocsin.store import CycleHead, CycleRow, Judged

STEP = HOUR
"""From one cycle to the next."""

FRESH = 2 * STEP
"""A cycle of a replay older than this no longer says what was known."""

LIVE_FRESH = 4 * CYCLE
"""The same of a live cycle: a loop that has died must not look like a calm country for long."""

_GAP = timedelta(days=3)
_RESCAN = timedelta(hours=1)
_TICK = timedelta(microseconds=1)
_FIRST, _LAST = datetime(1700, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of cycles of one plan without a long gap.

    Parameters
    ----------
    plan, mode : str
        What ran, and how.
    domains : tuple of str
        What it watched.
    first, last : datetime
        Its first and last cycle.
    """

    plan: str
    mode: str
    domains: tuple[str, ...]
    first: datetime
    last: datetime

    def covers(self, at: datetime) -> bool:
        """Whether the run watched at a moment; live operation that went silent still claims to watch."""
        return self.first <= at and (self.mode == "live" or at <= self.last + FRESH)


# Light index of what was recorded; blobs of cycles are not kept in it. What readers see is replaced whole, so
# that nobody finds it half made: without its runs the country would look uncovered.
@dataclass(slots=True, eq=False)
class _Index:
    runs: tuple[Run, ...] = ()
    places: dict[str, datetime] = field(default_factory=dict)
    read: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, office: Office, now: datetime) -> None:
        with self.lock:
            if not self.runs or self.read is None or not timedelta(0) <= now - self.read < _RESCAN:
                rows = office.store.cycle_heads(_FIRST, _LAST)
                self.runs, self.places, self.read = _joined((), rows), {r.id: r.at for r in rows}, now
                return
            # Replays go on where they ended; what is newer than all is live, of whatever plan.
            for run in [r for r in self.runs if r.mode != "live"]:
                self._take(office.store.cycle_heads(run.last + _TICK, run.last + _GAP, run.plan))
            self._take(office.store.cycle_heads(max(r.last for r in self.runs) + _TICK, _LAST))

    def _take(self, rows: Sequence[CycleHead]) -> None:
        if rows:
            self.places |= {r.id: r.at for r in rows}
            self.runs = _joined(self.runs, rows)


def _joined(runs: Sequence[Run], rows: Sequence[CycleHead]) -> tuple[Run, ...]:
    """Runs with further cycles, which come in the order of their time."""
    found = list(runs)
    newest = {(r.plan, r.mode): i for i, r in enumerate(found)}
    for row in rows:
        key = (row.plan, row.mode)
        i = newest.get(key)
        if i is not None and row.at <= found[i].last:
            continue
        if i is not None and (row.mode == "live" or row.at - found[i].last <= _GAP):
            found[i] = replace(found[i], domains=row.domains, last=row.at)
        else:
            newest[key] = len(found)
            found.append(Run(plan=row.plan, mode=row.mode, domains=row.domains, first=row.at, last=row.at))
    return tuple(found)


_INDEX: weakref.WeakKeyDictionary[Office, _Index] = weakref.WeakKeyDictionary()
_INDEX_LOCK = threading.Lock()


def _index(office: Office, now: datetime | None) -> _Index:
    with _INDEX_LOCK:
        index = _INDEX.setdefault(office, _Index())
    index.refresh(office, index.read or _FIRST if now is None else now)
    return index


def runs(office: Office, now: datetime | None = None) -> tuple[Run, ...]:
    """Every run that was recorded, in the order of their first cycle.

    Parameters
    ----------
    office : Office
        Store and country.
    now : datetime, optional
        Wall time; from time to time the store is looked through anew.
    """
    return tuple(sorted(_index(office, now).runs, key=lambda r: (r.first, r.plan)))


def run_at(office: Office, domain: str, at: datetime) -> Run | None:
    """The run that watched a domain at a moment: a replay before live operation; None when none did."""
    found = [r for r in runs(office) if domain in r.domains and r.covers(at)]
    return max(found, key=lambda r: (r.mode != "live", r.first), default=None)


def mode_at(office: Office, at: datetime) -> str:
    """``replay`` when a replay covers the moment, else ``live``."""
    return "replay" if any(r.mode != "live" and r.covers(at) for r in runs(office)) else "live"


def holds(row: CycleRow | CycleHead, at: datetime) -> bool:
    """Whether a cycle still says what is known at a moment."""
    return at - row.at <= (LIVE_FRESH if row.mode == "live" else FRESH)


def newest(office: Office, at: datetime) -> dict[str, CycleRow]:
    """The newest cycle of each domain at a moment, unless it no longer :func:`holds`."""
    heads: dict[str, CycleHead] = {}
    for head in office.store.cycle_heads(at - FRESH, at + _TICK):
        for domain in head.domains if holds(head, at) else ():
            heads[domain] = head
    rows = {h.id: row for h in heads.values() if (row := _row(office, h)) is not None}
    return {domain: rows[h.id] for domain, h in heads.items() if h.id in rows}


def _row(office: Office, head: CycleHead) -> CycleRow | None:
    """The whole of a cycle."""
    found = office.store.cycles(head.at, head.at + _TICK, head.plan)
    return next((r for r in found if r.id == head.id), None)


def cycle(office: Office, identity: str) -> CycleRow | None:
    """A cycle by its id; None when it is not recorded here."""
    index = _index(office, None)
    at = index.places.get(identity)
    if at is None:
        return None
    return next((r for r in office.store.cycles(at, at + _TICK) if r.id == identity), None)


def before(office: Office, row: CycleRow) -> CycleRow | None:
    """The cycle of the same plan and mode before this one."""
    for span in (FRESH, _GAP):
        heads = office.store.cycle_heads(row.at - span, row.at, row.plan)
        found = [h for h in heads if h.mode == row.mode]
        if found:
            return _row(office, found[-1])
    return None


def levels_of(office: Office, row: CycleRow | CycleHead) -> dict[str, NDArray[np.uint8]]:
    """Level bytes of a cycle by domain, in the order of the domain's watched regions.

    Raises
    ------
    StoreError
        When the cycle watched other regions than the country pack has.
    """
    domains = row.domains if isinstance(row, CycleHead) else tuple(row.summary["domains"])
    watched = {d: office.plan.watched[d] for d in domains}
    levels = decode_levels(row.levels, domains, watched)
    for domain, regions in watched.items():
        if len(levels[domain]) != len(regions):
            raise StoreError(
                f"cycle {row.id}: levels: {domain}: got {len(levels[domain])} regions, allowed: the "
                f"{len(regions)} of the country pack; it was recorded with another pack"
            )
    return levels


def judged(row: CycleRow) -> dict[str, Judged]:
    """Values and judgement of a cycle by quantity."""
    return decode_judgement(row.judgement)
