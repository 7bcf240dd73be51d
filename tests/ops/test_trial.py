"""A detector on a table: its own rule or a tail, unknown stays unknown, and reasons are said."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.model import ConfigError, ShapeError
from tocsin.ops import trial

HEAD = "series,time,value\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A method with a rule of its own, a detail, and a column that it may use.

    Parameters
    ----------
    by : float
        It alarms where a value is more than this above the last one.
    rate : bool
        By inhabitant.
    """

    NAME: ClassVar[str] = "jump"

    by: float = 3.0
    rate: bool = False

    def __post_init__(self) -> None:
        positive("jump", "by", self.by)

    @property
    def GIVEN(self) -> tuple[str, ...]:
        return ("population",) if self.rate else ()

    def start(self, n: int) -> State:
        return {"last": np.full(n, np.nan)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        known = np.where(values < 0, np.nan, values / now.of("population") if self.rate else values)
        change = known - state["last"]
        state["last"] = np.where(np.isnan(known), state["last"], known)
        with np.errstate(invalid="ignore"):
            return state, Step.of(
                values,
                tail=np.where(np.isnan(change), np.nan, 1 / (1 + np.maximum(change, 0))),
                upper=known - change + self.by,
                alarm=change > self.by,
                details={"change": change, "value": -known},
            )


@pytest.fixture(autouse=True)
def _with_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = trial.detectors()
    monkeypatch.setattr(trial, "detectors", lambda: {**kinds, "jump": Jump})


def rows(text: str, *settings: str, **more: object) -> list[dict[str, str]]:
    head = str(more.pop("head", HEAD))
    judged = trial.run("jump", (head + text).encode(), settings=settings, **more)  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(judged.csv().decode())))


def notes(text: str, *settings: str, head: str = HEAD) -> tuple[str, ...]:
    return trial.run("jump", (head + text).encode(), settings=settings).notes


def test_the_alarm_is_the_methods_own_rule() -> None:
    found = rows("a,2001-W01,1\na,2001-W02,3\na,2001-W03,9\na,2001-W04,\n")
    assert [r["alarm"] for r in found] == ["", "0", "1", ""]
    assert [r["upper"] for r in found] == ["", "4", "6", ""]
    assert rows("a,2001-W01,1\na,2001-W02,3\n", "by=1")[-1]["alarm"] == "1"


def test_or_a_tail_that_is_asked_for() -> None:
    found = rows("a,2001-W01,1\na,2001-W02,3\na,2001-W03,9\n", tail=0.5)
    assert [r["alarm"] for r in found] == ["", "1", "1"]
    assert [r["alarm"] for r in rows("a,2001-W01,1\na,2001-W02,3\na,2001-W03,9\n", tail=0.0)] == [
        "",
        "0",
        "0",
    ]


def test_details_are_columns_that_do_not_hide_others() -> None:
    text = "a,2001-W01,1\na,2001-W02,3\n"
    assert list(rows(text)[0]) == list(trial.OUT)
    found = rows(text, details=True)
    assert list(found[0]) == [*trial.OUT, "change", "method_value"]
    assert (found[1]["value"], found[1]["change"], found[1]["method_value"]) == ("3", "2", "-3")


def test_rows_are_the_same_as_numbers() -> None:
    judged = trial.run("jump", (HEAD + "a,2001-W01,1\na,2001-W02,3\n").encode(), settings=[])
    first, second = judged.rows()
    assert (first["value"], first["tail"], first["alarm"]) == (1.0, None, None)
    assert (second["series"], second["upper"], second["alarm"]) == ("a", 4.0, 0)


def test_why_nothing_was_judged_is_said() -> None:
    text = "".join(f"{s},2001-W0{w},{v}\n" for w in (1, 2, 3) for s, v in (("a", w), ("none", "")))
    text += "one,2001-W02,7\n"
    said = notes(text)
    assert "series none: never judged: every value is missing" in said
    assert "series one: never judged: one value, and nothing before it to judge it by" in said
    assert not any(note.startswith("series a") for note in said)


