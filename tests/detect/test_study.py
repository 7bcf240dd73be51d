"""The simulation study: its world is the one described, and its scores are those of the definition."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from benchmarks import study as bench
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.detect.study import (
    DEPTHS,
    LAST,
    PAST,
    SCENARIOS,
    SCORED,
    SHAPES,
    WEEKS,
    limit_at,
    mosaic,
    negative_binomial,
    planted,
    score,
    simulate,
    truncated_poisson,
)

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "detection" / "simulation"
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "simulation-study.md"
shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared is not there"),
]


def test_there_are_28_scenarios_with_and_without_trend_and_season():
    assert len(SCENARIOS) == 28
    assert len({s.name for s in SCENARIOS}) == 28
    assert sum(s.beta != 0 for s in SCENARIOS) == sum(s.gamma1 != 0 for s in SCENARIOS) == 14


def test_the_mean_of_a_scenario_by_hand():
    scenario = SCENARIOS[3]  # theta 0.1, beta 0.0025, gamma 0.6 and 0.6
    assert scenario.mean(np.array([13.0]))[0] == pytest.approx(np.exp(0.1 + 0.0325 + 0.6))


def test_counts_and_outbreaks_are_as_described():
    made = simulate(np.random.default_rng(1), 60)
    quiet = simulate(np.random.default_rng(1), 60, outbreaks=False)
    assert made.observed.shape == (WEEKS, 28 * 60)
    assert not quiet.outbreak.any()
    for number in (0, 8, 16, 24):  # level only: mean and variance of the whole series
        counts = quiet.observed[:, quiet.scenario == number]
        mean = np.exp(SCENARIOS[number].theta)
        assert counts.mean() == pytest.approx(mean, rel=0.03)
        assert counts.var(0).mean() / mean == pytest.approx(SCENARIOS[number].phi, rel=0.05)
    cases = made.outbreak
    assert not cases[: PAST[0]].any()
    assert (cases[SCORED].sum(0) > 0).all()
    first = (cases[SCORED] > 0).argmax(0) + SCORED.start
    assert first.min() >= LAST[0]
    phi = np.array([SCENARIOS[i].phi for i in made.scenario])
    size = cases[SCORED].sum(0) / np.sqrt(phi * made.mean[first, np.arange(len(first))])
    big = made.mean[600] > 4
    assert size[big].mean() == pytest.approx(6.0, abs=0.25)  # uniform from 2 to 10 standard deviations
    # Half of the cases fall in the week of the start: a lognormal of median 1 is below 1 half of the time.
    rng = np.random.default_rng(2)
    week = np.floor(rng.lognormal(0, 0.5, 10_000))
    share = cases[first[big], np.flatnonzero(big)].sum() / cases[SCORED][:, big].sum()
    assert share == pytest.approx((week == 0).mean(), abs=0.04)


def test_dispersion_one_is_poisson_and_no_outbreak_is_empty():
    rng = np.random.default_rng(3)
    counts = negative_binomial(rng, np.full((20_000, 2), 4.0), np.array([1.0, 3.0]))
    assert (counts.var(0) / counts.mean(0)).tolist() == pytest.approx([1.0, 3.0], rel=0.06)
    assert truncated_poisson(rng, np.full(1000, 0.05)).min() == 1


def test_scores_by_hand():
    cases = np.array([[0, 0, 0], [2, 0, 1], [1, 0, 0], [0, 0, 2], [0, 0, 0]], float)
    alarm = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool)
    found = score(alarm, cases)
    assert found.false_alarms.tolist() == [1, 1, 1]
    assert found.quiet.tolist() == [3, 5, 3]
    assert found.true_alarms.tolist() == [1, 0, 0]
    assert found.detected.tolist() == [True, False, False]
    assert found.timeliness[[0, 2]].tolist() == [0.5, 1.0]
    assert np.isnan(found.timeliness[1])
    assert found.false_positive_rate == 3 / 11
    assert found.probability_of_detection == 0.5
    assert found.mean_timeliness == 0.75


@given(
    hnp.arrays(float, (7, 3), elements=st.sampled_from([0.01, 0.1, 0.2, 0.5, 1.0, np.nan])),
    st.floats(0, 1),
)
def test_the_limit_keeps_the_rate_and_the_next_one_would_not(tail, rate):
    cases = np.zeros((7, 3))
    cases[3] = 1
    limit = limit_at(tail, cases, rate)
    assert score(tail <= limit, cases).false_positive_rate <= rate + 1e-9
    quiet = tail[cases == 0]
    higher = [t for t in np.unique(quiet[np.isfinite(quiet)]) if t > limit]
    if higher:
        assert score(tail <= higher[0], cases).false_positive_rate > rate - 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_a_planted_hazard_takes_what_it_says(shape):
    normal = np.full(len(SHAPES[shape]), 40.0)
    assert planted(normal, shape, DEPTHS[-1], "low", 1.0).min() == 0
    lost = 1 - planted(normal, shape, 0.5, "low", 1.0) / 40
    np.testing.assert_allclose(lost, 0.5 * np.array(SHAPES[shape]), atol=0.0126)
    more = planted(normal, shape, 2.0, "high", 5.0)
    assert more.max() == 50
    assert np.isnan(planted(np.full(2, np.nan), "blow", 1.0, "low", 1.0)).all()


def test_neighbours_go_together_and_strangers_do_not():
    values = mosaic(np.random.default_rng(4), 300, 12, 12, shared=0.6)
    rank = np.corrcoef(np.log1p(values[:, values.mean(0) > 3].T))
    grid = np.flatnonzero(values.mean(0) > 3)
    row, column = np.divmod(grid, 12)
    apart = np.hypot(
        *(np.minimum(d, 12 - d) for d in (abs(row[:, None] - row), abs(column[:, None] - column)))
    )
    assert rank[apart == 1].mean() > rank[apart >= 5].mean() + 0.15
    alone = mosaic(np.random.default_rng(4), 300, 6, 6, shared=0.0)
    assert np.isfinite(alone).all()


def test_our_default_beats_what_r_is_on_record_for_on_average():
    """At each of R's false-positive rates, over all scenarios: more outbreaks found, and sooner."""
    many = bench.made(12, 77)
    tail = bench.ours(many.observed)
    for row in bench.compare(many, tail, None, tail):
        assert row["POD_anew"] > row["POD"], row["method"]
        assert row["timeliness_anew"] < row["timeliness"], row["method"]


