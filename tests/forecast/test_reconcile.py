"""Reconciliation: sums are exact, a coherent forecast stays as it is, and MinT is what its formula says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from tocsin.forecast import reconcile as rc
from tocsin.model import ConfigError, MethodError

REGIONS = ("nation", "north", "south", "n1", "n2", "s1", "s2", "s3")
PARENTS = {
    "north": "nation", "south": "nation",
    "n1": "north", "n2": "north", "s1": "south", "s2": "south", "s3": "south",
}  # fmt: skip
S = rc.summing(REGIONS, PARENTS)
ERRORS = np.random.default_rng(1).normal(0, 1, (40, 8)) * np.array([5, 3, 3, 1, 2, 1, 1, 2])


def test_the_summing_matrix():
    assert S[0].tolist() == [1, 1, 1, 1, 1]
    assert S[2].tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_array_equal(S[3:], np.eye(5))


@given(st.sampled_from(rc.METHODS), arrays(float, 8, elements=st.floats(-1e4, 1e4)))
def test_reconciled_forecasts_add_up_and_coherent_ones_stay(method, base):
    project = rc.projection(S, method, ERRORS)
    out = rc.reconciled(base, S, project)
    assert out[0] == pytest.approx(out[1] + out[2], abs=1e-6)
    assert out[1] == pytest.approx(out[3:5].sum(), abs=1e-6)
    assert out[2] == pytest.approx(out[5:].sum(), abs=1e-6)
    np.testing.assert_allclose(rc.reconciled(out, S, project), out, atol=1e-6)


def test_bottom_up_keeps_the_bottom():
    base = np.arange(8.0)
    assert rc.reconciled(base, S, rc.projection(S, "bottom_up")).tolist() == [25, 7, 18, 3, 4, 5, 6, 7]


def test_ols_is_least_squares():
    base = np.random.default_rng(2).normal(10, 3, 8)
    bottom = np.linalg.lstsq(S, base, rcond=None)[0]
    np.testing.assert_allclose(rc.reconciled(base, S, rc.projection(S, "ols")), S @ bottom)


def test_mint_is_its_formula_and_trusts_the_better_forecast():
    w = rc.shrunk_covariance(ERRORS)
    inverse = np.linalg.inv(w)
    want = np.linalg.inv(S.T @ inverse @ S) @ S.T @ inverse
    np.testing.assert_allclose(rc.projection(S, "mint_shrink", ERRORS), want, atol=1e-10)
    sharp = ERRORS.copy()
    sharp[:, 0] /= 1000  # the nation is known nearly exactly
    base = np.array([100.0, 40, 70, 20, 20, 20, 20, 20])
    got = rc.reconciled(base, S, rc.projection(S, "mint_shrink", sharp))
    assert got[0] == pytest.approx(100, abs=0.1)


def test_reconciled_errors_are_smaller_in_the_mean():
    rng = np.random.default_rng(3)
    truth = S @ rng.normal(20, 5, 5)
    base = truth + rng.normal(0, 1, (2000, 8)) * np.array([3, 2, 2, 1, 1, 1, 1, 1])
    project = rc.projection(S, "mint_shrink", base[:200] - truth)
    before = ((base[200:] - truth) ** 2).mean(0)
    after = ((rc.reconciled(base[200:], S, project) - truth) ** 2).mean(0)
    assert after.sum() < 0.5 * before.sum()


def test_more_regions_than_errors_is_no_obstacle():
    few = ERRORS[:4]
    assert np.linalg.cond(rc.shrunk_covariance(few)) < 1e12
    assert np.isfinite(rc.projection(S, "mint_shrink", few)).all()


def test_quantiles_of_a_sum_are_not_sums_of_quantiles():
    tree = rc.summing(["all", "a", "b"], {"a": "all", "b": "all"})
    levels = np.linspace(0.02, 0.98, 49)
    told = np.stack([stats.norm(m, s).ppf(levels) for m, s in ((0, 9), (10, 3), (20, 4))], 1)[None]
    errors = np.random.default_rng(4).normal(0, 1, (4000, 3))
    out = rc.reconciled_quantiles(told, levels, tree, rc.projection(tree, "bottom_up"), errors)
    np.testing.assert_allclose(out[0, :, 0], stats.norm(30, 5).ppf(levels), atol=0.45)
    np.testing.assert_allclose(out[0, :, 1], told[0, :, 1], atol=0.15)
    together = np.repeat(errors[:, :1], 3, 1)  # regions that move as one: then they do add up
    out = rc.reconciled_quantiles(told, levels, tree, rc.projection(tree, "bottom_up"), together)
    np.testing.assert_allclose(out[0, :, 0], told[0, :, 1] + told[0, :, 2], atol=0.2)


def test_unknown_parts_make_no_known_sum():
    base = np.arange(8.0)
    base[4] = np.nan
    assert np.isnan(rc.reconciled(base, S, rc.projection(S, "bottom_up"))).all()


@pytest.mark.parametrize("parents", [{"n1": "nowhere"}, {"north": "n1", "n1": "north"}])
def test_what_is_no_tree_is_refused(parents):
    with pytest.raises(ConfigError, match="parents"):
        rc.summing(REGIONS, parents)


def test_bad_words_and_too_few_errors_are_refused():
    with pytest.raises(ConfigError, match="method"):
        rc.projection(S, "mint")
    with pytest.raises(MethodError, match="at least 3"):
        rc.projection(S, "mint_shrink", ERRORS[:2])
    with pytest.raises(MethodError, match="at least 3"):
        rc.projection(S, "mint_shrink")
