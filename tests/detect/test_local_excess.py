"""Small areas held against their past and those around: by hand, by quadrature, in simulated worlds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tocsin.detect.contract import Now
from tocsin.detect.methods.local_excess import LocalExcess, _at_least
from tocsin.model import ConfigError


def now(people, t=0):
    n = len(people)
    given = {"population": people, "x": np.arange(n, dtype=float), "y": np.zeros(n)}
    return Now(time=t, season=np.zeros(n, np.int64), given=given)


def run(detector, table, people):
    state = detector.start(table.shape[1])
    for t, row in enumerate(table):
        state, step = detector.step(state, row, now(people, t))
    return step


def test_the_tail_is_the_mixture_of_poisson_tails():
    """A gamma mixture of Poisson counts, by quadrature."""
    size, mean = 7.5, 4.2
    for y in (1, 4, 11):
        want = integrate.quad(
            lambda rate, y=y: stats.gamma.pdf(rate, size, scale=mean / size) * stats.poisson.sf(y - 1, rate),
            0,
            60,
        )[0]
        got = _at_least(np.array([float(y)]), np.array([mean]), np.array([size]))[0]
        assert got == pytest.approx(want, rel=1e-6)
    assert _at_least(np.zeros(1), np.ones(1), np.ones(1)).tolist() == [1.0]


def test_by_hand_where_all_rates_are_equal():
    """Variance 0: the prior is as firm as may be, the expectation the nation's rate with half a case more."""
    people = np.array([100.0, 200.0, 100.0])
    table = np.array([[1.0, 2, 1]] * 10 + [[1.0, 2, 5]])
    step = run(LocalExcess(prior="nation", least=4, calibrate=False), table, people)
    rate = (40 + 0.5) / 4000
    np.testing.assert_allclose(step.expected, people * rate, rtol=1e-4)
    assert step.tail[2] == pytest.approx(stats.poisson.sf(4, 100 * rate), rel=1e-3)
    assert step.alarm.tolist() == [False, False, True]


def test_a_small_area_leans_on_the_others_and_a_large_one_on_itself():
    rng = np.random.default_rng(41)
    people = np.array([20.0] * 5 + [20_000.0] * 5)
    rates = np.array([0.02] * 5 + [0.01, 0.015, 0.02, 0.025, 0.03])
    table = rng.poisson(rates * people / 10, (31, 10)).astype(float)
    table[:, 0] = 0.0  # a small area that never saw a case
    step = run(LocalExcess(prior="nation", window=30, calibrate=False), table, people)
    rate = 10 * step.expected / people
    np.testing.assert_allclose(rate[5:], rates[5:], rtol=0.1)
    assert 0.005 < rate[0] < 0.02


def test_neighbours_are_another_prior_than_the_nation():
    rng = np.random.default_rng(42)
    people = np.full(20, 200.0)
    mean = np.where(np.arange(20) < 10, 0.2, 4.0)  # the east has twenty times the rate
    table = rng.poisson(mean, (31, 20)).astype(float)
    words = {"window": 30, "calibrate": False}
    table[:-1, 2] = np.nan  # nothing known of this one so far
    table[-1, 2] = 4.0
    near = run(LocalExcess(nearest=5, **words), table, people)
    nation = run(LocalExcess(prior="nation", **words), table, people)
    assert near.expected[2] < 0.5 < nation.expected[2]
    assert near.tail[2] < 0.01 < nation.tail[2]


def test_a_rise_of_all_is_no_excess_when_it_is_common():
    rng = np.random.default_rng(43)
    people = np.full(30, 1000.0)
    table = rng.poisson(8.0, (25, 30)).astype(float)
    table[-1] = rng.poisson(24.0, 30)
    table[-1, 7] += 30
    words = {"calibrate": False, "prior": "nation"}
    alone = run(LocalExcess(**words), table, people)
    common = run(LocalExcess(common=True, **words), table, people)
    assert (alone.tail < 0.01).mean() > 0.8
    assert (np.delete(common.tail, 7) < 0.01).mean() < 0.15
    assert common.tail[7] < 1e-4


def test_missing_negative_and_uninhabited_are_unknown():
    people = np.array([100.0, 100.0, 0.0, np.nan, 100.0])
    table = np.full((12, 5), 2.0)
    table[-1] = [np.nan, -1.0, 2.0, 2.0, 2.0]
    step = run(LocalExcess(nearest=3), table, people)
    assert np.isnan(step.tail).tolist() == [True, True, True, True, False]
    assert not step.alarm[:4].any()
    early = run(LocalExcess(least=20), table, people)
    assert np.isnan(early.tail).all()


def test_a_negative_count_teaches_nothing():
    people, table = np.full(4, 100.0), np.full((12, 4), 3.0)
    broken = table.copy()
    broken[5, 1] = -40.0
    gap = table.copy()
    gap[5, 1] = np.nan
    np.testing.assert_array_equal(
        run(LocalExcess(), broken, people).expected, run(LocalExcess(), gap, people).expected
    )


def test_nominal_tails_are_right_in_a_world_of_the_model():
    """Tails of discrete counts made continuous by a draw between P(Y >= y) and P(Y > y) are uniform."""
    rng = np.random.default_rng(44)
    people = rng.integers(50, 500, 400).astype(float)
    rate = rng.gamma(4.0, 0.01, 400)
    table = rng.poisson(rate * people, (41, 400)).astype(float)
    step = run(LocalExcess(prior="nation", window=40, calibrate=False), table, people)
    more = _at_least(table[-1] + 1, step.expected, step.details["shape"])
    assert stats.kstest(more + rng.random(400) * (step.tail - more), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"prior": "county"}, "prior: got 'county'"),
        ({"nearest": 1}, "nearest: got 1, allowed: at least 2"),
        ({"window": 0}, "window: got 0"),
        ({"alpha": 1.5}, "alpha: got 1.5"),
    ],
)
def test_bad_settings_are_refused(words, message):
    with pytest.raises(ConfigError) as refused:
        LocalExcess(**words)
    assert message in str(refused.value)
