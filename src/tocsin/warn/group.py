"""Alarms that are near each other are one warning: grouped, drafted, joined to what stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tocsin.geo import distance_km
from tocsin.model import Alert, Detection, Member
from tocsin.warn.proposal import Context, Proposal, because, codes, first, place, texts, update


def most_extreme(context: Context, detections: Sequence[Detection]) -> dict[str, Detection]:
    """Give the most extreme finding of each region that may raise a warning or join one."""
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


def near(context: Context, region: str, others: Sequence[str]) -> bool:
    """Whether a region lies within the grouping distance of any of the others."""
    here = context.regions[region]
    there = [context.regions[o] for o in others if o in context.regions]
    apart = distance_km(here.lat, here.lon, [r.lat for r in there], [r.lon for r in there])
    return bool((apart <= context.domain.criteria.group_km).any())


def groups(context: Context, found: Mapping[str, Detection]) -> list[dict[str, Detection]]:
    """Part the alarms of one moment into connected groups: what is near one is in the group of all."""
    left = dict(sorted(found.items(), key=lambda item: (item[1].tail, item[0])))
    parted = []
    while left:
        group = dict([next(iter(left.items()))])
        del left[next(iter(group))]
        grown = True
        while grown:
            joined = {r: d for r, d in left.items() if near(context, r, list(group))}
            grown = bool(joined)
            group |= joined
            left = {r: d for r, d in left.items() if r not in joined}
        parted.append(group)
    return parted


def draft_group(context: Context, group: Mapping[str, Detection]) -> Proposal:
    """Draft a warning of one group; its most extreme member comes first and names it."""
    members = tuple(_member(context, d) for d in group.values())
    lead = next(iter(group.values()))
    stem = f"{context.pack}.{context.domain.id}.{context.at:%Y%m%dT%H%MZ}.{members[0].name}"
    return first(
        context,
        f"{stem}.1",
        _level(context, group, len(members)),
        members,
        onset=min(d.valid_time for d in group.values()),
        inputs=context.inputs,
        texts=texts(context, members, _findings(context, members), lead.ends),
    )


def join_group(
    context: Context, old: Alert, found: Mapping[str, Detection], chain: Sequence[Alert]
) -> Proposal | None:
    """Draft an update of what stands, if level, area or window changed so that people must be told."""
    criteria = context.domain.criteria
    joined = {r: d for r, d in found.items() if r not in old.regions}
    level = max(old.level, _level(context, found, len(old.members) + len(joined)))
    # What was raised at the threshold is held at the lower one of joining: hysteresis.
    ending = old.expires - context.at < criteria.renew
    if not joined and level == old.level and not ending:
        return None
    members = tuple(_worse(m, found.get(m.region)) for m in old.members)
    members += tuple(_member(context, d) for d in joined.values())
    latest = max(d.ends for d in found.values())
    changes: dict[str, Any] = {
        "level": level,
        "impact": level,
        "members": members,
        "expires": max(old.expires, context.at + criteria.hold),
        "inputs": context.inputs,
        **texts(context, members, _findings(context, members), latest),
    }
    why = because(
        (
            (f"joined: {codes(context, joined)}", bool(joined)),
            (f"level {old.level} to {level}", level != old.level),
            ("it goes on", ending),
        )
    )
    return update(context, old, changes, chain=chain, reason=why)


def _worse(member: Member, d: Detection | None) -> Member:
    """A member keeps its worst finding."""
    if d is None or not d.tail < member.tail:
        return member
    return replace(member, tail=d.tail, value=d.value, expected=d.expected, window_h=d.window_h)


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


def _findings(context: Context, members: Sequence[Member]) -> str:
    return " ".join(
        f"{place(context, m)}: {m.value:.0f} in {m.window_h} h, expected {m.expected:.0f}." for m in members
    )
