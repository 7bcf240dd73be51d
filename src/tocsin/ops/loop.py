"""One turn of the loop around a cycle: run it, record it, act on it, verify it.

Live operation and replay take the same turn; a replay has a stated desk policy in the place of officers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin import cycle
from tocsin.feeds import all_feeds
from tocsin.model import (
    DAY,
    HOUR,
    UNKNOWN,
    Domain,
    Plan,
    Role,
    Snapshot,
    State,
    from_plain,
    from_us,
    to_plain,
)
from tocsin.ops import commands, forecasting, record
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office, code_version
from tocsin.ops.world import Chained, World
from tocsin.store import CycleRow, PanelSpec
from tocsin.verify import ledger
from tocsin.verify.outcome import Day, ended_days, judge_days

WINDOW = timedelta(days=33)
"""How much of each series a replay keeps at hand: 28 days of typical values, the day judged, and a margin."""

CYCLE = timedelta(minutes=5)
"""From one live cycle to the next."""

BATCH = 24
"""Cycles of a replay that share one durable transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPolicy:
    """What stands in for officers in a replay, stated with every decision that it takes.

    Parameters
    ----------
    submit_after, approve_after : timedelta
        From draft to submission, from submission to approval and issue.
    submitter, approver : str
        Its two accounts, marked as simulated.
    """

    submit_after: timedelta = timedelta(minutes=5)
    approve_after: timedelta = timedelta(minutes=10)
    submitter: str = "replay-duty"
    approver: str = "replay-approver"


def turn(
    office: Office,
    plan: Plan,
    snapshot: Snapshot,
    world: World,
    *,
    mode: str,
    desk: DeskPolicy | None,
    archives: Mapping[str, tuple[datetime, datetime]],
) -> cycle.Cycle:
    """Run one cycle and everything that follows from it.

    Parameters
    ----------
    office : Office
        Store and country.
    plan : Plan
        What is watched.
    snapshot : Snapshot
        What is known.
    world : World
        Changed in place.
    mode : str
        ``live`` or ``replay``.
    desk : DeskPolicy or None
        None where officers decide.
    archives : mapping
        See :class:`Chained`.

    Returns
    -------
    Cycle
    """
    sources = {name: feed.SOURCE for name, feed in all_feeds().items()}
    seen = Chained(snapshot=snapshot, world=world, plan=plan, archives=archives, sources=sources)
    world.forget(snapshot.at)
    # Verdicts first: they are known at this moment, and move the threshold of this cycle.
    for domain in plan.domains:
        _verify(office, plan, domain, seen, world)
    one = cycle.run(seen, plan, office.detectors)
    world.carried = one.carried
    office.store.put_cycle(
        CycleRow(
            id=one.id,
            plan=plan.id,
            at=one.at,
            mode=mode,
            inputs_hash=one.inputs,
            code=code_version(),
            judgement=record.encode_judgement(one),
            levels=record.encode_levels(one, plan),
            summary=_summary(one, plan),
        )
    )
    world.remember(commands.record_proposals(office, one.proposals))
    if desk is not None:
        _decide(office, world, desk, one.at)
    forecasting.make_due(office, plan, seen, sources, world.forecasts)
    return one


def _summary(one: cycle.Cycle, plan: Plan) -> dict[str, Any]:
    return {
        "domains": [d.id for d in plan.domains],
        "thresholds": one.thresholds,
        "assessments": [to_plain(a) for a in one.assessments if 1 <= a.level < UNKNOWN],
        "unknown": {d: int((bytes_ == UNKNOWN).sum()) for d, bytes_ in one.levels.items()},
        "proposals": [p.alert.id for p in one.proposals if not p.held],
    }


def _decide(office: Office, world: World, desk: DeskPolicy, at: datetime) -> None:
    """Let the desk policy submit, approve and issue what waits."""
    duty = Actor(account=desk.submitter, role=Role.DUTY_OFFICER, simulated=True)
    chief = Actor(account=desk.approver, role=Role.APPROVING_OFFICER, simulated=True)
    clerk = Actor(account="system", role=Role.SYSTEM, simulated=True)
    for alert in [a for a in world.alerts.values() if a.state is State.DRAFT and a.created_at == at]:
        basis = next(d.legal_basis for d in office.plan.domains if d.id == alert.domain)
        submitted = at + desk.submit_after
        approved = submitted + desk.approve_after
        commands.submit(office, alert.id, duty, at=submitted)
        commands.approve(office, alert.id, chief, legal_basis=basis, at=approved)
        commands.issue(office, alert.id, clerk, at=approved)
        world.remember(office.store.list("alert", where={"chain": alert.chain}))
        commands.send_pending(office, at=approved, replay=True)


def _verify(office: Office, plan: Plan, domain: Domain, seen: Chained, world: World) -> None:
    """Judge the local days that ended, then take the verdicts that they decide."""
    rule = domain.outcome
    if rule is None:
        return
    watched = plan.watched[domain.id]
    until = seen.at - rule.settle
    # All that ended since the last turn: a pause over midnight loses no day.
    ended = ended_days(watched, plan.regions, world.until.get(domain.id, until - HOUR), until)
    world.until[domain.id] = until
    if not ended:
        return
    days = world.days.setdefault(domain.id, {})
    unknown = [key for key, day in days.items() if not math.isfinite(day.total)]
    for day in judge_days(seen, rule, list(dict.fromkeys([*ended, *unknown])), plan.regions):
        days[day.region, day.day] = day
        if day.met:
            key = f"{domain.id}:{day.region}:{day.day}"
            if office.store.get("outcome", key) is None:
                body = {"id": key, "domain": domain.id, **to_plain(day)}
                office.store.put("outcome", key, body, known_at=seen.at, revision=0)
    for chain in ledger.issued_chains(world.alerts.values(), domain.id):
        if chain.chain in world.closed:
            continue
        entry = ledger.settle(seen, domain, rule, chain, days, plan.regions)
        if entry is not None:
            _keep_verdict(office, world, chain.chain, entry, seen.at)


