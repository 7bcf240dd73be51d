"""When a period longer than a day begins and ends: weeks, other whole numbers of days, and calendar months.

A month is declared by its nominal length of 30 days and begins on the first day of the calendar's month. All
other periods follow one another without a gap; weeks begin on Monday (ISO 8601), or later by ``begins`` of
their quantity: ``timedelta(days=6)`` for weeks from Sunday on, as epidemiological weeks of the United States.
All begin at midnight UTC, which is how their ``valid_time`` names the day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tocsin.model.quantity import Quantity
from tocsin.model.time import DAY

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""First instant of the first whole week of the epoch."""

SHORTEST_MONTH, LONGEST_MONTH = timedelta(days=28), timedelta(days=31)


def is_month(step: timedelta) -> bool:
    """Whether a period of this length is a calendar month.

    Examples
    --------
    >>> is_month(timedelta(days=30)), is_month(timedelta(days=7)), is_month(timedelta(days=28))
    (True, False, False)
    """
    return SHORTEST_MONTH < step <= LONGEST_MONTH


def has_calendar(step: timedelta) -> bool:
    """Whether it is known when such periods begin: up to a day, 2 to 28 whole days, a month.

    Examples
    --------
    >>> has_calendar(timedelta(days=7)), has_calendar(timedelta(days=91)), has_calendar(timedelta(hours=36))
    (True, False, False)
    """
    return step <= DAY or is_month(step) or (step <= SHORTEST_MONTH and not step % DAY)


def ended(quantity: Quantity, *, after: datetime, edge: datetime) -> list[datetime]:
    """First instants of the periods that begin after one moment and have ended at another, oldest first.

    Parameters
    ----------
    quantity : Quantity
        Of periods longer than a day.
    after : datetime
        Periods that begin then or before are left out.
    edge : datetime
        A period that ends at this moment has ended.

    Raises
    ------
    ValueError
        When nothing says when periods of this length begin.

    Examples
    --------
    >>> from tocsin.model import Bad, Kind
    >>> cases = Quantity(id="d.cases", domain="d", title="Cases", unit="1", kind=Kind.COUNT, bad=Bad.HIGH,
    ...                  step=timedelta(days=7))
    >>> monday = datetime(2001, 1, 15, tzinfo=UTC)
    >>> [f"{t:%d}" for t in ended(cases, after=monday - timedelta(days=15), edge=monday)]
    ['01', '08']
    """
    if not has_calendar(quantity.step) or quantity.step <= DAY:
        days = quantity.step / DAY
        allowed = "2 to 28 whole days, or a month as 30"
        raise ValueError(f"{quantity.id}: step: got {days:g} days, allowed: {allowed}")
    found: list[datetime] = []
    if is_month(quantity.step):
        begin = (
            edge.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0) - DAY
        ).replace(day=1)
        while begin > after:
            found.append(begin)
            begin = (begin - DAY).replace(day=1)
    else:
        first = MONDAY + quantity.begins
        begin = first + ((edge - first) // quantity.step - 1) * quantity.step
        while begin > after:
            found.append(begin)
            begin -= quantity.step
    return found[::-1]
