"""Quantities and sources: what is observed, and who publishes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """How a quantity adds up over time and regions."""

    COUNT = "count"  # sums over time and regions
    RATE = "rate"  # needs its denominator to be averaged
    LEVEL = "level"  # a state at an instant


class Bad(StrEnum):
    """The direction that is bad."""

    LOW = "low"
    HIGH = "high"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """An observed property.

    Parameters
    ----------
    id : str
        ``domain.name``, for instance ``air_transport.departures``.
    domain : str
        Domain that it belongs to.
    title : str
        What people read.
    unit : str
        UCUM unit; counts are ``1``.
    kind : Kind
        How it adds up.
    bad : Bad
        Direction of harm.
    step : timedelta
        Length of the period that a value stands for, from ``valid_time`` on.
    lower, upper : float or None
        Bounds outside which a value is a fault of the data, not a finding.
    begins : timedelta
        When weeks and other periods of whole days begin, after Monday (:mod:`tocsin.model.periods`).
    """

    id: str
    domain: str
    title: str
    unit: str
    kind: Kind
    bad: Bad
    step: timedelta
    lower: float | None = None
    upper: float | None = None
    begins: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A feed: who publishes what, under which terms, how often and how late.

    Parameters
    ----------
    id : str
        ``publisher_product``; the name of its file in ``feeds/sources``.
    title, publisher : str
        What people read.
    url : str or None
        Where the live feed is fetched; None for a packaged archive.
    licence : str
        Licence or terms in words (SPDX id where there is one).
    licence_url : str
        Where the terms are stated.
    cadence : timedelta
        How often the publisher issues.
    lag : timedelta
        Expected delay from the end of the period to publication.
    stale_after : timedelta
        Age of the newest content from which the feed counts as failed.
    quantities : tuple of Quantity
        What it observes; empty for a feed of events only.
    domains : tuple of str
        Domains that it serves.
    media_type : str
        Media type of the bytes.
    """

    id: str
    title: str
    publisher: str
    url: str | None
    licence: str
    licence_url: str
    cadence: timedelta
    lag: timedelta
    stale_after: timedelta
    quantities: tuple[Quantity, ...]
    domains: tuple[str, ...]
    media_type: str
