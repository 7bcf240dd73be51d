"""One cycle: from what was known at one moment to levels and drafts.

Live operation, hindcast, stress test and exercise are this one function; only the snapshot (the store *as
known at t*, or a scenario laid over it) differs. Nothing here reads a clock or a database, so that nothing
can look ahead: a poisoned future leaves the cycle at t identical, and a test says so.

Read this file first. The way of a datum is::

    Snapshot ─▶ detect.monitors ─▶ assess.levels ─▶ assess.compound ─▶ warn.propose ─▶ Cycle
                   ▲                                                               │
                   └────────────── carried state, thresholds of the budget ◀───────┘

What a cycle carries to the next is columns: the detectors' states, the threshold of each domain's budget,
the levels and when they began, the verdicts counted so far, and the hash of the cycle itself, so that the
inputs of each cycle name those of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.assess import compound, cover, levels
from tocsin.assess.likelihood import carried_counts, count_verdicts, likelihood
from tocsin.detect import monitors as detection
from tocsin.detect.contract import State, prefixed
from tocsin.model import (
    Assessment,
    Detection,
    Domain,
    Event,
    Plan,
    Snapshot,
    from_us,
    to_us,
)
from tocsin.model.inputs import inputs_hash
from tocsin.warn import hysteresis, propose


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycle:
    """What one cycle found, and everything that it rests on.

    Parameters
    ----------
    id : str
        First 32 hex digits of the hash of plan, moment and inputs.
    at : datetime
        Moment of knowledge.
    rows : tuple of Row
        Values and judgement of every monitor, in the order of the plan.
    detections : tuple of Detection
        Findings at or beyond the watch.
    assessments : tuple of Assessment
        Every region and domain that is not normal.
    levels : dict of str to ndarray of uint8
        For each domain, one level byte a watched region.
    thresholds : dict of str to float
        Of each budget, in decades.
    proposals : tuple of Proposal
        Drafts of new warnings and updates.
    inputs : str
        SHA-256 over all that was read, chained to the cycle before.
    carried : dict of ndarray
        State for the next cycle.
    """

    id: str
    at: datetime
    rows: tuple[detection.Row, ...]
    detections: tuple[Detection, ...]
    assessments: tuple[Assessment, ...]
    levels: dict[str, NDArray[np.uint8]]
    thresholds: dict[str, float]
    proposals: tuple[propose.Proposal, ...]
    inputs: str
    carried: State


def run(snapshot: Snapshot, plan: Plan, detectors: Mapping[str, type[Any]]) -> Cycle:
    """Run one cycle.

    Parameters
    ----------
    snapshot : Snapshot
        All that is known at ``snapshot.at``.
    plan : Plan
        What is watched, and how.
    detectors : mapping of str to type
        Detector classes by name, from the catalogue.

    Returns
    -------
    Cycle
        The same snapshot and plan give the same cycle, byte for byte.
    """
    at = snapshot.at
    carried = snapshot.carried(plan.id) or {}
    before = from_us(int(carried["cycle/at"][0])) if carried else at
    standing = [a for a in snapshot.standing() if a.status == "Actual"]  # a drill warns of nothing
    feeds = snapshot.feeds()
    verdicts = snapshot.verdicts(before)
    found: list[detection.Found] = []
    assessed: list[levels.Assessed] = []
    reported: list[Sequence[Event]] = []
    counting: list[tuple[Sequence[Detection], hysteresis.Streaks | None]] = []
    above: dict[str, NDArray[np.int64]] = {}
    kept: State = {"cycle/at": np.array([to_us(at)])}
    for domain in plan.domains:
        watched = plan.watched[domain.id]
        mine = prefixed(carried, domain.id)
        counted = carried_counts(mine)
        counts = count_verdicts(counted, domain.id, verdicts)
        new_false = int(counts[1] - counted[1])
        one = detection.run(
            snapshot, domain, watched, plan.regions, detectors, prefixed(mine, "detect"), new_false
        )
        events = _events(snapshot, domain)
        findings, streaks = _counted(domain, watched, one, prefixed(mine, "streak"))
        counting.append((findings, streaks))
        assessment = levels.run(
            at,
            domain,
            watched,
            findings,
            events,
            [a for a in standing if a.domain == domain.id],
            one.unknown | cover.silent(domain, watched, feeds),
            likelihood(counts),
            prefixed(mine, "assess"),
            plan.matrix,
        )
        found.append(one)
        assessed.append(cover.cover(assessment, domain, feeds))
        reported.append(events)
        kept |= {f"{domain.id}/detect/{k}": v for k, v in one.carried.items()}
        kept |= {f"{domain.id}/assess/{k}": v for k, v in assessment.carried.items()}
        if streaks is not None:
            kept |= {f"{domain.id}/streak/{k}": v for k, v in streaks.carried().items()}
        kept[f"{domain.id}/verdicts"] = counts
        above[domain.id] = cover.last_above(at, assessment, mine.get("above"))
        kept[f"{domain.id}/above"] = above[domain.id]

    recent = cover.ages(at, plan.domains, plan.watched, above)
    window = max((d.criteria.compound for d in plan.domains), default=timedelta(0))
    assessments = compound.mark(assessed, plan.regions, plan.neighbours, recent, window)
    inputs = inputs_hash(
        plan.id,
        at,
        carried["cycle/inputs"].tobytes() if carried else b"",
        readings=[(row.quantity, row.valid_time, row.read) for one in found for row in one.rows],
        events=[event for group in reported for event in group],
        standing=standing,
        feeds=feeds,
        verdicts=verdicts,
    )
    kept["cycle/inputs"] = np.frombuffer(bytes.fromhex(inputs), np.uint8)
    identity = inputs[:32]
    proposals = [
        proposal
        for domain, one, events, (findings, streaks) in zip(
            plan.domains, found, reported, counting, strict=True
        )
        if not _in_shadow(at, domain, one)
        for proposal in propose.propose(
            _context(at, plan, domain, kept, identity, streaks),
            findings,
            events,
            [a for a in standing if a.domain == domain.id],
        )
    ]
    return Cycle(
        id=identity,
        at=at,
        rows=tuple(row for one in found for row in one.rows),
        detections=tuple(d for one in found for d in one.detections),
        assessments=tuple(assessments),
        levels={a.domain: a.levels for a in assessed},
        thresholds={one.domain: one.threshold for one in found if np.isfinite(one.threshold)},
        proposals=tuple(proposals),
        inputs=inputs,
        carried=kept,
    )


def _events(snapshot: Snapshot, domain: Domain) -> Sequence[Event]:
    """Events of a domain that count, and those withdrawn that a warning may still rest on."""
    if not domain.criteria.event_levels:
        return ()
    at, hold = snapshot.at, domain.criteria.hold
    near = snapshot.events(domain=domain.id, start=at - 2 * hold, end=at + hold)
    return [e for e in near if e.status == "withdrawn" or levels.is_on(e, at, hold)]


def _counted(
    domain: Domain, watched: Sequence[str], found: detection.Found, carried: Mapping[str, NDArray[Any]]
) -> tuple[Sequence[Detection], hysteresis.Streaks | None]:
    """The findings of which those alarm that count, where a domain asks for more than one evaluation."""
    if not hysteresis.is_used(domain.criteria):
        return found.detections, None
    raising = {m.quantity.id for m in domain.monitors if m.raises}
    periods = [r.valid_time for r in found.rows if r.quantity in raising and r.valid_time is not None]
    streaks = hysteresis.count(
        domain.criteria,
        watched,
        carried,
        judged=max(periods, default=None),
        unknown=found.unknown,
        detections=[d for d in found.detections if d.quantity in raising],
    )
    return hysteresis.confirmed(found.detections, streaks), streaks


def _in_shadow(at: datetime, domain: Domain, found: detection.Found) -> bool:
    """Whether the domain still calibrates: it judges, but drafts nothing."""
    if domain.budget is None or "first" not in found.carried:
        return False
    return at - from_us(int(found.carried["first"][0])) <= domain.budget.shadow


def _context(
    at: datetime, plan: Plan, domain: Domain, kept: State, identity: str, streaks: hysteresis.Streaks | None
) -> propose.Context:
    return propose.Context(
        at=at,
        domain=domain,
        regions=plan.regions,
        pack=plan.pack,
        sender=plan.sender,
        likelihood=likelihood(kept[f"{domain.id}/verdicts"]),
        inputs=(f"cycle:{identity}",),
        matrix=plan.matrix,
        neighbours=plan.neighbours,
        streaks=streaks,
    )
