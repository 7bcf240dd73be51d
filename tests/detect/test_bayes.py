"""Bayes: the predictive distribution, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.detect.weeks import judged, poisson
from tocsin.detect.methods.bayes import Bayes
from tocsin.model import ConfigError


def test_by_hand():
    counts = np.array([1.0, 2, 3, 4, 5, 6, 9])
    got = judged(counts, "bayes", b=0, w=6)
    assert got.expected[-1, 0] == pytest.approx(21.5 / 6)
    assert got.upper[-1, 0] == stats.nbinom.ppf(0.95, 21.5, 6 / 7)
    assert got.tail[-1, 0] == pytest.approx(stats.nbinom.sf(8, 21.5, 6 / 7))
    assert got.alarm[:, 0].tolist() == [False] * 6 + [True]
    assert np.isnan(got.tail[:6]).all()


@given(st.integers(0, 1000), st.integers(0, 2), st.integers(1, 5), st.booleans())
@settings(max_examples=20)
def test_as_computed_week_by_week(seed, b, w, own):
    if b == 0 and not own:
        own = True
    freq, counts = 13, poisson(seed, 60, 1, 2.0)[:, 0]
    got = judged(counts, "bayes", freq=freq, b=b, w=w, own=own, alpha=0.01)
    for t in (b * freq + w, 45, 59):
        weeks = list(counts[t - w : t]) if own else []
        for i in range(1, b + 1):
            weeks += list(counts[t - i * freq - w : t - i * freq + w + 1])
        size, n = sum(weeks) + 0.5, len(weeks)
        assert got.upper[t, 0] == stats.nbinom.ppf(0.99, size, n / (n + 1))
        assert got.tail[t, 0] == pytest.approx(stats.nbinom.sf(counts[t] - 1, size, n / (n + 1)), rel=1e-9)
        assert got.alarm[t, 0] == (counts[t] > got.upper[t, 0])


def test_missing_weeks_are_left_out():
    counts = np.array([np.nan, 4.0, -2.0, 4.0, 9.0])
    got = judged(counts, "bayes", b=0, w=4)
    assert got.expected[-1, 0] == pytest.approx(8.5 / 2)
    nothing = judged(np.full(9, np.nan), "bayes", b=0, w=4)
    assert np.isnan(nothing.upper).all()
    assert not nothing.alarm.any()
    assert np.isnan(judged(counts, "bayes", b=0, w=4).tail[2, 0])


def test_a_state_without_alarm_is_not_calm_for_an_empty_past():
    counts = np.zeros(20)
    counts[-1] = 5
    got = judged(counts, "bayes", b=0, w=6)
    assert got.alarm[-1, 0]
    assert 0 < got.tail[-1, 0] < 1e-4


@pytest.mark.parametrize(("name", "value"), [("w", 0), ("alpha", 0.0), ("freq", -1)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        Bayes(**({"b": 0} | {name: value}))
    assert refused.value.key == name
