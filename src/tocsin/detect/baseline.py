"""Which of a series' past periods say what is normal for the period at hand: the same weeks of earlier years.

Periods are counted back from the one judged: the last one is 1. What is kept of the past lies in a ring
(:mod:`tocsin.detect.ring`), with the days and, where asked for, the populations of its rows.
"""

from __future__ import annotations

import functools
import itertools
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import ring
from tocsin.detect.contract import Floats, Now, State
from tocsin.model import ConfigError

COMPATIBLE = "surveillance-1.20"
"""What ``compatible`` may say, besides nothing: the reference in R whose faults are then reproduced."""

DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()


def reach(*, freq: int, b: int, w: int, dates: bool) -> int:
    """Number of past periods that ``b`` years with half a window of ``w`` need.

    Examples
    --------
    >>> reach(freq=52, b=5, w=3, dates=False), reach(freq=52, b=5, w=3, dates=True)
    (263, 265)
    """
    years = -(-b * freq * 36625 // (100 * (364 if freq == 52 else 365))) if dates else b * freq
    return years + w


def start(length: int, n: int, *, population: bool = False) -> State:
    """State of ``n`` series whose last ``length`` values, days and (if asked for) populations are kept."""
    state = ring.start(length, n)
    state["days"] = np.full(length, np.iinfo(np.int64).min)
    if population:
        state["population"] = np.full((length, n), np.nan)
    return state


def push(state: State, values: Floats, now: Now) -> None:
    """Keep the period that was judged; a negative value is kept as unknown."""
    at = int(state["seen"][0]) % len(state["ring"])
    state["days"][at] = now.time // DAY_US
    if "population" in state:
        state["population"][at] = now.of("population")
    ring.push(state, counts(values))


def rows(state: State, back: NDArray[np.int64], name: str = "ring") -> Floats:
    """Past values (or, by name, populations), shape (k, n); NaN before the first one."""
    return ring.rows({"ring": state[name], "seen": state["seen"]}, -back)


def few(state: State, count: Floats, limit54: tuple[int, int], *, strict: bool = False) -> NDArray[np.bool_]:
    """Series with fewer than ``limit54[0]`` cases in the last ``limit54[1]`` periods, this one included.

    An unknown period counts as none; if ``strict`` it makes all of them too few, as in R.
    """
    cases, periods = limit54
    late = np.vstack([rows(state, np.arange(1, periods)), count])
    total = late.sum(0) if strict else np.where(np.isnan(late), 0.0, late).sum(0)
    with np.errstate(invalid="ignore"):
        return ~np.asarray(total >= cases)


def days(state: State, back: NDArray[np.int64]) -> NDArray[np.int64]:
    """Day since 1970 of past periods, shape (k,)."""
    found: NDArray[np.int64] = state["days"][(int(state["seen"][0]) - back) % len(state["days"])]
    return found


def references(state: State, now: Now, *, freq: int, b: int, dates: bool) -> tuple[int, ...] | None:
    """How far back the reference period of each of the last ``b`` years lies; None while one is missing.

    With ``dates``: the same day of the calendar, for weeks (``freq`` 52) moved to the nearest day of the
    same weekday; so a year of 53 weeks does no harm. Else ``freq`` periods a year.
    """
    if not dates:
        return tuple(freq * i for i in range(1, b + 1))
    today = now.time // DAY_US
    kept = min(int(state["seen"][0]), len(state["ring"]))
    known = days(state, np.arange(1, kept + 1))
    found = []
    for i in range(1, b + 1):
        day = _same_day(today, i)
        if freq == 52:
            day += (today - day + 3) % 7 - 3
        place = np.flatnonzero(known == day)
        if not len(place):
            return None
        found.append(int(place[0]) + 1)
    return tuple(found)


def _same_day(day: int, years: int) -> int:
    """The same day of the calendar in an earlier year; for 29 February, 1 March where there is none."""
    this = date.fromordinal(day + _EPOCH)
    try:
        return this.replace(year=this.year - years).toordinal() - _EPOCH
    except ValueError:
        return date(this.year - years, 3, 1).toordinal() - _EPOCH


@functools.lru_cache(maxsize=4096)
def windows(
    references: tuple[int, ...], w: int, no_periods: int, left_out: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the baseline, oldest first, and the level of the season of each.

    Parameters
    ----------
    references : tuple of int
        Periods back of each year's reference, newest first.
    w : int
        Half a window. A window has the level of the period judged, ``no_periods`` - 1, and so have the
        periods since ``w`` back.
    no_periods : int
        Number of levels. Periods between two windows are cut into ``no_periods`` - 1 blocks of nearly equal
        length, the longer ones first; with one level they are not used.
    left_out : int
        The last periods that do not teach.

    Returns
    -------
    back, level : ndarray of int64, shape (k,)
        Levels from 0.

    Examples
    --------
    >>> back, level = windows((12,), 1, 3, 2)
    >>> back.tolist(), level.tolist()
    ([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3], [2, 2, 2, 0, 0, 0, 0, 0, 1, 1, 1])
    """
    pieces: list[tuple[range, int]] = []
    ends = [*sorted(references, reverse=True), 0]
    for this, following in itertools.pairwise(ends):
        pieces.append((range(this + w, this - w - 1, -1), no_periods - 1))
        between = range(this - w - 1, following + w, -1)
        if no_periods == 1 or not between:
            continue
        length, longer = divmod(len(between), no_periods - 1)
        begin = 0
        for block in range(no_periods - 1):
            end = begin + length + (block < longer)
            pieces.append((between[begin:end], block))
            begin = end
    pieces.append((range(w, 0, -1), no_periods - 1))
    level = {k: piece for places, piece in pieces for k in places if k > left_out}
    back = np.array(sorted(level, reverse=True), np.int64)
    return back, np.array([level[k] for k in back.tolist()], np.int64)


def recent(*, freq: int, b: int, w: int, own: bool) -> NDArray[np.int64]:
    """Periods back of windows in the ``b`` last years and, if ``own``, of the ``w`` periods just before.

    Examples
    --------
    >>> recent(freq=52, b=1, w=1, own=True).tolist()
    [53, 52, 51, 1]
    """
    found = [i * freq - k for i in range(b, 0, -1) for k in range(-w, w + 1)]
    return np.array(found + (list(range(w, 0, -1)) if own else []), np.int64)


def counts(values: Floats) -> Floats:
    """Values as counts: a negative one is unknown.

    Examples
    --------
    >>> counts(np.array([2.0, -1.0])).tolist()
    [2.0, nan]
    """
    with np.errstate(invalid="ignore"):
        return np.where(values >= 0, values, np.nan)


def complete(state: State, back: NDArray[np.int64]) -> Floats:
    """Past values as :func:`rows` gives them; all unknown while one of the periods is before the first."""
    found = rows(state, back)
    return found if int(state["seen"][0]) >= back.max(initial=0) else np.full_like(found, np.nan)


def moments(past: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation (n - 1) and number of the known values of each column.

    Examples
    --------
    >>> mean, deviation, n = moments(np.array([[1.0, 4.0], [3.0, np.nan]]))
    >>> mean.tolist(), deviation.round(3).tolist(), n.tolist()
    ([2.0, 4.0], [1.414, nan], [2.0, 1.0])
    """
    known = np.isfinite(past)
    n = known.sum(0).astype(float)
    with np.errstate(all="ignore"):
        mean = np.where(known, past, 0.0).sum(0) / n
        squares = np.where(known, past - mean, 0.0) ** 2
        return mean, np.sqrt(squares.sum(0) / np.where(n > 1, n - 1, np.nan)), n


def check_recent(method: str, freq: int, b: int, w: int, own: bool) -> None:
    """Refuse settings of :func:`recent` that leave no baseline.

    Raises
    ------
    ConfigError
        Naming method and setting.
    """
    whole(method, "freq", freq, 1)
    whole(method, "b", b, 0 if own else 1)
    whole(method, "w", w, 1 if b == 0 else 0)
    if b > 0 and 2 * w >= freq:
        raise ConfigError(method, "w", w, f"less than half a year of {freq} periods")


def whole(method: str, name: str, got: object, least: int) -> None:
    """Refuse a setting that is not a whole number of at least ``least``.

    Raises
    ------
    ConfigError
        Naming method and setting.
    """
    if not isinstance(got, int) or isinstance(got, bool) or got < least:
        raise ConfigError(method, name, got, f"a whole number, at least {least}")


def share(method: str, name: str, got: object) -> None:
    """Refuse a setting that is not between 0 and 1, both excluded.

    Raises
    ------
    ConfigError
        Naming method and setting.
    """
    if not isinstance(got, int | float) or not 0 < got < 1:
        raise ConfigError(method, name, got, "a number between 0 and 1, both excluded")
