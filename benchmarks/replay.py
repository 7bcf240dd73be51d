"""Replay of the packaged half-year by the live code: cycles a second, memory, and whether the cost grows.

``python -m benchmarks.replay`` builds a store in a temporary folder from the packaged data, replays 4,344
hourly cycles of air transport (229 airports, 3 quantities, records written), and prints a table, a plot of
the time of a cycle along the history, and last ``N cycles a second``. The peer in the same run is the bare
numpy replay of the same detectors on the same values, with nothing read from and nothing written to a store.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tocsin.detect.contract import Detector, Now
from tocsin.detect.season import season_index
from tocsin.model import HOUR, parse_time
from tocsin.ops import loop
from tocsin.ops.datasets import load_datasets
from tocsin.ops.office import Office, open_office
from tocsin.ops.runs import archives

START = parse_time("2001-01-01T06:05:00Z")
END = parse_time("2001-07-01T05:05:00Z")
DOMAINS = ("air_transport",)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--days", type=int, default=181, help="shorter for a quick look")
    options = parser.parse_args()
    end = min(END, START + timedelta(days=options.days) - HOUR)
    with tempfile.TemporaryDirectory() as folder:
        office = open_office(Path(folder))
        begun = time.perf_counter()
        load_datasets(office.store, options.packages, office.pack, at=datetime.now(UTC))
        built = time.perf_counter() - begun

        marks: list[tuple[int, float]] = [(0, time.perf_counter())]
        cycles = loop.replay(
            office,
            start=START,
            end=end,
            domains=DOMAINS,
            archives=archives(office, DOMAINS),
            progress=lambda done, _all, _at: marks.append((done, time.perf_counter())),
        )
        seconds = marks[-1][1] - marks[0][1]
        bare = _bare(office, end)
        disk = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6
        office.store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    each = [1000 * (t1 - t0) / (d1 - d0) for (d0, t0), (d1, t1) in itertools.pairwise(marks)]
    tenth = max(1, len(each) // 10)
    first, last = statistics.median(each[tenth : 2 * tenth]), statistics.median(each[-tenth:])

    print(f"{'build of the store from the packages':<48}{built:>10.1f} s")
    print(f"{'cycles':<48}{cycles:>10,}")
    print(f"{'replay, records written':<48}{seconds:>10.1f} s")
    print(f"{'bare numpy replay of the same detectors':<48}{bare:>10.1f} s")
    print(f"{'replay over bare numpy':<48}{seconds / bare:>10.1f}")
    print(f"{'a cycle, median of the second tenth':<48}{first:>10.2f} ms")
    print(f"{'a cycle, median of the last tenth':<48}{last:>10.2f} ms")
    print(f"{'last over second tenth (growth)':<48}{last / first:>10.2f}")
    print(f"{'peak memory':<48}{peak:>10.2f} GB")
    print(f"{'store on disk':<48}{disk:>10.0f} MB")
    print()
    print(_plot(each))
    print()
    print(f"{cycles / seconds:.0f} cycles a second")


def _bare(office: Office, end: datetime) -> float:
    """Seconds of the detectors alone, on panels read beforehand."""
    plan = office.plan_of(DOMAINS)
    domain = plan.domains[0]
    watched = plan.watched[domain.id]
    zones = [plan.regions[r].timezone for r in watched]
    snapshot = office.store.as_of(end + timedelta(days=2))
    start = START.replace(minute=0)
    prepared = []
    for monitor in domain.monitors:
        panel = snapshot.panel(monitor.quantity.id, regions=watched, start=start, end=end, step=HOUR)
        detector: Detector = office.detectors[monitor.method](**monitor.settings)
        kind = getattr(detector, "SEASON", "none")
        prepared.append((detector, panel, season_index(kind, panel.times, zones)))
    begun = time.perf_counter()
    for detector, panel, season in prepared:
        state = detector.start(panel.values.shape[1])
        for row, (moment, values) in enumerate(zip(panel.times, panel.values, strict=True)):
            state, _ = detector.step(state, values, Now(time=int(moment), season=season[row]))
    return time.perf_counter() - begun


def _plot(each: list[float], width: int = 72, height: int = 10) -> str:
    """Milliseconds of a cycle along the history, as text."""
    columns = [float(np.median(part)) for part in np.array_split(np.array(each), min(width, len(each)))]
    top = max(columns) * 1.1
    rows = [
        f"{top * (height - level) / height:7.1f} |"
        + "".join("█" if c >= top * (height - level - 0.5) / height else " " for c in columns)
        for level in range(height)
    ]
    foot = " " * 8 + "+" + "-" * len(columns)
    return "\n".join(["ms a cycle (median of each part of the history)", *rows, foot])


if __name__ == "__main__":
    main()
