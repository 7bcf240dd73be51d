"""``tocsin detect run``: a table in, a table out, each row judged by its past only."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import run
from tests.conftest import ROOT

HEAD = "series,time,value\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(text, encoding="utf-8")
    return path


def judged(*words: object) -> list[dict[str, str]]:
    done = run("detect", "run", *words)
    assert done.status == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def hours(values: np.ndarray, series: str = "a") -> str:
    return "".join(
        f"{series},2001-01-{1 + k // 24:02}T{k % 24:02}:00:00Z,{'' if np.isnan(v) else int(v)}\n"
        for k, v in enumerate(values)
    )


@pytest.fixture
def stopped() -> np.ndarray:
    """Twenty-eight days at about twenty an hour; then nothing for six hours."""
    values = np.random.default_rng(3).poisson(20, 28 * 24).astype(float)
    values[100] = np.nan
    values[-6:] = 0
    return values


def test_a_stop_alarms_and_what_is_missing_stays_missing(tmp_path: Path, stopped: np.ndarray) -> None:
    path = table(tmp_path, HEAD + hours(stopped))
    rows = judged("seasonal_count", "--set", "windows=[1,3,6]", "--tail", "0.01", "--input", path)
    assert list(rows[0]) == ["series", "time", "value", "expected", "upper", "tail", "alarm"]
    assert len(rows) == len(stopped)
    assert (rows[100]["value"], rows[100]["tail"], rows[100]["alarm"]) == ("", "", "")
    assert rows[-1]["alarm"] == "1"
    assert 12 < float(rows[-1]["expected"]) < 28
    ordinary = [r["alarm"] for r in rows[400:-6]]
    assert ordinary.count("1") <= 0.03 * len(ordinary)


def test_the_future_changes_nothing_before_it(tmp_path: Path, stopped: np.ndarray) -> None:
    whole = judged("robust_ewma", "--input", table(tmp_path, HEAD + hours(stopped)))
    part = judged("robust_ewma", "--input", table(tmp_path, HEAD + hours(stopped[:300])))
    assert whole[:300] == part


def test_rows_keep_their_order_and_a_file_is_written(tmp_path: Path) -> None:
    text = HEAD + "b,2001-W02,5\na,2001-W01,1\nb,2001-W01,2\na,2001-W02,9\n"
    out = tmp_path / "out.csv"
    words = ("--set", "limit=4", "--input", table(tmp_path, text), "--output", out, "--tail", "1")
    done = run("detect", "run", "threshold", *words)
    assert (done.status, done.out) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [(r["series"], r["time"], r["value"]) for r in rows] == [
        ("b", "2001-W02", "5"),
        ("a", "2001-W01", "1"),
        ("b", "2001-W01", "2"),
        ("a", "2001-W02", "9"),
    ]
    assert {r["upper"] for r in rows} == {"4"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("sesonal_count",), 2, "Did you mean 'seasonal_count'"),
        (("threshold",), 2, "limit"),
        (("threshold", "--set", "limt=3"), 2, "Did you mean 'limit'"),
        (("robust_ewma", "--set", "season=decade"), 2, "decade"),
        (("seasonal_count", "--set", "side=left"), 2, "left"),
        (("robust_ewma", "--zone", "Mars/Olympus"), 2, "IANA"),
    ],
)
def test_wrong_words_are_wrong_use(tmp_path: Path, words: tuple[str, ...], status: int, said: str) -> None:
    done = run("detect", "run", *words, "--input", table(tmp_path, HEAD + "a,2001-01-01,1\n"))
    assert done.status == status, done.err
    assert said in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,value\n2001-01-01,1\n", "series"),
        (HEAD + "a,yesterday,1\n", "line 2"),
        (HEAD + "a,2001-01-01,much\n", "much"),
        (HEAD + "a,2001-01-01,inf\n", "finite"),
        (HEAD + "a,2001-01-01,1\na,2001-01-01,2\n", "twice"),
        ("", "series"),
    ],
)
def test_a_bad_table_is_a_fault_in_words(tmp_path: Path, text: str, said: str) -> None:
    done = run("detect", "run", "robust_ewma", "--input", table(tmp_path, text))
    assert (done.status, done.out) == (3, "")
    assert said in done.err


def test_a_column_that_is_not_used_is_said(tmp_path: Path) -> None:
    text = "series,time,value,population\na,2001-01-01,1,5\n"
    done = run("detect", "run", "robust_ewma", "--input", table(tmp_path, text))
    assert done.status == 0
    assert "column population: not used" in done.err


def test_details_json_and_the_methods_own_rule(tmp_path: Path) -> None:
    rows = "".join(f"a,{np.datetime64('2001-01-01') + 7 * k},{3 + k % 3}\n" for k in range(20))
    path = table(tmp_path, HEAD + rows + "a,2001-05-21,60\na,2001-05-28,\n")
    done = run("detect", "run", "ears", "--details", "--json", "--input", path)
    assert done.status == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [r["alarm"] for r in found[-2:]] == [1, None]
    assert found[-2]["value"] == 60.0
    assert found[-2]["upper"] < 20
    assert len(found[0]) > 7
    out = tmp_path / "judged.jsonl"
    run("detect", "run", "ears", "--details", "--json", "--input", path, "--output", out)
    assert out.read_text() == done.out


def test_what_was_put_in_order_is_said(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + "a,2001-01-08,1\na,2001-01-01,1\n")
    done = run("detect", "run", "robust_ewma", "--input", path)
    assert done.status == 0
    assert "1 of 2 rows: times not in order in series a" in done.err


def test_the_methods_are_listed_with_what_they_are_good_for() -> None:
    done = run("detect", "methods")
    assert done.status == 0
    for word in ("good for", "needs", "cost", "robust_ewma", "threshold"):
        assert word in done.out
    rows = {
        row["method"]: row for row in map(json.loads, run("detect", "methods", "--json").out.splitlines())
    }
    assert {"title", "good_for", "not_good", "season", "needs", "cost", "parameters", "references"} <= set(
        rows["threshold"]
    )
    assert all(row["good_for"] and row["cost"] for row in rows.values())


PAGE = ROOT / "docs" / "how-to" / "judge-a-csv.md"


def test_the_page_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text("utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    (csv_block,) = [body for language, body in blocks if language == "text"]
    Path("weeks.csv").write_text(csv_block)
    lines = [
        line[2:] for language, body in blocks if language == "console" for line in body.splitlines() if line
    ]
    assert len(lines) >= 4
    for line in lines:
        done = run(*shlex.split(line)[1:])
        assert done.status == 0, (line, done.err)
    assert Path("judged.csv").read_text().startswith("series,time,value,expected,upper,tail,alarm\n")
    (python,) = [body for language, body in blocks if language == "python"]
    exec(compile(python, str(PAGE), "exec"), {})  # noqa: S102 - the page's own code
