"""Farrington flexible: by hand, its choices, and what bad input gives."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from tests.detect.weeks import judged, panel, poisson
from tocsin.detect.methods.farrington_flexible import FarringtonFlexible, explain
from tocsin.model import DAY, ConfigError, MethodError

R = "surveillance-1.20"
WEEKS = 3 * 52 + 24
SMALL = {"b": 3, "w": 3, "no_periods": 5, "past_weeks_not_included": 10, "dates": False}


def small(values, **settings):
    return judged(values, "farrington_flexible", **(SMALL | settings))


def test_constant_counts_by_hand():
    counts = np.full(WEEKS, 12.0)
    counts[-1] = 25.0
    got = small(counts, trend=False, alpha=0.01)
    assert got.expected[-1, 0] == pytest.approx(12.0)
    assert got.details["phi"][-1, 0] == 1.0  # no dispersion counts as that of Poisson
    assert got.upper[-1, 0] == stats.poisson.ppf(0.99, 12.0)
    assert got.tail[-1, 0] == pytest.approx(stats.poisson.sf(24, 12.0))
    assert got.details["score"][-1, 0] == pytest.approx((25 - 12) / (got.upper[-1, 0] - 12))
    assert got.alarm[-1, 0]
    assert not got.alarm[:-1].any()
    delta = small(counts, trend=False, alpha=0.01, threshold_method="delta")
    z = stats.norm.ppf(0.99)
    bound = (12 ** (2 / 3) + z * np.sqrt(4 / 9 * 12 ** (1 / 3))) ** 1.5  # Pearson's dispersion is 0: no error
    assert delta.upper[-1, 0] == pytest.approx(bound, rel=1e-6)


def test_the_first_weeks_are_unknown():
    counts = poisson(1, WEEKS, 2)
    got = small(counts)
    first = 3 * 52 + 3 - 1  # as in R, a window may begin one week before the series
    assert np.isnan(got.tail[:first]).all()
    assert np.isfinite(got.tail[first:]).all()


def test_a_season_is_learnt():
    week = np.arange(5 * 52)
    mean = 20 * np.exp(np.cos(2 * np.pi * week / 52))
    counts = np.random.default_rng(4).poisson(mean[:, None], (260, 20)).astype(float)
    got = small(counts, no_periods=10)
    late = slice(208, 260)
    assert np.corrcoef(np.nanmean(got.expected[late], 1), mean[late])[0, 1] > 0.97


def test_threshold_methods_are_ordered_as_they_must_be():
    counts = poisson(5, WEEKS, 12, 9.0)
    nb, muan = (small(counts, threshold_method=name) for name in ("nbPlugin", "muan"))
    last = slice(-10, None)
    assert (muan.upper[last] >= nb.upper[last]).all()
    assert (muan.tail[last] >= nb.tail[last]).all()
    np.testing.assert_array_equal(muan.expected[last], nb.expected[last])


def test_too_few_cases_give_no_bound_but_a_tail():
    counts = np.ones((WEEKS, 1))
    counts[-1] = 1
    got = small(counts)
    assert np.isnan(got.upper[-1, 0])
    assert not got.alarm.any()
    assert got.tail[-1, 0] == pytest.approx(1 - np.exp(-1), rel=1e-3)
    assert got.expected[-1, 0] == pytest.approx(1.0)
    again = small(counts, limit54=(4, 4))
    assert again.upper[-1, 0] == stats.poisson.ppf(0.995, 1.0)


def test_the_last_weeks_do_not_teach():
    counts = poisson(6, WEEKS, 3)
    begun = counts.copy()
    begun[-11:-1] += 40
    np.testing.assert_array_equal(small(begun).expected[-1], small(counts).expected[-1])
    assert (small(begun, past_weeks_not_included=0).expected[-1] > small(counts).expected[-1]).all()


def test_an_empty_past_makes_a_case_rare_and_not_impossible():
    counts = np.zeros((WEEKS, 2))
    counts[-1] = [0, 6]
    got = small(counts)
    n = 3 * 7  # weeks of the season at hand in the baseline
    assert got.expected[-1].tolist() == pytest.approx([0.5 / n] * 2)
    assert got.tail[-1, 0] == 1.0
    assert got.tail[-1, 1] == pytest.approx(stats.nbinom.sf(5, 0.5, n / (n + 1)))
    assert got.alarm[-1].tolist() == [False, True]
    r = small(counts, compatible=R)
    assert r.expected[-1, 1] < 1e-9


def test_what_r_does_is_told_apart():
    counts = np.random.default_rng(7).negative_binomial(30, 0.3, (WEEKS, 30)).astype(float)
    ours = small(counts, threshold_method="delta", trend=False)
    theirs = small(counts, threshold_method="delta", trend=False, compatible=R)
    np.testing.assert_array_equal(ours.expected[-1], theirs.expected[-1])
    assert (ours.upper[-1] > theirs.upper[-1]).all()  # its standard errors are too small
    nb, nb_r = small(counts, trend=False), small(counts, trend=False, compatible=R)
    np.testing.assert_array_equal(nb.upper[-1], nb_r.upper[-1])
    eta, upper = np.log(nb.expected[-1]), nb.upper[-1]
    np.testing.assert_allclose(nb_r.details["score"][-1], (counts[-1] - eta) / (upper - eta))
    np.testing.assert_array_equal(nb.alarm, nb_r.alarm)


def test_populations_are_needed_and_used():
    counts = poisson(8, WEEKS, 2, 30.0)
    with pytest.raises(MethodError, match="population"):
        small(counts, population_offset=True)
    people = np.full((WEEKS, 2), 1e5)
    rate = {"population_offset": True, "trend": False}
    flat = small(counts, **rate, given={"population": people})
    np.testing.assert_allclose(flat.expected[-1], small(counts, trend=False).expected[-1], rtol=1e-6)
    people[-1] = [2e5, 0.0]
    moved = small(counts, **rate, given={"population": people})
    assert moved.expected[-1, 0] == pytest.approx(2 * flat.expected[-1, 0])
    assert np.isnan(moved.tail[-1, 1])  # nobody lives there: unknown
    people[-1] = 1e5
    people[40] = -3.0
    np.testing.assert_allclose(
        small(counts, **rate, given={"population": people}).expected[-1],
        flat.expected[-1],
        rtol=0.1,
    )


def test_gaps_and_negative_counts():
    counts = poisson(9, WEEKS, 3)
    holes = counts.copy()
    holes[30:100, 0] = np.nan  # longer than the season
    holes[140, 1] = -4
    got = small(holes)
    assert np.isfinite(got.tail[-1]).all()
    assert abs(got.expected[-1, 0] - counts[-1, 0].mean()) < 10
    gone = counts.copy()
    gone[140, 1] = np.nan
    np.testing.assert_array_equal(got.expected[-1, 1:], small(gone).expected[-1, 1:])
    counts[-1, 0] = -1
    last = small(counts)
    assert np.isnan(last.tail[-1, 0])
    assert not last.alarm[-1, 0]
    assert np.isfinite(last.expected[-1, 0])
    nothing = np.full((WEEKS, 1), np.nan)
    nothing[-1] = 5
    assert np.isnan(small(nothing).tail).all()


def test_by_dates_a_week_53_moves_nothing():
    begin = datetime(2001, 1, 1, tzinfo=UTC)
    times = np.array([int((begin + k * 7 * DAY).timestamp()) * 1_000_000 for k in range(21 * 52 + 60)])
    days = [datetime.fromtimestamp(t / 1e6, UTC) for t in times]
    counts = np.array([60.0 if day.month == 12 else 6.0 for day in days])[:, None]
    settings = {
        "trend": False,
        "no_periods": 10,
        "b": 5,
        "w": 1,
        "past_weeks_not_included": 26,
        "times": times,
    }
    dated = judged(counts, "farrington_flexible", dates=True, **settings)
    middle = [k for k, day in enumerate(days) if day.month == 12 and 13 <= day.day <= 19 and day.year > 2006]
    assert len(middle) == 16
    np.testing.assert_allclose(dated.expected[middle], 60.0, rtol=1e-4)


def test_months():
    rng = np.random.default_rng(10)
    counts = rng.poisson(30, (60, 2)).astype(float)
    times = np.array(
        [int(datetime(2001 + k // 12, k % 12 + 1, 1, tzinfo=UTC).timestamp()) * 10**6 for k in range(60)]
    )
    got = judged(
        counts, "farrington_flexible", times=times, freq=12, b=4, w=1, no_periods=3, past_weeks_not_included=1
    )
    assert np.isfinite(got.tail[-1]).all()
    assert np.isnan(got.tail[:48]).all()


def test_explain_agrees_with_the_judgement():
    counts = poisson(11, WEEKS, 1)
    times = panel(counts).times
    for compatible in ("", R):
        for dates in (True, False):
            method = FarringtonFlexible(**(SMALL | {"dates": dates}), compatible=compatible, calibrate=False)
            got = judged(counts, "farrington_flexible", **(SMALL | {"dates": dates}), compatible=compatible)
            why = explain(method, counts[:, 0], times=times)
            assert why.numbers["mu_now"] == got.expected[-1, 0]
            assert why.numbers["pvalue"] == got.tail[-1, 0]
            rows, c = why.rows, why.coefficients
            level = [c.get(f"seasgroups{int(k)}", 0.0) for k in rows["seasgroup"]]
            eta = c["(Intercept)"] + np.array(level) + c.get("wtime", 0.0) * rows["wtime"]
            np.testing.assert_allclose(np.exp(eta), rows["mu_pass2_final"], rtol=1e-9)
            at = c["(Intercept)"] + c["seasgroups5"] + c.get("wtime", 0.0) * why.numbers["wtime_now"]
            assert np.exp(at) == pytest.approx(why.numbers["mu_now"], rel=1e-9)
            np.testing.assert_array_equal(rows["response"], counts[rows["t_index"].astype(int) - 1, 0])


def test_explain_says_when_there_is_nothing_to_explain():
    method = FarringtonFlexible(**SMALL)
    with pytest.raises(MethodError, match="no baseline"):
        explain(method, np.ones(40), times=np.arange(40) * 7 * 86_400_000_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("freq", 24), ("b", 0), ("w", -1), ("w", 30), ("no_periods", 0), ("past_weeks_not_included", -1),
        ("threshold_method", "nb"), ("powertrans", "1/3"), ("alpha", 0.0), ("alpha", 1), ("limit54", (5,)),
        ("limit54", (5, 0)), ("weights_threshold", 0.0), ("p_threshold_trend", -0.1), ("compatible", "1.20"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ConfigError) as refused:
        FarringtonFlexible(**{name: value})
    assert refused.value.key == name
