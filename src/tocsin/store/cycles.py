"""Cycles as recorded, and the state that one hands to the next.

A cycle is kept as it comes and laid into a pack with others later (:mod:`tocsin.store.packs`); what is read
does not show which of the two it was.
"""

from __future__ import annotations

import io
import json
import logging
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.codec import to_plain
from tocsin.model.errors import ConflictError, StoreError
from tocsin.model.time import from_us, iso, require_utc, to_us
from tocsin.store.contract import CycleHead, CycleRow, State
from tocsin.store.database import Database
from tocsin.store.judged import JUDGED, TILE, decode_judged, is_judged, open_tile, tiles
from tocsin.store.kept import Kept
from tocsin.store.order import last_of_runs
from tocsin.store.packs import (
    LOST,
    PACK,
    SAID,
    SAID_JUDGEMENT,
    SAID_TEXT,
    Pack,
    light,
    pack_waiting,
    read_pack,
    unpressed,
    waiting,
)
from tocsin.store.schema import CYCLE, CYCLE_COLUMN, CYCLE_LOOSE, CYCLE_PACK, STATE

LOG = logging.getLogger("tocsin")

_ALLOWED = "allowed: what was kept; run tocsin store check"

_PLAIN = ("id", "plan", "mode", "inputs_hash", "code", "levels")
_WHOLE = sa.select(
    *(CYCLE.c[name] for name in (*_PLAIN, "at", "pack", "place")),
    SAID_JUDGEMENT.label("judgement"),
    sa.case((CYCLE.c.pack.is_(None), SAID_TEXT)).label("text"),
    LOST.label("lost"),
).select_from(SAID)


