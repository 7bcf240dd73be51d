"""Raise late, lower later: counts of evaluations in a row, one entry a region.

An *evaluation* is a newly judged period, not a cycle: a live cycle runs every five minutes on values that
come once an hour. An alarm counts after ``raise_after`` evaluations at the threshold; a member counts no more
after ``lower_after`` evaluations below the lower threshold of joining. A period of which nothing is known
counts for neither: it raises nothing and lowers nothing.

What is counted is columns that a cycle carries to the next, stored with its state, so that any past cycle can
be run again. Nothing else is remembered; since when a level stands is read from the messages themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model import Criteria, Detection, to_us

_COLUMNS = ("up", "down", "severe_up", "severe_down", "on", "severe")
_MOST = 1_000_000
"""Counts stop here: a series that has been calm for a century is calm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Streaks:
    """What was counted up to a cycle, one entry a watched region.

    Parameters
    ----------
    regions : tuple of str
        Ids.
    up, down : ndarray of int64
        Evaluations in a row at the threshold; in a row below the lower one.
    severe_up, severe_down : ndarray of int64
        The same of severe findings.
    on, severe : ndarray of bool
        Whether the region counts, and whether it counts as severe.
    last : int
        Newest period counted, microseconds since 1970.
    """

    regions: tuple[str, ...]
    up: NDArray[np.int64]
    down: NDArray[np.int64]
    severe_up: NDArray[np.int64]
    severe_down: NDArray[np.int64]
    on: NDArray[np.bool_]
    severe: NDArray[np.bool_]
    last: int

    def carried(self) -> dict[str, NDArray[Any]]:
        """Columns for the next cycle."""
        return {name: getattr(self, name) for name in _COLUMNS} | {"last": np.array([self.last])}

    def counting(self, regions: Sequence[str], lower_after: int) -> list[str]:
        """Those of the regions that were not yet below the lower threshold ``lower_after`` times in a row.

        What only joined counts while it holds. So does what was never counted: one that is not watched here,
        or all of them after the columns began anew. Nobody has seen it calm.
        """
        place = {region: i for i, region in enumerate(self.regions)}
        return [r for r in regions if r not in place or bool(self.down[place[r]] < lower_after)]

    def any_severe(self, regions: Sequence[str], lower_after: int) -> bool:
        """Whether one of the regions was not yet less than severe ``lower_after`` times in a row."""
        wanted = set(regions)
        watched = zip(self.regions, self.severe_down, strict=True)
        return any(r in wanted and bool(down < lower_after) for r, down in watched)


def is_used(criteria: Criteria) -> bool:
    """Whether a domain asks for more than one evaluation in either direction."""
    return criteria.raise_after > 1 or criteria.lower_after > 0


def count(
    criteria: Criteria,
    watched: Sequence[str],
    carried: Mapping[str, NDArray[Any]],
    *,
    judged: datetime | None,
    unknown: Set[str],
    detections: Sequence[Detection],
) -> Streaks:
    """Count one evaluation, if a new period was judged.

    Parameters
    ----------
    criteria : Criteria
        ``raise_after`` and ``lower_after``.
    watched : sequence of str
        Ids, in the order of the carried columns.
    carried : mapping of ndarray
        As :meth:`Streaks.carried` gave it; empty at the first cycle.
    judged : datetime or None
        Newest period that was judged; None when none was.
    unknown : set of str
        Regions of which nothing is known for it.
    detections : sequence of Detection
        Findings of the quantities that raise.

    Returns
    -------
    Streaks
    """
    before = _read(tuple(watched), carried)
    if judged is None or to_us(judged) <= before.last:
        return before
    known = np.array([r not in unknown for r in watched], bool)
    alarm = _those(watched, {d.region for d in detections if d.alarm})
    holds = _those(watched, {d.region for d in detections if d.alarm or d.joins})
    severe = _those(watched, {d.region for d in detections if d.severe and (d.alarm or d.joins)})
    up, down = _next(before.up, alarm, known), _next(before.down, ~holds, known)
    severe_up, severe_down = _next(before.severe_up, severe, known), _next(before.severe_down, ~severe, known)
    return Streaks(
        regions=before.regions,
        up=up,
        down=down,
        severe_up=severe_up,
        severe_down=severe_down,
        on=_latch(before.on, up, down, criteria),
        severe=_latch(before.severe, severe_up, severe_down, criteria),
        last=to_us(judged),
    )


def confirmed(detections: Sequence[Detection], streaks: Streaks) -> tuple[Detection, ...]:
    """The findings, of which only those that count alarm or are severe.

    An alarm that does not count yet is a watch; it may join a warning that stands beside it.
    """
    place = {region: i for i, region in enumerate(streaks.regions)}

    def one(d: Detection) -> Detection:
        i = place.get(d.region)
        if i is None:
            return d
        return replace(d, alarm=d.alarm and bool(streaks.on[i]), severe=d.severe and bool(streaks.severe[i]))

    return tuple(one(d) for d in detections)


def _read(regions: tuple[str, ...], carried: Mapping[str, NDArray[Any]]) -> Streaks:
    n = len(regions)
    if "last" not in carried:
        counts = {name: np.zeros(n, np.int64) for name in _COLUMNS[:4]}
        return Streaks(
            regions=regions, **counts, on=np.zeros(n, bool), severe=np.zeros(n, bool), last=-(2**62)
        )
    return Streaks(
        regions=regions, **{name: carried[name] for name in _COLUMNS}, last=int(carried["last"][0])
    )


def _those(watched: Sequence[str], found: Set[str]) -> NDArray[np.bool_]:
    return np.array([r in found for r in watched], bool)


def _next(counts: NDArray[np.int64], here: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    further: NDArray[np.int64] = np.where(known, np.where(here, np.minimum(counts + 1, _MOST), 0), counts)
    return further


def _latch(
    before: NDArray[np.bool_], up: NDArray[np.int64], down: NDArray[np.int64], criteria: Criteria
) -> NDArray[np.bool_]:
    held: NDArray[np.bool_] = before & (down < max(criteria.lower_after, 1))
    return held | (up >= criteria.raise_after)
