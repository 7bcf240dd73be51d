"""What every feed must pass; shipped, so that a third party runs the same checks on its own feed.

Run all of :data:`CHECKS` on a :class:`Case`: a feed, one sample document in the publisher's form, and the
places that it names. A check raises ``AssertionError`` with the reason.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

from tocsin.feeds.contract import Feed, Locate, Parsed
from tocsin.feeds.gate import gate
from tocsin.model import Basis, FeedError, Raw, Region

UNITS = frozenset({
    "1", "%", "10*3", "10*6", "min", "h", "d", "s", "km", "m", "mm", "cm", "m/s", "km/h", "Cel", "K", "Pa",
    "hPa", "m3/s", "ug/m3", "mg/m3", "ug/L", "MW", "GW", "MW.h", "GW.h", "Hz", "V", "kg", "t", "L", "deg",
    "nSv/h", "/10*5", "[USD]", "[EUR]", "J", "W/m2", "dB",
})  # fmt: skip
"""UCUM units (currencies in brackets) that quantities may have; a new one is added here on purpose."""

UNKNOWN = "tocsin_unknown_field"
HOPELESS = (
    b"",
    b"\x00" * 64,
    b"\xff\xfe\x00\x01",
    b"\x89PNG\r\n\x1a\n" + b"\x00" * 32,
    b"not the document\n",
    b"<",
)
"""No publisher's document: must give an error, never zero records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """A small :class:`tocsin.feeds.Locate` out of tables.

    Parameters
    ----------
    boxes : mapping of str to tuple of float
        South, west, north, east by county id.
    codes : mapping of (str, str) to str
        Region by scheme and value.
    sites : mapping of str to Region
        Regions by id.

    Examples
    --------
    >>> Places(boxes={"US-53033": (47.0, -122.6, 47.8, -121.0)}).county_at(47.5, -122.2)
    'US-53033'
    """

    boxes: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)
    codes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    sites: Mapping[str, Region] = field(default_factory=dict)

    def county_at(self, lat: float, lon: float) -> str | None:
        for county, (south, west, north, east) in self.boxes.items():
            if south <= lat <= north and west <= lon <= east:
                return county
        return None

    def by_geocode(self, scheme: str, value: str) -> str | None:
        return self.codes.get((scheme, value))

    def region(self, region: str) -> Region:
        return self.sites[region]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A feed and one of its documents.

    Parameters
    ----------
    feed : Feed
        The module.
    raw : Raw
        A whole, correct sample with at least one record.
    locate : Locate
        Places that the sample names.
    regions : frozenset of str
        Ids that exist.
    """

    feed: Feed
    raw: Raw
    locate: Locate
    regions: frozenset[str]

    @property
    def known_at(self) -> datetime:
        """When the document came."""
        return self.raw.fetched_at

    def parse(self, content: bytes | None = None) -> Parsed:
        """Parse the sample, or other bytes in its place."""
        raw = self.raw if content is None else replace(self.raw, content=content)
        return self.feed.parse(raw, known_at=self.known_at, locate=self.locate)


def _expect(holds: object, reason: str) -> None:
    if not holds:  # no assert statement: the checks must also bite under ``python -O``
        raise AssertionError(reason)


