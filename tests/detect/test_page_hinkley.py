"""Page-Hinkley: the sums by their definition, the run length against that of a CUSUM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.readings import column, same, steps
from tocsin.detect.methods.page_hinkley import PageHinkley
from tocsin.model import ConfigError
from tocsin.stats import run_length


def test_by_hand():
    detector = PageHinkley(delta=0.5, threshold=2.0, gain=0.001, least=2, calibrate=False)
    state, out = steps(detector, [1.0, 3.0, 4.0, 6.0])
    # Mean 2 and deviation 1 after two values; z = 2; then mean 8/3, deviation 1.155, z = 2.887.
    deviation = np.sqrt((2 / 3) * (1 + 4 / 3))
    assert out[2].details["statistic"][0] == pytest.approx(1.5)
    assert out[2].tail[0] == pytest.approx(2 * np.exp(-1.5))
    assert out[3].details["statistic"][0] == pytest.approx(1.5 + (6 - 8 / 3) / deviation - 0.5)
    assert out[3].alarm[0]
    assert state["above"][0] == 0
    assert state["since"][0] == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 1.0))
def test_the_statistic_is_the_sum_over_its_least_so_far(seed, delta):
    """The recursion against the definition, ``m - min(m)``, with the z-values that the steps imply."""
    values = np.random.default_rng(seed).normal(5, 2, 60)
    detector = PageHinkley(delta=delta, threshold=1e9, side="high", least=10, clip=1e9)
    state, z = detector.start(1), []
    for row, value in enumerate(values):
        mean, deviation = state["mean"][0], np.sqrt(state["variance"][0])
        if row >= 10:
            z.append((value - mean) / deviation)
        state, (step,) = steps(detector, [value], state)
    sums = np.concatenate([[0.0], np.cumsum(np.array(z) - delta)])
    assert step.details["statistic"][0] == pytest.approx(sums[-1] - sums.min(), abs=1e-9)


def test_with_a_long_known_past_it_is_a_cusum():
    """Run length against the integral equation; 2,000 charts, 6 %."""
    rng = np.random.default_rng(1)
    n = 2000
    detector = PageHinkley(delta=0.5, threshold=2.5, side="high", gain=1e-9, calibrate=False)
    state = detector.start(n)
    state["since"][:], state["seen"][:], state["variance"][:] = 1e9, 1e9, 1.0
    length, alive = np.zeros(n), np.ones(n, bool)
    for _ in range(500):
        state, out = steps(detector, rng.standard_normal((1, n)), state)
        length += alive
        alive &= ~out[0].alarm
        state["since"][:] = 1e9
    assert length.mean() == pytest.approx(run_length.cusum_arl(0.5, 2.5), rel=0.06)


@pytest.mark.parametrize(("side", "sign"), [("high", 1), ("low", -1), ("both", 1), ("both", -1)])
def test_a_change_is_found_and_the_new_level_learnt(side, sign):
    rng = np.random.default_rng(2)
    values = rng.normal(50, 2, 300)
    values[150:] += sign * 6
    _, out = steps(PageHinkley(side=side), values)
    alarm = column(out, "alarm")[:, 0]
    assert not alarm[:150].any()
    assert alarm[150:165].any()
    assert out[-1].expected[0] == pytest.approx(50 + sign * 6, abs=1)
    assert not alarm[250:].any()


def test_gaps_are_passed_over():
    rng = np.random.default_rng(3)
    values = rng.normal(size=120)
    gaps = np.insert(values, [1, 35, 90], np.nan)
    _, one = steps(PageHinkley(calibrate=False), values)
    _, other = steps(PageHinkley(calibrate=False), gaps)
    assert same([s for s, v in zip(other, gaps, strict=True) if not np.isnan(v)], one)


@pytest.mark.parametrize("wrong", [{"delta": 0.0}, {"threshold": -1}, {"side": "up"}, {"least": 0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PageHinkley(**wrong)
