"""Warnings that wait: which role is called, after how long; the policy is data."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from tocsin.model import Alert, ConfigError, Role, State, require_utc
from tocsin.warn.transitions import state_at

WAITING = (State.DRAFT, State.SUBMITTED, State.APPROVED)
"""States in which a warning waits for somebody."""

_KEYS = {"state", "after_minutes", "min_level", "to", "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the policy.

    Parameters
    ----------
    state : State
        Where the warning waits.
    after : timedelta
        From this wait on.
    to : Role
        Who is called.
    min_level : int
        Lowest level that it is about.
    text : str
        What is asked of them.
    """

    state: State
    after: timedelta
    to: Role
    min_level: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A warning that has waited too long.

    Parameters
    ----------
    id : str
        The same for the same warning, revision and rule: who was called is not called twice.
    alert : str
        Id.
    level : int
        Of the warning.
    state : State
        Where it waits.
    since : datetime
        Since when.
    waited : timedelta
        How long.
    to : Role
        Who is called.
    text : str
        What is asked of them.
    """

    id: str
    alert: str
    level: int
    state: State
    since: datetime
    waited: timedelta
    to: Role
    text: str


def escalations(
    alerts: Iterable[Alert],
    *,
    at: datetime,
    policy: Sequence[Rule],
    since: Mapping[str, datetime] | None = None,
) -> tuple[Escalation, ...]:
    """List every rule that a waiting warning has reached.

    Parameters
    ----------
    alerts : iterable of Alert
        Newest revisions known at ``at``; what waits for nobody is passed over.
    at : datetime
        Now.
    policy : sequence of Rule
        As :func:`load_policy` gives it.
    since : mapping of str to datetime, or None
        Alert id → when it came into its state (the last decision on it). Where it is not given, the draft's
        making counts: better called early than late.

    Returns
    -------
    tuple of Escalation
        Highest level first, then the longest wait.
    """
    at = require_utc(at, "at")
    found = []
    for alert in alerts:
        state = state_at(alert, at)
        if state not in WAITING:
            continue
        start = (since or {}).get(alert.id, alert.created_at)
        for number, rule in enumerate(policy):
            if rule.state is not state or alert.level < rule.min_level or at - start < rule.after:
                continue
            key = "\x1f".join((alert.id, str(alert.revision), state, rule.to, str(rule.after), str(number)))
            found.append(
                Escalation(
                    id=hashlib.sha256(key.encode()).hexdigest(),
                    alert=alert.id,
                    level=alert.level,
                    state=state,
                    since=start,
                    waited=at - start,
                    to=rule.to,
                    text=rule.text,
                )
            )
    return tuple(sorted(found, key=lambda e: (-e.level, -e.waited, e.alert, e.to, e.id)))


def load_policy(plain: Mapping[str, Any] | None = None, *, file: str = "escalation.toml") -> tuple[Rule, ...]:
    """Read the policy from its table; without one, the policy that is shipped.

    Parameters
    ----------
    plain : mapping or None
        ``{"rules": [{state, after_minutes, to, min_level, text}, …]}``.
    file : str
        Where it came from, for messages.

    Raises
    ------
    ConfigError
        Naming file, key, what was got and what is allowed.

    Examples
    --------
    >>> [rule.to.value for rule in load_policy() if rule.state is State.SUBMITTED]
    ['approving_officer', 'administrator']
    """
    if plain is None:
        plain = tomllib.loads(files("tocsin.warn").joinpath("escalation.toml").read_text("utf-8"))
    rows = plain.get("rules")
    if not isinstance(rows, list) or not rows:
        raise ConfigError(file, "rules", rows, "at least one rule")
    return tuple(_rule(row, f"rules[{number}]", file) for number, row in enumerate(rows))


def _rule(row: Any, key: str, file: str) -> Rule:
    if not isinstance(row, Mapping):
        raise ConfigError(file, key, row, "a table")
    for name in row:
        if name not in _KEYS:
            raise ConfigError(file, f"{key}.{name}", name, sorted(_KEYS))
    words = MappingProxyType({"state": list(map(str, WAITING)), "to": list(map(str, Role))})
    for name, allowed in words.items():
        if row.get(name) not in allowed:
            raise ConfigError(file, f"{key}.{name}", row.get(name), allowed)
    minutes, level = row.get("after_minutes"), row.get("min_level", 1)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 <= minutes <= 10_080:
        raise ConfigError(file, f"{key}.after_minutes", minutes, "minutes from 0 to 10080")
    if isinstance(level, bool) or level not in (1, 2, 3, 4):
        raise ConfigError(file, f"{key}.min_level", level, "1 to 4")
    return Rule(
        state=State(row["state"]),
        after=timedelta(minutes=minutes),
        to=Role(row["to"]),
        min_level=level,
        text=str(row.get("text", "")),
    )
