"""E-values have mean 1 at most when nothing is wrong; e-detectors seldom alarm then, and soon when it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from tocsin.model import ConfigError, MethodError
from tocsin.stats import evalues


@pytest.mark.parametrize("kappa", [0.0, 0.1, 0.5, 0.9])
def test_the_mean_of_a_calibrated_p_value_is_one(kappa):
    """Integrated over x = -log p, which is exponential."""

    def mass(x):
        return float(evalues.from_p(math.exp(-x), kappa)) * math.exp(-x)

    total = sum(integrate.quad(mass, a, b, limit=200)[0] for a, b in ((0, 1), (1, 40), (40, 690)))
    # What lies beyond p = e**-690: exp(-690 kappa) for a power, about 1/690 for their mixture.
    rest = math.exp(-690 * kappa) if kappa else 1 / 690
    assert total + rest == pytest.approx(1, abs=2e-4)


def test_the_mixture_is_the_mean_of_the_powers():
    for p in (0.9, 0.9999, 0.3, 1e-6):
        mean = integrate.quad(lambda k, p=p: k * p ** (k - 1), 0, 1)[0]
        assert float(evalues.from_p(p)) == pytest.approx(mean, rel=1e-9)
    assert float(evalues.from_p(1.0)) == 0.5


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2), st.sampled_from([0.0, 0.3]))
def test_less_likely_is_more_evidence(pair, kappa):
    low, high = sorted(pair)
    assert evalues.from_p(low, kappa) >= evalues.from_p(high, kappa) * (1 - 1e-9)


def test_likelihood_ratios_have_mean_one():
    y = np.arange(0, 400.0)
    mass = np.exp(y * math.log(20) - 20 - np.array([math.lgamma(k + 1) for k in y]))
    assert (mass * evalues.of_counts(y, 20.0, 2.0)).sum() == pytest.approx(1, rel=1e-9)
    z = np.linspace(-12, 12, 20001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    assert integrate.trapezoid(density * evalues.of_normal(z, 1.3), z) == pytest.approx(1, rel=1e-9)


# -- e-detectors -------------------------------------------------------------------------------------------


def run_lengths(kind, limit, draw, n, most):
    """First alarms of n series; ``most`` where there was none."""
    state, first = evalues.start(n), np.full(n, most)
    for t in range(1, most + 1):
        alarm = evalues.detect(state, draw(), kind=kind) >= limit
        first = np.where(alarm & (first == most), t, first)
        if (first < most).all():
            break
    return first


@pytest.mark.parametrize("kind", evalues.KINDS)
@pytest.mark.parametrize("source", ["tails", "counts"])
def test_the_mean_time_to_a_false_alarm_is_at_least_what_is_promised(kind, source):
    rng = np.random.default_rng(21)
    n, alpha = 600, 0.02
    draw = {
        "tails": lambda: evalues.from_p(rng.random(n), 0.4),
        "counts": lambda: evalues.of_counts(rng.poisson(5.0, n), 5.0, 1.6),
    }[source]
    first = run_lengths(kind, 1 / alpha, draw, n, 2000)  # cut off at 2000: the mean is rather larger
    error = first.std() / math.sqrt(n)
    assert first.mean() >= 1 / alpha - 3 * error
    assert first.min() < 2000, "an e-detector that never alarms proves nothing"


@pytest.mark.parametrize(("kind", "soon"), [("sr", 8), ("cusum", 12)])
def test_a_change_is_found(kind, soon):
    rng = np.random.default_rng(22)
    state = evalues.start(200)
    for _ in range(50):
        evalues.detect(state, evalues.of_counts(rng.poisson(5.0, 200), 5.0, 1.6), kind=kind)
    late = np.zeros(200)
    for _ in range(60):
        late += evalues.detect(state, evalues.of_counts(rng.poisson(10.0, 200), 5.0, 1.6), kind=kind) < 1000
    assert np.median(late) <= soon


@given(st.lists(st.one_of(st.floats(1e-6, 1e6), st.just(math.nan)), max_size=60))
def test_detectors_by_their_definition(e):
    """SR is the sum over starting points of the products since then, CUSUM the largest of them."""
    sr, cusum, wealth = evalues.start(1), evalues.start(1), evalues.start(1)
    seen = []
    for one in e:
        got = [
            float(evalues.detect(sr, np.array([one]), kind="sr")[0]),
            float(evalues.detect(cusum, np.array([one]), kind="cusum")[0]),
            float(evalues.wealth(wealth, np.array([one]))[0]),
        ]
        if math.isnan(one):
            assert all(math.isnan(x) for x in got)
            continue
        seen.append(math.log(one))
        since = np.cumsum(seen[::-1])
        want = [np.logaddexp.reduce(since), since.max(), since[-1]]
        np.testing.assert_allclose(got, np.exp(np.minimum(want, 700)) if max(want) < 700 else got, rtol=1e-6)
        assert got[0] >= got[1] * (1 - 1e-9)


def test_years_of_evidence_do_not_overflow():
    state = evalues.start(2)
    for _ in range(3000):
        shown = evalues.detect(state, np.array([1e3, 1e-3]))
    assert np.isposinf(shown[0])
    assert 0 < shown[1] < 1
    evalues.restart(state, np.array([True, False]))
    assert evalues.detect(state, np.array([2.0, 2.0]))[0] == pytest.approx(2.0)


def test_wealth_exceeds_the_limit_seldom():
    """Ville: whenever one looks, 20 is passed in at most one of twenty quiet worlds."""
    rng = np.random.default_rng(23)
    n = 3000
    state, ever = evalues.start(n), np.zeros(n, bool)
    for _ in range(200):
        ever |= evalues.wealth(state, evalues.of_normal(rng.normal(size=n), 0.3)) >= 20
    assert 0.01 < ever.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)


def test_nothing_left_is_nothing_left():
    state = evalues.start(1)
    for e in (0.0, 5.0, 5.0):
        assert evalues.wealth(state, np.array([e]))[0] == 0


# -- families ----------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=30), st.floats(0.01, 0.5))
def test_e_bh_by_its_definition(e, alpha):
    found = evalues.e_benjamini_hochberg(e, alpha)
    ordered = sorted(e, reverse=True)
    k = max((i for i in range(1, len(e) + 1) if i * ordered[i - 1] >= len(e) / alpha), default=0)
    assert found.sum() >= k
    if k:
        assert all(value >= ordered[k - 1] for value in np.array(e)[found])
    else:
        assert not found.any()


def test_e_bh_holds_its_rate_when_tests_depend_on_each_other():
    """All nulls move together: the worst case for p-values, none for e-values."""
    rng = np.random.default_rng(24)
    share = []
    for _ in range(2000):
        common = rng.normal()
        z = np.concatenate([np.full(40, common), rng.normal(3.5, 1, 10)])
        found = evalues.e_benjamini_hochberg(evalues.of_normal(z, 3.0), 0.1)
        share.append(found[:40].sum() / max(found.sum(), 1))
    assert np.mean(share) <= 0.1 + 3 * np.std(share) / math.sqrt(2000)
    assert not evalues.e_benjamini_hochberg([math.nan, math.nan], 0.1).any()


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="kappa: got 1"):
        evalues.from_p(0.5, 1.0)
    with pytest.raises(MethodError, match=r"p-values: got 2\.0"):
        evalues.from_p([2.0])
    with pytest.raises(MethodError, match=r"e-values: got -1\.0"):
        evalues.detect(evalues.start(1), np.array([-1.0]))
    with pytest.raises(ConfigError, match="kind: got 'shewhart'"):
        evalues.detect(evalues.start(1), np.array([1.0]), kind="shewhart")
    with pytest.raises(ConfigError, match="ratio: got 0"):
        evalues.of_counts(1.0, 1.0, 0.0)
    assert np.isnan(evalues.from_p([math.nan])).all()
    assert np.isnan(evalues.merged([math.nan]))
