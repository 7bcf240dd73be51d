"""Farrington 1996: by hand, and where it differs from what it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.detect.weeks import judged, poisson
from tocsin.detect.methods.farrington import Farrington
from tocsin.model import ConfigError

WEEKS = 3 * 52 + 12


def old(values, **settings):
    return judged(values, "farrington", **({"dates": False} | settings))


def test_constant_counts_by_hand():
    counts = np.full(WEEKS, 12.0)
    counts[-1] = 25.0
    got = old(counts, trend=False, alpha=0.05)
    n = 3 * 7
    tau = 1 + 1 / n  # the error of the mean is that of n Poisson counts
    deviation = np.sqrt(4 / 9 * 12 ** (1 / 3) * tau)
    z = (25 ** (2 / 3) - 12 ** (2 / 3)) / deviation
    assert got.expected[-1, 0] == pytest.approx(12.0, rel=1e-6)
    assert got.upper[-1, 0] == pytest.approx(
        (12 ** (2 / 3) + stats.norm.ppf(0.975) * deviation) ** 1.5, rel=1e-5
    )
    assert got.tail[-1, 0] == pytest.approx(stats.norm.sf(z), rel=1e-4)
    assert got.details["prob_below"][-1, 0] == pytest.approx(1 - got.tail[-1, 0])
    assert got.alarm[-1, 0]
    assert not got.alarm[:-1].any()


def test_only_the_windows_of_earlier_years_teach():
    counts = poisson(1, WEEKS)
    other = counts.copy()
    t = WEEKS - 1
    windows = {t - 52 * i + k for i in (1, 2, 3) for k in range(-3, 4)}
    outside = [k for k in range(t) if k not in windows]
    other[outside] += 50
    a, b = old(counts), old(other)
    assert a.expected[-1, 0] == b.expected[-1, 0]
    other = counts.copy()
    other[min(windows)] += 50
    assert old(other).expected[-1, 0] != a.expected[-1, 0]


def test_too_few_cases():
    counts = np.ones((WEEKS, 1))
    ours, theirs = old(counts), old(counts, compatible="surveillance-1.20")
    assert np.isnan(ours.upper[-1, 0])
    assert theirs.upper[-1, 0] == 0.0
    assert not ours.alarm.any()
    assert not theirs.alarm.any()
    assert ours.tail[-1, 0] == theirs.tail[-1, 0]
    assert 0.3 < ours.tail[-1, 0] < 0.7


def test_fewer_than_three_years_have_no_trend():
    rising = np.round(10 * np.exp(np.arange(WEEKS) / 80))[:, None]
    assert old(rising, b=2).details["trend_used"][-1, 0] == 0
    falling = rising[::-1].copy()
    assert old(falling, b=3).details["trend_used"][-1, 0] == 1


def test_an_empty_past_and_a_missing_week():
    counts = np.zeros((WEEKS, 2))
    counts[-1, 1] = 6
    got = old(counts)
    n = 21
    assert got.tail[-1, 0] == 1.0
    assert got.tail[-1, 1] == pytest.approx(stats.nbinom.sf(5, 0.5, n / (n + 1)))
    assert got.alarm[-1, 1]
    counts[-1, 1] = np.nan
    got = old(counts)
    assert np.isnan(got.tail[-1, 1])
    assert not got.alarm[-1, 1]


@pytest.mark.parametrize(
    ("name", "value"), [("freq", 365), ("b", 0), ("alpha", 2.0), ("powertrans", ""), ("limit54", 5)]
)
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        Farrington(**{name: value})
    assert refused.value.key == name
