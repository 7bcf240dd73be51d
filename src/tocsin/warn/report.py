"""Reports of others, an earthquake or another authority's alert: what each calls for now.

A report is revised by its publisher. A warning that rests on it follows, up and down: raised or moved at
once, lowered or cancelled too, always as a draft that two officers decide. What is not known lowers nothing:
a report without magnitude leaves standing what stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

from tocsin.model import Alert, Event, Member, Role, State, iso
from tocsin.warn import lifecycle
from tocsin.warn.proposal import (
    PENDING,
    WARNING,
    Context,
    Proposal,
    because,
    cancel,
    codes,
    first,
    grade,
    level_of,
    texts,
    update,
)


def followed(events: Sequence[Event]) -> Iterator[tuple[Event, tuple[str, ...]]]:
    """Give each report with the ids of those that it replaced, its own first.

    Another authority updates an alert with a new message: the old report is withdrawn and names the new one.
    The two are one report; only the end of such a chain is given, in the order of ``events``.
    """
    known = {event.id for event in events}
    after: dict[str, str] = {}
    for event in events:
        new = f"{event.source}:{event.details.get('replaced_by', '')}"
        if event.status == "withdrawn" and new in known:
            after[event.id] = new
    replaced: dict[str, list[str]] = {}
    for event in events:
        replaced.setdefault(_end(event.id, after), []).append(event.id)
    for event in events:
        if event.id in replaced:
            yield event, (event.id, *(i for i in replaced[event.id] if i != event.id))


def _end(report: str, after: Mapping[str, str]) -> str:
    """The last report of a chain of replacements; messages that replace each other replace nothing."""
    seen = [report]
    while (new := after.get(seen[-1])) is not None:
        if new in seen:
            return report
        seen.append(new)
    return seen[-1]


def answer(
    context: Context, event: Event, ids: Sequence[str], standing: Sequence[Alert], waiting: Set[str]
) -> Proposal | None:
    """Give what a report calls for: a first draft, an update or cancellation of what it led to, or nothing.

    Parameters
    ----------
    context : Context
        Domain, regions, moment.
    event : Event
        Newest version of the report.
    ids : sequence of str
        Its id, and those of the reports that it replaced.
    standing : sequence of Alert
        Warnings of this domain that stand or wait.
    waiting : set of str
        Chains in which something waits for officers: they are left alone, unless what waits would lower or
        end what a newer version of the report calls to raise.

    Returns
    -------
    Proposal or None
    """
    named = [a for a in standing if set(ids) & set(a.inputs)]
    # A chain that was cancelled warns of nothing, but what was said then is not said again.
    told = max(
        (a for a in named if a.state not in PENDING),
        key=lambda a: (a.msg_type != "Cancel", a.created_at, a.id),
        default=None,
    )
    held = {a.chain for a in named} & waiting
    if held and not _overtaken(context, event, told, [a for a in standing if a.chain in held]):
        return _behind(context, event, [a for a in standing if a.chain in held and a.state in PENDING])
    if told is None:
        return _draft(context, event) if _is_due(context, event) else None
    news = event.raw not in told.inputs
    if told.msg_type == "Cancel":
        graver = _called_for(context, event) > told.level
        if not _is_due(context, event) or not (graver or news):
            return None
        return _draft(context, event, again=not graver)
    chain = [a for a in standing if a.chain == told.chain]
    if event.status == "withdrawn":
        return _cancel(context, event, told, chain, f"the publisher withdrew {event.id}")
    if news and event.status != "actual":
        return _cancel(context, event, told, chain, f"the publisher marks {event.id} as {event.status}")
    if news and not event.regions:
        return _cancel(context, event, told, chain, f"{event.id} touches no region of the country any more")
    if news and event.magnitude is not None and _called_for(context, event) < WARNING:
        end = _cancel(context, event, told, chain, f"{event.id} was revised below the level of a warning")
        return replace(end, held=_too_soon(context, told))
    return _update(context, event, told, chain, news=news) if _is_due(context, event) else None


def _overtaken(context: Context, event: Event, told: Alert | None, held: Sequence[Alert]) -> bool:
    """Whether a graver version came while officers still think about a lesser one.

    Of the two successors only one can be issued: the other then lacks a reference, and is refused.
    """
    if told is None or told.msg_type == "Cancel":
        return False
    called = _called_for(context, event)
    pending = [a for a in held if a.state in PENDING]
    lesser = all((a.msg_type == "Cancel" or a.level < called) and event.raw not in a.inputs for a in pending)
    return bool(pending) and lesser and called > told.level


def _behind(context: Context, event: Event, pending: Sequence[Alert]) -> Proposal | None:
    """What a newer version says beside messages that officers have before them, held back until they decide.

    None where one of these rests on this version, or says what it calls for. Officers who think about a
    report that grew, moved or was taken back can see that it did.
    """
    if not pending or any(event.raw in a.inputs for a in pending):
        return None
    waits = max(pending, key=lambda a: (a.created_at, a.id))
    held = f"asked when officers have decided {waits.id} ({waits.msg_type}, {waits.state}): "
    if not _is_due(context, event):
        gone = _taken_back(context, event)
        if not gone or waits.msg_type == "Cancel":
            return None
        # What would be asked is that it be dropped: its own words, with a reason.
        alert = replace(waits, state=State.DRAFT, created_at=context.at, inputs=_inputs(context, event))
        decision = lifecycle.draft(alert, actor="system", role=Role.SYSTEM, at=context.at)[1]
        return Proposal(alert=alert, decision=decision, held=held + gone, behind=waits.chain)
    level, added = _called_for(context, event), [r for r in event.regions if r not in waits.regions]
    if waits.msg_type != "Cancel" and level == waits.level and not added:
        return None
    why = because(
        (
            (f"{event.id} calls for level {level}, not {waits.level}", level != waits.level),
            (f"added: {codes(context, added)}", bool(added)),
            (f"{event.id} calls for a warning", waits.msg_type == "Cancel"),
        )
    )
    return replace(_draft(context, event, again=True), held=held + why, behind=waits.chain)


def _taken_back(context: Context, event: Event) -> str:
    """Why a report that led to a draft calls for none any more; empty where it is only over, or unknown."""
    if event.status != "actual":
        return f"the publisher marks {event.id} as {event.status}"
    if not event.regions:
        return f"{event.id} touches no region of the country any more"
    small = event.magnitude is not None and _called_for(context, event) < WARNING
    return f"{event.id} was revised below the level of a warning" if small else ""


def event_of(alert: Alert) -> str | None:
    """Give the id of the report that the system drafted a warning of; None for one of our own findings."""
    first_input = next(iter(alert.inputs), "cycle:")
    return None if first_input.startswith("cycle:") else first_input


def _impact(context: Context, event: Event) -> int:
    return context.domain.criteria.event_level(event.magnitude)


def _called_for(context: Context, event: Event) -> int:
    return level_of(context, _impact(context, event))


def _too_soon(context: Context, told: Alert) -> str:
    """Why a warning is not lowered yet; empty once its minimum hold has passed."""
    until = (told.sent or told.created_at) + context.domain.criteria.min_hold
    return "" if context.at >= until else f"no lower level before {iso(until)}, the minimum hold"


def _is_due(context: Context, event: Event) -> bool:
    """Whether an event is one to warn of: real, at a warning level, in the country, announced or not over."""
    if event.ends is not None and event.ends > event.onset:
        on = event.ends > context.at
    else:  # a point in time, or nobody knows when it ends
        on = context.at - event.onset <= context.domain.criteria.hold
    real = event.status == "actual" and bool(event.regions)
    return real and on and _called_for(context, event) >= WARNING


def _draft(context: Context, event: Event, *, again: bool = False) -> Proposal:
    members = _members(context, event.regions)
    level = _called_for(context, event)
    # With the level: a draft that was rejected does not keep a graver one from being made.
    stem = f"{context.pack}.{context.domain.id}.{event.external_id}.L{level}"
    return first(
        context,
        f"{stem}.{context.at:%Y%m%dT%H%M%SZ}.1" if again else f"{stem}.1",
        _impact(context, event),
        members,
        onset=event.onset,
        inputs=_inputs(context, event),
        texts=_texts(context, event, members),
    )


def _update(
    context: Context, event: Event, old: Alert, chain: Sequence[Alert], *, news: bool
) -> Proposal | None:
    """An update, if the event is graver, lesser or elsewhere than was told, or outlasts the warning.

    Only a new version of the event lowers a warning: a level that officers chose is theirs.
    """
    criteria = context.domain.criteria
    called = _called_for(context, event)
    level = called if news else max(old.level, called)
    added = [r for r in event.regions if r not in old.regions]
    # Where an officer chose a wider area, it stays.
    gone = [r for r in old.regions if r not in event.regions] if old.author == "system" else []
    lasts = event.ends is not None and event.ends > context.at
    ending = lasts and old.expires - context.at < criteria.renew
    if level == old.level and not added and not gone and not ending:
        return None
    members = tuple(m for m in old.members if m.region not in gone) + _members(context, added)
    goes_on = level > old.level or bool(added) or ending
    impact = _impact(context, event)
    changes = {
        **grade(context, level, impact if news else max(old.impact, impact)),
        "members": members,
        "onset": event.onset,
        # What was only lowered does not stand for longer.
        "expires": max(old.expires, context.at + criteria.hold) if goes_on else old.expires,
        "inputs": _inputs(context, event),
        **_texts(context, event, members),
    }
    why = because(
        (
            (f"joined: {codes(context, added)}", bool(added)),
            (f"no longer: {codes(context, gone)}", bool(gone)),
            (f"level {old.level} to {level}", level != old.level),
            ("it goes on", ending),
        )
    )
    only_lower = level < old.level and not goes_on
    held = _too_soon(context, old) if only_lower else ""
    return replace(update(context, old, changes, chain=chain, reason=why), held=held)


def _cancel(context: Context, event: Event, old: Alert, chain: Sequence[Alert], reason: str) -> Proposal:
    proposal = cancel(context, old, chain=chain, reason=reason)
    # It rests on the version that took the ground away: the next one can call for a warning again.
    alert = replace(proposal.alert, inputs=_inputs(context, event))
    return Proposal(alert=alert, decision=proposal.decision)


def _inputs(context: Context, event: Event) -> tuple[str, ...]:
    return (event.id, event.raw, *context.inputs)


def _members(context: Context, regions: Sequence[str]) -> tuple[Member, ...]:
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


def _texts(context: Context, event: Event, members: Sequence[Member]) -> dict[str, str]:
    return texts(context, members, f"{event.title} ({event.magnitude:g} {event.unit}).", event.known_at)
