"""Reporting triangles: how many reports of a date had come in after how many periods.

A count is often not complete when it is first read: reports of the same date keep coming in. The triangle
says, for each date and each delay, how many reports came with that delay, as known at the newest date. It is
made from reports with their delays, or from the revisions that the store keeps of each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tocsin.detect.contract import Floats
from tocsin.model import ConfigError, MethodError, to_us


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangle:
    """Reports by date and delay, as known at the newest date.

    Parameters
    ----------
    counts : ndarray of float64, shape (n_dates, longest + 1, n_series)
        Reports of each date, the newest date last, by delay in periods; the last column holds that delay and
        all longer ones. A cell that lies in the future is zero. A date of which nothing is known is NaN.

    Raises
    ------
    ValueError
        On another shape, a negative count, or a report from the future.

    Examples
    --------
    >>> two_dates = Triangle(counts=np.array([[[3.0], [1.0]], [[2.0], [0.0]]]))
    >>> two_dates.reported[:, 0].tolist(), two_dates.ages.tolist()
    ([4.0, 2.0], [1, 0])
    """

    counts: Floats

    def __post_init__(self) -> None:
        if self.counts.ndim != 3 or self.counts.shape[1] < 1:
            raise ValueError(f"counts: got shape {self.counts.shape}, allowed: dates, delays, series")
        if (self.counts < 0).any():
            raise ValueError("counts: got a negative number of reports, allowed: at least 0")
        future = np.arange(self.counts.shape[1]) > self.ages[:, None]
        if np.nan_to_num(self.counts)[future].any():
            raise ValueError("counts: got reports later than the newest date, allowed: what is known by then")

    @property
    def ages(self) -> NDArray[np.int64]:
        """Periods from each date to the newest one, shape (n_dates,)."""
        return np.arange(len(self.counts))[::-1]

    @property
    def longest(self) -> int:
        """Delay, in periods, that stands for itself and all longer ones."""
        return int(self.counts.shape[1]) - 1

    @property
    def reported(self) -> Floats:
        """Reports known so far, shape (n_dates, n_series)."""
        total: Floats = self.counts.sum(1)
        return total


def of_reports(
    date: NDArray[np.int64],
    delay: NDArray[np.int64],
    count: Floats,
    *,
    now: int,
    longest: int,
    first: int = 0,
) -> Triangle:
    """Triangle of one series from reports by date and delay, as known at ``now``.

    Parameters
    ----------
    date, delay : ndarray of int64, shape (k,)
        Date, counted in periods, and delay in periods; a report is known at ``date + delay``.
    count : ndarray of float64, shape (k,)
        Number of reports.
    now, longest, first : int
        Newest date; longest delay that stands alone (longer ones count as that one); first date used.

    Returns
    -------
    Triangle
        Dates ``first … now`` of one series.

    Raises
    ------
    ValueError
        When ``now`` lies before ``first``, or a count or a delay is negative.

    Examples
    --------
    >>> date, delay = np.array([0, 0, 1]), np.array([0, 5, 1])
    >>> of_reports(date, delay, np.array([3.0, 2.0, 4.0]), now=5, longest=1).counts[:2, :, 0].tolist()
    [[3.0, 2.0], [0.0, 4.0]]
    >>> of_reports(date, delay, np.array([3.0, 2.0, 4.0]), now=1, longest=1).counts[:, :, 0].tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    if now < first:
        raise ValueError(f"now: got {now}, allowed: {first} or later")
    if (delay < 0).any():
        raise ValueError("delay: got a negative delay, allowed: at least 0")
    counts = np.zeros((now - first + 1, longest + 1, 1))
    known = (date >= first) & (date + delay <= now)
    np.add.at(counts[:, :, 0], (date[known] - first, np.minimum(delay[known], longest)), count[known])
    return Triangle(counts=counts)


