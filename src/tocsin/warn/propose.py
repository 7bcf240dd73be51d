"""From findings to drafts: group alarms, join what stands, update only what changed.

A draft is a proposal. Nothing here leaves the house: a duty officer submits, another officer approves.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tocsin.geo import distance_km
from tocsin.model import Alert, Decision, Detection, Domain, Event, Member, Region, Role, State, iso
from tocsin.warn import lifecycle
from tocsin.warn.wording import HEADLINE, shorten

_NO_IDENTIFIER = re.compile(r"[\s<&]+")
PENDING = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})


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


def propose(
    context: Context, detections: Sequence[Detection], events: Sequence[Event], standing: Sequence[Alert]
) -> tuple[Proposal, ...]:
    """Draft what the findings call for.

    Parameters
    ----------
    context : Context
        Domain, regions, moment.
    detections : sequence of Detection
        Findings of this cycle; only those that alarm or join count.
    events : sequence of Event
        Reports of others, for domains that warn of events.
    standing : sequence of Alert
        Warnings of this domain that stand or wait.

    Returns
    -------
    tuple of Proposal
        Drafts of new warnings and of updates; empty when nothing changed that people must be told.
    """
    found = _by_region(context, detections)
    proposals: list[Proposal] = []
    chains = _newest_of_chains(standing)
    # Whatever waits for officers, a cancellation too, is decided before the system adds to it.
    waiting = {a.chain for a in standing if a.state in PENDING}
    taken: set[str] = set()
    for alert in chains:
        near = {
            region: d
            for region, d in found.items()
            if region not in taken and (region in alert.regions or _near(context, region, alert.regions))
        }
        taken |= near.keys()
        if alert.chain not in waiting and near:
            update = _update(context, alert, near, [a for a in standing if a.chain == alert.chain])
            if update is not None:
                proposals.append(update)
                waiting.add(alert.chain)
    fresh = {region: d for region, d in found.items() if region not in taken and d.alarm}
    proposals += [_draft(context, group) for group in _groups(context, fresh)]
    for event in events:
        found_event = _for_event(context, event, standing, waiting)
        if found_event is not None:
            proposals.append(found_event)
            waiting.add(found_event.alert.chain)
    return tuple(proposals)


def _by_region(context: Context, detections: Sequence[Detection]) -> dict[str, Detection]:
    """The most extreme raising finding of each region."""
    raising = {m.quantity.id for m in context.domain.monitors if m.raises}
    best: dict[str, Detection] = {}
    for d in detections:
        if (
            d.quantity in raising
            and (d.alarm or d.joins)
            and (d.region not in best or d.tail < best[d.region].tail)
        ):
            best[d.region] = d
    return best


def _newest_of_chains(standing: Sequence[Alert]) -> list[Alert]:
    """One alert a chain: what waits if anything waits, else what was issued last."""
    newest: dict[str, Alert] = {}
    for alert in standing:
        old = newest.get(alert.chain)
        key = (alert.state in PENDING, alert.created_at)
        if alert.msg_type != "Cancel" and (old is None or key >= (old.state in PENDING, old.created_at)):
            newest[alert.chain] = alert
    return sorted(newest.values(), key=lambda a: (a.created_at, a.id))


def _near(context: Context, region: str, others: Sequence[str]) -> bool:
    """Whether a region lies within the grouping distance of any of the others."""
    here = context.regions[region]
    there = [context.regions[o] for o in others if o in context.regions]
    apart = distance_km(here.lat, here.lon, [r.lat for r in there], [r.lon for r in there])
    return bool((apart <= context.domain.criteria.group_km).any())


def _groups(context: Context, found: Mapping[str, Detection]) -> list[dict[str, Detection]]:
    """Alarms of one moment in connected groups: near one is in the group of all."""
    left = dict(sorted(found.items(), key=lambda item: (item[1].tail, item[0])))
    groups = []
    while left:
        group = dict([next(iter(left.items()))])
        del left[next(iter(group))]
        grown = True
        while grown:
            joined = {r: d for r, d in left.items() if _near(context, r, list(group))}
            grown = bool(joined)
            group |= joined
            left = {r: d for r, d in left.items() if r not in joined}
        groups.append(group)
    return groups


def _member(context: Context, d: Detection) -> Member:
    region = context.regions[d.region]
    return Member(
        region=d.region,
        name=region.code if region.level == "site" else region.title,
        since=context.at,
        tail=d.tail,
        value=d.value,
        expected=d.expected,
        window_h=d.window_h,
    )


def _level(context: Context, found: Mapping[str, Detection], members: int) -> int:
    severe = any(d.severe for d in found.values()) or members >= context.domain.criteria.severe_members
    return 3 if severe else 2


def _draft(context: Context, group: Mapping[str, Detection]) -> Proposal:
    members = tuple(_member(context, d) for d in group.values())
    lead = next(iter(group.values()))
    stem = f"{context.pack}.{context.domain.id}.{context.at:%Y%m%dT%H%MZ}.{members[0].name}"
    findings = _findings(context, members)
    return _first(
        context,
        f"{stem}.1",
        _level(context, group, len(members)),
        members,
        onset=min(d.valid_time for d in group.values()),
        inputs=context.inputs,
        texts=_texts(context, members, findings, lead.ends),
    )


def _first(
    context: Context,
    identifier: str,
    level: int,
    members: tuple[Member, ...],
    *,
    onset: datetime,
    inputs: tuple[str, ...],
    texts: Mapping[str, str],
) -> Proposal:
    """The first draft of a chain."""
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


def _update(
    context: Context, old: Alert, found: Mapping[str, Detection], chain: Sequence[Alert]
) -> Proposal | None:
    """An update, if level, area or window changed so that people must be told."""
    criteria = context.domain.criteria
    joined = {r: d for r, d in found.items() if r not in old.regions}
    level = max(old.level, _level(context, found, len(old.members) + len(joined)))
    # What was raised at the threshold is held at the lower one of joining: hysteresis.
    ending = old.expires - context.at < criteria.renew
    if not joined and level == old.level and not ending:
        return None
    worse = {
        m.region: found[m.region] for m in old.members if m.region in found and found[m.region].tail < m.tail
    }
    kept = tuple(
        replace(
            m,
            tail=worse[m.region].tail,
            value=worse[m.region].value,
            expected=worse[m.region].expected,
            window_h=worse[m.region].window_h,
        )
        if m.region in worse
        else m
        for m in old.members
    )
    members = kept + tuple(_member(context, d) for d in joined.values())
    latest = max(d.ends for d in found.values())
    changes: dict[str, Any] = {
        "level": level,
        "impact": level,
        "members": members,
        "expires": max(old.expires, context.at + criteria.hold),
        "inputs": context.inputs,
        **_texts(context, members, _findings(context, members), latest),
    }
    why = "; ".join(
        reason
        for reason, holds in (
            ("joined: " + ", ".join(context.regions[r].code for r in joined), bool(joined)),
            (f"level {old.level} to {level}", level != old.level),
            ("it goes on", ending),
        )
        if holds
    )
    alert, decision = lifecycle.update(
        old,
        changes,
        new_id=_next_id(context, old),
        sender=context.sender,
        actor="system",
        role=Role.SYSTEM,
        at=context.at,
        chain=chain,
        reason=why,
    )
    return Proposal(alert=alert, decision=decision)


def _next_id(context: Context, old: Alert) -> str:
    """The id of a later message of a chain, by its moment.

    A cycle sees what stands. It cannot number on: messages that were rejected or replaced hold numbers too.
    """
    return f"{old.chain.rsplit('.', 1)[0]}.{context.at:%Y%m%dT%H%M%SZ}"


def _place(context: Context, member: Member) -> str:
    """What people read: a site with its code, anything wider with its parent."""
    region = context.regions[member.region]
    return f"{region.name} ({region.code})" if region.level == "site" else region.title


def _findings(context: Context, members: Sequence[Member]) -> str:
    return " ".join(
        f"{_place(context, m)}: {m.value:.0f} in {m.window_h} h, expected {m.expected:.0f}." for m in members
    )


def _texts(context: Context, members: Sequence[Member], findings: str, until: datetime) -> dict[str, str]:
    """Headline, description and instruction from the domain's templates; no placeholder stays unfilled."""
    words = {
        "places": _listed([_place(context, m) for m in members]),
        "findings": findings,
        "until": iso(until),
        "count": str(len(members)),
    }
    texts = {
        name: string.Template(context.domain.texts[name]).substitute(words)
        for name in ("headline", "description", "instruction")
    }
    return texts | {"headline": shorten(texts["headline"], HEADLINE)}


