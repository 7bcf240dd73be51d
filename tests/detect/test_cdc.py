"""CDC: four-week sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.detect.weeks import MONDAY, judged, poisson
from tocsin.detect.contract import Now
from tocsin.detect.methods.cdc import Cdc
from tocsin.model import DAY, ConfigError, to_us


def test_by_hand():
    counts = poisson(1, 130)[:, 0]
    got = judged(counts, "cdc", b=2, m=1, alpha=0.05)
    t = 125
    ends = [t - 52 * i + 4 * k for i in (1, 2) for k in (-1, 0, 1)]
    sums = [counts[e - 3 : e + 1].sum() for e in ends]
    mean, deviation = np.mean(sums), np.std(sums, ddof=1)
    now = counts[t - 3 : t + 1].sum()
    spread = deviation * np.sqrt(1 + 1 / 6)
    assert got.details["aggr4"][t, 0] == now
    bound = mean + stats.norm.ppf(0.975) * spread
    assert got.details["upperbound"][t, 0] == pytest.approx(bound)
    assert got.details["expected4"][t, 0] == pytest.approx(mean)
    assert got.expected[t, 0] == pytest.approx(mean / 4)
    assert got.upper[t, 0] == pytest.approx(bound - counts[t - 3 : t].sum())
    assert got.tail[t, 0] == pytest.approx(stats.norm.sf((now - mean) / spread))
    assert got.alarm[t, 0] == (now > bound)


def test_the_bound_is_that_of_the_week_and_the_finding_that_of_the_sum():
    """A week alarms where its own count is above ``upper``; what is reported is the sum of four."""
    counts = poisson(3, 200, 3)
    counts[150:156] *= 3
    got = judged(counts, "cdc", b=2)
    judgeable = np.isfinite(got.upper)
    assert judgeable.sum() > 200
    # Whole counts: rounding never decides.
    np.testing.assert_array_equal(got.alarm[judgeable], (counts > got.upper)[judgeable])
    assert got.alarm[150:156].sum() > 9
    detector = Cdc(b=1, calibrate=False)
    state = detector.start(1)
    for k in range(80):
        now = Now(time=to_us(MONDAY + 7 * k * DAY), season=np.zeros(1, np.int64))
        state, step = detector.step(state, counts[k, :1].copy(), now)
    assert step.window.tolist() == [4]
    assert step.total[0] == counts[76:80, 0].sum()
    assert step.total_expected[0] == step.details["expected4"][0]


def test_the_first_weeks_and_missing_ones():
    counts = poisson(2, 130, 2)
    counts[60, 1] = np.nan
    counts[128, 1] = np.nan
    got = judged(counts, "cdc", b=1, m=1)
    first = 52 + 4 + 3
    assert np.isnan(got.tail[:first]).all()
    assert np.isfinite(got.tail[first:, 0]).all()
    assert np.isnan(got.tail[128:, 1]).all()
    assert np.isfinite(got.expected[115, 1])  # one of its three sums is not known


def test_no_variation():
    counts = np.full((70, 2), 5.0)
    counts[-1, 1] = 6
    got = judged(counts, "cdc", b=1, m=1)
    assert got.tail[-1, 0] == 1.0
    assert np.isnan(got.tail[-1, 1])
    assert got.alarm[-1].tolist() == [False, True]


@pytest.mark.parametrize(("name", "value"), [("b", 0), ("m", -1), ("m", 6), ("alpha", 1.0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        Cdc(**{name: value})
    assert refused.value.key in (name, "w")