def check_declaration(case: Case) -> None:
    """The declaration is whole: publisher, licence with its address, cadence, lag, quantities with bounds."""
    source = case.feed.SOURCE
    for name in ("title", "publisher", "licence", "media_type"):
        _expect(getattr(source, name).strip(), f"SOURCE.{name}: empty")
    _expect(
        re.fullmatch(r"https?://\S+", source.licence_url), f"SOURCE.licence_url: got {source.licence_url!r}"
    )
    _expect(source.url is None or source.url.startswith("https://"), f"SOURCE.url: got {source.url!r}")
    _expect(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", source.id), f"SOURCE.id: got {source.id!r}")
    _expect(source.cadence > timedelta(0), "SOURCE.cadence: not positive")
    _expect(source.lag >= timedelta(0), "SOURCE.lag: negative")
    _expect(source.stale_after >= source.lag, "SOURCE.stale_after: shorter than the expected lag")
    _expect(source.domains, "SOURCE.domains: none")


def check_quantities(case: Case) -> None:
    """Every quantity has a known unit, a domain of the source, an id under it, bounds in order."""
    source = case.feed.SOURCE
    ids = [q.id for q in source.quantities]
    _expect(len(ids) == len(set(ids)), "SOURCE.quantities: an id twice")
    for q in source.quantities:
        _expect(q.unit in UNITS, f"{q.id}: unit: got {q.unit!r}, allowed: {', '.join(sorted(UNITS))}")
        _expect(q.domain in source.domains, f"{q.id}: domain: got {q.domain!r}")
        _expect(q.id.startswith(f"{q.domain}."), f"{q.id}: the id does not begin with its domain")
        _expect(q.step > timedelta(0), f"{q.id}: step: not positive")
        _expect(q.lower is None or q.upper is None or q.lower < q.upper, f"{q.id}: bounds out of order")


def check_pure(case: Case) -> None:
    """The same bytes give the same result, and the fetch time changes nothing but what is known by ingest."""
    one, two = case.parse(), case.parse()
    _expect(one.table().equals(two.table()), "parse: the same bytes gave other observations")
    _expect(one.events == two.events, "parse: the same bytes gave other events")
    _expect(one.findings == two.findings, "parse: the same bytes gave other findings")
    _expect(one.links == two.links, "parse: the same bytes gave other links")
    later = case.known_at + timedelta(days=3)
    moved = case.feed.parse(case.raw, known_at=later, locate=case.locate)
    _expect(
        [e.onset for e in moved.events] == [e.onset for e in one.events], "parse: onset follows the clock"
    )
    valid = [table["valid_time"] for table in (one.table(), moved.table())]
    _expect(valid[0].equals(valid[1]), "parse: valid_time follows the clock")


def check_sample(case: Case) -> None:
    """The sample gives records, and all of them pass the gate."""
    parsed = case.parse()
    _expect(parsed.table().num_rows + len(parsed.events) > 0, "parse: the sample gave no record")
    gated = gate(parsed, source=case.feed.SOURCE, raw=case.raw, now=case.known_at, regions=case.regions)
    told = "; ".join(f"{r.where}: {r.error}" for r in gated.rejected[:3])
    _expect(not gated.rejected, f"gate: {told}")


def check_times(case: Case) -> None:
    """Nothing is known later than it came; an earlier time says on what it is based."""
    parsed = case.parse()
    times = [(e.known_at, str(e.basis)) for e in parsed.events]
    columns = parsed.table().select(["known_at", "basis"]).to_pydict()
    times += list(zip(columns["known_at"], columns["basis"], strict=True))
    for known_at, basis in dict.fromkeys(times):
        _expect(known_at <= case.known_at, f"known_at: got {known_at}, after the bytes came")
        if basis == Basis.INGEST:
            _expect(known_at == case.known_at, f"known_at: got {known_at} by ingest, allowed: when it came")


def check_broken(case: Case) -> None:
    """Cut, flipped and foreign bytes give records or a FeedError, never another exception."""
    for content in HOPELESS:
        try:
            parsed = case.parse(content)
        except FeedError:
            continue
        except Exception as error:
            raise AssertionError(f"parse: {type(error).__name__} for {content[:16]!r}: {error}") from error
        raise AssertionError(f"parse: no error for {content[:16]!r}, got {parsed!r:.80}")
    for content in damaged(case.raw.content, random.Random(20010228)):  # noqa: S311 - no secret
        try:
            case.parse(content)
        except FeedError:
            continue
        except Exception as error:
            raise AssertionError(f"parse: {type(error).__name__} for damaged bytes: {error}") from error


def damaged(content: bytes, rng: random.Random, count: int = 60) -> Iterator[bytes]:
    """Damaged copies of a document: cut short, bytes flipped, doubled, removed, another encoding."""
    size = len(content)
    for n in range(count):
        at = rng.randrange(size)
        yield content[:at]
        yield content[:at] + bytes([content[at] ^ (1 << (n % 8))]) + content[at + 1 :]
        end = min(size, at + rng.randrange(1, 64))
        yield content[:at] + content[end:]
        yield content[:end] + content[at:]
        yield content[:at] + rng.randbytes(4) + content[at:]
    yield content.decode("latin-1").encode("utf-16")
    yield b"\xef\xbb\xbf" + content + b"\x00"


def check_unknown_field(case: Case) -> None:
    """A field that nobody knows is reported, not passed over in silence."""
    tried = 0
    for content in with_unknown_field(case.raw.content):
        tried += 1
        try:
            parsed = case.parse(content)
        except FeedError as error:
            if UNKNOWN in str(error):
                return
            continue
        if any(UNKNOWN in f"{f.path} {f.message}" for f in parsed.findings):
            return
    _expect(tried, "parse: the sample is neither JSON nor XML nor Parquet; say how a field is added to it")
    raise AssertionError(f"parse: the field {UNKNOWN!r} was passed over in silence")


def with_unknown_field(content: bytes) -> Iterator[bytes]:
    """Copies of a document with a field more in its records (JSON, XML, Parquet)."""
    if content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        sink = io.BytesIO()
        pq.write_table(table.append_column(UNKNOWN, pa.array([1] * table.num_rows)), sink)
        yield sink.getvalue()
    elif content.lstrip()[:1] in (b"{", b"["):
        document = json.loads(content)
        for record in _records(document):
            record[UNKNOWN] = 1
            yield json.dumps(document).encode()
            del record[UNKNOWN]
    elif content.lstrip()[:1] == b"<":
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
        for node in list(root.iter(etree.Element)):
            if len(node):
                name = etree.QName(node)
                added = etree.SubElement(
                    node, f"{{{name.namespace}}}{UNKNOWN}" if name.namespace else UNKNOWN
                )
                added.text = "1"
                yield etree.tostring(root)
                node.remove(added)


def _records(document: Any) -> Iterator[dict[str, Any]]:
    """Every object that stands in a list, and the objects inside of it."""
    items = document if isinstance(document, list) else [v for v in document.values() if isinstance(v, list)]
    for item in items:
        if isinstance(item, list):
            yield from _records(item)
        elif isinstance(item, dict):
            yield item
            yield from (value for value in item.values() if isinstance(value, dict))


def check_nan(case: Case) -> None:
    """A number that is none is refused or missing with a reason; never a value."""
    for content in with_nan(case.raw.content):
        try:
            parsed = case.parse(content)
        except FeedError:
            continue
        values = parsed.table()["value"].to_pylist()
        _expect(not any(v is not None and v != v for v in values), "parse: NaN became a value")
        _expect(case.raw.content.lstrip()[:1] not in (b"{", b"["), "parse: NaN in JSON was accepted")


def with_nan(content: bytes) -> Iterator[bytes]:
    """Copies of a JSON document in which one number is NaN or beyond all bounds."""
    if content.lstrip()[:1] not in (b"{", b"["):
        return
    document = json.loads(content)
    for holder, key in list(_numbers(document))[:40]:
        number = holder[key]
        holder[key] = "@number@"
        text = json.dumps(document)
        holder[key] = number
        for word in ("NaN", "-Infinity", "1e999"):
            yield text.replace('"@number@"', word).encode()


def _numbers(document: Any) -> Iterator[tuple[Any, Any]]:
    """Container and key of every number in a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield document, key


def check_empty(case: Case) -> None:
    """A document without records gives none, or an error; nothing is made up."""
    content = case.raw.content
    if content.lstrip()[:1] not in (b"{", b"["):
        return
    document = copy.deepcopy(json.loads(content))
    if isinstance(document, list):
        document = []
    else:
        lists = [key for key in document if isinstance(document[key], list)]
        longest = max(lists, key=lambda key: len(json.dumps(document[key])))
        document[longest] = []
    try:
        parsed = case.parse(json.dumps(document).encode())
    except FeedError:
        return
    _expect(not parsed.events, "parse: events out of an empty document")
    _expect(not parsed.table().num_rows, "parse: observations out of an empty document")


CHECKS: tuple[Callable[[Case], None], ...] = (
    check_declaration,
    check_quantities,
    check_pure,
    check_sample,
    check_times,
    check_broken,
    check_unknown_field,
    check_nan,
    check_empty,
)
"""All of them; :func:`check_feed` runs each."""


def check_feed(case: Case) -> None:
    """Run every check on one case.

    Raises
    ------
    AssertionError
        With the reason, at the first that fails.
    """
    for check in CHECKS:
        check(case)


def case_of(feed: Feed, content: bytes, *, url: str, locate: Locate, regions: frozenset[str]) -> Case:
    """A case with a fixed clock.

    Parameters
    ----------
    feed : Feed
        The module.
    content : bytes
        The sample.
    url : str
        Live address, or a file's name for an archive.
    locate, regions
        Places.
    """
    at = datetime(2020, 1, 1, 12, tzinfo=UTC)
    source = feed.SOURCE
    raw = Raw(source=source.id, url=url, fetched_at=at, media_type=source.media_type, content=content)
    return Case(feed=feed, raw=raw, locate=locate, regions=regions)
