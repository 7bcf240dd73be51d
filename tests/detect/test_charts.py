"""The control charts of counts, by hand and by brute force."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

import tocsin.detect
from tocsin.detect.methods import categorical_cusum, outbreakp
from tocsin.detect.methods.cusum import Cusum
from tocsin.detect.methods.glr import Glr
from tocsin.model import DAY, ConfigError, Panel, grid_us

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)


def judged(method, values, given=None, **settings):
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    end = BEGIN + len(values) * 7 * DAY
    panel = Panel(
        quantity="x",
        regions=tuple(f"r{i}" for i in range(values.shape[1])),
        times=grid_us(BEGIN, end, 7 * DAY),
        values=values,
        known=np.isfinite(values),
        at=end,
    )
    columns = {name: np.full(values.shape, column) for name, column in (given or {}).items()}
    return tocsin.detect.run(panel, method, given=columns, calibrate=False, **settings)


# ---- CUSUM ----


def test_cusum_by_hand():
    got = judged("cusum", [4, 4, 7, 1, 9, 4], phase1=2, k=0.5, h=2.0, trans="standard")
    # Mean 4, so scores 1.5, -1.5, 2.5, 0 less 0.5 each.
    np.testing.assert_allclose(got.details["statistic"][:, 0], [np.nan, np.nan, 1.0, 0.0, 2.0, 1.5])
    assert got.alarm[:, 0].tolist() == [False, False, False, False, True, False]
    np.testing.assert_allclose(got.tail[2:, 0], np.exp([-1.0, 0.0, -2.0, -1.5]))
    assert got.expected[2:, 0].tolist() == [4, 4, 4, 4]


def test_cusum_goes_on_or_begins_afresh():
    values = [4, 4, 12, 4, 4]
    assert (
        judged("cusum", values, phase1=2, k=0.5, h=2, trans="standard").alarm[:, 0].tolist()[2:] == [True] * 3
    )
    again = judged("cusum", values, phase1=2, k=0.5, h=2, trans="standard", reset=True)
    assert again.alarm[:, 0].tolist()[2:] == [True, False, False]


def test_transformations_have_mean_about_zero_and_variance_about_one():
    rng = np.random.default_rng(1)
    poisson = rng.poisson(20.0, 40_000).astype(float)
    alpha = 0.1
    wide = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * 20), 40_000).astype(float)
    mean = np.full(40_000, 20.0)
    for trans, values in [
        ("standard", poisson), ("rossi", poisson), ("anscombe", poisson), ("anscombe2nd", poisson),
        ("pearsonNegBin", wide), ("anscombeNegBin", wide),
    ]:  # fmt: skip
        score = Cusum(trans=trans, alpha=alpha)._score(values, mean)
        assert abs(score.mean()) < 0.2, trans
        assert score.std() == pytest.approx(1, abs=0.12), trans


@pytest.mark.parametrize(("y", "m", "alpha"), [(0, 3.0, 0.2), (9, 3.0, 0.2), (400, 90.0, 5.0), (2, 0.1, 0.0)])
def test_the_integral_of_anscombe(y, m, alpha):
    want = integrate.quad(lambda u: (u + alpha * u * u) ** (-1 / 3), m, y)[0] / (m + alpha * m * m) ** (1 / 6)
    got = Cusum(trans="anscombeNegBin", alpha=alpha)._score(np.array([float(y)]), np.array([m]))[0]
    assert got == pytest.approx(want, rel=2e-5)


def test_the_limit_for_a_run_length_holds_on_normal_scores():
    got = Cusum(k=0.5, arl0=465.4 * 2)
    assert got.limit == pytest.approx(5.0, abs=0.01)


def test_a_mean_of_zero_is_no_mean():
    got = judged("cusum", [0, 0, 3, 0], phase1=2)
    assert np.isnan(got.tail).all()
    assert not got.alarm.any()


# ---- GLR ----


def brute(counts, means, alpha):
    """The statistic over all beginnings, each maximised by a search."""
    best = 0.0
    for begin in range(len(counts)):
        y, mu = counts[begin:], means[begin:]

        def minus(kappa, y=y, mu=mu):
            out = mu * math.exp(kappa)
            if alpha == 0:
                return -(stats.poisson.logpmf(y, out) - stats.poisson.logpmf(y, mu)).sum()
            size = 1 / alpha
            one, two = (stats.nbinom.logpmf(y, size, size / (size + m)) for m in (out, mu))
            return -(one - two).sum()

        found = optimize.minimize_scalar(minus, bounds=(0, 8), method="bounded", options={"xatol": 1e-10})
        best = max(best, -found.fun)
    return best


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_glr_is_the_maximum_over_beginning_and_size(alpha):
    values = np.random.default_rng(2).poisson(4.0, 12).astype(float)
    got = judged("glr", values, {"expected": 3.5}, mu0="given", M=-1, alpha=alpha, c_ARL=1e9)
    want = [brute(values[: t + 1], np.full(t + 1, 3.5), alpha) for t in range(12)]
    np.testing.assert_allclose(got.details["statistic"][:, 0], want, atol=1e-7)


def test_glr_of_a_known_size_by_hand():
    theta = math.log(2)
    got = judged("glr", [3, 1, 5], {"expected": 2.0}, mu0="given", theta=theta, c_ARL=2.0, cases=True)
    first = 3 * theta - 2
    second = max(0.0, first + theta - 2)
    np.testing.assert_allclose(got.details["statistic"][:, 0], [first, second, second + 5 * theta - 2])
    np.testing.assert_allclose(got.details["cases_needed"][0, 0], 4 / theta)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=14), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_the_count_needed_is_the_smallest_that_alarms(past, last):
    options = {"mu0": "given", "M": -1, "c_ARL": 5.0, "cases": True}
    got = judged("glr", [*past, last], {"expected": 6.0}, **options)
    need = got.details["cases_needed"][-1, 0]
    assert bool(got.alarm[-1, 0]) == (last >= need)


def test_the_window_forgets():
    values = [2, 2, 30, 2, 2, 2, 2]
    short = judged("glr", values, {"expected": 2.0}, mu0="given", M=2, c_ARL=1e9).details["statistic"][:, 0]
    long = judged("glr", values, {"expected": 2.0}, mu0="given", M=-1, c_ARL=1e9).details["statistic"][:, 0]
    assert (short[2:5] == long[2:5]).all()
    assert long[5] > 10 > short[5]


def test_r_sees_a_peak_one_period_late_in_a_window():
    values = [2, 2, 2, 15, 2, 2]
    options = {"mu0": "given", "M": 10, "c_ARL": 1e9}
    now = judged("glr", values, {"expected": 2.0}, **options).details["statistic"][:, 0]
    late = judged("glr", values, {"expected": 2.0}, compatible="surveillance-1.20", **options)
    alone = 15 * math.log(7.5) - 13
    assert now[3] == pytest.approx(alone)
    assert late.details["statistic"][3, 0] < alone - 3


def test_an_epidemic_feeds_on_the_count_before():
    got = judged("glr", [5, 12], {"expected": 4.0}, mu0="given", change="epi", M=5, c_ARL=1e9)
    minus = lambda s: -(12 * math.log(1 + s * 5 / 4) - 5 * s)  # noqa: E731
    want = -optimize.minimize_scalar(minus, bounds=(0, 9), method="bounded").fun
    assert got.details["statistic"][1, 0] == pytest.approx(want, abs=1e-8)


@pytest.mark.parametrize(
    "bad",
    [
        {"dir": "up"}, {"theta": -1.0}, {"alpha": None, "mu0": "given"}, {"M": 0, "Mtilde": 3},
        {"change": "epi", "alpha": 0.5}, {"phase1": 2}, {"compatible": "R"},
    ],
)  # fmt: skip
def test_glr_refuses(bad):
    with pytest.raises(ConfigError):
        Glr(**bad)


# ---- Rogerson ----


def test_rogerson_by_hand():
    table = {"means": (2.0, 4.0), "k": (3.0, 5.0), "h": (4.0, 8.0)}
    got = judged("rogerson", [5, 9, 2], {"expected": 3.9}, **table)
    np.testing.assert_allclose(got.details["statistic"][:, 0], [0, 0.5, 0.125])
    assert got.details["count_needed"][:, 0].tolist() == [13, 13, 9]
    reset = judged("rogerson", [13, 5], {"expected": 3.9}, reset=True, **table)
    assert reset.alarm[:, 0].tolist() == [True, False]
    early = judged("rogerson", [9, 5], {"expected": 3.9}, fir=True, **table)
    assert early.alarm[:, 0].tolist() == [True, False]
    assert early.details["statistic"][1, 0] == 0.5


def test_rogerson_keeps_its_run_length_at_means_between_the_table():
    rng = np.random.default_rng(3)
    values = rng.poisson(8.3, (1000, 60)).astype(float)
    got = judged("rogerson", values, {"expected": 8.3}, arl0=100.0, reset=True)
    assert 1 / got.alarm.mean() == pytest.approx(100, rel=0.2)


# ---- outbreakP ----


def isotonic(values):
    means = [[v, 1] for v in values]
    merged = []
    for total, length in means:
        merged.append([total, length])
        while len(merged) > 1 and merged[-2][0] * merged[-1][1] >= merged[-1][0] * merged[-2][1]:
            last = merged.pop()
            merged[-1][0] += last[0]
            merged[-1][1] += last[1]
    return np.concatenate([np.full(n, s / n) for s, n in merged])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_outbreakp_is_the_product_over_the_past(values):
    got = judged("outbreakp", values).details["statistic"][-1, 0]
    level, overall = isotonic(values), np.mean(values)
    want = math.exp(sum(v * math.log(m / overall) for v, m in zip(values, level, strict=True) if v))
    assert got == pytest.approx(want, rel=1e-9)


def test_outbreakp_needs_the_count_that_it_says():
    rng = np.random.default_rng(4)
    values = rng.poisson(3.0, (30, 5)).astype(float)
    need = judged("outbreakp", values, cases=True, k=20.0).details["cases_needed"][-1]
    for shift, alarms in ((0, True), (-1, False)):
        values[-1] = need + shift
        assert (judged("outbreakp", values, k=20.0).alarm[-1] == alarms).all()


def test_more_levels_than_blocks_lose_almost_nothing():
    values = np.arange(1.0, outbreakp.BLOCKS + 40)
    got = np.log(judged("outbreakp", values).details["statistic"][-1, 0])
    whole = (values * np.log(values / values.mean())).sum()
    assert got == pytest.approx(min(whole, 700), rel=0.02)


# ---- evidence ----


@pytest.mark.parametrize("kind", ["sr", "cusum"])
@pytest.mark.parametrize("model", ["ranks", "counts"])
def test_evidence_keeps_its_run_length_at_any_time(model, kind):
    """The promise is a bound: over 400 runs of 400 periods alarms come at most once in 100."""
    rng = np.random.default_rng(11)
    values = rng.poisson(6.0, (430, 400)).astype(float)
    given = {"expected": 6.0} if model == "counts" else None
    got = judged("e_detector", values, given, model=model, kind=kind, arl0=100.0, memory=500, least=30)
    rate = got.alarm[30:].mean()
    error = got.alarm[30:].mean(0).std() / 20
    assert rate <= 1 / 100 + 3 * error
    assert rate > 0


def test_evidence_by_hand():
    got = judged(
        "e_detector", [4, 2], {"expected": 2.0}, model="counts", ratios=(2.0,), arl0=1e6
    ).details["evidence"][:, 0]  # fmt: skip
    first, second = 2**4 * math.exp(-2), 2**2 * math.exp(-2)
    np.testing.assert_allclose(got, [first, (first + 1) * second])


def test_evidence_of_a_rise_grows_and_of_a_fall_does_not():
    rng = np.random.default_rng(12)
    values = rng.poisson(6.0, (200, 30)).astype(float)
    values[180:] += 12
    high = judged("e_detector", values, arl0=1000.0).alarm[180:].any(0)
    low = judged("e_detector", values, arl0=1000.0, side="low", ratios=(0.5,)).alarm[180:].any(0)
    assert high.all()
    assert not low.any()


# ---- shares ----


def test_categorical_by_hand():
    values = [*([5] * 4), 9, 0, 12]
    got = judged("categorical_cusum", values, {"trials": 50.0}, phase1=4, harmonics=0, odds_ratio=2.0, h=3.0)
    p = 0.1
    out = 2 * p / (1 + p)
    ratio = [k * math.log(out / p) + (50 - k) * math.log((1 - out) / (1 - p)) for k in (9, 0, 12)]
    want = [ratio[0], max(0.0, ratio[0] + ratio[1])]
    want.append(max(0.0, want[1] + ratio[2]))
    np.testing.assert_allclose(got.details["statistic"][4:, 0], want, rtol=1e-8)
    np.testing.assert_allclose(got.expected[4:, 0], 5, rtol=1e-8)


def test_beta_binomial_goes_over_into_the_binomial():
    cases, trials = np.arange(0.0, 11), np.full(11, 10.0)
    share, out = np.full(11, 0.2), np.full(11, 0.35)
    plain = categorical_cusum.log_ratio(cases, trials, share, out, None)
    np.testing.assert_allclose(categorical_cusum.log_ratio(cases, trials, share, out, 1e-7), plain, atol=1e-4)
    wide = categorical_cusum.log_ratio(cases, trials, share, out, 0.2)
    assert (np.abs(wide) <= np.abs(plain) + 1e-12).all()


def test_no_trials_and_more_cases_than_trials_are_unknown():
    values = np.array([*([5.0] * 60), 0.0, 60.0, 5.0])
    trials = np.array([*([50.0] * 60), 0.0, 50.0, 50.0])
    got = judged("categorical_cusum", values, {"trials": trials[:, None]}, phase1=60)
    assert np.isnan(got.tail[60:62, 0]).all()
    assert np.isfinite(got.tail[62, 0])


def test_first_alarms_come_as_the_chain_says():
    rng = np.random.default_rng(6)
    trials, share = np.full(40, 200.0), np.full(40, 0.1)
    out = 2 * share / (1 + share)
    cases = rng.binomial(200, out[0], (40, 8000)).astype(float)
    total, alive, gone = np.zeros(8000), np.ones(8000, bool), []
    for row in cases:
        ratio = categorical_cusum.log_ratio(row, np.full(8000, 200.0), share[0], out[0], None)
        total = np.maximum(0, total + ratio)
        alive &= total <= 4.0
        gone.append(1 - alive.mean())
    want = categorical_cusum.first_alarm(4.0, trials, share, out, out, classes=60)
    np.testing.assert_allclose(gone, want, atol=0.03)
