"""EWMA chart: by hand, and its run length against the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from tests.detect.readings import column, same, steps
from tocsin.detect.methods.ewma import Ewma
from tocsin.model import ConfigError
from tocsin.stats import run_length

QUICK = {"limit": 3.0, "calibrate": False}


def test_two_values_by_hand():
    _, out = steps(Ewma(weight=0.25, phase1=3, **QUICK), [8.0, 10.0, 12.0, 14.0, 10.0])
    # Mean 10, deviation 2; Z = 11, then 10.75; the variance of Z is 1/16 and 25/256 of the value's.
    assert np.isnan(column(out, "tail")[:3]).all()
    assert column(out, "statistic")[3:, 0] == pytest.approx([1 / 0.5, 0.75 / (2 * 5 / 16)])
    assert out[3].tail[0] == pytest.approx(2 * special.ndtr(-2.0))
    assert out[3].upper[0] == pytest.approx((10 + 3 * 0.5 - 0.75 * 10) / 0.25)
    assert out[4].upper[0] == pytest.approx((10 + 3 * 0.625 - 0.75 * 11) / 0.25)


@settings(max_examples=30, deadline=None)
@given(st.floats(-50, 50), st.sampled_from(["high", "low", "both"]))
def test_a_value_alarms_exactly_when_it_is_outside_its_band(value, side):
    rng = np.random.default_rng(5)
    detector = Ewma(phase1=20, side=side, **QUICK)
    state, _ = steps(detector, rng.normal(0, 5, 25))
    _, (step,) = steps(detector, [value], state)
    outside = value > np.nan_to_num(step.upper[0], nan=np.inf) or value < np.nan_to_num(
        step.lower[0], nan=-np.inf
    )
    assert bool(step.alarm[0]) == outside


def test_the_run_length_is_the_exact_one():
    """With mean and deviation known, against the integral equation; 4,000 charts, 5 %."""
    rng = np.random.default_rng(6)
    n, w, limit = 4000, 0.3, 2.0
    detector = Ewma(weight=w, limit=limit, phase1=2, calibrate=False)
    state = detector.start(n)
    state["count"][:], state["squares"][:] = 2, 1.0
    length, alive = np.zeros(n), np.ones(n, bool)
    for _ in range(400):
        state, out = steps(detector, rng.standard_normal((1, n)), state)
        length += alive
        alive &= ~out[0].alarm
    assert length.mean() == pytest.approx(run_length.ewma_arl_exact_limits(w, limit), rel=0.05)


def test_the_limit_comes_from_the_run_length():
    limit = float(Ewma(weight=0.5, arl0=100.0).start(1)["limit"][0])
    assert run_length.ewma_arl(0.5, limit) == pytest.approx(100.0, rel=1e-6)


def test_gaps_are_passed_over():
    rng = np.random.default_rng(7)
    values = rng.normal(size=90)
    gaps = np.insert(values, [5, 40, 40, 70], np.nan)
    _, one = steps(Ewma(phase1=30, **QUICK), values)
    _, other = steps(Ewma(phase1=30, **QUICK), gaps)
    kept = [s for s, v in zip(other, gaps, strict=True) if not np.isnan(v)]
    assert same(kept, one)
    assert all(
        np.isnan(s.tail[0]) and not s.alarm[0] for s, v in zip(other, gaps, strict=True) if np.isnan(v)
    )


def test_a_constant_phase_is_not_rare_and_a_change_of_it_is():
    _, out = steps(Ewma(phase1=10, **QUICK), [5.0] * 20 + [6.0])
    assert (column(out, "tail")[10:20] == 1).all()
    assert out[-1].alarm[0]


@pytest.mark.parametrize(
    "wrong", [{"weight": 0.0}, {"weight": 1.1}, {"phase1": 1}, {"side": "up"}, {"limit": 0.0}, {"arl0": 1.0},
              {"floor": -1.0}],
)  # fmt: skip
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Ewma(**wrong)
