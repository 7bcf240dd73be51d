"""Which periods of the past are compared with."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.detect.weeks import MONDAY, poisson
from tocsin.detect import baseline
from tocsin.detect.contract import Now
from tocsin.model import ConfigError, to_us

EPOCH = date(1970, 1, 1)


def now_of(day):
    return Now(time=(day - EPOCH).days * baseline.DAY_US, season=np.zeros(1, np.int64))


def lived(days, length, values=None):
    state = baseline.start(length, 1)
    for k, day in enumerate(days):
        baseline.push(state, np.array([float(k) if values is None else values[k]]), now_of(day))
    return state


def test_reference_weeks_are_the_nearest_mondays():
    # 2009 has 53 ISO weeks: from 2010 on, going back 52 weeks a year would be a week off.
    days = [date(2004, 1, 5) + timedelta(7 * k) for k in range(400)]
    this = date(2011, 2, 7)
    state = lived([d for d in days if d < this], 320)
    back = baseline.references(state, now_of(this), freq=52, b=5, dates=True)
    assert [this - timedelta(7 * k) for k in back] == [
        date(2010, 2, 8), date(2009, 2, 9), date(2008, 2, 4), date(2007, 2, 5), date(2006, 2, 6)
    ]  # fmt: skip
    assert baseline.references(state, now_of(this), freq=52, b=5, dates=False) == (52, 104, 156, 208, 260)


@given(st.dates(date(2006, 1, 1), date(2030, 1, 1)), st.integers(1, 6))
def test_a_reference_is_the_same_weekday_and_at_most_three_days_off(this, years):
    days = [this - timedelta(7 * k) for k in range(53 * years + 2, 0, -1)]
    state = lived(days, len(days))
    back = baseline.references(state, now_of(this), freq=52, b=years, dates=True)
    for i, k in enumerate(back, 1):
        found = this - timedelta(7 * k)
        same = (
            date(this.year - i, 3, 1)
            if (this.month, this.day) == (2, 29) and (this.year - i) % 4
            else (this.replace(year=this.year - i))
        )
        assert found.weekday() == this.weekday()
        assert abs((found - same).days) <= 3


def test_reference_months():
    months = [date(2001 + k // 12, k % 12 + 1, 1) for k in range(40)]
    state = lived(months, 40)
    assert baseline.references(state, now_of(date(2004, 5, 1)), freq=12, b=3, dates=True) == (12, 24, 36)


def test_a_period_that_is_not_there_is_no_reference():
    days = [date(2004, 1, 5) + timedelta(7 * k) for k in range(60) if k != 7]
    state = lived(days, 60)
    assert baseline.references(state, now_of(date(2005, 2, 21)), freq=52, b=1, dates=True) is None
    assert baseline.references(state, now_of(date(2005, 2, 28)), freq=52, b=1, dates=True) == (52,)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 12), st.integers(0, 30))
def test_every_week_has_one_level_and_the_season_at_hand_the_last(b, w, levels, left_out):
    references = tuple(52 * i for i in range(1, b + 1))
    back, level = baseline.windows(references, w, levels, left_out)
    assert len(set(back.tolist())) == len(back)
    assert (np.diff(back) < 0).all()
    assert back.min() > left_out
    for k, here in zip(back.tolist(), level.tolist(), strict=True):
        near = min(abs(k - r) for r in (*references, 0)) <= w
        assert (here == levels - 1) == near or levels == 1
    if levels > 1:
        assert back.tolist() == list(range(references[-1] + w, left_out, -1))
        # Blocks of one gap differ by a week at most, the longer ones first.
        gap = [here for k, here in zip(back.tolist(), level.tolist(), strict=True) if references[-1] - w > k]
        gap = gap[: 52 - 2 * w - 1] if b > 1 else []
        sizes = [gap.count(block) for block in range(levels - 1)] if gap else [0]
        assert sizes == sorted(sizes, reverse=True)
        assert max(sizes) - min(sizes) <= 1
    else:
        assert len(back) == sum(r - k > left_out for r in references for k in range(-w, w + 1)) + max(
            0, w - left_out
        )


def test_few_cases():
    state = lived([date(2004, 1, 5) + timedelta(7 * k) for k in range(5)], 6, [9, 9, 1, np.nan, 1])
    assert baseline.few(state, np.array([2.0]), (5, 4)).tolist() == [True]
    assert baseline.few(state, np.array([3.0]), (5, 4)).tolist() == [False]
    assert baseline.few(state, np.array([30.0]), (5, 4), strict=True).tolist() == [True]
    assert baseline.few(state, np.array([0.0]), (0, 4)).tolist() == [False]


def test_negative_counts_do_not_teach():
    state = lived([date(2004, 1, 5), date(2004, 1, 12)], 3, [-1.0, 4.0])
    got = baseline.rows(state, np.array([1, 2, 3]))[:, 0]
    np.testing.assert_array_equal(got, [4.0, np.nan, np.nan])


def test_a_baseline_that_reaches_before_the_series_is_unknown():
    state = lived([date(2004, 1, 5) + timedelta(7 * k) for k in range(5)], 9)
    assert np.isfinite(baseline.complete(state, np.array([5, 4]))).all()
    assert np.isnan(baseline.complete(state, np.array([6, 4]))).all()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"b": 0, "own": False}, "b"),
        ({"b": 0, "w": 0}, "w"),
        ({"b": 1, "w": 26}, "w"),
        ({"b": 1.5}, "b"),
        ({"freq": 0}, "freq"),
        ({"w": True}, "w"),
    ],
)
def test_settings_without_a_baseline_are_refused(settings, key):
    with pytest.raises(ConfigError) as refused:
        baseline.check_recent("m", **({"freq": 52, "b": 1, "w": 3, "own": True} | settings))
    assert refused.value.key == key


def test_days_survive_the_ring():
    counts = poisson(1, 30)
    state = baseline.start(8, 1)
    for k, value in enumerate(counts):
        moment = MONDAY + timedelta(7 * k)
        baseline.push(state, value, Now(time=to_us(moment), season=np.zeros(1, np.int64)))
    first = (MONDAY.date() - EPOCH).days
    assert baseline.days(state, np.array([8, 1])).tolist() == [first + 7 * 22, first + 7 * 29]
