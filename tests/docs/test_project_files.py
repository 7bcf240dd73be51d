"""Licence, notice, changelog, and nothing of the machine on which the files were written."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of the text of the Apache License 2.0 as the Apache Software Foundation publishes it."""

# Written so that this file does not hold what it looks for.
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|tmp/(?:brief|x|bash_jobs))/|/\.[l]ibrary/")
BINARY = {".png", ".parquet", ".ico", ".woff2", ".npz", ".zst"}


def tracked() -> list[Path]:
    """Files that are in git or would be."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository: the sources were unpacked from a package")
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [p for p in paths if p.is_file()]


def test_the_licence_is_the_whole_apache_licence() -> None:
    content = (ROOT / "LICENSE").read_bytes()
    assert hashlib.sha256(content).hexdigest() == APACHE_2
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert {"LICENSE", "NOTICE"} <= set(project["license-files"])


def test_the_notice_names_whoever_must_be_named() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for words in ("GeoNames", "CC BY 4.0", "Changed:", "US Census Bureau", "Svelte", "uPlot"):
        assert words in notice


def test_a_changelog_fragment_is_there_and_makes_a_changelog() -> None:
    fragments = [p for p in (ROOT / "changes").iterdir() if re.fullmatch(r"[\w+-]+\.\w+\.md", p.name)]
    written = (ROOT / "CHANGELOG.md").exists()
    assert fragments or written
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next", "--date", "2026-01-01"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "## next (2026-01-01)" in done.stdout
    for path in fragments:
        assert path.read_text("utf-8").split()[0] in done.stdout


def test_no_file_names_the_machine_on_which_it_was_written() -> None:
    files = tracked()
    assert len(files) > 200
    found = []
    for path in files:
        if path.suffix in BINARY:
            continue
        text = path.read_text("utf-8", errors="replace")
        places = {m[0] for m in MACHINE.finditer(text)}
        if str(ROOT) != "/" and str(ROOT) + "/" in text:
            places.add(str(ROOT))
        if places:
            found.append(f"{path.relative_to(ROOT)}: {', '.join(sorted(places))}")
    assert found == []


def test_the_search_for_machines_finds_one() -> None:
    assert MACHINE.search("open('" + "/wor" + "k/main/src')")
    assert MACHINE.search("cd " + "/roo" + "t/x")
    assert not MACHINE.search("https://example.org/work/x and docs/work/y")


def test_lock_files_name_no_registry() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "package-lock.json"):
        text = (ROOT / name).read_text("utf-8")
        assert "--index-url" not in text
        assert '"resolved": "http' not in text


def test_shared_data_is_named_relatively() -> None:
    wrong = [
        p.relative_to(ROOT).as_posix()
        for p in tracked()
        if p.suffix in (".py", ".md", ".toml") and re.search(r"(?<!\.\.)/shared/[d]ata", p.read_text("utf-8"))
    ]
    assert wrong == []