class Cycles:
    """Recorded cycles and carried states in one database."""

    database: Database
    packs: Kept[int, Pack]
    unpacked: dict[tuple[str, str], int]  # of plan and mode: so many waited when no pack could be made

    def put_cycle(self, row: CycleRow) -> bool:
        """Keep a cycle; False when one of the same plan, time, mode and inputs is there.

        A pack that cannot be made afterwards is said in the log and by :meth:`Store.check`.

        Raises
        ------
        ConflictError
            When one of other inputs is there.
        """
        at = to_us(require_utc(row.at, "at"))
        summary = to_plain(dict(row.summary))
        with self.database.write() as connection:
            found = connection.scalar(
                sa.select(CYCLE.c.inputs_hash).where(
                    CYCLE.c.plan == row.plan, CYCLE.c.at == at, CYCLE.c.mode == row.mode
                )
            )
            if found == row.inputs_hash:
                return False
            if found is not None:
                raise ConflictError(
                    f"cycle {row.plan} {iso(row.at)} {row.mode}: inputs_hash: got {row.inputs_hash}, "
                    f"allowed: {found}, which is recorded; use another mode or plan to run it differently"
                )
            connection.execute(
                sa.insert(CYCLE).values(
                    id=row.id,
                    plan=row.plan,
                    at=at,
                    mode=row.mode,
                    inputs_hash=row.inputs_hash,
                    code=row.code,
                    judgement=b"",
                    levels=row.levels,
                    summary=light(summary),
                )
            )
            connection.execute(
                sa.insert(CYCLE_LOOSE).values(cycle=row.id, judgement=row.judgement, summary=summary)
            )
            self.database.after_commit(("pack", row.plan, row.mode), lambda: self._pack(row.plan, row.mode))
        return True

    def _pack(self, plan: str, mode: str, *, at_once: bool = False) -> int:
        """Lay together what waits, each pack a commit of its own; give the number of cycles.

        It raises nothing: what cannot be laid together is kept as it came, whatever the fault.
        """
        total, left = 0, PACK
        try:
            with self.database.read() as connection:
                left = waiting(connection, plan, mode)
            done = left >= (PACK if at_once else PACK + self.unpacked.get((plan, mode), 0))
            while done and left >= PACK:  # others write in between
                with self.database.write() as connection:
                    number = pack_waiting(connection, plan, mode)
                    left = waiting(connection, plan, mode)
                done, total = bool(number), total + number
                self.unpacked[plan, mode] = 0 if left < PACK else left
        except Exception:
            LOG.exception("cycles of %s (%s) wait: they cannot be laid together", plan, mode)
            self.unpacked[plan, mode] = left  # tried again when as many more wait, not at every cycle
        return total

    def pack_cycles(self) -> int:
        """Lay together what an older store keeps cycle by cycle; give the number of cycles."""
        asked = (
            sa.select(CYCLE.c.plan, CYCLE.c.mode)
            .where(CYCLE.c.pack.is_(None))
            .group_by(CYCLE.c.plan, CYCLE.c.mode)
            .having(sa.func.count() >= PACK)
        )
        with self.database.read() as connection:
            plans = connection.execute(asked).all()
        return sum(self._pack(plan, mode, at_once=True) for plan, mode in plans)

    def cycles(self, start: datetime, end: datetime, plan: str | None = None) -> list[CycleRow]:
        """Cycles in ``[start, end)`` by time.

        Raises
        ------
        StoreError
            When what one of them said is gone or damaged.
        """
        found: dict[int, CycleRow] = {}
        with self.database.read() as connection:
            rows = connection.execute(_between(_WHOLE, start, end, plan)).all()
            by_pack: dict[int | None, list[int]] = {}
            for number, row in enumerate(rows):
                by_pack.setdefault(row.pack, []).append(number)
            kept = None if self.database.in_transaction else self.packs
            for name, numbers in by_pack.items():  # one pack at a time: opened it is some megabytes
                pack = None if name is None else read_pack(connection, name, kept)
                found |= {n: _whole(rows[n], pack) for n in numbers}
        return [found[n] for n in range(len(rows))]

    def cycle_heads(
        self, start: datetime, end: datetime, plan: str | None = None, *, levels: bool = False
    ) -> list[CycleHead]:
        """Which cycles are in ``[start, end)``, by time; of their columns, only levels, if asked for."""
        columns = (CYCLE.c.id, CYCLE.c.plan, CYCLE.c.mode, CYCLE.c.at, *([CYCLE.c.levels] if levels else ()))
        query = sa.select(*columns, CYCLE.c.summary["domains"].label("domains"))
        with self.database.read() as connection:
            rows = connection.execute(_between(query, start, end, plan)).all()
        return [
            CycleHead(
                id=r.id, plan=r.plan, mode=r.mode, at=from_us(r.at), domains=tuple(r.domains or ()),
                levels=r.levels if levels else b"",
            )
            for r in rows
        ]  # fmt: skip

    def judgements(
        self, quantity: str, series: int, *, of: int, start: datetime, end: datetime, until: datetime
    ) -> pa.Table:
        """One series as the newest cycle up to ``until`` judged each period in ``[start, end)``.

        Parameters
        ----------
        quantity : str
            Id.
        series : int
            Its number among the regions that the plan watches.
        of : int
            How many these are.
        start, end : datetime
            Periods judged.
        until : datetime
            The moment of the last cycle that counts.

        Returns
        -------
        pyarrow.Table
            ``valid_time`` (rising), ``at`` (of the cycle), ``values``, ``expected``, ``lower``, ``upper``,
            ``tail``; NaN where a cycle had none.

        Raises
        ------
        StoreError
            When cycles of the span judged another number of series: they watched another country. When
            what they judged is gone or damaged.
        """
        if not 0 <= series < of:
            raise StoreError(f"judgements of {quantity}: series: got {series}, allowed: 0 to {of - 1}")
        first, last, now = (
            to_us(require_utc(t, n)) for t, n in ((start, "start"), (end, "end"), (until, "until"))
        )
        tile = series // TILE * TILE
        mine = (
            CYCLE_COLUMN.c.quantity == quantity,
            CYCLE_COLUMN.c.max_valid >= first,
            CYCLE_COLUMN.c.min_valid < last,
            CYCLE_COLUMN.c.min_at <= now,
        )
        sizes = sa.select(CYCLE_COLUMN.c.pack, CYCLE_COLUMN.c.n).where(CYCLE_COLUMN.c.start == 0, *mine)
        tiled = (
            sa.select(CYCLE_COLUMN, CYCLE_PACK.c.plan, CYCLE_PACK.c.mode)
            .join(CYCLE_PACK, CYCLE_PACK.c.id == CYCLE_COLUMN.c.pack)
            .where(CYCLE_COLUMN.c.start == tile, *mine)
        )
        said = SAID_JUDGEMENT.label("judgement")
        loose = (
            sa.select(CYCLE.c.id, CYCLE.c.plan, CYCLE.c.mode, CYCLE.c.at, said, LOST.label("lost"))
            .select_from(SAID)
            .where(CYCLE.c.tiled.is_(False), CYCLE.c.at >= first, CYCLE.c.at <= now)
        )
        parts: list[tuple[tuple[str, str], dict[str, Any]]] = []
        with self.database.read() as connection:
            lacking = set()
            for pack, n in connection.execute(sizes):
                _require_of(quantity, n, of)
                lacking.add(pack)
            for row in connection.execute(tiled):
                lacking ^= {row.pack}
                one = open_tile(unpressed(row, f"pack {row.pack}, {quantity}"))
                parts.append(((row.plan, row.mode), one.series(series - tile, now)))
            if lacking:
                raise StoreError(f"cycles: pack {min(lacking)}, {quantity}: got no tile, {_ALLOWED}")
            rows = connection.execute(loose).all()
        for row in rows:
            _require_said(row)
            for found in decode_judged(row.judgement) if is_judged(row.judgement) else ():
                if found.quantity == quantity:
                    _require_of(quantity, found.values.size, of)
                    one = tiles([(0, row.at, found)])[series // TILE][2]
                    parts.append(((row.plan, row.mode), one.series(series - tile, now)))
        return _newest_judged(parts, first, last)

    def save_state(self, plan: str, at: datetime, state: State | bytes, *, keep: int | None = None) -> None:
        """Keep the carried state of a plan; the same time again replaces it.

        Parameters
        ----------
        plan : str
            Id.
        at : datetime
            Moment of the cycle that leaves it.
        state : mapping of arrays, or bytes
            Arrays by name (no objects), or the bytes of such an ``.npz``.
        keep : int, optional
            Forget all but the newest so many states of the plan.

        Raises
        ------
        StoreError
            When an array holds objects, or the bytes are no ``.npz``.
        """
        data = state if isinstance(state, bytes) else encode_state(state)
        decode_state(data)
        now = to_us(require_utc(at, "at"))
        blob = pa.compress(data, codec="zstd", asbytes=True)
        with self.database.write() as connection:
            connection.execute(sa.delete(STATE).where(STATE.c.plan == plan, STATE.c.at == now))
            connection.execute(sa.insert(STATE).values(plan=plan, at=now, size=len(data), blob=blob))
            if keep is not None:
                oldest = connection.scalar(
                    sa.select(STATE.c.at)
                    .where(STATE.c.plan == plan)
                    .order_by(STATE.c.at.desc())
                    .offset(max(keep, 1) - 1)
                    .limit(1)
                )
                if oldest is not None:
                    connection.execute(sa.delete(STATE).where(STATE.c.plan == plan, STATE.c.at < oldest))

    def load_state(self, plan: str, before: datetime) -> dict[str, np.ndarray[Any, Any]] | None:
        """The newest state saved strictly before ``before``; None when there is none."""
        query = (
            sa.select(STATE.c.blob, STATE.c.size)
            .where(STATE.c.plan == plan, STATE.c.at < to_us(require_utc(before, "before")))
            .order_by(STATE.c.at.desc())
            .limit(1)
        )
        with self.database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return decode_state(pa.decompress(row.blob, decompressed_size=row.size, codec="zstd", asbytes=True))


def _between(query: sa.Select[Any], start: datetime, end: datetime, plan: str | None) -> sa.Select[Any]:
    first, last = to_us(require_utc(start, "start")), to_us(require_utc(end, "end"))
    query = query.where(CYCLE.c.at >= first, CYCLE.c.at < last)
    if plan is not None:
        query = query.where(CYCLE.c.plan == plan)
    return query.order_by(CYCLE.c.at, CYCLE.c.plan, CYCLE.c.mode)


def _whole(row: sa.Row[Any], pack: Pack | None) -> CycleRow:
    """A cycle as it was kept, wherever its parts are now."""
    judgement, text = row.judgement, row.text
    try:
        if pack is None:
            _require_said(row)
        else:
            own = pack.judgement(row.place)
            judgement = judgement if own is None else own
            text = pack.summaries[row.place]
        summary = json.loads(text)
    except (LookupError, TypeError, ValueError) as error:
        raise StoreError(f"cycles: {row.id}: what it said is damaged: {error!r}, {_ALLOWED}") from error
    plain = {name: getattr(row, name) for name in _PLAIN}
    return CycleRow(**plain, at=from_us(row.at), judgement=judgement, summary=summary)


def _require_said(row: sa.Row[Any]) -> None:
    if row.lost:
        raise StoreError(f"cycles: {row.id}: got nothing of what it said, {_ALLOWED}")


def _require_of(quantity: str, got: int, of: int) -> None:
    if got != of:
        raise StoreError(
            f"judgements of {quantity}: got {got} series, allowed: the {of} of the country pack; "
            "they were recorded with another pack"
        )


def _newest_judged(parts: list[tuple[tuple[str, str], dict[str, Any]]], first: int, last: int) -> pa.Table:
    """Of rows of several packs, the newest of each period; of two at one moment, the last by plan, mode."""
    names = ("valid", "at", "values", *JUDGED)
    parts = sorted(parts, key=lambda p: p[0])
    kinds = {"valid": np.int64, "at": np.int64, "values": np.float64}
    joined = {
        n: np.concatenate([np.empty(0, kinds.get(n, np.float32)), *(p[n] for _, p in parts)]) for n in names
    }
    inside = (joined["valid"] >= first) & (joined["valid"] < last)
    order = np.flatnonzero(inside)
    order = order[np.lexsort((joined["at"][order], joined["valid"][order]))]
    kept = order[last_of_runs(joined["valid"][order])]
    times = {n: pa.array(joined[n][kept]).view(pa.timestamp("us", "UTC")) for n in ("valid", "at")}
    numbers = {n: pa.array(joined[n][kept]) for n in names[2:]}
    return pa.table({"valid_time": times["valid"], "at": times["at"], **numbers})


def encode_state(state: State) -> bytes:
    """Arrays by name as the bytes of an ``.npz`` without objects.

    Examples
    --------
    >>> decode_state(encode_state({"mean": np.arange(3)}))["mean"].tolist()
    [0, 1, 2]
    """
    arrays = {name: np.asarray(array) for name, array in state.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise StoreError(f"state: {name}: got an array of objects, allowed: numbers, text, truth values")
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **arrays)
    return sink.getvalue()


def decode_state(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The inverse of :func:`encode_state`."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (ValueError, OSError, KeyError, EOFError, AttributeError) as error:
        raise StoreError(f"state: got bytes that are no .npz of plain arrays ({error})") from error
