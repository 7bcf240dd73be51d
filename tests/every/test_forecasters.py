"""Every forecaster of the catalogue passes every shipped check, and a forecaster that breaks one is found."""

from __future__ import annotations

import importlib

import pytest

from tocsin.catalog import forecasters
from tocsin.testing.forecasters import CHECKS, Case

METHODS = forecasters()


def made(name, **settings):
    return Case(make=lambda season: METHODS[name](season=season, **settings))


def around(name, **settings):
    return Case(make=lambda season: METHODS[name](settings={"season": season}, **settings))


CASES = {
    "seasonal_naive": made("seasonal_naive"),
    "ets": made("ets"),
    "arima": made("arima"),
    "quantile_boosting": made("quantile_boosting", trees=40, examples=1500),
    "conformal": around("conformal", member="seasonal_naive"),
    "ensemble": Case(
        make=lambda season: METHODS["ensemble"](
            members=("seasonal_naive", "quantile_boosting"),
            origins=2,
            settings={"season": season, "trees": 20, "examples": 600},
        )
    ),
}
BROKEN = ("crosses", "gives_up", "draws_lots", "looks_ahead", "counts_columns", "fills_in", "falls_over",
          "knows_nothing")  # fmt: skip


def test_the_forecasters_were_found_and_each_has_a_case():
    assert set(METHODS) >= {"seasonal_naive", "ets", "arima", "quantile_boosting", "ensemble", "conformal"}
    assert set(CASES) == set(METHODS)
    assert len(CHECKS) == 8


SLOW = {(name, "check_not_worse_than_naive") for name in ("ets", "arima", "ensemble")}
PAIRS = [
    pytest.param(name, check, id=f"{name}-{check}", marks=[pytest.mark.slow] if (name, check) in SLOW else [])
    for name in CASES
    for check in CHECKS
]


@pytest.mark.parametrize(("name", "check"), PAIRS)
def test_forecaster_passes(name, check):
    CHECKS[check](CASES[name])


def broken(name):
    return importlib.import_module(f"tests.every.broken.forecasters.{name}")


def test_there_is_a_broken_forecaster_for_every_check():
    assert {broken(name).BREAKS for name in BROKEN} == set(CHECKS)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_forecaster_fails_its_check(name):
    module = broken(name)
    with pytest.raises(AssertionError, match=module.REASON):
        CHECKS[module.BREAKS](Case(make=lambda season: module.FORECASTER(season=season)))
