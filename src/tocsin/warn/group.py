"""Alarms that are near each other are one warning: grouped, drafted, joined to what stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tocsin.geo import distance_km
from tocsin.geo.overlap import inside, overlap
from tocsin.model import Alert, Detection, Member, State, iso
from tocsin.warn.proposal import (
    PENDING,
    WARNING,
    Context,
    Proposal,
    because,
    codes,
    first,
    grade,
    level_of,
    place,
    texts,
    update,
)
from tocsin.warn.report import event_of


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
    """Whether a region lies within the grouping distance of any of the others.

    Where the domain says so, a region is also near those that share a border with it and those that lie in it
    or around it: then six airports, forty counties and a state are one area.
    """
    if context.domain.criteria.group_adjacent and _touches(context, region, others):
        return True
    here = context.regions[region]
    there = [context.regions[o] for o in others if o in context.regions]
    apart = distance_km(here.lat, here.lon, [r.lat for r in there], [r.lon for r in there])
    return bool((apart <= context.domain.criteria.group_km).any())


def _touches(context: Context, region: str, others: Sequence[str]) -> bool:
    known, level = [o for o in others if o in context.regions], context.regions[region].level
    return (
        not set(context.neighbours.get(region, ())).isdisjoint(known)
        or inside(context.regions, region, known)
        or any(inside(context.regions, o, (region,)) for o in known if context.regions[o].level is not level)
    )


def groups(context: Context, found: Mapping[str, Detection]) -> list[dict[str, Detection]]:
    """Part the alarms of one moment into connected groups: what is near one is in the group of all."""
    left = dict(sorted(found.items(), key=lambda item: (item[1].tail, item[0])))
    parted = []
    while left:
        joined = dict([next(iter(left.items()))])
        group: dict[str, Detection] = {}
        while joined:
            group |= joined
            left = {r: d for r, d in left.items() if r not in joined}
            # What was near an older member has joined before: only the newest are looked at.
            edge = list(joined)
            joined = {r: d for r, d in left.items() if near(context, r, edge)}
        parted.append(group)
    return parted


def draft_group(context: Context, group: Mapping[str, Detection], *, others: int = 0) -> Proposal | None:
    """Draft a warning of one group; its most extreme member comes first and names it.

    None where the country's matrix makes a watch of it: that is on the picture, and is not issued. Places
    beside it that are warned of already (``others``) count for how bad it is.
    """
    impact = _impact(context, group, len(group) + others)
    if level_of(context, impact) < WARNING:
        return None
    members = tuple(_member(context, d) for d in group.values())
    lead = next(iter(group.values()))
    stem = f"{context.pack}.{context.domain.id}.{context.at:%Y%m%dT%H%MZ}.{members[0].name}"
    return first(
        context,
        f"{stem}.1",
        impact,
        members,
        onset=min(d.valid_time for d in group.values()),
        inputs=context.inputs,
        texts=texts(context, members, _findings(context, members), lead.ends),
    )


def join_group(
    context: Context, old: Alert, found: Mapping[str, Detection], chain: Sequence[Alert]
) -> Proposal | None:
    """Draft an update of what stands, if level, area or window changed so that people must be told.

    The advice is the domain's own text: it changes with the places and the level only. An area that grew by
    less than the domain tells (``update_overlap``) is held back; the next update names it.
    """
    criteria = context.domain.criteria
    joined = {r: d for r, d in found.items() if r not in old.regions}
    called = _impact(context, found, _counted(context, old) + len(joined))
    impact = max(old.impact, called)
    level = max(old.level, level_of(context, called))
    # What was raised at the threshold is held at the lower one of joining: hysteresis.
    ending = old.expires - context.at < criteria.renew
    if not joined and level == old.level and not ending:
        return None
    held = ""
    if level == old.level and not ending and criteria.update_overlap < 1:
        shared = overlap(context.regions, old.regions, [*old.regions, *joined])
        if shared >= criteria.update_overlap:
            held = (
                f"old and new area overlap by {shared:.2f}; a change is told below "
                f"{criteria.update_overlap:g} (joined: {codes(context, joined)})"
            )
    members = tuple(_worse(m, found.get(m.region)) for m in old.members)
    members += tuple(_member(context, d) for d in joined.values())
    latest = max(d.ends for d in found.values())
    changes: dict[str, Any] = {
        **grade(context, level, impact),
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
    return replace(update(context, old, changes, chain=chain, reason=why), held=held)


def wait_behind(
    context: Context, old: Alert, found: Mapping[str, Detection], chain: Sequence[Alert]
) -> Proposal | None:
    """Draft what findings call for beside a message that officers have before them, held back until then.

    None where that message says it already: the same places at the same level or a graver one.
    """
    joined = {r: d for r, d in found.items() if r not in old.regions}
    level = level_of(context, _impact(context, found, len(old.members) + len(joined)))
    if not joined and level <= old.level:
        return None
    told = found if level > old.level else joined
    told = dict(sorted(told.items(), key=lambda item: (item[1].tail, item[0])))
    others = sum(r not in told for r in old.regions)
    draft = draft_group(context, told, others=others)
    if draft is None:
        return None
    why = because(
        (
            (f"joined: {codes(context, joined)}", bool(joined)),
            (f"level {old.level} to {level}", level > old.level),
        )
    )
    waits = next((a for a in chain if a.state in PENDING), old)
    held = f"asked when officers have decided {waits.id} ({waits.msg_type}, {waits.state}): {why}"
    return replace(draft, held=held, behind=old.chain)


def lower_group(context: Context, old: Alert, chain: Sequence[Alert]) -> Proposal | None:
    """Draft an update at a lower level, once enough members were below the lower threshold for long enough.

    Area and window stay: what was only lowered does not stand for longer, and runs out by itself. A level
    that officers chose is theirs, and a report of others follows its publisher.

    Returns
    -------
    Proposal or None
        Held back while the minimum hold has not passed since the message was issued.
    """
    criteria, streaks = context.domain.criteria, context.streaks
    ours = old.author == "system" and old.state is State.ISSUED and event_of(old) is None
    if not ours or old.sent is None or streaks is None or criteria.lower_after == 0:
        return None
    counting = streaks.counting(old.regions, criteria.lower_after)
    severe = streaks.any_severe(counting, criteria.lower_after)
    impact = 3 if severe or len(counting) >= criteria.severe_members else 2
    level = max(level_of(context, impact), WARNING)
    if level >= old.level:
        return None
    changes = grade(context, level, impact) | {"inputs": context.inputs}
    why = (
        f"level {old.level} to {level}: {len(counting)} of {len(old.members)} places still count after "
        f"{criteria.lower_after} evaluations"
    )
    until = old.sent + criteria.min_hold
    held = "" if context.at >= until else f"no lower level before {iso(until)}, the minimum hold"
    return replace(update(context, old, changes, chain=chain, reason=why), held=held)


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


def _counted(context: Context, old: Alert) -> int:
    """How many places of a message count for how bad it is: all, where nothing is ever lowered.

    Else those that were lowered do not raise it again by having been there.
    """
    streaks, after = context.streaks, context.domain.criteria.lower_after
    return len(old.members) if streaks is None or after == 0 else len(streaks.counting(old.regions, after))


def _impact(context: Context, found: Mapping[str, Detection], members: int) -> int:
    """The domain's stated rule: what is severe by its length, or by how many places are struck."""
    severe = any(d.severe for d in found.values()) or members >= context.domain.criteria.severe_members
    return 3 if severe else 2


def _findings(context: Context, members: Sequence[Member]) -> str:
    return " ".join(
        f"{place(context, m)}: {m.value:.0f} in {m.window_h} h, expected {m.expected:.0f}." for m in members
    )
