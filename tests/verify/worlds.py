"""Synthetic departures of a few airports as a snapshot, and warnings about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from tocsin.catalog import load_domains
from tocsin.model import Alert, Member, Panel, Region, RegionLevel, State, from_us, grid_us, iso, zone

AIR = load_domains(["air_transport"])[0]
RULE = AIR.outcome


def airport(code: str, tz: str) -> Region:
    return Region(
        id=code, name=code, level=RegionLevel.SITE, parent=None, code=code, title=code, lat=40.0, lon=-75.0,
        area_km2=None, population=None, timezone=tz,
    )  # fmt: skip


PLACES = {
    r.id: r
    for r in (
        airport("NYC", "America/New_York"),
        airport("PHX", "America/Phoenix"),
        airport("HNL", "Pacific/Honolulu"),
        airport("TINY", "America/New_York"),
    )
}


@dataclass
class Departures:
    """Ten an hour at every hour (one at TINY), but for the changes; NaN from ``at`` on."""

    at: datetime
    changes: dict[tuple[str, datetime], float] = field(default_factory=dict)

    def panel(self, quantity, *, regions, start, end, step):
        assert quantity == "air_transport.departures"
        times = grid_us(start, end, step)
        values = np.full((times.size, len(regions)), np.nan)
        for row, us in enumerate(times.tolist()):
            moment = from_us(us)
            for column, region in enumerate(regions):
                if moment < self.at:
                    values[row, column] = self.changes.get(
                        (region, moment), 1.0 if region == "TINY" else 10.0
                    )
        return Panel(
            quantity=quantity, regions=tuple(regions), times=times, values=values, known=np.isfinite(values),
            at=self.at,
        )  # fmt: skip


@dataclass
class ByDay(Departures):
    """Ten an hour from six in the morning to ten at night by the clocks of the place, none at night."""

    def panel(self, quantity, *, regions, start, end, step):
        panel = Departures.panel(self, quantity, regions=regions, start=start, end=end, step=step)
        for row, us in enumerate(panel.times.tolist()):
            for column, region in enumerate(regions):
                moment = from_us(us)
                night = not 6 <= moment.astimezone(zone(PLACES[region].timezone)).hour < 22
                if night and (region, moment) not in self.changes:
                    panel.values[row, column] *= 0.0
        return panel


def stopped(region: str, first: datetime, hours: int, value: float = 0.0) -> dict:
    return {(region, first + timedelta(hours=k)): value for k in range(hours)}


def local(region: str, year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=zone(PLACES[region].timezone)).astimezone(zone("UTC"))


def alert(at: datetime, members: dict[str, datetime], **changes) -> Alert:
    """A warning issued at a moment; ``members`` gives the moment at which each joined."""
    body = {
        "id": f"w.{iso(at)}.1", "chain": f"w.{iso(at)}.1", "state": State.ISSUED, "domain": "air_transport",
        "event": "stop", "category": "Transport", "level": 2, "likelihood": float("nan"), "impact": 2,
        "headline": "h", "description": "d", "instruction": "i", "onset": at - timedelta(hours=1),
        "expires": at + timedelta(hours=12), "created_at": at, "sent": at, "author": "system",
        "members": tuple(
            Member(region=r, name=r, since=since, tail=1e-5, value=0, expected=10, window_h=1)
            for r, since in members.items()
        ),
    }  # fmt: skip
    return Alert(**(body | changes))
