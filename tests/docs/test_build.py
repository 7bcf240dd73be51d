"""The documents build without a warning."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT


@pytest.mark.slow
def test_the_documents_build_with_warnings_as_errors(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), str(DOCS), str(tmp_path / "html")],
        cwd=ROOT,
        env={**os.environ, "MPLCONFIGDIR": str(tmp_path / "matplotlib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = tmp_path / "html"
    assert "First full replay".lower() in (pages / "explanation" / "looks.html").read_text("utf-8").lower()
    api = (pages / "reference" / "generated" / "api" / "cycle.html").read_text("utf-8")
    assert 'id="tocsin.cycle.run"' in api
    domains = (pages / "reference" / "generated" / "domains.html").read_text("utf-8")
    assert "air_transport.departures" in domains
    assert (pages / "_images" / "budget.svg").is_file()
