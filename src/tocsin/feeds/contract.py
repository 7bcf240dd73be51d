"""What a feed is: one module with a declaration and a pure ``parse``.

A feed is a file ``feeds/sources/<publisher>_<product>.py`` with the constant ``SOURCE``
(:class:`tocsin.model.Source`, its id the file's name) and a function ``parse`` as in :class:`Feed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from tocsin.cap import Finding
from tocsin.cap.containers import Found
from tocsin.model import OBSERVATION_SCHEMA, Event, Observation, Raw, Region, Source, to_table

__all__ = ["Feed", "Finding", "Locate", "Parsed", "finding", "is_archive"]


class Locate(Protocol):
    """Places to region ids; :class:`tocsin.geo.Pack` is one. Passed in, so that ``parse`` stays pure."""

    def county_at(self, lat: float, lon: float) -> str | None:
        """County around a point (degrees, WGS 84); None outside of the country."""

    def by_geocode(self, scheme: str, value: str) -> str | None:
        """Region of a published code (``SAME``, ``UGC``, ``FIPS6``, ``IATA``); None for an unknown one."""

    def region(self, region: str) -> Region:
        """The region with this id, for instance to read its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What one document says.

    Parameters
    ----------
    observations : pyarrow.Table or sequence of Observation
        A table of :data:`tocsin.model.OBSERVATION_SCHEMA` where there are many.
    events : tuple of Event
        In document order.
    findings : tuple of Finding
        The remainder audit: fields that nobody expected, codes that name no region, defects.
    links : tuple of str
        Addresses of further documents of the same feed that are to be fetched and parsed.
    issued : datetime or None
        When the publisher says that it made the document: the age of a feed that has nothing to report.
    messages : tuple of Found
        CAP messages of other authorities as they were read, also those that give no event.
    """

    observations: pa.Table | Sequence[Observation] = ()
    events: tuple[Event, ...] = ()
    findings: tuple[Finding, ...] = ()
    links: tuple[str, ...] = ()
    issued: datetime | None = None
    messages: tuple[Found, ...] = ()

    def table(self) -> pa.Table:
        """The observations as one Arrow table.

        Examples
        --------
        >>> Parsed().table().num_rows
        0
        """
        if isinstance(self.observations, pa.Table):
            return self.observations.cast(OBSERVATION_SCHEMA)
        return to_table(self.observations)


class Feed(Protocol):
    """A module of :mod:`tocsin.feeds.sources`."""

    @property
    def SOURCE(self) -> Source:  # noqa: N802 - a constant of a module
        """Who publishes what, under which terms, how often and how late."""

    def parse(self, raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
        """Read one document; the same bytes give the same result.

        Parameters
        ----------
        raw : Raw
            The bytes; records carry ``raw.source`` and ``raw.sha256``.
        known_at : datetime
            When the bytes came: the latest moment at which anything in them may be said to be known.
            A packaged archive (:func:`is_archive`) gives earlier ones, each with its basis.
        locate : Locate
            Places to regions.

        Raises
        ------
        ParseError or ShapeError
            For bytes that are not what the publisher documents, or break what the source declares; no
            other exception leaves a parser.
        """


def is_archive(raw: Raw) -> bool:
    """Whether bytes come from a file instead of the live address: then ``known_at`` of records is estimated.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2018, 2, 7, tzinfo=UTC)
    >>> is_archive(Raw(source="s", url="earthquakes.json", fetched_at=at, media_type="", content=b""))
    True
    """
    return not raw.url.lower().startswith(("http://", "https://"))


def finding(rule: str, path: str, message: str, level: str = "info") -> Finding:
    """A finding of a feed; what is unknown is information, what is broken a warning.

    Examples
    --------
    >>> finding("feed.unknown-field", "features[0].properties.new", "not read").level
    'info'
    """
    return Finding(rule=rule, level=level, path=path, message=message)
