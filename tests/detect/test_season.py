"""Local seasons: the same local hour has the same index on both sides of daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tocsin.detect.season import season_index
from tocsin.model import from_us, grid_us, to_us, zone

ZONES = ["America/Phoenix", "America/New_York", "America/Indiana/Indianapolis", "Pacific/Honolulu", "UTC"]


def test_the_index_is_the_local_hour_of_the_week():
    hours = grid_us(datetime(2001, 3, 28, tzinfo=UTC), datetime(2001, 4, 5, tzinfo=UTC), timedelta(hours=1))
    index = season_index("hour_of_week", hours, ZONES)
    for row, us in enumerate(hours.tolist()):
        for column, name in enumerate(ZONES):
            local = from_us(us).astimezone(zone(name))
            assert index[row, column] == local.weekday() * 24 + local.hour


def test_months_and_none():
    june = np.array(
        [to_us(datetime(2001, 6, 30, 23, tzinfo=UTC)), to_us(datetime(2001, 7, 1, 3, tzinfo=UTC))]
    )
    assert season_index("month", june, ["UTC", "America/New_York"]).tolist() == [[5, 5], [6, 5]]
    assert season_index("none", june, ["UTC"]).tolist() == [[0], [0]]


def test_an_unknown_season_is_refused():
    with pytest.raises(ValueError, match="hour_of_week"):
        season_index("moon", np.array([0]), ["UTC"])


def test_a_zone_of_a_half_hour_keeps_its_hours_apart():
    start = datetime(2001, 1, 1, tzinfo=UTC)
    times = np.array([to_us(start + timedelta(hours=k)) for k in range(168)])
    assert sorted(season_index("hour_of_week", times, ["Asia/Kolkata"])[:, 0].tolist()) == list(range(168))