def test_many_series_that_were_never_judged_are_counted() -> None:
    said = notes("".join(f"s{i},2001-W01,1\n" for i in range(9)))
    assert said[-1] == "4 other series: never judged"


def test_values_below_zero_that_a_method_does_not_take_are_counted() -> None:
    said = notes("a,2001-W01,1\na,2001-W02,-3\na,2001-W03,2\n")
    assert said == ("1 values below 0 stay unknown, the first in series a",)


def test_a_column_that_settings_ask_for() -> None:
    head = "series,time,value,population\n"
    text = "a,2001-W01,10,10\na,2001-W02,90,10\n"
    assert rows(text, "rate=true", head=head)[1]["alarm"] == "1"
    assert notes(text, "rate=true", head=head) == ()
    assert notes(text, head=head) == ("column population: not used by jump with these settings",)
    with pytest.raises(ShapeError, match="population: got columns series, time, value"):
        rows("a,2001-W01,10\n", "rate=true")


def test_a_method_without_a_rule_alarms_by_its_tail_and_says_so() -> None:
    judged = trial.run("robust_ewma", (HEAD + "a,2001-W01,1\n").encode(), settings=[])
    assert "no rule of its own: alarm is a tail of 0.001 or less" in judged.notes[0]


@pytest.mark.parametrize("words", [["by=0"], ["by"], ["bye=3"], ["rate=1", "by=often"]])
def test_a_setting_that_the_method_refuses(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"by|bye"):
        trial.run("jump", HEAD.encode(), settings=words)


def test_a_header_alone_gives_a_header() -> None:
    assert trial.run("jump", HEAD.encode(), settings=[]).csv().decode() == ",".join(trial.OUT) + "\n"


def test_how_far_it_is_is_told() -> None:
    told = []
    trial.run(
        "jump",
        (HEAD + "a,2001-W01,1\na,2001-W02,3\n").encode(),
        settings=[],
        tell=lambda *words: told.append(words),
    )
    assert told == [("judging", 1, 2), ("judging", 2, 2)]


def test_many_series_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    values = rng.poisson(9, (40, 30))
    lines = [
        f"s{j},{np.datetime64('2001-01-01') + 7 * i},{values[i, j]}\n" for j in range(30) for i in range(40)
    ]
    whole = rows("".join(lines), details=True)
    for j in (0, 17):
        assert rows("".join(lines[40 * j : 40 * j + 40]), details=True) == whole[40 * j : 40 * j + 40]


def test_a_large_table_takes_seconds() -> None:
    n, t = 2000, 100
    days = [str(np.datetime64("2001-01-01") + 7 * i) for i in range(t)]
    content = (HEAD + "".join(f"s{j},{day},{(7 * j) % 11}\n" for j in range(n) for day in days)).encode()
    start = time.process_time()
    out = trial.run("jump", content, settings=[]).csv()
    # 200,000 rows; a loop over rows in Python alone takes this long for the times.
    assert time.process_time() - start < 5
    assert out.count(b"\n") == n * t + 1


def test_every_method_is_described() -> None:
    found = {row["method"]: row for row in trial.methods()}
    assert {"jump", "threshold", "robust_ewma"} <= set(found)
    assert found["threshold"]["parameters"]["limit"] is None
    assert found["robust_ewma"]["season"] == "by its settings"
    assert found["robust_ewma"]["good_for"].startswith("continuous quantities")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Jump):
    """Breaks in its first step."""

    NAME: ClassVar[str] = "broken"

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        raise RuntimeError("broken")


def test_a_method_that_breaks_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "detectors", lambda: {"broken": Broken})
    with pytest.raises(RuntimeError, match="broken"):
        trial.run("broken", (HEAD + "a,2001-W01,1\n").encode(), settings=[])
