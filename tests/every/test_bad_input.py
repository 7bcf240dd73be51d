"""What anybody's table may hold, judged by every method: a stated result or unknown, no alarm of nothing."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tocsin.catalog import detectors
from tocsin.detect.contract import Floats
from tocsin.ops import trial

WEEKS = 340
SERIES = ("constant", "zeros", "missing", "one", "negative", "gap", "sparse", "ordinary")
MADE = {"threshold": ("limit=40",)}
METHODS = sorted(detectors())
JOINT = {name for name, kind in detectors().items() if getattr(kind, "JOINT", False)}


def values() -> Floats:
    """Six and a half years of weeks."""
    rng = np.random.default_rng(17)
    table = rng.poisson(8, (WEEKS, len(SERIES))).astype(float)
    table[:, 0] = 7
    table[:, 1] = 0
    table[:, 2] = np.nan
    table[:, 3] = np.nan
    table[300, 3] = 9
    table[310:313, 4] = -4
    table[200:270, 5] = np.nan  # longer than the season
    table[:, 6] = rng.random(WEEKS) < 0.02
    return table


@functools.cache
def judged(method: str) -> dict[str, Floats]:
    """Columns of the output as numbers, weeks by series; NaN where empty."""
    table = values()
    lines = ["series,time,value,population,trials,expected,x,y"]
    for column, name in enumerate(SERIES):
        for row in range(WEEKS):
            value = table[row, column]
            shown = "" if np.isnan(value) else f"{value:g}"
            day = np.datetime64("2001-01-01") + 7 * row
            lines.append(f"{name},{day},{shown},{5000 + 1000 * column},40,8,{column % 3},{column // 3}")
    found = trial.run(
        method, ("\n".join(lines) + "\n").encode(), settings=MADE.get(method, ()), name="bad.csv"
    )
    rows = [[np.nan if row[c] is None else float(row[c]) for c in trial.OUT[2:]] for row in found.rows()]
    cube = np.array(rows).reshape(len(SERIES), WEEKS, 5)
    return {c: cube[:, :, i].T for i, c in enumerate(trial.OUT[2:])} | {"notes": np.array(found.notes)}


@pytest.mark.parametrize("method", METHODS)
def test_a_tail_is_a_probability_or_unknown(method: str) -> None:
    tail = judged(method)["tail"]
    known = tail[np.isfinite(tail)]
    assert known.size
    assert ((known >= 0) & (known <= 1)).all()
    assert not np.isinf(tail).any()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_missing_is_neither_rare_nor_calm(method: str) -> None:
    found, missing = judged(method), np.isnan(values())
    for column in ("tail", "alarm"):
        assert np.isnan(found[column][missing]).all(), column
    assert "series missing: never judged: every value is missing" in found["notes"].tolist()


@pytest.mark.parametrize("method", sorted(set(METHODS) - JOINT))
@pytest.mark.parametrize("name", ["constant", "zeros", "one"])
def test_a_series_in_which_nothing_happens_does_not_alarm(method: str, name: str) -> None:
    alarm = judged(method)["alarm"][:, SERIES.index(name)]
    assert np.nansum(alarm) == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_series_comes_back_after_a_gap_longer_than_the_season(method: str) -> None:
    tail = judged(method)["tail"][:, SERIES.index("gap")]
    before = np.isfinite(tail[:200]).any()
    assert np.isfinite(tail[WEEKS - 10 :]).any() or not before


@pytest.mark.parametrize("method", METHODS)
def test_values_below_zero_do_not_spoil_what_follows(method: str) -> None:
    column = SERIES.index("negative")
    tail = judged(method)["tail"]
    assert np.isfinite(tail[WEEKS - 5 :, SERIES.index("ordinary")]).any()
    assert np.isfinite(tail[WEEKS - 5 :, column]).any()