def _listed(words: Sequence[str], most: int = 3) -> str:
    """Words as a list for people.

    Examples
    --------
    >>> _listed(["a", "b", "c", "d", "e"]), _listed(["a", "b"])
    ('a, b, c and 2 more', 'a and b')
    """
    if len(words) > most:
        return ", ".join(words[:most]) + f" and {len(words) - most} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _for_event(
    context: Context, event: Event, standing: Sequence[Alert], waiting: Set[str]
) -> Proposal | None:
    """What an event calls for: a first draft, an update or cancellation of what it led to, or nothing."""
    named = [a for a in standing if event.id in a.inputs]
    if any(a.chain in waiting for a in named):
        return None
    # A chain that was cancelled warns of nothing, but what was said then is not said again.
    told = max(named, key=lambda a: (a.msg_type != "Cancel", a.created_at, a.id), default=None)
    level = context.domain.criteria.event_level(event.magnitude)
    if told is not None and told.msg_type != "Cancel":
        chain = [a for a in standing if a.chain == told.chain]
        if event.status == "withdrawn":
            return _event_cancel(context, event, told, chain)
        return _event_update(context, event, told, chain) if _is_due(context, event) else None
    if not _is_due(context, event) or (told is not None and level <= told.level):
        return None
    return _event_draft(context, event)


