"""Coverage: for each source and domain whether it was read, how old its content is, and what is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tocsin.feeds import all_feeds
from tocsin.model import UNCOVERED, UNKNOWN, Domain, FeedState, Source, iso, parse_time
from tocsin.ops import staleness
from tocsin.ops.intake import CAP
from tocsin.ops.office import Office
from tocsin.ops.queries import authorities, moments
from tocsin.ops.redaction import without_secrets
from tocsin.ops.world import AFTER_END
from tocsin.store import CycleRow

_WORST = ("failed", "stale", "ok", "never")


def feeds(office: Office, at: datetime | None, now: datetime, *, desk: bool = True) -> list[dict[str, Any]]:
    """Every source with its terms and how it does at a moment; never calm when it was not read.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    desk : bool
        Whether it is also told what went wrong, in the words of machines that were asked.
    """
    moment = at or now
    states = source_states(office, moment, desk=desk)
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


def coverage(
    office: Office, at: datetime | None, now: datetime, *, desk: bool = True
) -> list[dict[str, Any]]:
    """How well each domain is watched at a moment: state, age of the newest content, series unknown.

    Without ``desk`` it is not told what went wrong with a reading, only that it did.
    """
    moment = at or now
    states = source_states(office, moment, desk=desk)
    rows = moments.newest(office, moment)
    return [_cover(office, d, moment, states, rows.get(d.id)) for d in office.plan.domains]


def source_states(office: Office, at: datetime, *, desk: bool = True) -> dict[str, FeedState]:
    """State of every source at a moment; where a replay runs, of the archive that it replays.

    The text of a fault may name machines and addresses of the house: without ``desk`` it is left out.
    """
    recorded = {
        name: replace(state, message=without_secrets(state.message) if desk else "")
        for name, state in office.store.feeds(at).items()
    }
    spans = {d["source"]: d["span"] for d in office.store.list("dataset")}
    states = {
        name: _state(office, feed.SOURCE, at, recorded.get(name), spans.get(name))
        for name, feed in all_feeds().items()
    }
    if (cap := states.get(CAP)) is not None and cap.outcome == "ok":
        # Many authorities are one source here: it is no fresher than the one that is silent for longest.
        silent = [s for s in authorities.troubles(office, at) if s.outcome == staleness.STALE]
        if silent:
            since = min((s.since for s in silent if s.since is not None), default=None)
            words = "; ".join(f"{s.source}: {s.message}" for s in silent)
            told = words if desk else ""
            states[CAP] = replace(cap, outcome=staleness.STALE, since=since, message=told)
    return states


def _state(
    office: Office,
    source: Source,
    at: datetime,
    recorded: FeedState | None,
    span: list[str] | None,
) -> FeedState:
    domains = staleness.served(source, office.plan)
    found = (moments.run_at(office, d.id, at) for d in domains)
    run = next((r for r in found if r is not None and r.mode != "live"), None)
    if run is not None and span is not None:
        first, last = (parse_time(t, "span") for t in span)
        if first <= at <= last + AFTER_END:
            newest = staleness.newest_content(source, domains, office.plan, office.store.as_of(at))
            state = staleness.archived(source, newest, at)
            return replace(state, since=state.since or run.first)
    if recorded is None or recorded.outcome == "never":
        message = "" if recorded is None else recorded.message
        if span is not None and not message:
            begin, end = (iso(parse_time(t, "span").replace(microsecond=0)) for t in span)
            message = f"not read at this moment; an archive covers {begin} to {end}"
        return FeedState(source=source.id, outcome="never", message=message or "was never read")
    return staleness.aged(recorded, source, at)


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
