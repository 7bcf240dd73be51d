"""Forecasts over a tree: means add up exactly, at every step; what is unknown is in no sum, and said."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.forecast import run
from tocsin.forecast.coherent import coherent
from tocsin.forecast.reconcile import METHODS
from tocsin.model import DAY, ConfigError, MethodError, Panel, grid_us

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
PARENTS = {"n1": "north", "n2": "north", "s1": "south", "north": "all", "south": "all", "far": "elsewhere"}
MEANS = {"n1": 30.0, "n2": 5.0, "s1": 12.0}


def past(columns, days=90):
    values = np.stack([np.broadcast_to(c, days) for c in columns.values()], 1).astype(float)
    return Panel(
        quantity="x", regions=tuple(columns), times=grid_us(BEGIN, BEGIN + days * DAY, DAY), values=values,
        known=np.isfinite(values), at=BEGIN + days * DAY,
    )  # fmt: skip


def counts(seed=1, days=90):
    rng = np.random.default_rng(seed)
    return {name: rng.poisson(mean, days).astype(float) for name, mean in MEANS.items()}


def made(columns, how, **more):
    options = {"season": 7, "steps": 3} | more
    return coherent(past(columns), "seasonal_naive", parents=PARENTS, reconcile=how, **options)


def by_name(told):
    return dict(zip(told.forecast.regions, told.mean.T, strict=True))


@given(seed=st.integers(0, 10_000), how=st.sampled_from(METHODS), steps=st.integers(1, 4))
@settings(max_examples=25)
def test_the_totals_are_kept(seed, how, steps):
    told = made(counts(seed), how, steps=steps)
    mean = by_name(told)
    assert set(mean) == {"n1", "n2", "s1", "north", "south", "all"}
    np.testing.assert_allclose(mean["north"], mean["n1"] + mean["n2"], rtol=1e-12)
    np.testing.assert_allclose(mean["all"], mean["n1"] + mean["n2"] + mean["s1"], rtol=1e-12)
    np.testing.assert_allclose(mean["south"], mean["s1"], rtol=1e-12)
    assert (np.diff(told.forecast.quantiles, axis=1) >= 0).all()
    assert told.forecast.unknown == told.partial == {}


def test_made_one_by_one_they_do_not_add_up():
    columns = counts()
    columns["north"] = columns["n1"] + columns["n2"] + np.random.default_rng(9).normal(0, 3, 90)
    alone = run(past(columns), "seasonal_naive", season=7, steps=1).quantiles[0, 3]
    assert abs(alone[0] + alone[1] - alone[3]) > 0.5
    mean = by_name(made(columns, "mint_shrink"))  # a region that has figures of its own is taken as it is
    np.testing.assert_allclose(mean["north"], mean["n1"] + mean["n2"], rtol=1e-12)
    bottom = by_name(made(columns, "bottom_up"))
    assert not np.allclose(mean["n1"], bottom["n1"])


def test_the_spread_of_a_sum_follows_how_its_parts_go_together():
    rng = np.random.default_rng(3)
    common = rng.normal(0, 3, 90)
    together = {"n1": 50 + common, "n2": 50 + common + rng.normal(0, 0.01, 90)}
    apart = {"n1": 50 + common, "n2": 50 + rng.permutation(common)}

    def width(columns):
        told = made(columns, "bottom_up", season=1)
        quantiles = told.forecast.quantiles[0, :, told.forecast.regions.index("north")]
        return quantiles[-1] - quantiles[0]

    assert width(together) > 1.2 * width(apart)


def test_a_series_that_is_unknown_is_in_no_sum_and_the_sums_say_so():
    columns = counts() | {"n2": np.full(90, np.nan)}
    told = made(columns, "ols")
    mean = by_name(told)
    assert np.isnan(mean["n2"]).all()
    np.testing.assert_allclose(mean["north"], mean["n1"], rtol=1e-12)
    np.testing.assert_allclose(mean["all"], mean["n1"] + mean["s1"], rtol=1e-12)
    assert set(told.forecast.unknown) == {"n2"}
    assert told.partial == {"north": "without n2, unknown", "all": "without n2, unknown"}
    assert "n2" not in told.parents


def test_a_hole_under_a_figure_of_its_own_is_refused():
    columns = counts()
    columns |= {"north": columns["n1"] + columns["n2"], "n2": np.full(90, np.nan)}
    with pytest.raises(MethodError, match=r"n2: got unknown .* within north"):
        made(columns, "ols")


def test_a_gap_in_one_series_is_a_gap_in_its_sums_alone():
    columns = counts()
    columns["s1"][40:45] = np.nan
    told = made(columns, "mint_shrink")
    assert np.isfinite(told.mean).all()
    assert told.forecast.regions[:3] == ("n1", "n2", "s1")


def test_what_cannot_be_done_is_said():
    with pytest.raises(ConfigError, match=r"reconcile.*bottom_up"):
        made(counts(), "mint")
    with pytest.raises(MethodError, match="no series"):
        made({"n1": np.full(90, np.nan)}, "ols")
    with pytest.raises(MethodError, match="at least 3"):
        made(counts(), "mint_shrink", origins=2)
    with pytest.raises(MethodError, match="one level"):
        made(counts(), "ols", levels=[0.5])
    with pytest.raises(ConfigError, match="within itself"):
        coherent(past({"a": 1.0}), "seasonal_naive", parents={"a": "b", "b": "a"}, reconcile="ols", steps=1)
