"""Single cycles and stretches of them, as the command line asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin import cycle
from tocsin.feeds import all_feeds
from tocsin.model import HOUR, UNKNOWN, ConfigError, StoreError, iso, parse_time, to_plain
from tocsin.ops import loop, schedule
from tocsin.ops.office import Office
from tocsin.ops.world import Chained, World
from tocsin.store import CycleRow

Progress = Callable[[int, int, datetime], None]


def archives(office: Office, domains: Sequence[str]) -> dict[str, tuple[datetime, datetime]]:
    """Sources of these domains that archives in the store cover, with their first and last moment."""
    wanted = {s for d in office.plan_of(domains).domains for s in d.sources}
    spans: dict[str, tuple[datetime, datetime]] = {}
    for record in office.store.list("dataset"):
        if record["source"] in wanted:
            first, last = (parse_time(t) for t in record["span"])
            known = spans.get(record["source"], (first, last))
            spans[record["source"]] = (min(known[0], first), max(known[1], last))
    return spans


def live(office: Office, *, at: datetime) -> dict[str, Any]:
    """Run one live cycle, keep it, and send what waits.

    Returns
    -------
    dict
        What the cycle found, in plain types.
    """
    at = at.replace(microsecond=0)
    schedule.live_cycle(office, at=at)
    schedule.post(office, at)
    plan = office.plan_of(schedule.live_domains(office))
    row = _recorded(office, plan.id, at)
    if row is None:
        raise StoreError(f"{office.path}: the cycle of {iso(at)} was not kept")
    return _plain(row)


def _recorded(office: Office, plan: str, at: datetime) -> CycleRow | None:
    rows = office.store.cycles(at, at + timedelta(microseconds=1), plan)
    return rows[0] if rows else None


def _plain(row: CycleRow) -> dict[str, Any]:
    return {
        "cycle": row.id,
        "at": iso(row.at),
        "mode": row.mode,
        "kept": True,
        "carried": True,
        "domains": row.summary["domains"],
        "unknown": row.summary["unknown"],
        "inputs_hash": row.inputs_hash,
        "proposals": row.summary["proposals"],
        "assessments": [_assessment(a) for a in row.summary["assessments"]],
    }


def look(office: Office, *, at: datetime, domains: Sequence[str]) -> dict[str, Any]:
    """Give the cycle on record at a moment, or run one from the state left before it and keep nothing.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime
        Moment of knowledge.
    domains : sequence of str
        What is watched; the state carried belongs to a replay of just these.

    Returns
    -------
    dict
        What the cycle found, in plain types; ``carried`` says whether there was a state to start from:
        without one the detectors have learnt nothing, and their silence says nothing.
    """
    plan = office.plan_of(domains)
    row = _recorded(office, plan.id, at)
    if row is not None:
        return _plain(row)
    snapshot = office.store.as_of(at)
    world: World = loop.restore_world(office, plan, at=at)
    seen = Chained(
        snapshot=snapshot,
        world=world,
        plan=plan,
        archives=archives(office, domains),
        sources={name: feed.SOURCE for name, feed in all_feeds().items()},
    )
    carried = snapshot.carried(plan.id) is not None
    one = cycle.run(seen, plan, office.detectors)
    return {
        "cycle": one.id,
        "at": iso(one.at),
        "mode": "look",
        "kept": False,
        "carried": carried,
        "domains": [d.id for d in plan.domains],
        "unknown": {d: int((levels == UNKNOWN).sum()) for d, levels in one.levels.items()},
        "inputs_hash": one.inputs,
        "proposals": [p.alert.id for p in one.proposals if not p.held],
        "assessments": [_assessment(to_plain(a)) for a in one.assessments if 1 <= a.level < UNKNOWN],
    }


def _assessment(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "why": "; ".join(c["text"] for c in plain["contributors"])}


def replay(
    office: Office,
    *,
    start: datetime,
    end: datetime,
    domains: Sequence[str],
    progress: Progress = lambda _done, _all, _at: None,
) -> dict[str, Any]:
    """Run the hourly cycles from ``start`` to ``end``, both included, and keep them.

    Raises
    ------
    ConfigError
        When no archive in the store covers any of it.
    """
    spans = archives(office, domains)
    if not any(first <= end and start <= last for first, last in spans.values()):
        held = ", ".join(f"{s} {iso(a)} to {iso(b)}" for s, (a, b) in spans.items()) or "nothing"
        raise ConfigError(
            str(office.path),
            "replay",
            f"{iso(start)} to {iso(end)}",
            f"a time that an archive of {', '.join(domains)} covers: {held}",
        )
    begun = time.perf_counter()
    run = loop.replay(office, start=start, end=end, domains=domains, archives=spans, progress=progress)
    seconds = time.perf_counter() - begun
    return {
        "start": iso(start),
        "end": iso(end),
        "domains": list(domains),
        "cycles": (end - start) // HOUR + 1,
        "run": run,
        "seconds": round(seconds, 3),
        "per_second": round(run / seconds, 1) if run else None,
    }
