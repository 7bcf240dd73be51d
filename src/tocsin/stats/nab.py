"""The score of the Numenta Anomaly Benchmark: early alarms in labelled windows, few outside.

A detector gives each row a score; rows at or above one threshold, the same for all series, are alarms. In a
window only its most valuable alarm counts, worth most at the left end; a window without alarm costs ``miss``;
each alarm outside costs up to ``false_alarm``, less just after a window. The first rows of a series are not
judged. The sum over all series lies on a scale from 0 (no alarm at all) to 100 (one alarm at the left end of
every window, none outside).

References
----------
Lavin, Ahmad (2015), IEEE 14th International Conference on Machine Learning and Applications, 38,
doi:10.1109/ICMLA.2015.141.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

PROBATION = 0.15
LONGEST = 5000
"""Rows that the probation is a share of, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an alarm and a miss are worth.

    Parameters
    ----------
    hit, false_alarm, miss : float
        Weights, 0 or more.
    """

    hit: float = 1.0
    false_alarm: float = 0.11
    miss: float = 1.0


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "standard": Profile(),
        "reward_low_FP": Profile(false_alarm=0.22),
        "reward_low_FN": Profile(miss=2.0),
    }
)
"""The three published ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Rows of a series that count, with what an alarm there is worth.

    Parameters
    ----------
    score : ndarray of float64, shape (m,)
        Of the detector.
    worth : ndarray of float64, shape (m,)
        Of an alarm: of full weight 1 in windows, -1 outside.
    window : ndarray of int64, shape (m,)
        Number of the window; -1 outside.
    windows : int
        Windows of the series that have rows which count.
    """

    score: Floats
    worth: Floats
    window: NDArray[np.int64]
    windows: int


def probation(rows: int) -> int:
    """First rows that are not judged.

    Examples
    --------
    >>> probation(1624), probation(18050)
    (243, 750)
    """
    return int(PROBATION * min(rows, LONGEST))


def judged(score: ArrayLike, times: ArrayLike, windows: Sequence[tuple[Any, Any]]) -> Judged:
    """Judge the rows of one series.

    Parameters
    ----------
    score : array_like of float, shape (m,)
        Of the detector; NaN counts as less than all others.
    times : array_like, shape (m,)
        Of the rows, in order, of any type that can be compared.
    windows : sequence of pairs
        First and last time of each window, in order, that do not overlap.

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        When a window holds no row, or lengths differ.

    Examples
    --------
    >>> rows = judged(np.zeros(20), np.arange(20), [(10, 13)])
    >>> rows.worth[[7, 10, 12, 13, 16]].round(3).tolist()
    [1.0, 0.562, -0.931, -0.987, -1.0]
    """
    s, t = np.asarray(score, float), np.asarray(times)
    if s.shape != t.shape:
        raise ValueError(f"score: got {s.shape} rows, allowed: {t.shape}, as many as times")
    worth, window = np.full(len(s), -1.0), np.full(len(s), -1)
    index = np.arange(len(s))
    best = _sigmoid(np.array([-1.0]))[0]
    for number, (begin, end) in enumerate(windows):
        first = int(np.searchsorted(t, begin, "left"))
        last = int(np.searchsorted(t, end, "left"))
        last = last if last < len(t) and t[last] == end else last - 1
        if last < first:
            raise ValueError(f"window {begin} to {end}: got no row in it")
        width = last - first + 1
        inside = (index >= first) & (index <= last)
        worth[inside] = _sigmoid(-(last - index[inside] + 1) / width) / best
        window[inside] = number
        after = index > last
        worth[after] = _sigmoid((index[after] - last) / max(width - 1, 1))
    kept = slice(probation(len(s)), None)
    s = np.where(np.isnan(s[kept]), -np.inf, s[kept])
    return Judged(
        score=s, worth=worth[kept], window=window[kept], windows=len(set(window[kept].tolist()) - {-1})
    )


def _sigmoid(place: Floats) -> Floats:
    """1 at the left, 0 at the right end of a window (place 0), to -1 three widths after it."""
    worth: Floats = np.where(place > 3, -1.0, 2 * special.expit(-5 * place) - 1)
    return worth


def raw(rows: Judged, threshold: float, profile: Profile) -> float:
    """Score of one series at one threshold, before it is put on the scale.

    Examples
    --------
    >>> rows = judged(np.eye(20)[10], np.arange(20), [(10, 13)])
    >>> round(raw(rows, 1.0, PROFILES["standard"]), 3), raw(rows, 2.0, PROFILES["reward_low_FN"])
    (1.0, -2.0)
    """
    return float(_by_threshold(rows, np.array([threshold]), profile)[0])


def _by_threshold(rows: Judged, thresholds: Floats, profile: Profile) -> Floats:
    """Score of one series at each threshold (in descending order)."""
    outside = rows.window < 0
    order = np.argsort(-rows.score[outside], kind="stable")
    ranked = rows.score[outside][order]
    costs = np.concatenate([[0.0], np.cumsum(rows.worth[outside][order])]) * profile.false_alarm
    total: Floats = costs[np.searchsorted(-ranked, -thresholds, "right")]
    for number in np.unique(rows.window[~outside]):
        here = rows.window == number
        # The most valuable alarm of a window is the earliest: its score is the highest up to there.
        order = np.argsort(-rows.score[here], kind="stable")
        ranked = rows.score[here][order]
        best = np.maximum.accumulate(rows.worth[here][order]) * profile.hit
        values = np.concatenate([[-profile.miss], best])
        total = total + values[np.searchsorted(-ranked, -thresholds, "right")]
    return total


def sweep(series: Sequence[Judged], profile: Profile) -> tuple[float, float]:
    """The threshold with the highest score over all series, and that score on the scale to 100.

    Parameters
    ----------
    series : sequence of Judged
    profile : Profile

    Returns
    -------
    tuple of float
        Threshold (infinite: no alarm is best) and score.

    Examples
    --------
    >>> rows = judged(np.eye(20)[10], np.arange(20), [(10, 13)])
    >>> threshold, score = sweep([rows], PROFILES["standard"])
    >>> threshold, round(score, 1)
    (1.0, 100.0)
    """
    found = np.unique(np.concatenate([s.score for s in series]))[::-1]
    thresholds = np.concatenate([[np.inf], found[np.isfinite(found)]])
    total = np.sum([_by_threshold(s, thresholds, profile) for s in series], 0)
    best = int(np.argmax(total))
    return float(thresholds[best]), normalised(float(total[best]), sum(s.windows for s in series), profile)


def normalised(total: float, windows: int, profile: Profile) -> float:
    """Raw score on the scale from 0 (no alarm at all) to 100.

    Examples
    --------
    >>> normalised(-3.0, 3, PROFILES["standard"]), normalised(3.0, 3, PROFILES["reward_low_FN"])
    (0.0, 100.0)
    """
    return 100 * (total + profile.miss * windows) / (windows * (profile.hit + profile.miss))
