"""Nowcast cases: reporting triangles through :mod:`tocsin.detect.nowcast`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from tests.conformance.detection.cases import Case, Result
from tocsin.detect import triangle
from tocsin.detect.nowcast import Nowcast, delay_cdf, nowcast

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
STEPS = {"1 day": 1, "1 week": 7}


def _nowcast(case: Case) -> Result:
    p = case.parameters
    step = STEPS[p["aggregate_by"]]
    first = date.fromisoformat(p["first_date"]).toordinal()
    table = case.table("reporting_triangle")
    known = triangle.of_reports(
        _place(table["date"], first, step),
        np.asarray(table["delay"], np.int64),
        np.asarray(table["count"], np.float64),
        now=(date.fromisoformat(p["now"]).toordinal() - first) // step,
        longest=int(p["D"]),
    )
    settings = Nowcast(
        method=p["method"],
        most=int(p["N_tInf_max"]),
        window=int(p["m"] or 0),
        kappa=float(p["gd_prior_kappa"]),
        prior_mean=float(p["mean_lambda"]),
        prior_variance=float(p["var_lambda"]),
        draws=int(p["nSamples"] or 1000),
        compatible="surveillance-1.20",
    )
    if p["task"] == "delay_cdf":
        cdf = delay_cdf(known, settings)[:, 0]
        rows = np.minimum(np.array(case.keys["delay"], np.int64), known.longest)
        return Result(columns={"cdf": cdf[rows]})
    found = nowcast(known, settings, np.random.default_rng(20))
    rows = _place(case.keys["date"], first, step)
    columns = {
        "reported_so_far": found.reported,
        "mean": found.mean,
        "sd": found.sd,
        "pmf_sum": found.mass_sum,
    }
    columns |= dict(zip((f"q{level:g}" for level in LEVELS), found.quantiles(LEVELS).T, strict=True))
    return Result(columns={name: column[rows] for name, column in columns.items()})


def _place(dates, first: int, step: int):
    return np.array([(date.fromisoformat(d).toordinal() - first) // step for d in dates], np.int64)


METHODS: dict[str, Callable[[Case], Result]] = {"nowcast": _nowcast}
