"""Documents and tables from files: read by a feed, or as rows of observations."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from tocsin.feeds import Fetcher, all_feeds
from tocsin.model import (
    OBSERVATION_SCHEMA,
    ConfigError,
    FetchError,
    Raw,
    ShapeError,
    Source,
    iso,
    parse_time,
)
from tocsin.ops import linked
from tocsin.ops.ingest import MAX_LINKS, Ingested, take
from tocsin.ops.office import Office
from tocsin.ops.redaction import without_secrets

_REQUIRED = ("quantity", "region", "valid_time")
CAP = "cap_atom"
"""The feed that reads any authority's CAP from a configured address."""

_MOST = 20
"""Faults that one message lists."""


def take_file(office: Office, feed: str, path: Path, *, at: datetime) -> Ingested:
    """Keep one document of a feed that lies in a file.

    Raises
    ------
    ConfigError
        When there is no such feed.
    """
    feeds = all_feeds()
    if feed not in feeds:
        raise ConfigError("ingest", "feed", feed, sorted(feeds))
    raw = Raw(
        source=feed,
        url=path.name,
        fetched_at=at,
        media_type=feeds[feed].SOURCE.media_type,
        content=path.read_bytes(),
    )
    return take(office, raw, at=at)[0]


def poll_authorities(
    office: Office, addresses: Mapping[str, str], fetcher: Fetcher, *, at: datetime
) -> list[Ingested]:
    """Fetch the CAP feeds of further authorities and keep what they say.

    Parameters
    ----------
    office : Office
        Store and country.
    addresses : mapping of str to str
        Name of the authority to the address of its feed, as the settings give them.
    fetcher : Fetcher
        The only HTTP client.
    at : datetime
        Wall time.

    Returns
    -------
    list of Ingested
        One for each authority; the feed ``cap_atom`` counts as failed when one of them does.
    """
    source = all_feeds()[CAP].SOURCE
    done: list[Ingested] = []
    newest: list[datetime] = []
    for name, url in addresses.items():
        one, content, at = _read_authority(office, source, fetcher, name, url, at)
        newest += content
        office.store.feed_run(one.source, at, one.outcome, one.message, newest=max(content, default=None))
        done.append(one)
    failed = [f"{one.source}: {one.message}" for one in done if one.outcome == "failed"]
    if done:
        outcome = "failed" if failed else "ok"
        office.store.feed_run(CAP, at, outcome, "; ".join(failed), newest=max(newest, default=None))
    return done


def _read_authority(
    office: Office, source: Source, fetcher: Fetcher, name: str, url: str, at: datetime
) -> tuple[Ingested, list[datetime], datetime]:
    """What one authority's feed and the documents that it links gave, and when the last of them came.

    One document that cannot be read costs none of the others, but the authority then counts as failed: a part
    that is missing is not calm.
    """
    one = Ingested(source=f"{CAP}:{name}", outcome="ok")
    newest: list[datetime] = []
    unread: list[str] = []
    said: dict[str, str] = {}
    links = [url]
    feed: Raw | None = None
    for link in links:  # which the feed itself makes longer
        last = linked.condition(office.store, source.id, url, at) if link == url else None
        try:
            raw = fetcher.fetch(source, link, at=at, previous=last)
        except FetchError as error:
            unread.append(without_secrets(str(error)))
            continue
        if not isinstance(raw, Raw):  # nothing changed since all of it was read
            state = office.store.feeds(at).get(one.source)
            newest += [state.newest] if state is not None and state.newest is not None else []
            continue
        at = max(at, raw.fetched_at)  # nothing is kept before it came
        more, gated = take(office, raw, at=at, note=False, authority=name)
        if more.outcome == "failed":
            unread.append(more.message)
        newest += [] if gated.newest is None else [gated.newest]
        if link != url:
            if more.outcome == "ok":
                linked.note(office.store, link, said, at)
        else:
            feed = raw
            said = linked.stamps(raw) if gated.links else {}
            news = [found for found in linked.due(office.store, gated.links, said, at) if found != url]
            links += news[:MAX_LINKS]
            if len(news) > MAX_LINKS:  # what was read now is not asked for again: the rest comes next time
                unread.append(f"{len(news) - MAX_LINKS} links beyond the first {MAX_LINKS}")
        one = replace(
            one,
            observations=one.observations + more.observations,
            events=one.events + more.events,
            unchanged=one.unchanged + more.unchanged,
            rejected=one.rejected + more.rejected,
        )
    if unread:
        message = unread[0] if len(links) == 1 else f"{len(unread)} of {len(links)} not read; {unread[0]}"
        for reason in unread if len(links) > 1 else ():
            office.store.quarantine(one.source, at, None, "link", reason)
        one = replace(one, outcome="failed", message=message)
    elif feed is not None:  # a part that is missing is asked for again
        linked.note_feed(office.store, url, feed.headers, at)
    return one, newest, at


