"""The controller of the budget: what it holds in the long run, and where it stops."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.budget import FALL, HIGHEST, WEEK, expected, next_threshold
from tocsin.model import HOUR, Budget

WEEKS = st.integers(1, 60)


def budget(gain=0.2, aim=0.8, start=3.4):
    return Budget(per_week=1.0, aim=aim, gain=gain, start=start, shadow=timedelta(days=31))


@given(
    gain=st.floats(0.01, 1.0),
    aim=st.floats(0.1, 3.0),
    false=st.lists(st.integers(0, 4), min_size=1, max_size=200),
    steps=st.integers(1, 24 * 7),
)
def test_the_count_of_false_alarms_is_the_aim_plus_what_the_threshold_moved(gain, aim, false, steps):
    """Over T weeks: false = aim * T + (s_T - s_0) / gain, whatever the alarms do, if not clipped."""
    start = 20.0
    rule = budget(gain, aim, start)
    s, elapsed, total = start, steps * HOUR, 0
    for number in false:
        new = next_threshold(s, rule, elapsed, number)
        if new in (start - FALL, HIGHEST):
            return  # clipped: the identity is not promised
        s, total = new, total + number
    weeks = len(false) * (elapsed / WEEK)
    assert total == pytest.approx(aim * weeks + (s - start) / gain, abs=1e-6)


@given(s=st.floats(2.4, 40), hours=st.integers(0, 5000), number=st.integers(0, 50))
def test_the_threshold_stays_within_its_bounds(s, hours, number):
    assert 2.4 <= next_threshold(s, budget(), hours * HOUR, number) <= HIGHEST


@given(s=st.floats(3, 30), split=st.integers(1, 167))
def test_a_week_in_two_parts_is_a_week(s, split):
    rule = budget(start=s)
    whole = next_threshold(s, rule, WEEK, 0)
    parts = next_threshold(next_threshold(s, rule, split * HOUR, 0), rule, WEEK - split * HOUR, 0)
    assert parts == pytest.approx(whole)


def test_when_no_verdict_comes_the_threshold_stops_one_decade_below_its_start():
    """Silence is not taken for success: a year without verdicts does not open the gates."""
    s = 3.4
    for _ in range(52):
        s = next_threshold(s, budget(), WEEK, 0)
    assert s == pytest.approx(3.4 - FALL)


def test_each_false_alarm_raises_it_by_the_gain_at_once():
    assert next_threshold(3.4, budget(), timedelta(0), 3) == pytest.approx(3.4 + 0.6)


def test_it_holds_the_aim_in_a_world_that_drifts():
    """Alarms at a rate that depends on the threshold and grows hundredfold: the count follows the aim."""
    rng = np.random.default_rng(12)
    rule = budget(gain=0.2, aim=0.8)
    s, total, weeks = rule.start, 0, 400
    for week in range(weeks):
        rate = 2000 * 10 ** (2 * week / weeks) * 10.0**-s
        number = int(rng.poisson(min(rate, 50)))
        s, total = next_threshold(s, rule, WEEK, number), total + number
    assert total == pytest.approx(rule.aim * weeks + (s - rule.start) / rule.gain)
    assert total / weeks == pytest.approx(rule.aim, abs=0.1)


def test_without_verdicts_it_settles_where_the_expected_number_is_the_aim():
    """Five thousand series a day and no outcome ever: the threshold finds 35,000 tails a week by itself."""
    rule = budget(gain=0.3, aim=2.0, start=3.0)
    s = rule.start
    for _ in range(400):
        s = next_threshold(s, rule, WEEK / 7, expected(5000, s))
    assert 7 * expected(5000, s) == pytest.approx(rule.aim, rel=0.02)
    for _ in range(400):
        s = next_threshold(s, rule, WEEK / 7, expected(5000, s, drift=10.0))
    assert 7 * expected(5000, s) == pytest.approx(rule.aim / 10, rel=0.02)  # the tails drift: a decade higher
