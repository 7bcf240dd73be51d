"""Drafts by hand: from what an officer writes to a warning with its identity and places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from tocsin.model import Alert, Member, RegionLevel, ShapeError, iso
from tocsin.ops import commands
from tocsin.ops.commands import Actor
from tocsin.ops.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """What an officer writes.

    Parameters
    ----------
    domain : str
        A domain of the country.
    event, headline, description, instruction : str
        Texts of the message.
    level, impact : int
        1 to 4.
    regions : tuple of str
        Ids.
    onset, expires : datetime
        Window of the hazard.
    status : str
        ``Actual`` or ``Exercise``.
    """

    domain: str
    event: str
    headline: str
    description: str
    instruction: str
    level: int
    impact: int
    regions: tuple[str, ...]
    onset: datetime
    expires: datetime
    status: str = "Actual"


def manual_draft(office: Office, manual: Manual, actor: Actor, *, at: datetime) -> Alert:
    """Keep a draft that an officer wrote.

    Raises
    ------
    ValueError
        When the domain or the status is none, the area is empty, outside the country or has a region twice,
        or the window is over or ends before it begins.
    ConflictError
        When the identifier is taken.
    """
    domain = next((d for d in office.plan.domains if d.id == manual.domain), None)
    if domain is None:
        raise ValueError(
            f"domain: got {manual.domain!r}, allowed: {', '.join(d.id for d in office.plan.domains)}"
        )
    if manual.status not in {"Actual", "Exercise"}:
        raise ValueError(f"status: got {manual.status!r}, allowed: Actual, Exercise")
    if not manual.regions:
        raise ValueError("regions: got none, allowed: at least one region of the country")
    if len(set(manual.regions)) != len(manual.regions):
        raise ValueError("regions: got one twice, allowed: each once")
    if manual.expires <= at:
        raise ValueError(f"expires: got {iso(manual.expires)}, allowed: later than now, {iso(at)}")
    if manual.expires <= manual.onset:
        raise ValueError(f"expires: got {iso(manual.expires)}, allowed: after onset, {iso(manual.onset)}")
    try:
        places = [office.pack.region(r) for r in manual.regions]
    except ShapeError as error:
        raise ValueError(str(error)) from error
    members = tuple(
        Member(
            region=p.id,
            name=p.code if p.level is RegionLevel.SITE else p.title,
            since=at,
            tail=math.nan,
            value=math.nan,
            expected=math.nan,
            window_h=0,
        )
        for p in places
    )
    identity = f"{office.pack.id}.{domain.id}.{at:%Y%m%dT%H%M%S%fZ}.{places[0].code or places[0].id}.1"
    alert = Alert(
        id=identity,
        chain=identity,
        domain=domain.id,
        status=manual.status,
        event=manual.event,
        category=domain.category,
        level=manual.level,
        likelihood=math.nan,
        impact=manual.impact,
        headline=manual.headline,
        description=manual.description,
        instruction=manual.instruction,
        response_type=domain.response_type,
        language=office.pack.languages[0],
        members=members,
        onset=manual.onset,
        expires=manual.expires,
        created_at=at,
        author=actor.account,
    )
    return commands.draft(office, alert, actor, at=at)
