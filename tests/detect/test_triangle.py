"""Reporting triangles: from reports and from revisions, as known at a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect import triangle
from tocsin.model import DAY, ConfigError, MethodError, Missing, Observation
from tocsin.model.observation import to_table

START = datetime(2001, 1, 1, tzinfo=UTC)


def revisions(rows, quantity="claims"):
    """Rows of (region, date, known after days, value or None)."""
    return to_table(
        Observation(
            quantity=quantity,
            region=region,
            valid_time=START + date * DAY,
            known_at=START + known * DAY,
            value=value,
            missing=Missing.WITHDRAWN if value is None else None,
            source="s",
            raw="0" * 64,
        )
        for region, date, known, value in rows
    )


def known(rows, now, periods, longest, regions=("a",)):
    return triangle.of_revisions(
        revisions(rows), regions=regions, now=START + now * DAY, step=DAY, periods=periods, longest=longest
    ).counts


def test_a_report_from_the_future_is_refused():
    counts = np.zeros((2, 2, 1))
    counts[1, 1, 0] = 1
    with pytest.raises(ValueError, match="later than the newest date"):
        triangle.Triangle(counts=counts)


def test_negative_reports_are_refused():
    with pytest.raises(ValueError, match="negative"):
        triangle.Triangle(counts=np.full((1, 1, 1), -1.0))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)), max_size=30),
    st.integers(0, 9),
)
def test_reports_known_by_now_are_kept_and_no_others(reports, now):
    date, delay, count = (np.array([r[i] for r in reports], np.int64) for i in range(3))
    made = triangle.of_reports(date, delay, count.astype(float), now=now, longest=4)
    assert made.reported.sum() == count[date + delay <= now].sum()
    assert len(made.counts) == now + 1


def test_growth_of_a_cell_is_reports_with_that_delay():
    rows = [("a", 0, 1, 3.0), ("a", 0, 2, 5.0), ("a", 0, 4, 9.0), ("a", 1, 3, 2.0)]
    got = known(rows, now=4, periods=4, longest=2)
    assert got[:, :, 0].tolist()[0] == [3.0, 2.0, 4.0]
    assert got[:, :, 0].tolist()[1] == [0.0, 2.0, 0.0]
    assert np.isnan(got[2:]).all()


def test_what_is_known_later_changes_nothing():
    rows = [("a", 0, 1, 3.0), ("a", 0, 2, 5.0), ("b", 1, 2, 1.0)]
    later = [*rows, ("a", 0, 3, 50.0), ("b", 1, 4, 70.0)]
    both = ("a", "b")
    np.testing.assert_array_equal(known(rows, 2, 2, 3, both), known(later, 2, 2, 3, both))


def test_what_is_taken_back_was_never_there():
    rows = [("a", 0, 1, 3.0), ("a", 0, 2, 8.0), ("a", 0, 3, 6.0)]
    assert known(rows, now=3, periods=3, longest=5)[0, :, 0].tolist() == [3.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    rows[-1] = ("a", 0, 3, 1.0)
    assert known(rows, now=3, periods=3, longest=5)[0, :, 0].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_withdrawn_date_is_unknown():
    got = known([("a", 0, 1, 3.0), ("a", 0, 2, None)], now=2, periods=2, longest=3)
    assert np.isnan(got).all()


def test_the_row_order_of_the_store_does_not_matter():
    rows = [("a", d, d + 1 + k, float(d + k)) for d in range(4) for k in range(3)]
    back = known(rows[::-1], now=6, periods=6, longest=3)
    np.testing.assert_array_equal(known(rows, now=6, periods=6, longest=3), back)


def test_two_quantities_at_once_are_refused():
    both = pa.concat_tables([revisions([("a", 0, 1, 1.0)]), revisions([("a", 0, 1, 1.0)], "jobs")])
    with pytest.raises(ConfigError, match="quantity"):
        triangle.of_revisions(both, regions=["a"], now=START + DAY, step=DAY, periods=1, longest=1)


def test_negative_counts_are_refused():
    with pytest.raises(MethodError, match="value: got -2"):
        known([("a", 0, 1, -2.0)], now=1, periods=1, longest=1)
