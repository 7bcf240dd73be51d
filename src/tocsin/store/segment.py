"""Segments: immutable Parquet files, one month of valid time each, sorted by cell.

A segment is named by its month and its content, and carries in its footer an index of its row
groups, so that a read touches only the groups that can matter. Any Parquet reader can read one.

A large segment has a *news file* beside it: the same rows once more, in blocks that follow each other
in known time. What became known in one hour lies in a block or two of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.model.errors import StoreError
from tocsin.model.time import DAY
from tocsin.store.kept import KEEP, Kept
from tocsin.store.order import STORED_SCHEMA, Ints, codes, ints, ranks

GROUP_ROWS = 1 << 16
NEWS_ROWS = 1 << 17
"""A segment of more rows gets a news file: to scan fewer takes a few milliseconds."""

_BLOCK_ROWS = 1 << 15  # of a news file: half as many read twice as fast, but take a fifth more disk
_SMALL_ROWS = 1 << 14  # up to here the start of a zstd decoder costs more than all the rest of a read
_INDEX = b"tocsin.index"
_LAG = pa.field("lag", pa.duration("us"), nullable=False)  # known time less valid time
_DAY_US = DAY.days * 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A row of the manifest: one file and what it can hold."""

    id: int
    name: str
    sha256: str
    bytes: int
    month: int
    rows: int
    min_valid: int
    max_valid: int
    min_known: int
    max_known: int
    quantities: tuple[str, ...]
    news: str | None = None  # name of its news file


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows a read is after; None means all.

    Parameters
    ----------
    quantity : str or None
        One quantity.
    regions : tuple of str or None
        Sorted ids.
    start, end : int or None
        Valid time in ``[start, end)``, microseconds.
    since, until : int or None
        Known time in ``(since, until]``, microseconds.
    """

    quantity: str | None = None
    regions: tuple[str, ...] | None = None
    start: int | None = None
    end: int | None = None
    since: int | None = None
    until: int | None = None

    def meets(self, valid: tuple[int, int], known: tuple[int, int]) -> bool:
        """Whether rows between these (inclusive) bounds can be wanted."""
        return (
            (self.start is None or valid[1] >= self.start)
            and (self.end is None or valid[0] < self.end)
            and (self.since is None or known[1] > self.since)
            and (self.until is None or known[0] <= self.until)
        )

    def may_be_in(self, segment: Segment) -> bool:
        """Whether a segment can hold a wanted row."""
        return (self.quantity is None or self.quantity in segment.quantities) and self.meets(
            (segment.min_valid, segment.max_valid), (segment.min_known, segment.max_known)
        )

    def mask(self, table: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        """Which rows of a table are wanted; None when all of them are."""
        keep: np.ndarray[Any, np.dtype[np.bool_]] | None = None
        if self.quantity is not None or self.regions is not None:
            for name, words in (
                ("quantity", None if self.quantity is None else {self.quantity}),
                ("region", None if self.regions is None else set(self.regions)),
            ):
                if words is not None:
                    code, found = codes(table[name])
                    wanted = np.fromiter((w in words for w in found), bool, len(found))
                    if not wanted.all():
                        keep = wanted[code] if keep is None else keep & wanted[code]
        for name, low, high in (
            ("valid_time", self.start, None if self.end is None else self.end - 1),
            ("known_at", None if self.since is None else self.since + 1, self.until),
        ):
            if low is not None or high is not None:
                column = ints(table[name])
                for part in (
                    None if low is None else column >= low,
                    None if high is None else column <= high,
                ):
                    if part is not None and not part.all():
                        keep = part if keep is None else keep & part
        return keep


@dataclass(frozen=True, slots=True)
class Index:
    """What each row group of a file can hold."""

    metadata: Any
    columns: frozenset[str]
    groups: tuple[tuple[str, str, str, str, int, int, int, int], ...]

    def physical(self, names: Sequence[str]) -> list[str]:
        """Columns of the file that columns of the store are made of."""
        found = [n for n in names if n in self.columns]
        if "known_at" in names and "known_at" not in self.columns:
            found += [n for n in ("valid_time", "lag") if n not in found]
        return found

    def choose(self, wanted: Wanted) -> list[int]:
        """Row groups that can hold wanted rows."""
        chosen = []
        for number, (q0, r0, q1, r1, v0, v1, k0, k1) in enumerate(self.groups):
            if not wanted.meets((v0, v1), (k0, k1)):
                continue
            if wanted.quantity is not None and not q0 <= wanted.quantity <= q1:
                continue
            if wanted.regions is not None:
                low, high = (r0, r1) if q0 == q1 else (None, None)
                if wanted.quantity is not None and q0 != q1:
                    low = r0 if wanted.quantity == q0 else None
                    high = r1 if wanted.quantity == q1 else None
                if not any((low is None or r >= low) and (high is None or r <= high) for r in wanted.regions):
                    continue
            chosen.append(number)
        return chosen


def encode(table: pa.Table) -> tuple[bytes, dict[str, Any]]:
    """A sorted table of one month as the bytes of a segment, and its statistics for the manifest."""
    valid, known = ints(table["valid_time"]), ints(table["known_at"])
    data = _file(table, valid, known, GROUP_ROWS)
    quantity, found = codes(table["quantity"])
    used = np.unique(quantity)
    return data, {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "rows": table.num_rows,
        "min_valid": int(valid.min()),
        "max_valid": int(valid.max()),
        "min_known": int(known.min()),
        "max_known": int(known.max()),
        "quantities": sorted(found[i] for i in used),
        "counts": [list(row) for row in count_rows(table)],
    }


def encode_news(table: pa.Table) -> bytes:
    """The rows of a segment as the bytes of its news file.

    Blocks follow each other in known time; within a block rows keep the order of the segment, which makes
    the file a third smaller than rows in the order of known time.
    """
    order = np.argsort(ints(table["known_at"]), kind="stable")
    full = order.size // _BLOCK_ROWS * _BLOCK_ROWS
    blocks = np.sort(order[:full].reshape(-1, _BLOCK_ROWS), axis=1).reshape(-1)
    table = table.combine_chunks().take(pa.array(np.concatenate((blocks, np.sort(order[full:])))))
    return _file(table, ints(table["valid_time"]), ints(table["known_at"]), _BLOCK_ROWS)


def _file(table: pa.Table, valid: Ints, known: Ints, group_rows: int) -> bytes:
    """Rows as Parquet with an index of its row groups; within each, rows are in the order of cells."""
    starts = np.arange(0, table.num_rows, group_rows)
    ends = np.append(starts[1:], table.num_rows) - 1
    words = {}
    for name in ("quantity", "region"):
        code, found = codes(table[name])
        words[name] = ([found[i] for i in code[starts]], [found[i] for i in code[ends]])
    index = [
        list(row)
        for row in zip(
            words["quantity"][0],
            words["region"][0],
            words["quantity"][1],
            words["region"][1],
            np.minimum.reduceat(valid, starts).tolist(),
            np.maximum.reduceat(valid, starts).tolist(),
            np.minimum.reduceat(known, starts).tolist(),
            np.maximum.reduceat(known, starts).tolist(),
            strict=True,
        )
    ]
    note = json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode()
    packed = _pack(table, valid, known).replace_schema_metadata({_INDEX: note})
    sink = pa.BufferOutputStream()
    pq.write_table(
        packed,
        sink,
        row_group_size=group_rows,
        compression=_compression(packed),
        use_dictionary=[n for n in packed.column_names if n != "valid_time"],
        column_encoding={"valid_time": "DELTA_BINARY_PACKED"},
    )
    return bytes(sink.getvalue())


def _compression(table: pa.Table) -> dict[str, str]:
    """How to compress each column: run lengths of words are short as they are, and each page costs time."""
    large = table.num_rows > _SMALL_ROWS
    words = {"quantity", "region", "source", "basis", "seq"}
    return {
        n: "zstd" if large and n not in words else "lz4" if n not in words else "none"
        for n in table.column_names
    }


def _pack(table: pa.Table, valid: Ints, known: Ints) -> pa.Table:
    """The columns of a file: those that say something, known time as a lag where that is shorter.

    A feed that is always about as late as ever has few lags and many known times; an archive of
    editions has few known times and many lags.
    """
    for name in ("text", "missing"):
        if table[name].null_count == table.num_rows:
            table = table.drop_columns([name])
    lag = known - valid
    if np.unique(lag).size < np.unique(known).size:
        place = table.column_names.index("known_at")
        table = table.set_column(place, _LAG, pa.array(lag).view(_LAG.type))
    return table


def _unpack(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The columns asked for, again."""
    columns = []
    for name in names:
        field = STORED_SCHEMA.field(name)
        if name in table.column_names:
            columns.append(table[name])
        elif name == "known_at":
            columns.append(pa.array(ints(table["valid_time"]) + ints(table["lag"])).view(field.type))
        elif pa.types.is_dictionary(field.type):
            none = pa.nulls(table.num_rows, field.type.index_type)
            columns.append(pa.DictionaryArray.from_arrays(none, pa.array([], field.type.value_type)))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.table(
        dict(zip(names, columns, strict=True)), schema=pa.schema([STORED_SCHEMA.field(n) for n in names])
    )


