"""From an issued warning and its playbook to tasks; and the life of a task: open, then done or dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tocsin.model import Alert, Decision, RespondError, Role, State, Task, iso, require_utc
from tocsin.model.record import decision_id
from tocsin.respond.playbook import Playbook

DESK = (Role.DUTY_OFFICER, Role.APPROVING_OFFICER)
"""Roles that may settle any task for the response roles that have no account here."""

DRILLS = ("Exercise", "Test")


def activate(
    alert: Alert,
    playbook: Playbook,
    *,
    at: datetime,
    opened: Iterable[Task] = (),
    actor: str = "system",
    role: Role = Role.SYSTEM,
    simulated: bool = False,
) -> tuple[tuple[Task, ...], Decision]:
    """Open the tasks of a playbook for a warning; again for an update, only those that are new.

    Parameters
    ----------
    alert : Alert
        Issued and not expired. Tasks belong to its chain, so an update does not open them twice.
    playbook : Playbook
        Of its domain and level.
    at : datetime
        From when the due times count.
    opened : iterable of Task
        Tasks of the chain so far, in any state.

    Returns
    -------
    tuple of Task, Decision
        Tasks to be kept now (none when all are open already), and the decision for the record.

    Raises
    ------
    RespondError
        If the warning does not stand, or the playbook is for another domain or level.
    """
    at = require_utc(at, "at")
    if alert.state is not State.ISSUED or alert.msg_type == "Cancel" or alert.expires <= at:
        raise RespondError(
            f"{alert.id}: state: got {alert.msg_type} {alert.state} until {iso(alert.expires)}, allowed to "
            "activate a playbook: a warning that was issued and stands"
        )
    if alert.domain != playbook.domain or alert.level not in playbook.levels:
        raise RespondError(
            f"{playbook.id}: got a warning of {alert.domain}, level {alert.level}; allowed: "
            f"{playbook.domain}, level {', '.join(map(str, playbook.levels))}"
        )
    before = {task.id: task for task in opened}
    steps = [s for s in playbook.steps if alert.level >= s.min_level]
    ids = {s.id: task_id(alert.chain, playbook.id, s.id) for s in steps}
    prefix = f"{alert.status.upper()}: " if alert.status in DRILLS else ""
    tasks = tuple(
        Task(
            id=ids[step.id],
            alert=alert.chain,
            playbook=playbook.id,
            title=prefix + step.title,
            owner=step.owner,
            opened_at=at,
            due_at=at + step.due,
            after=tuple(ids[first] for first in step.after),
        )
        for step in steps
        if ids[step.id] not in before
    )
    reason = f"playbook {playbook.id}: {len(tasks)} opened, {len(steps) - len(tasks)} were there"
    decision = Decision(
        id=decision_id(alert.id, "activate", at, actor),
        at=at,
        actor=actor,
        role=role,
        action="activate",
        subject=alert.id,
        content_hash=alert.content_hash,
        legal_basis=alert.legal_basis,
        reason=reason,
        simulated=simulated,
    )
    return tasks, decision


def task_id(chain: str, playbook: str, step: str) -> str:
    """Give the id of a task: the same for every message of a chain.

    Examples
    --------
    >>> task_id("a", "b", "c")[:8]
    'e0dee694'
    """
    return hashlib.sha256("\x1f".join((chain, playbook, step)).encode()).hexdigest()


def ready(task: Task, tasks: Iterable[Task]) -> bool:
    """Whether an open task can be begun: all that come first are done or dropped."""
    waiting = {t.id for t in tasks if t.state == "open"}
    return task.state == "open" and not waiting & set(task.after)


def overdue(task: Task, at: datetime) -> bool:
    """Whether a task is still open after its due time."""
    return task.state == "open" and task.due_at < require_utc(at, "at")


def complete(
    task: Task,
    *,
    actor: str,
    role: Role,
    at: datetime,
    tasks: Iterable[Task] = (),
    reason: str = "",
    simulated: bool = False,
) -> tuple[Task, Decision]:
    """Mark a task as done.

    Parameters
    ----------
    tasks : iterable of Task
        The other tasks of the chain, to see what comes first.

    Raises
    ------
    RespondError
        If it is not open, a task that comes first is, or the role may not settle it.
    """
    first = [t for t in tasks if t.id in task.after and t.state == "open"]
    if task.state == "open" and first:
        raise RespondError(
            f"{task.title}: complete: got {len(first)} open before it: {first[0].title}; "
            f"{first[0].owner} can complete that one"
        )
    return _settle(task, "done", actor, role, at, "complete", reason, simulated)


def drop(
    task: Task, *, actor: str, role: Role, at: datetime, reason: str, simulated: bool = False
) -> tuple[Task, Decision]:
    """Give a task up, with a reason.

    Raises
    ------
    RespondError
        If it is not open, the reason is missing or the role may not settle it.
    """
    if not reason.strip():
        raise RespondError(f"{task.title}: reason: got nothing, allowed to drop: with a reason in words")
    return _settle(task, "dropped", actor, role, at, "drop", reason.strip(), simulated)


def stand_down(
    tasks: Iterable[Task],
    *,
    at: datetime,
    reason: str,
    actor: str = "system",
    role: Role = Role.SYSTEM,
    simulated: bool = False,
) -> tuple[tuple[Task, Decision], ...]:
    """Drop what is still open of a warning that was cancelled."""
    return tuple(
        _settle(task, "dropped", actor, role, at, "drop", reason, simulated)
        for task in tasks
        if task.state == "open"
    )


def _settle(
    task: Task, state: str, actor: str, role: Role, at: datetime, action: str, reason: str, simulated: bool
) -> tuple[Task, Decision]:
    at = require_utc(at, "at")
    if task.state != "open":
        raise RespondError(f"{task.title}: {action}: got a task that is {task.state}, allowed: open")
    if at < task.opened_at:
        raise RespondError(
            f"{task.title}: at: got {iso(at)}, allowed: not before it was opened, {iso(task.opened_at)}"
        )
    system = role is Role.SYSTEM and action == "drop"  # standing down after a cancellation
    if not (role in DESK or role == task.owner or system):
        allowed = ", ".join(dict.fromkeys([*map(str, DESK), task.owner]))
        raise RespondError(f"{task.title}: role: got {role}, allowed to {action}: {allowed}")
    new = replace(task, state=state)
    decision = Decision(
        id=decision_id(task.id, action, at, actor),
        at=at,
        actor=actor,
        role=role,
        action=action,
        subject=task.id,
        content_hash=hashlib.sha256(f"{task.id}\x1f{state}".encode()).hexdigest(),
        reason=reason,
        simulated=simulated,
    )
    return new, decision
