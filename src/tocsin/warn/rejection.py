"""What officers turned down is not asked again at every cycle: for which event, and for how long.

A rejection of a first draft holds for its event: the same report of somebody else, or findings of the same
domain in a region that it named. It ends at the first of

- the alarm was over for the time that a warning would have stood after it (``criteria.hold``);
- ``criteria.rejection_holds`` after the rejection, however long the alarm goes on.

While it holds, a graver level is proposed all the same, and so is an area that grew by
``criteria.rejection_growth`` of the rejected regions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.model import HOUR, Alert, Criteria
from tocsin.warn.report import event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A first draft of the system that officers turned down.

    Parameters
    ----------
    id : str
        Of the draft.
    domain : str
        Its domain.
    report : str or None
        Id of the report that it rested on; None for our own findings.
    level : int
        Level that was asked for.
    regions : tuple of str
        Regions that were asked for.
    at : datetime
        When it was rejected.
    alarm : datetime
        Last moment at which the same was called for.
    until : datetime
        Until when it holds, as far as is known: an alarm that goes on moves it.
    """

    id: str
    domain: str
    report: str | None
    level: int
    regions: tuple[str, ...]
    at: datetime
    alarm: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Whether a draft may be asked.

    Parameters
    ----------
    barred_by : tuple of Rejection
        Rejections that keep it from being asked; empty when it may be.
    because : str
        Why it is asked although the same was rejected not long ago; empty when it was not.
    """

    barred_by: tuple[Rejection, ...] = ()
    because: str = ""


def reject_first(asked: Alert, *, at: datetime, criteria: Criteria) -> Rejection | None:
    """Give the rejection of what the system asked for.

    Parameters
    ----------
    asked : Alert
        The draft as the cycle made it: what officers wrote into it since was not the system's question.
    at : datetime
        When it was rejected.
    criteria : Criteria
        Of its domain.

    Returns
    -------
    Rejection or None
        None for what holds nothing back: an exercise, a draft by hand, a later message of a chain.
    """
    if asked.author != "system" or asked.msg_type != "Alert" or asked.status != "Actual":
        return None
    return Rejection(
        id=asked.id,
        domain=asked.domain,
        report=event_of(asked),
        level=asked.level,
        regions=asked.regions,
        at=at,
        alarm=at,
        until=_until(at, at, criteria),
    )


def goes_on(rejection: Rejection, *, at: datetime, criteria: Criteria) -> Rejection:
    """Note that the same was called for once more."""
    alarm = max(rejection.alarm, at)
    return replace(rejection, alarm=alarm, until=_until(rejection.at, alarm, criteria))


def weigh(alert: Alert, rejections: Iterable[Rejection], criteria: Criteria) -> Weighed:
    """Decide whether a first draft may be asked.

    Parameters
    ----------
    alert : Alert
        The draft of a cycle.
    rejections : iterable of Rejection
        Those of its domain.
    criteria : Criteria
        Of its domain.

    Returns
    -------
    Weighed
    """
    at = alert.created_at
    about = [r for r in rejections if r.domain == alert.domain and _same_event(r, alert)]
    holding = [r for r in about if at < r.until]
    barring = [r for r in holding if r.level >= alert.level]
    rejected = {region for r in barring for region in r.regions}
    new = [region for region in alert.regions if region not in rejected]
    grown = bool(new) and len(new) >= criteria.rejection_growth * len(rejected)
    if barring and not grown:
        return Weighed(barred_by=tuple(barring))
    if barring:
        last = barring[-1].id
        return Weighed(because=f"{len(new)} regions more than the {len(rejected)} rejected with {last}")
    if holding:
        worst = max(holding, key=lambda r: r.level)
        return Weighed(because=f"level {worst.level} was rejected as {worst.id}, now it is {alert.level}")
    for one in about:
        if at - one.alarm < criteria.hold:
            hours = criteria.rejection_holds / HOUR
            return Weighed(because=f"{one.id} was rejected {hours:g} h ago or more and the alarm goes on")
    return Weighed()


def _same_event(rejection: Rejection, alert: Alert) -> bool:
    report = event_of(alert)
    if report is None and rejection.report is None:
        return not set(rejection.regions).isdisjoint(alert.regions)
    return report == rejection.report


def _until(rejected: datetime, alarm: datetime, criteria: Criteria) -> datetime:
    return min(rejected + criteria.rejection_holds, alarm + criteria.hold)
