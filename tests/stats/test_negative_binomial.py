"""Tails and quantiles of negative binomial counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.stats.negative_binomial import quantile, tail


def pair(mean, size):
    return np.array([mean]), np.array([size])


@given(st.floats(1e-3, 1e5), st.floats(1e-2, 1e4), st.floats(0.5, 0.9999))
def test_quantile_as_in_scipy(mean, size, level):
    got = quantile(level, *pair(mean, size))[0]
    want = stats.nbinom.ppf(level, size, size / (size + mean))
    if abs(got - want) == 1:  # the two may round a level that is met exactly to either side
        between = min(got, want)
        assert stats.nbinom.cdf(between, size, size / (size + mean)) == pytest.approx(level, rel=1e-9)
    else:
        assert got == want


@given(st.floats(1e-3, 1e5), st.floats(0.5, 0.9999))
def test_quantile_of_poisson_counts(mean, level):
    assert quantile(level, *pair(mean, np.inf))[0] == stats.poisson.ppf(level, mean)


@given(st.floats(1e-3, 1e4), st.one_of(st.just(np.inf), st.floats(1e-2, 1e4)), st.floats(0.01, 0.9999))
def test_the_quantile_is_the_first_count_that_is_enough(mean, size, level):
    count = quantile(level, *pair(mean, size))
    assert tail(count + 1, *pair(mean, size))[0] <= (1 - level) * (1 + 1e-12)
    if count[0] > 0:
        assert tail(count, *pair(mean, size))[0] > (1 - level) * (1 - 1e-9)


def test_tails_far_out_are_not_zero():
    got = tail(np.array([200.0]), np.array([5.0]), np.array([np.inf]))[0]
    assert got == pytest.approx(stats.poisson.sf(199, 5.0), rel=1e-9)
    assert 0 < got < 1e-200
    got = tail(np.array([400.0]), np.array([5.0]), np.array([3.0]))[0]
    assert got == pytest.approx(stats.nbinom.sf(399, 3.0, 3 / 8), rel=1e-8)


def test_unknown_stays_unknown():
    nan = np.array([np.nan])
    one = np.ones(1)
    assert np.isnan(tail(nan, one, one)[0])
    assert np.isnan(tail(np.zeros(1), nan, one)[0])
    assert np.isnan(quantile(0.9, nan, one)[0])
    assert np.isnan(quantile(0.9, np.array([np.inf]), one)[0])
