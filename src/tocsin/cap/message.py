"""The Common Alerting Protocol message as frozen nouns, independent of XML and of our own model.

Names are those of the standard in Python's spelling (``msgType`` is ``msg_type``). What could not be read is
kept in ``unread`` under its element name, so that nothing which a publisher said is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from tocsin.cap.values import BLANKS, tidy_time, write_time

Noun = TypeVar("Noun")
Pair = tuple[str, str]
"""``valueName``, ``value``."""
Point = tuple[float, float]
"""Latitude, longitude: WGS 84 degrees, in the order of the standard."""
Polygon = tuple[Point, ...]
"""A ring; the first point is repeated as the last."""
Circle = tuple[float, float, float]
"""Latitude, longitude, radius in km."""


def _tidy(noun: Any) -> None:
    """Outer blanks say nothing and an optional text without content is absent; so both are one message."""
    for f in fields(noun):
        value = getattr(noun, f.name)
        if isinstance(value, str):
            value = value.strip(BLANKS)
            value = None if not value and f.default is None else value
        elif isinstance(value, datetime):
            value = tidy_time(value, f.name)
        elif isinstance(value, list | tuple):
            value = tuple(_tidy_item(item) for item in value)
        elif isinstance(value, int | float) and not math.isfinite(value):
            raise ValueError(f"{f.name}: got {value!r}, allowed: a finite number")
        object.__setattr__(noun, f.name, value)


def _tidy_item(item: Any) -> Any:
    if isinstance(item, str):
        return item.strip(BLANKS)
    if isinstance(item, list | tuple):
        return tuple(_tidy_item(i) for i in item)
    if isinstance(item, int | float) and not math.isfinite(item):
        raise ValueError(f"coordinate: got {item!r}, allowed: a finite number")
    return float(item) if isinstance(item, int) else item


_SETTERS: dict[Any, tuple[Callable[[Any, Any], None], ...]] = {}


def assemble(kind: type[Noun], values: tuple[Any, ...]) -> Noun:
    """Build a noun of this module from values in the order of its fields that the reader has tidied already.

    Parameters
    ----------
    kind : type
        ``CapAlert``, ``CapInfo``, ``CapResource`` or ``CapArea``.
    values : tuple
        One for each field, exactly as the constructor would keep it.

    Examples
    --------
    >>> assemble(CapResource, ("a map", "image/png", None, None, None, None, ())).mime_type
    'image/png'
    """
    setters = _SETTERS.get(kind)
    if setters is None:
        names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
        setters = _SETTERS[kind] = tuple(getattr(kind, name).__set__ for name in names)
    noun = object.__new__(kind)
    for put, value in zip(setters, values, strict=True):
        put(noun, value)
    return noun


@dataclass(frozen=True, slots=True, kw_only=True)
class CapArea:
    """Where: at least a description, better with polygon, circle or geocode.

    Parameters
    ----------
    area_desc : str
        In words.
    polygons : tuple of Polygon
        Rings of (lat, lon) degrees.
    circles : tuple of Circle
        (lat, lon, radius in km).
    geocodes : tuple of Pair
        For instance ``("SAME", "053033")``.
    altitude, ceiling : float or None
        Feet above mean sea level.
    unread : tuple of Pair
        Element and text of what could not be read.

    Examples
    --------
    >>> CapArea(area_desc=" King, Washington ", geocodes=(("SAME", "053033"),)).area_desc
    'King, Washington'
    """

    area_desc: str
    polygons: tuple[Polygon, ...] = ()
    circles: tuple[Circle, ...] = ()
    geocodes: tuple[Pair, ...] = ()
    altitude: float | None = None
    ceiling: float | None = None
    unread: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        _tidy(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapResource:
    """A file that goes with an info.

    Parameters
    ----------
    resource_desc, mime_type : str
        What it is.
    size : int or None
        Bytes.
    uri, deref_uri, digest : str or None
        Address; content in base64; SHA-1 in hexadecimal digits.
    unread : tuple of Pair
        Element and text of what could not be read.
    """

    resource_desc: str
    mime_type: str = ""
    size: int | None = None
    uri: str | None = None
    deref_uri: str | None = None
    digest: str | None = None
    unread: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        _tidy(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """One language of a message.

    Parameters
    ----------
    language : str or None
        Language tag; None is ``en-US`` by the standard.
    category, response_type : tuple of str
        Values of the standard.
    event : str
        Type of the event in words.
    urgency, severity, certainty : str
        Values of the standard; others are kept as they came.
    audience, sender_name, headline, description, instruction, web, contact : str or None
        Texts.
    event_code, parameter : tuple of Pair
        Codes and additions of the publisher.
    effective, onset, expires : datetime or None
        Aware, whole seconds.
    resources : tuple of CapResource
        Files.
    areas : tuple of CapArea
        Where.
    unread : tuple of Pair
        Element and text of what could not be read.
    """

    language: str | None = None
    category: tuple[str, ...] = ()
    event: str = ""
    response_type: tuple[str, ...] = ()
    urgency: str = "Unknown"
    severity: str = "Unknown"
    certainty: str = "Unknown"
    audience: str | None = None
    event_code: tuple[Pair, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    parameter: tuple[Pair, ...] = ()
    resources: tuple[CapResource, ...] = ()
    areas: tuple[CapArea, ...] = ()
    unread: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        _tidy(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """A message; its identity is (sender, identifier, sent as an instant).

    Parameters
    ----------
    identifier, sender : str
        Without blank, comma, ``<`` or ``&``.
    sent : datetime or None
        Aware, whole seconds; None only where what came is no instant (then it stands in ``unread``).
    status, msg_type, scope : str
        Values of the standard; others are kept as they came.
    source, restriction, note : str or None
        Texts.
    addresses, incidents : tuple of str
        Items.
    code : tuple of str
        Codes for special handling, profiles among them.
    references : tuple of str
        ``sender,identifier,sent`` of earlier messages, as written.
    infos : tuple of CapInfo
        One for each language.
    version : str
        ``1.0``, ``1.1``, ``1.2`` or ``none`` (no namespace) as received; always written as 1.2.
    sent_text : str
        ``sent`` as it was written in what was received; empty for a message of our own.
    unread : tuple of Pair
        Element and text of what could not be read.

    Raises
    ------
    ValueError
        On a naive time or a number that is not finite.

    Examples
    --------
    >>> from datetime import UTC
    >>> a = CapAlert(identifier="a-1", sender="desk@example.org",
    ...              sent=datetime(2001, 2, 28, 19, 0, tzinfo=UTC))
    >>> a.reference
    'desk@example.org,a-1,2001-02-28T19:00:00-00:00'
    """

    identifier: str
    sender: str
    sent: datetime | None
    status: str = "Actual"
    msg_type: str = "Alert"
    scope: str = "Public"
    source: str | None = None
    restriction: str | None = None
    addresses: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    note: str | None = None
    references: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[CapInfo, ...] = ()
    unread: tuple[Pair, ...] = ()
    version: str = field(default="1.2", compare=False)
    sent_text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.addresses is None:  # tolerated: a public message has none
            object.__setattr__(self, "addresses", ())
        _tidy(self)

    @property
    def reference(self) -> str:
        """How a later message names this one; empty ``sent`` where it is no instant."""
        return f"{self.sender},{self.identifier},{'' if self.sent is None else write_time(self.sent)}"
