"""Kills at random points: ``python -m tests.faults --count N``.

A child works on a store and acknowledges each thing that a call has returned from; it is killed
with SIGKILL at a random point; what it acknowledged must be there, once, and the store whole. A new
kind of work is one class in :data:`JOBS`. Ends ``N kills, L lost, D duplicated``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tocsin.model import Decision, Raw, Role, State, to_table
from tocsin.store import CycleRow, Judged, Store, encode_judged, open_store
from tocsin.testing.store import HOUR, NOW, T0, alert, event, observation
from tocsin.warn.filing import put
from tocsin.warn.sending import LEASE

LIFE = 12
"""Kills that one store goes through before a new one is made."""


class Job(Protocol):
    """One kind of work, and how to see what of it is there."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        """Do one thing after the other; give the name of each when its call has returned."""

    def found(self, store: Store) -> Counter[str]:
        """Names of the things that are there, and how often; half a thing is an error."""


class Ingest:
    """Small batches of observations and events; every batch is five rows and an event."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        for n in range(10_000):
            thing = f"{name}.{n}"
            rows: list[Any] = [observation(thing, T0 + h * HOUR, T0 + h * HOUR, float(h)) for h in range(5)]
            store.add([*rows, event(thing, T0)], ingest=thing, at=NOW)
            yield thing
            store.add(rows, ingest=thing, at=NOW)  # once more: must change nothing

    def found(self, store: Store) -> Counter[str]:
        return _batches(store)


class Upkeep(Ingest):
    """The same, with flush, compaction and sweep in flight most of the time."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        for n, thing in enumerate(super().work(store, name)):
            yield thing
            store.flush(NOW)
            if n % 3 == 2:
                store.compact(NOW, grace=timedelta(0), full=n % 2 == 0)


class Archive:
    """Archives in bulk, over two months."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        for n in range(10_000):
            thing = f"{name}.{n}"
            rows = [observation(thing, T0 + h * 12 * HOUR, T0 + h * HOUR, float(h)) for h in range(5)]
            store.load([to_table(rows[:2]), to_table(rows[2:])], ingest=thing, at=NOW)
            yield thing

    def found(self, store: Store) -> Counter[str]:
        return _batches(store, events=False)


class Approval:
    """A warning from draft to issued with its journal and outbox, each in one transaction."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        for n in range(10_000):
            thing = f"{name}.{n}"
            draft = alert(thing)
            with store.transaction():
                store.put("alert", thing, draft, known_at=T0, revision=0)
                _journal(store, thing, "draft")
            issued = alert(thing, revision=1, state=State.ISSUED)
            with store.transaction():
                store.approve(
                    alert=thing, content_hash=draft.content_hash, approver="bert", submitter="anna",
                    legal_basis="law", at=T0, expires=T0 + HOUR,
                )  # fmt: skip
                store.put("alert", thing, issued, known_at=T0, revision=1)
                store.issue(
                    alert=thing, content_hash=issued.content_hash, approval_expires=T0 + HOUR, at=T0,
                    issuer="bert",
                )  # fmt: skip
                _journal(store, thing, "issue")
                store.enqueue(
                    group=thing, recipient="feed", content_hash=issued.content_hash, channel="atom",
                    payload={}, at=T0,
                )  # fmt: skip
            yield thing

    def found(self, store: Store) -> Counter[str]:
        issued = {a.id for a in store.list("alert", where={"state": "issued"})}
        told = Counter(e.decision.subject for e in store.audit() if e.decision.action == "issue")
        sent = Counter(m.group for m in store.outbox())
        approved = {name for name in told if len(store.approvals(name)) == 1}
        if not issued == set(told) == set(sent) == approved:
            raise Half(f"alerts {issued}, journal {set(told)}, outbox {set(sent)}, approvals {approved}")
        return told | sent


class Cycles:
    """A cycle with its state, a feed's run and raw bytes, in one transaction."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        for n in range(10_000):
            thing = f"{name}.{n}"
            at = T0 + n * HOUR
            with store.transaction():
                raw = store.keep_raw(
                    Raw(source=name, url="u", fetched_at=at, media_type="text/plain", content=thing.encode())
                )
                store.feed_run(name, at, "ok", newest=at, raw=raw)
                store.save_state(name, at, {"n": np.arange(n + 1)})
                store.put_cycle(
                    CycleRow(
                        id=thing, plan=name, at=at, mode="replay", inputs_hash=raw, code="1",
                        judgement=b"j" * 1000, levels=b"l",
                    )
                )  # fmt: skip
            yield thing

    def found(self, store: Store) -> Counter[str]:
        names: Counter[str] = Counter()
        for row in store.cycles(T0, NOW):
            names[row.id] += 1
            if store.raw(row.inputs_hash).content != row.id.encode():
                raise Half(f"cycle {row.id} without its bytes")
            state = store.load_state(row.plan, before=row.at + HOUR)
            if state is None or state["n"].size != (row.at - T0) // HOUR + 1:
                raise Half(f"cycle {row.id} without its state")
            if row.plan not in store.feeds(row.at):
                raise Half(f"cycle {row.id} without the run of its feed")
        return names


