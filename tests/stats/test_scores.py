"""Scores: published figures, definitions by brute force, and that they cannot be gamed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from tocsin.stats import scores
from tocsin.stats.contingency import Contingency, contingency

numbers = st.floats(-50, 50)
RAIN = Path(__file__).parents[3] / "shared" / "data" / "risk" / "data" / "verification" / "pop_1242.csv"

# Finley (1884), as in Jolliffe and Stephenson, Forecast Verification.
FINLEY = Contingency(hits=28, false_alarms=72, misses=23, correct_negatives=2680)
FIGURES = {
    "proportion_correct": 0.966108,
    "probability_of_detection": 0.549020,
    "false_alarm_ratio": 0.72,
    "probability_of_false_detection": 0.026163,
    "critical_success": 0.227642,
    "bias": 1.960784,
    "heidke_skill": 0.355325,
    "peirce_skill": 0.522857,
    "gilbert_skill": 0.216046,
    "odds_ratio": 45.314010,
    "odds_ratio_skill": 0.956817,
    "clayton_skill": 0.271491,
    "extreme_dependency": 0.739648,
    "symmetric_extreme_dependency": 0.593467,
    "extremal_dependence": 0.717362,
    "symmetric_extremal_dependence": 0.752804,
}


@pytest.mark.parametrize("name", FIGURES)
def test_finley(name):
    assert float(getattr(FINLEY, name)) == pytest.approx(FIGURES[name], abs=5.1e-7)


def test_never_forecasting_is_often_correct_and_has_no_skill():
    never = Contingency(hits=0, false_alarms=0, misses=51, correct_negatives=2752)
    assert float(never.proportion_correct) == pytest.approx(0.981805, abs=5e-7)
    assert float(never.peirce_skill) == 0
    assert float(never.heidke_skill) == 0
    assert np.isnan(never.false_alarm_ratio)


def test_tables_are_counted_along_an_axis():
    rng = np.random.default_rng(1)
    alarm, event = rng.random((2, 40, 3)) < 0.3
    table = contingency(alarm, event, axis=0)
    for i in range(3):
        assert table.hits[i] == sum(a and e for a, e in zip(alarm[:, i], event[:, i], strict=True))
        assert table.misses[i] == sum(e and not a for a, e in zip(alarm[:, i], event[:, i], strict=True))
    assert table.total.tolist() == [40, 40, 40]


def test_crps_figures():
    assert float(scores.crps_normal(0, 0, 1)) == pytest.approx(0.23369498, abs=5e-9)
    assert float(scores.crps_ensemble(3, [1, 2, 4, 8])) == 0.8125
    assert float(scores.crps_ensemble(3, [1, 2, 4, 8], fair=True)) == pytest.approx(1 / 3)
    assert float(scores.twcrps_ensemble(3, [1, 2, 4, 8], above=4)) == 0.25
    assert float(scores.crps_gev(1, 0, 1, 0.2)) == pytest.approx(0.41984570, abs=5e-9)


def integral(law, x):
    """The definition of the CRPS."""
    low = integrate.quad(lambda t: law.cdf(t) ** 2, law.ppf(1e-13), x, limit=200)[0]
    high = integrate.quad(lambda t: law.sf(t) ** 2, x, law.isf(1e-13), limit=200)[0]
    return low + high


@pytest.mark.parametrize("x", [-1.5, 0.3, 4.0])
def test_crps_is_the_integral_of_its_definition(x):
    assert float(scores.crps_normal(x, 1, 2)) == pytest.approx(integral(stats.norm(1, 2), x), rel=1e-7)
    for shape in (-0.3, 0.2):
        law = stats.genextreme(-shape, 0.5, 1.5)  # scipy turns the sign
        assert float(scores.crps_gev(x, 0.5, 1.5, shape)) == pytest.approx(integral(law, x), rel=1e-6)


@given(arrays(float, 7, elements=numbers), numbers)
def test_crps_of_an_ensemble_is_a_sum_over_pairs(members, value):
    pairs = np.abs(members[:, None] - members).sum()
    near = np.abs(members - value).mean()
    assert float(scores.crps_ensemble(value, members)) == pytest.approx(near - pairs / 98, abs=1e-9)
    assert float(scores.crps_ensemble(value, members, fair=True)) == pytest.approx(
        near - pairs / 84, abs=1e-9
    )


@given(arrays(float, 9, elements=numbers), numbers)
def test_quantiles_at_the_middles_are_an_ensemble(members, value):
    members = np.sort(members)
    got = scores.crps_quantiles(value, members, (np.arange(9) + 0.5) / 9)
    assert float(got) == pytest.approx(float(scores.crps_ensemble(value, members)), abs=1e-9)


@given(arrays(float, 6, elements=numbers), numbers, numbers)
def test_the_crps_is_the_sum_of_its_parts_below_and_above(members, value, threshold):
    below = scores.twcrps_ensemble(value, members, below=threshold)
    above = scores.twcrps_ensemble(value, members, above=threshold)
    assert float(below + above) == pytest.approx(float(scores.crps_ensemble(value, members)), abs=1e-9)


def test_honest_forecasts_score_best():
    """Proper: nobody gains by another spread, another quantile or another probability than the true one."""
    y = np.random.default_rng(2).normal(3, 2, 20000)
    by_sd = [scores.crps_normal(y, 3, sd).mean() for sd in (1.4, 2.0, 2.8)]
    assert np.argmin(by_sd) == 1
    q = stats.norm(3, 2).ppf(0.9)
    assert np.argmin([scores.pinball(y, q + off, 0.9).mean() for off in (-0.6, 0, 0.6)]) == 1
    z = stats.norm(3, 2).ppf([0.05, 0.95])
    wide = [scores.interval_score(y, z[0] - off, z[1] + off, 0.1).mean() for off in (-0.8, 0, 0.8)]
    assert np.argmin(wide) == 1
    rain = (y > 4).astype(float)
    assert np.argmin([scores.brier(p, rain).mean() for p in (0.15, stats.norm(3, 2).sf(4), 0.5)]) == 1


def test_interval_score_is_two_pinball_scores():
    y = np.random.default_rng(3).normal(0, 1, 50)
    both = scores.pinball(y, -1.0, 0.05) + scores.pinball(y, 1.5, 0.95)
    np.testing.assert_allclose(scores.interval_score(y, -1.0, 1.5, 0.1), both * 2 / 0.1)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.35, 1.0]), st.integers(0, 1)), min_size=1, max_size=60)
)
def test_parts_of_the_brier_score_sum_up(pairs):
    p, y = np.array(pairs, float).T
    parts = scores.brier_decomposition(p, y)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(parts.score, abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=2, max_size=40))
def test_area_under_the_roc_is_a_share_of_pairs(pairs):
    x, y = np.array(pairs, float).T
    if y.sum() in (0, len(y)):
        with pytest.raises(ValueError, match="events"):
            scores.auc(x, y)
        return
    events, others = x[y == 1][:, None], x[y == 0]
    want = (events > others).mean() + (events == others).mean() / 2
    assert scores.auc(x, y) == pytest.approx(want)


@pytest.mark.shared
def test_brier_parts_of_real_forecasts():
    """1,242 forecasts of the probability of rain: figures of the shared reference set."""
    if not RAIN.exists():
        pytest.skip("../shared/data/risk is not here")
    with RAIN.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    p, y = (np.array([float(row[name]) for row in rows]) for name in ("frcst", "obs"))
    p /= 100
    parts = scores.brier_decomposition(p, y)
    assert parts.score == pytest.approx(0.16153454, abs=5e-9)
    assert parts.skill == pytest.approx(0.28237492, abs=5e-9)
    assert parts.reliability == pytest.approx(0.0019499769, abs=5e-11)
    assert parts.resolution == pytest.approx(0.065511445, abs=5e-10)
    assert scores.auc(p, y) == pytest.approx(0.81741522, abs=5e-9)


def test_pit_is_flat_when_calibrated_and_not_when_not():
    rng = np.random.default_rng(4)
    y = rng.poisson(4, 40000)
    law = stats.poisson(4)
    flat = scores.pit_histogram(law.cdf(y - 1), law.cdf(y))
    np.testing.assert_allclose(flat, 0.1, atol=0.006)
    narrow = stats.norm(0, 0.5).cdf(rng.normal(0, 1, 40000))
    shares = scores.pit_histogram(narrow, narrow)
    assert shares[0] > 0.2
    assert shares[-1] > 0.2
    assert shares.sum() == pytest.approx(1)


def test_pit_at_the_ends_is_counted():
    assert scores.pit_histogram([0.0, 1.0, np.nan], [0.0, 1.0, 0.5], bins=2).tolist() == [0.5, 0.5]


def test_missing_stays_missing():
    assert np.isnan(scores.pinball(np.nan, 1.0, 0.5))
    assert np.isnan(scores.pinball(1.0, np.nan, 0.5))
    assert np.isnan(scores.crps_ensemble([np.nan, 1.0], [[1.0, 2.0], [1.0, 2.0]])).tolist() == [True, False]
    assert np.isnan(scores.crps_quantiles(1.0, [1.0, np.nan], [0.3, 0.6]))
    assert np.isnan(scores.coverage([np.nan], 0, 1))
    with pytest.raises(ValueError, match="NaN"):
        scores.brier_decomposition([np.nan], [1])
    with pytest.raises(ValueError, match="at least 1"):
        scores.brier_decomposition([], [])
