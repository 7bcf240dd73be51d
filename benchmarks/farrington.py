"""Farrington flexible against R's ``surveillance`` in the same run: ``python -m benchmarks.farrington``.

One current week of 3,142 weekly series (as many as there are counties) with five years of history is judged
by us, all series at once, and by R's ``farringtonFlexible`` on a random sample of 200 of the same series; the
seed of the sample is printed. R measures the call alone, without its start, reading or writing; ours is one
``step`` of the detector. Times are medians, per fit. The two must give the same numbers on the sample, ours
in the compatible mode. Without R, or its package, the last line is ``ratio unknown`` and the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import Step
from tocsin.detect.contract import Now, State
from tocsin.detect.methods.farrington_flexible import FarringtonFlexible

Floats = NDArray[np.float64]
WEEK_US = 7 * 86_400_000_000
METHOD = FarringtonFlexible(dates=False, b=5, w=3, no_periods=10, past_weeks_not_included=26, calibrate=False)
R_CODE = """
suppressMessages(library(surveillance))
folder <- commandArgs(TRUE)[1]; repeats <- as.integer(commandArgs(TRUE)[2])
counts <- as.matrix(read.csv(file.path(folder, "counts.csv"), header = FALSE))
series <- sts(observed = counts, start = c(2001, 1), frequency = 52)
settings <- list(range = nrow(counts), b = 5, w = 3, reweight = TRUE, weightsThreshold = 2.58, alpha = 0.005,
                 trend = TRUE, pThresholdTrend = 1, limit54 = c(5, 4), powertrans = "2/3", noPeriods = 10,
                 pastWeeksNotIncluded = 26, thresholdMethod = "nbPlugin")
seconds <- c()
for (i in seq_len(repeats)) {
  took <- system.time(judged <- suppressWarnings(farringtonFlexible(series, control = settings)))
  seconds <- c(seconds, took[["elapsed"]])
}
row <- function(values) paste(format(as.numeric(values), digits = 15), collapse = ",")
writeLines(c(row(upperbound(judged)), row(judged@control$expected), row(judged@control$phi),
             row(judged@control$pvalue), row(alarms(judged))), file.path(folder, "judged.csv"))
cat("seconds", seconds, "\\n")
cat("version", R.version$major, R.version$minor, as.character(packageVersion("surveillance")), "\\n")
"""
COLUMNS = ("upper", "expected", "phi", "pvalue", "alarm")


def counties(n: int, weeks: int) -> Floats:
    """Weekly counts, weeks by series: sizes as of counties, season, trend, variance 1.5 times the mean."""
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(0.0, 1.4, n))
    week = np.arange(weeks)[:, None]
    mean = 6 * size / size.mean() * np.exp(0.3 * np.cos(2 * np.pi * week / 52) + 0.001 * week)
    counts: Floats = rng.negative_binomial(mean / 0.5, 1 / 1.5).astype(float)
    return counts


def warmed(method: FarringtonFlexible, counts: Floats) -> tuple[State, Now]:
    """State after all weeks but the last, and the last one's time."""
    state = method.start(counts.shape[1])
    season = np.zeros(counts.shape[1], np.int64)
    state["ring"][:] = counts[-1 - len(state["ring"]) : -1]
    state["seen"][0] = len(state["ring"])
    return state, Now(time=len(counts) * WEEK_US, season=season)


def ours(method: FarringtonFlexible, counts: Floats, repeats: int) -> tuple[list[float], Step]:
    """Seconds of each repeat, and what was judged."""
    state, now = warmed(method, counts)
    seconds = []
    for _ in range(repeats):
        fresh = {name: array.copy() for name, array in state.items()}
        began = time.perf_counter()
        _, step = method.step(fresh, counts[-1], now)
        seconds.append(time.perf_counter() - began)
    return seconds, step


