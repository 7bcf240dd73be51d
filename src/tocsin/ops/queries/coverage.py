"""Coverage: for each source and domain whether it was read, how old its content is, and what is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tocsin.feeds import all_feeds
from tocsin.model import UNCOVERED, UNKNOWN, Domain, FeedState, Source, from_us, iso, parse_time, to_us
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.store import CycleRow

_WORST = ("failed", "stale", "ok", "never")
_AFTER_END = timedelta(hours=6)


def feeds(office: Office, at: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """Every source with its terms and how it does at a moment; never calm when it was not read."""
    moment = at or now
    states = source_states(office, moment)
    return [
        {
            "id": source.id,
            "title": source.title,
            "publisher": source.publisher,
            "licence": source.licence,
            "licence_url": source.licence_url,
            "url": source.url,
            "domains": list(source.domains),
            "outcome": state.outcome,
            "last_ok": _iso(state.last_ok),
            "newest": _iso(state.newest),
            "since": _iso(state.since),
            "message": state.message,
            "cadence_s": source.cadence.total_seconds(),
            "stale_after_s": source.stale_after.total_seconds(),
        }
        for source, state in ((f.SOURCE, states[f.SOURCE.id]) for f in all_feeds().values())
    ]


def coverage(office: Office, at: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """How well each domain is watched at a moment: state, age of the newest content, series unknown."""
    moment = at or now
    states = source_states(office, moment)
    rows = moments.newest(office, moment)
    return [_cover(office, d, moment, states, rows.get(d.id)) for d in office.plan.domains]


def source_states(office: Office, at: datetime) -> dict[str, FeedState]:
    """State of every source at a moment; where a replay runs, of the archive that it replays."""
    recorded = office.store.feeds(at)
    rows = moments.newest(office, at)
    spans = {d["source"]: d["span"] for d in office.store.list("dataset")}
    return {
        name: _state(office, feed.SOURCE, at, recorded.get(name), spans.get(name), rows)
        for name, feed in all_feeds().items()
    }


def _state(
    office: Office,
    source: Source,
    at: datetime,
    recorded: FeedState | None,
    span: list[str] | None,
    rows: Mapping[str, CycleRow],
) -> FeedState:
    found = [(d, moments.run_at(office, d, at)) for d in source.domains]
    replay = next(((d, r) for d, r in found if r is not None and r.mode != "live"), None)
    if replay is not None and span is not None:
        domain, run = replay
        first, last = (parse_time(t, "span") for t in span)
        if first <= at <= last + _AFTER_END:
            newest = _newest_content(office, domain, at, rows.get(domain))
            return FeedState(source=source.id, outcome="ok", last_ok=at, newest=newest, since=run.first)
    if recorded is None or recorded.outcome == "never":
        message = "" if recorded is None else recorded.message
        if span is not None and not message:
            begin, end = (iso(parse_time(t, "span").replace(microsecond=0)) for t in span)
            message = f"not read at this moment; an archive covers {begin} to {end}"
        return FeedState(source=source.id, outcome="never", message=message or "was never read")
    age = None if recorded.newest is None else at - recorded.newest
    if recorded.outcome == "ok" and age is not None and age > source.stale_after:
        return FeedState(
            source=source.id,
            outcome="stale",
            last_ok=recorded.last_ok,
            newest=recorded.newest,
            since=None if recorded.newest is None else recorded.newest + source.stale_after,
            message=f"the newest content is of {iso(recorded.newest)}" if recorded.newest else "",
        )
    return recorded


def _newest_content(office: Office, domain: str, at: datetime, row: CycleRow | None) -> datetime | None:
    """End of the newest period with a value, or when the newest report became known."""
    plan = next(d for d in office.plan.domains if d.id == domain)
    if not plan.monitors:
        events = office.store.as_of(at).events(domain=domain, start=at - timedelta(days=7), end=at)
        return max((e.known_at for e in events), default=None)
    if row is None:
        return None
    found = moments.judged(row)
    ends = [
        to_us(j.valid_time + m.quantity.step)
        for m in plan.monitors
        if (j := found.get(m.quantity.id)) is not None and j.valid_time is not None
        if np.isfinite(j.values).any()
    ]
    return from_us(max(ends)) if ends else None


def _cover(
    office: Office, domain: Domain, at: datetime, states: Mapping[str, FeedState], row: CycleRow | None
) -> dict[str, Any]:
    mine = [states[s] for s in domain.sources if s in states]
    read = [s for s in mine if s.outcome != "never"]
    worst = min(read or mine, key=lambda s: _WORST.index(s.outcome), default=None)
    run = moments.run_at(office, domain.id, at)
    state = "never" if worst is None else worst.outcome
    message = "" if worst is None else worst.message
    since = None if worst is None else worst.since
    total = unknown = 0
    if row is not None:
        levels = moments.levels_of(office, row)[domain.id]
        total, unknown = int((levels != UNCOVERED).sum()), int((levels == UNKNOWN).sum())
    elif run is not None:
        total = unknown = len(office.plan.watched[domain.id])
        state = "failed" if state == "failed" else "stale"
        since = run.last
        message = message or f"no cycle since {iso(run.last)}"
    newest = max((s.newest for s in read if s.newest is not None), default=None)
    last_ok = max((s.last_ok for s in read if s.last_ok is not None), default=None)
    return {
        "domain": domain.id,
        "title": domain.title,
        "state": state,
        "newest": _iso(newest),
        "last_ok": _iso(last_ok),
        "since": _iso(since),
        "age_s": None if newest is None else (at - newest).total_seconds(),
        "message": message,
        "series_total": total,
        "series_unknown": unknown,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
