"""The detection runner on a folder made here, on what it must refuse, and on the shared reference."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conformance.detection import __main__ as command
from tests.conformance.detection import simulation
from tests.conformance.detection.cases import Case, Reference, Result, faults, load
from tests.conformance.runner import Report

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "detection"

SERIES = """t,date,region,observed,population
1,2001-01-01,A,1,100
1,2001-01-01,B,2,50
2,2001-01-08,A,,100
2,2001-01-08,B,4,50
3,2001-01-15,A,5,110
3,2001-01-15,B,6,50
4,2001-01-22,A,7,110
4,2001-01-22,B,8,50
"""


def entry(**changes: Any) -> dict[str, Any]:
    """One case: bounds of a method that nobody has."""
    source: dict[str, Any] = {
        "files": [
            {
                "path": "series/s.csv.gz",
                "role": "counts",
                "columns": {
                    "t": "t",
                    "date": "date",
                    "region": "region",
                    "observed": "count",
                    "population": "population",
                },
            }
        ],
        "regions": "each",
        "region": None,
        "t_offset": 0,
        "missing_t": [],
    }
    source.update(changes.pop("input", {}))
    return {
        "id": "one",
        "method": "twice",
        "input": source,
        "parameters": {},
        "reference": "reference/twice/one.csv",
        "rows": 3,
        "key": ["t", "region"],
        "columns": {"bound": "upper", "alarm": "alarm"},
        "tolerance": {"bound": {"rel": 1e-6, "abs": 0}, "alarm": {"equal": True}},
        "compare": "finite",
        "notes": "for people",
    } | changes


def folder(path: Path, *entries: Mapping[str, Any], reference: str = "") -> Path:
    """A small folder of the same layout."""
    (path / "series").mkdir()
    with gzip.open(path / "series" / "s.csv.gz", "wt") as file:
        file.write(SERIES)
    (path / "reference" / "twice").mkdir(parents=True)
    rows = reference or "t,region,bound,alarm\n3,A,10,0\n3,B,12,1\n4,A,,1\n"
    (path / "reference" / "twice" / "one.csv").write_text(rows)
    (path / "reference" / "twice" / "cases.json").write_text(json.dumps(entries or [entry()]))
    return path


def twice(case: Case) -> Result:
    assert case.counts is not None
    bound = 2 * case.counts.values
    return Result(columns={"upper": case.at_keys(bound), "alarm": case.at_keys(bound == 12)})


def judged(path: Path, adapter: Callable[[Case], Result] = twice) -> list[str]:
    ((case, reference),) = load(path)
    return faults(adapter(case), reference)


# ---- inputs ------------------------------------------------------------------------------------------------


def case_of(path: Path, **source: Any) -> Case:
    ((case, _),) = load(folder(path, entry(input=source)))
    return case


def test_each_region_is_a_column_and_what_is_empty_is_missing(tmp_path: Path) -> None:
    counts = case_of(tmp_path).counts
    assert counts is not None
    assert counts.regions == ("A", "B")
    np.testing.assert_array_equal(counts.values, [[1, 2], [np.nan, 4], [5, 6], [7, 8]])
    np.testing.assert_array_equal(counts.given["population"][:, 0], [100, 100, 110, 110])
    assert counts.dates is not None
    assert str(counts.dates[3]) == "2001-01-22"
    assert counts.panel.times[1] - counts.panel.times[0] == 7 * 86_400_000_000


def test_a_total_is_missing_where_a_region_is(tmp_path: Path) -> None:
    counts = case_of(tmp_path, regions="sum").counts
    assert counts is not None
    np.testing.assert_array_equal(counts.values[:, 0], [3, np.nan, 11, 15])
    assert counts.given["population"][:, 0].tolist() == [150, 150, 160, 160]


def test_only_one_region_with_an_offset_and_missing_times(tmp_path: Path) -> None:
    counts = case_of(tmp_path, regions="only", region="B", t_offset=1, missing_t=[2]).counts
    assert counts is not None
    np.testing.assert_array_equal(counts.values[:, 0], [4, np.nan, 8])
    assert counts.t.tolist() == [1, 2, 3]


@pytest.mark.parametrize("source", [{"regions": "all"}, {"regions": "only", "region": "C"}])
def test_an_input_that_is_not_in_the_closed_list_is_refused(tmp_path: Path, source: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"regions?"):
        case_of(tmp_path, **source)


def test_a_reference_with_other_rows_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 3 rows"):
        list(load(folder(tmp_path, entry(rows=4))))


# ---- comparison --------------------------------------------------------------------------------------------


def test_what_agrees_agrees(tmp_path: Path) -> None:
    assert judged(folder(tmp_path)) == []


def one(told: Mapping[str, Any], cells: list[str], **more: Any) -> Reference:
    """A reference with one column and rows 1, 2, ..."""
    others = {"se": "0.1", "good": "1"}
    rows = tuple({"i": str(i + 1), "x": cell} | others for i, cell in enumerate(cells))
    words: dict[str, Any] = {"compare": "finite", "scalars": {}} | more
    return Reference(rows=rows, key=("i",), columns={"x": "statistic"}, tolerance={"x": told}, **words)


REL = {"rel": 0.01, "abs": 0.0}
OFF = {"equal": True, "max_off_by_one_share": 0.1}
DRAWN = {"monte_carlo": {"rel": 0.1, "abs": 1.0}}
ERROR = {"monte_carlo": {"se_column": "se", "k": 3, "abs": 0.01}}


@pytest.mark.parametrize(
    ("told", "got", "cells", "agrees"),
    [
        (REL, [1.009], ["1"], True),
        (REL, [1.011], ["1"], False),
        ({"rel": 0.01, "abs": 0.005}, [1.014], ["1"], True),
        (REL, [math.nan], ["1"], False),
        (REL, [None], ["1"], False),
        (REL, [5.0], [""], True),
        (REL, [5.0], ["NA"], True),
        (REL, [5.0], ["Inf"], True),
        ({"equal": True}, [3], ["3"], True),
        ({"equal": True}, [3.0000001], ["3"], False),
        ({"equal": True}, [0.1 + 0.2], ["0.3"], True),
        ({"equal": True}, [True], ["1"], True),
        ({"equal": True}, [9769411728552.0], ["9769411728530"], True),
        ({"equal": True}, [1_000_000_001], ["1000000000"], False),
        ({"equal": True}, [[5, 22]], ["5 22"], True),
        ({"equal": True}, [[22, 5]], ["5 22"], False),
        (OFF, [4], ["3"], True),
        (OFF, [5], ["3"], False),
        (OFF, [4, 4], ["3", "3"], False),
        (OFF, [4, 4] + [3] * 18, ["3"] * 20, True),
        (OFF, [4, 4, 4] + [3] * 17, ["3"] * 20, False),
        ({**REL, "max_share_beyond": 0.1}, [9] + [3] * 9, ["3"] * 10, True),
        ({**REL, "max_share_beyond": 0.1}, [math.nan] + [3] * 9, ["3"] * 10, False),
        (DRAWN, [20.9], ["20"], True),
        (DRAWN, [23, 23] + [20] * 8, ["20"] * 10, False),
        (DRAWN, [23] + [20] * 9, ["20"] * 10, True),
        (ERROR, [1.29], ["1"], True),
        (ERROR, [1.31], ["1"], False),
        ({**REL, "only_where": {"column": "good", "equals": 0}}, [9], ["1"], True),
        ({**REL, "only_where": {"column": "good", "equals": 1}}, [9], ["1"], False),
        ({**REL, "only_where": {"column": "good", "above": 1}}, [9], ["1"], True),
        ({**REL, "only_where": {"column": "good", "above": 0.5}}, [9], ["1"], False),
    ],
)
def test_every_word_of_a_tolerance(
    told: Mapping[str, Any], got: list[Any], cells: list[str], agrees: bool
) -> None:
    assert (faults(Result(columns={"x": got}), one(told, cells)) == []) == agrees


@pytest.mark.parametrize(("got", "agrees"), [(math.nan, True), (None, True), (1.0, False)])
def test_where_all_is_compared_a_missing_cell_must_be_missing(got: Any, agrees: bool) -> None:
    reference = one(REL, [""], compare="all")
    assert (faults(Result(columns={"x": [got]}), reference) == []) == agrees


def test_an_alarm_counts_only_where_there_is_a_bound(tmp_path: Path) -> None:
    def other(case: Case) -> Result:
        result = twice(case)
        return Result(columns={**result.columns, "alarm": [0, 1, 0]})  # the last has no bound

    assert judged(folder(tmp_path), other) == []


def test_rows_are_matched_by_key(tmp_path: Path) -> None:
    def mixed(_: Case) -> Result:
        keys = {"t": [9, 3, 4, 3], "region": ["A", "B", "A", "A"]}
        return Result(columns={"upper": [0, 12, 14, 10], "alarm": [1, 1, 0, 0]}, keys=keys)

    assert judged(folder(tmp_path), mixed) == []


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Result(columns={"alarm": [0, 1, 0]}), "bound (upper): got none"),
        (Result(columns={"bound": [10], "alarm": [0]}), "got 1 rows, allowed: 3"),
        (Result(columns={}, keys={"t": [3]}), "keys: got none for region"),
        (Result(columns={}, keys={"t": [3], "region": ["A"]}), "keys: got no row"),
        (Result(columns={}, keys={"t": [3, 3], "region": ["A", "A"]}), "1 different keys"),
        (Result(columns={"bound": [10, 13, 1], "alarm": [0, 1, 0]}), "first: t 3, region B: got 13"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, result: Result, said: str) -> None:
    assert said in " ".join(judged(folder(tmp_path), lambda _: result))


@pytest.mark.parametrize(
    ("value", "told", "agrees"),
    [
        (3, {"value": 3, "equal": True}, True),
        (True, {"value": True, "equal": True}, True),
        (False, {"value": True, "equal": True}, False),
        ([15, 26], {"value": [15, 26], "equal": True}, True),
        ([26, 15], {"value": [15, 26], "equal": True}, False),
        (1.05, {"value": 1.0, "monte_carlo": {"rel": 0.1, "abs": 0}}, True),
        (1.2, {"value": 1.0, "monte_carlo": {"rel": 0.1, "abs": 0}}, False),
        (1.2, {"value": 1.0, "rel": 0.1, "abs": 0}, False),
        ("high", {"value": "high", "equal": True}, True),
        (math.nan, {"value": 1.0, "rel": 0.1, "abs": 0}, False),
    ],
)
def test_scalars(value: Any, told: Mapping[str, Any], agrees: bool) -> None:
    reference = one(REL, ["1"], scalars={"s": told})
    assert (faults(Result(columns={"x": [1]}, scalars={"s": value}), reference) == []) == agrees


def test_a_scalar_that_is_not_given_is_a_fault() -> None:
    assert faults(Result(columns={"x": [1]}), one(REL, ["1"], scalars={"s": {"value": 1}})) != []


# ---- the run -----------------------------------------------------------------------------------------------


def lines_of(path: Path, *only: str) -> list[str]:
    out = io.StringIO()
    report = Report(out=out)
    command.walk(path, report, only or ("",))
    return [*out.getvalue().splitlines(), str(report.close())]


def test_a_method_without_adapter_and_a_case_that_breaks_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path, entry(), entry(id="two"), entry(id="three", method="nobodys"))
    answers = {"one": twice, "two": lambda _: 1 / 0}
    monkeypatch.setattr(command, "adapters", lambda: {"twice": lambda case: answers[case.id](case)})
    assert lines_of(path) == [
        "ok twice/one",
        "FAIL twice/two: ZeroDivisionError: division by zero",
        "FAIL nobodys/three: no adapter for the method nobodys",
        "1",
    ]
    assert lines_of(path, "twice/o") == ["ok twice/one", "0"]


def test_run_lengths_go_through_the_function_of_the_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path)
    (path / "arl.csv").write_text(
        "id,chart,k,h,arl,result,arl_tolerance\na,cusum,0.5,,100,arl,0.01\nb,cusum,,4,100,h,0.01\n"
    )
    seen = []

    def function(row: Mapping[str, Any]) -> float:
        seen.append(row)
        return 100.5

    monkeypatch.setattr(command, "run_length", lambda: function)
    assert [line[:8] for line in lines_of(path, "arl")] == ["ok arl/a", "FAIL arl", "1"]
    assert (seen[0]["k"], seen[0]["h"], seen[0]["chart"]) == (0.5, None, "cusum")


def test_a_folder_without_a_case_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "nothing", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed, 0 skipped\n"
    assert command.main([]) == 2


def test_every_method_of_the_reference_has_an_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = """bayes categoricalCUSUM cdc cusum ears evt_gpd farrington farringtonFlexible
        farringtonFlexible_internals glr_nb glr_pois nowcast online_fdr outbreakP rki rogerson scan_kulldorff
        scan_spacetime"""
    assert set(command.adapters()) == set(wanted.split())
    assert command.run_length() is not None
    one = type("one", (), {"METHODS": {"bayes": twice}, "__name__": "one"})
    monkeypatch.setattr(command, "_modules", lambda: [one, one])
    with pytest.raises(ValueError, match="bayes a second time"):
        command.adapters()


# ---- simulation --------------------------------------------------------------------------------------------


def simulated(path: Path) -> Path:
    """Two series of six weeks, the last three scored; an outbreak in week 5 of the first."""
    path = path / "simulation"
    path.mkdir()
    spec = {
        "scored": {"range_first": 4, "range_last": 6},
        "files": {"simulation/summary_R.csv": {"tolerance": {"FPR": {"rel": 0, "abs": 0.01}}}},
        "methods": {"big": {"method": "big", "parameters": {"limit": 5}, "alarm_tolerance": {"equal": True}}},
    }
    (path / "SPEC.json").write_text(json.dumps(spec))
    counts = {"1": [1, 2, 1, 2, 9, 1], "2": [3, 2, 6, 7, 2, 1]}
    rows = [
        [s, 1, t + 1, n, 4 if (s, t) == ("1", 4) else 0] for s, ns in counts.items() for t, n in enumerate(ns)
    ]
    with gzip.open(path / "series.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([["scenario", "seed", "t", "observed", "outbreak"], *rows])
    alarms = [["big", s, 1, t, int(counts[s][t - 1] > 5)] for s in counts for t in (4, 5, 6)]
    with gzip.open(path / "alarms_R.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([["method", "scenario", "seed", "t", "alarm"], *alarms])
    (path / "summary_R.csv").write_text("method,FPR\nbig,0.2\n")
    return path.parent


def big(case: Case) -> Result:
    assert case.counts is not None
    return Result(columns={"alarm": case.at_keys(case.counts.values > case.parameters["limit"])})


@pytest.mark.parametrize(("limit", "words"), [(5, ["ok", "ok"]), (6, ["ok", "ok"]), (8, ["FAIL", "FAIL"])])
def test_alarms_and_their_summary(tmp_path: Path, limit: float, words: list[str]) -> None:
    out = io.StringIO()
    report = Report(out=out)
    path = simulated(tmp_path)

    def other(case: Case) -> Result:
        assert case.counts is not None
        return Result(columns={"alarm": case.at_keys(case.counts.values > limit)})

    simulation.walk(path, report, {"big": big if limit == 5 else other})
    assert [line.split()[0] for line in out.getvalue().splitlines()] == words


def test_a_simulation_without_adapter_fails(tmp_path: Path) -> None:
    out = io.StringIO()
    simulation.walk(simulated(tmp_path), Report(out=out), {})
    assert out.getvalue().count("FAIL simulation/big") == 2


def test_the_measures_of_the_study() -> None:
    outbreak = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    alarms = np.array([[False, True], [False, False], [False, False], [True, True]])
    found = simulation.summarise(alarms, outbreak, np.ones_like(alarms))
    assert found["FPR"] == pytest.approx(2 / 5)
    assert found["POD"] == 0.5
    assert found["POD_week1"] == 0.0
    assert found["sensitivity"] == pytest.approx(1 / 3)
    assert found["PPV"] == pytest.approx(1 / 3)
    assert found["timeliness"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["mean_delay_detected"] == 2.0
    silent = simulation.summarise(np.zeros_like(alarms), outbreak, np.zeros_like(alarms))
    assert math.isnan(silent["PPV"])
    assert (silent["timeliness"], silent["no_bound_share"]) == (1.0, 1.0)


# ---- the shared reference ----------------------------------------------------------------------------------


def parts() -> list[str]:
    """Parts of the run that go side by side: a method, the run lengths, a method of the simulation."""
    if not SHARED.is_dir():
        return []
    methods = sorted(p.parent.name for p in (SHARED / "reference").glob("*/cases.json"))
    spec = json.loads((SHARED / "simulation" / "SPEC.json").read_text("utf-8"))
    return [*(f"{m}/" for m in methods), "arl/", *(f"simulation/{name}/" for name in spec["methods"])]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/detection is not there")
@pytest.mark.parametrize("part", parts() or ["none"])
def test_the_shared_reference(part: str) -> None:
    wrong = [line for line in lines_of(SHARED, part) if line.startswith("FAIL")]
    assert wrong == []


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/detection is not there")
def test_the_reference_agrees_with_itself_and_not_with_other_numbers() -> None:
    n = 0
    for _, reference in load(SHARED):
        columns = {name: [row[name] for row in reference.rows] for name in reference.columns}
        keys = {name: [row[name] for row in reference.rows] for name in reference.key}
        scalars = {name: told["value"] for name, told in reference.scalars.items()}
        assert faults(Result(columns=columns, keys=keys, scalars=scalars), reference) == []
        wrong = {name: [_other(cell) for cell in cells] for name, cells in columns.items()}
        assert faults(Result(columns=wrong, keys=keys, scalars=scalars), reference) != []
        n += 1
    assert n >= 386


def _other(cell: str) -> Any:
    try:
        return float(cell) * 1.5 + 7
    except ValueError:
        return "other"