def in_r(folder: Path, counts: Floats, repeats: int) -> tuple[list[float], dict[str, Floats], str]:
    """Seconds of each repeat inside R, what it judged, and its versions."""
    np.savetxt(folder / "counts.csv", counts, fmt="%d", delimiter=",")
    (folder / "run.R").write_text(R_CODE, "utf-8")
    done = subprocess.run(
        ["Rscript", "--vanilla", str(folder / "run.R"), str(folder), str(repeats)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FileNotFoundError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "R failed")
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    lines = (folder / "judged.csv").read_text("utf-8").splitlines()
    judged = {
        name: np.array([np.nan if cell.strip() in ("NA", "NaN") else float(cell) for cell in line.split(",")])
        for name, line in zip(COLUMNS, lines, strict=True)
    }
    major, minor, package = said["version"].split()
    return [float(s) for s in said["seconds"].split()], judged, f"R {major}.{minor}, surveillance {package}"


def differences(step: Step, judged: dict[str, Floats], sample: NDArray[np.int64]) -> dict[str, float]:
    """Largest relative difference of each column on the sample; infinite where only one of the two is NaN."""
    alarm = np.zeros(0) if step.alarm is None else step.alarm.astype(float)
    mine = {
        "upper": step.upper,
        "expected": step.expected,
        "phi": step.details["phi"],
        "pvalue": step.details["pvalue"],
        "alarm": alarm,
    }
    found = {}
    for name, theirs in judged.items():
        got = mine[name][sample]
        both = np.isnan(got) == np.isnan(theirs)
        off = np.abs(got - theirs) / np.maximum(np.abs(theirs), 1e-12)
        found[name] = float(np.nanmax(off, initial=0.0)) if both.all() else float("inf")
    return found


def main(arguments: list[str]) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.farrington", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--series", type=int, default=3142, help="series that we judge (default 3142)")
    parser.add_argument("--sample", type=int, default=200, help="of them, judged by R (default 200)")
    parser.add_argument("--repeats", type=int, default=7, help="of ours; R repeats 3 times (default 7)")
    parser.add_argument("--seed", type=int, default=20, help="of the sample (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    given = parser.parse_args(arguments)
    counts = counties(given.series, 5 * 52 + 40)
    drawn = np.random.default_rng(given.seed).permutation(given.series)[: given.sample]
    sample = np.sort(drawn).astype(np.int64)
    seconds, _ = ours(METHOD, counts, given.repeats)
    _, step = ours(replace(METHOD, compatible="surveillance-1.20"), counts, 1)
    mine = statistics.median(seconds) / given.series
    print(
        f"{given.series} series, 5 years, b=5 w=3 noPeriods=10; R: {given.sample} of them, seed {given.seed}"
    )
    folder = Path(tempfile.mkdtemp(prefix="tocsin-farrington-"))
    try:
        theirs_all, judged, version = in_r(folder, counts[:, sample], 3)
    except FileNotFoundError as error:
        print(f"ours {mine * 1e6:.1f} us a fit; R: {error}")
        print("ratio unknown")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    theirs = statistics.median(theirs_all) / given.sample
    off = differences(step, judged, sample)
    same = max(off.values()) <= 1e-9
    ratio = theirs / mine
    if given.json:
        print(
            json.dumps(
                {"ours_s": mine, "peer_s": theirs, "peer": version, "ratio": ratio, "differences": off}
            )
        )
    else:
        print(f"{'':<34} {'us a fit':>10} {'fits a second':>14}")
        print(f"{'ours, all series':<34} {mine * 1e6:>10.1f} {1 / mine:>14.0f}")
        print(f"{version:<34} {theirs * 1e6:>10.1f} {1 / theirs:>14.0f}")
        words = ", ".join(f"{name} {value:.1e}" for name, value in off.items())
        print(f"largest relative difference on the sample (compatible mode): {words}: "
              f"{'equal to 1e-9' if same else 'DIFFERENT'}")  # fmt: skip
        print(f"goal: at least 50 times as fast: {'met' if ratio >= 50 else 'NOT MET'}")
    print(f"ratio {ratio:.2f}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
