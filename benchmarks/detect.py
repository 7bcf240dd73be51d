"""Streaming detection against River and the memory in the same run: ``python -m benchmarks.detect``.

Every round makes new values of all series and times, one right after the other so that other work on the
machine hits all alike: our ``ewma_cusum`` (mean, deviation, a sum on each side, a tail probability for each
value), a triad ``a = b + s c`` over arrays that together hold as many bytes, and River doing the same work on
the values of a sample of the same series: ``EWMean``, ``EWVar`` and ``PageHinkley``, the sum of their times.
River's objects are made, and its lists of numbers, before the clock starts.

Figures are medians over the rounds. Bytes are counted once each: values read, state read and written, tails
written; of the triad two arrays read, one written. (Before it writes an array the machine reads it, which the
count of the triad leaves out by custom; ours writes mostly what it has read, so its share may exceed 1.) Then
the scan of a map of 3,142 areas with 999 simulated ones. The last line is how many times less time a value
costs than River's.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import drift, stats

from tocsin.detect import Now, fast
from tocsin.detect.fast import compiled, each
from tocsin.detect.methods.ewma_cusum import EwmaCusum
from tocsin.detect.methods.kulldorff import Kulldorff

GOALS = {"river": 60.0, "memory": 0.6, "bytes": 64.0, "scan": 60.0}
AREAS = 3142


@compiled(parallel=True, cache=False)
def _triad(a: Any, b: Any, c: Any, factor: float) -> None:
    for i in each(a.size):
        a[i] = b[i] + factor * c[i]


def _triad_of_numpy(a: Any, b: Any, c: Any, factor: float) -> None:
    np.multiply(c, factor, out=a)
    np.add(a, b, out=a)


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def river_seconds(series: Sequence[Sequence[float]]) -> float:
    """Time of River over some series, the sum of its three parts."""
    total = 0.0
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: stats.EWMean(fading_factor=0.01),
        lambda: stats.EWVar(fading_factor=0.01),
        lambda: drift.PageHinkley(mode="both"),
    )
    for kind in kinds:
        made = [kind() for _ in series]

        def run(made: list[Any] = made) -> None:
            for one, values in zip(made, series, strict=True):
                update = one.update
                for value in values:
                    update(value)

        total += seconds(run)
    return total


def peak_gigabytes() -> float:
    """Most memory that this process has held."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1e9 if platform.system() == "Darwin" else 1e6)


def streaming(n: int, rounds: int, sample: int) -> dict[str, float]:
    """Nanoseconds a value, and the share of the memory's speed."""
    rng = np.random.default_rng(1)
    detector = EwmaCusum(calibrate=False)
    state, tail, values = detector.start(n), np.empty(n), np.empty(n)
    held = [array for array in state.values() if len(array) == n]
    state_bytes = sum(array.nbytes for array in held) / n
    moved = n * (8 + 2 * state_bytes + 8)
    size = int(n * (16 + state_bytes) / 24)
    a, b, c = np.zeros(size), np.ones(size), np.ones(size)
    triad = _triad if fast.COMPILED else _triad_of_numpy

    level = rng.normal(100, 20, n)
    watched = level[:sample, None] + 5 * rng.standard_normal((sample, rounds))
    parts = np.array_split(np.arange(sample), rounds)

    def next_values(i: int) -> None:
        rng.standard_normal(out=values)
        np.multiply(values, 5, out=values)
        np.add(values, level, out=values)
        values[:sample] = watched[:, i]

    next_values(0)
    detector.advance(state, values, tail)  # compiles
    triad(a, b, c, 3.0)
    river_seconds(watched[:2].tolist())
    times: dict[str, list[float]] = {"ours": [], "triad": [], "river": []}
    for i in range(rounds):
        next_values(i)
        lists = watched[parts[i]].tolist()
        times["ours"].append(seconds(lambda: detector.advance(state, values, tail)) / n)
        times["triad"].append(seconds(lambda: triad(a, b, c, 3.0)) / (24 * size))
        times["river"].append(river_seconds(lists) / (len(lists) * rounds))
    median = {name: statistics.median(column) for name, column in times.items()}
    judged = float(np.isfinite(tail).mean())
    return {
        "ours": median["ours"] * 1e9,
        "river": median["river"] * 1e9,
        "ratio": median["river"] / median["ours"],
        "ours GB/s": moved / n / median["ours"] / 1e9,
        "triad GB/s": 1e-9 / median["triad"],
        "share": moved / n * median["triad"] / median["ours"],
        "state": state_bytes,
        "moved": moved / n,
        "judged": judged,
    }


