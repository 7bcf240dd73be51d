"""A cap on what officers are asked in one area and local day, with a counter that everybody can see.

Only first messages of the system are counted and capped: who was warned is told how it goes on, what is
called extreme passes, and a level counts only what was asked at its own level or above, so that many small
things never hold back a grave one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tocsin.geo.rollup import lineage
from tocsin.model import Alert, Criteria, Region, zone

PASSES = 4
"""This level passes every cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was asked in one area on one local day.

    Parameters
    ----------
    domain, area : str
        Ids.
    day : date
        Of the area's own zone.
    level : int
        Counted are messages of this level or above.
    asked : int
        First messages that officers were asked about.
    cap : int
        How many they are asked about at most.
    """

    domain: str
    area: str
    day: date
    level: int
    asked: int
    cap: int

    @property
    def full(self) -> bool:
        """Whether the next one is held back."""
        return self.asked >= self.cap


def areas(alert: Alert, criteria: Criteria, regions: Mapping[str, Region]) -> tuple[str, ...]:
    """Areas in which a warning is counted: those of the stated level around its regions.

    A region wider than that is its own area.

    Raises
    ------
    ShapeError
        When a region is none of the pack.
    """
    found = []
    for region in alert.regions:
        line = lineage(regions, region)
        found.append(next((r for r in line if regions[r].level == criteria.cap_area), region))
    return tuple(dict.fromkeys(found))


def counts(
    alert: Alert, earlier: Iterable[Alert], criteria: Criteria, regions: Mapping[str, Region]
) -> tuple[Count, ...]:
    """What was asked before in each area of a warning on its local day.

    Parameters
    ----------
    alert : Alert
        What would be asked.
    earlier : iterable of Alert
        Messages of the same domain, as stored; only first messages of the system with the same status count,
        whatever became of them.
    criteria : Criteria
        ``daily_cap`` and ``cap_area``.
    regions : mapping of str to Region
        All regions of the pack.

    Returns
    -------
    tuple of Count
        One an area.
    """
    asked = [
        (one, areas(one, criteria, regions))
        for one in earlier
        if one.author == "system"
        and one.msg_type == "Alert"
        and (one.domain, one.status) == (alert.domain, alert.status)
        and one.level >= alert.level
        and one.id != alert.id
    ]
    found = []
    for area in areas(alert, criteria, regions):
        day = local_day(alert.created_at, regions[area])
        same = [1 for one, its in asked if area in its and local_day(one.created_at, regions[area]) == day]
        found.append(
            Count(
                domain=alert.domain,
                area=area,
                day=day,
                level=alert.level,
                asked=len(same),
                cap=criteria.daily_cap,
            )
        )
    return tuple(found)


def capped(
    alert: Alert, earlier: Sequence[Alert], criteria: Criteria, regions: Mapping[str, Region]
) -> tuple[Count, ...]:
    """The full counters that hold a warning back; empty when it may be asked.

    It is held back only when all of its areas are full: one that has room is not lost with the others.
    """
    if criteria.daily_cap == 0 or alert.msg_type != "Alert" or alert.level >= PASSES:
        return ()
    found = counts(alert, earlier, criteria, regions)
    return found if found and all(count.full for count in found) else ()


def local_day(at: datetime, area: Region) -> date:
    """The day of an area's own zone."""
    return at.astimezone(zone(area.timezone)).date()
