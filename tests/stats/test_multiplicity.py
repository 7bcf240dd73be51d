"""Families and streams of tests: by hand, against another implementation, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tocsin.model import ConfigError, MethodError
from tocsin.stats import echo
from tocsin.stats.multiplicity import PROCEDURES, Online, benjamini_hochberg, levels, simes

P_LISTS = st.lists(st.one_of(st.floats(0, 1), st.floats(0, 1e-3), st.just(math.nan)), max_size=40)


def gamma(j):
    return 0.4374901658 * j**-1.6


# -- families ----------------------------------------------------------------------------------------------


@given(P_LISTS, st.floats(0.001, 0.5), st.booleans())
def test_benjamini_hochberg_is_scipys(p, alpha, dependent):
    p = np.array(p, float)
    known = ~np.isnan(p)
    want = np.zeros(len(p), bool)
    if known.any():
        method = "by" if dependent else "bh"
        adjusted = stats.false_discovery_control(p[known], method=method)
        if np.isclose(adjusted, alpha, rtol=1e-9).any():
            return
        want[known] = adjusted <= alpha
    assert benjamini_hochberg(p, alpha, dependent=dependent).tolist() == want.tolist()


@given(P_LISTS, st.floats(0.001, 0.5))
def test_simes_rejects_where_benjamini_hochberg_finds_something(p, alpha):
    value = simes(p)
    if math.isnan(value):
        assert not benjamini_hochberg(p, alpha).any()
    elif not math.isclose(value, alpha, rel_tol=1e-9):
        assert (value <= alpha) == bool(benjamini_hochberg(p, alpha).any())


def test_simes_is_uniform_when_tests_are_independent():
    rng = np.random.default_rng(2)
    values = [simes(rng.random(7)) for _ in range(4000)]
    assert stats.kstest(values, "uniform").pvalue > 1e-3


# -- streams by hand ---------------------------------------------------------------------------------------


def test_lord_by_hand():
    lord = Online(procedure="LORD++", alpha=0.1, gamma="power_1.6", w0=0.02)
    level, found = levels(lord, [0.5, 1e-9, 0.5, 1e-9, 0.5])
    assert found.tolist() == [False, True, False, True, False]
    want = [
        0.02 * gamma(1),
        0.02 * gamma(2),
        0.02 * gamma(3) + 0.08 * gamma(1),
        0.02 * gamma(4) + 0.08 * gamma(2),
        0.02 * gamma(5) + 0.08 * gamma(3) + 0.1 * gamma(1),
    ]
    assert level == pytest.approx(want, rel=1e-14)


def test_saffron_does_not_pay_for_candidates():
    """p = 0.3 is a candidate (lambda 0.5): the next test has the same level."""
    saffron = Online(procedure="SAFFRON", alpha=0.1, w0=0.05, candidate=0.5)
    level, _ = levels(saffron, [0.3, 0.3, 0.8, 0.3])
    assert level == pytest.approx(0.5 * 0.05 * gamma(np.array([1, 1, 1, 2.0])), rel=1e-14)


def test_addis_passes_over_what_it_discards():
    addis = Online(procedure="ADDIS", alpha=0.1, w0=0.05, candidate=0.25, discard=0.5)
    level, _ = levels(addis, [0.9, 0.7, 0.3, 0.1, 0.9])
    assert level == pytest.approx(0.25 * 0.05 * gamma(np.array([1, 1, 1, 2, 2.0])), rel=1e-14)


def test_lord3_by_its_formula_and_as_the_package_has_it():
    """After two adjacent discoveries the package forgets a reward."""
    p = [0.9, 1e-9, 1e-9, 0.9]
    lord = Online(procedure="LORD3", alpha=0.1, gamma="power_1.6", w0=0.01, b0=0.09)
    level, _ = levels(lord, p)
    first = [0.01 * gamma(1), 0.01 * gamma(2)]
    second = (0.01 - sum(first) + 0.09) * gamma(1)
    third = (0.01 - sum(first) - second + 0.18) * gamma(1)
    assert level == pytest.approx([*first, second, third], rel=1e-14)
    package = Online(
        procedure="LORD3", alpha=0.1, gamma="power_1.6", w0=0.01, b0=0.09, compatible="onlineFDR-2.19.1"
    )
    level, _ = levels(package, p)
    assert level[3] == pytest.approx((0.01 - sum(first) - second + 0.09) * gamma(1), rel=1e-14)


def test_fallback_hands_the_level_on():
    fallback = Online(procedure="online_fallback", alpha=0.1, gamma="power_1.6")
    level, _ = levels(fallback, [1e-9, 1e-9, 0.9, 0.9])
    g = 0.1 * gamma(np.arange(1, 5.0))
    assert level == pytest.approx([g[0], g[1] + g[0], g[2] + g[1] + g[0], g[3]], rel=1e-14)


# -- properties --------------------------------------------------------------------------------------------


def direct(online, p):
    """Levels of the procedures with a memory, by the plain sum over all discoveries."""
    got, taus, clock = [], [], 0  # places of discoveries on the procedure's clock
    budget = online.alpha * (online.discard if online.procedure == "LORD_discard" else 1)
    for value in p:
        total = online.w0 * online.sequence(1 + clock)
        for k, tau in enumerate(taus):
            total += (budget - online.w0 if k == 0 else budget) * online.sequence(1 + clock - tau)
        level = {
            "LORD++": total,
            "LORD_discard": min(online.discard, total),
            "SAFFRON": min(online.candidate, (1 - online.candidate) * total),
            "ADDIS": min(online.candidate, (online.discard - online.candidate) * total),
            "Alpha_investing": total / (1 + total),
        }[online.procedure]
        got.append(level)
        clock += {
            "LORD++": True,
            "LORD_discard": value <= online.discard,
            "SAFFRON": value > online.candidate,
            "ADDIS": online.candidate < value <= online.discard,
            "Alpha_investing": value > level,
        }[online.procedure]
        if value <= level:
            taus.append(clock)
    return np.array(got)


@pytest.mark.parametrize("procedure", ["LORD++", "LORD_discard", "SAFFRON", "ADDIS", "Alpha_investing"])
def test_the_fast_sum_is_the_plain_sum(procedure):
    rng = np.random.default_rng(8)
    p = rng.random(700)
    p[rng.random(700) < 0.2] *= 1e-7
    online = Online(procedure=procedure)
    level, found = levels(online, p)
    assert found.sum() > 50
    assert level == pytest.approx(direct(online, p), rel=1e-12)


@pytest.mark.parametrize("density", [0.4, 0.004])
def test_an_echo_is_the_plain_sum_after_a_long_time(density):
    rng = np.random.default_rng(9)
    state, weights = echo.start(), np.zeros(9001)
    for t in range(9000):
        if rng.random() < density:
            weights[t] = rng.random()
            echo.add(state, weights[t])
        if t % 613 == 0 or t > 8990:
            events = np.flatnonzero(weights[: t + 1])
            want = weights[events] @ gamma(1.0 + t - events)
            assert echo.value(state, gamma) == pytest.approx(want, rel=1e-12)
        echo.advance(state, gamma)


@settings(max_examples=25)
@given(P_LISTS, st.sampled_from(PROCEDURES), st.integers(0, 40))
def test_a_level_rests_on_the_past_and_survives_a_stop(p, procedure, cut):
    online = Online(procedure=procedure)
    whole, found = levels(online, p)
    again, _ = levels(online, [*p[:cut], *[0.5] * 5])
    n = min(cut, len(p))
    np.testing.assert_array_equal(again[:n], whole[:n])
    state = online.start()
    for i, one in enumerate(p):
        state = {name: array.copy() for name, array in state.items()}
        level, hit = online.step(state, one)
        assert level == whole[i] or math.isnan(one)
        assert hit == found[i]


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_what_is_missing_is_no_test(procedure):
    online = Online(procedure=procedure)
    with_gap, _ = levels(online, [1e-9, math.nan, 0.2, math.nan, 1e-9])
    without, _ = levels(online, [1e-9, 0.2, 1e-9])
    assert np.isnan(with_gap[[1, 3]]).all()
    assert with_gap[[0, 2, 4]].tolist() == without.tolist()


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_false_discovery_rate_in_a_stream(procedure):
    """200 streams of 100 independent tests, a fifth real: the rate promised holds, with some power."""
    rng = np.random.default_rng(11)
    online = Online(procedure=procedure, alpha=0.1)
    real = rng.random((200, 100)) < 0.2
    p = np.where(real, stats.norm.sf(rng.normal(3.5, 1, real.shape)), rng.random(real.shape))
    share, power = [], []
    for row, true in zip(p, real, strict=True):
        found = levels(online, row)[1]
        share.append((found & ~true).sum() / max(found.sum(), 1))
        power.append((found & true).sum() / true.sum())
    error = np.std(share) / math.sqrt(200)
    assert np.mean(share) <= 0.1 + 3 * error
    assert np.mean(power) > 0.03


@pytest.mark.parametrize(
    "procedure", ["Alpha_spending", "online_fallback", "ADDIS_spending", "LORD++", "SAFFRON"]
)
def test_no_signal_seldom_gives_a_discovery(procedure):
    rng = np.random.default_rng(12)
    online = Online(procedure=procedure, alpha=0.1)
    wrong = np.mean([levels(online, rng.random(80))[1].any() for _ in range(300)])
    assert wrong <= 0.1 + 3 * math.sqrt(0.09 / 300)


def test_gamma_sums_to_at_most_one():
    """Up to 10**5; the rest by the integral of the sequence."""
    n = 10**5
    j = np.arange(1, n + 1.0)
    rest = 0.4374901658 * n**-0.6 / 0.6
    assert Online(procedure="ADDIS").sequence(j).sum() + rest == pytest.approx(1, abs=1e-5)
    # With u = sqrt(log x) the integral is that of 2 u**3 exp(-u).
    u = math.sqrt(math.log(n))
    rest = 2 * 0.07720838 * math.exp(-u) * (u**3 + 3 * u**2 + 6 * u + 6)
    assert 0.97 < Online(procedure="LORD++").sequence(j).sum() + rest < 1
    rest = 0.139307 / (2 * math.log(n) ** 2)
    assert 0.5 < Online(procedure="LORD_dep").sequence(j).sum() + rest < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"procedure": "LORD"}, "procedure: got 'LORD'"),
        ({"procedure": "LORD++", "alpha": 0.0}, "alpha: got 0.0"),
        ({"procedure": "LORD++", "gamma": "one"}, "gamma: got 'one'"),
        ({"procedure": "LORD++", "w0": 0.06}, "w0: got 0.06"),
        ({"procedure": "LORD_discard", "w0": 0.03}, "w0: got 0.03"),
        ({"procedure": "ADDIS", "candidate": 0.5}, "candidate: got 0.5"),
        ({"procedure": "ADDIS", "discard": 1.5}, "discard: got 1.5"),
        ({"procedure": "LORD3", "b0": 0.05}, "b0: got 0.05"),
        ({"procedure": "LORD3", "compatible": "R"}, "compatible: got 'R'"),
        ({"procedure": "LOND", "constant": -1.0}, "constant: got -1.0"),
    ],
)
def test_bad_settings_are_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        Online(**words)


def test_no_probability_is_refused():
    online = Online(procedure="LOND")
    with pytest.raises(MethodError, match=r"got 1\.5, allowed: 0 to 1"):
        online.step(online.start(), 1.5)
    with pytest.raises(MethodError, match="p-values: got -1"):
        simes([-1.0, 0.5])
