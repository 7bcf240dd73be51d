"""Blocks keep what the data are in time, and keep series together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model import MethodError
from tocsin.stats.dependence import blocks, stationary_blocks


@given(st.integers(1, 60), st.data())
def test_a_sample_is_made_of_whole_blocks(n_times, data):
    length = data.draw(st.integers(1, n_times))
    index = blocks(np.random.default_rng(data.draw(st.integers(0, 99))), n_times, length)
    assert index.shape == (n_times,)
    assert index.min() >= 0
    assert index.max() < n_times
    for begin in range(0, n_times, length):
        part = index[begin : begin + length]
        assert (np.diff(part) == 1).all()


@given(st.integers(1, 60), st.floats(1, 60), st.integers(0, 99))
def test_a_stationary_sample_runs_round_the_end(n_times, length, seed):
    length = min(length, float(n_times))
    index = stationary_blocks(np.random.default_rng(seed), n_times, length)
    assert index.shape == (n_times,)
    assert ((index >= 0) & (index < n_times)).all()


def test_mean_length_of_stationary_blocks():
    index = stationary_blocks(np.random.default_rng(3), 200_000, 25.0)
    breaks = ((np.diff(index) % 200_000) != 1).mean()
    assert breaks == pytest.approx(1 / 25, rel=0.05)


def test_the_variance_of_a_mean_is_that_of_dependent_data():
    """An autoregression with 0.7: drawn one by one the variance of the mean is far too small."""
    rng = np.random.default_rng(5)
    n = 4000
    noise = rng.normal(size=n)
    series = np.zeros(n)
    for t in range(1, n):
        series[t] = 0.7 * series[t - 1] + noise[t]
    true = 1 / (1 - 0.7) ** 2 / n

    def variance(length):
        return np.var([series[blocks(rng, n, length)].mean() for _ in range(400)])

    assert variance(60) == pytest.approx(true, rel=0.3)
    assert variance(1) < 0.4 * true


@pytest.mark.parametrize("length", [0, 6, -1])
@pytest.mark.parametrize("draw", [blocks, stationary_blocks])
def test_a_block_must_fit(draw, length):
    with pytest.raises(MethodError, match="length of a block: got"):
        draw(np.random.default_rng(1), 5, length)
