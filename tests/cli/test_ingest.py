"""Live feeds from a server on this machine: read, failed, and never calm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import SAMPLE, run
from tests.conftest import ROOT
from tocsin.ops.config import FILE

FEEDS = ROOT / "tests" / "data" / "feeds"
PAGES = {
    "/quakes": SAMPLE,
    "/cap": FEEDS / "cap_atom" / "bare.xml",
    "/broken": ROOT / "README.md",
}


class Page(BaseHTTPRequestHandler):
    """Serves the samples."""

    def do_GET(self) -> None:
        path = PAGES.get(self.path.partition("?")[0])
        content = b"" if path is None else path.read_bytes()
        self.send_response(404 if path is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Be quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def configure(store: Path, **cap: str) -> None:
    lines = [f'{name} = "{url}"' for name, url in cap.items()]
    text = ["[feeds]", 'allow_private = ["127.0.0.0/8"]', "[feeds.cap]", *lines]
    (store / FILE).write_text("\n".join(text) + "\n")


def test_a_probe_says_what_came_and_keeps_nothing(own: Path, site: str) -> None:
    configure(own)
    good = run("feeds", "probe", "usgs_earthquakes", "--url", f"{site}/quakes", "--json")
    assert (good.status, good.row["outcome"], good.row["bytes"]) == (0, "ok", SAMPLE.stat().st_size)
    for page in ("broken", "absent"):
        bad = run("feeds", "probe", "usgs_earthquakes", "--url", f"{site}/{page}", "--json")
        assert (bad.status, bad.row["outcome"]) == (1, "failed")
        assert bad.row["message"]
    assert run("feeds", "probe", "cap_atom").status == 2


def test_a_private_address_is_not_asked_unless_configured(own: Path, site: str) -> None:
    done = run("feeds", "probe", "usgs_earthquakes", "--url", f"{site}/quakes", "--json")
    assert done.status == 1
    assert "127.0.0.1" in done.row["message"]


def test_another_authority_is_read_and_a_failure_is_shown(own: Path, site: str) -> None:
    configure(own, met=f"{site}/cap")
    read = run("ingest", "cap_atom", "--json")
    assert read.rows[0]["source"] == "cap_atom:met"
    assert read.rows[0]["outcome"] == "ok"
    assert read.rows[0]["events"] + read.rows[0]["rejected"] >= 1
    feeds = {r["id"]: r for r in run("feeds", "list", "--json").rows}
    assert feeds["cap_atom"]["outcome"] == "ok"
    configure(own, met=f"{site}/cap", sea=f"{site}/broken")
    failed = run("ingest", "cap_atom", "--json")
    assert failed.status == 1
    assert [r["outcome"] for r in failed.rows] == ["ok", "failed"]
    feeds = {r["id"]: r for r in run("feeds", "list", "--json").rows}
    assert feeds["cap_atom"]["outcome"] == "failed"
    assert "cap_atom:sea" in feeds["cap_atom"]["message"]
    quarantine = run("status", "--json").row["quarantine"]
    assert quarantine[-1]["source"] == "cap_atom"


def test_a_key_in_an_address_is_nowhere_on_record(own: Path, site: str) -> None:
    configure(own, met=f"{site}/absent?token=S3CRET", sea=f"{site}/cap?token=S3CRET")
    done = run("ingest", "cap_atom", "--json")
    assert [r["outcome"] for r in done.rows] == ["failed", "ok"]
    assert "token=…" in done.rows[0]["message"]
    assert "token=…" in run("feeds", "list").out + run("status", "--json").out
    for words in (("feeds", "list"), ("feeds", "list", "--json"), ("status", "--json"), ("doctor", "--json")):
        assert "S3CRET" not in run(*words).out, words
    assert "S3CRET" not in done.out
    # Nor where the bytes came from: the way back to them is told to all.
    assert b"S3CRET" not in b"".join(p.read_bytes() for p in own.glob("*.db*"))


def test_a_broken_file_goes_to_quarantine(own: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.geojson"
    torn.write_bytes(SAMPLE.read_bytes()[:500])
    done = run("ingest", "usgs_earthquakes", "--file", torn, "--json")
    assert (done.status, done.row["outcome"]) == (1, "failed")
    assert run("status", "--json").row["quarantined"] == 1
    assert run("doctor").status == 1
    assert run("ingest", "--file", torn).status == 2
    assert run("ingest", "nonsense", "--file", torn).status == 2
