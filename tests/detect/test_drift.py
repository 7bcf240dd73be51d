"""The drift of the null: silent where tails are what they say, heard where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect import drift
from tocsin.detect.drift import BET, DAY_US, EVIDENCE, LEVELS, MOST


def days(rng, make, n_days, n=200, state=None, first=0):
    state = drift.start() if state is None else state
    for day in range(first, first + n_days):
        for hour in (0, 12):
            state = drift.learn(state, make(rng, n), day * DAY_US + hour * 3_600_000_000)
    return state


def uniform(rng, n):
    return rng.random(n)


def test_one_day_by_hand():
    state = drift.learn(drift.start(), np.array([0.005, 0.05, 0.5, np.nan]), 0)
    assert [d.days for d in drift.report(state)] == [0, 0, 0]  # the day is not over
    state = drift.learn(state, np.array([0.5]), DAY_US)
    first, second, third = drift.report(state)
    assert (first.share, second.share, third.share) == pytest.approx((2 / 3, 1 / 3, 0.0))
    assert first.evidence == pytest.approx(1 + BET * ((2 / 3) / 0.1 - 1))
    assert second.evidence == pytest.approx(1 + BET * (MOST - 1))  # 33 times as often: capped
    assert third.evidence == pytest.approx(1 - BET)


def test_uniform_tails_never_alarm_in_three_years():
    state = days(np.random.default_rng(1), uniform, 1000)
    for one in drift.report(state):
        assert not one.drifts
        assert one.share == pytest.approx(one.level, rel=0.5)
    assert drift.excess(state) == 1.0


def test_false_reports_are_as_rare_as_promised_when_all_series_move_together():
    """The worst dependence: one draw a day for all series."""
    rng = np.random.default_rng(2)
    reports, n = 0, 0
    for _ in range(40):
        state = drift.start()
        for day in range(250):
            state = drift.learn(state, np.full(50, rng.random()), day * DAY_US)
            n += 1
            if any(d.drifts for d in drift.report(state)):
                reports += 1
                state = drift.start()
    # Three levels, each at most once in EVIDENCE days on average.
    assert reports <= 3 * n / EVIDENCE + 3 * np.sqrt(3 * n / EVIDENCE)


def test_tails_that_come_three_times_too_often_are_reported_within_weeks():
    rng = np.random.default_rng(3)
    state = days(rng, uniform, 200)
    state = days(rng, lambda r, n: r.random(n) / 3, 40, state=state, first=200)
    tenth, hundredth, _ = drift.report(state)
    assert tenth.drifts
    assert hundredth.drifts
    assert (
        hundredth.words
        == "tails below 0.01 come " + f"{hundredth.share / 0.01:.2g}" + " times as often as they say"
    )
    assert 2 < drift.excess(state) < 10
    state = days(rng, uniform, 120, state=state, first=240)
    assert not any(d.drifts for d in drift.report(state))  # and what is mended is forgiven


def test_one_day_of_hazard_is_no_drift():
    rng = np.random.default_rng(4)
    state = days(rng, uniform, 100)
    state = days(rng, lambda _, n: np.full(n, 1e-6), 1, state=state, first=100)
    state = days(rng, uniform, 1, state=state, first=101)
    assert not any(d.drifts for d in drift.report(state))


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=30), st.integers(0, 10**15))
def test_what_was_carried_is_left_as_it_was(tails, time):
    state = days(np.random.default_rng(5), uniform, 3)
    before = state.copy()
    after = drift.learn(state, np.array(tails, float), time)
    np.testing.assert_array_equal(state, before)
    assert after.shape == (12,)
    assert [d.level for d in drift.report(after)] == list(LEVELS)


def test_days_on_which_nothing_is_known_do_not_count():
    state = days(np.random.default_rng(6), uniform, 5)
    again = days(np.random.default_rng(6), lambda _, n: np.full(n, np.nan), 30, state=state, first=5)
    assert drift.report(again)[0].days == 5
