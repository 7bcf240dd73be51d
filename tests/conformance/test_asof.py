"""The as-of runner on the histories, and on folders that it must refuse."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from tests.conformance import asof
from tests.conformance.runner import Report, Tolerance, agrees, run

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "history"


def write(folder: Path, *, expected: str = "2") -> Path:
    """A small folder of the same layout."""
    rows = [
        "series,region,valid_time,known_at,value",
        "s,A,2021-W26,2021-07-10T00:00:00Z,1",
        "s,A,2021-W26,2021-07-11T00:00:00Z,2.0",
        "s,A,2021-W26,2021-07-12T00:00:00Z,",
        "s,B,2021-W26,2021-07-10T00:00:00Z,Unknown",
    ]
    with gzip.open(folder / "small.csv.gz", "wt") as file:
        file.write("\n".join(rows) + "\n")
    queries = [
        "file,series,region,valid_time,as_of,expected",
        "small.csv.gz,s,A,2021-W26,2021-07-09T23:59:59Z,unknown",
        f"small.csv.gz,s,A,2021-W26,2021-07-11T00:00:00Z,{expected}",
        "small.csv.gz,s,A,2021-W26,2021-07-12T00:00:00Z,",
        "small.csv.gz,s,B,2021-W26,2021-07-12T00:00:00Z,Unknown",
    ]
    with gzip.open(folder / "queries.csv.gz", "wt") as file:
        file.write("\n".join(queries) + "\n")
    (folder / "panels.csv").write_text(
        "file,as_of,known,withdrawn,unknown,numeric,sum,text_sha256_16\n"
        "small.csv.gz,2021-07-11T00:00:00Z,2,0,0,1,2,"
        "6e761d348c772676\n"
    )
    return folder


def test_a_small_folder(tmp_path: Path) -> None:
    out = io.StringIO()
    report = Report(out=out)
    asof.walk(write(tmp_path), report)
    assert [line for line in out.getvalue().splitlines() if line.startswith("FAIL")] == []
    assert report.close() == 0
    assert out.getvalue().splitlines()[-1] == "11 passed, 0 failed, 0 skipped"


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    out = io.StringIO()
    report = Report(out=out)
    asof.walk(write(tmp_path, expected="1"), report)
    assert report.close() == 1
    assert "got 2.0, expected '1', tolerance exact" in out.getvalue()


def test_nothing_found_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda folder, report: None, [str(tmp_path)], "usage") == 1
    assert capsys.readouterr().out == "0 passed, 0 failed, 0 skipped\n"
    assert run(lambda folder, report: None, [], "usage") == 2
    assert run(lambda folder, report: None, [str(tmp_path / "no")], "usage") == 2


def test_closing_line_with_differences() -> None:
    out = io.StringIO()
    report = Report(out=out)
    report.case("a", 1, 1)
    report.differ("b", 1, 2, "stated reason")
    report.skip("c", "not here")
    assert report.close() == 0
    assert out.getvalue().splitlines()[-1] == "1 passed, 0 failed, 1 skipped, 1 differs"


def test_agreement() -> None:
    assert agrees("7e-04", 0.0007)
    assert not agrees("unknown", "Unknown")
    assert not agrees("", 0)
    assert not agrees(1.0, 1.001)
    assert agrees(1.0, 1.001, Tolerance(relative=1e-2))
    assert agrees(1e-9, 0, Tolerance(absolute=1e-8))
    assert not agrees(float("nan"), float("inf"))


@pytest.mark.shared
@pytest.mark.slow
def test_histories() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    out = io.StringIO()
    report = Report(out=out)
    asof.walk(SHARED, report)
    failures = [line for line in out.getvalue().splitlines() if line.startswith("FAIL")]
    assert failures == []
    assert report.passed > 6_000
    assert report.close() == 0
