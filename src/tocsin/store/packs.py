"""Packs: some cycles of one plan kept together, small to keep and quick to read by series.

What cycles say changes little from one to the next. So as soon as :data:`PACK` cycles of a plan wait, they
are laid together, once the last of them is committed: their summaries as lines of one compressed block, what
they judged as tiles (:mod:`tocsin.store.judged`). Nothing is dropped: a cycle read from its pack is the cycle
that was kept, and is compared before its first form goes. A cycle that is damaged while it waits goes on
waiting, so that the others can be laid together and the check can name it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import StoreError
from tocsin.model.time import from_us
from tocsin.store.judged import (
    FIELDS,
    JUDGED,
    NEVER,
    Judged,
    Tile,
    decode_judged,
    encode_judged,
    of_cycle,
    open_tile,
    tiles,
)
from tocsin.store.kept import Kept
from tocsin.store.schema import CYCLE, CYCLE_COLUMN, CYCLE_LOOSE, CYCLE_PACK

PACK = 24
"""Cycles of a pack: an hour or two of live operation, a day of a replay."""

_ZSTD = pa.Codec("zstd", compression_level=3)
SAID = CYCLE.outerjoin(CYCLE_LOOSE, CYCLE_LOOSE.c.cycle == CYCLE.c.id)
SAID_JUDGEMENT = sa.func.coalesce(CYCLE_LOOSE.c.judgement, CYCLE.c.judgement)
SAID_SUMMARY = sa.func.coalesce(CYCLE_LOOSE.c.summary, CYCLE.c.summary)
SAID_TEXT = sa.type_coerce(SAID_SUMMARY, sa.Text)
"""What a cycle that is in no pack said, wherever it waits; the text is not parsed."""

LOST = sa.and_(CYCLE.c.pack.is_(None), CYCLE_LOOSE.c.cycle.is_(None), sa.func.length(CYCLE.c.judgement) == 0)
"""What a cycle said is nowhere. Older rows carry it themselves, and never an empty judgement."""

_ALLOWED = "what was kept; run tocsin store check"


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A pack at hand.

    Parameters
    ----------
    quantities : list of (list of str or None)
        For each cycle the quantities that it judged, in its order; None where its own bytes stand.
    summaries : list of bytes
        For each cycle its summary as JSON.
    columns : dict of str to list of Tile
        Tiles of each quantity, in the order of their series.
    """

    quantities: list[list[str] | None]
    summaries: list[bytes]
    columns: dict[str, list[Tile]]

    @property
    def size(self) -> int:
        """Memory that it takes, about."""
        held = sum(t.size for parts in self.columns.values() for t in parts)
        return held + sum(map(len, self.summaries)) + 1000 * (1 + len(self.columns))

    def judgement(self, place: int) -> bytes | None:
        """The judgement of a cycle as its writer gave it; None where its own bytes stand."""
        names = self.quantities[place]
        if names is None:
            return None
        return encode_judged([of_cycle(q, self.columns[q], place) for q in names])


def pack_waiting(connection: sa.Connection, plan: str, mode: str) -> int:
    """Lay the oldest cycles of a plan together when there are enough; give their number."""
    rows = oldest_waiting(connection, plan, mode)
    return _lay(connection, plan, mode, rows) if len(rows) == PACK else 0


def waiting(connection: sa.Connection, plan: str, mode: str) -> int:
    """How many cycles of a plan are in no pack."""
    mine = (CYCLE.c.plan == plan, CYCLE.c.mode == mode, CYCLE.c.pack.is_(None))
    return connection.scalar(sa.select(sa.func.count()).select_from(CYCLE).where(*mine)) or 0


def oldest_waiting(connection: sa.Connection, plan: str, mode: str) -> list[sa.Row[Any]]:
    """The oldest cycles of a plan that can be laid together, at most a pack of them."""
    asked = (
        sa.select(CYCLE.c.id, CYCLE.c.at, SAID_JUDGEMENT.label("judgement"), SAID_TEXT.label("text"))
        .select_from(SAID)
        .where(CYCLE.c.plan == plan, CYCLE.c.mode == mode, CYCLE.c.pack.is_(None), sa.not_(LOST))
        .order_by(CYCLE.c.at)
    )
    good: list[sa.Row[Any]] = []
    with connection.execute(asked) as rows:
        for row in rows:
            if summary_fault(row.text) is None:
                good.append(row)
            if len(good) == PACK:
                break
    return good


