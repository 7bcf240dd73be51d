"""Anybody's CSV as a panel: times in order, gaps put in, faults named by file, line and series."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model import ShapeError
from tocsin.ops.long_table import LongTable, read, write

HEAD = "series,time,value\n"
DAY_US = 86_400_000_000


def table(text: str, head: str = HEAD) -> LongTable:
    return read((head + text).encode(), "t.csv")


def weeks(first: str, *labels: str) -> str:
    return "".join(f"{first},{label},{i + 1}\n" for i, label in enumerate(labels))


def test_rows_become_a_panel() -> None:
    found = table("b,2001-W02,5\na,2001-W01,1\nb,2001-W01,2\na,2001-W02,\n")
    assert found.panel.regions == ("b", "a")
    np.testing.assert_array_equal(found.panel.values, [[2, 1], [5, np.nan]])
    assert found.panel.known.all()
    assert found.at_rows(found.panel.values)[:3].tolist() == [5, 1, 2]
    (note,) = found.notes
    assert note == "1 of 4 rows: times not in order in series b; judged in the order of time"


def test_week_53_is_a_week_like_the_others() -> None:
    found = table(weeks("a", "2020-W52", "2020-W53", "2021-W01", "2021-W02"))
    assert set(np.diff(found.panel.times)) == {7 * DAY_US}
    assert found.notes == ()


def test_a_week_53_that_is_none_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"t\.csv: line 2: series a: time: got '2021-W53'"):
        table(weeks("a", "2021-W53"))


def test_weeks_that_no_row_names_are_put_in() -> None:
    found = table(weeks("a", "2001-W01", "2001-W02", "2001-W06"))
    np.testing.assert_array_equal(found.panel.values[:, 0], [1, 2, np.nan, np.nan, np.nan, 3])
    assert not found.panel.known[2:5].any()
    assert found.notes == ("3 of 6 periods are in no row: put in as unknown",)


def test_months_are_months() -> None:
    found = table("a,2000-01-01,1\na,2000-02-01,2\na,2000-04-01,4\na,2000-07-01,7\n")
    assert len(found.panel.times) == 7
    assert found.panel.times.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist()[2] == (
        "2000-03-01"
    )


def test_hours_over_the_change_of_the_clock() -> None:
    """Nine hours of the night in which the hour from 1 to 2 comes twice; each has its offset."""
    rows = [f"a,2001-10-28T0{h}:00:00-04:00,{h}\n" for h in (0, 1)]
    rows += [f"a,2001-10-28T0{h}:00:00-05:00,{h}\n" for h in (1, 2, 3)]
    found = table("".join(rows))
    assert set(np.diff(found.panel.times)) == {DAY_US // 24}
    assert found.panel.values[:, 0].tolist() == [0, 1, 1, 2, 3]
    with pytest.raises(ShapeError, match="without a zone"):
        table("a,2001-10-28T01:00:00,1\n")


def test_days_by_local_midnights_are_not_evenly_spaced_and_that_is_said() -> None:
    days = ["2001-10-27T00:00-04:00", "2001-10-28T00:00-04:00", "2001-10-29T00:00-05:00"]
    found = table("".join(f"a,{d},1\n" for d in days))
    assert len(found.panel.times) == 3
    assert "not evenly spaced" in found.notes[0]


def test_a_gap_of_ages_is_not_filled() -> None:
    found = table("a,1901-01-01,1\na,1901-01-02,1\na,2001-01-01,1\n")
    assert len(found.panel.times) == 3
    assert "more than 10 times" in found.notes[0]


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan", "null", "  "])
def test_what_stands_for_missing(missing: str) -> None:
    found = table(f"a,2001-W01,{missing}\na,2001-W02, 3 \n")
    np.testing.assert_array_equal(found.panel.values[:, 0], [np.nan, 3])


def test_what_else_is_given() -> None:
    head = "series,time,value,population,x,extra\n"
    found = table("a,2001-W01,1,100,5.5,u\na,2001-W02,2,,,v\n", head)
    np.testing.assert_array_equal(found.given["population"][:, 0], [100, np.nan])
    assert found.given["x"].tolist() == [5.5]
    assert found.notes == ("column extra: not used",)


@pytest.mark.parametrize(
    ("head", "rows", "said"),
    [
        (HEAD, "a,2001-W01,1\nb,2001-W01,1\na,2001-W01,2\n", "line 4: series a: time: got 2001-W01 twice"),
        (HEAD, "a,2001-W01,1\na,2001-01-01,2\n", "line 3: series a: time: got 2001-01-01 twice"),
        (HEAD, "a,2001-W01,1\nb,yesterday,1\n", "line 3: series b: time: got 'yesterday'"),
        (HEAD, "a,2001-W01,1\n\nb,2001-W01,much\n", "line 4: series b: value: got 'much'"),
        (HEAD, "a,2001-W01,1e999\n", "line 2: series a: value: got 1e999, allowed: a finite"),
        (HEAD, "a,2001-W01,-inf\n", "value: got -inf, allowed: a finite"),
        (HEAD, "a,2001-W01\n", "Expected 3 columns, got 2"),
        ("time,value\n", "2001-W01,1\n", "series: got columns time, value"),
        ("series,time,value,value\n", "a,2001-W01,1,2\n", "column value twice"),
        ("", "", "empty file"),
        ("series,time,value,population\n", "a,2001-W01,1,0\n", "line 2: series a: population: got 0"),
        ("series,time,value,population\n", "a,2001-W01,1,-5\n", "population: got -5, allowed: above 0"),
        ("series,time,value,trials\n", "a,2001-W01,3,2\n", "trials: got 2, allowed: at least the value"),
        ("series,time,value,trials\n", "a,2001-W01,-3,-2\n", "trials: got -2, allowed: 0 or more"),
        ("series,time,value,expected\n", "a,2001-W01,3,-2\n", "expected: got -2, allowed: 0 or more"),
        ("series,time,value,x\n", "a,2001-W01,3,1\na,2001-W02,3,2\n", "series a: x: got 1 and 2"),
        ("series,time,value,x\n", "a,2001-W01,3,1\nb,2001-W01,3,\n", "series b: x: got none"),
    ],
)
def test_a_fault_is_named(head: str, rows: str, said: str) -> None:
    with pytest.raises(ShapeError) as caught:
        table(rows, head)
    assert said in str(caught.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"t\.csv: "):
        read(b"series,time,value\n\xff\xfe,2001-W01,1\n", "t.csv")


def test_a_mark_of_byte_order_and_other_ends_of_line() -> None:
    found = read(b"\xef\xbb\xbfseries,time,value\r\na,2001-W01,1\r\n", "t.csv")
    assert found.panel.values.tolist() == [[1.0]]


def test_a_header_alone_is_an_empty_panel() -> None:
    found = table("")
    assert found.panel.values.shape == (0, 0)


def test_a_column_out_has_no_needless_point() -> None:
    columns = {"series": pa.array(["a", "b", "c"]), "value": np.array([5.0, np.nan, 0.1])}
    assert write(columns) == b"series,value\na,5\nb,\nc,0.1\n"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b,c", 'd"e']), st.integers(0, 40), st.none() | st.integers(-5, 99)),
        min_size=1,
        max_size=30,
        unique_by=lambda row: row[:2],
    )
)
def test_rows_come_back_as_they_went_in(rows: list[tuple[str, int, int | None]]) -> None:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow(["series", "time", "value"])
    for series, day, value in rows:
        writer.writerow([series, date(2001, 1, 1) + timedelta(day), "" if value is None else value])
    found = read(sink.getvalue().encode(), "t.csv")
    assert (np.diff(found.panel.times) > 0).all()
    out = write(
        {"series": found.texts[0], "time": found.texts[1], "value": found.at_rows(found.panel.values)}
    )
    assert list(csv.reader(io.StringIO(out.decode(), newline=""))) == list(
        csv.reader(io.StringIO(sink.getvalue(), newline=""))
    )
    named = {(s, d): v for s, d, v in rows if v is not None}
    assert np.isfinite(found.panel.values).sum() == len(named)
    assert found.panel.known.sum() == len(rows)
