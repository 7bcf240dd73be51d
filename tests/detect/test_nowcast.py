"""Nowcasts: by hand, against closed forms, against simulation, and what is unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.detect import nowcast as nc
from tocsin.detect.triangle import Triangle
from tocsin.model import ConfigError, MethodError

R = "surveillance-1.20"
SHARES = np.array([0.2, 0.3, 0.25, 0.15, 0.1])


def simulated(rng, mean=30.0, dates=20, shares=SHARES, series=1):
    """The triangle known at the newest date, and the totals that come."""
    full = rng.multinomial(rng.poisson(mean, (dates, series)), shares).astype(float).transpose(0, 2, 1)
    counts = full.copy()
    counts[np.arange(len(shares))[None, :] > np.arange(dates)[::-1, None]] = 0
    return Triangle(counts=counts), full.sum(1)


def two_dates():
    # Six at once and two a day later; the next day three at once.
    return Triangle(counts=np.array([[[6.0], [2.0]], [[3.0], [0.0]]]))


def test_by_hand_lawless():
    # g_1 = 2 / 8, so W(0) = .75 and 4 are expected; reports to come: 3 * .25 / .75^2 = 4/3;
    # error of W: (3 / .75)^2 * .25 / (8 * .75) = 2/3.
    estimate, sd = nc.corrected(np.array([3.0]), nc.Delays.of(two_dates()))
    assert estimate[0] == pytest.approx(4.0)
    assert sd[0] == pytest.approx(np.sqrt(4 / 3 + 2 / 3))


def test_by_hand_the_mass_of_lawless_is_a_cut_off_normal():
    found = nc.nowcast(two_dates(), nc.Nowcast(most=40))
    law = stats.norm(4.0, np.sqrt(2.0))
    edges = law.cdf(np.arange(42) - 0.5)
    want = np.where(np.arange(41) < 3, 0, np.diff(edges)) / law.sf(2.5)
    np.testing.assert_allclose(found.mass[1], want, atol=1e-14)
    assert found.mass[0].tolist() == [float(k == 8) for k in range(41)]


def test_by_hand_the_compatible_mass_has_neither_the_term_nor_the_norm():
    found = nc.nowcast(two_dates(), nc.Nowcast(most=40, compatible=R))
    law = stats.norm(4.0, np.sqrt(4 / 3))
    assert found.mass[1, 3] == pytest.approx(law.cdf(3) / law.sf(3))
    assert found.mass[1, 5] == pytest.approx((law.cdf(5) - law.cdf(4)) / law.sf(3))
    assert found.mass_sum[1] == pytest.approx(1 / law.sf(3))
    assert found.mass_sum[1] > 1.1


@pytest.mark.parametrize("method", [m for m in nc.METHODS if m != "unif"])
def test_delay_distribution_rises_to_one(method):
    known, _ = simulated(np.random.default_rng(1))
    cdf = nc.delay_cdf(known, nc.Nowcast(method=method))[:, 0]
    assert (np.diff(cdf) >= 0).all()
    assert cdf[-1] == 1
    assert cdf[0] > 0


@pytest.mark.parametrize("method", ["lawless", "bayes.trunc"])
def test_the_delays_are_found(method):
    known, _ = simulated(np.random.default_rng(2), mean=3000.0, dates=60)
    cdf = nc.delay_cdf(known, nc.Nowcast(method=method))[:, 0]
    np.testing.assert_allclose(cdf, np.cumsum(SHARES), atol=0.01)


def test_beta_negative_binomial_is_a_mixture_of_negative_binomials():
    known, _ = simulated(np.random.default_rng(3))
    settings = nc.Nowcast(method="bayes.notrunc.bnb", most=400)
    found = nc.nowcast(known, settings)
    weight = 0.1 + known.counts[:, :, 0].sum(0)
    row, n = -2, known.reported[-2, 0]  # one period old
    share = stats.beta(weight[:2].sum(), weight[2:].sum()).ppf((np.arange(40000) + 0.5) / 40000)
    want = stats.nbinom.pmf(np.arange(60)[:, None], n + 1, share).mean(1)
    np.testing.assert_allclose(found.mass[row, int(n) : int(n) + 60], want, rtol=1e-4, atol=1e-9)


def test_closed_form_equals_the_mass():
    known, _ = simulated(np.random.default_rng(4), mean=60.0)
    settings = nc.Nowcast(method="bayes.notrunc.bnb", most=3000)
    found = nc.nowcast(known, settings)
    estimate, sd = nc.corrected(known.reported, nc.Delays.of(known), known.ages, settings)
    np.testing.assert_allclose(estimate[:, 0], found.mean, rtol=1e-6)
    np.testing.assert_allclose(sd[:, 0], found.sd, rtol=1e-4, atol=1e-6)


def test_monte_carlo_equals_bayes_by_the_rule_when_the_delay_is_certain():
    # So many old dates that the share is known: the posterior is binomial thinning of the prior.
    counts = np.zeros((400, 2, 1))
    counts[:, 0], counts[:-1, 1] = 600.0, 400.0
    counts[-1, 0] = 7.0
    settings = nc.Nowcast(method="bayes.trunc", most=120, prior_mean=20.0, prior_variance=50.0)
    with pytest.raises(ConfigError, match="most"):
        nc.nowcast(Triangle(counts=counts), settings, np.random.default_rng(1))
    settings = nc.Nowcast(method="bayes.trunc", most=1000, prior_mean=20.0, prior_variance=50.0)
    found = nc.nowcast(Triangle(counts=counts), settings, np.random.default_rng(1))
    totals = np.arange(1001)
    want = stats.nbinom.pmf(totals, 8.0, 0.4 / 1.4) * stats.binom.pmf(7, totals, 0.6)
    np.testing.assert_allclose(found.mass[-1], want / want.sum(), atol=2e-4)


@pytest.mark.parametrize("method", ["bayes.notrunc", "bayes.trunc"])
def test_monte_carlo_is_a_matter_of_the_generator_only(method):
    known, _ = simulated(np.random.default_rng(5))
    settings = nc.Nowcast(method=method, most=300)
    one, two, other = (nc.nowcast(known, settings, np.random.default_rng(s)).mass for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    with pytest.raises(MethodError, match="generator"):
        nc.nowcast(known, settings)


def test_uniform_reaches_a_level_only_by_exceeding_it():
    found = nc.nowcast(two_dates(), nc.Nowcast(method="unif", most=102))
    # From 3 to 102: a hundred totals.
    assert found.quantiles([0.5])[1].tolist() == [53.0]


def test_the_correct_lawless_covers_what_the_compatible_does_not():
    """The faults of R matter: intervals of 90 % are too narrow where little is known."""
    rng = np.random.default_rng(6)
    inside = {"": 0, R: 0}
    asked = {"": 0, R: 0}
    slow = np.array([0.04, 0.08, 0.16, 0.22, 0.2, 0.14, 0.1, 0.06])
    for _ in range(150):
        known, total = simulated(rng, mean=15.0, dates=20, shares=slow)
        for compatible in inside:
            settings = nc.Nowcast(most=600, compatible=compatible)
            low, high = nc.nowcast(known, settings).quantiles([0.05, 0.95])[-3:-1].T
            told = np.isfinite(low)
            asked[compatible] += int(told.sum())
            inside[compatible] += int(((low <= total[-3:-1, 0]) & (total[-3:-1, 0] <= high))[told].sum())
    assert inside[""] / asked[""] > 0.87
    assert inside[R] / asked[R] < 0.8


def test_nothing_reported_is_unknown_not_none():
    counts = np.zeros((6, 3, 2))
    counts[:-2, :, 0] = 4.0
    counts[-1, 0, 1] = 5.0
    delays = nc.Delays.of(Triangle(counts=counts))
    estimate, sd = nc.corrected(np.array([0.0, 5.0]), delays)
    assert np.isnan(estimate).all()  # no report yet; no delay ever seen
    assert np.isnan(sd).all()
    alone = Triangle(counts=counts[:, :, :1])
    assert np.isnan(nc.nowcast(alone, nc.Nowcast()).mass[-1]).all()
    assert nc.nowcast(alone, nc.Nowcast(compatible=R)).mass[-1, 0] == 1


def test_a_missing_date_stays_missing_and_teaches_nothing():
    known, _ = simulated(np.random.default_rng(7))
    counts = known.counts.copy()
    counts[5] = np.nan
    holed = Triangle(counts=counts)
    for method in nc.METHODS:
        found = nc.nowcast(holed, nc.Nowcast(method=method), np.random.default_rng(1))
        assert np.isnan(found.mean[5])
        assert np.isfinite(found.mean[[4, 6]]).all()
    np.testing.assert_array_equal(nc.Delays.of(holed).reports[0], np.nansum(counts[:, 0], 0))


@given(st.integers(0, 2**32), st.integers(0, 12))
def test_series_together_are_series_alone(seed, window):
    known, _ = simulated(np.random.default_rng(seed), series=3)
    for method in nc.CLOSED:
        settings = nc.Nowcast(method=method, window=window)
        together = nc.corrected(known.reported, nc.Delays.of(known, window), known.ages, settings)
        for column in range(3):
            alone = Triangle(counts=known.counts[:, :, [column]])
            each = nc.corrected(alone.reported, nc.Delays.of(alone, window), alone.ages, settings)
            for got, want in zip(together, each, strict=True):
                np.testing.assert_allclose(got[:, [column]], want, rtol=1e-12)


@given(st.integers(0, 2**32))
def test_an_estimate_is_never_below_what_is_reported(seed):
    known, _ = simulated(np.random.default_rng(seed), mean=8.0)
    for method in nc.METHODS:
        settings = nc.Nowcast(method=method, most=400, draws=20)
        found = nc.nowcast(known, settings, np.random.default_rng(1))
        told = np.isfinite(found.mean)
        assert (found.mean[told] >= known.reported[told, 0] - 1e-9).all()
        assert (found.mass[told] >= 0).all()
        assert (found.mass_sum[told] <= 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "lawles"}, "Did you mean 'lawless'"),
        ({"compatible": "R"}, "compatible"),
        ({"most": 0}, "most"),
        ({"kappa": -1}, "kappa"),
        ({"window": -2}, "window"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        nc.Nowcast(**settings)


def test_several_series_have_no_mass_at_once():
    known, _ = simulated(np.random.default_rng(8), series=2)
    with pytest.raises(ConfigError, match="series: got 2"):
        nc.nowcast(known, nc.Nowcast())
    with pytest.raises(ConfigError, match="method"):
        nc.corrected(known.reported, nc.Delays.of(known), known.ages, nc.Nowcast(method="unif"))
    with pytest.raises(MethodError, match="unif"):
        nc.delay_cdf(known, nc.Nowcast(method="unif"))