def summary_fault(text: str) -> str | None:
    """What is wrong with the text of a summary; None when it can be read again."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError) as error:
        return str(error)
    return None if isinstance(found, dict) and "\n" not in text else "got no object on one line"


@dataclass(frozen=True, slots=True)
class _Laid:
    """Cycles laid together, not yet kept."""

    pack: Pack
    block: bytes
    cut: dict[str, list[tuple[int, bytes, Tile]]]


def lay_together(rows: Sequence[sa.Row[Any]]) -> _Laid:
    """Cycles as a pack, compared with what they said; nothing is written.

    Raises
    ------
    StoreError
        When the pack would not say the same.
    """
    judged = [_columns_of(r.judgement) for r in rows]
    by_quantity: dict[str, list[tuple[int, int, Judged]]] = {}
    for place, (row, found) in enumerate(zip(rows, judged, strict=True)):
        for one in found or ():
            by_quantity.setdefault(one.quantity, []).append((place, row.at, one))
    # a plan watches the same regions in each of its cycles; one that does not keeps its own bytes
    odd = {
        place
        for cycles in by_quantity.values()
        for place, _, one in cycles
        if one.values.size != cycles[0][2].values.size
    }
    names = [None if j is None or p in odd else [one.quantity for one in j] for p, j in enumerate(judged)]
    head = json.dumps(names, separators=(",", ":")).encode()
    block = b"\n".join([head, *(r.text.encode() for r in rows)])
    even = {q: [c for c in cycles if c[0] not in odd] for q, cycles in by_quantity.items()}
    even = {q: cycles for q, cycles in even.items() if cycles}
    cut = {quantity: tiles(cycles) for quantity, cycles in even.items()}
    opened = {q: [open_tile(data) for _, data, _ in found] for q, found in cut.items()}
    made = Pack(names, block.split(b"\n")[1:], opened)
    _require_same(made, [r.text.encode() for r in rows], even)
    return _Laid(made, block, cut)


def _lay(connection: sa.Connection, plan: str, mode: str, rows: Sequence[sa.Row[Any]]) -> int:
    laid = lay_together(rows)
    names = laid.pack.quantities
    number = _insert(connection, plan, mode, rows, laid.block, laid.cut)
    connection.execute(
        sa.update(CYCLE)
        .where(CYCLE.c.id == sa.bindparam("cycle"))
        .values(
            pack=number,
            place=sa.bindparam("its_place"),
            tiled=sa.bindparam("is_tiled"),
            judgement=sa.bindparam("rest"),
            summary=sa.bindparam("said"),
        ),
        [
            {
                "cycle": r.id,
                "its_place": place,
                "is_tiled": names[place] is not None,
                "rest": r.judgement if names[place] is None else b"",
                "said": light(json.loads(r.text)),
            }
            for place, r in enumerate(rows)
        ],
    )
    connection.execute(sa.delete(CYCLE_LOOSE).where(CYCLE_LOOSE.c.cycle.in_([r.id for r in rows])))
    return len(rows)


def _columns_of(blob: bytes) -> list[Judged] | None:
    """The columns of a cycle; None when its bytes are of another form and must stay as they are."""
    try:
        found = decode_judged(blob)
    except StoreError:
        return None
    once = len({j.quantity for j in found}) == len(found)
    kinds = all(
        j.values.dtype == np.float64 and all(getattr(j, f).dtype == np.float32 for f in JUDGED) for j in found
    )
    return found if once and kinds else None


def light(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What of a summary is read of many cycles at once."""
    return {"domains": summary["domains"]} if "domains" in summary else {}


def _require_same(made: Pack, summaries: list[bytes], kept: dict[str, list[tuple[int, int, Judged]]]) -> None:
    same = made.summaries == summaries
    for quantity, cycles in kept.items():
        parts = made.columns[quantity]
        valid = [None if v == NEVER else from_us(v) for v in parts[0].valid[parts[0].row].tolist()]
        same &= valid == [one.valid_time for _, _, one in cycles]
        for name in FIELDS:
            said = np.stack([getattr(one, name) for _, _, one in cycles], axis=1)
            again = np.concatenate([t.fields[name][:, t.row] for t in parts])
            same &= again.dtype == said.dtype and again.tobytes() == said.tobytes()
    if not same:
        raise StoreError("cycles: a pack does not hold what was laid into it; the cycles stay as they are")


