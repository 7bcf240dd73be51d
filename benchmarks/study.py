"""The simulation study against R's ``surveillance`` in the same run: ``python -m benchmarks.study``.

For every method of R, our default method is set to the same false-positive rate (or the nearest below) over
all 28 scenarios together, and probability of detection and timeliness are compared. With the reference
folder, both judge the very same 140 series. Five series a scenario say little of one scenario, so the same is
done on series made anew, where Tocsin's ports of R's methods stand for R; the reference folder tells that
their alarms are R's. Scenarios in which ours finds fewer outbreaks, or finds them later, are listed first.

The last line is the smallest ratio of the two probabilities of detection over R's methods.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.catalog import detectors
from tocsin.detect import Detector, judge
from tocsin.detect.contract import Floats
from tocsin.detect.methods.seasonal_nb import SeasonalNb
from tocsin.detect.study import SCENARIOS, SCORED, WEEKS, Found, limit_at, score, simulate
from tocsin.model import Judgement, MethodError, Panel, from_us

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data" / "detection" / "simulation"
SEED, REPLICATES = 2013, 40
WEEK_US = 7 * 86_400_000_000
OURS = SeasonalNb(periods=(364.0,))
"""Defaults, with the year of 52 weeks that the scenarios have."""

_FLEXIBLE = {
    "dates": False,
    "b": 5,
    "w": 3,
    "no_periods": 10,
    "past_weeks_not_included": 26,
    "alpha": 0.005,
    "compatible": "surveillance-1.20",
}
_CUSUM = {"k": 1.04, "h": 2.26, "arl0": None, "trans": "rossi", "phase1": 575}
PORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "farringtonFlexible_delta": ("farrington_flexible", {**_FLEXIBLE, "threshold_method": "delta"}),
    "farringtonFlexible_nb": ("farrington_flexible", {**_FLEXIBLE, "threshold_method": "nbPlugin"}),
    "farringtonFlexible_muan": ("farrington_flexible", {**_FLEXIBLE, "threshold_method": "muan"}),
    "farrington": (
        "farrington",
        {"dates": False, "b": 5, "w": 3, "alpha": 0.01, "compatible": "surveillance-1.20"},
    ),
    "ears_C1": ("ears", {"variant": "C1", "alpha": 0.001}),
    "ears_C2": ("ears", {"variant": "C2", "alpha": 0.001}),
    "ears_C3": ("ears", {"variant": "C3", "alpha": 0.025, "compatible": "surveillance-1.20"}),
    "bayes1": ("bayes", {"b": 0, "w": 6, "own": True}),
    "bayes2": ("bayes", {"b": 1, "w": 6, "own": True}),
    "bayes3": ("bayes", {"b": 2, "w": 4, "own": False}),
    "rki1": ("rki", {"b": 0, "w": 6, "own": True}),
    "rki2": ("rki", {"b": 1, "w": 6, "own": True}),
    "rki3": ("rki", {"b": 2, "w": 4, "own": False}),
    "cusum_rossi": ("cusum", {**_CUSUM, "m": "mean"}),
    "cusum_glm_rossi": ("cusum", {**_CUSUM, "m": "glm"}),
    "glrnb": ("glr", {"alpha": None, "mu0_trend": True, "phase1": 575}),
}
"""Tocsin's ports of R's methods, with the settings of the study."""

R: dict[str, tuple[float, float, float]] = {
    "glrnb": (0.000930521091811, 0.264285714286, 0.775833333333),
    "farringtonFlexible_muan": (0.00124069478908, 0.271428571429, 0.736904761905),
    "farringtonFlexible_nb": (0.0031017369727, 0.378571428571, 0.645833333333),
    "farringtonFlexible_delta": (0.00480769230769, 0.4, 0.626785714286),
    "farrington": (0.0203163771712, 0.557142857143, 0.483928571429),
    "ears_C1": (0.0286910669975, 0.521428571429, 0.491071428571),
    "ears_C2": (0.0352047146402, 0.55, 0.479761904762),
    "rki2": (0.0549007444169, 0.664285714286, 0.367261904762),
    "rki3": (0.067617866005, 0.721428571429, 0.314285714286),
    "ears_C3": (0.068858560794, 0.585714285714, 0.601626984127),
    "rki1": (0.0713399503722, 0.664285714286, 0.357738095238),
    "bayes1": (0.0848325062035, 0.764285714286, 0.269642857143),
    "bayes2": (0.0893300248139, 0.778571428571, 0.257738095238),
    "bayes3": (0.107165012407, 0.814285714286, 0.222023809524),
    "cusum_glm_rossi": (0.401674937965, 0.8, 0.246071428571),
    "cusum_rossi": (0.404001240695, 0.778571428571, 0.270238095238),
}
"""False-positive rate, probability of detection, timeliness of R's surveillance 1.20.3 on five series of
each scenario: what is compared with where the reference folder is absent."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Series to judge, and what R said of them.

    Parameters
    ----------
    scenario : ndarray of int64, shape (n_series,)
        Index of the scenario.
    observed : ndarray of float64, shape (624, n_series)
        Counts.
    outbreak : ndarray of float64, shape (49, n_series)
        Outbreak cases in the scored weeks.
    alarms : dict of str to ndarray of bool, shape (49, n_series)
        R's, by method; empty for series made anew.
    """

    scenario: NDArray[np.int64]
    observed: Floats
    outbreak: Floats
    alarms: dict[str, NDArray[np.bool_]]


def made(replicates: int, seed: int) -> Series:
    """Series of our own."""
    fresh = simulate(np.random.default_rng(seed), replicates)
    return Series(
        scenario=fresh.scenario, observed=fresh.observed, outbreak=fresh.outbreak[SCORED], alarms={}
    )


def read(folder: Path) -> Series:
    """The reference series and R's alarms."""
    names: dict[tuple[str, str], int] = {}
    observed, outbreak = [], []
    with gzip.open(folder / "series.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            column = names.setdefault((row["scenario"], row["seed"]), len(names))
            observed.append((int(row["t"]) - 1, column, float(row["observed"])))
            outbreak.append((int(row["t"]) - 1, column, float(row["outbreak"])))
    alarms: dict[str, NDArray[np.bool_]] = {}
    with gzip.open(folder / "alarms_R.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            table = alarms.setdefault(row["method"], np.zeros((WEEKS, len(names)), np.bool_))
            table[int(row["t"]) - 1, names[row["scenario"], row["seed"]]] = row["alarm"] == "1"
    return Series(
        scenario=np.array([int(scenario) - 1 for scenario, _ in names], np.int64),
        observed=_table(observed, len(names)),
        outbreak=_table(outbreak, len(names))[SCORED],
        alarms={name: table[SCORED] for name, table in sorted(alarms.items())},
    )


def _table(cells: Iterable[tuple[int, int, float]], n: int) -> Floats:
    table = np.full((WEEKS, n), np.nan)
    for row, column, value in cells:
        table[row, column] = value
    return table


def ours(observed: Floats) -> Floats:
    """Tails of the default method in the scored weeks."""
    return judged(OURS, observed).tail[SCORED]


def ported(name: str, observed: Floats) -> NDArray[np.bool_]:
    """Alarms of a port in the scored weeks."""
    method, settings = PORTS[name]
    alarm = judged(detectors()[method](**settings, calibrate=False), observed).alarm
    if alarm is None:
        raise MethodError(f"{method}: alarm: got none, allowed: a rule of its own")
    return alarm[SCORED]


def judged(detector: Detector, observed: Floats) -> Judgement:
    """Judge weekly counts."""
    times = np.arange(len(observed), dtype=np.int64) * WEEK_US
    panel = Panel(
        quantity="study",
        regions=tuple(f"s{i}" for i in range(observed.shape[1])),
        times=times,
        values=observed,
        known=np.isfinite(observed),
        at=from_us(int(times[-1]) + WEEK_US),
    )
    return judge(detector, panel, np.zeros(observed.shape, np.int64))


def _error(found: Found) -> float:
    """Standard error of the probability of detection."""
    return float(found.detected.std(ddof=1) / np.sqrt(len(found.detected)))


def compare(many: Series, tail: Floats, same: Series | None, same_tail: Floats) -> list[dict[str, Any]]:
    """One row a method of R, at its false-positive rate; ``many`` are series anew, ``same`` R's own."""
    rows = []
    for name, (rate, pod, late) in R.items() if same is None else _of_r(same):
        fresh = score(tail <= limit_at(tail, many.outbreak, rate), many.outbreak)
        row = {
            "method": name,
            "FPR": rate,
            "POD": pod,
            "timeliness": late,
            "POD_anew": fresh.probability_of_detection,
            "POD_anew_error": _error(fresh),
            "timeliness_anew": fresh.mean_timeliness,
            "lost": [],
        }
        if same is not None:
            found = score(same_tail <= limit_at(same_tail, same.outbreak, rate), same.outbreak)
            row |= {
                "FPR_ours": found.false_positive_rate,
                "POD_ours": found.probability_of_detection,
                "timeliness_ours": found.mean_timeliness,
                "POD_error": _error(found),
                "lost": _lost(found, score(same.alarms[name], same.outbreak), same.scenario),
            }
        rows.append(row)
    return sorted(rows, key=lambda row: float(row["FPR"]))


def _of_r(same: Series) -> list[tuple[str, tuple[float, float, float]]]:
    scored = {name: score(alarm, same.outbreak) for name, alarm in same.alarms.items()}
    return [
        (name, (f.false_positive_rate, f.probability_of_detection, f.mean_timeliness))
        for name, f in scored.items()
    ]


def _lost(found: Found, other: Found, scenario: NDArray[np.int64]) -> list[tuple[int, float, float]]:
    """Scenarios in which ours finds less, or later: number from 1, what is missing in each."""
    lost = []
    for number in np.unique(scenario).tolist():
        mine, theirs = found.of(scenario == number), other.of(scenario == number)
        less = theirs.probability_of_detection - mine.probability_of_detection
        later = mine.mean_timeliness - theirs.mean_timeliness
        if less > 1e-9 or later > 1e-9:
            lost.append((number + 1, less, later))
    return lost


def anew(many: Series, tail: Floats) -> list[dict[str, Any]]:
    """One row a port, on series made anew: what it gives, and ours at its false-positive rate."""
    rows = []
    for name in R:
        alarm = ported(name, many.observed)
        theirs = score(alarm, many.outbreak)
        rate = theirs.false_positive_rate
        mine = score(tail <= limit_at(tail, many.outbreak, rate), many.outbreak)
        rows.append(
            {
                "method": name,
                "FPR": rate,
                "POD": theirs.probability_of_detection,
                "timeliness": theirs.mean_timeliness,
                "POD_ours": mine.probability_of_detection,
                "timeliness_ours": mine.mean_timeliness,
                "error": float((mine.detected * 1.0 - theirs.detected).std(ddof=1) / np.sqrt(len(tail.T))),
                "lost": _lost(mine, theirs, many.scenario),
            }
        )
    return sorted(rows, key=lambda row: float(row["FPR"]))


def show(rows: list[dict[str, Any]], title: str, names: tuple[str, str], error: str) -> None:
    """Print a table, and before it the scenarios in which ours found less or later."""
    print(f"\n{title}")
    for row in rows:
        less = [f"{number} ({-gap:+.2f})" for number, gap, _ in row["lost"] if gap > 1e-9]
        later = [f"{number} ({wait:+.2f})" for number, gap, wait in row["lost"] if gap <= 1e-9]
        if less or later:
            found = f"fewer in {' '.join(less) or '-'}; later in {' '.join(later) or '-'}"
            print(f"  lost to {row['method']}: {found}")
    print(f"  {'method':26s}{'FPR':>9s}{'POD':>8s}{'ours':>8s}{'error':>8s}{'time':>9s}{'ours':>8s}")
    for row in rows:
        print(
            f"  {row['method']:26s}{row['FPR']:9.5f}{row['POD']:8.3f}{row[names[0]]:8.3f}"
            f"{row[error]:8.3f}{row['timeliness']:9.3f}{row[names[1]]:8.3f}"
        )


def draw(path: Path, rows: list[dict[str, Any]], many: Series, tail: Floats) -> None:
    """Draw detection and timeliness against the false-positive rate, R's methods as points."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rates = np.geomspace(5e-4, 0.5, 60)
    curve = [score(tail <= limit_at(tail, many.outbreak, rate), many.outbreak) for rate in rates]
    style: Any = {"font.size": 9, "svg.hashsalt": "tocsin", "svg.fonttype": "path"}
    with mpl.rc_context(style):
        figure = Figure(figsize=(7.6, 3.4), layout="constrained", facecolor="white")
        panels = figure.subplots(1, 2)
        for axes, name, values in (
            (panels[0], "POD", [c.probability_of_detection for c in curve]),
            (panels[1], "timeliness", [c.mean_timeliness for c in curve]),
        ):
            axes.plot(rates, values, color="#1f5f99", linewidth=1.4, label="seasonal_nb")
            axes.plot(
                [r["FPR"] for r in rows], [r[name] for r in rows], "o", color="#b35c00", markersize=3.5,
                label="R surveillance",
            )  # fmt: skip
            for row in rows:
                axes.annotate(
                    row["method"].replace("farringtonFlexible", "flexible"), (row["FPR"], row[name]), (3, 3),
                    textcoords="offset points", fontsize=5.5, color="#555555",
                )  # fmt: skip
            axes.spines[["top", "right"]].set_visible(False)
            axes.set(xscale="log", xlabel="false alarms a week and series", ylim=(0, 1))
        panels[0].set_ylabel("share of outbreaks found")
        panels[1].set_ylabel("delay / duration (1: missed)")
        panels[0].legend(frameon=False, loc="upper left")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def main(words: list[str]) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__)
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="folder of the reference results")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="series anew of each scenario")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--figure", type=Path, help="SVG to write")
    parser.add_argument("--no-ports", action="store_true", help="leave out the ports on series made anew")
    options = parser.parse_args(words)
    many = made(options.replicates, options.seed)
    begin = time.perf_counter()
    tail = ours(many.observed)
    seconds = time.perf_counter() - begin
    same = read(options.reference) if (options.reference / "alarms_R.csv.gz").is_file() else None
    same_tail = np.empty((0, 0)) if same is None else ours(same.observed)
    rows = compare(many, tail, same, same_tail)
    for number, scenario in enumerate(SCENARIOS, start=1):
        print(f"scenario {number:2d}: {scenario.name}")
    n = many.observed.shape[1]
    if same is None:
        print("no reference series: R's figures are those on record, on other series of the same scenarios")
        show(rows, f"R on record, ours on {n} series anew", ("POD_anew", "timeliness_anew"), "POD_anew_error")
    else:
        width = same.observed.shape[1]
        show(rows, f"R and ours on the same {width} series", ("POD_ours", "timeliness_ours"), "POD_error")
    ratios = [row.get("POD_ours", row["POD_anew"]) / row["POD"] for row in rows]
    if not options.no_ports:
        ports = anew(many, tail)
        show(
            ports,
            f"Ports of R's methods and ours on {n} series anew",
            ("POD_ours", "timeliness_ours"),
            "error",
        )
        ratios += [row["POD_ours"] / row["POD"] for row in ports]
    print(
        f"\n{n} series of {WEEKS} weeks judged in {seconds:.1f} s: {seconds / n / WEEKS * 1e6:.2f} us a value"
    )
    if options.figure is not None:
        draw(options.figure, rows, many, tail)
    print(f"ratio {min(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
