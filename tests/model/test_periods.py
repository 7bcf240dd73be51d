"""Weeks, months and other periods longer than a day."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model import DAY, Bad, Kind, Quantity
from tocsin.model.periods import ended, has_calendar, is_month

MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def quantity(days, begins=0):
    return Quantity(
        id="d.cases", domain="d", title="Cases", unit="1", kind=Kind.COUNT, bad=Bad.HIGH,
        step=timedelta(days=days), begins=timedelta(days=begins),
    )  # fmt: skip


@given(edge=MOMENTS, back=st.integers(0, 900), begins=st.integers(0, 6), days=st.sampled_from([2, 7, 14, 28]))
def test_weeks_follow_one_another_without_a_gap_and_have_ended(edge, back, begins, days):
    after, step = edge - timedelta(days=back), timedelta(days=days)
    found = ended(quantity(days, begins), after=after, edge=edge)
    assert all(b - a == step for a, b in itertools.pairwise(found))
    assert all(after < begin <= edge - step for begin in found)
    assert len(found) in (max(0, (back // days) - 1), back // days)
    if found:
        assert edge - found[-1] < 2 * step
        assert found[0] - after <= step
    if days == 7:
        assert {begin.weekday() for begin in found} <= {begins}
    assert all(begin.time() == datetime.min.time() for begin in found)


@given(edge=MOMENTS, back=st.integers(0, 900))
def test_months_begin_on_the_first_day(edge, back):
    after = edge - timedelta(days=back)
    found = ended(quantity(30), after=after, edge=edge)
    assert all((begin.day, begin.hour) == (1, 0) for begin in found)
    assert all(after < begin for begin in found)
    following = [(begin + 31 * DAY).replace(day=1) for begin in found]
    assert following[:-1] == found[1:]
    assert all(end <= edge for end in following)


@pytest.mark.parametrize("days", [7.5, 29.5 * 2, 91, 365])
def test_a_period_without_a_calendar_is_refused(days):
    assert not has_calendar(timedelta(days=days))
    with pytest.raises(ValueError, match=f"got {days:g} days, allowed: 2 to 28 whole days"):
        ended(quantity(days), after=datetime(2001, 1, 1, tzinfo=UTC), edge=datetime(2001, 2, 1, tzinfo=UTC))


def test_a_month_is_nominal():
    assert [is_month(timedelta(days=d)) for d in (28, 29, 30, 31, 32)] == [False, True, True, True, False]
