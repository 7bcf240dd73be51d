"""Adapter: ``online_fdr`` by :mod:`tocsin.stats.multiplicity`."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.detection.cases import Case, Result
from tocsin.stats.multiplicity import Online, levels

SETTINGS = {"w0": "w0", "b0": "b0", "lambda": "candidate", "tau": "discard"}


def _online_fdr(case: Case) -> Result:
    p = case.parameters
    online = Online(
        procedure=p["procedure"],
        alpha=p["alpha"],
        gamma=p["gamma"],
        constant=p["gamma_constant"],
        **{ours: p[theirs] for theirs, ours in SETTINGS.items() if p[theirs] is not None},
    )
    level, found = levels(online, case.table("p_values")["p"])
    return Result(columns={"level": level, "reject": found})


METHODS: dict[str, Callable[[Case], Result]] = {"online_fdr": _online_fdr}
