"""The code in the documents runs."""

from __future__ import annotations

import doctest
import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from docs import figures, reference_pages
from tests.docs.pages import DOCS, ROOT, blocks, written
from tocsin.catalog import load_domain, load_domains
from tocsin.detect.contract import judge
from tocsin.model import HOUR, Panel, to_us
from tocsin.ops.config import read_settings
from tocsin.testing.domains import CHECKS as DOMAIN_CHECKS


def block(page: str, language: str) -> str:
    return blocks(written()[DOCS / page], language)[0]


@pytest.fixture(scope="module")
def jump() -> Any:
    module: Any = ModuleType("jump")
    sys.modules["jump"] = module  # dataclasses look the module up
    exec(compile(block("how-to/add-a-detector.md", "python"), "jump.py", "exec"), module.__dict__)  # noqa: S102
    yield module.DETECTOR
    del sys.modules["jump"]


def levels(n: int = 400, series: int = 5) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Slow walks with a gap, and a jump in the last hour of the first series."""
    rng = np.random.default_rng(4)
    values = 100 + rng.normal(0, 1, (n, series)).cumsum(0)
    values[50:60, 1] = np.nan
    values[-1, 0] += 40
    return values


def panel(values: np.ndarray[Any, np.dtype[np.float64]]) -> Panel:
    from datetime import UTC, datetime

    start = to_us(datetime(2001, 1, 1, tzinfo=UTC))
    times = start + np.arange(len(values)) * int(HOUR.total_seconds() * 1e6)
    return Panel(
        quantity="invented.level",
        regions=tuple(f"XA-{i}" for i in range(values.shape[1])),
        times=times,
        values=values,
        known=np.isfinite(values),
        at=datetime(2002, 1, 1, tzinfo=UTC),
    )


def tails(kind: Any, values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return judge(kind(), panel(values), np.zeros(values.shape, np.int64)).tail


def test_the_detector_of_the_page_holds_what_the_page_says(jump: Any) -> None:
    values = levels()
    found = tails(jump, values)
    judged = np.isfinite(found)
    assert judged.sum() > 1500
    assert ((found[judged] >= 0) & (found[judged] <= 1)).all()
    assert not np.isfinite(found[np.isnan(values)]).any()
    np.testing.assert_array_equal(tails(jump, values[:300]), found[:300])
    np.testing.assert_array_equal(tails(jump, values), found)
    assert found[-1, 0] < 1e-4 < np.nanmin(found[-1, 1:])


def test_the_detector_of_the_page_has_the_name_of_its_file(jump: Any) -> None:
    page = written()[DOCS / "how-to" / "add-a-detector.md"]
    assert f"-k {jump.NAME}" in page
    assert f"tocsin detect run {jump.NAME} " in page


def test_the_domain_of_the_page_loads_and_passes_the_shipped_checks(tmp_path: Path) -> None:
    path = tmp_path / "labour.toml"
    path.write_text(block("how-to/add-a-domain.md", "toml"), "utf-8")
    domain, tests = load_domain(path)
    assert len(domain.monitors) == 14
    assert DOMAIN_CHECKS
    for check in DOMAIN_CHECKS.values():
        check(domain, tests)


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    cap, private = blocks(written()[DOCS / "how-to" / "run-live.md"], "toml")
    # The second block opens the table of the first again.
    (tmp_path / "tocsin.toml").write_text(private + cap, "utf-8")
    settings = read_settings(tmp_path)
    assert settings.feeds.cap
    assert settings.feeds.allow_private


def test_the_calibration_of_the_page_gives_what_the_docstring_says() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        exec(block("explanation/calibration.md", "python"), {})  # noqa: S102
    assert [float(x) for x in re.findall(r"[\d.]+", said.getvalue())] == [0.0, 0.0, 6.4]


def test_the_intervals_of_the_page_hold_as_often_as_it_says() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        exec(block("explanation/forecasts.md", "python"), {})  # noqa: S102
    assert said.getvalue() == block("explanation/forecasts.md", "text")


def test_the_case_of_the_page_is_what_the_checks_take(jump: Any) -> None:
    from tocsin.testing.detectors import CHECKS, Case

    page = written()[DOCS / "how-to" / "add-a-detector.md"]
    # The page asks the catalogue, which knows the method once its file is in place.
    code = blocks(page, "python")[1].replace("from tocsin.catalog import detectors", "")
    made: dict[str, Any] = {"detectors": lambda: {"jump": jump}}
    exec(compile(code, "cases_jump.py", "exec"), made)  # noqa: S102
    case: Case = made["CASES"]["jump"]
    for check in CHECKS.values():
        check(case)


def test_the_account_of_the_runbook_is_disabled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from tocsin.cli import main
    from tocsin.model import AuthorityError, Role
    from tocsin.ops import access, accounts
    from tocsin.ops.commands import SYSTEM
    from tocsin.ops.office import open_office

    now = datetime(2026, 1, 1, tzinfo=UTC)
    office = open_office(tmp_path / "store")
    for name, role in (("root", Role.ADMINISTRATOR), ("chief", Role.APPROVING_OFFICER)):
        accounts.put_account(office, name, role, "an old long password", at=now, actor=SYSTEM)
    access.authenticate(office, "chief", "an old long password", now)
    office.store.close()
    shown = "\n".join(blocks(written()[DOCS / "runbook" / "desk.md"], "console")).splitlines()
    (line,) = (one.removeprefix("$ tocsin ") for one in shown if "accounts disable" in one)
    monkeypatch.setenv("TOCSIN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TOCSIN_PASSWORD", "an old long password")
    assert main(shlex.split(line)) == 0
    office = open_office(tmp_path / "store")
    with pytest.raises(AuthorityError):
        access.authenticate(office, "chief", "an old long password", now)
    office.store.close()


def test_a_notebook_reads_the_past_as_the_page_says(tmp_path: Path) -> None:
    from tocsin.ops.office import open_office

    open_office(tmp_path / ".tocsin").store.close()
    code = block("how-to/read-the-past.md", "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_guarantee_of_the_budget_holds_in_its_figure(tmp_path: Path) -> None:
    budget = load_domains(["air_transport"])[0].budget
    assert budget is not None
    thresholds, verdicts = figures.controlled(budget, np.random.default_rng(figures.SEED))
    assert thresholds.min() > budget.start - 1, "the floor was reached: the identity does not hold there"
    weeks = (len(verdicts) - 1) / 168
    wandered = (thresholds[-1] - thresholds[0]) / budget.gain
    assert verdicts[1:].sum() == pytest.approx(budget.aim * weeks + wandered)
    assert abs(verdicts.sum() / weeks - budget.aim) < 0.2
    figures.write(tmp_path)
    assert (tmp_path / "budget.svg").stat().st_size > 10_000


@pytest.mark.parametrize("module", [figures, reference_pages], ids=lambda m: m.__name__)
def test_docstrings_of_what_makes_the_pages(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert failed == 0 < tried


def test_numbers_of_the_budget_page_are_those_of_the_domain() -> None:
    budget = load_domains(["air_transport"])[0].budget
    assert budget is not None
    text = written()[DOCS / "explanation" / "budget.md"]
    for words in (f"({budget.aim} a week)", f"({budget.gain} decades)", f"({budget.start} decades)"):
        assert words in text
    # 0.8 × 21.42 + (3.972 − 3.4) / 0.2 = 20: the identity on the replay, from the figures of the page.
    assert budget.aim * 21.42 + (3.972 - budget.start) / budget.gain == pytest.approx(20, abs=0.01)


def test_every_explanation_of_the_readme_about_code_names_real_files() -> None:
    text = written()[ROOT / "README.md"] + written()[ROOT / "CONTRIBUTING.md"]
    named = {n for n in re.findall(r"`((?:src|docs|tests)/[\w./-]+)`", text) if "<" not in n}
    assert named
    assert [n for n in sorted(named) if not (ROOT / n).exists()] == []
