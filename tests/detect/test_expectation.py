"""The regression with past outbreaks weighted down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.weeks import poisson
from tocsin.detect import expectation
from tocsin.detect.expectation import Bound, Expectation, Rules, anscombe, empty_season, expect, passes
from tocsin.stats import glm

ONE_LEVEL = glm.Design(level=np.zeros(60, np.int64), time=np.arange(60.0) - 60)
RULES = Rules(trend=True, p_trend=0.05, reweight=True, weights_threshold=2.58)


def now(values, rules=RULES, **more):
    return expect(values, ONE_LEVEL, rules, level=0, time=np.zeros(values.shape[1]), **more)


def test_a_past_outbreak_does_not_become_normal():
    calm = poisson(1, 60, 8)
    outbreak = calm.copy()
    outbreak[20:24] += 60
    plain = Rules(trend=False, p_trend=0.05, reweight=False, weights_threshold=2.58)
    weighed = Rules(trend=False, p_trend=0.05, reweight=True, weights_threshold=2.58)
    too_high = now(outbreak, plain).mean - calm.mean(0)
    np.testing.assert_allclose(too_high, 4.0)
    assert (now(outbreak, weighed).mean - calm.mean(0) < 0.6 * too_high).all()
    # Without outbreak hardly a residual is that large, and weights change little.
    np.testing.assert_allclose(now(calm, weighed).mean, now(calm, plain).mean, rtol=0.03)


def test_weights_by_hand():
    counts = np.append(np.full(59, 4.0), 40.0)[:, None]
    both = passes(glm.Response.of(counts), ONE_LEVEL, RULES, trend=False)
    mean = counts.mean()
    phi = ((counts - mean) ** 2 / mean).sum() / 59
    residual = 1.5 * (40 ** (2 / 3) * mean ** (-1 / 6) - mean**0.5) / np.sqrt(phi * (1 - 1 / 60))
    assert residual > 2.58
    assert both.residual[-1, 0] == pytest.approx(residual, rel=1e-4)
    total = 59 + residual**-2
    assert both.weight[0, 0] == pytest.approx(60 / total, rel=1e-5)
    assert both.weight[-1, 0] == pytest.approx(60 * residual**-2 / total, rel=1e-3)
    assert both.weight.sum() == pytest.approx(60)
    final = (both.weight * counts).sum() / 60
    assert both.second.mean[0, 0] == pytest.approx(final, rel=1e-6)


def test_a_trend_stays_only_if_it_is_there_and_does_not_lead_beyond_the_past():
    rng = np.random.default_rng(3)
    time = np.arange(60)[:, None]
    falling = rng.poisson(40 * np.exp(-0.03 * time)).astype(float)
    flat = np.tile([[9.0], [11.0]], (30, 1))
    steep = np.exp(0.1 * time).round()  # leads to a mean above everything seen
    found = now(np.hstack([falling, flat, steep]))
    assert found.trend_used.tolist() == [1.0, 0.0, 0.0]
    assert found.mean[0] < 12
    assert found.mean[1] == pytest.approx(10.0)


def test_with_populations_it_is_the_rate_that_is_modelled():
    people = np.repeat([[1e4, 2e5]], 60, 0) * np.linspace(1, 2, 60)[:, None]
    counts = np.round(people / 500)
    rules = Rules(trend=False, p_trend=0.05, reweight=True, weights_threshold=2.58)
    found = now(counts, rules, population=people, population_now=np.array([5e4, 5e4]))
    np.testing.assert_allclose(found.mean, 100.0, rtol=0.02)
    nobody = now(counts, rules, population=people, population_now=np.array([0.0, np.nan]))
    assert np.isnan(nobody.mean).all()


@given(st.integers(0, 1000), st.integers(1, 9))
@settings(max_examples=15)
def test_blocks_do_not_matter(seed, size):
    values = poisson(seed, 60, 9, 3.0)
    whole = now(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expectation, "BLOCK", size)
        parts = now(values)
    for name in ("eta", "se", "phi", "trend_used", "total", "periods"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9)


def test_nothing_known_gives_nothing():
    found = now(np.full((60, 2), np.nan))
    assert np.isnan(found.mean).all()
    assert np.isnan(found.phi).all()


def test_bound_by_hand():
    known = Expectation(
        eta=np.log([8.0]), se=np.array([0.1]), phi=np.array([2.0]), trend_used=np.zeros(1),
        total=np.ones(1), periods=np.ones(1),
    )  # fmt: skip
    tau = 2.0 + 0.01 * 8
    assert Bound.of(known, "none").upper(2.0)[0] == pytest.approx(8 + 2 * np.sqrt(8 * tau))
    assert Bound.of(known, "1/2").upper(2.0)[0] == pytest.approx((8**0.5 + 2 * np.sqrt(tau / 4)) ** 2)
    two_thirds = (4 + 2 * np.sqrt(4 / 9 * 8 ** (1 / 3) * tau)) ** 1.5
    assert Bound.of(known, "2/3").upper(2.0)[0] == pytest.approx(two_thirds)
    for scale in ("none", "1/2", "2/3"):
        bound = Bound.of(known, scale)
        assert bound.z(bound.upper(1.7))[0] == pytest.approx(1.7)


def test_an_empty_season():
    known = Expectation(
        eta=np.array([np.nan, 1.0]), se=np.ones(2), phi=np.ones(2), trend_used=np.zeros(2),
        total=np.array([0.0, 4.0]), periods=np.array([49.0, 49.0]),
    )  # fmt: skip
    given_ = np.array([np.nan, 2.0])
    mean, upper, p = empty_season(known, np.array([1.0, 1.0]), given_, given_, given_, 0.995)
    # Jeffreys: P(no case) = (n / (n + 1)) ** (1/2)
    assert p[0] == pytest.approx(1 - np.sqrt(49 / 50))
    assert mean.tolist() == pytest.approx([0.5 / 49, 2.0])
    assert upper.tolist() == [1.0, 2.0]


def test_residuals_grow_with_the_count():
    counts = np.arange(30.0)[:, None]
    residual = anscombe(counts, np.full((30, 1), 7.0), np.ones(1), np.zeros((30, 1)))[:, 0]
    assert (np.diff(residual) > 0).all()
    assert residual[7] == pytest.approx(0.0)
