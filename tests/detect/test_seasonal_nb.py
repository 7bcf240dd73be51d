"""The default method for counts: against closed forms, a batch fit, and what it promises."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import optimize, stats

from tocsin.detect.contract import Now
from tocsin.detect.methods.seasonal_nb import SeasonalNb
from tocsin.detect.study import negative_binomial
from tocsin.model import ConfigError, to_us

WEEK_US = 7 * 86_400_000_000
BEGIN = to_us(datetime(1990, 1, 1, tzinfo=UTC))
LEVEL = {"periods": (), "harmonics": (), "drift": 0.0, "trend": 0.0}


def steps(detector, values, state=None, first=0):
    """Step through values, shape (n_times, n) or (n_times,); the last state and every step."""
    values = values.reshape(len(values), -1).astype(float)
    state = detector.start(values.shape[1]) if state is None else state
    out = []
    for row, value in enumerate(values):
        now = Now(time=BEGIN + (first + row) * WEEK_US, season=np.zeros(values.shape[1], np.int64))
        state, step = detector.step(state, value.copy(), now)
        out.append(step)
    return state, out


def test_the_odds_of_one_count_by_hand():
    """Prior odds times the ratio of two negative binomials, with scipy as the oracle."""
    detector = SeasonalNb(**LEVEL, sizes=(2.0,), enter=0.02, stay=(0.4,), least=1, calibrate=False)
    state, _ = steps(detector, np.full(30, 10.0))
    odds = float(state["odds"][0, 0])
    phi = float(state["dispersion"][0])
    var = float(state["cov"][0, 0, 0])
    _, (step,) = steps(detector, np.array([17.0]), state, first=30)
    mean = float(step.expected[0])
    spread = phi + mean / (1 / var + 0.5)
    before = (0.4 * odds + 0.02) / (0.98 + 0.6 * odds)
    size = mean / (spread - 1)
    more = 2.0 * np.sqrt(spread * mean) / (spread - 1)
    ratio = stats.nbinom.pmf(17, size + more, 1 / spread) / stats.nbinom.pmf(17, size, 1 / spread)
    after = before * ratio
    assert step.details["outbreak_probability"][0] == pytest.approx(after / (1 + after), rel=1e-9)
    assert step.tail[0] == pytest.approx(min(1, 0.02 / (1 - 0.02 - 0.4) / after), rel=1e-9)


def test_without_drift_a_level_is_the_gamma_posterior_of_its_counts():
    """Closed form: the mean of all counts. What may be an outbreak weighs less: that costs a percent."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(12.0, (400, 30))
    _, out = steps(SeasonalNb(**LEVEL), counts)
    ratio = out[-1].expected / counts[:-1].mean(0)
    assert ratio.mean() == pytest.approx(0.99, abs=0.01)
    assert np.abs(ratio - ratio.mean()).max() < 0.01
    _, out = steps(SeasonalNb(**LEVEL, enter=1e-12), counts)  # nothing is ever taken for an outbreak
    np.testing.assert_allclose(out[-1].expected, counts[:-1].mean(0), rtol=0.01)


def test_it_agrees_with_a_batch_fit_of_the_same_model():
    """Maximum likelihood of level, trend and two harmonics on all weeks, by scipy."""
    rng = np.random.default_rng(4)
    week = np.arange(520)
    angle = 2 * np.pi * ((BEGIN + week * WEEK_US) / (365.2425 * 86_400_000_000) % 1)
    x = np.stack(
        [np.ones(520), week / 520, np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]
    )
    mean = np.exp(np.array([3.0, 0.5, 0.5, -0.3, 0.1, 0.0]) @ x)
    counts = negative_binomial(rng, mean[:, None], np.array([2.0]))
    fit = optimize.minimize(
        lambda b: float(np.exp(b @ x).sum() - counts[:, 0] @ (b @ x)), np.array([3.0, 0, 0, 0, 0, 0])
    )
    batch = np.exp(fit.x @ x)[-52:]
    _, out = steps(SeasonalNb(drift=0.0), counts)
    ours = np.array([step.expected[0] for step in out[-52:]])
    assert np.abs(np.log(ours / batch)).mean() < 0.03
    assert out[-1].details["dispersion"][0] == pytest.approx(2.0, rel=0.25)
    assert out[-1].details["trend"][0] == pytest.approx(0.5 / 520, abs=6e-4)


def test_the_nominal_tail_is_an_upper_bound_in_normal_times():
    rng = np.random.default_rng(5)
    counts = negative_binomial(rng, np.full((300, 400), 8.0), np.full(400, 1.5))
    _, out = steps(SeasonalNb(calibrate=False), counts)
    tail = np.stack([step.tail for step in out[150:]])
    for limit in (0.1, 0.01, 0.001):
        assert (tail <= limit).mean() <= limit
    assert (tail <= 0.1).mean() > 0.01  # and not an empty one


