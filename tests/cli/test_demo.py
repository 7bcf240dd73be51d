"""The demonstration on the packaged data: what must be seen in them, and that the second run is quick."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.conftest import ROOT

PACKAGES = ROOT / "node_modules"
TOCSIN = [sys.executable, "-m", "tocsin"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (PACKAGES / "vega-datasets").is_dir(), reason="node_modules/vega-datasets: run 'make setup'"
    ),
]


def demo(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TOCSIN, "demo", "--store", str(store), "--packages", str(PACKAGES), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The whole demonstration, killed once on the way."""
    store = tmp_path_factory.mktemp("demo") / "store"
    words = [*TOCSIN, "demo", "--no-serve", "--store", str(store), "--packages", str(PACKAGES)]
    cut = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert cut.stdout is not None
    for line in cut.stdout:
        if "replay of 4,344 cycles" in line:
            break
    time.sleep(8)
    cut.kill()
    cut.communicate()
    done = demo(store, "--no-serve")
    assert done.returncode == 0, done.stderr
    yield store
    shutil.rmtree(store)


def test_the_second_run_is_quick_and_ready(replayed: Path) -> None:
    begun = time.monotonic()
    done = demo(replayed, "--once", "--port", "0", "--no-live")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun <= 20
    ready = [line for line in done.stdout.splitlines() if "ready" in line]
    assert len(ready) == 1
    assert re.fullmatch(r"Tocsin is ready: http://127\.0\.0\.1:\d+", ready[0])


def test_every_hour_was_replayed_once(replayed: Path) -> None:
    runs = run("status", "--json", store=replayed).row["runs"]
    assert [(r["start"], r["end"]) for r in runs] == [
        ("2001-01-01T06:05:00Z", "2001-07-01T05:05:00Z"),
        ("2018-01-31T03:05:00Z", "2018-02-07T01:05:00Z"),
    ]
    assert run("store", "check", "--json", store=replayed).rows == []


def test_the_named_events_were_warned_of_and_the_budget_holds(replayed: Path) -> None:
    rows = run("verify", "ledger", "--json", store=replayed).rows
    true = [r for r in rows if r["entry"] == "warning" and r["verdict"] == "TRUE"]

    def warned(airports: set[str], days: set[str]) -> bool:
        return any(airports & set(r["names"]) and days & set(r["local_dates"]) for r in true)

    assert warned({"SEA"}, {"2001-02-28"})
    assert warned({"BOS", "LGA", "JFK", "EWR", "BDL", "PVD"}, {"2001-03-05", "2001-03-06"})
    assert warned({"IAH", "HOU"}, {"2001-06-08", "2001-06-09", "2001-06-10"})
    last = rows[-1]
    assert last["entry"] == "summary"
    assert last["rate_per_week"] <= 1.2 * last["budget_per_week"]


def test_why_of_nisqually_ends_at_the_file(replayed: Path) -> None:
    rows = run("warnings", "list", "--at", "2001-03-01T00:00:00Z", "--json", store=replayed).rows
    alert = next(r for r in rows if "SEA" in {m["name"] for m in r["members"]})
    steps = run("why", alert["id"], "--json", store=replayed).rows
    sha = hashlib.sha256(
        (PACKAGES / "vega-datasets" / "data" / "flights-3m.parquet").read_bytes()
    ).hexdigest()
    assert f"sha256:{sha}" in {s["id"] for s in steps if s["kind"] == "raw"}
    assert [s["kind"] for s in steps][-1] == "source"


def test_every_run_makes_new_passwords_and_keeps_the_exercises(replayed: Path) -> None:
    first, second = demo(replayed, "--no-serve").stdout, demo(replayed, "--no-serve").stdout
    word = re.compile(r"^\s+(duty|chief|analyst|viewer|admin)\s+\w+\s+(\S+)\s*$", re.MULTILINE)
    one, two = dict(word.findall(first)), dict(word.findall(second))
    assert set(one) == set(two) == {"duty", "chief", "analyst", "viewer", "admin"}
    assert not set(one.values()) & set(two.values())
    waiting = [
        (r["state"], r["status"], r["id"])
        for state in ("draft", "submitted")
        for r in run("warnings", "list", "--state", state, "--json", store=replayed).rows
    ]
    assert [(state, status) for state, status, _ in waiting] == [
        ("draft", "Exercise"),
        ("submitted", "Exercise"),
    ]


def test_a_hindcast_says_what_the_replay_said(replayed: Path) -> None:
    done = run(
        "verify", "hindcast", "--start", "2018-01-31T03:05:00Z", "--end", "2018-02-02T03:05:00Z", "--domain",
        "seismic", "--packages", PACKAGES, "--json", store=replayed,
    )  # fmt: skip
    assert done.status == 0, done.err
    assert (done.rows[-1]["same"], done.rows[-1]["differ"]) == (49, [])


def test_sources_show_licences_and_hashes(replayed: Path) -> None:
    rows = [r for r in run("govern", "sources", "--json", store=replayed).rows if r["kind"] == "dataset"]
    assert len(rows) == 3
    assert all(len(r["sha256"]) == 64 and r["licence"] and r["release"] == "3.2.1" for r in rows)
