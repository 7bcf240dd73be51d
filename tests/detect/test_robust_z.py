"""Robust z: median and deviation against numpy and scipy, by season."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tests.detect.readings import column, steps
from tocsin.detect.contract import Now
from tocsin.detect.methods.robust_z import RobustZ
from tocsin.model import ConfigError


def test_by_hand():
    _, out = steps(RobustZ(length=5, least=5, calibrate=False), [1.0, 2.0, 3.0, 4.0, 100.0, 9.0])
    # Median 3, deviations 2 1 0 1 97, their median 1.
    assert out[-1].details["score"][0] == pytest.approx(6 / 1.4826)
    assert out[-1].tail[0] == pytest.approx(2 * stats.t.sf(6 / 1.4826, 2.5))
    assert out[-1].alarm[0]
    assert np.isnan(out[4].tail[0])


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, (40, 2), elements=st.floats(-1e6, 1e6) | st.just(np.nan)))
def test_median_and_deviation_are_those_of_the_last_known_values(values):
    _, out = steps(RobustZ(length=12, least=4, floor=1e-3, calibrate=False), values)
    for series in range(2):
        past = []
        for row, value in enumerate(values[:, series]):
            held = np.array(past[-12:])
            if len(held) >= 4:
                middle = np.median(held)
                mad = stats.median_abs_deviation(held)
                spread = 1.4826 * mad if mad > 0 else 1.2533 * np.abs(held - middle).mean()
                assert out[row].expected[series] == pytest.approx(middle, abs=1e-9)
                assert out[row].details["deviation"][series] == pytest.approx(max(spread, 1e-3), rel=1e-9)
            if not np.isnan(value):
                past.append(value)


def test_each_season_has_its_own_past():
    detector = RobustZ(season="month", length=6, least=3, calibrate=False)
    state = detector.start(1)
    rng = np.random.default_rng(1)
    for i in range(40):
        month = i % 2
        now = Now(time=i, season=np.array([month]))
        state, step = detector.step(state, np.array([100.0 * month + rng.normal()]), now)
    assert step.expected[0] == pytest.approx(100, abs=2)
    state, odd = detector.step(state, np.array([100.0]), Now(time=41, season=np.array([0])))
    assert odd.alarm[0]
    assert odd.expected[0] == pytest.approx(0, abs=2)


def test_half_of_the_past_may_be_wrong():
    rng = np.random.default_rng(2)
    values = rng.normal(10, 1, 61)
    values[1:60:3] = 1e6
    _, out = steps(RobustZ(), values)
    assert 9 < out[-1].expected[0] < 12
    assert out[-1].details["deviation"][0] < 5


def test_equal_values_are_not_rare():
    _, out = steps(RobustZ(calibrate=False), [3.0] * 30 + [4.0])
    assert (column(out, "tail")[12:30] == 1).all()
    assert out[-1].alarm[0]


@pytest.mark.parametrize(
    "wrong", [{"length": 3}, {"least": 2}, {"least": 61}, {"season": "year"}, {"side": ""}, {"limit": 0.0}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RobustZ(**wrong)
