"""The forms of values in CAP: enumerations, times, numbers, lists; one place for reading and writing."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

STATUS = ("Actual", "Exercise", "System", "Test", "Draft")
MSG_TYPE = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPE = ("Public", "Restricted", "Private")
CATEGORY = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE",
    "Other",
)  # fmt: skip
RESPONSE_TYPE = (
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None",
)  # fmt: skip
URGENCY = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITY = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTY = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")

ENUMERATIONS = {
    "status": STATUS,
    "msgType": MSG_TYPE,
    "scope": SCOPE,
    "category": CATEGORY,
    "responseType": RESPONSE_TYPE,
    "urgency": URGENCY,
    "severity": SEVERITY,
    "certainty": CERTAINTY,
}
"""Allowed values by element name, in the order of the standard."""

BLANKS = " \t\r\n"
"""White space of XML; other blanks (a no-break space) are content."""

Ring = tuple[tuple[float, float], ...]
_SIGNS = b"0123456789.+-eE"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)? ?([Zz]|[+-]\d\d(:?\d\d)?)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def tidy_time(moment: datetime, name: str) -> datetime:
    """Bring a time to what CAP can say: whole seconds, an offset of whole minutes.

    Raises
    ------
    ValueError
        If ``moment`` is naive.

    Examples
    --------
    >>> tidy_time(datetime(2001, 2, 28, 18, 54, 0, 7, tzinfo=UTC), "sent")
    datetime.datetime(2001, 2, 28, 18, 54, tzinfo=datetime.timezone.utc)
    """
    if not isinstance(moment, datetime):
        raise ValueError(f"{name}: got {moment!r}, allowed: an aware datetime")
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"{name}: got {moment.isoformat()} without a zone, allowed: an aware time")
    if offset % timedelta(minutes=1):  # local mean time of old zones
        offset = timedelta(0)
    zone = timezone(offset) if offset else UTC
    try:
        return moment.astimezone(zone).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"{name}: got {moment.isoformat()}, allowed: years 1 to 9999") from None


def write_time(moment: datetime) -> str:
    """Write a time in the form of the standard: numeric offset, ``-00:00`` for UTC, never ``Z``.

    Examples
    --------
    >>> write_time(datetime(2001, 2, 28, 18, 54, tzinfo=UTC))
    '2001-02-28T18:54:00-00:00'
    """
    moment = tidy_time(moment, "time")
    text = moment.isoformat(timespec="seconds")
    return text if moment.utcoffset() else text[:-6] + "-00:00"


def is_time(text: str) -> bool:
    """Whether ``text`` has the form of the standard and names a real instant.

    Examples
    --------
    >>> is_time("2001-02-28T10:54:00-08:00"), is_time("2001-02-28T18:54:00Z")
    (True, False)
    """
    return bool(_TIME.fullmatch(text)) and read_time(text) is not None


def read_time(text: str) -> datetime | None:
    """Read an instant leniently: ``Z`` and fractions pass; without a zone it is no instant.

    Examples
    --------
    >>> read_time("2001-02-28T18:54:00.5Z")
    datetime.datetime(2001, 2, 28, 18, 54, tzinfo=datetime.timezone.utc)
    >>> read_time("2001-02-28T18:54:00") is None
    True
    """
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return tidy_time(datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "")), "time")
    except ValueError:
        return None


def read_sent(text: str) -> datetime | None:
    """Read an instant strictly, in the form of the standard; None for any other.

    Examples
    --------
    >>> read_sent("2001-02-28T18:54:00-00:00")
    datetime.datetime(2001, 2, 28, 18, 54, tzinfo=datetime.timezone.utc)
    >>> read_sent("2001-02-28T18:54:00Z") is None
    True
    """
    if len(text) != 25 or text[4] + text[7] + text[10] + text[13] + text[16] + text[22] != "--T:::":
        return None
    if text[19] not in "+-" or not text.isascii() or text[20:22] + text[23:] > "2359":
        return None
    if text[11:13] > "23":  # which newer versions of Python take for the next day
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.year in (1, 9999):
            moment.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or no such year in UTC
        return None
    return moment if moment.utcoffset() else moment.replace(tzinfo=UTC)


def read_polygon(text: str) -> Ring | None:
    """Read ``lat,lon lat,lon …``; None if any pair cannot be read.

    Examples
    --------
    >>> read_polygon("1,2 3,4 5,6 1,2")
    ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (1.0, 2.0))
    >>> read_polygon("1,5,2,5 3,1") is None
    True
    """
    # The whole text at once, for a ring may have 20,000 pairs. Without the signs of numbers only commas and
    # blanks stay; where they alternate, each of the 2n places between them holds a number if there are 2n.
    # What float() takes beyond decimals (nan, 1_0) has other signs.
    text = text.strip(BLANKS)
    try:
        left = text.encode("ascii").translate(None, _SIGNS)
        pairs = (len(left) + 1) // 2
        if left != b", " * (pairs - 1) + b",":
            return _read_uneven(text)
        numbers = list(map(float, text.replace(",", " ").split(" ")))
    except ValueError:
        return None
    return _ring(numbers, pairs)


def _read_uneven(text: str) -> Ring | None:
    """The same where more than one blank, or a line end, stands between the pairs."""
    words = text.split()
    if any(word.count(",") != 1 or word.encode().translate(None, _SIGNS) != b"," for word in words):
        return None
    return _ring([float(number) for word in words for number in word.split(",")], len(words))


def _ring(numbers: list[float], pairs: int) -> Ring | None:
    if not pairs or len(numbers) != 2 * pairs or not math.isfinite(sum(numbers)):  # 1e400
        return None
    each = iter(numbers)
    return tuple(zip(each, each, strict=True))


def read_circle(text: str) -> tuple[float, float, float] | None:
    """Read ``lat,lon radius``; None if it has another form.

    Examples
    --------
    >>> read_circle("47.5,-122.3 30")
    (47.5, -122.3, 30.0)
    """
    parts = text.split()
    if len(parts) != 2:
        return None
    centre = read_polygon(parts[0])
    radius = read_number(parts[1])
    return None if centre is None or radius is None else (*centre[0], radius)


def read_number(text: str) -> float | None:
    """Read a finite decimal number; None for anything else.

    Examples
    --------
    >>> read_number("-12.50"), read_number("12,5"), read_number("nan")
    (-12.5, None, None)
    """
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def write_number(number: float) -> str:
    """Write the shortest decimal that reads back as the same number, without an exponent.

    Examples
    --------
    >>> write_number(47.5), write_number(1e-07), write_number(30.0)
    ('47.5', '0.0000001', '30')
    """
    if not math.isfinite(number):
        raise ValueError(f"number: got {number!r}, allowed: a finite number")
    return np.format_float_positional(float(number), trim="-")


def read_list(text: str) -> tuple[str, ...] | None:
    """Split a list at blanks, items with blanks in double quotes; None when quotes do not balance.

    Examples
    --------
    >>> read_list('a "b c"')
    ('a', 'b c')
    """
    if text.count('"') % 2:
        return None
    items = re.findall(r'"([^"]*)"|([^\s"]+)', text)
    return tuple(item for pair in items for item in pair if item)


def write_list(items: tuple[str, ...]) -> str:
    """The inverse of :func:`read_list`.

    Raises
    ------
    ValueError
        If an item is empty, holds a double quote, or begins or ends with a blank.

    Examples
    --------
    >>> write_list(("a", "b c"))
    'a "b c"'
    """
    for item in items:
        if not item or '"' in item:
            raise ValueError(f"list: got the item {item!r}, allowed: non-empty text without a double quote")
    return " ".join(f'"{item}"' if re.search(r"\s", item) else item for item in items)