def of_revisions(
    table: pa.Table,
    *,
    regions: Sequence[str],
    now: datetime,
    step: timedelta,
    periods: int,
    longest: int,
) -> Triangle:
    """Triangle from all revisions that the store keeps of the cells of one quantity, as known at ``now``.

    What came in with a delay is what a cell grew by. Where a later revision takes something back, it is taken
    off the newest growth first, so that the reports of a date sum to its newest value.

    Parameters
    ----------
    table : pyarrow.Table
        Rows in the observation schema, of one quantity, a row a revision; rows known after ``now`` are left
        out.
    regions : sequence of str
        One series each.
    now : datetime
        Moment of knowledge.
    step : timedelta
        Length of a period; periods are counted from 1970.
    periods, longest : int
        Number of dates, back from the newest period that has ended; longest delay that stands alone.

    Returns
    -------
    Triangle
        A date with no known value, or whose newest revision says *missing*, is NaN.

    Raises
    ------
    ConfigError
        When the table holds more than one quantity.
    MethodError
        When a value is negative: that is no count.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tocsin.model import DAY, Observation
    >>> from tocsin.model.observation import to_table
    >>> day = datetime(2001, 1, 1, tzinfo=UTC)
    >>> said = [(0, 1, 3.0), (0, 2, 5.0), (1, 2, 4.0)]  # date, known, value
    >>> rows = to_table(
    ...     Observation(quantity="q", region="a", valid_time=day + d * DAY, known_at=day + k * DAY, value=v,
    ...                 source="s", raw="0" * 64) for d, k, v in said)
    >>> known = of_revisions(rows, regions=["a"], now=day + 2 * DAY, step=DAY, periods=2, longest=3)
    >>> known.counts[:, :, 0].tolist()
    [[3.0, 2.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]]
    """
    if len(pc.unique(table["quantity"])) > 1:
        raise ConfigError("nowcast", "quantity", pc.unique(table["quantity"]).to_pylist(), "one quantity")
    us = step // timedelta(microseconds=1)
    newest = to_us(now) // us - 1
    place = {region: column for column, region in enumerate(regions)}
    column = np.array([place.get(r, -1) for r in table["region"].to_pylist()], np.int64)
    valid = np.asarray(table["valid_time"].cast(pa.int64()).to_numpy(), np.int64)
    known_at = np.asarray(table["known_at"].cast(pa.int64()).to_numpy(), np.int64)
    value = np.asarray(table["value"].to_numpy(), np.float64)
    if (value < 0).any():
        raise MethodError(f"nowcast: value: got {np.nanmin(value):g}, allowed: counts, at least 0")
    row = valid // us - (newest - periods + 1)
    used = (column >= 0) & (row >= 0) & (row < periods) & (valid % us == 0) & (known_at <= to_us(now))
    # A period is complete at its end: what is known by then, or within one period of it, has delay 0.
    delay = np.clip((known_at - valid) // us - 1, 0, longest)
    counts = np.full((periods, longest + 1, len(regions)), np.nan)
    order = np.lexsort((known_at, row, column))
    order = order[used[order]]
    # The newest revision within each delay stands; then each delay goes on from the one before it.
    counts[row[order], delay[order], column[order]] = value[order]
    total = _carried_on(counts, row[order], delay[order], column[order])
    # Taken back later means: was never there.
    total = np.minimum.accumulate(total[:, ::-1], axis=1)[:, ::-1]
    grown = np.diff(total, axis=1, prepend=0.0)
    ages = np.arange(periods)[::-1]
    future = np.arange(longest + 1)[None, :, None] > ages[:, None, None]
    return Triangle(counts=np.where(future & ~np.isnan(grown), 0.0, grown))


def _carried_on(
    counts: Floats, row: NDArray[np.int64], delay: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """Totals by delay: a delay with no revision keeps the last one; nothing before the first is zero."""
    said = np.zeros(counts.shape, np.bool_)
    said[row, delay, column] = True
    last = np.where(said, np.arange(counts.shape[1])[None, :, None], -1)
    last = np.maximum.accumulate(last, axis=1)
    total = np.take_along_axis(counts, np.maximum(last, 0), axis=1)
    total = np.where(last < 0, 0.0, total)
    # A date whose newest word is "missing", or of which there is no word, is unknown as a whole.
    unknown = (last[:, -1:, :] < 0) | np.isnan(total[:, -1:, :])
    total = np.where(np.isnan(total), 0.0, total)
    return np.where(unknown, np.nan, total)
