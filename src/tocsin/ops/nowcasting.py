"""What the newest counts of a series will be: a nowcast from the store's own revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from tocsin.detect import triangle
from tocsin.detect.nowcast import Nowcast, nowcast
from tocsin.feeds import all_feeds
from tocsin.model import DAY, ConfigError, Kind, from_us, iso, to_us
from tocsin.ops.office import Office

__all__ = ["LEVELS", "Nowcast", "view"]

LEVELS = (0.05, 0.5, 0.95)


def view(
    office: Office, *, quantity: str, region: str, settings: Nowcast, longest: int, periods: int, at: datetime
) -> list[dict[str, Any]]:
    """Reported and estimated counts of the newest periods, as known at a moment.

    Parameters
    ----------
    office : Office
        Where the revisions are kept.
    quantity, region : str
        The series: a count of hours or days.
    settings : Nowcast
        Method and settings.
    longest : int
        Longest delay that stands alone, in periods.
    periods : int
        How far back the delays are learned.
    at : datetime
        Moment of knowledge.

    Returns
    -------
    list of dict
        A row a period that may still grow, oldest first; NaN where unknown.

    Raises
    ------
    ConfigError
        When there is no such quantity, or it is no count of hours or days.
    MethodError
        When a value is negative.
    """
    named = {q.id: q for feed in all_feeds().values() for q in feed.SOURCE.quantities}
    if quantity not in named:
        raise ConfigError("nowcast", "--quantity", quantity, sorted(named))
    declared = named[quantity]
    if declared.kind != Kind.COUNT or declared.step > DAY:
        raise ConfigError("nowcast", "--quantity", quantity, "a count of hours or days")
    known = triangle.of_revisions(
        office.store.revisions(quantity, region),
        regions=[region],
        now=at,
        step=declared.step,
        periods=max(periods, longest + 1),
        longest=longest,
    )
    # The Monte Carlo methods draw; the same question has the same answer.
    found = nowcast(known, settings, np.random.default_rng(1))
    mean, sd, bounds = found.mean, found.sd, found.quantiles(LEVELS)
    us = to_us(at)
    step = declared.step.total_seconds() * 1_000_000
    newest = int(us // step) - 1
    return [
        {
            "valid_time": iso(from_us(int((newest - int(age)) * step))),
            "age": int(age),
            "reported": float(found.reported[row]),
            "mean": float(mean[row]),
            "sd": float(sd[row]),
            **{f"q{level:g}": float(bounds[row, i]) for i, level in enumerate(LEVELS)},
        }
        for row, age in enumerate(known.ages)
        if age <= longest
    ]
