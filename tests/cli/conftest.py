"""A store made by the commands themselves: one earthquake, replayed, warned of; and how to run a command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tocsin.cli import main
from tocsin.ops.office import open_office

SAMPLE = ROOT / "tests" / "data" / "feeds" / "usgs_earthquakes" / "sample.geojson"
ROLES = {
    "duty": "duty_officer",
    "second": "duty_officer",
    "chief": "approving_officer",
    "viewer": "viewer",
}
START, END = "2001-02-28T15:05:00Z", "2001-03-01T06:05:00Z"


@dataclass
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        (only,) = self.rows
        return only


Run = Callable[..., Ran]


def run(*words: object, account: str | None = None, store: Path | None = None) -> Ran:
    """Run a command in this process, as an account of the fixture."""
    arguments = [str(w) for w in words]
    more = {} if account is None else {"TOCSIN_PASSWORD": password(account)}
    more |= {} if store is None else {"TOCSIN_STORE": str(store)}
    if account is not None:
        arguments += ["--as", account]
    before = {name: os.environ.get(name) for name in ("TOCSIN_PASSWORD", "TOCSIN_STORE")}
    out, err = io.StringIO(), io.StringIO()
    try:
        os.environ.update(more)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    return Ran(status, out.getvalue(), err.getvalue())


def password(account: str) -> str:
    return f"{account}-has-a-long-word"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts, the earthquake of a sample ingested as an archive, fifteen hours replayed."""
    path = tmp_path_factory.mktemp("cli") / "store"
    for name, role in ROLES.items():
        os.environ["TOCSIN_PASSWORD"] = password(name)
        try:
            done = run("init", "--store", path, "--account", f"{name}:{role}", "--json")
        finally:
            del os.environ["TOCSIN_PASSWORD"]
        assert done.status == 0, done.err
    taken = run("ingest", "usgs_earthquakes", "--file", SAMPLE, "--json", store=path)
    assert taken.row["outcome"] == "ok", taken
    # What 'tocsin demo build' keeps beside the bytes: the time that an archive covers.
    office = open_office(path)
    record = {
        "id": "sample",
        "source": "usgs_earthquakes",
        "publisher": "invented",
        "licence": "CC0-1.0",
        "sha256": "0" * 64,
        "span": ["2001-02-28T00:00:00Z", "2001-03-02T00:00:00Z"],
    }
    office.store.put("dataset", "sample", record, known_at=datetime(2026, 1, 1, tzinfo=UTC), revision=0)
    office.store.close()
    done = run("replay", "--start", START, "--end", END, "--domain", "seismic", "--json", store=path)
    assert done.status == 0, done.err
    assert done.row["run"] == 16
    return path


@pytest.fixture
def store(made: Path) -> Iterator[Path]:
    """The store that is only read; its address is in the environment."""
    os.environ["TOCSIN_STORE"] = str(made)
    yield made
    os.environ.pop("TOCSIN_STORE", None)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it to write to."""
    path = tmp_path / "own"
    shutil.copytree(made, path)
    os.environ["TOCSIN_STORE"] = str(path)
    yield path
    os.environ.pop("TOCSIN_STORE", None)
