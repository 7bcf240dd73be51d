"""Unemployment by industry, US Bureau of Labor Statistics, monthly 2000 to 2010, packaged by vega-datasets.

Traps. The archive holds one figure for each month and industry, as it stood when the file was made, not the
first release: what was read then may have differed. ``date`` is local midnight written as UTC and names the
wrong instant; year and month are used. The figures are not seasonally adjusted. The release day is an
estimate, the first Friday of the next month at 08:30 in New York (the Friday after, where that is New Year's
Day); the bureau was at times a week later, or a day earlier before a holiday.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.feeds.contract import Finding, Locate, Parsed, finding
from tocsin.feeds.formats.fields import Fields, each, read_json
from tocsin.model import (
    Bad,
    Basis,
    Kind,
    Missing,
    Observation,
    ParseError,
    Quantity,
    Raw,
    Source,
    iso,
)

INDUSTRIES = (
    "Agriculture", "Business services", "Construction", "Education and Health", "Finance", "Government",
    "Information", "Leisure and hospitality", "Manufacturing", "Mining and Extraction", "Other",
    "Self-employed", "Transportation and Utilities", "Wholesale and Retail Trade",
)  # fmt: skip
MONTH = timedelta(days=30)
"""Nominal: months differ, and ``valid_time`` is the first instant of each in UTC."""

_NEW_YORK = ZoneInfo("America/New_York")


def slug(industry: str) -> str:
    """The last word of a quantity's id.

    Examples
    --------
    >>> slug("Transportation and Utilities")
    'transportation_and_utilities'
    """
    return industry.lower().replace(" ", "_").replace("-", "_")


def _quantities() -> Iterator[Quantity]:
    for industry in INDUSTRIES:
        yield Quantity(
            id=f"economy.unemployment_rate.{slug(industry)}",
            domain="economy",
            title=f"Unemployment rate, {industry.lower()}",
            unit="%",
            kind=Kind.LEVEL,
            bad=Bad.HIGH,
            step=MONTH,
            lower=0,
            upper=100,
        )
        yield Quantity(
            id=f"economy.unemployed.{slug(industry)}",
            domain="economy",
            title=f"Unemployed in thousands, {industry.lower()}",
            unit="10*3",
            kind=Kind.LEVEL,
            bad=Bad.HIGH,
            step=MONTH,
            lower=0,
            upper=400_000,
        )


SOURCE = Source(
    id="bls_unemployment",
    title="Unemployment by industry, United States, 2000 to 2010",
    publisher="US Bureau of Labor Statistics, through npm vega-datasets 3.2.1",
    url=None,
    licence="US Government work, public domain (17 U.S.C. 105)",
    licence_url="https://www.bls.gov/opub/copyright-information.htm",
    cadence=MONTH,
    lag=timedelta(days=8),
    stale_after=timedelta(days=45),
    quantities=tuple(_quantities()),
    domains=("economy",),
    media_type="application/json",
)

_REGION = "US"


def released(year: int, month: int) -> datetime:
    """When the figures of a month could be read, estimated.

    Examples
    --------
    >>> released(2008, 9)
    datetime.datetime(2008, 10, 3, 12, 30, tzinfo=datetime.timezone.utc)
    """
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    first = datetime(year, month, 1, 8, 30, tzinfo=_NEW_YORK)
    friday = first + timedelta(days=(4 - first.weekday()) % 7)  # wall clock: the hour stays 08:30
    if (friday.month, friday.day) == (1, 1):
        friday += timedelta(days=7)
    return friday.astimezone(UTC)


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read the table into two quantities an industry, for the nation.

    Parameters
    ----------
    raw : Raw
        A list of records; an empty one gives no observations.
    known_at : datetime
        When the bytes came; no estimate is later.
    locate : Locate
        Not asked: the region is the nation.

    Raises
    ------
    ParseError
        If it is no list of records, or most records are broken.
    """
    del locate  # the figures are national
    records = read_json(raw)
    if not isinstance(records, list):
        raise ParseError(f"{raw.url}: got {type(records).__name__}, allowed: a list of records")
    sha256 = raw.sha256
    months: Counter[tuple[str, int]] = Counter()

    def read(record: Fields) -> Iterator[Observation]:
        industry, year, month = record.text("series"), record.whole("year"), record.whole("month")
        if industry not in INDUSTRIES:
            raise ParseError(f"series: got {industry!r}, allowed: {', '.join(INDUSTRIES)}")
        if not (1940 <= year <= 2100 and 1 <= month <= 12):
            raise ParseError(f"year, month: got {year}, {month}, allowed: 1940 to 2100, 1 to 12")
        record.skip("date")
        valid = datetime(year, month, 1, tzinfo=UTC)
        release = released(year, month)
        if release > known_at:
            raise ParseError(f"{iso(valid)}: due {iso(release)}, but the file came at {iso(known_at)}")
        months[industry, year * 12 + month] += 1
        for name, field in (("unemployment_rate", "rate"), ("unemployed", "count")):
            value = record.number(field)
            yield Observation(
                quantity=f"economy.{name}.{slug(industry)}",
                region=_REGION,
                valid_time=valid,
                known_at=release,
                value=value,
                missing=Missing.NOT_REPORTED if value is None else None,
                source=raw.source,
                raw=sha256,
                basis=Basis.ESTIMATED,
            )

    observations, findings = each(records, "records", read)
    return Parsed(observations=tuple(observations), findings=(*findings, *_gaps(months)))


def _gaps(months: Counter[tuple[str, int]]) -> Iterator[Finding]:
    """Months that an industry lacks between its first and last; they stay unknown, nothing is filled in."""
    for industry in sorted({name for name, _ in months}):
        have = sorted(month for name, month in months if name == industry)
        lack = sorted(set(range(have[0], have[-1] + 1)) - set(have))
        for month in lack:
            year, number = divmod(month - 1, 12)
            yield finding(
                "feed.gap", f"{industry} {year}-{number + 1:02}", "no record of this month", "warning"
            )
