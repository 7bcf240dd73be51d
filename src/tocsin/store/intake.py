"""What came in, run by run: raw bytes, the state of each feed, and what could not be used."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from tocsin.model.errors import PastError, StoreError
from tocsin.model.observation import Raw
from tocsin.model.panel import FeedState
from tocsin.model.time import from_us, iso, require_utc, to_us
from tocsin.store import segment
from tocsin.store.contract import Quarantined
from tocsin.store.database import Database
from tocsin.store.schema import FEED, FEED_RUN, QUARANTINE, RAW

OUTCOMES = ("ok", "failed")
"""How a run of a feed can end."""


class Intake:
    """Raw bytes, feed runs and quarantine of one store."""

    database: Database
    folder: Path

    def raw_path(self, sha256: str) -> Path:
        """Where bytes of this hash are kept."""
        return self.folder / "raw" / sha256[:2] / f"{sha256}.zst"

    def keep_raw(self, raw: Raw) -> str:
        """Keep bytes as received, compressed, durably; give their SHA-256.

        The same bytes again are a no-op: the first fetch is the one on record.
        """
        name = raw.sha256
        query = sa.select(RAW.c.sha256).where(RAW.c.sha256 == name)
        with self.database.read() as connection:
            if connection.scalar(query) is not None and self.raw_path(name).exists():
                return name
        path = self.raw_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        segment.write_durably(partial, path, pa.compress(raw.content, codec="zstd", asbytes=True))
        segment.sync_folder(path.parent.parent)
        with self.database.write() as connection:
            if connection.scalar(query) is None:
                connection.execute(
                    sa.insert(RAW).values(
                        sha256=name,
                        source=raw.source,
                        url=raw.url,
                        fetched_at=to_us(raw.fetched_at),
                        media_type=raw.media_type,
                        headers=dict(raw.headers),
                        bytes=len(raw.content),
                    )
                )
        return name

    def raw(self, sha256: str) -> Raw:
        """The bytes again, checked against their hash.

        Raises
        ------
        StoreError
            When the store has no such bytes, or they are damaged.
        """
        with self.database.read() as connection:
            row = connection.execute(sa.select(RAW).where(RAW.c.sha256 == sha256)).first()
        if row is None:
            raise StoreError(f"raw {sha256}: got no such bytes in this store")
        return Raw(
            source=row.source,
            url=row.url,
            fetched_at=from_us(row.fetched_at),
            media_type=row.media_type,
            headers=row.headers,
            content=self._content(sha256, row.bytes),
        )

    def _content(self, sha256: str, size: int) -> bytes:
        try:
            packed = self.raw_path(sha256).read_bytes()
            content = bytes(pa.decompress(packed, decompressed_size=size, codec="zstd", asbytes=True))
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"raw {sha256}: the file is gone or damaged: {error}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(f"raw {sha256}: the file is damaged: its bytes have another hash")
        return content

    def raw_faults(self) -> list[str]:
        """Raw bytes that are gone or damaged, in words."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(RAW.c.sha256, RAW.c.bytes).order_by(RAW.c.sha256)).all()
        faults = []
        for sha256, size in rows:
            try:
                self._content(sha256, size)
            except StoreError as error:
                faults.append(str(error))
        return faults

    def feed_run(
        self,
        source: str,
        at: datetime,
        outcome: str,
        message: str = "",
        newest: datetime | None = None,
        raw: str | None = None,
    ) -> None:
        """Note a run of a feed; the same run again is a no-op.

        Parameters
        ----------
        source : str
            Id of the source.
        at : datetime
            When it ran.
        outcome : str
            ``ok`` or ``failed``.
        message : str
            Error in words.
        newest : datetime, optional
            Newest content inside.
        raw : str, optional
            SHA-256 of the bytes.

        Raises
        ------
        PastError
            When a later run of this source is on record: the clock went backwards.
        StoreError
            When ``outcome`` is another word.
        """
        if outcome not in OUTCOMES:
            raise StoreError(f"feed {source}: outcome: got {outcome!r}, allowed: {', '.join(OUTCOMES)}")
        now = to_us(require_utc(at, "at"))
        content = None if newest is None else to_us(require_utc(newest, "newest"))
        with self.database.write() as connection:
            last = connection.execute(
                sa.select(FEED_RUN).where(FEED_RUN.c.source == source).order_by(FEED_RUN.c.at.desc()).limit(1)
            ).first()
            if last is not None and now <= last.at:
                same = sa.select(FEED_RUN.c.id).where(
                    FEED_RUN.c.source == source, FEED_RUN.c.at == now, FEED_RUN.c.outcome == outcome
                )
                if connection.scalar(same) is not None:
                    return
                raise PastError(
                    f"feed {source}: at: got {iso(at)}, allowed: after the last run, at "
                    f"{iso(from_us(last.at))}"
                )
            if last is None:
                connection.execute(sa.insert(FEED).values(source=source))
            ok = outcome == "ok"
            before = None if last is None else last.newest
            connection.execute(
                sa.insert(FEED_RUN).values(
                    source=source,
                    at=now,
                    outcome=outcome,
                    message=message,
                    raw=raw,
                    newest=max((n for n in (before, content if ok else None) if n is not None), default=None),
                    last_ok=now if ok else (None if last is None else last.last_ok),
                    since=last.since if last is not None and last.outcome == outcome else now,
                )
            )

    def feeds(self, at: datetime) -> dict[str, FeedState]:
        """State of each source that had run by ``at``."""
        newest = (
            sa.select(FEED_RUN.c.id)
            .where(FEED_RUN.c.source == FEED.c.source, FEED_RUN.c.at <= to_us(require_utc(at, "at")))
            .order_by(FEED_RUN.c.at.desc())
            .limit(1)
            .correlate(FEED)
            .scalar_subquery()
        )
        query = (
            sa.select(FEED_RUN)
            .where(FEED_RUN.c.id.in_(sa.select(newest).select_from(FEED)))
            .order_by(FEED_RUN.c.source)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {
            r.source: FeedState(
                source=r.source,
                outcome=r.outcome,
                last_ok=None if r.last_ok is None else from_us(r.last_ok),
                newest=None if r.newest is None else from_us(r.newest),
                since=from_us(r.since),
                message=r.message,
            )
            for r in rows
        }

    def quarantine(self, source: str, at: datetime, raw: str | None, where: str, error: str) -> int:
        """Note what could not be used, and why; give its number.

        Parameters
        ----------
        source : str
            Id of the source.
        at : datetime
            When it came in.
        raw : str or None
            SHA-256 of the bytes.
        where : str
            Which part of them.
        error : str
            Why, in words.
        """
        with self.database.write() as connection:
            done = connection.execute(
                sa.insert(QUARANTINE).values(
                    source=source, at=to_us(require_utc(at, "at")), raw=raw, place=where, error=error
                )
            )
            return int(done.lastrowid)

    def quarantined(self, at: datetime | None = None) -> list[Quarantined]:
        """What had come into quarantine by ``at`` (None: ever), oldest first."""
        query = sa.select(QUARANTINE).order_by(QUARANTINE.c.id)
        if at is not None:
            query = query.where(QUARANTINE.c.at <= to_us(require_utc(at, "at")))
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Quarantined(id=r.id, source=r.source, at=from_us(r.at), raw=r.raw, where=r.place, error=r.error)
            for r in rows
        ]
