"""Scan statistics on a map: by hand, against the plainest loop, and in simulated worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.detect import fast, scan
from tocsin.detect.scan import statistic, zones
from tocsin.detect.scan.space import null_maxima, null_of, simulated
from tocsin.model import ConfigError, MethodError

SEEDS = st.integers(0, 10_000)


def world(seed, n, rate=0.05):
    rng = np.random.default_rng(seed)
    people = rng.integers(20, 400, n).astype(float)
    return rng.random((n, 2)), people, rng.binomial(people.astype(int), rate).astype(float)


def binomial_loglik(cases, trials, p):
    return float(stats.binom.logpmf(cases, trials, p)) - float(
        stats.binom.logpmf(cases, trials, cases / trials)
    )


def test_scores_by_hand():
    """6 where 2 of 10 are expected: 6 log 3 + 4 log(4/8)."""
    got = scan.scores(np.array([6.0]), np.array([2.0]), 10.0, model="poisson")
    assert got[0] == pytest.approx(6 * math.log(3) + 4 * math.log(0.5), rel=1e-14)
    free = scan.scores(np.array([6.0]), np.array([2.0]), 10.0, model="free")
    assert free[0] == pytest.approx(6 * math.log(3) - 4, rel=1e-14)


@given(st.integers(0, 30), st.integers(31, 60), st.integers(0, 30), st.integers(31, 90))
def test_a_bernoulli_score_is_a_ratio_of_likelihoods(inside, n_inside, outside, n_outside):
    total, trials = inside + outside, n_inside + n_outside
    got = scan.scores(
        np.array([float(inside)]),
        np.array([n_inside * total / trials]),
        float(total),
        model="bernoulli",
        trials=float(trials),
    )[0]
    pooled = total / trials
    if inside / n_inside <= outside / n_outside + 1e-12:
        assert got <= 1e-9
    else:
        want = -binomial_loglik(inside, n_inside, pooled) - binomial_loglik(outside, n_outside, pooled)
        assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


@given(SEEDS, st.sampled_from(["poisson", "bernoulli", "free"]), st.booleans())
def test_maxima_are_those_of_the_plain_scores(seed, model, connected):
    """Sparing logarithms loses nothing; the largest score is the same with numpy and compiled."""
    places, people, _ = world(seed, 12)
    rng = np.random.default_rng(seed)
    found = (
        zones.flexible(places, 5, zones.links(places, 3)) if connected else zones.circles(places, people, 0.5)
    )
    tables = rng.multinomial(60, people / people.sum(), 40).astype(float)
    expected = people / people.sum() * 60
    words = {"model": model, "trials": float(people.sum())}
    got = statistic.maxima(found, tables, expected, 60.0, **words)
    inside = found.sums(expected)
    want = [scan.scores(found.sums(row), inside, 60.0, **words).max() for row in tables]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@given(SEEDS, st.sampled_from(["poisson", "bernoulli", "free"]))
def test_numpy_and_compiled_loops_agree(seed, model):
    if not fast.COMPILED:
        pytest.skip("numba is not installed")
    places, people, _ = world(seed, 12)
    found = zones.circles(places, people, 0.5)
    tables = np.random.default_rng(seed).multinomial(50, people / people.sum(), 300).astype(float)
    inside = np.cumsum((people / people.sum() * 50)[found.order], 1)
    kind = statistic._kind(model)
    weight = statistic._chi(inside, 50.0, kind, people.sum())
    compiled = np.zeros(300)
    statistic._nested_loop(
        found.order, found.sizes, inside, weight, tables, kind, 50.0, float(people.sum()), compiled
    )
    columns = statistic._nested_columns(
        found, tables, inside, weight, 50.0, kind, float(people.sum()), np.zeros(300)
    )
    np.testing.assert_allclose(compiled, columns, rtol=1e-12)


def test_counts_too_large_for_single_precision():
    places, people, _ = world(3, 8)
    found = zones.circles(places, people, 0.5)
    tables = np.random.default_rng(3).multinomial(10**9, people / people.sum(), 20).astype(float)
    expected = people / people.sum() * 1e9
    weight = statistic._chi(np.cumsum(expected[found.order], 1), 1e9, 0, math.nan)
    got = statistic._nested_columns(
        found, tables, np.cumsum(expected[found.order], 1), weight, 1e9, 0, math.nan, np.zeros(20)
    )
    want = [scan.scores(found.sums(row), found.sums(expected), 1e9, model="poisson").max() for row in tables]
    np.testing.assert_allclose(got, want, rtol=1e-6)


@given(st.integers(1, 50), st.integers(1, 6))
def test_cumulative_sums_by_chunks(rows, columns):
    counts = np.random.default_rng(rows).integers(0, 9, (rows, columns)).astype(np.float32)
    np.testing.assert_array_equal(statistic._running(counts), np.cumsum(counts, 0))


# -- clusters ----------------------------------------------------------------------------------------------


def planted(seed=1, model="poisson"):
    """A hundred areas of a thousand people, 2 cases each; two clusters far from each other."""
    side = np.arange(10.0)
    places = np.stack([x.ravel() for x in np.meshgrid(side, side)], 1)
    places = places + np.random.default_rng(0).normal(0, 0.01, places.shape)
    people = np.full(100, 1000.0)
    cases = np.random.default_rng(seed).poisson(2.0, 100).astype(float)
    first, second = (np.hypot(*(places - p).T) < 1.5 for p in ((1, 1), (8, 8)))
    cases[first] += 7
    cases[second] += 5
    return (
        cases,
        people,
        zones.circles(places, people, 0.3),
        set(np.flatnonzero(first)),
        set(np.flatnonzero(second)),
    )


@pytest.mark.parametrize("model", scan.MODELS)
def test_two_planted_clusters_are_found_and_nothing_else(model):
    cases, people, circles, first, second = planted()
    found = scan.clusters(cases, people, circles, rng=np.random.default_rng(5), model=model, replicates=199)
    assert [set(one.members) for one in found.clusters] == [first, second]
    for one in found.clusters:
        assert one.p == 1 / 200
        assert one.p_gumbel < 1e-4
        assert one.cases == cases[list(one.members)].sum()
        assert one.relative_risk == pytest.approx(one.cases / (cases.sum() * 9 / 100))


@given(SEEDS)
def test_clusters_never_overlap_and_fall_in_score(seed):
    places, people, cases = world(seed, 25)
    circles = zones.circles(places, people, 0.5)
    found = scan.clusters(cases, people, circles, rng=np.random.default_rng(1), replicates=0)
    members = [m for one in found.clusters for m in one.members]
    assert len(members) == len(set(members))
    falls = [one.statistic for one in found.clusters]
    assert falls == sorted(falls, reverse=True)
    assert all(math.isnan(one.p) for one in found.clusters)


def test_the_p_value_is_uniform_in_quiet_worlds():
    """200 maps with nothing planted: the p-value of the best cluster is uniform, by rank and by Gumbel."""
    places, people, _ = world(7, 20)
    circles = zones.circles(places, people, 0.5)
    rng = np.random.default_rng(8)
    p, gumbel = [], []
    for _ in range(200):
        cases = rng.multinomial(80, people / people.sum()).astype(float)
        best = scan.clusters(cases, people, circles, rng=rng, replicates=199).clusters[0]
        p.append(best.p)
        gumbel.append(best.p_gumbel)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert stats.kstest(gumbel, "uniform").pvalue > 1e-3


def test_an_expectation_from_outside_explains_a_cluster_away():
    cases, people, circles, first, second = planted()
    expected = np.where(np.isin(np.arange(100), list(first)), 9.0, 2.0) * 3  # any factor
    found = scan.clusters(
        cases, people, circles, rng=np.random.default_rng(5), expected=expected, replicates=199
    )
    assert set(found.clusters[0].members) == second


def test_bernoulli_replicates_stay_within_the_trials():
    people, cases = np.array([2.0, 5.0, 40.0]), np.array([2.0, 4.0, 30.0])
    null = null_of(cases, people, model="bernoulli")
    tables = simulated(null, people, model="bernoulli", replicates=500, rng=np.random.default_rng(2))
    assert (tables <= people).all()
    assert (tables.sum(1) == 36).all()
    assert tables.mean(0) == pytest.approx(null.expected, rel=0.05)


def test_whole_totals_change_the_order_of_the_package_and_not_the_score():
    cases, people, circles, *_ = planted()
    part = cases + 0.009  # 0.9 cases in all are cut away
    own = scan.top_zones(part, people, circles, limit=30)
    package = scan.top_zones(part, people, circles, limit=30, compatible=scan.SPATIALEPI)
    assert [s for _, s in own] == sorted((s for _, s in own), reverse=True)
    everything = {tuple(m): s for m, s in scan.top_zones(part, people, circles, limit=10**6)}
    assert all(everything[tuple(m)] == s for m, s in package)


def test_nobody_ill_is_no_cluster():
    places, people, _ = world(2, 10)
    circles = zones.circles(places, people, 0.5)
    found = scan.clusters(np.zeros(10), people, circles, rng=np.random.default_rng(1))
    assert found.clusters == ()
    null = null_of(np.zeros(10), people, model="poisson")
    assert (
        null_maxima(
            circles, null, people, model="poisson", replicates=5, rng=np.random.default_rng(1)
        ).tolist()
        == [0.0] * 5
    )


def test_what_cannot_be_is_refused():
    people = np.array([10.0, 0.0])
    for cases, words, message in (
        ([1.0, -1.0], {}, "cases of area 1: got -1"),
        ([1.0, np.nan], {}, "cases of area 1: got nan"),
        ([1.0, 1.0], {}, r"area 1: got 1\.0 cases where none can be"),
        ([11.0, 0.0], {"model": "bernoulli"}, "area 0: got 11"),
    ):
        with pytest.raises(MethodError, match=message):
            null_of(np.array(cases), people, **({"model": "poisson"} | words))
    with pytest.raises(MethodError, match="population: got 0 in all"):
        null_of(np.zeros(2), np.zeros(2), model="poisson")
    with pytest.raises(ConfigError, match="model: got 'gauss'"):
        null_of(np.zeros(2), people, model="gauss")
    with pytest.raises(ConfigError, match="compatible: got 'R'"):
        scan.top_zones(np.zeros(2), people, zones.prefixes(np.zeros((2, 2)), 1), compatible="R")


def test_a_gumbel_tail_of_gumbel_maxima():
    draws = stats.gumbel_r.rvs(5, 1.5, 4000, random_state=np.random.default_rng(9))
    got = scan.gumbel_tail(draws, np.array([5.0, 10.0, 20.0]))
    want = stats.gumbel_r.sf([5.0, 10.0, 20.0], 5, 1.5)
    np.testing.assert_allclose(np.log(got), np.log(want), atol=0.5)
    assert np.isnan(scan.gumbel_tail(np.array([1.0]), 3.0))
    assert scan.gumbel_tail(np.array([2.0, 2.0]), np.array([2.0, 3.0])).tolist() == [1.0, 0.0]
