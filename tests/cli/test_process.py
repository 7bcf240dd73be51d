"""The commands as processes: the port, the line that says it is ready, signals, pipes; upkeep of a store."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.cli.conftest import password, run
from tocsin.ops.config import Serve

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


def log_in(url: str) -> tuple[str, int]:
    """Cookie and status of a log-in that came through something that says it spoke https."""
    body = json.dumps({"account": "duty", "password": password("duty")}).encode()
    request = urllib.request.Request(  # noqa: S310 - a server on this machine
        f"{url}/api/v1/session",
        body,
        {"Content-Type": "application/json", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return str(answer.headers["Set-Cookie"]), answer.status


@pytest.mark.parametrize(
    ("trusted", "secure"), [(None, True), (["127.0.0.1"], True), (["192.0.2.0/24"], False)]
)
def test_the_scheme_is_that_of_a_proxy_that_is_trusted(
    own: Path, trusted: list[str] | None, secure: bool
) -> None:
    if trusted is not None:
        lines = (own / "tocsin.toml").read_text("utf-8").splitlines()
        (at,) = (i for i, line in enumerate(lines) if line.startswith("forwarded_allow_ips"))
        lines[at] = f"forwarded_allow_ips = {json.dumps(trusted)}"
        (own / "tocsin.toml").write_text("\n".join(lines), "utf-8")
    with serving("--store", str(own), "--port", "0") as (_, url):
        cookie, status = log_in(url)
    assert status == 200
    assert ("Secure" in cookie) is secure


@pytest.mark.parametrize("word", ["*", "0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.5/8"])
def test_nobody_trusts_everybody(own: Path, word: str) -> None:
    (own / "tocsin.toml").write_text(f'[serve]\nforwarded_allow_ips = ["{word}"]\n', "utf-8")
    done = run("status")
    assert done.status == 2
    assert "serve.forwarded_allow_ips" in done.err


@pytest.mark.parametrize("word", ["10.0.0.5", "10.0.0.5/32", "10.0.0.0/8", "2001:db8::/32", "::1"])
def test_what_is_allowed_is_what_the_server_understands(word: str) -> None:
    """A network with host bits is a name to the server, which then trusts nobody; ours are none such."""
    (kept,) = Serve(forwarded_allow_ips=(word,)).forwarded_allow_ips
    assert str(ip_network(kept)).partition("/")[0] == word.partition("/")[0]
    with pytest.raises(ValueError, match=r"the address 10\.0\.0\.5 or the network 10\.0\.0\.0/8"):
        Serve(forwarded_allow_ips=("10.0.0.5/8",))


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
