"""Playbooks as the desk sees them, and one activated by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin import respond
from tocsin.govern.permissions import Permission, require
from tocsin.model import ConfigError, Task
from tocsin.ops import commands
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office


def playbooks() -> list[dict[str, Any]]:
    """Every playbook, in plain types."""
    return [
        {
            "id": book.id,
            "title": book.title,
            "domain": book.domain,
            "levels": list(book.levels),
            "roles": dict(book.roles),
            "tasks": [
                {
                    "id": s.id,
                    "title": s.title,
                    "owner": s.owner,
                    "due_min": s.due.total_seconds() / 60,
                    "after": list(s.after),
                    "min_level": s.min_level,
                }
                for s in book.steps
            ],
        }
        for book in respond.playbooks().values()
    ]


def activate(
    office: Office, alert: str, actor: Actor, *, at: datetime, playbook: str | None = None
) -> list[Task]:
    """Open the tasks of a playbook for a warning that stands; what is open already is not opened twice.

    Parameters
    ----------
    office : Office
        Store and country.
    alert : str
        Id of an issued warning.
    actor : Actor
        Who does it.
    at : datetime
        Wall time, from which the due times count.
    playbook : str, optional
        Its id; that of the warning's domain and level if not given.

    Raises
    ------
    AuthorityError
        When the role may not.
    RespondError
        When the warning does not stand, or the playbook is for another domain or level.
    ConfigError
        When there is no such playbook, or none for this warning.
    """
    require(actor.role, Permission.ACTIVATE)
    with office.store.transaction():
        found = commands.get_alert(office, alert)
        books = office.playbooks
        if playbook is not None and playbook not in books:
            raise ConfigError("respond", "playbook", playbook, sorted(books))
        book = respond.playbook_for(found, books.values()) if playbook is None else books[playbook]
        if book is None:
            raise ConfigError(
                "respond",
                "playbook",
                None,
                f"one for {found.domain}, level {found.level}; choose with --playbook",
            )
        opened = office.store.list("task", where={"alert": found.chain})
        tasks, decision = respond.activate(
            found,
            book,
            at=at,
            opened=opened,
            actor=actor.account,
            role=actor.role,
            simulated=actor.simulated,
        )
        for task in tasks:
            office.store.put("task", task.id, task, known_at=at, revision=0)
        office.store.journal(decision)
    return list(tasks)
