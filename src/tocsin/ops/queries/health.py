"""Health for the page and for machines, and status for the people who run it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tocsin import __version__
from tocsin.model import iso, to_plain
from tocsin.ops import jobs, reach, reviews, signatures
from tocsin.ops.loop import CYCLE
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.queries.coverage import coverage, feeds
from tocsin.ops.queries.drifts import drifts
from tocsin.ops.queries.outbox import given_up, overdue, unreached
from tocsin.ops.queries.suppressed import caps, shelved, suppressed
from tocsin.ops.queries.told import WAITING
from tocsin.warn.escalation import escalations, load_policy
from tocsin.warn.lifecycle import state_at

MOST_ROWS = 50
"""Rows of each list in a status."""


def health(office: Office, now: datetime, open_at: datetime | None = None) -> dict[str, Any]:
    """Whether what should run runs, and which clock the page opens on.

    Parameters
    ----------
    office : Office
        Store and country.
    now : datetime
        Wall time.
    open_at : datetime, optional
        Moment of a replay on which a demo opens; without it the page opens live.

    Returns
    -------
    dict
        ``status`` is ``degraded`` where something fails, ``unknown`` where nothing yet runs that could fail,
        else ``ok``; ``missing`` says in words what is not there yet. Never ``ok`` for want of news.
    """
    runs = moments.runs(office, now)
    replays = [r for r in runs if r.mode != "live"]
    chosen = next((r for r in replays if open_at is not None and r.covers(open_at)), None)
    chosen = chosen or max(replays, key=lambda r: r.last - r.first, default=None)
    live = {d for r in runs if r.mode == "live" for d in r.domains}
    faulty = [c for c in coverage(office, None, now) if c["domain"] in live and c["state"] != "ok"]
    dead = given_up(office, now)
    failing = [job for job in jobs.states(office.store) if job["state"] == "failed"]
    step_s = int(moments.STEP.total_seconds())
    missing = _missing(runs, live=open_at is None)
    good = "unknown" if missing else "ok"
    late = overdue(office, now)
    return {
        "status": "degraded" if faulty or dead or failing or late else good,
        "missing": missing,
        "delivery": {
            "given_up": len(dead),
            "overdue": sum(row["messages"] for row in late),
            "unreached": len(unreached(office)),
        },
        "now": iso(now),
        "version": __version__,
        "clock": {
            "mode": "replay" if open_at is not None else "live",
            "at": iso(open_at or now),
            "replay": None if chosen is None else _track(chosen, step_s),
            "open_at": None if open_at is None else iso(open_at),
            "replays": [{**_track(r, step_s), "domains": list(r.domains)} for r in replays],
        },
        "levels": [{"rank": level.rank, "name": level.name} for level in office.pack.levels],
    }


def _missing(runs: Sequence[moments.Run], *, live: bool) -> list[str]:
    """What must be there before anybody can say that all is well: a cycle of what the page opens on."""
    if not runs:
        return ["no cycle is on record: nothing has been judged yet"]
    if live and not any(run.mode == "live" for run in runs):
        return ["no live cycle has run yet: what is happening now is not judged"]
    return []


def _track(run: moments.Run, step_s: int) -> dict[str, Any]:
    return {"start": iso(run.first), "end": iso(run.last), "step_s": step_s}


def status(office: Office, now: datetime) -> dict[str, Any]:
    """What the people who run it must see: runs, feeds, quarantine, what waits and what did not go out."""
    store = office.store
    alerts = store.list("alert", at=now)
    waiting = [a for a in alerts if state_at(a, now) in WAITING]
    since = {a.id: store.history("alert", a.id)[-1].known_at for a in waiting}
    calls = escalations(waiting, at=now, policy=load_policy(), since=since)
    outbox = store.outbox()
    quarantine = store.quarantined()
    return {
        "now": iso(now),
        "version": __version__,
        "store": str(office.path),
        "runs": [{**_track(r, int((CYCLE if r.mode == "live" else moments.STEP).total_seconds())),
                  "mode": r.mode, "domains": list(r.domains)}
                 for r in moments.runs(office, now)],
        "datasets": to_plain(store.list("dataset")),
        "feeds": feeds(office, None, now),
        "coverage": coverage(office, None, now),
        "jobs": jobs.states(store),
        "quarantined": len(quarantine),
        "quarantine": to_plain(quarantine[-MOST_ROWS:]),
        "outbox": {s: sum(i.status == s for i in outbox) for s in sorted({i.status for i in outbox})},
        "dead_letters": [
            {"alert": i.payload.get("alert"), "recipient": i.recipient, "channel": i.channel, "at": iso(i.at),
             "attempts": i.attempts, "detail": i.detail}
            for i in outbox
            if i.status == "dead"
        ][-MOST_ROWS:],
        "overdue": overdue(office, now),
        "unreached": unreached(office),
        "reach": [
            {key: row[key] for key in ("recipient", "channel", "state", "words", "last")}
            for row in reach.reach(office, now)
            if row["state"] in ("failed", "silent")
        ],
        "waiting": [
            {"id": a.id, "state": str(state_at(a, now)), "level": a.level, "since": iso(since[a.id]),
             "headline": a.headline}
            for a in waiting
        ],
        "escalations": to_plain(calls),
        "held_back": [
            {key: row.get(key) for key in ("stage", "alert", "level", "reason", "last", "until")}
            for row in suppressed(office, None, now, active=True)
        ][:MOST_ROWS],
        "caps": caps(office, None, now),
        "silences": [
            {key: row[key] for key in ("id", "ends", "author", "reason")}
            for row in shelved(office, None, now)
        ],
        "reviews": [
            {key: row[key] for key in ("alert", "account", "policy", "reason", "at", "due", "overdue")}
            for row in reviews.reviews(office, None, now, due=True)
        ],
        "signatures": signatures.state(office, now),
        "calibration": [row["words"] for row in drifts(office, now) if row["drifts"]],
    }  # fmt: skip
