"""Nouns to plain JSON types and back: times as ISO 8601, NaN as null, enums as words."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import cattrs

from tocsin.model.time import iso, parse_time

T = TypeVar("T")

_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_CONVERTER.register_unstructure_hook(date, date.isoformat)
_CONVERTER.register_structure_hook(date, lambda v, _: date.fromisoformat(v))
_CONVERTER.register_unstructure_hook(datetime, iso)  # after date: a datetime is one
_CONVERTER.register_structure_hook(datetime, lambda v, _: parse_time(v))
_CONVERTER.register_unstructure_hook(timedelta, lambda v: v.total_seconds())
_CONVERTER.register_structure_hook(timedelta, lambda v, _: timedelta(seconds=v))
_CONVERTER.register_unstructure_hook(float, lambda v: v if math.isfinite(v) else None)
_CONVERTER.register_structure_hook(float, lambda v, _: math.nan if v is None else float(v))
_CONVERTER.register_structure_hook(float | str | None, lambda v, _: v)
_CONVERTER.register_structure_hook(float | None, lambda v, _: None if v is None else float(v))


def to_plain(noun: Any) -> Any:
    """A noun, or a container of nouns, as JSON types.

    Examples
    --------
    >>> from datetime import UTC
    >>> to_plain((datetime(2001, 2, 28, 18, 54, tzinfo=UTC), float("nan")))
    ['2001-02-28T18:54:00Z', None]
    """
    plain = _CONVERTER.unstructure(noun)
    return list(plain) if isinstance(plain, tuple) else plain


def from_plain(cls: type[T], plain: Any) -> T:
    """The inverse of :func:`to_plain`.

    Raises
    ------
    ValueError
        When a field is missing, unknown or of the wrong type; the message lists all of them.

    Examples
    --------
    >>> from tocsin.model import Role
    >>> from_plain(Role, "viewer")
    <Role.VIEWER: 'viewer'>
    """
    try:
        return _CONVERTER.structure(plain, cls)
    except (cattrs.BaseValidationError, cattrs.ForbiddenExtraKeysError) as error:
        raise ValueError(f"{cls.__name__}: " + "; ".join(cattrs.transform_error(error))) from error