def test_an_outbreak_is_found_at_once_or_by_what_builds_up():
    rng = np.random.default_rng(6)
    quiet = rng.poisson(20.0, (150, 3)).astype(float)
    sharp = np.array([60.0, 20, 20, 20, 20, 20])
    slow = np.full(6, 33.0)  # about three standard deviations, week after week
    rest = np.full(6, 20.0)
    _, out = steps(SeasonalNb(), np.vstack([quiet, np.stack([sharp, slow, rest], 1)]))
    alarm = np.stack([step.alarm for step in out[150:]])
    assert alarm[0].tolist() == [True, False, False]
    assert alarm[:, 1].any()
    assert not alarm[:, 2].any()
    last = out[-1]
    assert last.window[1] >= 4
    assert last.total[1] == pytest.approx(33.0 * last.window[1])
    assert last.total_expected[1] == pytest.approx(20.0 * last.window[1], rel=0.15)


def test_an_outbreak_is_not_learned_as_normal_until_it_has_lasted():
    rng = np.random.default_rng(7)
    quiet = rng.poisson(30.0, 150)
    detector = SeasonalNb(absorb=20)
    _, out = steps(detector, np.concatenate([quiet, rng.poisson(90.0, 60)]))
    expected = np.array([step.expected[0] for step in out])
    assert expected[150 + 10] == pytest.approx(30, rel=0.15)
    assert expected[-1] == pytest.approx(90, rel=0.15)
    assert not out[-1].alarm[0]


def test_a_report_that_fails_to_come_does_not_pull_the_level_down():
    rng = np.random.default_rng(8)
    counts = rng.poisson(200.0, 160).astype(float)
    _, before = steps(SeasonalNb(), counts)
    _, after = steps(SeasonalNb(), np.concatenate([counts[:155], [0.0], counts[156:]]))
    assert after[-1].expected[0] == pytest.approx(before[-1].expected[0], rel=0.03)


def test_a_missing_row_is_as_missing_values():
    rng = np.random.default_rng(9)
    counts = rng.poisson(40.0, (200, 2)).astype(float)
    detector = SeasonalNb()
    held, _ = steps(detector, counts)
    jumped = {name: array.copy() for name, array in held.items()}
    held, _ = steps(detector, np.full((9, 2), np.nan), held, first=200)
    _, (filled,) = steps(detector, np.full((1, 2), 55.0), held, first=209)
    _, (gap,) = steps(detector, np.full((1, 2), 55.0), jumped, first=209)
    np.testing.assert_allclose(gap.expected, filled.expected, rtol=1e-3)
    np.testing.assert_allclose(
        gap.details["outbreak_probability"], filled.details["outbreak_probability"], rtol=0.05
    )


@pytest.mark.parametrize("bad", [-1.0, -0.5, np.inf, -np.inf])
def test_a_value_that_is_no_count_is_unknown_and_does_not_teach(bad):
    rng = np.random.default_rng(10)
    counts = rng.poisson(10.0, 60).astype(float)
    with_nan, with_bad = counts.copy(), counts.copy()
    with_nan[40], with_bad[40] = np.nan, bad
    one, steps_nan = steps(SeasonalNb(), with_nan)
    two, steps_bad = steps(SeasonalNb(), with_bad)
    assert np.isnan(steps_bad[40].tail[0])
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert steps_bad[-1].tail[0] == steps_nan[-1].tail[0]


@settings(max_examples=40)
@given(hnp.arrays(float, (60, 2), elements=st.one_of(st.integers(0, 10**6).map(float), st.just(np.nan))))
def test_whatever_comes_tails_are_probabilities_and_the_covariance_is_one(values):
    state, out = steps(SeasonalNb(least=5), values)
    tail = np.stack([step.tail for step in out])
    known = np.isfinite(tail)
    assert ((tail[known] >= 0) & (tail[known] <= 1)).all()
    assert np.isnan(tail[np.isnan(values)]).all()
    cov = np.moveaxis(state["cov"], 2, 0)
    np.testing.assert_allclose(cov, np.swapaxes(cov, 1, 2), atol=1e-9)
    assert np.linalg.eigvalsh(cov).min() > -1e-9


def test_hours_have_the_season_of_the_day():
    rng = np.random.default_rng(11)
    hours = np.arange(24 * 60)
    mean = np.exp(2.0 + np.cos(2 * np.pi * hours / 24))
    detector = SeasonalNb(step_days=1 / 24, periods=(1.0,), harmonics=(2,), drift=0.002, trend=0.0)
    state = detector.start(1)
    expected = []
    for hour, count in enumerate(rng.poisson(mean).astype(float)):
        now = Now(time=hour * 3_600_000_000, season=np.zeros(1, np.int64))
        state, step = detector.step(state, np.array([count]), now)
        expected.append(float(step.expected[0]))
    assert np.abs(np.log(np.array(expected[-24:]) / mean[-24:])).max() < 0.15


@pytest.mark.parametrize(
    "wrong",
    [
        {"step_days": 0.0},
        {"harmonics": (1, 2)},
        {"harmonics": (1.5,)},
        {"harmonics": (0,)},
        {"periods": (-7.0,)},
        {"sizes": ()},
        {"sizes": (0.0,)},
        {"stay": (0.5, 0.6, 0.995)},
        {"stay": (0.5,)},
        {"probable": 1.0},
        {"drift": -0.1},
        {"absorb": 0},
    ],
)
def test_a_bad_setting_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SeasonalNb(**wrong)