class Packs:
    """Cycles of one plan, which are laid into packs, with compaction of what waits in between."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        first = sum(1 for _ in store.cycle_heads(T0, NOW))  # goes on where the one before was killed
        for n in range(first, 10_000):
            store.put_cycle(_judged_cycle(n))
            yield f"{n}"
            if n % 9 == 0:
                store.compact(NOW)

    def found(self, store: Store) -> Counter[str]:
        rows = store.cycles(T0, NOW)
        if rows != [_judged_cycle(n) for n in range(len(rows))]:
            raise Half("cycles that are not what was kept")
        said = store.judgements("q", 1, of=3, start=T0, end=NOW, until=NOW)
        if said["values"].to_pylist() != [float(n) for n in range(len(rows))]:
            raise Half(f"{len(rows)} cycles, but judgements {said['values'].to_pylist()}")
        return Counter(row.id for row in rows)


class Delivery:
    """Two messages of one group, each decided, claimed, handed over under its key, settled."""

    def work(self, store: Store, name: str) -> Iterator[str]:
        at = T0
        for n in range(10_000):
            thing = f"{name}.{n}"
            for kind in ("alert", "update"):
                self._decide(store, thing, kind, at)
            yield f"{thing} decided"
            # what is left of the one that was killed is claimed too, once its lease is over
            at += HOUR
            while rows := store.outbox_of("public").claim(
                at, recipient="feed", owner=name, lease=LEASE, horizon=HOUR, limit=3
            ):
                for row in rows:
                    key = row.payload["key"]
                    put(self._receiver(store) / key, key.encode())
                    store.settle(row.id, status="accepted", at=at, owner=name)
            yield f"{thing} sent"

    def found(self, store: Store) -> Counter[str]:
        names: Counter[str] = Counter()
        settled: dict[str, list[str]] = {}
        for row in store.outbox():
            key = row.payload["key"]
            if row.status == "accepted" and not (self._receiver(store) / key).is_file():
                raise Half(f"{key} is said to be accepted, and nobody has it")
            if key.endswith("update") and row.status == "accepted" and "alert" not in settled[row.group]:
                raise Half(f"{key} overtook its alert")
            settled.setdefault(row.group, []).append("alert" if row.status == "accepted" else "open")
            names[key] += 1
        decided = Counter({f"{g} decided": 1 for g, rows in settled.items() if len(rows) == 2})
        sent = Counter({f"{g} sent": 1 for g, rows in settled.items() if rows == ["alert", "alert"]})
        twice = Counter({key: n for key, n in names.items() if n > 1})
        return decided | sent | twice

    @staticmethod
    def _decide(store: Store, thing: str, kind: str, at: datetime) -> None:
        store.enqueue(
            group=thing, recipient="feed", content_hash=kind, channel="file", at=at,
            payload={"key": f"{thing}.{kind}"},
        )  # fmt: skip

    @staticmethod
    def _receiver(store: Store) -> Path:
        folder: Path = store.folder  # type: ignore[attr-defined]
        return folder.with_name(f"{folder.name}.receiver")


def _judged_cycle(n: int) -> CycleRow:
    column = np.full(3, n, np.float32)
    judged = Judged(
        quantity="q", valid_time=T0 + n * HOUR, values=np.full(3, float(n)), expected=column, lower=column,
        upper=column, tail=column,
    )  # fmt: skip
    return CycleRow(
        id=f"{n}", plan="p", at=T0 + n * HOUR, mode="live", inputs_hash=f"{n}", code="1",
        judgement=encode_judged([judged]), levels=b"l", summary={"domains": ["d"], "n": n},
    )  # fmt: skip


JOBS: dict[str, Job] = {
    "ingest": Ingest(), "upkeep": Upkeep(), "archive": Archive(), "approval": Approval(), "cycles": Cycles(),
    "packs": Packs(), "delivery": Delivery(),
}  # fmt: skip
"""Kinds of work that are killed, by name."""


class Half(Exception):  # noqa: N818
    """Something is there in part."""


def _journal(store: Store, thing: str, action: str) -> None:
    store.journal(
        Decision(
            id=f"{thing} {action}", at=T0, actor="bert", role=Role.APPROVING_OFFICER, action=action,
            subject=thing, content_hash="",
        )
    )  # fmt: skip


def _batches(store: Store, *, events: bool = True) -> Counter[str]:
    snapshot = store.as_of(NOW)
    rows = Counter(snapshot.cells()["region"].to_pylist())
    if any(n != 5 for n in rows.values()):
        raise Half(f"batches in part: { {k: n for k, n in rows.items() if n != 5} }")
    total = sum(store.counts()["rows"].to_pylist())
    if events and {e.external_id for e in snapshot.events()} != set(rows):
        raise Half("a batch without its event")
    names = Counter(dict.fromkeys(rows, 1))
    if total != 5 * len(rows):  # as many rows kept as cells: else some went in twice
        names.update(store.news(T0 - HOUR, NOW)["region"].to_pylist()[: total - 5 * len(rows)])
    return names


@dataclass
class Tally:
    """What the kills have done."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled or damaged."""
        return not (self.lost or self.duplicated or self.faults)


