"""CDC: four-week sums."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.detect.weeks import judged, poisson
from tocsin.detect.methods.cdc import Cdc
from tocsin.model import ConfigError


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
    assert got.upper[t, 0] == pytest.approx(mean + stats.norm.ppf(0.975) * spread)
    assert got.tail[t, 0] == pytest.approx(stats.norm.sf((now - mean) / spread))
    assert got.alarm[t, 0] == (now > got.upper[t, 0])


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
