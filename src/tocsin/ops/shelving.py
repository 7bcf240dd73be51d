"""Silences as commands: an officer says what the desk need not be asked about, for how long, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.govern.permissions import Permission, require
from tocsin.model import ConflictError, Decision, NotFoundError, TransitionError, from_plain, iso, to_plain
from tocsin.model.record import decision_id
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office
from tocsin.ops.suppression import SILENCES, plain
from tocsin.warn.silence import Silence

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an officer wants to be silent about.

    Parameters
    ----------
    ends : datetime
        Until when.
    domains, hazards, regions : tuple of str
        Matchers; at least one of them.
    max_level : int
        Highest level that it holds back, 1 to 3.
    """

    ends: datetime
    domains: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    max_level: int = 2


def shelve(office: Office, wish: Wish, actor: Actor, *, reason: str, at: datetime) -> Silence:
    """Set a silence; it holds from now on.

    Raises
    ------
    AuthorityError
        When the role may not.
    ValueError
        When it has no reason, no matcher, no time, too much of it, or reaches an extreme warning; when a
        domain is none of the country, or the whole country is all that it says.
    ShapeError
        When a region is none of the country.
    ConflictError
        When the same account set one at the same instant.
    """
    require(actor.role, Permission.SHELVE)
    known = sorted(d.id for d in office.plan.domains)
    for domain in wish.domains:
        if domain not in known:
            raise ValueError(f"domain: got {domain!r}, allowed: {', '.join(known)}")
    for region in wish.regions:
        whole = office.pack.region(region).parent is None
        if whole and not (wish.domains or wish.hazards):
            raise ValueError(
                f"region: got {region!r}, the whole country, allowed: with a domain or a hazard; without one "
                "it would switch the desk off"
            )
    silence = Silence(
        id=f"{office.pack.id}.silence.{at:%Y%m%dT%H%M%S%fZ}.{actor.account}",
        reason=reason.strip(),
        author=actor.account,
        starts=at,
        ends=wish.ends,
        domains=wish.domains,
        hazards=wish.hazards,
        regions=wish.regions,
        max_level=wish.max_level,
    )
    with office.store.transaction():
        if office.store.get(SILENCES, silence.id) is not None:
            raise ConflictError(f"{silence.id}: id: got one that is used, allowed: a new one")
        _keep(office, silence, actor, "shelve", f"{reason.strip()} ({words(silence)})", at, revision=0)
    return silence


def unshelve(office: Office, name: str, actor: Actor, *, reason: str, at: datetime) -> Silence:
    """End a silence before its time; what it held back is asked at the next cycle.

    Raises
    ------
    AuthorityError
        When the role may not.
    NotFoundError
        When there is none of this id.
    TransitionError
        When it does not hold any more, or no reason is given.
    """
    require(actor.role, Permission.SHELVE)
    with office.store.transaction():
        row = office.store.get(SILENCES, name)
        if row is None:
            raise NotFoundError(f"silence: got {name!r}, allowed: an id that 'tocsin warnings shelved' shows")
        old = from_plain(Silence, {k: v for k, v in row.items() if k != "revision"})
        if not old.holds(at):
            raise TransitionError(
                f"{name}: got a silence that ended at {iso(old.ends)}; nothing is to be done"
            )
        if not reason.strip():
            raise TransitionError(f"{name}: reason: got nothing, allowed: why, in words")
        new = replace(old, ends=max(at, old.starts + _TICK))
        _keep(office, new, actor, "unshelve", reason.strip(), at, revision=int(row["revision"]) + 1)
    return new


def words(silence: Silence) -> str:
    """What a silence is about, for people."""
    parts: Sequence[tuple[str, tuple[str, ...]]] = (
        ("domains", silence.domains),
        ("hazards", silence.hazards),
        ("regions", silence.regions),
    )
    about = "; ".join(f"{name} {', '.join(values)}" for name, values in parts if values)
    return f"{about}; up to level {silence.max_level}, until {iso(silence.ends)}"


def _keep(
    office: Office, silence: Silence, actor: Actor, action: str, reason: str, at: datetime, *, revision: int
) -> None:
    body = {**plain(silence), "revision": revision}
    office.store.put(SILENCES, silence.id, body, known_at=at, revision=revision)
    office.store.journal(
        Decision(
            id=decision_id(silence.id, action, at, actor.account),
            at=at,
            actor=actor.account,
            role=actor.role,
            action=action,
            subject=silence.id,
            content_hash=hashlib.sha256(json.dumps(to_plain(body), sort_keys=True).encode()).hexdigest(),
            reason=reason,
            simulated=actor.simulated,
        )
    )
