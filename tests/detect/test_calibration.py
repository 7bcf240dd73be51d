"""Tails calibrated on the past: order is kept, a wrong nominal tail is put right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect import calibration
from tocsin.detect.contract import Now
from tocsin.detect.methods.seasonal_count import SeasonalCount


def learnt(scores):
    histogram = calibration.start(1)
    calibration.learn(histogram, np.asarray(scores, float)[None, :])
    return histogram


def test_before_anything_is_seen_the_nominal_tail_holds():
    scores = np.array([[0.5, 1.0, 2.0, 3.0, 6.0]])
    assert calibration.calibrated(calibration.start(1), scores)[0] == pytest.approx(scores[0], abs=0.06)


@given(st.lists(st.floats(0, 45), min_size=2, max_size=60), st.integers(0, 2**32 - 1))
def test_a_larger_score_is_never_less_extreme(scores, seed):
    past = np.random.default_rng(seed).exponential(0.6, 500)
    out = calibration.calibrated(learnt(past), np.sort(np.array([scores])))[0]
    assert (np.diff(out) >= -1e-9).all()
    assert (out >= 0).all()


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_a_nominal_tail_that_is_wrong_by_decades_is_put_right(factor):
    """Scores are ``factor`` times what they should be; the calibrated tail says what comes next."""
    rng = np.random.default_rng(3)
    past = factor * rng.exponential(1 / np.log(10), 400_000)
    out = calibration.calibrated(learnt(past), factor * rng.exponential(1 / np.log(10), (1, 100_000)))[0]
    for tail in (0.1, 0.01, 0.001):
        got = float((10.0**-out <= tail).mean())
        # Beyond the data the tail is never lighter than nominal: with a factor below one it is cautious.
        assert got <= 1.35 * tail
        assert got >= (0.7 * tail if factor >= 1 or tail >= 0.01 else 0.0)


def test_windows_are_calibrated_each_on_its_own():
    histogram = calibration.start(2)
    calibration.learn(histogram, np.array([[3.0] * 5000, [0.1] * 5000]))
    out = calibration.calibrated(histogram, np.array([[3.0], [3.0]]))
    assert out[0, 0] < 0.05
    assert out[1, 0] > 2.0


def test_an_unknown_score_teaches_nothing_and_stays_unknown():
    histogram = calibration.start(1)
    before = histogram.copy()
    calibration.learn(histogram, np.full((1, 4), np.nan))
    assert np.array_equal(histogram, before)
    assert np.isnan(calibration.calibrated(histogram, np.full((1, 4), np.nan))).all()


def test_a_few_outages_do_not_set_the_scale_of_the_tail():
    """Twenty outages in a hundred thousand hours: the trimmed scale hardly moves."""
    rng = np.random.default_rng(4)
    past = rng.exponential(1 / np.log(10), 100_000)
    calm, struck = learnt(past), learnt(np.concatenate([past, np.full(20, 30.0)]))
    at = np.array([[6.0]])
    assert calibration.calibrated(struck, at)[0, 0] > 0.8 * calibration.calibrated(calm, at)[0, 0]


# -- what strikes many at once


@given(st.integers(0, 200), st.floats(0.5, 5))
def test_a_crowd_weighs_as_much_as_its_bound_and_a_few_weigh_one_each(many, crowd):
    before = learnt(np.random.default_rng(1).exponential(0.4, 5000))
    _, join = calibration._above(before, calibration.FAR)
    scores = np.full((1, 400), 0.1)
    scores[0, :many] = 20.0
    after = before.copy()
    calibration.learn(after, scores, crowd=crowd)
    far = (after - before)[0, join[0] :].sum()
    assert far == pytest.approx(min(many, crowd * (1 - calibration.FAR) * 400))
    assert (after - before)[0, : join[0]].sum() == pytest.approx(400 - many)


def test_without_a_bound_every_score_weighs_one():
    before = learnt(np.random.default_rng(1).exponential(0.4, 5000))
    scores = np.where(np.arange(50) % 7 == 0, np.nan, 20.0)[None, :]
    after = before.copy()
    calibration.learn(after, scores)
    assert (after - before).sum() == np.isfinite(scores).sum()


HIT = 10**-3.4


def found_of_many(struck, crowd):
    """Share found of stops to a quarter for 18 hours, in so many of 120 places."""
    rng = np.random.default_rng(4)
    hours, n = 24 * 21, 120
    busy = np.where((np.arange(hours + 18) % 24 >= 6) & (np.arange(hours + 18) % 24 < 22), 1.0, 0.05)
    mean = rng.uniform(5, 20, n) * busy[:, None]
    values = rng.negative_binomial(20, 20 / (20 + mean)).astype(float)
    values[hours:, :struck] = np.floor(values[hours:, :struck] / 4)
    detector = SeasonalCount(crowd=crowd)
    state = detector.start(n)
    found, wrong = np.zeros(n, bool), 0
    for t, row in enumerate(values):
        state, said = detector.step(state, row, Now(time=t * 3_600_000_000, season=np.full(n, t % 168)))
        found |= (said.tail <= HIT) & (t >= hours)
        wrong += int((said.tail <= HIT).sum()) if 240 <= t < hours else 0
    return found[:struck].mean(), wrong


def test_a_stop_of_many_hides_itself_less_with_a_bound():
    few, wrong_free = found_of_many(4, 0.0)
    free, _ = found_of_many(60, 0.0)
    bound, wrong_bound = found_of_many(60, 3.0)
    assert free < few - 0.1  # the more are struck, the fewer of them are found
    assert bound > free + 0.1
    assert wrong_bound <= wrong_free + 5
