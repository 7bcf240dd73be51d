"""JSON of publishers, read strictly: every field is asked for by name, what nobody asked for is a finding."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

from tocsin.cap import Finding
from tocsin.feeds.contract import finding
from tocsin.model import ParseError, Raw

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_json(raw: Raw) -> Any:
    """Read a document of UTF-8 JSON; numbers that are none are refused.

    Raises
    ------
    ParseError
        If the bytes are not UTF-8, no JSON, hold NaN or an infinity, or one key twice, or are too deep.

    Examples
    --------
    >>> def document(content):
    ...     return Raw(source="s", url="u", fetched_at=_EPOCH, media_type="", content=content)
    >>> read_json(document(b'{"a": 1}'))
    {'a': 1}
    >>> read_json(document(b'{"a": NaN}'))
    Traceback (most recent call last):
    tocsin.model.errors.ParseError: u: got the number NaN, allowed: finite numbers
    """

    def constant(word: str) -> NoReturn:
        raise ParseError(f"{raw.url}: got the number {word}, allowed: finite numbers")

    def number(word: str) -> float:
        value = float(word)
        if not math.isfinite(value):
            constant(word)
        return value

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(items)
        if len(record) != len(items):
            names = [name for name, _ in items]
            twice = next(name for name in names if names.count(name) > 1)
            raise ParseError(f"{raw.url}: got the key {twice!r} twice in one object, allowed: once")
        return record

    try:
        text = raw.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"{raw.url}: byte {error.start} is no UTF-8, allowed: JSON in UTF-8") from None
    try:
        return json.loads(text, parse_constant=constant, parse_float=number, object_pairs_hook=pairs)
    except RecursionError:
        raise ParseError(f"{raw.url}: nested too deeply, allowed: the publisher's form") from None
    except ValueError as error:  # no JSON, or an integer of thousands of digits
        raise ParseError(f"{raw.url}: {error}, allowed: JSON") from None


BROKEN = "feed.broken-record"
"""Rule of a record that cannot be read among others that can; the gate puts it into quarantine."""


def each(
    items: Sequence[Any], path: str, read: Callable[[Fields], Iterable[T]]
) -> tuple[list[T], list[Finding]]:
    """Read every record of a list; one bad record does not cost the others.

    Parameters
    ----------
    items : sequence
        Records as they came.
    path : str
        Name of the list, for messages.
    read : callable
        Reads one record into any number of nouns.

    Returns
    -------
    records : list
        Of those that could be read.
    findings : list of Finding
        The remainder audit with equal findings counted together, and the broken records one by one.

    Raises
    ------
    ParseError
        If more than half of the records are broken: then the publisher changed its form, and to go on with
        the rest would make silence look like calm.
    """
    records: list[T] = []
    unknown: dict[str, tuple[Finding, int]] = {}
    broken: list[Finding] = []
    for i, item in enumerate(items):
        try:
            fields = Fields(item, f"{path}[{i}]")
            records.extend(read(fields))
        except ParseError as error:
            broken.append(finding(BROKEN, f"{path}[{i}]", str(error), level="error"))
            continue
        for f in fields.rest():
            place = f.path.replace(f"{path}[{i}]", f"{path}[*]", 1)
            first, count = unknown.get(place, (f, 0))
            unknown[place] = (first, count + 1)
    if len(broken) * 2 > len(items):
        raise ParseError(f"{len(broken)} of {len(items)} records are broken; the first: {broken[0].message}")
    audit = [
        finding(f.rule, place, f"{f.message} ({count} of {len(items)})", level=f.level)
        for place, (f, count) in unknown.items()
    ]
    return records, [*audit, *broken]


class Fields:
    """One JSON object; gives fields by name with their type and reports the rest.

    Parameters
    ----------
    value : object
        What was found; anything but an object is refused.
    path : str
        Where, for messages.

    Raises
    ------
    ParseError
        From every method: when a field is missing or of another type than documented.

    Examples
    --------
    >>> f = Fields({"mag": 6.8, "new": 1}, "features[0]")
    >>> f.number("mag")
    6.8
    >>> [x.path for x in f.rest()]
    ['features[0].new']
    """

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, Mapping):
            raise ParseError(f"{path}: got {_show(value)}, allowed: an object")
        self._value, self._path = value, path
        self._asked: set[str] = set()
        self._inner: list[Fields] = []

    def get(self, name: str) -> Any:
        """The field as it is; None when it is absent or null."""
        self._asked.add(name)
        return self._value.get(name)

    def skip(self, *names: str) -> None:
        """Fields that are known and not needed."""
        self._asked.update(names)

    def number(self, name: str) -> float | None:
        """A finite number or None; a truth value is no number."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, value, "a number or null")
        try:
            number = float(value)
        except OverflowError:
            self._refuse(name, value, "a finite number")
        if not math.isfinite(number):
            self._refuse(name, value, "a finite number")
        return number

    def whole(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(name, value, "a whole number")
        return value

    def text(self, name: str) -> str:
        """Text that must be there and not be blank."""
        value = self.get(name)
        if not isinstance(value, str) or not value.strip():
            self._refuse(name, value, "text")
        return value.strip()

    def optional_text(self, name: str) -> str | None:
        """Text or None; blank text is None."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, value, "text or null")
        return (value.strip() or None) if value is not None else None

    def milliseconds(self, name: str) -> datetime:
        """An instant given as milliseconds since 1970 in UTC."""
        value = self.whole(name)
        try:
            return _EPOCH + timedelta(milliseconds=value)
        except OverflowError:
            self._refuse(name, value, "milliseconds since 1970")

    def instant(self, name: str) -> datetime | None:
        """An ISO 8601 instant with its zone, or None."""
        text = self.optional_text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._refuse(name, text, "an ISO 8601 time with a zone")
        if moment.utcoffset() is None:
            self._refuse(name, text, "an ISO 8601 time with a zone")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self._refuse(name, text, "years 1 to 9999")

    def record(self, name: str) -> Fields | None:
        """An object or None; its own rest is part of ours."""
        value = self.get(name)
        if value is None:
            return None
        inner = Fields(value, f"{self._path}.{name}")
        self._inner.append(inner)
        return inner

    def needed(self, name: str) -> Fields:
        """An object that must be there."""
        inner = self.record(name)
        if inner is None:
            self._refuse(name, None, "an object")
        return inner

    def many(self, name: str) -> list[Any]:
        """A list that must be there."""
        value = self.get(name)
        if not isinstance(value, list):
            self._refuse(name, value, "a list")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty when absent."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(name, value, "a list of texts")
        return value

    def rest(self) -> Iterator[Finding]:
        """Findings for the fields that nobody asked for."""
        for name in self._value:
            if name not in self._asked:
                message = f"got {_show(self._value[name])}; not read"
                yield finding("feed.unknown-field", f"{self._path}.{name}", message)
        for inner in self._inner:
            yield from inner.rest()

    def _refuse(self, name: str, got: Any, allowed: str) -> NoReturn:
        raise ParseError(f"{self._path}.{name}: got {_show(got)}, allowed: {allowed}")


def _show(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
