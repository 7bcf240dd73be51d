"""Regressions with a shared design: against closed forms and an independent maximisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from tocsin.stats import harmonic

TIME = np.arange(1.0, 105.0)
ROWS = harmonic.design(TIME, period=52, harmonics=1, trend=True)


def counts(seed=3, n=4):
    rng = np.random.default_rng(seed)
    mean = np.exp(1.5 + 0.6 * np.cos(2 * np.pi * TIME / 52) - 0.004 * TIME)
    return rng.negative_binomial(3, 3 / (3 + mean[:, None]), (len(TIME), n)).astype(float)


def by_search(minus_loglik, start):
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxfev": 20_000, "adaptive": True}
    return optimize.minimize(minus_loglik, start, method="Nelder-Mead", options=options).fun


def test_poisson_is_the_maximum():
    y = counts()
    beta = harmonic.fit(ROWS, y)
    for i in range(y.shape[1]):
        loss = lambda b, y=y[:, i]: -stats.poisson.logpmf(y, np.exp(ROWS @ b)).sum()  # noqa: E731
        assert loss(beta[:, i]) <= by_search(loss, beta[:, i] + 0.01) + 1e-8
        # The score equations of the canonical link: observed and fitted totals agree in every column.
        np.testing.assert_allclose(ROWS.T @ np.exp(ROWS @ beta[:, i]), ROWS.T @ y[:, i], rtol=1e-8)


def test_negative_binomial_is_the_maximum_over_all_parameters():
    y = counts()
    beta, alpha = harmonic.fit_negative_binomial(ROWS, y)
    for i in range(y.shape[1]):

        def loss(b, y=y[:, i]):
            size, mean = np.exp(-b[-1]), np.exp(ROWS @ b[:-1])
            return -stats.nbinom.logpmf(y, size, size / (size + mean)).sum()

        found = np.append(beta[:, i], np.log(alpha[i]))
        assert loss(found) <= by_search(loss, found + 0.02) + 1e-6


def test_logistic_is_the_maximum_and_leaves_out_what_has_no_trials():
    rng = np.random.default_rng(5)
    n = rng.integers(0, 60, (len(TIME), 3)).astype(float)
    rows = harmonic.design(TIME, period=26, harmonics=1)
    y = rng.binomial(n.astype(int), special.expit(-2 + 0.5 * np.sin(TIME / 26 * 2 * np.pi))[:, None]).astype(
        float
    )
    beta = harmonic.fit(rows, y, trials=n)
    np.testing.assert_allclose(rows.T @ (n * special.expit(rows @ beta)), rows.T @ y, rtol=1e-8)


def test_series_do_not_touch_each_other_and_missing_rows_leave():
    y = counts()
    y[10:20, 1] = np.nan
    y[:, 2] = 0
    y[:, 3] = np.nan
    beta = harmonic.fit(ROWS, y)
    assert np.isnan(beta[:, 2:]).all()
    held = np.isfinite(y[:, 1])
    np.testing.assert_allclose(beta[:, [1]], harmonic.fit(ROWS[held], y[held][:, [1]]), rtol=1e-7)
    np.testing.assert_allclose(beta[:, [0]], harmonic.fit(ROWS, y[:, [0]]), rtol=1e-7)


def test_too_few_values_are_no_fit():
    assert np.isnan(harmonic.fit(ROWS[:3], counts()[:3])).all()


def test_spread_below_poisson_has_alpha_zero():
    y = np.full((50, 1), 4.0)
    assert harmonic.dispersion(np.full((50, 1), 4.0), y).tolist() == [0.0]
    assert np.isnan(harmonic.dispersion(np.full((50, 1), np.nan), y)).all()


@pytest.mark.parametrize("harmonics", [0, 1, 3])
def test_the_design_has_its_columns(harmonics):
    rows = harmonic.design(TIME, period=52, harmonics=harmonics, trend=True)
    assert rows.shape == (104, 2 + 2 * harmonics)
    np.testing.assert_allclose(rows[:52, :-1], rows[52:, :-1], atol=1e-12)