def count_rows(table: pa.Table) -> list[tuple[str, int, int]]:
    """Rows by source and day of valid time (days since 1970), sorted."""
    if not table.num_rows:
        return []
    source, names = ranks(table["source"])
    day = ints(table["valid_time"]) // _DAY_US
    first = int(day.min())
    span = int(day.max()) - first + 1
    code, count = np.unique(source * span + (day - first), return_counts=True)
    return [
        (names[c // span], first + c % span, n) for c, n in zip(code.tolist(), count.tolist(), strict=True)
    ]


def write(path: Path, data: bytes) -> None:
    """Write bytes under their name, durably, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part"), path, data)
    sync_folder(path.parent.parent)


def write_durably(partial: Path, path: Path, data: bytes) -> None:
    """Write under a passing name, make it durable, then give it its own."""
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# by path: a file never changes under its name
_INDICES: Kept[str, Index] = Kept(KEEP)


def _index(path: str) -> Index:
    found = _INDICES.get(path)
    if found is None:
        metadata = pq.read_metadata(path)
        note = json.loads((metadata.metadata or {})[_INDEX])
        found = Index(metadata, frozenset(metadata.schema.names), tuple(tuple(row) for row in note))
        _INDICES.put(path, found, 4 * metadata.serialized_size)  # in memory it is about four times as large
    return found


def read(path: Path, wanted: Wanted, columns: Sequence[str] | None = None) -> pa.Table:
    """The row groups of a segment that can hold wanted rows, in order; not yet filtered.

    Raises
    ------
    StoreError
        When the file is gone or is not what was written.
    """
    return _read(path, wanted, columns, None)


def read_news(path: Path, news: Path, wanted: Wanted, columns: Sequence[str] | None = None) -> pa.Table:
    """Like :func:`read`, from the news file where that is less to read; in no order.

    Raises
    ------
    StoreError
        When a file is gone or is not what was written.
    """
    with _said(news):
        blocks = _index(str(news)).choose(wanted)
    with _said(path):
        groups = _index(str(path)).choose(wanted)
    if len(blocks) * _BLOCK_ROWS < len(groups) * GROUP_ROWS // 2:
        return _read(news, wanted, columns, blocks)
    return _read(path, wanted, columns, groups)


def _read(path: Path, wanted: Wanted, columns: Sequence[str] | None, groups: list[int] | None) -> pa.Table:
    names = list(columns) if columns is not None else STORED_SCHEMA.names
    with _said(path):
        index = _index(str(path))
        if groups is None:
            groups = index.choose(wanted)
        if not groups:
            schema = pa.schema([STORED_SCHEMA.field(n) for n in names])
            return schema.empty_table()
        with pq.ParquetFile(path, metadata=index.metadata, memory_map=True) as file:
            table = file.read_row_groups(groups, columns=index.physical(names))
        return _unpack(table, names)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read what may have become of it."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(
            f"{path.name}: the segment is gone: the read lasted longer than the grace after a compaction "
            "(take a new snapshot), or the file was removed by hand (tocsin store check)"
        ) from error
    except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
        raise StoreError(f"{path.name}: the segment is damaged: {error}; run tocsin store check") from error
