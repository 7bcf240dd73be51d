"""Panels and snapshots: what was known at one moment, ready for a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.model.alert import Alert
from tocsin.model.observation import Event


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Times by regions of one quantity, as known at one moment.

    Parameters
    ----------
    quantity : str
        Id of the quantity.
    regions : tuple of str
        Ids; one column each.
    times : ndarray of int64, shape (n_times,)
        First instants of the periods, microseconds since 1970 in UTC, strictly rising.
    values : ndarray of float64, shape (n_times, n_regions)
        NaN where nothing is known or the value is missing.
    known : ndarray of bool, shape (n_times, n_regions)
        True where a row is known, be it a value or *missing with a reason*; False means unknown.
    at : datetime
        The moment of knowledge.
    """

    quantity: str
    regions: tuple[str, ...]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    known: NDArray[np.bool_]
    at: datetime


class Snapshot(Protocol):
    """The store as known at ``at``, or a scenario laid over it; all that a cycle may see."""

    @property
    def at(self) -> datetime:
        """The moment of knowledge."""

    def panel(
        self,
        quantity: str,
        *,
        regions: Sequence[str],
        start: datetime,
        end: datetime,
        step: timedelta,
    ) -> Panel:
        """Values of one quantity on the grid ``start, start + step, … < end``."""

    def cells(
        self,
        *,
        quantity: str | None = None,
        regions: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """The newest row of each cell known at ``at``, in the observation schema."""

    def events(
        self, *, domain: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> Sequence[Event]:
        """The newest version of each event known at ``at`` whose time meets ``[start, end)``."""

    def standing(self) -> Sequence[Alert]:
        """Warnings that are neither cancelled, rejected nor expired at ``at``."""

    def verdicts(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        """Ledger entries settled in ``(since, at]``."""

    def carried(self, plan: str) -> Mapping[str, NDArray[Any]] | None:
        """The state that the last cycle of this plan before ``at`` left; None for the first."""

    def feeds(self) -> Mapping[str, FeedState]:
        """State of each source as known at ``at``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How a feed is doing.

    Parameters
    ----------
    source : str
        Id of the source.
    outcome : str
        ``ok``, ``failed`` or ``never`` (nothing was ever read).
    last_ok, newest : datetime or None
        The last good read; the newest content inside (content age, not run age).
    since : datetime or None
        Since when the present outcome stands.
    message : str
        Last error in words; empty when there is none.
    """

    source: str
    outcome: str
    last_ok: datetime | None = None
    newest: datetime | None = None
    since: datetime | None = None
    message: str = ""
