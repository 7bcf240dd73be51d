"""Change points: the recursion against all partitions, the predictives against scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tests.detect.readings import column, same, steps
from tocsin.detect.methods.bocpd import Bocpd
from tocsin.model import ConfigError


def one_run(detector, weight, mean, squares=None):
    """A state with a single stretch of which this much is known."""
    state = detector.start(1)
    state["log"][0], state["weight"][0], state["mean"][0] = 0.0, weight, mean
    state["length"][0], state["count"][0] = weight, detector.phase1
    state["first"][:, 0] = mean, 1.0 * (detector.phase1 - 1) if squares is None else squares
    if squares is not None:
        state["squares"][0] = squares
    return state


@pytest.mark.parametrize("side", ["high", "low"])
def test_the_predictives_are_those_of_scipy(side):
    chances = {}
    gaussian = Bocpd(side=side)
    state = one_run(gaussian, 9, 4.0, 20.0)
    log, low, high = gaussian._predictive(state, np.array([6.5]))
    t = stats.t(10, 4.0, np.sqrt(20 / 10 * 10 / 9))
    assert log[0, 0] == pytest.approx(t.logpdf(6.5))
    chances["gaussian"] = (low[0, 0], high[0, 0]), (t.cdf(6.5), t.sf(6.5))

    poisson = Bocpd(model="poisson", side=side)
    log, low, high = poisson._predictive(one_run(poisson, 8, 3.0), np.array([7.0]))
    nb = stats.nbinom(24.5, 8 / 9)
    assert log[0, 0] == pytest.approx(nb.logpmf(7))
    chances["poisson"] = (low[0, 0], high[0, 0]), (nb.cdf(7), nb.sf(6))

    both = Bocpd(model="nb", side=side)
    state = one_run(both, 8, 3.0)
    state["first"][1, 0] = 6.0 * (both.phase1 - 1)  # variance 6: size 3
    log, _, _ = both._predictive(state, np.array([7.0]))
    want = stats.betanbinom(3.0, 3 * 8 + 1, 24.5).logpmf(7)
    assert log[0, 0] == pytest.approx(want)
    for got, wanted in chances.values():
        assert got == pytest.approx(wanted)


def test_run_lengths_are_those_of_all_partitions():
    """Every way to cut five values into stretches, weighed by its prior and likelihood."""
    rng = np.random.default_rng(1)
    detector = Bocpd(model="poisson", phase1=10, kept=30, hazard=0.2, calibrate=False)
    first, values = rng.poisson(6.0, 10).astype(float), np.array([5.0, 14.0, 13.0, 15.0, 4.0])
    state, out = steps(detector, np.concatenate([first, values]))
    mean = first.mean()

    def stretch(begin, end):
        """Log likelihood of values[begin:end] as one stretch; the first goes on from the training phase."""
        weight, total = (10.0, first.sum()) if begin == -1 else (1.0, mean)
        log = 0.0
        for x in values[max(begin, 0) : end]:
            log += stats.nbinom.logpmf(x, total + 0.5, weight / (weight + 1))
            weight, total = weight + 1, total + x
        return log

    odds = np.zeros(6)  # by the number of values since the last cut; 5: none
    for cuts in itertools.product([False, True], repeat=5):
        places = [i for i, cut in enumerate(cuts) if cut]
        begins, ends = [-1, *places], [*places, 5]
        log = sum(stretch(b, e) for b, e in zip(begins, ends, strict=True))
        log += len(places) * np.log(0.2) + (5 - len(places)) * np.log(0.8)
        odds[5 - places[-1] if places else 0] += np.exp(log)
    share = odds / odds.sum()
    # A stretch that begins now has seen one value; the old one has 15.
    got = {
        int(n): np.exp(p)
        for n, p in zip(state["length"][:, 0], state["log"][:, 0], strict=True)
        if np.isfinite(p)
    }
    for length in range(1, 6):
        assert got[length] == pytest.approx(share[length], rel=1e-9)
    assert got[15] == pytest.approx(share[0], rel=1e-9)
    recent = sum(p for n, p in got.items() if n <= detector.recent)
    assert out[-1].details["change_probability"][0] == pytest.approx(recent)


@pytest.mark.parametrize("model", ["gaussian", "poisson", "nb"])
def test_a_jump_is_dated(model):
    rng = np.random.default_rng(2)
    values = rng.poisson(20.0, (260, 3)).astype(float)
    values[200:, 0] = rng.poisson(45.0, 60)
    _, out = steps(Bocpd(model=model), values)
    assert column(out, "alarm")[200:206, 0].any()
    assert not column(out, "alarm")[60:200].any()
    assert out[-1].details["run_length"][0] == pytest.approx(60, abs=6)
    assert (out[-1].details["run_length"][1:] > 150).all()
    assert out[-1].expected[0] == pytest.approx(45, abs=4)


def test_few_kept_beginnings_lose_little():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(200, 5)) + np.repeat([0, 3, 1, 5], 50)[:, None]
    _, few = steps(Bocpd(kept=16, calibrate=False), values)
    _, many = steps(Bocpd(kept=150, calibrate=False), values)
    difference = np.abs(column(few, "change_probability") - column(many, "change_probability"))
    assert np.nanmax(difference) < 0.02


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["gaussian", "poisson", "nb"]))
def test_probabilities_sum_to_one_and_gaps_are_passed_over(seed, model):
    rng = np.random.default_rng(seed)
    values = rng.poisson(8.0, 60).astype(float)
    gaps = np.insert(values, [3, 31, 50], np.nan)
    detector = Bocpd(model=model, kept=8, phase1=20, calibrate=False)
    state, one = steps(detector, values)
    _, other = steps(detector, gaps)
    assert special.logsumexp(state["log"][:, 0]) == pytest.approx(0.0, abs=1e-12)
    assert same([s for s, v in zip(other, gaps, strict=True) if not np.isnan(v)], one)


@pytest.mark.parametrize("model", ["poisson", "nb"])
def test_what_is_no_count_is_unknown_and_does_not_teach(model):
    rng = np.random.default_rng(4)
    detector = Bocpd(model=model, calibrate=False)
    state, _ = steps(detector, rng.poisson(5.0, 60))
    before = {name: array.copy() for name, array in state.items()}
    for wrong in (-1.0, 2.5, np.inf):
        state, (step,) = steps(detector, [wrong], state)
        assert np.isnan(step.tail[0])
        assert np.isnan(step.total[0])
    assert all(np.array_equal(state[name], before[name]) for name in state)


@pytest.mark.parametrize(
    "wrong", [{"model": "gamma"}, {"hazard": 0.0}, {"kept": 2}, {"recent": 0}, {"probable": 1.0},
              {"side": "up"}, {"phase1": 2}, {"floor": 0.0}],
)  # fmt: skip
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Bocpd(**wrong)
