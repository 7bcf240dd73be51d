"""Outcome days: local, judged from the past only, unknown where an hour is unknown."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from tests.verify.worlds import PLACES, RULE, Departures, local, stopped
from tocsin.model import DAY, HOUR
from tocsin.verify.outcome import ended_days, judge_days

DAY_JUDGED = date(2001, 3, 14)  # a Wednesday
END = local("NYC", 2001, 3, 15)


def judge(region, day, snapshot):
    return judge_days(snapshot, RULE, [(region, day)], PLACES)[0]


def test_a_whole_day_is_typical():
    day = judge("NYC", DAY_JUDGED, Departures(END))
    assert (day.total, day.typical, day.met) == (240.0, 240.0, False)


@pytest.mark.parametrize(("hours", "met"), [(9, False), (10, True)])
def test_the_share_is_sixty_per_cent(hours, met):
    """9 hours lost leave 62.5 %, 10 leave 58.3 %."""
    lost = Departures(END, stopped("NYC", local("NYC", 2001, 3, 14, 8), hours))
    assert judge("NYC", DAY_JUDGED, lost).met is met


def test_exactly_the_share_is_not_below_it():
    snapshot = Departures(END, stopped("NYC", local("NYC", 2001, 3, 14), 24, 6.0))
    assert judge("NYC", DAY_JUDGED, snapshot).met is False


@pytest.mark.parametrize(
    ("region", "day", "hours"),
    [
        ("NYC", date(2001, 4, 1), 23),
        ("PHX", date(2001, 4, 1), 24),
        ("HNL", date(2001, 4, 1), 24),
        ("NYC", date(2001, 10, 28), 25),
    ],
)
def test_a_local_day_has_its_own_number_of_hours(region, day, hours):
    after = day + DAY
    snapshot = Departures(local(region, after.year, after.month, after.day))
    assert judge(region, day, snapshot).total == 10.0 * hours


def test_the_day_is_local():
    """A stop in the last five hours of the day in New York lies on the next day in UTC."""
    snapshot = Departures(END, stopped("NYC", local("NYC", 2001, 3, 14, 19), 5))
    assert judge("NYC", DAY_JUDGED, snapshot).total == 190.0
    assert judge("NYC", date(2001, 3, 13), snapshot).total == 240.0


def test_one_unknown_hour_makes_the_day_unknown_and_not_met():
    lost = stopped("NYC", local("NYC", 2001, 3, 14), 23) | {
        ("NYC", local("NYC", 2001, 3, 14, 23)): float("nan")
    }
    day = judge("NYC", DAY_JUDGED, Departures(END, lost))
    assert np.isnan(day.total)
    assert day.met is False


def test_typical_comes_from_the_past_only():
    """Other values later leave the day as it is; the same values before change it."""
    crowd = stopped("NYC", local("NYC", 2001, 3, 15), 24 * 60, 100.0)
    later = Departures(END + 60 * DAY, crowd | stopped("NYC", local("NYC", 2001, 3, 14), 20))
    assert judge("NYC", DAY_JUDGED, later).typical == 240.0
    before = Departures(END, stopped("NYC", local("NYC", 2001, 2, 1), 24 * 41, 100.0))
    assert judge("NYC", DAY_JUDGED, before).typical == 2400.0


def test_typical_is_the_median_of_the_same_kind_of_day():
    """Sundays at half do not lower what a Wednesday is held to, and the other way round."""
    quiet = {}
    for sunday in (date(2001, 2, 18), date(2001, 2, 25), date(2001, 3, 4), date(2001, 3, 11)):
        quiet |= stopped("NYC", local("NYC", sunday.year, sunday.month, sunday.day), 24, 5.0)
    snapshot = Departures(END, quiet)
    assert judge("NYC", DAY_JUDGED, snapshot).typical == 240.0
    assert judge("NYC", date(2001, 3, 11), snapshot).typical == 120.0
    assert judge("NYC", date(2001, 3, 11), snapshot).met is False


def test_one_outage_in_the_past_does_not_move_the_median():
    snapshot = Departures(END, stopped("NYC", local("NYC", 2001, 3, 13), 24))
    assert judge("NYC", DAY_JUDGED, snapshot).typical == 240.0


def test_a_region_without_enough_departures_has_no_outcome():
    snapshot = Departures(END, stopped("TINY", local("TINY", 2001, 3, 14), 24))
    day = judge("TINY", DAY_JUDGED, snapshot)
    assert (day.total, day.typical, day.met) == (0.0, 24.0, False)


def test_days_are_given_in_the_order_asked():
    asked = [("PHX", date(2001, 3, 12)), ("NYC", date(2001, 3, 14)), ("NYC", date(2001, 3, 13))]
    assert [(d.region, d.day) for d in judge_days(Departures(END), RULE, asked, PLACES)] == asked


def test_each_day_ends_once_however_the_time_is_cut():
    regions = list(PLACES)
    start = local("NYC", 2001, 3, 30)
    whole = ended_days(regions, PLACES, start, start + 4 * DAY)
    hourly = [
        pair
        for k in range(4 * 24)
        for pair in ended_days(regions, PLACES, start + k * HOUR, start + (k + 1) * HOUR)
    ]
    assert sorted(hourly) == sorted(whole)
    assert len(set(whole)) == len(whole) == 4 * 4
    assert ended_days(regions, PLACES, start - timedelta(minutes=1), start)[0] == ("NYC", date(2001, 3, 29))
