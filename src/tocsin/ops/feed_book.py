"""Feeds as the desk sees them: declarations, states, a file parsed, an address tried, a new one begun."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa

from tocsin.cap import Finding
from tocsin.feeds import Feed, Fetcher, NotModified, Parsed, admit, all_feeds
from tocsin.geo import load_pack
from tocsin.model import ConfigError, FetchError, Raw, iso, to_plain
from tocsin.ops.office import Office

_NAME = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)+$")

_SCAFFOLD = Template('''\
"""$id: what it observes, and where its publisher describes the format."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from tocsin.feeds.contract import Locate, Parsed, finding
from tocsin.model import Bad, Kind, Observation, ParseError, Quantity, Raw, Source, parse_time

SOURCE = Source(
    id="$id",
    title="What people read",
    publisher="Who publishes it",
    url=None,  # the address of the live feed, or None for an archive
    licence="SPDX id, or the terms in words",
    licence_url="https://example.org/terms",
    cadence=timedelta(hours=1),
    lag=timedelta(minutes=15),
    stale_after=timedelta(hours=6),
    quantities=(
        Quantity(
            id="$domain.level",
            domain="$domain",
            title="What is measured",
            unit="m",
            kind=Kind.LEVEL,
            bad=Bad.HIGH,
            step=timedelta(hours=1),
            lower=0.0,
            upper=100.0,
        ),
    ),
    domains=("$domain",),
    media_type="text/csv",
)
_COLUMNS = ("code", "time", "value")


def parse(raw: Raw, *, known_at: datetime, locate: Locate) -> Parsed:
    """Read rows of a county's FIPS code, an instant and a value.

    Raises
    ------
    ParseError
        When the bytes are no such table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(raw.content.decode("utf-8")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParseError(f"{raw.source}: {error}") from error
    kept, findings = [], []
    for number, row in enumerate(rows, start=2):
        where = f"line {number}"
        for name in row:
            if name not in _COLUMNS:
                findings.append(finding("feed.unknown-field", f"{where}: {name}", "not read"))
        region = locate.by_geocode("FIPS6", row.get("code") or "")
        if region is None:
            findings.append(finding("feed.unknown-region", where, f"got {row.get('code')!r}", "warning"))
            continue
        try:
            kept.append(
                Observation(
                    quantity=SOURCE.quantities[0].id,
                    region=region,
                    valid_time=parse_time(row["time"] or ""),
                    known_at=known_at,
                    value=float(row["value"] or ""),
                    source=raw.source,
                    raw=raw.sha256,
                )
            )
        except (KeyError, ValueError) as error:
            raise ParseError(f"{raw.source}: {where}: {error}") from error
    return Parsed(observations=kept, findings=tuple(findings))
''')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """What one file says.

    Parameters
    ----------
    table : pyarrow.Table
        Observations.
    parsed : Parsed
        Events and findings.
    """

    table: pa.Table
    parsed: Parsed

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of the parser."""
        return self.parsed.findings

    def records(self) -> Iterator[dict[str, Any]]:
        """One plain record after the other, observations first; keys as in :mod:`tocsin.model`."""
        for batch in self.table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                text = row.pop("text")
                value = row["value"] if text is None else text
                yield {
                    "kind": "observation",
                    **row,
                    "valid_time": iso(row["valid_time"]),
                    "known_at": iso(row["known_at"]),
                    "value": value,
                }
        for event in self.parsed.events:
            yield {"kind": "event", **to_plain(event)}


def find(feed: str) -> Feed:
    """A feed by its id.

    Raises
    ------
    ConfigError
        When there is none; the nearest id is suggested.
    """
    feeds = all_feeds()
    if feed not in feeds:
        raise ConfigError("feeds", "id", feed, sorted(feeds))
    return feeds[feed]


def declared() -> list[dict[str, Any]]:
    """What every feed declares, by id."""
    return [one(name) for name in all_feeds()]


