"""Outcomes: local days on which a region fell below its share of typical, judged from the past only."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tocsin.model import HOUR, OutcomeRule, Region, Snapshot, to_us
from tocsin.model import zone as in_zone

PAST = 28
"""Days before the day judged from which its typical total is taken."""

LEAST_DAYS = 2
"""Days of the same kind that a typical total needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day of one region, as known at some moment.

    Parameters
    ----------
    region : str
        Id.
    day : date
        Local day.
    total, typical : float
        Total of the day, and the median of the same kind of day over the 28 days before; NaN where unknown.
    met : bool
        Whether the domain's outcome rule is met: typical is large enough, the total below its share.
    """

    region: str
    day: date
    total: float
    typical: float
    met: bool


def ended_days(
    regions: Sequence[str], places: Mapping[str, Region], after: datetime, until: datetime
) -> list[tuple[str, date]]:
    """Local days that ended in ``(after, until]``, by region.

    Examples
    --------
    >>> from tocsin.geo import load_pack
    >>> from tocsin.model import parse_time
    >>> places = load_pack("us").regions
    >>> t = parse_time("2001-03-01T08:05:00Z")
    >>> [(r, str(d)) for r, d in ended_days(["US-AIR-SEA", "US-AIR-BOS"], places, t - HOUR, t)]
    [('US-AIR-SEA', '2001-02-28')]
    """
    found = []
    local = {
        zone: (after.astimezone(in_zone(zone)).date(), until.astimezone(in_zone(zone)).date())
        for zone in {places[r].timezone for r in regions}
    }
    for region in regions:
        first, last = local[places[region].timezone]
        found += [(region, first + timedelta(days=i)) for i in range((last - first).days)]
    return found


def judge_days(
    snapshot: Snapshot, rule: OutcomeRule, days: Sequence[tuple[str, date]], places: Mapping[str, Region]
) -> list[Day]:
    """Judge local days by what is known in the snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        At or after the end of the days.
    rule : OutcomeRule
        Quantity and shares.
    days : sequence of (region, date)
        What to judge.
    places : mapping
        Regions by id, for their zones.

    Returns
    -------
    list of Day
        In the order given. A day with an hour that is not known has total NaN and is not met: unknown.
    """
    out: dict[tuple[str, date], Day] = {}
    groups: dict[tuple[str, date], list[str]] = {}
    for region, day in days:
        groups.setdefault((places[region].timezone, day), []).append(region)
    for (zone, day), regions in groups.items():
        totals = _daily_totals(snapshot, rule.quantity, regions, zone, day)
        past = [i for i in range(PAST) if _kind(day - timedelta(days=PAST - i)) == _kind(day)]
        for column, region in enumerate(regions):
            known = totals[past, column]
            known = known[np.isfinite(known)]
            typical = float(np.median(known)) if len(known) >= LEAST_DAYS else float("nan")
            total = float(totals[PAST, column])
            met = bool(typical >= rule.least_daily and total < rule.share * typical)
            out[region, day] = Day(region=region, day=day, total=total, typical=typical, met=met)
    return [out[pair] for pair in days]


def _daily_totals(
    snapshot: Snapshot, quantity: str, regions: Sequence[str], zone: str, day: date
) -> NDArray[np.float64]:
    """Totals of the 28 local days before ``day`` and of ``day``; shape (29, n_regions)."""
    tz = in_zone(zone)
    bounds = [
        to_us(datetime(d.year, d.month, d.day, tzinfo=tz))
        for d in (day - timedelta(days=PAST - i) for i in range(PAST + 2))
    ]
    start = datetime.fromtimestamp(bounds[0] / 1e6, tz)
    end = datetime.fromtimestamp(bounds[-1] / 1e6, tz)
    panel = snapshot.panel(quantity, regions=regions, start=start, end=end, step=HOUR)
    edges = np.searchsorted(panel.times, bounds)
    return np.stack([panel.values[a:b].sum(0) for a, b in itertools.pairwise(edges)])


def _kind(day: date) -> int:
    """Working day, Saturday or Sunday."""
    return max(0, day.weekday() - 4)
