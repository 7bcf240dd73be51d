"""Batched quasi-Poisson regression: against statsmodels, closed forms, and itself one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.stats import glm


def world(seed, *, n=120, series=6, levels=4):
    rng = np.random.default_rng(seed)
    level = rng.integers(0, levels, n)
    level[:levels] = np.arange(levels)
    time = np.arange(n) - float(n)
    mean = np.exp(rng.normal(1.0, 1.0, series) + 0.3 * level[:, None] + 0.003 * time[:, None])
    return glm.Design(level=level, time=time), rng.poisson(mean).astype(float), rng


@pytest.mark.parametrize("trend", [True, False])
@pytest.mark.parametrize("populations", [True, False])
def test_against_statsmodels(trend, populations):
    sm = pytest.importorskip("statsmodels.api")
    design, counts, rng = world(1)
    counts[5:9, 2] = np.nan
    people = rng.uniform(1e3, 2e3, counts.shape) if populations else None
    weight = rng.uniform(0.2, 1.5, counts.shape)
    response = glm.Response.of(counts, people)
    fitted = glm.fit(response, design, trend=trend, weight=weight)
    assert fitted.converged.all()
    for j in range(counts.shape[1]):
        known = ~np.isnan(counts[:, j])
        columns = [(design.level == k) for k in range(4)] + ([design.time] if trend else [])
        x = np.column_stack(columns).astype(float)
        model = sm.GLM(
            counts[known, j],
            x[known],
            family=sm.families.Poisson(),
            offset=None if people is None else np.log(people[known, j]),
            var_weights=weight[known, j],
        ).fit(tol=1e-12)
        got = np.append(fitted.intercept[:, j], fitted.slope[j])[: x.shape[1]]
        np.testing.assert_allclose(got, model.params, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(fitted.mean[known, j], model.fittedvalues, rtol=1e-6)
        # R takes the weights of the step before the last: an agreement to four digits is all there can be.
        assert fitted.dispersion(response)[j] == pytest.approx(model.pearson_chi2 / model.df_resid, rel=3e-4)
        hat = model.get_hat_matrix_diag()
        np.testing.assert_allclose(fitted.leverage(design)[known, j], hat, rtol=1e-3)
        row = np.zeros(x.shape[1])
        row[2] = 1.0
        if trend:
            row[-1] = 10.0
        eta, variance = fitted.at(2, 10.0)
        assert eta[j] == pytest.approx(row @ model.params, abs=1e-6)
        assert variance[j] == pytest.approx(row @ model.normalized_cov_params @ row, rel=1e-3)


def test_without_a_trend_the_mean_of_a_level_is_its_weighted_mean():
    design, counts, rng = world(2)
    weight = rng.uniform(0.1, 2.0, counts.shape)
    fitted = glm.fit(glm.Response.of(counts), design, trend=False, weight=weight)
    for level in range(4):
        rows = design.level == level
        mean = (weight[rows] * counts[rows]).sum(0) / weight[rows].sum(0)
        np.testing.assert_allclose(np.exp(fitted.intercept[level]), mean, rtol=1e-8)
    assert fitted.freedom.tolist() == [116.0] * 6


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=25)
def test_together_as_one_by_one(seed, trend):
    design, counts, _ = world(seed, n=50)
    counts[counts > 12] = np.nan
    together = glm.fit(glm.Response.of(counts), design, trend=trend)
    for j in range(counts.shape[1]):
        alone = glm.fit(glm.Response.of(counts[:, [j]]), design, trend=trend)
        assert alone.converged[0] == together.converged[j]
        if alone.converged[0]:
            np.testing.assert_allclose(alone.intercept[:, 0], together.intercept[:, j], rtol=1e-12)
            np.testing.assert_allclose(alone.slope[0], together.slope[j], rtol=1e-10)
            np.testing.assert_allclose(alone.mean[:, 0], together.mean[:, j], rtol=1e-12)


@given(st.integers(0, 10_000), st.floats(0.5, 40.0), st.floats(-300.0, 300.0))
@settings(max_examples=25)
def test_the_unit_of_time_does_not_matter(seed, unit, shift):
    design, counts, _ = world(seed, n=60)
    other = glm.Design(level=design.level, time=design.time / unit + shift)
    a = glm.fit(glm.Response.of(counts), design, trend=True)
    b = glm.fit(glm.Response.of(counts), other, trend=True)
    assert a.converged.tolist() == b.converged.tolist()
    np.testing.assert_allclose(a.mean[:, a.converged], b.mean[:, a.converged], rtol=1e-7)
    np.testing.assert_allclose(a.slope[a.converged], b.slope[a.converged] / unit, rtol=1e-6, atol=1e-10)


def test_an_unknown_row_is_as_one_that_is_not_there():
    design, counts, _ = world(3)
    counts[[4, 17, 80]] = np.nan
    kept = np.isfinite(counts[:, 0])
    short = glm.Design(level=design.level[kept], time=design.time[kept])
    a = glm.fit(glm.Response.of(counts), design, trend=True)
    b = glm.fit(glm.Response.of(counts[kept]), short, trend=True)
    np.testing.assert_allclose(a.mean[kept], b.mean, rtol=1e-12)
    np.testing.assert_allclose(
        a.dispersion(glm.Response.of(counts)), b.dispersion(glm.Response.of(counts[kept]))
    )
    assert a.freedom.tolist() == b.freedom.tolist()


def test_a_level_without_a_known_row_is_unknown_and_costs_no_freedom():
    design, counts, _ = world(4)
    counts[design.level == 1, 0] = np.nan
    fitted = glm.fit(glm.Response.of(counts), design, trend=False)
    assert np.isnan(fitted.intercept[1, 0])
    assert np.isfinite(fitted.intercept[1, 1:]).all()
    known = int((design.level != 1).sum())
    assert fitted.freedom[0] == known - 3


def test_what_cannot_be_fitted_is_not_converged():
    design = glm.Design(level=np.array([0, 0, 1, 1]), time=np.array([-2.0, -2.0, -1.0, -1.0]))
    flat = glm.fit(glm.Response.of(np.ones((4, 1))), design, trend=True)
    assert not flat.converged[0]  # a level has no two times, so there is no slope to see
    nothing = glm.fit(glm.Response.of(np.full((4, 1), np.nan)), design, trend=False)
    assert np.isnan(nothing.intercept).all()
    # All zero: in a long baseline R's rule is not met within 25 solutions, in a short one at nearly nothing.
    long = glm.Design(level=np.zeros(300, np.int64), time=np.arange(300.0))
    assert not glm.fit(glm.Response.of(np.zeros((300, 1))), long, trend=False).converged[0]
    short = glm.Design(level=np.zeros(20, np.int64), time=np.arange(20.0))
    none = glm.fit(glm.Response.of(np.zeros((20, 1))), short, trend=False)
    assert none.converged[0]
    assert np.exp(none.intercept[0, 0]) < 1e-9


def test_large_counts_settle():
    design = glm.Design(level=np.zeros(100, np.int64), time=np.arange(100.0) - 100)
    fitted = glm.fit(glm.Response.of(np.full((100, 1), 3e9)), design, trend=True)
    assert fitted.converged[0]
    assert np.exp(fitted.at(0, 0.0)[0][0]) == pytest.approx(3e9)


def test_dispersion_needs_a_degree_of_freedom():
    design = glm.Design(level=np.array([0]), time=np.array([0.0]))
    response = glm.Response.of(np.array([[3.0]]))
    assert np.isnan(glm.fit(response, design, trend=False).dispersion(response)[0])