def as_plug_in(n: int) -> float:
    """Nanoseconds a value of a whole step: calibrated tail, band, statistic, alarm."""
    rng = np.random.default_rng(2)
    detector = EwmaCusum()
    state = detector.start(n)
    now = Now(time=0, season=np.zeros(n, np.int64))
    times = []
    for _ in range(detector.least + 7):
        values = rng.standard_normal(n)
        times.append(seconds(partial(detector.step, state, values, now)) / n)
    return statistics.median(times[-7:]) * 1e9


def scan_seconds(replicates: int) -> float:
    """One map of 3,142 areas: zones, scores, simulated maps, p-values."""
    rng = np.random.default_rng(3)
    population = np.exp(rng.normal(10.3, 1.4, AREAS))
    place: dict[str, NDArray[np.float64]] = {name: rng.uniform(0, 3000, AREAS) for name in ("x", "y")}
    counts = rng.poisson(population * 1e-3).astype(float)
    now = Now(time=0, season=np.zeros(AREAS, np.int64), given=place | {"population": population})
    detector = Kulldorff(replicates=replicates)
    return seconds(lambda: detector.step(detector.start(AREAS), counts, now))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the last line is the ratio."""
    parser = argparse.ArgumentParser(prog="benchmarks.detect", description=__doc__)
    parser.add_argument("--series", type=int, default=4_000_000, help="series of ours (default 4,000,000)")
    parser.add_argument("--rounds", type=int, default=50, help="values a series (default 50; at least 40)")
    parser.add_argument("--sample", type=int, default=1000, help="series that River judges (default 1000)")
    parser.add_argument("--replicates", type=int, default=999, help="simulated maps; 0 for no scan")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 40 or chosen.sample < chosen.rounds or chosen.series < chosen.sample:
        parser.error("--rounds: at least 40; --sample: at least --rounds; --series: at least --sample")

    found = streaming(chosen.series, chosen.rounds, chosen.sample)
    step = as_plug_in(min(chosen.series, 1_000_000))
    scan = scan_seconds(chosen.replicates) if chosen.replicates else float("nan")
    how = "numba" if fast.COMPILED else "numpy alone"
    print(f"{chosen.series:,} series, {chosen.rounds} values each, {how}; River: {chosen.sample:,} of them, "
          f"the same values; {found['judged']:.0%} of the last values judged")  # fmt: skip
    rows: list[tuple[str, float, float | None, str]] = [
        ("ewma_cusum, ns a value", found["ours"], None, ""),
        ("River EWMean + EWVar + PageHinkley, ns a value", found["river"], None, ""),
        ("times faster than River", found["ratio"], GOALS["river"], "at least"),
        (f"ewma_cusum, GB/s ({found['moved']:.0f} bytes a value)", found["ours GB/s"], None, ""),
        ("triad, GB/s", found["triad GB/s"], None, ""),
        ("share of the triad", found["share"], GOALS["memory"], "at least"),
        ("state, bytes a series", found["state"], GOALS["bytes"], "at most"),
        ("whole step with calibrated tail, ns a value", step, None, ""),
    ]
    if chosen.replicates:
        words = f"scan of {AREAS:,} areas, {chosen.replicates} replicates, s"
        rows.append((words, scan, GOALS["scan"], "at most"))
    rows.append(("most memory of the whole run, GB", peak_gigabytes(), None, ""))
    for words, got, goal, sense in rows:
        met = ""
        if goal is not None:
            met = "ok" if (got >= goal if sense == "at least" else got <= goal) else "MISSED"
        print(f"{words:<52}{got:>10.2f}   {sense:<9}{'' if goal is None else f'{goal:g}':<6}{met}")
    print(f"ratio {found['ratio']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
