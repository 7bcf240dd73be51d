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


@pytest.mark.parametrize("level", [0.5, 0.99, 1 - 1e-12])
@pytest.mark.parametrize("size", [1e-3, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("mean", [1e10, 1e12, 1e14])
def test_beyond_whole_numbers_it_is_the_limiting_gamma_distribution(mean, size, level):
    """Counts above 2**53 are farther apart than one, and a share of successes near one has few digits."""
    want = stats.gamma.ppf(level, size, scale=mean / size)
    got = quantile(level, *pair(mean, size))[0]
    assert got == pytest.approx(want, rel=1e-8, abs=2)
    if want > 1e6:
        assert tail(np.array([want]), *pair(mean, size))[0] == pytest.approx(1 - level, rel=1e-3)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), st.floats(0.01, 1 - 1e-12))
def test_the_search_ends_for_every_mean_and_size(mean, size, level):
    assert quantile(level, *pair(mean, size))[0] >= 0


def test_the_two_sides_of_the_function_meet():
    size = 2.0
    below, above = 1e3 * size * (1 - 1e-9), 1e3 * size * (1 + 1e-9)
    for count in (1.0, 100.0, 2e3, 2e4):
        one, other = (tail(np.array([count]), *pair(m, size))[0] for m in (below, above))
        assert one == pytest.approx(other, rel=1e-7)
