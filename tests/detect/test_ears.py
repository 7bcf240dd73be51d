"""EARS: C1, C2 and C3 by hand, and R's C3."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.detect.weeks import judged, poisson
from tocsin.detect.methods.ears import Ears
from tocsin.model import DAY, ConfigError

WEEK = [3.0, 5, 4, 6, 5, 4, 1]


def ears(values, **settings_):
    return judged(values, "ears", step=DAY, **settings_)


def test_c1_by_hand():
    got = ears([*WEEK, 15.0])
    mean, deviation = np.mean(WEEK), np.std(WEEK, ddof=1)
    assert got.expected[-1, 0] == pytest.approx(mean)
    assert got.upper[-1, 0] == pytest.approx(mean + stats.norm.ppf(0.999) * deviation)
    assert got.details["statistic"][-1, 0] == pytest.approx((15 - mean) / deviation)
    assert got.tail[-1, 0] == pytest.approx(stats.norm.sf((15 - mean) / deviation))
    assert got.alarm[-1, 0]
    assert np.isnan(got.tail[:7]).all()


def test_c2_leaves_out_the_last_two_days():
    got = ears([*WEEK, 40.0, 40.0, 15.0], variant="C2")
    mean, deviation = np.mean(WEEK), np.std(WEEK, ddof=1)
    assert got.upper[-1, 0] == pytest.approx(mean + stats.norm.ppf(0.999) * deviation)
    assert np.isnan(got.tail[:9]).all()


def c2(counts, t):
    past = counts[t - 9 : t - 2]
    return (counts[t] - np.mean(past)) / np.std(past, ddof=1)


@given(st.integers(0, 5000))
@settings(max_examples=25)
def test_c3_is_the_sum_of_three_days(seed):
    counts = poisson(seed, 30, 1, 6.0)[:, 0]
    counts[25:] += 8
    got = ears(counts, variant="C3")
    z = stats.norm.ppf(0.975)
    for t in (12, 20, 25, 26, 29):
        parts = [max(0.0, c2(counts, k) - 1) for k in (t - 2, t - 1, t)]
        assert got.details["statistic"][t, 0] == pytest.approx(sum(parts))
        assert got.alarm[t, 0] == (sum(parts) > z and counts[t] > 0)


def test_c3_as_in_r_alarms_by_the_days_before_alone():
    # Two days far above, then none: today's count does not matter to R as long as it is not zero.
    counts = np.array([*WEEK, *WEEK[:2], 20.0, 20.0, 1.0])
    r = ears(counts, variant="C3", compatible="surveillance-1.20")
    past = counts[-10:-3]
    before = sum(max(0.0, c2(counts, len(counts) - 1 - k) - 1) for k in (1, 2))
    bound = 1.0 + np.std(past, ddof=1) * (stats.norm.ppf(0.975) - before)
    assert r.upper[-1, 0] == pytest.approx(max(0.0, bound))
    # A day on which today's C2 alone decides: R's bound never falls below today's count.
    alone = np.array([*WEEK, *WEEK[:2], 4.0, 4.0, 12.0])
    assert ears(alone, variant="C3").alarm[-1, 0]
    assert not ears(alone, variant="C3", compatible="surveillance-1.20").alarm[-1, 0]


def test_a_week_without_variation():
    counts = np.array([[5.0, 5, 5]] * 8 + [[5.0, 4, 9]])
    got = ears(counts)
    assert got.upper[-1].tolist() == [5, 5, 5]
    assert got.alarm[-1].tolist() == [False, False, True]
    assert got.details["statistic"][-1].tolist() == [0.0, -np.inf, np.inf]
    assert got.tail[-1, 2] == pytest.approx(stats.nbinom.sf(8, 35.5, 7 / 8))
    floor = ears(counts, min_sigma=0.5)
    assert floor.upper[-1, 2] == pytest.approx(5 + 0.5 * stats.norm.ppf(0.999))


def test_missing_days():
    counts = np.array(
        [[3.0, 3], [5, np.nan], [4, np.nan], [np.nan, np.nan], [5, 4], [-4, np.nan], [1, 2], [9, 9]]
    )
    got = ears(counts)
    known = [3.0, 5, 4, 5, 1]
    assert got.upper[-1, 0] == pytest.approx(np.mean(known) + stats.norm.ppf(0.999) * np.std(known, ddof=1))
    assert np.isnan(got.tail[-1, 1])  # three of seven days are not half of them
    assert not got.alarm[-1, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("variant", "C4"), ("baseline", 1), ("min_sigma", -1.0), ("alpha", 0.0), ("compatible", "R")],
)
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        Ears(**{name: value})
    assert refused.value.key == name
