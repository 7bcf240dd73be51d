"""Cycles as recorded, and the state that one hands to the next."""

from __future__ import annotations

import io
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
from tocsin.store.schema import CYCLE, STATE


class Cycles:
    """Recorded cycles and carried states in one database."""

    database: Database

    def put_cycle(self, row: CycleRow) -> bool:
        """Keep a cycle; False when one of the same plan, time, mode and inputs is there.

        Raises
        ------
        ConflictError
            When one of other inputs is there.
        """
        at = to_us(require_utc(row.at, "at"))
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
                    judgement=row.judgement,
                    levels=row.levels,
                    summary=to_plain(dict(row.summary)),
                )
            )
        return True

    def cycles(self, start: datetime, end: datetime, plan: str | None = None) -> list[CycleRow]:
        """Cycles in ``[start, end)`` by time."""
        with self.database.read() as connection:
            rows = connection.execute(_between(sa.select(CYCLE), start, end, plan)).all()
        return [CycleRow(**(r._asdict() | {"at": from_us(r.at)})) for r in rows]

    def cycle_heads(self, start: datetime, end: datetime, plan: str | None = None) -> list[CycleHead]:
        """Which cycles are in ``[start, end)``, by time; their columns are not read."""
        columns = (CYCLE.c.id, CYCLE.c.plan, CYCLE.c.mode, CYCLE.c.at)
        query = sa.select(*columns, CYCLE.c.summary["domains"].label("domains"))
        with self.database.read() as connection:
            rows = connection.execute(_between(query, start, end, plan)).all()
        return [
            CycleHead(id=r.id, plan=r.plan, mode=r.mode, at=from_us(r.at), domains=tuple(r.domains or ()))
            for r in rows
        ]

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
