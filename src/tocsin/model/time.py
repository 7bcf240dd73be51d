"""Time: aware UTC everywhere; microseconds since 1970 in columns."""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_YEAR, LAST_YEAR = 1700, 2299
"""Years that a time may lie in: microseconds and their arithmetic never overflow there."""

_WEEK = re.compile(r"^(\d{4})-?W(\d{2})$")


@functools.cache
def zone(name: str) -> ZoneInfo:
    """An IANA zone, kept once read.

    Raises
    ------
    ZoneInfoNotFoundError
        When there is none of this name.

    Examples
    --------
    >>> datetime(2001, 2, 28, 18, 54, tzinfo=UTC).astimezone(zone("America/Los_Angeles")).hour
    10
    """
    return ZoneInfo(name)


def require_utc(moment: datetime, name: str) -> datetime:
    """Give ``moment`` in UTC, or say that it has no zone.

    Parameters
    ----------
    moment : datetime
        Any aware time.
    name : str
        Field name for the message.

    Raises
    ------
    ValueError
        If ``moment`` is naive or no ``datetime``.

    Examples
    --------
    >>> require_utc(datetime(2001, 2, 28), "known_at")
    Traceback (most recent call last):
    ValueError: known_at: got 2001-02-28T00:00:00 without a zone, allowed: an aware time (…T18:54:00Z)
    """
    if not isinstance(moment, datetime):
        raise ValueError(f"{name}: got {moment!r}, allowed: an aware datetime")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(
            f"{name}: got {moment.isoformat()} without a zone, allowed: an aware time (…T18:54:00Z)"
        )
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def parse_time(text: str, name: str = "time") -> datetime:
    """Read an ISO 8601 instant with its zone, from 1700 to 2299 in UTC.

    Raises
    ------
    ValueError
        If the text is no such instant.

    Examples
    --------
    >>> parse_time("2001-02-28T10:54:00-08:00")
    datetime.datetime(2001, 2, 28, 18, 54, tzinfo=datetime.timezone.utc)
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{name}: got {text!r}, allowed: ISO 8601 with a zone such as 2001-02-28T18:54:00Z"
        ) from None
    try:
        instant = require_utc(moment, name)
    except OverflowError:  # the zone takes it out of the calendar
        instant = moment.replace(tzinfo=UTC)
    return _within(instant, text, name)


def _within(instant: datetime, text: str, name: str) -> datetime:
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"{name}: got {text!r}, allowed: a time from {FIRST_YEAR} to {LAST_YEAR}")
    return instant


def parse_valid_time(text: str, name: str = "valid_time") -> datetime:
    """Read the time a value is valid for: an instant, a day or an ISO week.

    A day stands for its first instant in UTC, a week for its Monday.

    Examples
    --------
    >>> parse_valid_time("2021-W26")
    datetime.datetime(2021, 6, 28, 0, 0, tzinfo=datetime.timezone.utc)
    >>> parse_valid_time("2021-06-30")
    datetime.datetime(2021, 6, 30, 0, 0, tzinfo=datetime.timezone.utc)
    """
    text = text.strip()
    week = _WEEK.match(text)
    try:
        if week:
            day = date.fromisocalendar(int(week[1]), int(week[2]), 1)
            return _within(datetime(day.year, day.month, day.day, tzinfo=UTC), text, name)
        if len(text) == 10:
            day = date.fromisoformat(text)
            return _within(datetime(day.year, day.month, day.day, tzinfo=UTC), text, name)
    except ValueError:
        raise ValueError(f"{name}: got {text!r}, allowed: a day, an ISO week or an instant") from None
    return parse_time(text, name)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z.

    Examples
    --------
    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC time of ``us`` microseconds since 1970.

    Examples
    --------
    >>> from_us(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=int(us))


def iso(moment: datetime) -> str:
    """Write a time as ISO 8601 with ``Z``, without needless zeros.

    Examples
    --------
    >>> iso(datetime(2001, 2, 28, 18, 54, tzinfo=UTC))
    '2001-02-28T18:54:00Z'
    """
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return text + "Z"


def grid_us(start: datetime, end: datetime, step: timedelta) -> NDArray[np.int64]:
    """Microseconds of ``start``, ``start + step``, … before ``end``.

    Examples
    --------
    >>> grid_us(from_us(0), from_us(7_200_000_000), HOUR).tolist()
    [0, 3600000000]
    """
    return np.arange(to_us(start), to_us(end), step // _MICROSECOND, dtype=np.int64)