def _keep_verdict(office: Office, world: World, chain: str, entry: dict[str, Any], at: datetime) -> None:
    history = office.store.history("verdict", chain)
    if entry["closed"]:
        world.closed.add(chain)
    if history and all(
        history[-1].noun[k] == entry[k] for k in ("verdict", "local_dates", "closed", "level")
    ):
        return
    body = {**entry, "id": chain, "first": not history}
    if history and history[-1].noun["verdict"] != entry["verdict"]:
        body["was"] = history[-1].noun["verdict"]
    office.store.put("verdict", chain, body, known_at=at, revision=len(history))
    world.verdicts.append((at, body))


def restore_world(office: Office, plan: Plan, *, at: datetime) -> World:
    """What a loop needs to go on after ``at``, read back from the store.

    The carried state is left to the snapshot, which gives the newest one before its moment. Days are judged
    up to the moment of that state; those that ended since are left to the next turn, which records them.
    """
    world = World()
    carried = office.store.load_state(plan.id, at)
    last = at if carried is None else from_us(int(carried["cycle/at"][0]))
    world.remember(office.store.list("alert", at=at))
    for domain in plan.domains:
        chains = {c.chain for c in ledger.issued_chains(world.alerts.values(), domain.id)}
        for entry in office.store.list("verdict", at=at):
            if entry["id"] in chains:
                world.verdicts += [(s.known_at, s.noun) for s in office.store.history("verdict", entry["id"])]
                if entry["closed"]:
                    world.closed.add(entry["id"])
        if domain.outcome is not None:
            _restore_days(office, plan, domain, world, last, at)
    return world


def _restore_days(
    office: Office, plan: Plan, domain: Domain, world: World, last: datetime, at: datetime
) -> None:
    """Judge again the days that an open chain may still wait for; those recorded as met stay met."""
    rule = domain.outcome
    if rule is None:
        return
    edge = last - rule.settle
    oldest = world.oldest(domain.id, last)
    start = datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)
    ended = ended_days(plan.watched[domain.id], plan.regions, start, edge)
    judged = judge_days(office.store.as_of(at), rule, ended, plan.regions)
    days = {(d.region, d.day): d for d in judged}
    for row in office.store.list("outcome", at=at, where={"domain": domain.id}):
        day = from_plain(Day, {k: row[k] for k in ("region", "day", "total", "typical", "met")})
        if day.day >= start.date():
            days[day.region, day.day] = day
    world.days[domain.id] = days
    if last < at:
        world.until[domain.id] = edge


def panels(plan: Plan) -> list[PanelSpec]:
    """Panels that the cycles of a plan will ask for at each step."""
    specs = []
    for domain in plan.domains:
        for monitor in domain.monitors:
            monthly = monitor.quantity.step > DAY
            late = 0 if monitor.nowcast is None else monitor.nowcast.longest + 1
            specs.append(
                PanelSpec(
                    quantity=monitor.quantity.id,
                    regions=plan.watched[domain.id],
                    step=DAY if monthly else monitor.quantity.step,
                    span=timedelta(days=100) if monthly else max(WINDOW, late * monitor.quantity.step),
                )
            )
    return specs


def replay(
    office: Office,
    *,
    start: datetime,
    end: datetime,
    domains: Sequence[str],
    archives: Mapping[str, tuple[datetime, datetime]],
    step: timedelta = HOUR,
    desk: DeskPolicy | None = None,
    progress: Callable[[int, int, datetime], None] = lambda _done, _all, _at: None,
) -> int:
    """Run the cycles from ``start`` to ``end`` by the code that also runs live.

    A replay that was cut off goes on after the last state that it saved.

    Parameters
    ----------
    office : Office
        Store and country.
    start, end : datetime
        First and last moment, both included.
    domains : sequence of str
        What is watched.
    archives : mapping of str to (datetime, datetime)
        Sources that archives cover.
    step : timedelta
        From one cycle to the next.
    desk : DeskPolicy, optional
        Stands in for the officers; the default policy if not given.
    progress : callable
        Told the number of cycles done, of all, and the moment.

    Returns
    -------
    int
        Number of cycles run now.
    """
    plan = office.plan_of(domains)
    policy = desk or DeskPolicy()
    total = (end - start) // step + 1
    first, world = start, World()
    saved = office.store.load_state(plan.id, end + step)
    if saved is not None and from_us(int(saved["cycle/at"][0])) >= start:
        first = from_us(int(saved["cycle/at"][0])) + step
        world = restore_world(office, plan, at=first - timedelta(microseconds=1))
    count = 0
    snapshots = iter(office.store.follow(start=first, end=end, step=step, panels=panels(plan)))
    snapshot = next(snapshots, None)
    while snapshot is not None:
        with office.store.transaction():
            for _ in range(BATCH):
                one = turn(office, plan, snapshot, world, mode="replay", desk=policy, archives=archives)
                count += 1
                snapshot = next(snapshots, None)
                if snapshot is None:
                    break
            office.store.save_state(plan.id, one.at, one.carried, keep=2)
        progress((one.at - start) // step + 1, total, one.at)
    return count
