"""Each forecaster by hand or against a closed form; bad settings; what is unknown says why."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from tocsin.forecast import LEVELS, make, run
from tocsin.forecast.backtest import backtest, cut
from tocsin.forecast.contract import targets
from tocsin.forecast.methods.arima import Arima
from tocsin.forecast.statespace import gaussian_quantiles
from tocsin.model import DAY, HOUR, ConfigError, MethodError, Panel, grid_us, to_us

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)


def panel(values):
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    return Panel(
        quantity="x",
        regions=tuple(f"r{i}" for i in range(values.shape[1])),
        times=grid_us(BEGIN, BEGIN + len(values) * DAY, DAY),
        values=values,
        known=np.isfinite(values),
        at=BEGIN + len(values) * DAY,
    )


def test_seasonal_naive_by_hand():
    # Season of two; errors at lag 2 are 1, -1, 1, -1 …: quartiles -1 and 1, median 0; at lag 4 twice that.
    past = panel([10, 20, 11, 19, 12, 18, 13, 17, 14, 16])
    told = make("seasonal_naive", season=2, errors=6).quantiles(past, 3, [0.25, 0.5, 0.75])
    assert told[:, :, 0].tolist() == [[13, 14, 15], [15, 16, 17], [12, 14, 16]]


def test_seasonal_naive_goes_back_to_the_newest_known_value_of_the_phase():
    past = panel([10, 20, 11, 19, 12, 18, 13, 17, 14, 16, 15, 15, np.nan, 14])
    told = make("seasonal_naive", season=2, errors=5).quantiles(past, 1, [0.5])
    assert told.ravel().tolist() == [15]


def test_a_bound_holds_and_a_short_past_is_unknown():
    past = panel([0, 1, 0, 2, 0, 0, 1, 0, 3, 0, 0, 1])
    assert make("seasonal_naive", least=0.0).quantiles(past, 2, LEVELS).min() == 0
    why = {}
    assert np.isnan(make("seasonal_naive", season=7).quantiles(past, 2, LEVELS, why)).all()
    assert why == {"r0": "fewer than 8 values with one a season before"}


def test_arima_of_a_random_walk_is_its_closed_form():
    walk = np.cumsum(np.random.default_rng(1).normal(0, 2, 200)) + 50
    told = make("arima", order=(0, 1, 0)).quantiles(panel(walk), 4, [0.1, 0.5, 0.9])
    spread = np.sqrt(np.mean(np.diff(walk) ** 2) * np.arange(1, 5))
    want = walk[-1] + spread[:, None] * stats.norm.ppf([0.1, 0.5, 0.9])
    np.testing.assert_allclose(told[:, :, 0], want, rtol=2e-3)


def test_ets_carries_a_trend_and_a_season_on():
    t = np.arange(80)
    series = 20 + 0.5 * t + 4 * np.sin(2 * np.pi * t / 4) + np.random.default_rng(2).normal(0, 0.2, 80)
    told = make("ets", season=4, damped=False).quantiles(panel(series), 4, [0.05, 0.5, 0.95])
    ahead = np.arange(80, 84)
    truth = 20 + 0.5 * ahead + 4 * np.sin(2 * np.pi * ahead / 4)
    np.testing.assert_allclose(told[:, 1, 0], truth, atol=0.5)
    assert ((told[:, 0, 0] < truth) & (truth < told[:, 2, 0])).all()


def test_square_roots_keep_counts_above_zero_and_refuse_negative_ones():
    counts = np.random.default_rng(3).poisson(2.0, 80)
    assert make("ets", trend=False, powers=True, least=0.0).quantiles(panel(counts), 3, LEVELS).min() >= 0
    why = {}
    told = make("ets", powers=True).quantiles(panel(counts - 5.0), 3, LEVELS, why)
    assert np.isnan(told).all()
    assert "negative" in why["r0"]


class Fit:
    """A fit of statsmodels as it looks when it goes wrong."""

    params = None
    mle_retvals = {"converged": False}  # noqa: RUF012

    def __init__(self, error=None):
        self.error = error

    def fit(self, **_settings):
        if self.error:
            raise self.error
        return self


@pytest.mark.parametrize(
    ("error", "words"), [(None, "did not converge"), (np.linalg.LinAlgError("singular"), "singular")]
)
def test_a_fit_that_fails_is_unknown_with_the_reason(error, words):
    why = {}
    told = gaussian_quantiles(
        "ets", panel(np.random.default_rng(4).normal(0, 1, (60, 2))), 2, LEVELS, why,
        model=lambda _: Fit(error), least_values=10, window=100, bound=None, powers=False,
    )  # fmt: skip
    assert np.isnan(told).all()
    assert words in why["r0"]
    assert words in why["r1"]


def test_boosting_learns_from_other_series_and_is_a_matter_of_its_seed():
    rng = np.random.default_rng(5)
    week = np.tile([10.0, 10, 10, 10, 10, 2, 2], 20)
    values = week[:, None] * np.array([1.0, 5.0, 3.0]) + rng.normal(0, 0.2, (140, 3))
    values[:110, 2] = np.nan  # a month old: too short to learn a week from alone
    made = make("quantile_boosting", season=7, trees=60, examples=1200, seed=3)
    told = made.quantiles(panel(values), 7, [0.5])[:, 0, 2]
    np.testing.assert_allclose(told, week[:7] * 3, rtol=0.25)
    np.testing.assert_array_equal(made.quantiles(panel(values), 7, [0.5])[:, 0, 2], told)
    other = make("quantile_boosting", season=7, trees=60, examples=1200, seed=4)
    assert not np.array_equal(other.quantiles(panel(values), 7, [0.5])[:, 0, 2], told)


def test_the_ensemble_follows_the_member_that_was_right():
    t = np.arange(160)
    values = panel(10 + 5 * np.sin(2 * np.pi * t / 8) + np.random.default_rng(6).normal(0, 0.3, 160))
    both = make(
        "ensemble", members=("seasonal_naive", "conformal"), origins=5, power=8.0, settings={"season": 8}
    )
    weights = both.weights(values, 4, LEVELS)
    # The conformal member is not told the season, and so is the worse one.
    assert weights[0, 0] > 0.9
    assert weights.sum(0).tolist() == pytest.approx([1.0])
    alone = make("seasonal_naive", season=8).quantiles(values, 4, LEVELS)
    np.testing.assert_allclose(both.quantiles(values, 4, LEVELS), alone, atol=0.5)


def test_a_member_that_cannot_leaves_it_to_the_others():
    values = panel(np.random.default_rng(7).normal(5, 1, 20))
    both = make("ensemble", members=("seasonal_naive", "ets"), settings={"season": 7, "errors": 4}, origins=1)
    told = both.quantiles(values, 2, LEVELS)
    np.testing.assert_allclose(told, make("seasonal_naive", season=7, errors=4).quantiles(values, 2, LEVELS))


def test_a_backtest_asks_for_the_past_only():
    values = panel(np.arange(30.0))
    told, came = backtest(make("seasonal_naive"), values, 3, [0.5], 4)
    assert came[:, 0, 0].tolist() == [24, 25, 26, 27]
    assert told[:, 0, 0, 0].tolist() == [23, 24, 25, 26]
    assert cut(values, 10).at <= BEGIN + 10 * DAY


def test_run_names_its_targets_and_what_is_unknown():
    values = np.column_stack([np.arange(40.0), np.full(40, np.nan)])
    found = run(panel(values), "seasonal_naive", steps=2, season=7)
    assert found.times.tolist() == [to_us(BEGIN + 40 * DAY), to_us(BEGIN + 41 * DAY)]
    assert found.levels == LEVELS
    assert set(found.unknown) == {"r1"}
    assert np.isfinite(found.quantiles[:, :, 0]).all()


def test_targets_of_uneven_periods_are_refused():
    with pytest.raises(MethodError, match="several lengths"):
        targets(np.array([0, 1, 3]), 1)
    with pytest.raises(MethodError, match="at least 2"):
        targets(np.array([0]), 1)
    hours = grid_us(BEGIN, BEGIN + 5 * HOUR, HOUR)
    assert targets(hours, 2).tolist() == [to_us(BEGIN + 5 * HOUR), to_us(BEGIN + 6 * HOUR)]


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("seasonal_naiv", {}, "Did you mean 'seasonal_naive'"),
        ("seasonal_naive", {"season": 0}, "season: got 0"),
        ("seasonal_naive", {"seson": 7}, "seson"),
        ("ets", {"season": 200}, "season: got 200"),
        ("arima", {"order": (1, 1)}, "order"),
        ("arima", {"order": (1, 9, 1)}, "order: got 9"),
        ("quantile_boosting", {"rate": 0.0}, "rate"),
        ("conformal", {"member": "conformal"}, "member"),
        ("conformal", {"settings": {"season": 0}}, "season: got 0"),
        ("ensemble", {"members": ()}, "members"),
        ("ensemble", {"settings": {"sesaon": 7}}, "sesaon"),
    ],
)
def test_bad_settings_are_refused(method, settings, words):
    with pytest.raises(ConfigError, match=words):
        make(method, **settings)


@pytest.mark.parametrize("levels", [[], [0.5, 0.4], [0.0, 0.5], [0.5, 1.0]])
def test_bad_levels_are_refused(levels):
    with pytest.raises(MethodError, match="levels"):
        run(panel(np.arange(20.0)), "seasonal_naive", steps=1, levels=levels)
    with pytest.raises(MethodError, match="steps"):
        run(panel(np.arange(20.0)), "seasonal_naive", steps=0)


def test_heavy_libraries_are_imported_at_first_use_only():
    code = (
        "import sys, tocsin.forecast, tocsin.catalog; tocsin.catalog.forecasters();"
        "sys.exit(any(m in sys.modules for m in ('statsmodels', 'sklearn', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Arima.NAME == "arima"
