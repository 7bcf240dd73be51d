"""The commands as processes: the port, the line that says it is ready, signals, pipes; upkeep of a store."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import run

TOCSIN = [sys.executable, "-m", "tocsin"]
READY = re.compile(r"^Tocsin is ready: (http://127\.0\.0\.1:(\d+))$")


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*TOCSIN, "serve", "--no-live", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        found = READY.match(process.stdout.readline())
        assert found, process.stderr.read()
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_a_signal(own: Path, number: signal.Signals) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        with serving("--store", str(own), "--port", str(busy)) as (process, url):
            assert not url.endswith(f":{busy}")
            with urllib.request.urlopen(f"{url}/api/v1/health", timeout=20) as answer:  # noqa: S310
                assert answer.status == 200
            # A page that listens must not hold the server.
            with urllib.request.urlopen(f"{url}/api/v1/stream", timeout=20) as stream:  # noqa: S310
                assert stream.readline()
                process.send_signal(number)
                assert process.wait(20) == 0
            out, err = process.communicate()
            assert out == ""
            assert "Traceback" not in err
    assert run("store", "check", "--json").rows == []


def test_a_pipe_that_closes_is_no_fault(made: Path) -> None:
    process = subprocess.Popen(
        [*TOCSIN, "regions", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(20) == 0
    assert err == ""
    process.stderr.close()


def test_two_processes_write_at_once(own: Path) -> None:
    words = ["series", "import", "--store", str(own), "--json"]
    files = []
    for number in range(2):
        path = own.parent / f"{number}.csv"
        path.write_text(
            "quantity,region,valid_time,value\n"
            + "".join(f"q.{number},US-AIR-SEA,2001-03-01T{h:02}:00:00Z,{h}\n" for h in range(24))
        )
        files.append(path)
    running = [
        subprocess.Popen([*TOCSIN, *words, "--source", f"s{n}", str(f)], stdout=subprocess.PIPE, text=True)
        for n, f in enumerate(files)
    ]
    assert [p.communicate(timeout=60)[0].count('"observations": 24') for p in running] == [1] * 2
    for number in range(2):
        rows = run("series", "as-of", "-q", f"q.{number}", "--json").rows
        assert [r["value"] for r in rows] == list(range(24))


def test_backup_restore_compact_check(own: Path, tmp_path: Path) -> None:
    before = run("warnings", "list", "--json").rows
    saved = run("store", "backup", tmp_path / "backup", "--json")
    assert saved.status == 0
    assert run("store", "backup", tmp_path / "backup").status == 3  # never over something
    back = run("store", "restore", tmp_path / "backup", "--store", tmp_path / "back", "--json")
    assert back.row["journal_head"] == saved.row["journal_head"]
    assert run("warnings", "list", "--store", tmp_path / "back", "--json").rows == before
    assert run("store", "compact", "--full", "--json").status == 0
    assert run("store", "check", "--json").rows == []
    assert run("store", "migrate", "--json").row["journal_head"] == saved.row["journal_head"]
    assert run("store", "restore", tmp_path / "nothing", "--store", tmp_path / "x").status == 3
    assert run("store", "migrate", "--store", tmp_path / "y").status == 3


def test_check_finds_raw_bytes_that_were_changed(own: Path) -> None:
    kept = [p for p in (own / "raw").rglob("*") if p.is_file()]
    assert kept
    kept[0].chmod(0o644)
    kept[0].write_bytes(b"something else")
    done = run("store", "check", "--json")
    assert done.status == 1
    assert done.rows


def test_a_demo_without_its_packages_says_what_to_do(tmp_path: Path) -> None:
    done = run("demo", "--no-serve", "--store", tmp_path / "store", "--packages", tmp_path)
    assert done.status == 2
    assert "make setup" in done.err
    assert run("demo", "build", "--store", tmp_path / "store", "--packages", tmp_path).status == 2