@pytest.mark.parametrize("mark", [pytest.param(None, marks=shared)])
def test_our_default_beats_every_method_of_r_on_the_same_series(mark):
    same = bench.read(FOLDER)
    tail = bench.ours(same.observed)
    rows = bench.compare(same, tail, same, tail)
    assert {row["method"] for row in rows} == set(bench.R)
    for row in rows:
        assert row["FPR_ours"] <= row["FPR"] + 1e-12, row["method"]
        assert row["POD_ours"] > row["POD"], row["method"]
        assert row["timeliness_ours"] < row["timeliness"], row["method"]
        assert (row["FPR"], row["POD"], row["timeliness"]) == pytest.approx(bench.R[row["method"]], rel=1e-9)
        told = (
            f"| {row['method']} | {row['FPR']:.5f} | {row['POD']:.3f} | **{row['POD_ours']:.3f}** | "
            f"{row['POD_error']:.3f} | {row['timeliness']:.3f} | **{row['timeliness_ours']:.3f}** |"
        )
        assert told in PAGE.read_text(encoding="utf-8"), f"the page says something else than {told}"


@pytest.mark.parametrize("mark", [pytest.param(None, marks=shared)])
def test_our_scores_of_r_are_those_of_the_reference(mark):
    same = bench.read(FOLDER)
    with (FOLDER / "per_series_R.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    scored = {name: score(alarm, same.outbreak) for name, alarm in same.alarms.items()}
    assert len(rows) == 16 * 140
    for row in rows:
        i = np.flatnonzero(same.scenario == int(row["scenario"]) - 1)[int(row["seed"]) - 1]
        found = scored[row["method"]]
        assert found.false_alarms[i] == int(row["FP"])
        assert found.true_alarms[i] == int(row["TP"])
        assert found.struck[i] == int(row["outbreak_weeks"])
        assert found.timeliness[i] == pytest.approx(float(row["timeliness"]))


@pytest.mark.parametrize("mark", [pytest.param(None, marks=shared)])
def test_the_scenarios_are_those_of_the_reference(mark):
    with (FOLDER / "scenarios.csv").open(encoding="utf-8") as lines:
        for ours, row in zip(SCENARIOS, csv.DictReader(lines), strict=True):
            for name in ("theta", "beta", "gamma1", "gamma2", "phi"):
                assert getattr(ours, name) == float(row[name])
