"""Streaming decomposition: exact on a pure season, fair on noise, blind to nothing that it says it sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.readings import column, steps
from tocsin.detect.methods.seasonal_residual import SeasonalResidual
from tocsin.model import ConfigError

DAY = 20 + 8 * np.sin(2 * np.pi * np.arange(24) / 24)


def test_by_hand():
    """Period 2: 1, 3, then 1, 3 and so on is all season; then a value one above."""
    detector = SeasonalResidual(period=2, cycles=1, season_gain=0.5, gain=0.1, floor=0.5, calibrate=False)
    state, out = steps(detector, [1.0, 3.0] * 4 + [2.0])
    assert out[-1].expected[0] == pytest.approx(1.0)
    assert out[-1].details["trend"][0] == pytest.approx(2.0)
    assert out[-1].details["residual"][0] == pytest.approx(1 / 0.5)
    assert out[-1].upper[0] == pytest.approx(1 + 4 * 0.5)
    assert state["season"][0, 0] == pytest.approx(-1 + 0.5 * 1.0)
    assert state["level"][0] == pytest.approx(0.1)
    assert state["total"][0] == pytest.approx(3.0 + 2.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(0, 2**32), st.floats(-1e3, 1e3))
def test_a_pure_season_is_foretold_exactly(period, seed, level):
    season = level + np.random.default_rng(seed).normal(0, 10, period)
    _, out = steps(SeasonalResidual(period=period, calibrate=False), np.tile(season, 8 + 48 // period))
    rest = column(out, "expected")[-period:, 0] - season
    assert np.abs(rest).max() < 1e-6
    assert (out[-1].tail > 0.9).all()


def test_noise_is_normal_and_a_missing_rhythm_is_not():
    rng = np.random.default_rng(1)
    values = np.tile(DAY, 60)[:, None] + rng.normal(0, 1, (1440, 20))
    values[1300:1304, :3] = 20.0 - 8 * np.sin(2 * np.pi * np.arange(1300, 1304) / 24)[:, None]
    _, out = steps(SeasonalResidual(), values)
    tail = column(out, "tail")
    assert (tail[600:1300] <= 0.01).mean() == pytest.approx(0.01, abs=0.004)
    # Each of these is a usual value, at the wrong hour.
    assert (tail[1300:1304, :3].min(0) < 1e-3).all()
    residual = column(out, "residual")[600:1300]
    assert residual.std() == pytest.approx(1, abs=0.1)


def test_a_trend_is_followed_and_a_shift_becomes_normal():
    rng = np.random.default_rng(2)
    values = np.tile(DAY, 60) + 0.01 * np.arange(1440) + rng.normal(0, 1, 1440)
    values[960:] += 15
    _, out = steps(SeasonalResidual(), values)
    error = values - column(out, "expected")[:, 0]
    assert abs(error[500:960].mean()) < 0.5
    assert column(out, "alarm")[960, 0]
    assert abs(error[1300:].mean()) < 0.6


def test_a_gap_longer_than_the_season_takes_its_places():
    rng = np.random.default_rng(3)
    values = np.tile(DAY, 40) + rng.normal(0, 0.5, 960)
    values[500:561] = np.nan
    _, out = steps(SeasonalResidual(), values)
    assert np.isnan(column(out, "tail")[500:561]).all()
    assert np.abs(values - column(out, "expected")[:, 0])[585:].mean() < 1.0


@pytest.mark.parametrize(
    "wrong", [{"period": 1}, {"cycles": 0}, {"season_gain": 0.0}, {"gain": 1.5}, {"side": "up"}, {"limit": 0}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SeasonalResidual(**wrong)
