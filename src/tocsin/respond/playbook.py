"""Playbooks: which tasks a warning opens, read from TOML and checked before anybody relies on them."""

from __future__ import annotations

import graphlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.model import Alert, ConfigError, Role

_WORD = r"^[a-z][a-z0-9_]*$"
_Word = Annotated[str, Field(pattern=_WORD)]
_Text = Annotated[str, Field(min_length=1, max_length=400)]
_Rank = Annotated[int, Field(ge=1, le=4, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One task as the playbook plans it.

    Parameters
    ----------
    id, title : str
        Name within the playbook; what is to be done.
    owner : str
        Role that does it; never a person.
    due : timedelta
        After activation.
    after : tuple of str
        Steps that come first.
    min_level : int
        Lowest level of a warning that opens it.
    """

    id: str
    title: str
    owner: str
    due: timedelta
    after: tuple[str, ...] = ()
    min_level: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """What is done for a warning of one domain.

    Parameters
    ----------
    id, title, domain : str
        Name of the file; what people read; domain of the warnings.
    levels : tuple of int
        Levels that activate it.
    roles : mapping of str to str
        Its own response roles with their titles, beside the roles of the desk.
    steps : tuple of Step
        In the order of the file.
    """

    id: str
    title: str
    domain: str
    levels: tuple[int, ...]
    roles: Mapping[str, str]
    steps: tuple[Step, ...]


class _StepTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Word
    title: _Text
    owner: _Word
    due_minutes: Annotated[float, Field(gt=0, le=43_200, allow_inf_nan=False, strict=True)]
    after: tuple[_Word, ...] = ()
    min_level: _Rank = 1


class _PlaybookTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: _Text
    domain: _Word
    levels: Annotated[tuple[_Rank, ...], Field(min_length=1)]
    roles: Mapping[_Word, _Text] = {}
    tasks: Annotated[tuple[_StepTable, ...], Field(min_length=1)]


def load(path: Path) -> Playbook:
    """Read one playbook.

    Parameters
    ----------
    path : Path
        TOML; its stem is the id.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed: a key that is unknown or missing, a role that
        nobody has, a task after one that does not exist or that waits for it in turn, a task due before those
        that come first.
    """
    try:
        plain = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path.name, "the file", str(error), "TOML in UTF-8") from error
    except OSError as error:
        raise ConfigError(path.name, "the file", error.strerror, "a file that can be read") from error
    try:
        table = _PlaybookTable.model_validate(plain)
    except ValidationError as error:
        raise _told(path.name, error) from error
    if not re.match(_WORD, path.stem):
        raise ConfigError(path.name, "the file's name", path.stem, "lower-case words joined by _")
    steps = tuple(
        Step(
            id=t.id,
            title=t.title,
            owner=t.owner,
            due=timedelta(minutes=t.due_minutes),
            after=t.after,
            min_level=t.min_level,
        )
        for t in table.tasks
    )
    _sound(path.name, steps, table.roles)
    return Playbook(
        id=path.stem,
        title=table.title,
        domain=table.domain,
        levels=tuple(sorted(set(table.levels))),
        roles=dict(table.roles),
        steps=steps,
    )


def playbooks(folder: Path | None = None) -> dict[str, Playbook]:
    """Read all playbooks of a folder by id; the shipped ones when it is None.

    Raises
    ------
    ConfigError
        If one is wrong, or two claim the same domain and level: it must be clear which one is meant.

    Examples
    --------
    >>> sorted(playbooks())
    ['air_transport_stop', 'earthquake']
    """
    if folder is None:
        return dict(_shipped())
    if not folder.is_dir():
        raise ConfigError(folder.name, "the folder", "nothing", "a folder of playbooks")
    found: dict[str, Playbook] = {}
    claimed: dict[tuple[str, int], str] = {}
    for path in sorted(folder.glob("*.toml")):
        book = load(path)
        for level in book.levels:
            other = claimed.setdefault((book.domain, level), book.id)
            if other != book.id:
                raise ConfigError(
                    path.name, "levels", level, f"a level that {other}.toml has not for domain {book.domain}"
                )
        found[book.id] = book
    return found


@cache
def _shipped() -> tuple[tuple[str, Playbook], ...]:
    with as_file(files("tocsin.respond").joinpath("playbooks")) as folder:
        return tuple(playbooks(folder).items())


def playbook_for(alert: Alert, books: Iterable[Playbook]) -> Playbook | None:
    """Give the playbook for the domain and level of a warning; None where none is written."""
    return next((b for b in books if b.domain == alert.domain and alert.level in b.levels), None)


def _sound(file: str, steps: tuple[Step, ...], roles: Mapping[str, str]) -> None:
    by_id = {step.id: step for step in steps}
    desk = [str(role) for role in Role]
    for number, step in enumerate(steps):
        key = f"tasks[{number}]"
        if by_id[step.id] is not step:
            raise ConfigError(file, f"{key}.id", step.id, "an id that stands once")
        if step.owner not in roles and step.owner not in desk:
            raise ConfigError(file, f"{key}.owner", step.owner, [*sorted(roles), *desk])
        for first in step.after:
            before = by_id.get(first)
            if before is None:
                raise ConfigError(file, f"{key}.after", first, sorted(set(by_id) - {step.id}))
            if before.min_level > step.min_level:
                raise ConfigError(
                    file, f"{key}.after", first, f"a task that opens from level {step.min_level} on too"
                )
    for role in roles:
        if role in desk:
            raise ConfigError(file, f"roles.{role}", role, "a name that the desk's roles have not")
    try:
        tuple(graphlib.TopologicalSorter({s.id: s.after for s in steps}).static_order())
    except graphlib.CycleError as error:
        ring = " after ".join(error.args[1])
        raise ConfigError(file, "tasks.after", ring, "tasks of which none waits for itself") from error
    for number, step in enumerate(steps):
        late = max((by_id[first].due for first in step.after), default=timedelta(0))
        if step.due < late:
            minutes = step.due / timedelta(minutes=1)
            allowed = f"at least {late / timedelta(minutes=1):g}, when those before it are due"
            raise ConfigError(file, f"tasks[{number}].due_minutes", minutes, allowed)


def _told(file: str, error: ValidationError) -> ConfigError:
    # A key that is misspelt is unknown and missing at once: the unknown one says what happened.
    fault = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    place = fault["loc"]
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
    allowed: Any = fault["msg"]
    if fault["type"] == "extra_forbidden":
        table = _StepTable if place[0] == "tasks" else _PlaybookTable
        return ConfigError(file, key, place[-1], sorted(table.model_fields))
    if fault["type"] == "missing":
        return ConfigError(file, key, "nothing", "a value: this key is required")
    return ConfigError(file, key, fault["input"], allowed)
