"""Adapter of the generalised Pareto fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.detection.cases import Case, Result
from tocsin.stats import extremes

CHANCES = {"z_1e2": 1e-2, "z_1e3": 1e-3, "z_1e4": 1e-4, "z_1e5": 1e-5}
YEARS = {"rl_1y": 1, "rl_10y": 10}


def gpd(case: Case) -> Result:
    if case.parameters["quantile_type"] != 7 or not case.parameters["strict"]:
        raise ValueError(f"{case.name}: got {case.parameters}, allowed: type 7, strict")
    columns: dict[str, list[Any]] = {}
    values = {table.key: table["value"] for table in case.tables}
    rows = zip(case.keys["series"], case.keys["quantile"], case.keys["obs_per_year"], strict=True)
    for series, quantile, per_year in rows:
        threshold, excess = extremes.peaks(values[series], quantile)
        fit = extremes.gpd_fit(excess)
        share = fit.number / len(values[series])
        chances = CHANCES | {name: 1 / (years * per_year) for name, years in YEARS.items()}
        found = {"threshold": threshold, "n_exceed": fit.number}
        found |= {"scale_mle": fit.scale, "shape_mle": fit.shape, "nll": fit.nll}
        for name, chance in chances.items():
            found[name] = extremes.gpd_level(chance, threshold, share, fit.scale, fit.shape)
        for name, column in found.items():
            columns.setdefault(name, []).append(column[0])
    return Result(columns=columns)


METHODS: dict[str, Callable[[Case], Result]] = {"evt_gpd": gpd}
