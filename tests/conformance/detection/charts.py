"""Adapters of the control charts of counts: from the words of a case to the settings of a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import tocsin.detect
from tests.conformance.detection.cases import Case, Result
from tocsin.detect.contract import judge
from tocsin.detect.methods.categorical_cusum import CategoricalCusum, first_alarm
from tocsin.stats import run_length


def _cusum(case: Case) -> Result:
    p = case.parameters
    if p["task"] == "find_kh":
        targets = case.table("arl_targets")
        pairs = [
            run_length.cusum_design(inside, outside)
            for inside, outside in zip(targets["arl_in_control"], targets["arl_out_of_control"], strict=True)
        ]
        return Result(columns={"k": [k for k, _ in pairs], "h": [h for _, h in pairs]})
    judged = tocsin.detect.run(
        case.counts.panel,
        "cusum",
        k=p["k"],
        h=p["h"],
        trans=p["trans"],
        alpha=p["alpha"],
        m=p["m"],
        phase1=p["range_first"] - 1,
        freq=p["freq"],
    )
    return Result(
        columns={
            "expected": case.at_keys(judged.expected),
            "statistic": case.at_keys(judged.details["statistic"]),
            "alarm": case.at_keys(judged.alarm),
        }
    )


def _glr(case: Case) -> Result:
    p = case.parameters
    judged = tocsin.detect.run(
        case.counts.panel,
        "glr",
        given=case.counts.given,
        c_ARL=p["c_ARL"],
        theta=p["theta"],
        M=p["M"],
        Mtilde=p["Mtilde"],
        change=p["change"],
        dir=p["dir"],
        alpha=p["alpha"],
        mu0=p["mu0"],
        mu0_S=p["mu0_S"] or 0,
        mu0_trend=bool(p["mu0_trend"]),
        phase1=p["range_first"] - 1,
        freq=p["freq"],
        cases=p["ret"] == "cases",
        compatible="surveillance-1.20",
    )
    columns = {
        "expected": judged.expected,
        "statistic": judged.details["statistic"],
        "alarm": judged.alarm,
    }
    if p["ret"] == "cases":
        columns["count_needed"] = judged.details["cases_needed"]
    return Result(columns={name: case.at_keys(column) for name, column in columns.items()})


def _rogerson(case: Case) -> Result:
    p = case.parameters
    if p["task"] == "find_h":
        targets = case.table("arl_targets")
        rows = list(zip(targets["expected"], targets["shift"], targets["limit"], strict=True))
        ks = [
            run_length.poisson_cusum_reference(mean, shift, digits=p["digits"], rounded=p["roundK"])
            for mean, shift, _ in rows
        ]
        arls = [
            run_length.poisson_cusum_arl(
                k, h, mean, digits=p["digits"], reaching=True, head_start=h / 2 if p["FIR"] else 0.0
            )
            for k, (mean, _, h) in zip(ks, rows, strict=True)
        ]
        return Result(columns={"k": ks, "ARL": arls})
    judged = tocsin.detect.run(
        case.counts.panel,
        "rogerson",
        given=case.counts.given,
        arl0=p["ARL0"],
        s=p["s"],
        means=tuple(p["h_theta0"]),
        k=tuple(p["h_k"]),
        h=tuple(p["h_h"]),
        fir=p["FIR"],
        reset=p["limit"] == 0,
    )
    columns = {"count_needed": judged.details["count_needed"], "alarm": judged.alarm}
    return Result(columns={name: case.at_keys(column) for name, column in columns.items()})


def _outbreakp(case: Case) -> Result:
    p = case.parameters
    judged = tocsin.detect.run(case.counts.panel, "outbreakp", k=p["k"], cases=p["ret"] == "cases")
    columns = dict(judged.details) | {"alarm": judged.alarm}
    return Result(columns={name: case.at_keys(column) for name, column in columns.items()})


def _categorical(case: Case) -> Result:
    p = case.parameters
    detector = CategoricalCusum(
        h=p["h"],
        odds_ratio=p["odds_ratio"],
        sigma=p["sigma"],
        phase1=p["phase1_last"],
        harmonics=p["phase1_S"],
        period=p["phase1_period"],
    )
    season = np.zeros(case.counts.values.shape, np.int64)
    judged = judge(detector, case.counts.panel, season, case.counts.given)
    columns = {
        "expected": judged.details["share"],
        "expected_out": judged.details["share_out"],
        "statistic": judged.details["statistic"],
        "alarm": judged.alarm,
    }
    found = {name: case.at_keys(column) for name, column in columns.items()}
    if p["task"] == "chart":
        return Result(columns=found)
    trials = case.at_keys(case.counts.given["trials"])
    share, out = found["expected"], found["expected_out"]
    return Result(
        columns={
            "cdf": first_alarm(p["h"], trials, share, out, share, classes=p["g"]),
            "cdf_out": first_alarm(p["h"], trials, share, out, out, classes=p["g"]),
        }
    )


def ARL(row: Mapping[str, Any]) -> float:  # noqa: N802 - the name that the runner asks for
    """A row of ``arl.csv``: the value of the column that ``result`` names."""
    k, h, weight, limit, mean = (row[name] for name in ("k", "h", "lambda", "limit", "mu"))
    two_sided = row["sided"] == "two"
    chart, calculation = row["chart"], row["calculation"]
    if chart == "cusum":
        if calculation == "siegmund":
            return run_length.cusum_siegmund(k, h, mean)
        if calculation == "solve_h":
            return run_length.cusum_limit(k, row["arl"], two_sided=two_sided)
        return run_length.cusum_arl(k, h, mean, head_start=row["headstart"] or 0.0, two_sided=two_sided)
    if chart == "ewma":
        if calculation == "solve_limit":
            return run_length.ewma_limit(weight, row["arl"], two_sided=two_sided)
        if calculation == "time_varying":
            return run_length.ewma_arl_exact_limits(weight, limit, mean)
        return run_length.ewma_arl(weight, limit, mean, two_sided=two_sided)
    if chart == "shewhart":
        return run_length.shewhart_arl(limit, mean, two_sided=two_sided)
    if chart == "shewhart_c":
        return run_length.shewhart_poisson_arl(limit, mean)
    if chart == "poisson_cusum":
        start = row["headstart"] or 0.0
        return run_length.poisson_cusum_arl(k, h, mean, reaching=row["alarm_rule"] == "ge", head_start=start)
    if chart == "poisson_ewma":
        return run_length.poisson_ewma_arl(weight, limit, row["mu0"], mean)
    raise LookupError(f"arl.csv: chart: got {chart!r}, allowed: those of METHODS.md")


METHODS: dict[str, Callable[[Case], Result]] = {
    "cusum": _cusum,
    "glr_pois": _glr,
    "glr_nb": _glr,
    "rogerson": _rogerson,
    "outbreakP": _outbreakp,
    "categoricalCUSUM": _categorical,
}