def _child(job: str, folder: Path, name: str, pipe: Connection) -> None:
    store = open_store(folder)
    pipe.send("")
    for thing in JOBS[job].work(store, name):
        pipe.send(thing)


def _read(pipe: Connection, into: set[str], wait: float) -> bool:
    """Take what was acknowledged; False when the child has gone."""
    try:
        while pipe.poll(wait):
            into.add(pipe.recv())
            wait = 0
    except EOFError:
        return False
    return True


def run(count: int, seed: int, folder: Path, say: Callable[[str], None]) -> Tally:
    """Kill ``count`` children, in turn of every kind of work."""
    rng = np.random.default_rng(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tocsin.testing.store"])  # imports once; children start in milliseconds
    tally, known = Tally(), {job: set[str]() for job in JOBS}
    for kill in range(count):
        job = list(JOBS)[kill % len(JOBS)]
        life = kill // (LIFE * len(JOBS))
        place, name = folder / f"{job}{life}", f"{job}{kill}"
        if not place.exists():
            known[job] = set()
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_child, args=(job, place, name, theirs))
        child.start()
        theirs.close()
        mine.recv()  # the store is open
        acknowledged: set[str] = set()
        # by what it has done and not by the clock: on a busy machine too it is killed at work
        wanted, rest, tries = int(rng.integers(0, 7)), float(rng.random()) * 0.01, 0
        alive = True
        while alive and len(acknowledged) < wanted and tries < 200:
            alive, tries = _read(mine, acknowledged, 0.05), tries + 1
        alive = alive and _read(mine, acknowledged, rest)
        child.kill()
        child.join()
        _read(mine, acknowledged, 0)
        if not alive or child.exitcode != -signal.SIGKILL:
            tally.faults.append(f"kill {kill}: {job}: the child ended by itself: {child.exitcode}")
        tally.kills += 1
        tally.acknowledged += len(acknowledged)
        known[job] |= acknowledged
        store = open_store(place)
        try:
            found = JOBS[job].found(store)
            lost, twice = known[job] - set(found), {k for k, n in found.items() if n > 1}
            tally.lost += len(lost)
            tally.duplicated += len(twice)
            faults = store.check()
            # what nobody acknowledged may be there or not, but must not come and go
            known[job] |= set(found)
        except Half as half:
            faults = [str(half)]
        finally:
            store.close()
        tally.faults += [f"kill {kill}: {job}: {fault}" for fault in faults]
        say(f"kill {kill} {job}: {len(acknowledged)} acknowledged" + "".join(f"; {f}" for f in faults))
    return tally


def main(arguments: list[str]) -> int:
    """Run and print; 1 when anything was lost, doubled or damaged."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="tocsin-faults-"))
    try:
        tally = run(given.count, given.seed, folder, print if given.verbose else lambda _: None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for fault in tally.faults:
        print(fault)
    print(f"{tally.acknowledged} things acknowledged in {len(JOBS)} kinds of work")
    print(f"{tally.kills} kills, {tally.lost} lost, {tally.duplicated} duplicated")
    return 0 if tally.good and tally.kills else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