def one(feed: str) -> dict[str, Any]:
    """What one feed declares, in plain types."""
    source = find(feed).SOURCE
    return {
        "id": source.id,
        "title": source.title,
        "publisher": source.publisher,
        "licence": source.licence,
        "licence_url": source.licence_url,
        "url": source.url,
        "cadence_s": source.cadence.total_seconds(),
        "lag_s": source.lag.total_seconds(),
        "stale_after_s": source.stale_after.total_seconds(),
        "quantities": [q.id for q in source.quantities],
        "domains": list(source.domains),
        "media_type": source.media_type,
    }


def with_state(office: Office, rows: list[dict[str, Any]], *, at: datetime) -> list[dict[str, Any]]:
    """The same rows with the state of the last reading; one that was never read says so."""
    states = office.store.feeds(at)
    out = []
    for row in rows:
        state = states.get(row["id"])
        plain = {} if state is None else to_plain(state)
        names = ("outcome", "last_ok", "newest", "message")
        known = {name: plain.get(name) for name in names}
        out.append({**row, **known, "outcome": known["outcome"] or "never"})
    return out


def parse_file(feed: str, path: Path, *, pack: str, at: datetime) -> ReadFile:
    """Parse one file as the feed does; it counts as an archive, since it comes from no address.

    Raises
    ------
    ParseError or ShapeError
        When the bytes are not what the publisher documents.
    """
    plugin = find(feed)
    raw = Raw(
        source=feed,
        url=path.name,
        fetched_at=at,
        media_type=plugin.SOURCE.media_type,
        content=path.read_bytes(),
    )
    parsed = plugin.parse(raw, known_at=at, locate=load_pack(pack))
    return ReadFile(table=parsed.table(), parsed=parsed)


def probe(
    feed: str, fetcher: Fetcher, *, at: datetime, url: str | None = None, pack: str = "us"
) -> dict[str, Any]:
    """Fetch once and judge what came; nothing is kept.

    Returns
    -------
    dict
        ``outcome`` ``ok`` or ``failed`` with a message, size, hash, records, faults and findings.

    Raises
    ------
    ConfigError
        When the feed has no address and none is given.
    """
    plugin = find(feed)
    address = url or plugin.SOURCE.url
    if address is None:
        raise ConfigError(feed, "url", None, "an address, with --url")
    row: dict[str, Any] = {"id": feed, "url": address, "outcome": "failed", "message": ""}
    try:
        raw = fetcher.fetch(plugin.SOURCE, address, at=at)
    except FetchError as error:
        return {**row, "message": str(error)}
    if isinstance(raw, NotModified):
        return {**row, "message": "got 'not modified' although nothing was read before"}
    country = load_pack(pack)
    gated = admit(plugin, raw, now=max(at, raw.fetched_at), locate=country, regions=country.regions)
    return {
        **row,
        "outcome": "failed" if gated.failed else "ok",
        "message": "; ".join(r.error for r in gated.rejected[:3]),
        "bytes": len(raw.content),
        "sha256": raw.sha256,
        "observations": gated.observations.num_rows,
        "events": len(gated.events),
        "rejected": len(gated.rejected),
        "newest": None if gated.newest is None else iso(gated.newest),
        "findings": sorted({f.rule for f in gated.findings}),
    }


def scaffold(feed: str, folder: Path) -> Path:
    """Write the first version of a feed; an existing file is never overwritten.

    Raises
    ------
    ConfigError
        When the name is none of a feed, or the file exists.
    """
    if not _NAME.match(feed) or keyword.iskeyword(feed):
        raise ConfigError("feeds new", "FEED", feed, "publisher_product in small letters, digits and _")
    path = folder / f"{feed}.py"
    text = _SCAFFOLD.substitute(id=feed, domain=feed.split("_", 1)[1])
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ConfigError(str(path), "file", "one that exists", "a new name") from None
    return path
