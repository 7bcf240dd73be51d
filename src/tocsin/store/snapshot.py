"""The store as known at one moment, behind the ``Snapshot`` protocol that a cycle sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.alert import Alert
from tocsin.model.observation import Event
from tocsin.model.panel import FeedState, Panel
from tocsin.model.time import grid_us, require_utc, to_us
from tocsin.store import asof
from tocsin.store.manifest import Pin
from tocsin.store.order import codes, ints
from tocsin.store.segment import Wanted

if TYPE_CHECKING:
    from tocsin.store.embedded import EmbeddedStore

MICROSECOND = timedelta(microseconds=1)


class PastSnapshot:
    """What one store knew at one moment; cheap to make, reads when asked.

    Observations are those of the pinned version; events and records are read when asked, which
    is the same, because nothing that enters later is known earlier unless it says so itself.

    Parameters
    ----------
    store : EmbeddedStore
        Where to read.
    at : datetime
        The moment of knowledge.
    pin : Pin
        Version of the observations.
    """

    __slots__ = ("_pin", "_store", "at")

    def __init__(self, store: EmbeddedStore, at: datetime, pin: Pin) -> None:
        self.at = require_utc(at, "at")
        self._store = store
        self._pin = pin

    def __repr__(self) -> str:
        return f"PastSnapshot(at={self.at.isoformat()}, generation={self._pin.generation})"

    def cells(
        self,
        *,
        quantity: str | None = None,
        regions: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """The newest row of each cell known at ``at``, in the observation schema.

        Sorted by month of valid time, then quantity, region, valid time.
        """
        wanted = self._wanted(quantity, regions, start, end)
        return asof.cells(self._store.manifest, self._pin, wanted)

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel:
        """Values of one quantity on the grid ``start, start + step, … < end``.

        Raises
        ------
        ValueError
            When ``step`` is not positive or a region stands twice.
        """
        require_step(step)
        regions = tuple(regions)
        times = grid_us(require_utc(start, "start"), require_utc(end, "end"), step)
        values = np.full((times.size, len(regions)), np.nan)
        known = np.zeros(values.shape, bool)
        place = {region: column for column, region in enumerate(regions)}
        if len(place) != len(regions):
            raise ValueError("regions: got one twice, allowed: each once")
        if times.size and regions:
            table = asof.cells(
                self._store.manifest,
                self._pin,
                self._wanted(quantity, regions, start, end),
                ("region", "valid_time", "value"),
            )
            code, words = codes(table["region"])
            column = np.fromiter((place.get(w, -1) for w in words), np.int64, len(words))[code]
            row, rest = np.divmod(ints(table["valid_time"]) - times[0], step // MICROSECOND)
            on = rest == 0
            number = table["value"].to_numpy()
            values[row[on], column[on]] = number[on]
            known[row[on], column[on]] = True
        return Panel(quantity=quantity, regions=regions, times=times, values=values, known=known, at=self.at)

    def events(
        self, *, domain: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> list[Event]:
        """The newest version of each event known at ``at`` whose time meets ``[start, end)``."""
        return self._store.known_events(self.at, domain=domain, start=start, end=end)

    def standing(self) -> list[Alert]:
        """Warnings that are neither cancelled, rejected nor expired at ``at``."""
        return self._store.standing(self.at)

    def verdicts(self, since: datetime) -> list[Mapping[str, Any]]:
        """Ledger entries settled in ``(since, at]``."""
        return self._store.verdicts(since, self.at)

    def carried(self, plan: str) -> Mapping[str, NDArray[Any]] | None:
        """The state that the last cycle of this plan before ``at`` left; None for the first."""
        return self._store.load_state(plan, before=self.at)

    def feeds(self) -> Mapping[str, FeedState]:
        """State of each source as known at ``at``."""
        return self._store.feeds(self.at)

    def _wanted(
        self,
        quantity: str | None,
        regions: Sequence[str] | None,
        start: datetime | None,
        end: datetime | None,
    ) -> Wanted:
        return Wanted(
            quantity=quantity,
            regions=None if regions is None else tuple(sorted(set(regions))),
            start=None if start is None else to_us(require_utc(start, "start")),
            end=None if end is None else to_us(require_utc(end, "end")),
            until=to_us(self.at),
        )


def require_step(step: timedelta) -> None:
    """Refuse a grid that does not move."""
    if step <= timedelta(0):
        raise ValueError(f"step: got {step}, allowed: a positive length of time")
