"""Scan statistics in space and time: by hand, against the plainest loop, and in simulated worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.detect import scan
from tocsin.detect.scan import zones
from tocsin.detect.scan.windows import _simulated_periods, window_maxima
from tocsin.model import ConfigError, MethodError

SEEDS = st.integers(0, 10_000)


def world(seed, n_times=6, n=8):
    rng = np.random.default_rng(seed)
    people = rng.integers(50, 400, (n_times, n)).astype(float)
    return rng.random((n, 2)), people, rng.poisson(people / 50).astype(float)


@given(SEEDS, st.sampled_from(scan.STATISTICS), st.booleans())
def test_scores_are_those_of_a_plain_loop(seed, name, margins):
    places, people, counts = world(seed)
    if not counts.sum():
        return
    circles = zones.prefixes(places, 4)
    found = scan.prospective(
        counts,
        circles,
        rng=np.random.default_rng(1),
        population=None if margins else people,
        statistic=name,
        longest=3,
        replicates=0,
    )
    total = counts.sum()
    if margins:
        base = counts.sum(1)[:, None] * counts.sum(0) / total
    else:
        base = total / len(counts) * people / people.sum(1)[:, None]
    assert len({frozenset(z) for z in found.zones}) == found.n_zones
    for row in range(3):
        for column, zone in enumerate(found.zones):
            c = counts[-1 - row :, list(zone)].sum()
            b = base[-1 - row :, list(zone)].sum()
            want = 0.0
            if c > b + 1e-9:
                want = c * math.log(c / b)
                if name == "eb_poisson":
                    want -= c - b
                elif c < total:
                    want += (total - c) * math.log((total - c) / (total - b))
            assert found.scores[row, column] == pytest.approx(want, rel=1e-9, abs=1e-9)
            if b > 0:
                assert found.inside[row, column] == pytest.approx(c / b)
                assert found.outside[row, column] == pytest.approx((total - c) / (total - b))


def planted(rng, n_times=20, n=25, season=False, uneven=False):
    """Areas on a grid; the last three periods are high in four neighbours."""
    side = np.arange(5.0)
    places = np.stack([x.ravel() for x in np.meshgrid(side, side)], 1) + rng.normal(0, 0.01, (n, 2))
    mean = np.full((n_times, n), 6.0)
    if season:
        mean *= np.linspace(0.5, 2.5, n_times)[:, None]
    if uneven:
        mean *= np.linspace(0.4, 1.6, n)
    counts = rng.poisson(mean).astype(float)
    struck = [0, 1, 5, 6]
    counts[-3:, struck] += rng.poisson(2 * mean[-3:, struck])
    return counts, zones.prefixes(places, 6), struck


@pytest.mark.parametrize("name", scan.STATISTICS)
def test_a_planted_outbreak_is_found_with_its_areas_and_its_duration(name):
    counts, circles, struck = planted(np.random.default_rng(4))
    found = scan.prospective(
        counts,
        circles,
        rng=np.random.default_rng(5),
        population=np.full(counts.shape, 100.0),
        statistic=name,
        longest=5,
        replicates=99,
    )
    assert set(found.clusters[0].members) >= set(struck)
    assert found.clusters[0].duration == 3
    assert found.clusters[0].p == 0.01
    assert found.clusters[0].population == 300.0 * len(found.clusters[0].members)


def test_margins_and_shuffled_times_are_proof_against_season_and_uneven_areas():
    """What all have in common, and what an area always has, is no cluster; against population it is one."""
    rng = np.random.default_rng(6)
    p = {"margins": [], "population": []}
    for _ in range(30):
        counts, circles, struck = planted(rng, season=True, uneven=True)
        counts[-3:, struck] = rng.poisson(counts[-6:-3, struck].mean())  # nothing planted after all
        for name, population in (("margins", None), ("population", np.ones(counts.shape))):
            found = scan.prospective(
                counts,
                circles,
                rng=rng,
                population=population,
                statistic="permutation" if population is None else "pb_poisson",
                longest=4,
                replicates=39,
            )
            p[name].append(found.clusters[0].p)
    assert np.mean(np.array(p["population"]) <= 0.05) > 0.9
    assert np.mean(np.array(p["margins"]) <= 0.05) < 0.3


@pytest.mark.parametrize("name", scan.STATISTICS)
def test_the_p_value_is_uniform_in_quiet_worlds(name):
    rng = np.random.default_rng(7)
    places, people, _ = world(7, 8, 10)
    circles = zones.prefixes(places, 4)
    if name == "permutation":
        people[:] = people[0]  # shuffled times suppose that each area's share does not change
    base = 200 / 8 * people / people.sum(1)[:, None]
    p = []
    for _ in range(150):
        counts = rng.poisson(base).astype(float)
        found = scan.prospective(
            counts,
            circles,
            rng=rng,
            population=people,
            statistic=name,
            longest=3,
            replicates=99,
        )
        p.append(found.clusters[0].p if found.clusters else 1.0)
    assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", ["pb_poisson", "permutation"])
def test_simulated_histories_keep_what_is_given(name):
    """All periods together: the total; by permutation also the cases of each area and of each period."""
    _, people, counts = world(9)
    base = scan.baseline(counts, people)
    total = int(counts.sum())
    drawn = np.stack(
        list(_simulated_periods(counts, base[::-1], total, name, 400, np.random.default_rng(2)))
    )  # newest first
    assert (drawn.sum((0, 2)) == total).all()
    if name == "permutation":
        assert (drawn.sum(0) == counts.sum(0)).all()
        assert (drawn.sum(2) == counts[::-1].sum(1)[:, None]).all()
        product = np.outer(counts.sum(1), counts.sum(0))[::-1] / total
        np.testing.assert_allclose(drawn.mean(1), product, atol=0.6)
    else:
        np.testing.assert_allclose(drawn.mean(1), base[::-1], rtol=0.15, atol=0.1)


def test_equal_maxima_count_unless_the_package_is_wanted():
    """A window as long as the data: no shuffle changes its score."""
    counts = np.array([[9.0, 1.0, 1.0], [9.0, 1.0, 1.0]])
    circles = zones.prefixes(np.array([[0.0], [1.0], [2.5]]), 1)
    words = {"population": np.ones((2, 3)), "statistic": "permutation", "longest": 2, "replicates": 99}
    own = scan.prospective(counts, circles, rng=np.random.default_rng(1), **words)
    package = scan.prospective(
        counts, circles, rng=np.random.default_rng(1), compatible=scan.SCANSTATISTICS, **words
    )
    assert own.clusters[0].duration == 2
    assert own.clusters[0].p == 1.0
    assert package.clusters[0].p < 0.5


def test_what_cannot_be_is_refused():
    counts, circles, rng = np.ones((3, 2)), zones.prefixes(np.zeros((2, 1)), 1), np.random.default_rng(1)
    with pytest.raises(ConfigError, match="statistic: got 'normal'"):
        scan.prospective(counts, circles, rng=rng, statistic="normal", longest=1)
    with pytest.raises(ConfigError, match="longest: got 4, allowed: 1 to the number of periods, 3"):
        scan.prospective(counts, circles, rng=rng, longest=4)
    with pytest.raises(ConfigError, match="compatible: got 'R'"):
        scan.prospective(counts, circles, rng=rng, longest=1, compatible="R")
    with pytest.raises(MethodError, match=r"counts of area 1 in period 2: got -1\.0"):
        scan.baseline(np.array([[1.0, 1], [1, 1], [1, -1]]), None)
    with pytest.raises(MethodError, match="population: got 0 in all areas of a period"):
        scan.baseline(counts, np.zeros((3, 2)))


def test_no_cases_at_all():
    circles = zones.prefixes(np.arange(3.0)[:, None], 2)
    found = scan.prospective(np.zeros((4, 3)), circles, rng=np.random.default_rng(1), longest=2)
    assert found.clusters == ()
    assert window_maxima(
        np.zeros((4, 3)), np.zeros((4, 3)), circles, rng=np.random.default_rng(1), statistic="pb_poisson",
        longest=2, replicates=3,
    ).tolist() == [0.0] * 3  # fmt: skip
