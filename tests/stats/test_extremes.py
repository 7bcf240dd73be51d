"""Extremes: closed forms, scipy's likelihood, and what the fits say of samples from known distributions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import optimize, stats

from tocsin.stats import extremes

RISK = Path(__file__).resolve().parents[3] / "shared" / "data" / "risk" / "data" / "extremes"


def nll(excess, scale, shape):
    shape = shape if abs(shape) > 1e-12 else 0.0  # scipy takes the smallest numbers for no exponential
    return -stats.genpareto.logpdf(excess, shape, scale=scale).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(-0.4, 1.5), st.floats(1e-6, 1e6), st.integers(15, 300))
def test_no_other_parameters_are_more_likely(seed, shape, scale, k):
    x = stats.genpareto.rvs(shape, scale=scale, size=k, random_state=np.random.default_rng(seed))
    fit = extremes.gpd_fit(x)
    assert fit.nll[0] == pytest.approx(nll(x, fit.scale[0], fit.shape[0]), rel=1e-9, abs=1e-7)
    if not fit.regular[0]:
        return
    for start in ((scale, shape), (x.mean(), 0.1)):
        found = optimize.minimize(
            lambda p: nll(x, np.exp(p[0]), p[1]) if p[1] >= -1 else np.inf,
            [np.log(start[0]), start[1]],
            method="Nelder-Mead",
        )
        assert fit.nll[0] <= found.fun + 1e-7


def test_the_slope_is_zero_at_the_maximum():
    """Ten digits of scale and shape, which the value of the likelihood alone does not give."""
    x = stats.genpareto.rvs(0.2, scale=3.0, size=120, random_state=np.random.default_rng(1))
    fit = extremes.gpd_fit(x)
    scale, shape = fit.scale[0], fit.shape[0]
    z = 1 + shape * x / scale
    assert abs((np.log(z) / shape**2 - (1 + 1 / shape) * x / (scale * z)).sum()) < 1e-6
    assert abs((-1 / scale + (1 + shape) * x / (scale**2 * z)).sum()) < 1e-8


def test_many_series_are_one_by_one():
    rng = np.random.default_rng(2)
    x = stats.genpareto.rvs(0.1, scale=2.0, size=(80, 12), random_state=rng)
    x[rng.random(x.shape) < 0.3] = np.nan
    together = extremes.gpd_fit(x)
    for j in range(12):
        alone = extremes.gpd_fit(x[~np.isnan(x[:, j]), j])
        for name in ("scale", "shape", "nll", "number", "regular"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(together, name)[j], rel=1e-9)
        np.testing.assert_allclose(alone.covariance[0], together.covariance[j], rtol=1e-6)


def test_errors_are_those_of_numerical_second_derivatives():
    x = stats.genpareto.rvs(0.25, scale=5.0, size=200, random_state=np.random.default_rng(3))
    fit = extremes.gpd_fit(x)
    at = np.array([fit.scale[0], fit.shape[0]])
    step = np.array([1e-3, 1e-4])
    information = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            a, b = np.eye(2)[i] * step, np.eye(2)[j] * step
            parts = [s * nll(x, *(at + p)) for s, p in ((1, a + b), (-1, a - b), (-1, b - a), (1, -a - b))]
            information[i, j] = sum(parts) / (4 * step[i] * step[j])
    np.testing.assert_allclose(fit.covariance[0], np.linalg.inv(information), rtol=1e-3)
    # And of a large sample the asymptotic ones: (1 + shape)² / k for the shape.
    many = extremes.gpd_fit(stats.genpareto.rvs(0.25, size=20_000, random_state=np.random.default_rng(8)))
    assert many.covariance[0, 1, 1] == pytest.approx(1.25**2 / 20_000, rel=0.1)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.5])
def test_samples_are_understood(shape):
    rng = np.random.default_rng(4)
    fit = extremes.gpd_fit(stats.genpareto.rvs(shape, scale=2.0, size=(400, 300), random_state=rng))
    error = np.sqrt(fit.covariance[:, 1, 1])
    inside = np.abs(fit.shape - shape) <= 1.96 * error
    assert inside[fit.regular].mean() == pytest.approx(0.95, abs=0.035)
    assert fit.scale.mean() == pytest.approx(2.0, abs=0.03)


def test_what_cannot_be_fitted_is_said():
    x = np.full((20, 4), np.nan)
    x[:1, 0] = 3.0  # one
    x[:, 1] = 2.0  # all equal
    x[:, 2] = np.linspace(0.05, 1.0, 20)  # uniform: the shape is -1 and the maximum at the border
    fit = extremes.gpd_fit(x)
    assert np.isnan(fit.scale[[0, 1, 3]]).all()
    assert np.isnan(fit.nll[[0, 1, 3]]).all()
    assert fit.number.tolist() == [1, 20, 20, 0]
    assert not fit.regular.any()
    assert np.isnan(fit.covariance).all()
    assert fit.shape[2] == pytest.approx(-1, abs=0.2)
    assert extremes.gpd_fit(np.zeros((0, 2))).number.tolist() == [0, 0]
    for wrong in (0.0, -1.0, np.inf):
        with pytest.raises(ValueError, match="excess"):
            extremes.gpd_fit([1.0, wrong])


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, (30, 3), elements=st.floats(-1e9, 1e9) | st.just(np.nan)), st.floats(0.0, 1.0))
def test_peaks_are_what_is_strictly_above_the_quantile(values, level):
    threshold, excess = extremes.peaks(values, level)
    for j in range(3):
        known = values[~np.isnan(values[:, j]), j]
        if not len(known):
            assert np.isnan(threshold[j])
            continue
        assert threshold[j] == pytest.approx(np.quantile(known, level), abs=1e-3)
        want = known[known > threshold[j]] - threshold[j]
        np.testing.assert_array_equal(excess[: len(want), j], want)
        assert np.isnan(excess[len(want) :, j]).all()


@settings(max_examples=100, deadline=None)
@given(st.floats(-0.9, 1.5).map(lambda s: round(s, 6)), st.floats(0.01, 0.9999), st.floats(1e-3, 1e3))
def test_quantile_and_tail_are_inverse_and_those_of_scipy(shape, level, scale):
    x = extremes.gpd_quantile(level, scale, shape)
    assert x == pytest.approx(stats.genpareto.ppf(level, shape, scale=scale), rel=1e-7)
    assert extremes.gpd_tail(x, scale, shape) == pytest.approx(1 - level, rel=1e-6)
    assert extremes.gpd_tail(-1.0, scale, shape) == 1.0


def test_shapes_near_zero_join_smoothly():
    shapes = np.array([-1e-6, -1e-9, -1e-13, 0.0, 1e-13, 1e-9, 1e-6])
    assert np.ptp(extremes.gpd_tail(5.0, 1.0, shapes)) < 2e-7
    assert np.ptp(extremes.gpd_quantile(0.999, 1.0, shapes)) < 1e-4


def test_return_levels():
    level = extremes.gpd_level(1e-3, 10.0, 0.05, 2.0, 0.0)
    assert level == pytest.approx(10 + 2 * np.log(50))
    gumbel = extremes.gev_level(0.01, 1.0, 2.0, 0.0)
    assert gumbel == pytest.approx(stats.gumbel_r.isf(0.01, 1.0, 2.0))
    gev = extremes.gev_level(0.01, 1.0, 2.0, 0.3)
    assert gev == pytest.approx(stats.genextreme.isf(0.01, -0.3, 1.0, 2.0))


def test_gev_against_scipy():
    x = stats.genextreme.rvs(0.1, 20.0, 4.0, size=150, random_state=np.random.default_rng(5))
    fit = extremes.gev_fit(x)
    c, location, scale = stats.genextreme.fit(x, 0.1, loc=20, scale=4)
    want = -stats.genextreme.logpdf(x, c, location, scale).sum()
    assert fit.nll <= want + 1e-6
    assert extremes.gev_nll(x, location, scale, -c) == pytest.approx(want, rel=1e-12)
    assert (fit.location, fit.scale, fit.shape) == pytest.approx((location, scale, -c), abs=0.01)
    assert fit.regular
    with pytest.raises(ValueError, match="at least 3"):
        extremes.gev_fit([1.0, 1.0, 2.0])


def test_profile_intervals_rise_by_the_right_amount():
    x = stats.genpareto.rvs(0.15, scale=4.0, size=150, random_state=np.random.default_rng(6))
    level, low, high = extremes.gpd_level_interval(x, threshold=10.0, share=0.03, chance=1e-4)
    assert low < level < high
    assert high - level > level - low  # what is far out is less well known upwards
    fit = extremes.gpd_fit(x)
    for end in (low, high):
        found = optimize.minimize_scalar(
            lambda s, end=end: nll(x, (end - 10) * s / np.expm1(s * np.log(300)), s),
            bounds=(-0.35, 1.5), method="bounded",
        )  # fmt: skip
        assert found.fun - fit.nll[0] == pytest.approx(stats.chi2.isf(0.05, 1) / 2, abs=1e-3)
    with pytest.raises(ValueError, match="chance"):
        extremes.gpd_level_interval(x, threshold=10.0, share=0.03, chance=0.05)


def column(name, field):
    with (RISK / name).open(encoding="utf-8") as lines:
        return np.array([float(row[field]) for row in csv.DictReader(lines)])


@pytest.mark.shared
@pytest.mark.skipif(not RISK.is_dir(), reason="../shared/data/risk is not there")
def test_figures_of_coles():
    """Coles (2001), with the figures of the exact optimum; rain above 30 mm and Port Pirie."""
    rain = column("rain_daily.csv", "rain_mm")
    excess = rain[rain > 30] - 30
    fit = extremes.gpd_fit(excess)
    assert (fit.scale[0], fit.shape[0], fit.nll[0]) == pytest.approx(
        (7.440269, 0.184499, 485.093721), rel=1e-5
    )
    assert np.sqrt(np.diag(fit.covariance[0])) == pytest.approx([0.958532, 0.101204], rel=1e-4)
    share, chance = len(excess) / len(rain), 1 / 36500
    found = extremes.gpd_level_interval(excess, threshold=30, share=share, chance=chance)
    assert found == pytest.approx((106.328, 80.857, 184.988), rel=1e-4)
    sea = column("portpirie.csv", "sea_level_m")
    gev = extremes.gev_fit(sea)
    assert (gev.location, gev.scale, gev.shape) == pytest.approx((3.874750, 0.198044, -0.050110), abs=1e-5)
    assert np.sqrt(np.diag(gev.covariance)) == pytest.approx([0.027932, 0.020249, 0.098255], rel=1e-3)
    assert extremes.gev_level_interval(sea, 0.01) == pytest.approx((4.688404, 4.490437, 5.260705), abs=1e-4)
