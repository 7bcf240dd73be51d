"""The import contracts hold, and each goes red on a fault planted in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = {
    c["id"]: c["name"]
    for c in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
CORE = {"model", "geo", "cap", "stats", "detect", "forecast", "assess", "warn", "respond", "cycle"}

# Contract, file, line added to it.
FAULTS = {
    "a stage imports its sibling": ("shelves", "detect/budget.py", "import tocsin.assess.levels"),
    "the store imports a stage": ("shelves", "store/order.py", "import tocsin.warn.lifecycle"),
    "a word imports a stage": ("shelves", "model/region.py", "import tocsin.feeds.contract"),
    "a shelf imports upwards": ("shelves", "verify/outcome.py", "import tocsin.ops.plan"),
    "the cycle imports what tests it": ("shelves", "cycle.py", "import tocsin.testing.domains"),
    "a folder stands on no shelf": ("shelves", "misc/__init__.py", '"""Nothing."""'),
    "a detector knows another": (
        "plugins-methods", "detect/methods/threshold.py", "import tocsin.detect.methods.robust_ewma"),
    "a forecaster knows another": (
        "plugins-forecasters", "forecast/methods/ets.py", "import tocsin.forecast.methods.arima"),
    "a feed knows another": (
        "plugins-sources", "feeds/sources/nws_alerts.py", "import tocsin.feeds.sources.cap_atom"),
    "a channel knows another": (
        "plugins-channels", "warn/channels/atom.py", "import tocsin.warn.channels.file"),
    "a profile knows another": (
        "plugins-cap-profiles", "cap/profiles/wmo.py", "import tocsin.cap.profiles.meteoalarm"),
    "a detector opens a database": ("pure-core", "detect/methods/threshold.py", "import sqlite3"),
    "the cycle opens a socket": ("pure-core", "cycle.py", "import socket"),
    "the text page reads the store": ("doors-go-through-ops", "api/__init__.py", "import tocsin.store"),
    "a command raises a warning past ops": (
        "doors-go-through-ops", "cli/__init__.py", "import tocsin.warn.lifecycle"),
    "the cycle imports the store": ("cycle-sees-snapshots", "cycle.py", "import tocsin.store"),
    "the cycle reaches the store by a detour": (
        "cycle-sees-snapshots", "assess/levels.py", "import tocsin.store.contract"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(
        ROOT / "src" / "tocsin", folder / "src" / "tocsin", ignore=shutil.ignore_patterns("static")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and report of import-linter on a tree."""
    command = "from importlinter.cli import lint_imports_command as go; go()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_contracts_hold(tree):
    status, report = lint(tree)
    assert status == 0, report
    assert f"{len(CONTRACTS)} kept, 0 broken" in report


def test_every_contract_has_a_planted_fault():
    assert {contract for contract, *_ in FAULTS.values()} == set(CONTRACTS)


@pytest.mark.parametrize("what", FAULTS)
def test_a_planted_fault_goes_red(tree, what):
    contract, name, line = FAULTS[what]
    path = tree / "src" / "tocsin" / name
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text((before or "") + f"\n{line}\n")
    try:
        status, report = lint(tree)
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(before)
    assert status == 1, report
    assert f"{CONTRACTS[contract]} BROKEN" in report
    module = "tocsin." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert module in report.split("Broken contracts")[1]


def test_every_package_of_the_core_is_under_its_contract():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    pure = next(c for c in config["contracts"] if c["id"] == "pure-core")
    there = {p.stem for p in (ROOT / "src" / "tocsin").iterdir()} & CORE
    assert {name.removeprefix("tocsin.") for name in pure["source_modules"]} == there
