"""The CAP runner: the reference corpus where it is there, and folders of our own that must pass or fail."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cap.test_rules import CLEAN
from tests.conformance.cap import messages
from tests.conformance.cap.__main__ import walk
from tests.conformance.runner import Report
from tocsin.cap.profiles import every_rule, profiles
from tocsin.ops.messages import check

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "cap"
PARSED = (
    "file\tversion\tsender\tidentifier\tsent_text\tsent\tstatus\tmsgType\tn_info\tn_area\tn_polygon\tn_polygon_empty\t"
    "n_circle\tn_geocode\tn_parameter\tn_references\tlanguages\n"
    "dev/a.xml\t1.2\tdesk@example.org\t{}\t2026-03-14T06:00:00+03:00\t2026-03-14T03:00:00Z\tActual\tAlert\t2\t2\t2\t0\t1\t1"
    "\t0\t0\ten fr\n"
)


def small(
    folder: Path, *, identifier: str = "2.49.0.1.0.1", fires: str = "area.polygon.open", valid: str = "yes"
) -> Path:
    """A folder of the same layout with one real and one made message."""
    for name in ("dev", "mutants"):
        (folder / name).mkdir()
    (folder / "dev" / "a.xml").write_text(CLEAN, encoding="utf-8")
    broken = CLEAN.replace("10,41 10,40</polygon>", "10,41</polygon>", 1)
    (folder / "mutants" / "area-polygon-open.xml").write_text(broken, encoding="utf-8")
    (folder / "PARSED.tsv").write_text(PARSED.format(identifier), encoding="utf-8")
    (folder / "EXPECTED.tsv").write_text(
        "file\tprofile\txsd_valid\txsd_valid_xmlschema\tmust_fire\tfires\tnote\n"
        f"mutants/area-polygon-open.xml\tnone\t{valid}\tyes\t{fires}\t{fires}\t\n",
        encoding="utf-8",
    )
    (folder / "RULES.tsv").write_text(
        "id\tlevel\tsource\tcondition\texample_file\treal_alerts_that_fire\narea.polygon.open\terror\tx\ty\tz\t0\n",
        encoding="utf-8",
    )
    return folder


def run(folder: Path) -> tuple[Report, str]:
    report = Report(out=io.StringIO())
    messages.run(folder, report)
    return report, report.out.getvalue()  # type: ignore[attr-defined]


def test_a_folder_that_is_right_passes(tmp_path: Path) -> None:
    report, out = run(small(tmp_path))
    assert (report.passed, report.failed, report.differs) == (5, 0, 0), out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identifier": "other"}, "FAIL PARSED.tsv dev/a.xml: got {'identifier': '2.49.0.1.0.1'}"),
        ({"fires": "area.polygon.few"}, "must fire and does not: ['area.polygon.few']"),
        ({"fires": ""}, "error that the reference does not know: ['area.polygon.open']"),
        ({"valid": "no"}, "schema: got 'yes', expected 'no'"),
    ],
)
def test_a_folder_that_is_wrong_fails(tmp_path: Path, change: dict[str, str], words: str) -> None:
    report, out = run(small(tmp_path, **change))
    assert report.failed == 1
    assert words in out


def test_a_missing_file_fails(tmp_path: Path) -> None:
    folder = small(tmp_path)
    (folder / "mutants" / "area-polygon-open.xml").unlink()
    (folder / "dev" / "a.xml").unlink()
    assert run(folder)[0].failed == 2


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/cap is not there")
def test_the_reference_corpus() -> None:
    report = Report(out=io.StringIO())
    walk(SHARED, report)
    out = report.out.getvalue()  # type: ignore[attr-defined]
    assert report.failed == 0, [line for line in out.splitlines() if line.startswith("FAIL")]
    assert report.passed > 4000
    assert report.differs < 60
    ours = [
        line
        for line in out.splitlines()
        if line.startswith(("differs EXPECTED", "differs RES", "differs RU"))
    ]
    assert len(ours) == 7, ours
    assert not any("a recommendation; here" in line for line in ours)  # each of them has a reason of its own


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/cap is not there")
def test_whatever_fires_is_in_the_book_with_its_level() -> None:
    book = every_rule()
    fired = {
        (finding.rule, finding.level)
        for folder in ("dev", "invalid", "lab", "synthetic", "mutants", "feeds", "sets")
        for one in check([SHARED / folder], profiles=list(profiles()), together=True)
        for finding in one.findings
    }
    assert len(fired) > 80
    assert {(rule, level) for rule, level in fired if rule not in book or book[rule].level != level} == set()
