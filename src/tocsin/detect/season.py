"""Local seasons: the hour of the week, or the month, in the zone of each series."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tocsin.model import from_us
from tocsin.model import zone as in_zone

HOUR_US = 3_600_000_000
SEASONS = {"hour_of_week": 168, "month": 12, "none": 1}
"""Number of values of each kind of season."""


@functools.lru_cache(maxsize=65536)
def offset_hours(zone: str, hour: int) -> float:
    """Offset of a zone from UTC in the given hour since 1970, in hours.

    Examples
    --------
    >>> offset_hours("America/Phoenix", 271_000), offset_hours("America/New_York", 273_000)
    (-7.0, -5.0)
    """
    moment = datetime.fromtimestamp(hour * 3600, UTC)
    offset = moment.astimezone(in_zone(zone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds() / 3600


def season_index(kind: str, times: NDArray[np.int64], zones: Sequence[str]) -> NDArray[np.int64]:
    """Index of the local season at each time of each series.

    Parameters
    ----------
    kind : str
        ``hour_of_week`` (0 is Monday 00 h local), ``month`` or ``none``.
    times : ndarray of int64, shape (n_times,)
        Microseconds since 1970.
    zones : sequence of str
        IANA zone of each series.

    Returns
    -------
    ndarray of int64, shape (n_times, n_series)

    Examples
    --------
    >>> monday = 983_750_400_000_000  # Monday 2001-03-05T00:00Z is Sunday 19 h in New York
    >>> season_index("hour_of_week", np.array([monday]), ["UTC", "America/New_York"]).tolist()
    [[0, 163]]
    """
    if kind == "none":
        return np.zeros((len(times), len(zones)), np.int64)
    names = sorted(set(zones))
    column = np.array([names.index(z) for z in zones], np.int64)
    if kind == "month":
        months = [[from_us(t).astimezone(in_zone(z)).month - 1 for z in names] for t in times.tolist()]
        return np.array(months, np.int64).reshape(len(times), len(names))[:, column]
    if kind != "hour_of_week":
        raise ValueError(f"season: got {kind!r}, allowed: {', '.join(SEASONS)}")
    hours = times // HOUR_US
    offset = np.array([[offset_hours(z, int(h)) for z in names] for h in hours], float)
    local: NDArray[np.int64] = np.floor(hours[:, None] + offset).astype(np.int64)[:, column]
    return (local + 72) % 168  # 1970-01-01 was a Thursday: 72 hours after Monday
