"""What a duty officer sees when five hundred warnings come at once: a page of groups, each with its members.

Warnings of one hazard whose areas touch are one group. Where that still gives more groups than a person can
look through, the groups of least level are joined, step by step: first those of one hazard in one state, then
of one hazard, then of one category, at last all that are left. The gravest groups stay apart for longest, and
hazards are mixed only when each has one group. Every warning is in exactly one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.geo.rollup import lineage
from tocsin.model import Alert, Region, RegionLevel

MOST = 20
"""Groups that a duty officer looks through."""

EXTREME = 4
"""Groups of this level are joined with others after those below it."""

_STEPS = (
    # Other hazards are joined only when one hazard has one group each; at each stage the extreme come last.
    ("state", EXTREME),
    ("hazard", EXTREME),
    ("state", EXTREME + 1),
    ("hazard", EXTREME + 1),
    ("category", EXTREME),
    ("category", EXTREME + 1),
    ("rest", EXTREME),
    ("rest", EXTREME + 1),
)
"""How groups are joined, in order: by which key, and from which level on they are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Warnings that are looked at together.

    Parameters
    ----------
    key : str
        The same for the same members' hazard, status and place.
    by : str
        What joins them: ``area``, ``state``, ``hazard``, ``category`` or ``rest``.
    hazards : tuple of str
        Events, the most frequent first.
    level : int
        The highest of its members.
    members : tuple of Alert
        The gravest first, then the oldest.
    regions : tuple of str
        Every region of a member, once.
    onset, expires : datetime
        From the first onset to the last end.
    """

    key: str
    by: str
    hazards: tuple[str, ...]
    level: int
    members: tuple[Alert, ...]
    regions: tuple[str, ...]
    onset: datetime
    expires: datetime


_Part = list[Alert]
_Key = tuple[str, ...]


def digest(
    alerts: Iterable[Alert],
    regions: Mapping[str, Region],
    neighbours: Mapping[str, Sequence[str]],
    *,
    most: int = MOST,
) -> tuple[Group, ...]:
    """Group warnings so that they fit on a page.

    Parameters
    ----------
    alerts : iterable of Alert
        That stand or wait; one each.
    regions : mapping of str to Region
        All regions of the pack.
    neighbours : mapping of str to sequence of str
        Counties that share a border.
    most : int
        Groups at most; at least one for each status among the warnings: a drill is never shown with what is
        real.

    Returns
    -------
    tuple of Group
        The gravest first; the number of members adds up to that of the warnings.
    """
    given = sorted(alerts, key=_order)
    states = {a.id: _places(a, regions, RegionLevel.STATE) for a in given}
    parts: list[tuple[str, _Part]] = []
    labels = sorted({_label(a) for a in given})
    for label in labels:
        mine = [a for a in given if _label(a) == label]
        parts += [("area", part) for part in _connected(mine, regions, neighbours)]
    keys: dict[str, Callable[[Alert], _Key]] = {
        "state": lambda a: (*_label(a), *states[a.id][:1]),
        "hazard": _label,
        "category": lambda a: (a.status, a.category),
        "rest": lambda a: (a.status,),
    }
    for by, spared in _STEPS:
        parts = _joined(parts, by, keys[by], most, spared)
    groups = [_group(by, part) for by, part in parts]
    return tuple(sorted(groups, key=lambda g: (-g.level, -len(g.members), g.onset, g.key)))


def _order(alert: Alert) -> tuple[int, datetime, str]:
    return -alert.level, alert.created_at, alert.id


def _label(alert: Alert) -> _Key:
    return alert.status, alert.category, alert.event.casefold()


def _places(alert: Alert, regions: Mapping[str, Region], level: RegionLevel) -> tuple[str, ...]:
    """Regions of a level around those of a warning, most frequent first; what is wider stands for itself."""
    count: dict[str, int] = {}
    for region in alert.regions:
        line = lineage(regions, region) if region in regions else (region,)
        place = next((r for r in line if r in regions and regions[r].level is level), line[0])
        count[place] = count.get(place, 0) + 1
    return tuple(sorted(count, key=lambda place: (-count[place], place)))


def _connected(
    alerts: Sequence[Alert], regions: Mapping[str, Region], neighbours: Mapping[str, Sequence[str]]
) -> list[_Part]:
    """Warnings whose areas touch: in one county, in counties side by side, or one around the other."""
    parent = list(range(len(alerts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    at: dict[str, list[int]] = {}
    within: dict[str, list[int]] = {}
    for i, alert in enumerate(alerts):
        for place in _places(alert, regions, RegionLevel.COUNTY):
            at.setdefault(place, []).append(i)
            for around in lineage(regions, place)[1:] if place in regions else ():
                within.setdefault(around, []).append(i)
    for place, here in at.items():
        touching = [
            *here,
            *within.get(place, ()),
            *(i for n in neighbours.get(place, ()) for i in at.get(n, ())),
        ]
        for i in touching:
            parent[root(i)] = root(here[0])
    parts: dict[int, _Part] = {}
    for i, alert in enumerate(alerts):
        parts.setdefault(root(i), []).append(alert)
    return list(parts.values())


def _joined(
    parts: list[tuple[str, _Part]], by: str, key: Callable[[Alert], _Key], most: int, spared: int
) -> list[tuple[str, _Part]]:
    """Join groups of one key below the level spared until ``most`` are left, those of least level first."""
    while len(parts) > most:
        alike: dict[_Key, list[int]] = {}
        for i, (_, part) in enumerate(parts):
            if part[0].level < spared:
                alike.setdefault(key(part[0]), []).append(i)
        several = {k: found for k, found in alike.items() if len(found) > 1}
        if not several:
            return parts
        # The key whose gravest group is the least grave; of these the one with the fewest warnings.
        chosen = min(several, key=lambda k: (_gravest(parts, several[k]), _size(parts, several[k]), k))
        # As many as needed and no more: the gravest of the key stay apart if there is room for them.
        found = sorted(several[chosen], key=lambda i: (parts[i][1][0].level, len(parts[i][1]), i))
        taken = set(found[: len(parts) - most + 1])
        joined = sorted((a for i in taken for a in parts[i][1]), key=_order)
        parts = [p for i, p in enumerate(parts) if i not in taken] + [(by, joined)]
    return parts


def _gravest(parts: Sequence[tuple[str, _Part]], found: Sequence[int]) -> int:
    return max(parts[i][1][0].level for i in found)


def _size(parts: Sequence[tuple[str, _Part]], found: Sequence[int]) -> int:
    return sum(len(parts[i][1]) for i in found)


def _group(by: str, part: Sequence[Alert]) -> Group:
    hazards: dict[str, int] = {}
    for alert in part:
        hazards[alert.event] = hazards.get(alert.event, 0) + 1
    lead = part[0]
    return Group(
        key=f"{lead.status}:{by}:{min(a.chain for a in part)}",
        by=by,
        hazards=tuple(sorted(hazards, key=lambda h: (-hazards[h], h))),
        level=lead.level,
        members=tuple(part),
        regions=tuple(dict.fromkeys(r for a in part for r in a.regions)),
        onset=min(a.onset for a in part),
        expires=max(a.expires for a in part),
    )
