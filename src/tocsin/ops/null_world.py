"""Does the budget hold where nothing happens? A country without hazards, through the real path.

Every warning in it is false by construction, so the rate that is measured is the rate of false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from scipy import stats

from tocsin.catalog import detectors
from tocsin.detect.study import mosaic
from tocsin.model import (
    DAY,
    Budget,
    Criteria,
    Domain,
    Monitor,
    Quantity,
    Region,
    RegionLevel,
)
from tocsin.model.quantity import Bad, Kind
from tocsin.ops.rehearsal import Held, all_false, listen, moments_of, rehearse

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
SETTINGS: dict[str, Any] = {
    "step_days": 1.0,
    "periods": (7.0,),
    "harmonics": (3,),
    "drift": 0.005,
    "trend": 0.0005,
}
"""Of the default method, for daily counts."""

SPACING = 0.5
"""Degrees between neighbours of the grid."""

COUNTS = Quantity(
    id="null.count", domain="null", title="Counts", unit="1", kind=Kind.COUNT, bad=Bad.HIGH, step=DAY
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """False alarms in a country where nothing happens.

    Parameters
    ----------
    series, weeks : int, float
        Size of the country, and time in which alarms counted.
    per_week : float
        Budget.
    alarms : int
        Warnings, all of them false.
    low, high : float
        Exact 95 % Poisson interval of the rate a week.
    start, lowest, highest : float
        Threshold of the budget, in decades, at first and where it went.
    far_tails : float
        How often tails were below 1e-3, in units of how often they should be.
    fixed_rate : float
        Warnings a week had the threshold stayed at its start.
    """

    series: int
    weeks: float
    per_week: float
    alarms: int
    low: float
    high: float
    start: float
    lowest: float
    highest: float
    far_tails: float
    fixed_rate: float

    @property
    def rate(self) -> float:
        """Warnings a week."""
        return self.alarms / self.weeks

    @property
    def holds(self) -> bool:
        """Whether the rate is within 20 % of the budget."""
        return abs(self.rate / self.per_week - 1) <= 0.2


def garwood(count: float, exposure: float, level: float = 0.95) -> tuple[float, float]:
    """Exact Poisson interval of a rate (Garwood 1936, doi:10.2307/2333958).

    Parameters
    ----------
    count : float
        Events seen; a fraction where they come in clusters, each of which counts once.
    exposure : float
        Time in which they were, above 0.
    level : float
        Confidence.

    Examples
    --------
    >>> [round(x, 3) for x in garwood(20, 20.0)]
    [0.611, 1.544]
    >>> garwood(0, 1.0)[0]
    0.0
    """
    half = (1 - level) / 2
    low = float(stats.chi2.ppf(half, 2 * count) / 2) if count else 0.0
    return low / exposure, float(stats.chi2.ppf(1 - half, 2 * count + 2) / 2) / exposure


def null_world(
    *,
    seed: int = 1,
    rows: int = 50,
    columns: int = 100,
    weeks: int = 110,
    learn_weeks: int = 12,
    per_week: float = 4.0,
    start: float | None = None,
    shared: float = 0.15,
) -> Null:
    """Simulate a country without hazards and count its warnings.

    Parameters
    ----------
    seed : int
        Of the generator.
    rows, columns : int
        Of the grid of places.
    weeks, learn_weeks : int
        In which alarms count, and before them.
    per_week : float
        Budget over the whole country, which is also the aim: verdicts come after two days.
    start : float or None
        First threshold in decades; the one at which as many tails are expected as the budget allows if not
        given.
    shared : float
        How strongly neighbours go up and down together; 0 not at all.

    Returns
    -------
    Null
    """
    n = rows * columns
    begin_start = float(np.log10(7 * n / per_week)) if start is None else start
    budget = Budget(
        per_week=per_week, aim=per_week, gain=0.3 / per_week, start=begin_start, shadow=learn_weeks * WEEK
    )
    domain, places = _country(rows, columns, budget)
    days = 7 * (weeks + learn_weeks)
    values = mosaic(np.random.default_rng(seed), days, rows, columns, shared=shared)
    held = Held(
        at=BEGIN,
        begin=BEGIN,
        step=DAY,
        regions=tuple(places),
        values={domain.monitors[0].quantity.id: values},
    )
    moments = moments_of(BEGIN, BEGIN + days * DAY, DAY, timedelta(minutes=5))
    lowest = min(3.0, begin_start - 1.0)
    heard, _ = listen(held, domain, places, detectors(), moments, lowest=lowest)
    done = rehearse(heard, domain, places, budget, all_false(2 * DAY))
    still = rehearse(heard, domain, places, replace(budget, gain=0.0), all_false(2 * DAY))
    counted = [h for h in heard if h.at - heard[0].at > budget.shadow]
    exposure = (counted[-1].at - counted[0].at) / WEEK
    judged = sum(h.judged for h in counted)
    far = sum(d.tail <= 1e-3 for h in counted for d in h.detections)
    low, high = garwood(len(done.chains), exposure)
    track = done.thresholds[-len(counted) :]
    return Null(
        series=n,
        weeks=exposure,
        per_week=per_week,
        alarms=len(done.chains),
        low=low,
        high=high,
        start=begin_start,
        lowest=float(track.min()),
        highest=float(track.max()),
        far_tails=far / (judged * 1e-3),
        fixed_rate=len(still.chains) / exposure,
    )


def _country(rows: int, columns: int, budget: Budget) -> tuple[Domain, dict[str, Region]]:
    domain = Domain(
        id="null",
        title="Nothing happens",
        category="Other",
        event="None",
        response_type="None",
        sources=(),
        region_level="county",
        monitors=(Monitor(quantity=COUNTS, method="seasonal_nb", settings=SETTINGS, raises=True),),
        budget=budget,
        criteria=Criteria(group_km=60.0, hold=2 * DAY, renew=timedelta(hours=12)),
        outcome=None,
        texts={"headline": "$places", "description": "$findings", "instruction": "None."},
        legal_basis="",
    )
    places = {
        f"N-{r}-{c}": Region(
            id=f"N-{r}-{c}",
            name=f"{r}-{c}",
            level=RegionLevel.COUNTY,
            parent=None,
            code=f"{r}-{c}",
            title=f"{r}-{c}",
            lat=(r - rows / 2) * SPACING,
            lon=(c - columns / 2) * SPACING,
            area_km2=None,
            population=None,
            timezone="UTC",
        )
        for r in range(rows)
        for c in range(columns)
    }
    return domain, places
