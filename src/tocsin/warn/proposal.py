"""A proposal: the draft of a cycle and its decision, and what every one of them is made of."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.model import Alert, Decision, Domain, Member, Region, Role, State, iso
from tocsin.warn import lifecycle
from tocsin.warn.wording import HEADLINE, shorten

PENDING = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
"""States in which a message waits for officers."""

_NO_IDENTIFIER = re.compile(r"[\s<&]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A draft of the system and the decision that records it."""

    alert: Alert
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every proposal of a cycle needs.

    Parameters
    ----------
    at : datetime
        Moment of the cycle.
    domain : Domain
        Criteria and texts.
    regions : mapping
        Regions by id.
    pack, sender : str
        Country and CAP sender.
    likelihood : float
        Measured share of earlier warnings that came true; NaN where it was not measured.
    inputs : tuple of str
        Ids that the drafts rest on.
    """

    at: datetime
    domain: Domain
    regions: Mapping[str, Region]
    pack: str
    sender: str
    likelihood: float
    inputs: tuple[str, ...]


def first(
    context: Context,
    identifier: str,
    level: int,
    members: tuple[Member, ...],
    *,
    onset: datetime,
    inputs: tuple[str, ...],
    texts: Mapping[str, str],
) -> Proposal:
    """Draft the first message of a chain."""
    # A publisher's id or a county's title may hold what a CAP identifier must not.
    identifier = _NO_IDENTIFIER.sub("_", identifier.replace(",", ""))
    alert = Alert(
        id=identifier,
        chain=identifier,
        domain=context.domain.id,
        event=context.domain.event,
        category=context.domain.category,
        level=level,
        likelihood=context.likelihood,
        impact=level,
        headline=texts["headline"],
        description=texts["description"],
        instruction=texts["instruction"],
        response_type=context.domain.response_type,
        members=members,
        onset=onset,
        expires=context.at + context.domain.criteria.hold,
        created_at=context.at,
        author="system",
        inputs=inputs,
    )
    decision = lifecycle.draft(alert, actor="system", role=Role.SYSTEM, at=context.at)[1]
    return Proposal(alert=alert, decision=decision)


def update(
    context: Context, old: Alert, changes: Mapping[str, Any], *, chain: Sequence[Alert], reason: str
) -> Proposal:
    """Draft the message that is to replace one that stands."""
    alert, decision = lifecycle.update(
        old,
        changes,
        new_id=_next_id(context, old),
        sender=context.sender,
        actor="system",
        role=Role.SYSTEM,
        at=context.at,
        chain=chain,
        reason=reason,
    )
    return Proposal(alert=alert, decision=decision)


def cancel(context: Context, old: Alert, *, chain: Sequence[Alert], reason: str) -> Proposal:
    """Draft the cancellation of a message that stands."""
    alert, decision = lifecycle.cancel(
        old,
        reason=reason,
        new_id=_next_id(context, old),
        sender=context.sender,
        actor="system",
        role=Role.SYSTEM,
        at=context.at,
        chain=chain,
    )
    return Proposal(alert=alert, decision=decision)


def _next_id(context: Context, old: Alert) -> str:
    """The id of a later message of a chain, by its moment.

    A cycle sees what stands. It cannot number on: messages that were rejected or replaced hold numbers too.
    """
    return f"{old.chain.rsplit('.', 1)[0]}.{context.at:%Y%m%dT%H%M%SZ}"


def because(reasons: Iterable[tuple[str, bool]]) -> str:
    """Join the reasons that hold.

    Examples
    --------
    >>> because([("joined: LGA", True), ("level 2 to 3", False), ("it goes on", True)])
    'joined: LGA; it goes on'
    """
    return "; ".join(reason for reason, holds in reasons if holds)


def codes(context: Context, regions: Iterable[str]) -> str:
    """Name regions by the code that the field uses."""
    return ", ".join(context.regions[r].code for r in regions)


def place(context: Context, member: Member) -> str:
    """What people read: a site with its code, anything wider with its parent."""
    region = context.regions[member.region]
    return f"{region.name} ({region.code})" if region.level == "site" else region.title


def texts(context: Context, members: Sequence[Member], findings: str, until: datetime) -> dict[str, str]:
    """Headline, description and instruction from the domain's templates; no placeholder stays unfilled."""
    words = {
        "places": listed([place(context, m) for m in members]),
        "findings": findings,
        "until": iso(until),
        "count": str(len(members)),
    }
    filled = {
        name: string.Template(context.domain.texts[name]).substitute(words)
        for name in ("headline", "description", "instruction")
    }
    return filled | {"headline": shorten(filled["headline"], HEADLINE)}


def listed(words: Sequence[str], most: int = 3) -> str:
    """Words as a list for people.

    Examples
    --------
    >>> listed(["a", "b", "c", "d", "e"]), listed(["a", "b"])
    ('a, b, c and 2 more', 'a and b')
    """
    if len(words) > most:
        return ", ".join(words[:most]) + f" and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