def _is_due(context: Context, event: Event) -> bool:
    """Whether an event is one to warn of: real, at a warning level, in the country, announced or not over."""
    level = context.domain.criteria.event_level(event.magnitude)
    if event.ends is not None and event.ends > event.onset:
        on = event.ends > context.at
    else:  # a point in time, or nobody knows when it ends
        on = context.at - event.onset <= context.domain.criteria.hold
    return level >= 2 and event.status == "actual" and bool(event.regions) and on


def _event_members(context: Context, regions: Sequence[str]) -> tuple[Member, ...]:
    return tuple(
        Member(
            region=region,
            name=context.regions[region].title,
            since=context.at,
            tail=math.nan,
            value=math.nan,
            expected=math.nan,
            window_h=0,
        )
        for region in regions
    )


def _event_texts(context: Context, event: Event, members: Sequence[Member]) -> dict[str, str]:
    return _texts(context, members, f"{event.title} ({event.magnitude:g} {event.unit}).", event.known_at)


def _event_draft(context: Context, event: Event) -> Proposal:
    members = _event_members(context, event.regions)
    level = context.domain.criteria.event_level(event.magnitude)
    return _first(
        context,
        # With the level: a draft that was rejected does not keep a graver one from being made.
        f"{context.pack}.{context.domain.id}.{event.external_id}.L{level}.1",
        level,
        members,
        onset=event.onset,
        inputs=(event.id, event.raw, *context.inputs),
        texts=_event_texts(context, event, members),
    )


def _event_update(context: Context, event: Event, old: Alert, chain: Sequence[Alert]) -> Proposal | None:
    """An update, if the event is graver or elsewhere than was told, or outlasts the warning."""
    criteria = context.domain.criteria
    level = max(old.level, criteria.event_level(event.magnitude))
    added = [r for r in event.regions if r not in old.regions]
    # Where an officer chose a wider area, it stays.
    gone = [r for r in old.regions if r not in event.regions] if old.author == "system" else []
    lasts = event.ends is not None and event.ends > context.at
    ending = lasts and old.expires - context.at < criteria.renew
    if level == old.level and not added and not gone and not ending:
        return None
    members = tuple(m for m in old.members if m.region not in gone) + _event_members(context, added)
    why = "; ".join(
        reason
        for reason, holds in (
            ("joined: " + ", ".join(context.regions[r].code for r in added), bool(added)),
            ("no longer: " + ", ".join(context.regions[r].code for r in gone), bool(gone)),
            (f"level {old.level} to {level}", level != old.level),
            ("it goes on", ending),
        )
        if holds
    )
    alert, decision = lifecycle.update(
        old,
        {
            "level": level,
            "impact": level,
            "members": members,
            "onset": event.onset,
            "expires": max(old.expires, context.at + criteria.hold),
            "inputs": (event.id, event.raw, *context.inputs),
            **_event_texts(context, event, members),
        },
        new_id=_next_id(context, old),
        sender=context.sender,
        actor="system",
        role=Role.SYSTEM,
        at=context.at,
        chain=chain,
        reason=why,
    )
    return Proposal(alert=alert, decision=decision)


def _event_cancel(context: Context, event: Event, old: Alert, chain: Sequence[Alert]) -> Proposal:
    alert, decision = lifecycle.cancel(
        old,
        reason=f"the publisher withdrew {event.id}",
        new_id=_next_id(context, old),
        sender=context.sender,
        actor="system",
        role=Role.SYSTEM,
        at=context.at,
        chain=chain,
    )
    return Proposal(alert=alert, decision=decision)
