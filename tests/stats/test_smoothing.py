"""Rates drawn towards those around: by hand, and better than raw rates where truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.stats.smoothing import moments_of_rates, smoothed_rates


def test_moments_by_hand():
    """Rates 0.02, 0.06, 0.05 of 100, 100, 200: mean 18/400; spread and the part of it that is chance."""
    cases, people = np.array([2.0, 6.0, 10.0]), np.array([100.0, 100.0, 200.0])
    mean, variance = moments_of_rates(cases, people)
    assert mean == pytest.approx(np.full(3, 0.045))
    spread = (100 * 0.025**2 + 100 * 0.015**2 + 200 * 0.005**2) / 400
    assert variance == pytest.approx(np.full(3, max(spread - 0.045 / (400 / 3), 0)))


def test_areas_without_anybody_take_the_mean():
    cases, people = np.array([30.0, 1.0, 0.0]), np.array([100.0, 100.0, 0.0])
    mean, variance = moments_of_rates(cases, people)
    rate = smoothed_rates(cases, people, mean, variance)
    assert rate[2] == mean[2] == pytest.approx(31 / 200)
    assert np.isfinite(variance).all()


def test_around_each_area():
    cases, people = np.array([10.0, 10.0, 0.0, 0.0]), np.full(4, 100.0)
    near = np.array([[0, 1], [1, 0], [2, 3], [3, 2]])
    mean, variance = moments_of_rates(cases, people, near)
    assert mean.tolist() == [0.1, 0.1, 0.0, 0.0]
    assert variance.tolist() == [0.0] * 4


def test_nearer_the_truth_than_raw_rates():
    rng = np.random.default_rng(31)
    people = rng.integers(50, 2000, 500).astype(float)
    true = rng.gamma(4.0, 0.005, 500)
    cases = rng.poisson(true * people).astype(float)
    mean, variance = moments_of_rates(cases, people)
    assert mean[0] == pytest.approx(0.02, rel=0.1)
    assert variance[0] == pytest.approx(4 * 0.005**2, rel=0.3)
    smooth = smoothed_rates(cases, people, mean, variance)
    assert ((smooth - true) ** 2).mean() < 0.75 * ((cases / people - true) ** 2).mean()


def test_no_areas():
    mean, variance = moments_of_rates(np.zeros(0), np.zeros(0))
    assert len(mean) == len(variance) == 0
