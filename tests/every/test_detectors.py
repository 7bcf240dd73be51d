"""Every detector of the catalogue passes every shipped check, and a detector that breaks one is found."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tests.every
from tocsin.catalog import detectors
from tocsin.testing.detectors import CHECKS, Case, counts, readings

METHODS = detectors()
CASES = {
    "seasonal_count": Case(
        detector=METHODS["seasonal_count"](), normal=counts, fault=lambda values: 0 * values
    ),
    "seasonal_count-high": Case(
        detector=METHODS["seasonal_count"](side="high"), normal=counts, fault=lambda values: 3 * values + 5
    ),
    "robust_ewma": Case(
        detector=METHODS["robust_ewma"](), normal=readings, fault=lambda values: values + 25, warm=400
    ),
    "robust_ewma-season": Case(
        detector=METHODS["robust_ewma"](season="hour_of_week", side="both", least=72, floor=0.1),
        normal=readings,
        fault=lambda values: values - 25,
    ),
    "threshold": Case(
        detector=METHODS["threshold"](limit=13.0, width=0.25),
        normal=readings,
        fault=lambda values: values + 25,
        pooled=False,
        discrete=True,
        warm=1200,
    ),
}
for _entry in pkgutil.iter_modules(tests.every.__path__):
    if _entry.name.startswith("cases_"):
        _more = importlib.import_module(f"tests.every.{_entry.name}").CASES
        assert not CASES.keys() & _more.keys(), f"{_entry.name}: a case that another file has"
        CASES |= _more
BROKEN = ("gives_scores", "looks_ahead", "counts_columns", "draws_lots", "fills_in", "cries_wolf", "sleeps",
          "keeps_it_to_itself", "takes_the_crowd", "falls_over")  # fmt: skip


def test_the_detectors_were_found_and_each_has_a_case():
    assert set(METHODS) >= {"seasonal_count", "robust_ewma", "threshold"}
    assert {case.detector.NAME for case in CASES.values()} == set(METHODS)
    assert len(CHECKS) == 10


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", CASES)
def test_detector_passes(name, check):
    CHECKS[check](CASES[name])


def broken(name):
    return importlib.import_module(f"tests.every.broken.detectors.{name}")


def test_there_is_a_broken_detector_for_every_check():
    assert {broken(name).BREAKS for name in BROKEN} == set(CHECKS)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_detector_fails_its_check(name):
    module = broken(name)
    case = Case(detector=module.DETECTOR(), normal=readings, fault=lambda values: values + 25, warm=400)
    with pytest.raises(AssertionError, match=module.REASON):
        CHECKS[module.BREAKS](case)


@pytest.mark.parametrize("name", ["seasonal_count", "robust_ewma"])
def test_a_pooled_tail_depends_on_the_pool(name):
    """Why the tail of a pooled method is not held to be the same alone: it is not, and should not be."""
    case = CASES[name]
    alone = Case(detector=case.detector, normal=case.normal, fault=case.fault, pooled=False)
    with pytest.raises(AssertionError, match="tail: got another value for series"):
        CHECKS["check_series_alone"](alone)
