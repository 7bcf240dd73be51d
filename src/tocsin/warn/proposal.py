"""A proposal: the draft of a cycle and its decision, and what every one of them is made of."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tocsin.model import Alert, Decision, Domain, Matrix, Member, Region, Role, State, iso
from tocsin.warn import lifecycle
from tocsin.warn.hysteresis import Streaks
from tocsin.warn.wording import HEADLINE, shorten

PENDING = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
"""States in which a message waits for officers."""

WARNING = 2
"""Least level that is a warning: below it the picture shows a watch, and nothing leaves the house."""

_NO_IDENTIFIER = re.compile(r"[\s<&]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A draft of the system and the decision that records it.

    Parameters
    ----------
    alert : Alert
        The draft.
    decision : Decision
        That the system made it.
    held : str
        Why the criteria of the domain hold it back, in words: officers are not asked, but can see that; empty
        for what they are asked.
    behind : str
        Chain of the message that officers have before them, where that is what holds it back.
    """

    alert: Alert
    decision: Decision
    held: str = ""
    behind: str = ""


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
    matrix : Matrix or None
        From which levels are read where the domain says so.
    neighbours : mapping of str to sequence of str
        Regions that share a border.
    streaks : Streaks or None
        What was counted of each region; None where one evaluation is enough.
    """

    at: datetime
    domain: Domain
    regions: Mapping[str, Region]
    pack: str
    sender: str
    likelihood: float
    inputs: tuple[str, ...]
    matrix: Matrix | None = None
    neighbours: Mapping[str, Sequence[str]] = field(default_factory=dict)
    streaks: Streaks | None = None


def level_of(context: Context, impact: int) -> int:
    """The level that an impact calls for: read from the matrix at the very end, or the impact itself.

    By the domain's stated rule the two are one, and so they are where nobody has measured the likelihood.

    Parameters
    ----------
    context : Context
        Matrix, likelihood, criteria.
    impact : int
        1 to 4; 0 for nothing to warn of.

    Returns
    -------
    int
        0 to 4.
    """
    read = None if impact == 0 or _matrix(context) is None else _read(context, impact)
    return impact if read is None else read


def grade(context: Context, level: int, impact: int) -> dict[str, Any]:
    """Level, impact and where the level came from, as fields of an update.

    Parameters
    ----------
    context : Context
        Matrix, likelihood, criteria.
    level : int
        That is proposed: at least the one that was told.
    impact : int
        That the findings state.

    Returns
    -------
    dict
        By a stated rule level and impact are one. The likelihood is told again only where levels are read
        from it; the matrix is named only where it is this level that was read.
    """
    matrix = _matrix(context)
    if matrix is None:
        return {"level": level, "impact": level}
    name = str(matrix) if _read(context, impact) == level else ""
    return {"level": level, "impact": impact, "likelihood": context.likelihood, "matrix": name}


def _matrix(context: Context) -> Matrix | None:
    return context.matrix if context.domain.criteria.level_by == "matrix" else None


def _read(context: Context, impact: int) -> int | None:
    matrix = _matrix(context)
    return None if matrix is None else matrix.level(context.likelihood, impact)


def first(
    context: Context,
    identifier: str,
    impact: int,
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
        **{"likelihood": context.likelihood, **grade(context, level_of(context, impact), impact)},
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
