"""The simulation of the reference set: our alarms beside R's, and the summary that follows from them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conformance import runner
from tests.conformance.detection.cases import Case, Counts, Floats, Result
from tests.conformance.runner import Report

Alarms = NDArray[np.bool_]

SAYING = ("upper", "upperbound", "score", "statistic", "cusum")
"""Columns of which one is there where a method has judged a week."""


def walk(
    folder: Path,
    report: Report,
    known: Mapping[str, Callable[[Case], Result]],
    only: tuple[str, ...] = ("",),
) -> None:
    """Two cases a method of ``simulation/SPEC.json``: its alarms, and its line of the summary."""
    path = folder / "simulation" / "SPEC.json"
    if not path.exists():
        return
    spec = json.loads(path.read_text("utf-8"))
    chosen = {n: e for n, e in spec["methods"].items() if f"simulation/{n}/".startswith(only)}
    if not chosen:
        return
    world = World.read(folder / "simulation")
    reference = _alarms(folder / "simulation" / "alarms_R.csv.gz", world)
    summary_file = folder / "simulation" / "summary_R.csv"
    summaries = {row["method"]: row for row in runner.table(summary_file)} if summary_file.exists() else {}
    tolerance = spec["files"]["simulation/summary_R.csv"]["tolerance"]
    for name, entry in chosen.items():
        try:
            adapter = known[entry["method"]]
            got, bound = world.back(adapter(world.case(name, entry["method"], entry["parameters"])))
        except Exception as error:  # noqa: BLE001 - one broken method must not hide the others
            why = f"{type(error).__name__}: {error}"
            if entry["method"] not in known:
                why = f"no adapter for the method {entry['method']}"
            report.fail(f"simulation/{name}", why)
            report.fail(f"simulation/{name}/summary", why)
            continue
        _judge(report, f"simulation/{name}", got, reference[name], entry["alarm_tolerance"])
        if name not in summaries:
            continue
        summary = summarise(got, world.outbreak[world.scored], bound)
        wrong = _off(summary, summaries[name], tolerance)
        if wrong:
            report.fail(f"simulation/{name}/summary", "; ".join(wrong))
        else:
            report.ok(f"simulation/{name}/summary")


def _off(
    got: Mapping[str, float], reference: Mapping[str, str], tolerance: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Measures beyond their tolerance; an empty cell of the reference is not compared."""
    return [
        f"{name}: got {got[name]:g}, reference {reference[name]}"
        for name, told in tolerance.items()
        if reference[name] not in ("", "NA")
        and not runner.agrees(
            got[name], reference[name], runner.Tolerance(relative=told["rel"], absolute=told["abs"])
        )
    ]


class World:
    """The simulated series, times by series; a series is a scenario with a seed."""

    def __init__(self, names: tuple[str, ...], observed: Floats, outbreak: Floats, scored: slice) -> None:
        self.names = names
        self.observed = observed
        self.outbreak = outbreak
        self.scored = scored

    @classmethod
    def read(cls, folder: Path) -> World:
        rows = list(runner.table(folder / "series.csv.gz"))
        names = tuple(dict.fromkeys(f"{r['scenario']}/{r['seed']}" for r in rows))
        column = {name: i for i, name in enumerate(names)}
        t = np.array([int(r["t"]) for r in rows])
        place = t - 1, np.array([column[f"{r['scenario']}/{r['seed']}"] for r in rows])
        observed, outbreak = np.full((2, int(t.max()), len(names)), np.nan)
        observed[place] = [float(r["observed"]) for r in rows]
        outbreak[place] = [float(r["outbreak"]) for r in rows]
        scored = json.loads((folder / "SPEC.json").read_text("utf-8"))["scored"]
        return cls(names, observed, outbreak, slice(scored["range_first"] - 1, scored["range_last"]))

    def case(self, name: str, method: str, parameters: Mapping[str, Any]) -> Case:
        """All series at once as one case of a method; keys run over the scored weeks of every series."""
        counts = Counts(
            t=np.arange(1, len(self.observed) + 1),
            regions=self.names,
            values=self.observed,
            dates=None,
            given={},
        )
        weeks = [int(t) for t in counts.t[self.scored]]
        return Case(
            id=f"simulation/{name}",
            method=method,
            parameters=parameters,
            counts=counts,
            keys={
                "t": tuple(t for _ in self.names for t in weeks),
                "region": tuple(n for n in self.names for _ in weeks),
            },
        )

    def back(self, result: Result) -> tuple[Alarms, Alarms]:
        """Alarms, and where the method says anything at all, times by series.

        R's summary counts a week as one without a bound where its alarm is missing. Where too few cases give
        no bound but still a score, its alarm is 0; so such a week is not counted.
        """
        shape = len(self.names), len(self.outbreak[self.scored])

        def column(name: str) -> Floats:
            return np.asarray(result.columns[name], float).reshape(shape).T

        alarm = column("alarm")
        said = [column(name) for name in SAYING if name in result.columns] or [alarm]
        heard: Alarms = np.logical_or.reduce([np.isfinite(one) for one in said])
        return np.nan_to_num(alarm) > 0, heard


def _alarms(path: Path, world: World) -> dict[str, Alarms]:
    """R's alarms by method, times by series; an empty cell is none."""
    column = {name: i for i, name in enumerate(world.names)}
    found: dict[str, Alarms] = {}
    for row in runner.table(path):
        panel = found.setdefault(row["method"], np.zeros(world.outbreak[world.scored].shape, np.bool_))
        panel[int(row["t"]) - 1 - world.scored.start, column[f"{row['scenario']}/{row['seed']}"]] = (
            row["alarm"] == "1"
        )
    return found


def _judge(report: Report, name: str, got: Alarms, reference: Alarms, told: Mapping[str, Any]) -> None:
    wrong = int((got != reference).sum())
    share = float(told.get("max_share_beyond", 0.0))
    allowed = max(1, int(share * got.size)) if share else 0
    if wrong <= allowed:
        report.ok(name)
    else:
        report.fail(name, f"{wrong} of {got.size} alarms differ, allowed {allowed}")


def summarise(alarms: Alarms, outbreak: Floats, bound: Alarms) -> dict[str, float]:
    """The measures of ``summary_R.csv`` of alarms, times by series.

    >>> alarms, outbreak = np.array([[True], [False], [True]]), np.array([[0.0], [2.0], [1.0]])
    >>> summarise(alarms, outbreak, alarms | True)["timeliness"]
    0.5
    """
    struck = outbreak > 0
    true = alarms & struck
    first = struck.argmax(0)
    last = len(struck) - 1 - struck[::-1].argmax(0)
    duration = last - first + 1
    detected = true.any(0)
    delay = true.argmax(0) - first
    timeliness = np.where(detected, delay / duration, 1.0)
    return {
        "FPR": float((alarms & ~struck).sum() / (~struck).sum()),
        "POD": float(detected.mean()),
        "POD_week1": float(true[first, np.arange(len(first))].mean()),
        "sensitivity": float(true.sum() / struck.sum()),
        "specificity": float(1 - (alarms & ~struck).sum() / (~struck).sum()),
        "PPV": float(true.sum() / alarms.sum()) if alarms.any() else math.nan,
        "timeliness": float(timeliness.mean()),
        "mean_delay_detected": float(delay[detected].mean()) if detected.any() else math.nan,
        "no_bound_share": float((~bound).mean()),
    }
