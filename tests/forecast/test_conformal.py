"""Adaptive conformal calibration: by hand, and that it holds what it says when the world changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.forecast.combination import average_quantiles, weights_by_score
from tocsin.forecast.conformal import calibrated, effective_levels, shift


def test_a_shift_is_a_quantile_of_past_errors():
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 1, (41, 2, 3))
    level = rng.uniform(0, 1, (2, 3))
    want = [[np.quantile(errors[:, i, j], level[i, j]) for j in range(3)] for i in range(2)]
    np.testing.assert_allclose(shift(errors, level), want)


def test_missing_errors_are_left_out_and_none_shift_nothing():
    errors = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    assert shift(errors, np.array([0.5, 0.5])).tolist() == [2.0, 0.0]
    assert shift(np.empty((0, 2)), np.array([0.5, 0.5])).tolist() == [0.0, 0.0]


def test_beyond_all_errors_it_goes_on():
    assert shift(np.array([[0.0], [10.0]]), np.array([1.1])).tolist() == pytest.approx([11.0])
    assert shift(np.array([[0.0], [10.0]]), np.array([-0.2])).tolist() == pytest.approx([-2.0])


@settings(max_examples=15)
@given(st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_the_effective_level_is_the_sum_of_what_came(level, seed):
    """Gibbs and Candès, proposition 4.1: mean error and movement of the level are one and the same."""
    came = np.random.default_rng(seed).normal(0, 1, (40, 1))
    told, gain = np.zeros((40, 1)), 0.05
    path = [effective_levels(told[:k], came[:k], np.array([level]), gain)[0] for k in range(41)]
    below = [came[k, 0] <= told[k, 0] + shift((came - told)[:k], np.array([path[k]]))[0] for k in range(40)]
    assert path[-1] - level == pytest.approx(gain * (40 * level - sum(below)), abs=1e-9)


def test_coverage_holds_after_the_spread_has_trebled():
    rng = np.random.default_rng(2)
    levels = np.array([0.1, 0.9])
    sd = np.where(np.arange(700) < 350, 1.0, 3.0)
    came = rng.normal(0, sd)
    base = np.tile([-1.2816, 1.2816], (700, 1))[:, None, :, None]
    outcome = came[:, None, None]
    inside, plain = [], []
    for now in range(450, 700):
        low, high = calibrated(base[now], base[:now][-100:], outcome[:now][-100:], levels, 0.02)[0, :, 0]
        inside.append(low <= came[now] <= high)
        plain.append(abs(came[now]) <= 1.2816)
    assert np.mean(plain) < 0.5
    assert np.mean(inside) == pytest.approx(0.8, abs=0.07)


def test_weights_are_inverse_scores_and_a_perfect_member_takes_all():
    assert weights_by_score(np.array([[1.0], [3.0]]))[:, 0].tolist() == [0.75, 0.25]
    assert weights_by_score(np.array([[0.0], [3.0]]))[:, 0].tolist() == pytest.approx([1.0, 0.0])
    assert weights_by_score(np.array([[0.0], [0.0]]))[:, 0].tolist() == [0.5, 0.5]
    assert weights_by_score(np.array([[1.0], [3.0]]), 0.0)[:, 0].tolist() == [0.5, 0.5]
    assert np.isnan(weights_by_score(np.full((2, 1), np.nan))).all()


def test_an_average_leaves_out_who_does_not_know():
    members = np.array([[[[1.0], [2.0]]], [[[np.nan], [np.nan]]]])
    assert average_quantiles(members, np.array([[0.2], [0.8]])).ravel().tolist() == [1.0, 2.0]
    assert np.isnan(average_quantiles(np.full((2, 1, 2, 1), np.nan), np.full((2, 1), 0.5))).all()