def import_table(office: Office, path: Path, *, source: str, at: datetime) -> Ingested:
    """Keep the rows of a CSV or Parquet file as observations of a source.

    Parameters
    ----------
    office : Office
        Store and country.
    path : Path
        Columns ``quantity, region, valid_time`` and ``value``, ``text`` or ``missing``; ``known_at`` where
        it is not now. Times are ISO 8601 with a zone.
    source : str
        Id under which they are kept.
    at : datetime
        Wall time.

    Raises
    ------
    ShapeError
        When a column is missing, a region is none of the country, or a row breaks the schema. Nothing of
        the file is kept then.
    """
    content = path.read_bytes()
    table = _read(path, content)
    for name in _REQUIRED:
        if name not in table.column_names:
            raise ShapeError(
                f"{path}: {name}: got no such column, allowed: {', '.join(OBSERVATION_SCHEMA.names)}"
            )
    unknown = sorted(set(table.column("region").to_pylist()) - set(office.pack.regions))
    if unknown:
        shown = ", ".join(map(str, unknown[:_MOST]))
        raise ShapeError(f"{path}: region: got {shown}, allowed: ids that 'tocsin regions find' shows")
    media = "text/csv" if path.suffix == ".csv" else "application/vnd.apache.parquet"
    raw = Raw(source=source, url=path.name, fetched_at=at, media_type=media, content=content)
    fixed = {"source": source, "raw": raw.sha256, "basis": "ingest", "known_at": at}
    columns: list[pa.Array] = []
    for field in OBSERVATION_SCHEMA:
        if field.name in table.column_names and field.name not in ("source", "raw", "basis"):
            columns.append(_column(table.column(field.name), field, path))
        elif field.name in fixed:
            columns.append(pa.array([fixed[field.name]] * table.num_rows, field.type))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    rows = pa.table(columns, schema=OBSERVATION_SCHEMA)
    with office.store.transaction():
        office.store.keep_raw(raw)
        added = office.store.add(rows, ingest=f"import:{source}:{raw.sha256}", at=at)
    return Ingested(
        source=source,
        outcome="ok",
        observations=added.new,
        unchanged=rows.num_rows - added.new,
        message="this file was imported before" if added.duplicate else "",
    )


def _read(path: Path, content: bytes) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(io.BytesIO(content))
        text = {f.name: pa.string() for f in OBSERVATION_SCHEMA} | {"value": pa.float64()}
        return arrow_csv.read_csv(
            io.BytesIO(content),
            convert_options=arrow_csv.ConvertOptions(
                column_types=text, null_values=[""], strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise ShapeError(f"{path}: {error}") from error


def _column(column: pa.ChunkedArray, field: pa.Field, path: Path) -> pa.Array:
    column = column.combine_chunks()
    if pa.types.is_timestamp(field.type) and not pa.types.is_timestamp(column.type):
        try:
            return pa.array([None if t is None else parse_time(t) for t in column.to_pylist()], field.type)
        except ValueError as error:
            raise ShapeError(f"{path}: {field.name}: {error}") from error
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        raise ShapeError(f"{path}: {field.name}: got times without a zone, allowed: times with one")
    try:
        return (
            pc.cast(column, field.type) if not pa.types.is_dictionary(field.type) else _words(column, field)
        )
    except pa.ArrowException as error:
        raise ShapeError(f"{path}: {field.name}: {error}") from error


def _words(column: pa.Array, field: pa.Field) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return column.dictionary_encode().cast(field.type)


def write_table(table: pa.Table, path: Path | None) -> Iterator[str]:
    """Write observations to a Parquet or CSV file, or give the lines of a CSV.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of the observation schema.
    path : Path or None
        ``.parquet`` or ``.csv``; None gives lines.
    """
    if path is not None and path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
        return
    if path is not None:
        with path.open("w", encoding="utf-8", newline="") as out:
            out.writelines(_lines(table))
        return
    yield from _lines(table)


def _lines(table: pa.Table) -> Iterator[str]:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=10_000):
        writer.writerows(zip(*(map(plain, column.to_pylist()) for column in batch.columns), strict=True))
        yield sink.getvalue()
        sink.seek(0)
        sink.truncate()
    yield sink.getvalue()


def plain(value: Any) -> Any:
    """A cell as text or number: times as ISO 8601 with ``Z``, whole numbers without a point.

    Examples
    --------
    >>> plain(3.0), plain(0.5), plain(None)
    (3, 0.5, None)
    """
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
