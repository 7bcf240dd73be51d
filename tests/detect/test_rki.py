"""RKI: the table and the two standard deviations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.detect.weeks import judged, poisson
from tocsin.detect.methods.rki import LIMITS, Rki
from tocsin.model import ConfigError


def test_up_to_20_the_table_by_the_mean_rounded_down():
    counts = np.array([2.0, 3, 3, 3, 3, 3, 9])  # mean 2.83
    got = judged(counts, "rki", b=0, w=6, own=True)
    assert got.upper[-1, 0] == 6.686
    assert got.alarm[-1, 0]
    size = 17.5
    assert got.tail[-1, 0] == pytest.approx(stats.nbinom.sf(8, size, 6 / 7))
    flat = judged(np.full(7, 20.0), "rki", b=0, w=6, own=True)
    assert flat.upper[-1, 0] == 30.017


def test_the_table_is_that_of_a_poisson_limit():
    assert len(LIMITS) == 21
    assert (np.diff(LIMITS) > 0).all()
    # An upper limit with 2 to 3 per cent of a Poisson count beyond it.
    beyond = stats.poisson.sf(np.floor(LIMITS[1:]), np.arange(1, 21))
    assert (beyond < 0.026).all()


def test_above_20_two_standard_deviations():
    counts = np.array([20.0, 30, 40, 50, 60, 70, 90])
    got = judged(counts, "rki", b=0, w=6, own=True)
    deviation = np.std(counts[:6], ddof=1)
    assert got.expected[-1, 0] == pytest.approx(45)
    assert got.upper[-1, 0] == pytest.approx(45 + 2 * deviation)
    assert got.tail[-1, 0] == pytest.approx(stats.norm.sf((90 - 45) / deviation))


def test_no_variation_above_20():
    got = judged(np.array([[30.0, 30, 30]] * 7 + [[30.0, 29, 31]]), "rki", b=0, w=6, own=True)
    assert got.tail[-1, :2].tolist() == [1.0, 1.0]
    assert np.isnan(got.tail[-1, 2])  # without variation nobody can say how rare this is
    assert got.alarm[-1].tolist() == [False, False, True]


def test_the_windows():
    counts = poisson(2, 120)[:, 0]
    got = judged(counts, "rki")  # RKI 3
    t = 115
    weeks = [counts[t - 52 * i + k] for i in (1, 2) for k in range(-4, 5)]
    assert got.expected[t, 0] == pytest.approx(np.mean(weeks))
    assert np.isnan(got.expected[107, 0])
    assert np.isfinite(got.expected[108, 0])


def test_missing_weeks():
    counts = np.array([[np.nan, np.nan], [np.nan, 50.0], [np.nan, -1], [4, 1]])
    got = judged(counts, "rki", b=0, w=3, own=True)
    assert np.isnan(got.tail[-1]).all()  # nothing known; one large value alone has no deviation
    assert not got.alarm.any()


@pytest.mark.parametrize(("name", "value"), [("b", 0), ("w", -1), ("w", 26)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        Rki(**{name: value})
    assert refused.value.key == name
