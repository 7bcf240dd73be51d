"""Checks that every playbook must pass beyond what its loader refuses; shipped for those who write one."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from tocsin.model import Alert, Member, Role, State, Task
from tocsin.respond import Playbook, activate, complete, overdue, playbook_for, ready

AT = datetime(2001, 3, 5, 9, 20, tzinfo=UTC)
"""Instant at which the checks activate."""


def alert_for(playbook: Playbook, level: int, *, number: int = 1) -> Alert:
    """Give an issued warning that activates the playbook."""
    member = Member(region="XX", name="Nowhere", since=AT, tail=1e-6, value=0.0, expected=40.0, window_h=6)
    return Alert(
        id=f"check.{number}",
        chain="check.1",
        state=State.ISSUED,
        domain=playbook.domain,
        event="Check",
        category="Other",
        level=level,
        likelihood=float("nan"),
        impact=level,
        headline="Check",
        description="A warning for the checks of playbooks.",
        instruction="Do nothing.",
        members=(member,),
        onset=AT,
        expires=AT + timedelta(days=1),
        created_at=AT - timedelta(minutes=10),
        sent=AT,
        author="system",
    )


def check_owners_are_roles(playbook: Playbook) -> None:
    """Every owner is a role of the desk that acts, or one that the playbook names."""
    desk = {str(r) for r in Role} - {Role.VIEWER, Role.SYSTEM}
    for step in playbook.steps:
        _hold(step.owner in desk or step.owner in playbook.roles, f"{step.id}: owner: got {step.owner!r}")
    unused = set(playbook.roles) - {step.owner for step in playbook.steps}
    _hold(not unused, f"roles: got {sorted(unused)} without a task")


def check_every_level_opens_work(playbook: Playbook) -> None:
    """Each of its levels opens a task, and a higher level never fewer than a lower one."""
    before: set[str] = set()
    for level in playbook.levels:
        tasks, _ = activate(alert_for(playbook, level), playbook, at=AT)
        ids = {task.id for task in tasks}
        _hold(bool(ids), f"level {level}: got no task")
        _hold(before <= ids, f"level {level}: got fewer tasks than the level below")
        before = ids


def check_activation_repeats(playbook: Playbook) -> None:
    """Activating again, or for an update of the same chain, opens nothing twice."""
    level = playbook.levels[-1]
    first, decision = activate(alert_for(playbook, level), playbook, at=AT)
    again, same = activate(alert_for(playbook, level), playbook, at=AT)
    _hold((first, decision) == (again, same), "activate: got another answer for the same call")
    later, _ = activate(
        alert_for(playbook, level, number=2), playbook, at=AT + timedelta(hours=1), opened=first
    )
    _hold(later == (), f"activate: got {len(later)} tasks again for an update")


def check_can_be_worked_through(playbook: Playbook) -> None:
    """In the order of what comes first every task can be done, and none is due before its time."""
    tasks, _ = activate(alert_for(playbook, playbook.levels[-1]), playbook, at=AT)
    todo: dict[str, Task] = {task.id: task for task in tasks}
    while any(t.state == "open" for t in todo.values()):
        can = [t for t in todo.values() if ready(t, todo.values())]
        _hold(bool(can), "ready: got no task that can be begun while some are open")
        for task in can:
            _hold(task.due_at > AT, f"{task.title}: due_at: got {task.due_at}")
            _hold(not overdue(task, task.due_at), f"{task.title}: overdue: got true at its due time")
            todo[task.id], _ = complete(
                task, actor="check", role=Role.DUTY_OFFICER, at=AT, tasks=todo.values()
            )


def check_is_found(playbook: Playbook) -> None:
    """A warning of its domain and levels leads to it."""
    for level in playbook.levels:
        _hold(playbook_for(alert_for(playbook, level), [playbook]) is playbook, f"level {level}: not found")


def check_domain(playbook: Playbook, domains: Container[str]) -> None:
    """Its domain is one that exists."""
    _hold(playbook.domain in domains, f"domain: got {playbook.domain!r}, which no domain file defines")


def checks() -> Mapping[str, Callable[[Playbook], None]]:
    """Every check by name that needs the playbook alone.

    Examples
    --------
    >>> len(checks())
    5
    """
    found = {n: f for n, f in globals().items() if n.startswith("check_") and n != "check_domain"}
    return MappingProxyType(found)


def _hold(fact: bool, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)
