"""Adapters of the methods for counts with a baseline: each calls the plug-in with the case's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance.detection.cases import Case, Result
from tocsin import detect
from tocsin.detect.methods.farrington_flexible import FarringtonFlexible, explain
from tocsin.model import Judgement

R = "surveillance-1.20"


def judged(case: Case, method: str, given: tuple[str, ...] = (), **settings: Any) -> Judgement:
    """The judgement of a plug-in over the counts of a case."""
    assert case.counts is not None
    told = {name: case.counts.given[name] for name in given}
    return detect.run(case.counts.panel, method, given=told, calibrate=False, **settings)


def result(case: Case, judgement: Judgement, **columns: Any) -> Result:
    """Bound, alarm and further columns at the rows of the reference."""
    found = {"upperbound": judgement.upper, "alarm": judgement.alarm, **columns}
    return Result(columns={name: case.at_keys(column) for name, column in found.items()})


def flexible(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of farrington_flexible by the names of the reference."""
    own = ("freq", "b", "w", "reweight", "alpha", "trend", "powertrans")
    return {name: parameters[name] for name in own} | {
        "dates": parameters["epochAsDate"],
        "weights_threshold": parameters["weightsThreshold"],
        "p_threshold_trend": parameters["pThresholdTrend"],
        "limit54": tuple(parameters["limit54"]),
        "population_offset": parameters["populationOffset"],
        "no_periods": parameters["noPeriods"],
        "past_weeks_not_included": parameters["pastWeeksNotIncluded"],
        "threshold_method": parameters["thresholdMethod"],
        "compatible": R,
    }


def farrington_flexible(case: Case) -> Result:
    settings = flexible(case.parameters)
    given = ("population",) if settings["population_offset"] else ()
    judgement = judged(case, "farrington_flexible", given, **settings)
    return result(case, judgement, expected=judgement.expected, **judgement.details)


def farrington_flexible_internals(case: Case) -> Result:
    assert case.counts is not None
    counts, t = case.counts, int(case.parameters["t"])
    settings = flexible(case.parameters)
    population = counts.given["population"][:t, 0] if settings["population_offset"] else None
    why = explain(
        FarringtonFlexible(**settings), counts.values[:t, 0], times=counts.times[:t], population=population
    )
    coefficients = {f"coefficients.{name}": value for name, value in why.coefficients.items()}
    flags = {"trend_kept": bool(why.numbers["trend_kept"])}
    return Result(columns=why.rows, scalars={**why.numbers, **coefficients, **flags})


def farrington(case: Case) -> Result:
    own = ("freq", "b", "w", "reweight", "alpha", "trend", "powertrans")
    judgement = judged(
        case,
        "farrington",
        **{name: case.parameters[name] for name in own},
        dates=case.parameters["epochAsDate"],
        weights_threshold=case.parameters["weightsThreshold"],
        limit54=tuple(case.parameters["limit54"]),
        compatible=R,
    )
    return result(case, judgement, **judgement.details)


def named(method: str) -> Callable[[Case], Result]:
    """Adapter of a plug-in whose settings have the names of the reference."""

    def adapter(case: Case) -> Result:
        own = {"range_first", "range_last"}
        other = {"actY": "own", "minSigma": "min_sigma"}
        settings = {other.get(n, n): value for n, value in case.parameters.items() if n not in own}
        if method == "ears":
            settings["compatible"] = R
        judgement = judged(case, method, **settings)
        return result(case, judgement, **judgement.details)

    return adapter


METHODS: dict[str, Callable[[Case], Result]] = {
    "farringtonFlexible": farrington_flexible,
    "farringtonFlexible_internals": farrington_flexible_internals,
    "farrington": farrington,
    "bayes": named("bayes"),
    "rki": named("rki"),
    "cdc": named("cdc"),
    "ears": named("ears"),
}
