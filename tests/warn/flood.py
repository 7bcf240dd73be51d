"""A flood: hundreds of warnings at once, of several hazards, over the counties of a country."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from tocsin.model import Alert, Member, Region, RegionLevel, State

HAZARDS = (
    # event, domain, CAP category, level, what people are to do
    ("Flood", "weather", "Met", 3, "Move to higher ground."),
    ("Blizzard", "weather", "Met", 3, "Stay where you are."),
    ("High wind", "weather", "Met", 2, "Stay away from trees."),
    ("Air traffic stop", "air_transport", "Transport", 2, "Ask your airline before you travel."),
    ("Earthquake", "seismic", "Geo", 4, "Stay away from damaged buildings."),
)
STATES = ("US-25", "US-36", "US-34", "US-09", "US-42", "US-24", "US-51", "US-37")
"""Those of a nor'easter, from Massachusetts to North Carolina."""


def flood(
    regions: Mapping[str, Region],
    *,
    at: datetime,
    count: int = 500,
    seed: int = 1,
    state: State = State.ISSUED,
) -> list[Alert]:
    """Warnings of one county each, all drafted within five minutes; no two of one hazard and county.

    Parameters
    ----------
    regions : mapping of str to Region
        All regions of the country.
    at : datetime
        When the last of them was sent.
    count : int
        How many.
    seed : int
        Of the draw of counties.
    state : State
        All are in it.
    """
    rng = random.Random(seed)
    counties = [r for r in regions.values() if r.level is RegionLevel.COUNTY and r.parent in STATES]
    pairs = [(hazard, county) for hazard in HAZARDS for county in counties]
    rng.shuffle(pairs)
    if count > len(pairs):
        raise ValueError(f"count: got {count}, allowed: up to {len(pairs)}")
    made = []
    for number, ((event, domain, category, level, todo), county) in enumerate(pairs[:count], start=1):
        sent = at - timedelta(seconds=300 * (count - number) // count)
        name = f"us.{domain}.flood.{number}"
        made.append(
            Alert(
                id=name,
                chain=name,
                domain=domain,
                event=event,
                category=category,
                level=level,
                likelihood=math.nan,
                impact=level,
                headline=f"{event} in {county.title}",
                description=f"{event} is under way or about to begin in {county.title}.",
                instruction=todo,
                members=(
                    Member(
                        region=county.id,
                        name=county.name,
                        since=sent,
                        tail=1e-6,
                        value=9.0,
                        expected=1.0,
                        window_h=6,
                    ),
                ),
                onset=at,
                expires=at + timedelta(hours=12),
                created_at=sent - timedelta(minutes=10),
                author="system",
                inputs=("flood",),
                state=state,
                sent=sent if state is State.ISSUED else None,
            )
        )
    return made


def _member(county: Region, since: datetime) -> Member:
    return Member(
        region=county.id, name=county.name, since=since, tail=1e-6, value=9.0, expected=1.0, window_h=6
    )
