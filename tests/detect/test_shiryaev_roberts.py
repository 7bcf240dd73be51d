"""Shiryaev-Roberts: the sum over all beginnings, and the martingale that its run length rests on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.readings import column, same, steps
from tocsin.detect.methods.shiryaev_roberts import ShiryaevRoberts
from tocsin.model import ConfigError


def known(detector, n):
    """A state in which mean 0 and deviation 1 are known."""
    state = detector.start(n)
    state["count"][:], state["variance"][:] = 1e12, 1.0
    return state


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.2, 2.0), st.sampled_from(["high", "low", "both"]))
def test_the_recursion_is_the_sum_over_all_beginnings(seed, shift, side):
    z = np.random.default_rng(seed).normal(size=25)
    detector = ShiryaevRoberts(shift=shift, arl0=1e12, side=side, memory=1e15, clip=1e9)
    _, out = steps(detector, z, known(detector, 1))

    def total(sign):
        logs = sign * shift * z - shift**2 / 2
        return sum(np.exp(logs[k:].sum()) for k in range(len(z)))

    want = {"high": total(1), "low": total(-1), "both": (total(1) + total(-1)) / 2}[side]
    assert out[-1].details["statistic"][0] == pytest.approx(want, rel=1e-9)
    assert column(out, "statistic").shape == (25, 1)


def test_in_normal_times_it_alarms_once_in_arl0():
    """With known mean and deviation; 3,000 charts."""
    rng = np.random.default_rng(1)
    n = 3000
    detector = ShiryaevRoberts(arl0=80.0, side="high", memory=1e15, calibrate=False)
    state = known(detector, n)
    length, alive = np.zeros(n), np.ones(n, bool)
    for _ in range(900):
        state, out = steps(detector, rng.standard_normal((1, n)), state)
        length += alive
        alive &= ~out[0].alarm
    assert length.mean() == pytest.approx(80, rel=0.08)


def test_a_shift_is_found_and_alarms_begin_afresh():
    rng = np.random.default_rng(2)
    values = rng.normal(10, 3, 260)
    values[200:] -= 6
    _, out = steps(ShiryaevRoberts(arl0=5000.0), values)
    alarm = column(out, "alarm")[:, 0]
    assert not alarm[:200].any()
    first = 200 + int(np.argmax(alarm[200:]))
    assert first < 206
    statistic = column(out, "statistic")[:, 0]
    assert statistic[first] >= ShiryaevRoberts(arl0=5000.0).limit > statistic[first - 1]


def test_gaps_are_passed_over():
    rng = np.random.default_rng(3)
    values = rng.normal(size=120)
    gaps = np.insert(values, [1, 35, 90], np.nan)
    _, one = steps(ShiryaevRoberts(calibrate=False), values)
    _, other = steps(ShiryaevRoberts(calibrate=False), gaps)
    assert same([s for s, v in zip(other, gaps, strict=True) if not np.isnan(v)], one)


@pytest.mark.parametrize("wrong", [{"shift": 0.0}, {"arl0": -1}, {"side": "up"}, {"memory": 10.0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ShiryaevRoberts(**wrong)
