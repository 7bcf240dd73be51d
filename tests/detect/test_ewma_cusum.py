"""The fast method: its arithmetic by hand, its tail against scipy, compiled against numpy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from tests.detect.readings import column, steps
from tocsin.detect import fast
from tocsin.detect.methods import ewma_cusum
from tocsin.detect.methods.ewma_cusum import EwmaCusum
from tocsin.model import ConfigError
from tocsin.stats import run_length

COMPILED = pytest.mark.skipif(not fast.COMPILED, reason="numba is not installed")
PER_SERIES = ("mean", "sd", "up", "down", "count")


def test_three_values_by_hand():
    detector = EwmaCusum(gain=0.5, k=0.5, h=1.0, peak=3.0, least=2, clip=3.0, calibrate=False)
    state, (_, _, third) = steps(detector, [10.0, 14.0, 14.0])
    # After 10 and 14: mean 12, deviation from it 2 (each weighs the same). Then z = 1.
    assert third.expected[0] == pytest.approx(12.0)
    assert third.lower[0] == pytest.approx(12 - 3 * 2.0)
    assert third.details["statistic"][0] == pytest.approx(0.5)
    assert third.tail[0] == pytest.approx(min(1, 4 * min(special.ndtr(-1.0), np.exp(-(0.5 + 0.583)))), 1e-6)
    assert not third.alarm[0]
    assert state["mean"][0] == pytest.approx(13.0)
    assert state["sd"][0] == pytest.approx(np.sqrt(0.5 * (4 + 0.5 * 4)))
    state, (fourth,) = steps(detector, [40.0], state)
    assert fourth.details["statistic"][0] == pytest.approx(0.5 + 3.0 - 0.5)  # the peak adds up to clip
    assert fourth.alarm[0]


@pytest.mark.parametrize(("side", "peaks"), [("high", [1, 0]), ("low", [0, 1]), ("both", [1, 1])])
def test_a_single_peak_alarms_on_its_side_exactly_beyond_the_band(side, peaks):
    values = np.tile([9.0, 11.0], 100)
    detector = EwmaCusum(side=side, h=100.0, calibrate=False)
    state, (*_, last) = steps(detector, values)
    above = {name: array.copy() for name, array in state.items()}
    alarms = []
    for bound, sign in ((state["mean"] + 4 * state["sd"], 1), (state["mean"] - 4 * state["sd"], -1)):
        for off in (-0.01, 0.01):
            start = {name: array.copy() for name, array in above.items()}
            _, (step,) = steps(detector, bound + sign * off, start)
            alarms.append(bool(step.alarm[0]))
    assert alarms == [False, peaks[0] == 1, False, peaks[1] == 1]
    assert np.isnan(last.lower[0]) == (side == "high")
    assert np.isnan(last.upper[0]) == (side == "low")


def test_a_missing_value_changes_nothing():
    rng = np.random.default_rng(1)
    detector = EwmaCusum(calibrate=False)
    values = rng.normal(size=80)
    state, _ = steps(detector, values)
    before = {name: array.copy() for name, array in state.items()}
    for gap in (np.nan, np.inf, 1e31):
        state, (step,) = steps(detector, [gap], state)
        assert np.isnan(step.tail[0])
        assert not step.alarm[0]
    assert all(np.array_equal(state[name], before[name]) for name in PER_SERIES)


def test_the_tail_is_right_to_a_millionth_down_to_1e_300():
    z = np.linspace(0, 37.4, 20_001)
    got = ewma_cusum._tails(z, np.zeros_like(z), 1e-9, 1.0)
    want = np.minimum(special.ndtr(-z), np.exp(-2e-9 * 0.583))
    assert np.abs(got / want - 1)[want > 1e-300].max() < 3e-7
    s = np.linspace(0, 600, 5_001)
    got = ewma_cusum._tails(np.zeros_like(s), s, 0.5, 1.0)
    assert np.abs(got / np.minimum(0.5, np.exp(-s - 0.583)) - 1).max() < 3e-7


def test_the_polynomial_is_the_one_that_a_fit_gives():
    """The stored digits are those of the relative least-maximum fit that the module speaks of."""
    least = 2.75 / (2.75 + 40)
    t = least + (1 - least) * (1 - np.cos(np.linspace(0, np.pi, 2001))) / 2
    x = 2.75 / t - 2.75
    mills = special.erfcx(x / np.sqrt(2)) / 2
    rows = np.vander(t, 9, increasing=True) * (t / mills)[:, None]
    stored = [getattr(ewma_cusum, f"P{i}") for i in range(9)]
    fitted = np.linalg.lstsq(rows, np.ones_like(t), rcond=None)[0]
    assert np.abs(rows @ stored - 1).max() < 1.1e-7
    assert np.abs(rows @ stored - 1).max() < np.abs(rows @ fitted - 1).max()


@COMPILED
@pytest.mark.parametrize("side", ["high", "low", "both"])
def test_compiled_and_numpy_are_the_same(side, monkeypatch):
    rng = np.random.default_rng(2)
    n = 20_011  # several blocks, and no multiple of what is done at a time
    detector = EwmaCusum(side=side)
    one, other = detector.start(n), detector.start(n)
    for _ in range(45):
        values = 7 + 3 * rng.normal(size=n) * np.where(rng.random(n) < 0.01, 50, 1)
        values[rng.random(n) < 0.02] = np.nan
        got = detector.advance(one, values)
        with monkeypatch.context() as patch:
            patch.setattr(ewma_cusum, "COMPILE_FROM", 10**9)
            want = detector.advance(other, values)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=0)
        for name in PER_SERIES:
            np.testing.assert_array_equal(one[name], other[name])
    assert np.isfinite(got).mean() > 0.9


@COMPILED
def test_a_forked_process_goes_without_threads():
    """OpenMP ends a forked process that asks for threads; the same numbers come without."""
    code = (
        "import os, numpy as np; from tocsin.detect.methods.ewma_cusum import EwmaCusum; "
        "d = EwmaCusum(least=2); a, b = d.start(20000), d.start(20000); x = np.arange(20000.0); "
        "[d.advance(s, x * (1 + i)) for i in range(3) for s in (a, b)]; child = os.fork(); "
        "t = d.advance(a, x * 9); same = np.array_equal(t, d.advance(b, x * 9), equal_nan=True); "
        "os._exit(not (same and t[7] < 0.9)) if child == 0 else print(os.waitpid(child, 0)[1], t[7] < 0.9)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.split() == ["0", "True"]


def test_it_runs_without_numba():
    """A process that may not compile gives the same first digits, and says so."""
    code = (
        "import numpy as np; from tocsin.detect import fast; "
        "from tocsin.detect.methods.ewma_cusum import EwmaCusum; "
        "d = EwmaCusum(least=2); s = d.start(20000); x = np.full(20000, 1.0); "
        "[d.advance(s, x + i % 2) for i in range(4)]; print(fast.COMPILED, d.advance(s, x + 9)[0] < 1e-9)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, timeout=120,
        env={"TOCSIN_NUMPY_ONLY": "1", "PATH": "", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.stdout.split() == ["False", "True"]


def test_state_is_small():
    detector = EwmaCusum()
    state = detector.start(1000)
    assert sum(a.nbytes for a in state.values() if len(a) == 1000) == 17 * 1000


def test_the_nominal_tail_holds_for_known_mean_and_deviation():
    """2 min(Q, exp(-2k(S + 0.583))): the chance of one chart or the other, in a long normal run."""
    rng = np.random.default_rng(3)
    n = 4000
    detector = EwmaCusum(gain=0.004, side="high", k=0.5, calibrate=False)
    state = detector.start(n)
    state["count"][:], state["sd"][:] = 255, 1.0
    hits, rows = np.zeros(3), 0
    for t in range(160):
        state["mean"][:], state["sd"][:] = 0.0, 1.0
        tail = detector.advance(state, rng.standard_normal(n))
        if t >= 60:
            hits += [(tail <= level).sum() for level in (0.1, 0.01, 0.001)]
            rows += n
    shares = hits / rows
    # The sum of two chances counts twice what both see; Siegmund is right to some percent.
    assert (shares < 1.2 * np.array([0.1, 0.01, 0.001])).all()
    assert (shares > 0.7 * np.array([0.1, 0.01, 0.001])).all()


def test_the_limit_is_that_of_the_run_length():
    detector = EwmaCusum(k=0.5, arl0=370.0, side="both")
    assert run_length.cusum_arl(0.5, detector.limit, two_sided=True) == pytest.approx(370, rel=1e-6)
    assert EwmaCusum(h=3.0).limit == 3.0


def test_a_lasting_shift_alarms_and_is_forgotten_when_it_is_normal():
    rng = np.random.default_rng(4)
    values = rng.normal(5, 1, 700)
    values[300:] += 1.5
    _, out = steps(EwmaCusum(), values)
    alarm = column(out, "alarm")[:, 0]
    assert alarm[300:330].any()
    assert alarm[600:].mean() < 0.1


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float64, (60, 3), elements=st.floats(-1e12, 1e12) | st.just(np.nan)),
    st.sampled_from(["high", "low", "both"]),
)
def test_anything_at_all_gives_a_probability_or_nothing(values, side):
    with np.errstate(all="raise", under="ignore"):
        _, out = steps(EwmaCusum(side=side, least=5), values)
    tail = column(out, "tail")
    known = tail[~np.isnan(tail)]
    assert ((known >= 0) & (known <= 1)).all()
    assert np.isnan(tail[np.isnan(values)]).all()


@pytest.mark.parametrize(
    "wrong",
    [{"gain": 0.001}, {"gain": 2.0}, {"least": 256}, {"side": "up"}, {"k": 0.0}, {"h": -1.0}, {"arl0": 2.0},
     {"peak": 0.0}, {"floor": 0.0}, {"clip": float("nan")}],
)  # fmt: skip
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        EwmaCusum(**wrong)
