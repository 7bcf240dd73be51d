"""SPOT and DSPOT: tails against a batch fit and the true distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.detect.readings import column, same, steps
from tocsin.detect.methods.dspot import Dspot
from tocsin.detect.methods.spot import Spot
from tocsin.model import ConfigError
from tocsin.stats import extremes


def test_the_tail_is_that_of_a_batch_fit():
    """After the training phase and 80 more values, refitted at every peak: the fit of all excesses."""
    rng = np.random.default_rng(1)
    values = rng.standard_t(4, 280)
    detector = Spot(phase1=200, level=0.9, risk=1e-6, lightest=-0.5, calibrate=False)
    state, _ = steps(detector, values)
    threshold = np.quantile(values[:200], 0.9)
    excess = values[values > threshold] - threshold
    fit = extremes.gpd_fit(excess)
    _, (step,) = steps(detector, [threshold + 3.0], state)
    tail = len(excess) / 280 * stats.genpareto.sf(3.0, fit.shape[0], scale=fit.scale[0])
    assert step.tail[0] == pytest.approx(tail, rel=1e-6)
    limit = threshold + stats.genpareto.isf(1e-6 * 280 / len(excess), fit.shape[0], scale=fit.scale[0])
    assert step.upper[0] == pytest.approx(limit, rel=1e-6)
    assert step.details["shape"][0] == pytest.approx(fit.shape[0])


@pytest.mark.parametrize(
    ("distribution", "beyond"),
    [(stats.norm(10, 2), 0.6), (stats.expon(0, 3), 0.4), (stats.t(3), 0.4), (stats.uniform(0, 1), 2.0)],
)
def test_far_tails_are_of_the_right_order(distribution, beyond):
    """Of a chance of 1e-4, in decades; where the true tail is light ours is too large, never too small."""
    rng = np.random.default_rng(2)
    values = distribution.rvs((2000, 8), random_state=rng)
    detector = Spot(phase1=1000, level=0.95, calibrate=False)
    state, _ = steps(detector, values)
    x = distribution.isf(1e-4)
    _, (step,) = steps(detector, np.full((1, 8), x), state)
    ratio = np.log10(step.tail / 1e-4)
    assert -0.4 < np.median(ratio) < beyond
    assert (ratio > -1.2).mean() > 0.6  # heavy tails lose what was taken for an alarm


def test_what_is_beyond_the_limit_alarms_and_does_not_teach():
    rng = np.random.default_rng(3)
    detector = Spot(phase1=100, calibrate=False)
    state, _ = steps(detector, rng.normal(size=150))
    before = {name: array.copy() for name, array in state.items()}
    state, (step,) = steps(detector, [50.0], state)
    assert step.alarm[0]
    assert step.tail[0] < 1e-4
    assert all(np.array_equal(state[name], before[name]) for name in ("number", "peaks", "scale"))


def test_both_sides_are_two_fits():
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(size=400), [9.0, -9.0]])
    found = {}
    for side in ("high", "low", "both"):
        _, out = steps(Spot(side=side, phase1=200, calibrate=False), values)
        found[side] = out
    assert [found[s][400].alarm[0] for s in ("high", "low", "both")] == [True, False, True]
    assert [found[s][401].alarm[0] for s in ("high", "low", "both")] == [False, True, True]
    assert found["both"][400].tail[0] == pytest.approx(2 * found["high"][400].tail[0], rel=0.2)
    assert np.isnan(found["high"][400].lower[0])
    assert found["low"][400].lower[0] == pytest.approx(found["both"][400].lower[0], rel=0.1)


def test_only_the_last_peaks_are_kept():
    rng = np.random.default_rng(5)
    detector = Spot(phase1=100, level=0.5, most=20, risk=1e-9, calibrate=False)
    values = rng.exponential(size=400)
    state, _ = steps(detector, values)
    assert np.isfinite(state["excess"][:, 0]).all()
    threshold = state["threshold"][0]
    last = values[values > threshold][-20:] - threshold
    assert np.sort(state["excess"][:, 0]) == pytest.approx(np.sort(last))


@pytest.mark.parametrize("method", [Spot, Dspot])
def test_equal_values_and_a_first_peak(method):
    detector = method(phase1=50, calibrate=False)
    _, out = steps(detector, [4.0] * 120 + [4.5])
    tail = column(out, "tail")[:, 0]
    known = tail[:-1][~np.isnan(tail[:-1])]
    assert len(known) > 40
    assert (known == 1).all()
    assert tail[-1] < 0.03


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["high", "low", "both"]))
def test_gaps_are_passed_over(seed, side):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=160)
    gaps = np.insert(values, [1, 35, 90, 90], np.nan)
    for detector in (
        Spot(phase1=60, side=side, calibrate=False),
        Dspot(phase1=60, side=side, calibrate=False),
    ):
        _, one = steps(detector, values)
        _, other = steps(detector, gaps)
        assert same([s for s, v in zip(other, gaps, strict=True) if not np.isnan(v)], one)


def test_dspot_follows_a_drift_in_which_spot_is_lost():
    rng = np.random.default_rng(6)
    values = rng.normal(size=1500) + 0.02 * np.arange(1500)
    values[1400] += 12
    _, fixed = steps(Spot(calibrate=False), values)
    _, drifting = steps(Dspot(calibrate=False), values)
    assert not fixed[1400].alarm[0]
    assert drifting[1400].alarm[0]
    assert drifting[1400].tail[0] < 1e-4
    assert column(drifting, "alarm").mean() < 0.01
    band = column(drifting, "upper")[400:, 0] - column(drifting, "expected")[400:, 0]
    assert 3 < np.median(band) < 8


def test_dspot_takes_a_lasting_shift_after_its_patience():
    rng = np.random.default_rng(7)
    values = rng.normal(size=700)
    values[500:] += 30
    _, out = steps(Dspot(patience=10, calibrate=False), values)
    alarm = column(out, "alarm")[:, 0]
    assert alarm[500:510].all()
    assert alarm[560:].mean() < 0.05


@pytest.mark.parametrize("method", [Spot, Dspot])
@pytest.mark.parametrize(
    "wrong", [{"risk": 0.1}, {"risk": 0.0}, {"level": 1.0}, {"phase1": 9}, {"most": 9}, {"side": "up"}]
)
def test_bad_settings_are_refused(method, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        method(**wrong)


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"patience": 0}])
def test_bad_settings_of_dspot_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Dspot(**wrong)