def _insert(
    connection: sa.Connection,
    plan: str,
    mode: str,
    rows: Sequence[sa.Row[Any]],
    block: bytes,
    cut: dict[str, list[tuple[int, bytes, Tile]]],
) -> int:
    values = {"plan": plan, "mode": mode, "first": rows[0].at, "last": rows[-1].at}
    number = int(connection.execute(sa.insert(CYCLE_PACK).values(**values, **_pressed(block))).lastrowid)
    parts = []
    for quantity, found in cut.items():
        for start, data, tile in found:
            named = tile.valid[tile.valid != NEVER]
            parts.append(
                {
                    "pack": number,
                    "quantity": quantity,
                    "start": start,
                    "n": sum(t.fields["values"].shape[0] for _, _, t in found),
                    "min_valid": int(named.min()) if named.size else None,
                    "max_valid": int(named.max()) if named.size else None,
                    "min_at": int(tile.at.min()),
                    **_pressed(data),
                }
            )
    if parts:
        connection.execute(sa.insert(CYCLE_COLUMN), parts)
    return number


def _pressed(data: bytes) -> dict[str, Any]:
    return {
        "size": len(data),
        "blob": bytes(_ZSTD.compress(data, asbytes=True)),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def unpressed(row: sa.Row[Any], name: str) -> bytes:
    """The bytes of a block or tile, compared with their hash.

    Raises
    ------
    StoreError
        When they are damaged.
    """
    try:
        data = bytes(_ZSTD.decompress(row.blob, decompressed_size=row.size, asbytes=True))
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"cycles: {name}: the bytes are damaged: {error}; run tocsin store check") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != row.sha256:
        raise StoreError(
            f"cycles: {name}: the bytes are damaged: sha256: got {digest}, allowed: {row.sha256}; "
            "run tocsin store check"
        )
    return data


def read_pack(connection: sa.Connection, number: int, kept: Kept[int, Pack] | None) -> Pack:
    """A pack as kept, or as at hand; None inside a transaction, where one may still be rolled back.

    Raises
    ------
    StoreError
        When it is gone or damaged.
    """
    found = None if kept is None else kept.get(number)
    if found is not None:
        return found
    pack, faults = open_pack(connection, number)
    if pack is None:
        raise StoreError(faults[0])
    if kept is not None:
        kept.put(number, pack, pack.size)
    return pack


def open_pack(connection: sa.Connection, number: int) -> tuple[Pack | None, list[str]]:
    """A pack from its bytes, each compared with its hash; None and what is wrong when it is not whole."""
    row = connection.execute(sa.select(CYCLE_PACK).where(CYCLE_PACK.c.id == number)).first()
    if row is None:
        return None, [f"cycles: pack {number}: got none, allowed: {_ALLOWED}"]
    mine = sa.select(CYCLE_COLUMN).where(CYCLE_COLUMN.c.pack == number)
    parts = connection.execute(mine.order_by(CYCLE_COLUMN.c.quantity, CYCLE_COLUMN.c.start)).all()
    opened, faults = [], []
    for name, one in [(f"pack {number}", row), *((f"pack {number}, {p.quantity}", p) for p in parts)]:
        try:
            opened.append(unpressed(one, name))
        except StoreError as error:
            faults.append(str(error))
    if faults:
        return None, faults
    try:
        return _assemble(opened[0], list(zip(parts, opened[1:], strict=True))), []
    except (StoreError, ValueError, TypeError) as error:
        return None, [f"cycles: pack {number}: got {error}, allowed: {_ALLOWED}"]


def _assemble(block: bytes, parts: list[tuple[sa.Row[Any], bytes]]) -> Pack:
    """A pack of its opened parts; a tile or a column that is not there would be silence, so it is refused."""
    head, *summaries = block.split(b"\n")
    quantities: list[list[str] | None] = json.loads(head)
    if len(quantities) != len(summaries):
        raise StoreError(f"{len(summaries)} summaries of {len(quantities)} cycles")
    places: dict[str, list[int]] = {}
    for place, names in enumerate(quantities):
        for quantity in names or ():
            places.setdefault(quantity, []).append(place)
    columns: dict[str, list[Tile]] = {}
    series: dict[str, int] = {}
    whole: dict[str, int] = {}
    for part, data in parts:
        quantity, tile = part.quantity, open_tile(data)
        whole[quantity] = part.n
        if part.start != series.get(quantity, 0):
            raise StoreError(f"no tile of {quantity} at series {series.get(quantity, 0)}")
        if sorted(tile.place.tolist()) != places.get(quantity):
            raise StoreError(f"a tile of {quantity} of other cycles")
        series[quantity] = part.start + tile.fields["values"].shape[0]
        columns.setdefault(quantity, []).append(tile)
    for quantity in places:
        if quantity not in columns:
            raise StoreError(f"no columns of {quantity}")
        if series[quantity] != whole[quantity]:
            raise StoreError(f"{series[quantity]} of {whole[quantity]} series of {quantity}")
    return Pack(quantities, summaries, columns)
