"""Following time: dense windows that move with the moment of knowledge, fed by the news only.

A replay asks thousands of moments for the same few panels. Instead of asking the store each time,
one window for each panel is kept as two arrays (values, known) and moved on by the rows that became
known in between. What a window answers equals what ``as_of`` answers; what it cannot answer, the
pinned snapshot does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.panel import Panel
from tocsin.model.time import from_us, require_utc, to_us
from tocsin.store import asof
from tocsin.store.contract import PanelSpec
from tocsin.store.manifest import Pin
from tocsin.store.order import Ints, codes, ints
from tocsin.store.segment import Wanted
from tocsin.store.snapshot import MICROSECOND, PastSnapshot, require_step

if TYPE_CHECKING:
    from tocsin.store.embedded import EmbeddedStore

_CHUNK_US = 31 * 86_400_000_000
_COLUMNS = ("quantity", "region", "valid_time", "known_at", "value", "seq")


class Window:
    """One panel as known at a moment that moves on.

    Parameters
    ----------
    spec : PanelSpec
        What it is a window on.
    """

    __slots__ = (
        "_ahead", "_bounds", "_columns", "_flat", "_known", "_last", "_news", "_picked", "_values", "_width",
        "base", "regions", "spec", "step", "top",
    )  # fmt: skip

    def __init__(self, spec: PanelSpec) -> None:
        require_step(spec.step)
        self.spec, self.step = spec, spec.step // MICROSECOND
        self.regions = tuple(spec.regions)
        self._columns = {region: n for n, region in enumerate(self.regions)}
        if len(self._columns) != len(self.regions):
            raise ValueError(f"panel of {spec.quantity}: regions: got one twice, allowed: each once")
        self._width = len(self.regions)
        self.base = self.top = 0
        self._values = np.full((0, self._width), np.nan)
        self._known = np.zeros((0, self._width), bool)
        # rows that are known (or will be in this chunk) about times beyond the window: slot, column, value
        self._ahead = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        self._flat, self._news = np.empty(0, np.int64), np.empty(0)
        self._bounds: list[int] = [0]
        self._last: Sequence[str] = self.regions
        self._picked: NDArray[np.int64] | None = None

    def locate(self, table: pa.Table) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
        """Rows of this window in a table: known time, slot, column and value; order kept."""
        quantity, quantities = codes(table["quantity"])
        region, regions = codes(table["region"])
        column = np.fromiter((self._columns.get(r, -1) for r in regions), np.int64, len(regions))
        mine = np.fromiter((q == self.spec.quantity for q in quantities), bool, len(quantities))
        valid = ints(table["valid_time"])
        rows = np.flatnonzero(mine[quantity] & (column[region] >= 0) & (valid % self.step == 0))
        value = table["value"].to_numpy()
        return ints(table["known_at"])[rows], valid[rows] // self.step, column[region[rows]], value[rows]

    def move(self, start: int, end: int) -> None:
        """Make room for moments in ``[start, end]``; keep what is known of the part that stays."""
        base = (start - self.spec.span // MICROSECOND) // self.step
        top = end // self.step + 1
        values = np.full((top - base, self._width), np.nan)
        known = np.zeros(values.shape, bool)
        low, high = max(base, self.base), min(top, self.top)
        if low < high:
            values[low - base : high - base] = self._values[low - self.base : high - self.base]
            known[low - base : high - base] = self._known[low - self.base : high - self.base]
        self._values, self._known, self.base, self.top = values, known, base, top
        slot, column, value = self._ahead
        self._ahead = (slot[:0], column[:0], value[:0])
        self.put(slot, column, value)

    def put(self, slot: Ints, column: Ints, value: NDArray[np.float64]) -> None:
        """Set cells to rows that are known now, in the order given; the last one of a cell counts."""
        inside = (slot >= self.base) & (slot < self.top)
        flat = (slot[inside] - self.base) * self._width + column[inside]
        self._values.reshape(-1)[flat] = value[inside]
        self._known.reshape(-1)[flat] = True
        self._remember(slot, column, value)

    def _remember(self, slot: Ints, column: Ints, value: NDArray[np.float64]) -> None:
        ahead = slot >= self.top
        if ahead.any():
            new = (slot[ahead], column[ahead], value[ahead])
            held = self._ahead
            self._ahead = (
                np.concatenate((held[0], new[0])),
                np.concatenate((held[1], new[1])),
                np.concatenate((held[2], new[2])),
            )

    def expect(self, table: pa.Table, moments: Ints) -> None:
        """Take the news of a chunk, sorted by known time, to be applied moment by moment."""
        known, slot, column, value = self.locate(table)
        # beyond the window: they are all known when the window reaches there
        self._remember(slot, column, value)
        inside = (slot >= self.base) & (slot < self.top)
        self._flat = (slot[inside] - self.base) * self._width + column[inside]
        self._news = value[inside]
        self._bounds = [0, *np.searchsorted(known[inside], moments, side="right").tolist()]

    def advance(self, step: int) -> None:
        """Apply the news of the ``step``-th moment of the chunk."""
        low, high = self._bounds[step], self._bounds[step + 1]
        if low < high:
            flat = self._flat[low:high]
            self._values.reshape(-1)[flat] = self._news[low:high]
            self._known.reshape(-1)[flat] = True

    def panel(self, regions: Sequence[str], start: datetime, end: datetime, at: datetime) -> Panel | None:
        """The panel, or None when the window does not hold all of it."""
        first, rest = divmod(to_us(start), self.step)
        last = -(-to_us(end) // self.step)
        if rest or first < self.base or last > self.top:
            return None
        low, high = first - self.base, max(last, first) - self.base
        if regions is not self._last:
            if tuple(regions) == self.regions:
                self._picked = None
            else:
                if not all(r in self._columns for r in regions) or len(set(regions)) != len(regions):
                    return None
                self._picked = np.array([self._columns[r] for r in regions], np.int64)
            self._last = regions if isinstance(regions, tuple) else tuple(regions)
        values, known = self._values[low:high], self._known[low:high]
        picked = self._picked
        return Panel(
            quantity=self.spec.quantity,
            regions=tuple(self._last),
            times=np.arange(first, max(last, first), dtype=np.int64) * self.step,
            values=values.copy() if picked is None else values[:, picked],
            known=known.copy() if picked is None else known[:, picked],
            at=at,
        )


class Follower:
    """The windows of one replay and the moment that they stand at."""

    __slots__ = ("at", "windows")

    def __init__(self, specs: Sequence[PanelSpec]) -> None:
        self.windows: dict[tuple[str, timedelta], Window] = {}
        for spec in specs:
            if (spec.quantity, spec.step) in self.windows:
                raise ValueError(f"panels: got {spec.quantity} at {spec.step} twice, allowed: once")
            self.windows[spec.quantity, spec.step] = Window(spec)
        self.at: int | None = None


class FollowedSnapshot(PastSnapshot):
    """A snapshot of a replay: panels from the windows while the replay stands here.

    Parameters
    ----------
    follower : Follower
        The windows.
    store : EmbeddedStore
        What answers everything else.
    at : datetime
        The moment of knowledge.
    pin : Pin
        Version of the observations.
    """

    __slots__ = ("_follower", "_us")

    def __init__(self, follower: Follower, store: EmbeddedStore, at: datetime, pin: Pin) -> None:
        super().__init__(store, at, pin)
        self._follower, self._us = follower, to_us(at)

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel:
        """Values of one quantity on the grid ``start, start + step, … < end``."""
        window = self._follower.windows.get((quantity, step))
        if window is not None and self._follower.at == self._us:
            panel = window.panel(regions, require_utc(start, "start"), require_utc(end, "end"), self.at)
            if panel is not None:
                return panel
        return super().panel(quantity, regions=regions, start=start, end=end, step=step)


def follow(
    store: EmbeddedStore,
    pin: Pin,
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
    panels: Sequence[PanelSpec],
) -> Iterator[FollowedSnapshot]:
    """Snapshots at ``start, start + step, … ≤ end`` of one pinned version."""
    require_step(step)
    follower = Follower(panels)
    first, last, width = (
        to_us(require_utc(start, "start")),
        to_us(require_utc(end, "end")),
        step // MICROSECOND,
    )
    per_chunk = max(1, _CHUNK_US // width)
    moments = np.arange(first, last + 1, width, dtype=np.int64)
    before: int | None = None
    for low in range(0, moments.size, per_chunk):
        chunk = moments[low : low + per_chunk]
        _feed(store, pin, follower, before, chunk)
        before = int(chunk[-1])
        for place, us in enumerate(chunk.tolist()):
            for window in follower.windows.values():
                window.advance(place)
            follower.at = us
            yield FollowedSnapshot(follower, store, from_us(us), pin)
    follower.at = None


def _feed(store: EmbeddedStore, pin: Pin, follower: Follower, before: int | None, chunk: Ints) -> None:
    start, end = int(chunk[0]), int(chunk[-1])
    for window in follower.windows.values():
        window.move(start, end)
        if before is None:  # what is known just before the first moment
            oldest = window.base * window.step
            held = asof.cells(
                store.manifest,
                pin,
                Wanted(
                    quantity=window.spec.quantity,
                    regions=tuple(sorted(window.regions)),
                    start=oldest,
                    until=start,
                ),
                _COLUMNS,
            )
            window.put(*window.locate(held)[1:])
    since = start if before is None else before
    news = asof.rows(store.manifest, pin, Wanted(since=since, until=end), _COLUMNS)
    order = np.lexsort((ints(news["seq"]), ints(news["known_at"])))
    news = news.take(pa.array(order))
    for window in follower.windows.values():
        window.expect(news, chunk)
