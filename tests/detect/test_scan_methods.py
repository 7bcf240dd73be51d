"""The methods that scan a map period by period: by hand, against the functions on arrays, and their oddities.

The shipped checks run on them as on every method (``tests/every``).
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.every.cases_space import grid
from tocsin.detect import scan
from tocsin.detect.contract import Now
from tocsin.detect.methods.flexible_scan import FlexibleScan
from tocsin.detect.methods.kulldorff import Kulldorff
from tocsin.detect.methods.space_time import SpaceTime
from tocsin.detect.scan import zones
from tocsin.model import ConfigError, MethodError

N = 40
DAY_US = 86_400_000_000


def now(t=0, **given):
    said = {name: column.copy() for name, column in grid(1, N).items()} | given
    return Now(time=t * DAY_US, season=np.zeros(N, np.int64), given=said)


def places():
    here = grid(1, N)
    return np.stack([here["x"], here["y"]], 1)


def quiet(seed=1, n=1):
    return np.random.default_rng(seed).poisson(20.0, (n, N)).astype(float)


def run(detector, table, at=now):
    state = detector.start(N)
    for t, row in enumerate(table):
        state, step = detector.step(state, row, at(t))
    return step


# -- in space ----------------------------------------------------------------------------------------------


def test_the_step_says_what_the_function_on_arrays_says():
    values = quiet()[0]
    values[[0, 1, 8]] += 25
    step = run(Kulldorff(calibrate=False), [values])
    people = grid(1, N)["population"]
    found = scan.clusters(
        values, people, zones.circles(places(), people, 0.5), rng=np.random.default_rng(3)
    ).clusters[0]
    members = list(found.members)
    assert set(members) >= {0, 1, 8}
    np.testing.assert_allclose(step.details["statistic"][members], found.statistic)
    assert (step.details["cluster"][members] == 1).all()
    np.testing.assert_allclose(step.details["relative_risk"][members], found.relative_risk)
    # Another seed and a total rounded to a sixteenth: the same order of magnitude, decades from 1.
    np.testing.assert_allclose(np.log10(step.tail[members]), np.log10(found.p_gumbel), atol=1.5)
    assert step.alarm[members].all()
    others = np.setdiff1d(np.arange(N), np.flatnonzero(step.details["cluster"]))
    assert (step.tail[others] == 1).all()
    assert step.expected == pytest.approx(np.full(N, values.sum() / N))


def test_a_window_sums_its_periods_and_forgets_what_is_older():
    table = quiet(n=4)
    table[0] *= 50  # fallen out of the window
    step = run(Kulldorff(window=3, calibrate=False), table)
    assert step.total.tolist() == table[1:].sum(0).tolist()
    assert step.total_expected == pytest.approx(np.full(N, table[1:].sum() / N))
    assert (step.window == 3).all()


@pytest.mark.parametrize("detector", [Kulldorff(calibrate=False), FlexibleScan(calibrate=False, size=5)])
def test_what_is_unknown_takes_no_part(detector):
    values = quiet()[0]
    values[[0, 1, 8]] += 25
    whole = run(detector, [values])
    gone = values.copy()
    gone[[20, 21]] = np.nan, -5.0
    step = run(detector, [gone])
    assert np.isnan(step.tail[[20, 21]]).all()
    assert np.isnan(step.details["statistic"][[20, 21]]).all()
    assert not step.alarm[[20, 21]].any()
    assert (step.tail[[0, 1, 8]] < 1e-4).all()
    assert (whole.tail[[0, 1, 8]] < 1e-4).all()


def test_nobody_and_nowhere_is_unknown():
    people, x = np.full(N, 1e5), grid(1, N)["x"].copy()
    people[3], people[4], x[5] = 0.0, np.nan, np.nan
    step = run(Kulldorff(), [quiet()[0]], lambda t: now(t, population=people, x=x))
    assert np.flatnonzero(np.isnan(step.tail)).tolist() == [3, 4, 5]


def test_more_cases_than_trials_is_unknown():
    trials = np.full(N, 30.0)
    values = np.full(N, 10.0)
    values[2] = 31.0
    step = run(Kulldorff(model="bernoulli"), [values], lambda t: now(t, trials=trials))
    assert np.flatnonzero(np.isnan(step.tail)).tolist() == [2]
    full = run(Kulldorff(model="bernoulli"), [trials], lambda t: now(t, trials=trials))
    assert (full.tail[np.isfinite(full.tail)] > 0.01).all()


def test_bernoulli_asks_for_trials():
    assert Kulldorff(model="bernoulli").GIVEN == ("trials", "x", "y")
    assert FlexibleScan().GIVEN == ("population", "x", "y")
    detector = Kulldorff(model="bernoulli")
    bare = Now(time=0, season=np.zeros(2, np.int64), given={"x": np.zeros(2), "y": np.arange(2.0)})
    with pytest.raises(MethodError, match="trials: got none"):
        detector.step(detector.start(2), np.zeros(2), bare)


def test_a_line_is_found_by_connected_sets_and_not_by_circles():
    """Five areas in a row: no circle holds them without others."""
    line = np.arange(5)
    values = np.full(N, 20.0)
    values[line] += 16
    circle = run(Kulldorff(calibrate=False), [values])
    connected = run(FlexibleScan(calibrate=False, size=10, neighbours=4), [values])
    assert np.flatnonzero(connected.details["cluster"] == 1).tolist() == line.tolist()
    assert connected.details["statistic"][2] > circle.details["statistic"][2]


def test_chance_is_simulated_once_for_a_size_of_the_total():
    detector = Kulldorff()
    state = detector.start(N)
    for t in range(12):
        state, _ = detector.step(state, quiet(t)[0], now(t))
    assert 1 <= len(state["chance"]) <= 3
    state, _ = detector.step(state, quiet()[0], now(13, population=np.linspace(1e5, 2e5, N)))
    assert len(state["chance"]) == 1, "another population needs another simulation"


# -- in space and time -------------------------------------------------------------------------------------


def test_space_time_says_what_the_function_on_arrays_says():
    table = quiet(n=12)
    table[-3:, [0, 1, 8]] += 20
    detector = SpaceTime(history=12, longest=5, nearest=6, calibrate=False)
    step = run(detector, table)
    found = scan.prospective(
        table,
        zones.prefixes(places(), 6),
        rng=np.random.default_rng(3),
        population=np.full(table.shape, 1e5),
        longest=5,
    ).clusters[0]
    members = list(found.members)
    assert set(members) == {0, 1, 8}
    assert found.duration == 3
    np.testing.assert_allclose(step.details["statistic"][members], found.statistic)
    assert (step.window[members] == 3).all()
    assert step.total[members].tolist() == table[-3:, members].sum(0).tolist()
    np.testing.assert_allclose(step.total_expected[members], 3 * table.sum() / 12 / N)
    assert (step.tail[members] < 1e-6).all()


def test_space_time_is_silent_until_its_history_is_full():
    detector = SpaceTime(history=10, longest=3)
    state = detector.start(N)
    for t, row in enumerate(quiet(n=11)):
        state, step = detector.step(state, row, now(t))
        assert np.isnan(step.tail).all() == (t < 9)


def test_margins_are_proof_against_a_rise_of_all_and_an_area_that_is_always_high():
    rng = np.random.default_rng(12)
    mean = np.full((16, N), 10.0) * np.linspace(0.5, 2, 16)[:, None]
    mean[:, :4] *= 3
    table = rng.poisson(mean).astype(float)
    words = {"history": 16, "longest": 4, "calibrate": False, "replicates": 99}
    margins = run(SpaceTime(statistic="permutation", baseline="margins", **words), table)
    population = run(SpaceTime(**words), table)
    assert margins.tail.min() > 0.01
    assert population.tail[:4].max() < 1e-6
    table[-2:, [20, 21, 28]] += 60
    struck = run(SpaceTime(statistic="permutation", baseline="margins", **words), table)
    assert struck.tail[[20, 21, 28]].max() < 1e-3


def test_a_period_without_any_value_leaves_all_unknown():
    table = quiet(n=12)
    table[-2] = np.nan
    step = run(SpaceTime(history=10, longest=3), table)
    assert np.isnan(step.tail).all()
    table[-2] = table[-3]
    table[3] = np.nan  # before the windows: the rest of the past is enough
    assert np.isfinite(run(SpaceTime(history=10, longest=3), table).tail).all()


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        (Kulldorff, {"model": "gauss"}, "model: got 'gauss'"),
        (Kulldorff, {"bound": 1.5}, "bound: got 1.5"),
        (Kulldorff, {"window": 0}, "window: got 0"),
        (Kulldorff, {"replicates": 9}, "replicates: got 9"),
        (Kulldorff, {"alpha": 2.0}, "alpha: got 2.0"),
        (Kulldorff, {"seed": -1}, "seed: got -1"),
        (FlexibleScan, {"size": 20}, "size: got 20"),
        (FlexibleScan, {"neighbours": 0}, "neighbours: got 0"),
        (SpaceTime, {"statistic": "normal"}, "statistic: got 'normal'"),
        (SpaceTime, {"baseline": "none"}, "baseline: got 'none'"),
        (SpaceTime, {"history": 6}, "history: got 6, allowed: more than longest = 6"),
        (SpaceTime, {"replicates": 1}, "replicates: got 1"),
    ],
)
def test_bad_settings_are_refused(kind, words, message):
    with pytest.raises(ConfigError) as refused:
        kind(**words)
    assert message in str(refused.value)
