"""Detection of one domain at one moment: step every detector, hold the budget, name what stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import budget, drift
from tocsin.detect import late as lateness
from tocsin.detect.contract import Detector, Floats, Now, State, Step, prefixed
from tocsin.detect.given import of_regions
from tocsin.detect.season import season_index
from tocsin.model import DAY, Detection, Domain, Monitor, Panel, Region, from_us, to_us
from tocsin.model.periods import ended, is_month

LEARN_MONTHS = timedelta(days=3 * 366)
LEARN_WEEKS = timedelta(days=7 * 366)
"""Past through which a detector of months, or of weeks, is led before its first cycle, as it is known then:
five years are the baseline of the usual methods for weeks, two more teach their tails."""

CATCH_UP = timedelta(days=14)
"""Periods of up to a day that are older than this are not stepped through after a pause: the state goes on
with a gap."""


STANDING = ("tail", "expected", "lower", "upper", "window", "total", "total_expected")
"""What is kept of the last finding while nothing new is due."""


class Seen(Protocol):
    """The part of a snapshot that detection reads."""

    @property
    def at(self) -> datetime: ...

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One monitor at one cycle: its newest period, one entry a series.

    Parameters
    ----------
    quantity : str
        Id.
    regions : tuple of str
        One entry each in the arrays.
    valid_time : datetime or None
        Start of the period judged; None when none was due yet.
    values : ndarray of float64, shape (n,)
        As known at the moment of the cycle; NaN where nothing is known.
    read : ndarray of float64, shape (n,) or (n_periods, n)
        All values that were read: more than one period after a pause.
    step : Step or None
        What the detector said of that period, at this cycle or an earlier one.
    """

    quantity: str
    regions: tuple[str, ...]
    valid_time: datetime | None
    values: Floats
    read: Floats
    step: Step | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What detection found in one domain.

    Parameters
    ----------
    domain : str
        Id.
    rows : tuple of Row
        One a monitor.
    detections : tuple of Detection
        Findings at or beyond the watch.
    unknown : frozenset of str
        Regions of which a raising quantity (of a domain that raises nothing: any quantity) is not known for
        the newest period.
    threshold : float
        Of the budget, decades; NaN for a domain without one.
    carried : dict of ndarray
        State for the next cycle.
    """

    domain: str
    rows: tuple[Row, ...]
    detections: tuple[Detection, ...]
    unknown: frozenset[str]
    threshold: float
    carried: State


def run(
    seen: Seen,
    domain: Domain,
    watched: Sequence[str],
    regions: Mapping[str, Region],
    detectors: Mapping[str, type[Any]],
    carried: Mapping[str, NDArray[Any]],
    verdicts: int,
) -> Found:
    """Judge what became due in one domain since the last cycle.

    Parameters
    ----------
    seen : Seen
        The snapshot.
    domain : Domain
        Monitors, budget and criteria.
    watched : sequence of str
        Ids of its regions, in the order of the carried state.
    regions : mapping
        Regions by id, for their zones.
    detectors : mapping
        Detector classes by name.
    carried : mapping of ndarray
        State of this domain left by the last cycle; empty at the first.
    verdicts : int
        Verdicts other than TRUE that came in since the last cycle.

    Returns
    -------
    Found
    """
    threshold, state = _threshold(seen.at, domain, carried, verdicts)
    rows: list[Row] = []
    detections: list[Detection] = []
    unknown: set[str] = set()
    places = [regions[r] for r in watched]
    raising = any(monitor.raises for monitor in domain.monitors)
    heard, charged = 0, 0.0
    for monitor in domain.monitors:
        prefix = monitor.quantity.id
        mine = prefixed(carried, prefix)
        row, kept, found = _monitor(seen, monitor, domain, tuple(watched), places, detectors, mine, threshold)
        if monitor.raises and row.step is not None:
            heard += int(np.isfinite(row.values).sum())
            if not np.array_equal(kept["last"], mine.get("last", [])):
                known = int(np.isfinite(row.step.tail).sum())
                charged += budget.expected(known, threshold, drift.excess(kept["drift"]))
        rows.append(row)
        detections += found
        state.update({f"{prefix}/{name}": array for name, array in kept.items()})
        if monitor.raises or not raising:
            # A value that no method has judged yet is as little calm as a value that is not there.
            judged = np.isfinite(row.values) & (row.step is not None and np.isfinite(row.step.tail))
            unknown |= {r for r, known in zip(row.regions, judged, strict=True) if not known}
    if domain.budget is not None:
        ever = heard > 0 or ("heard" in carried and bool(carried["heard"][1]))
        state |= {"heard": np.array([heard, ever]), "charged": np.array([charged])}
    return Found(
        domain=domain.id,
        rows=tuple(rows),
        detections=tuple(detections),
        unknown=frozenset(unknown),
        threshold=threshold,
        carried=state,
    )


def _threshold(
    at: datetime, domain: Domain, carried: Mapping[str, NDArray[Any]], verdicts: int
) -> tuple[float, State]:
    if domain.budget is None:
        return float("nan"), {}
    if "threshold" not in carried:
        threshold, first = domain.budget.start, to_us(at)
    else:
        first = int(carried["first"][0])
        elapsed = at - from_us(int(carried["at"][0]))
        if "heard" in carried and not carried["heard"][0] and carried["heard"][1]:
            elapsed = timedelta(0)  # nothing comes any more: silence is no success
        # Where no outcome is observed no verdict ever comes: the expected number is charged in its place.
        wrong = verdicts if domain.outcome is not None else float(carried.get("charged", np.zeros(1))[0])
        threshold = float(carried["threshold"][0])
        if at - from_us(first) > domain.budget.shadow:
            threshold = budget.next_threshold(threshold, domain.budget, elapsed, wrong)
    return threshold, {
        "threshold": np.array([threshold]),
        "first": np.array([first]),
        "at": np.array([to_us(at)]),
    }


def _monitor(
    seen: Seen,
    monitor: Monitor,
    domain: Domain,
    watched: tuple[str, ...],
    places: list[Region],
    detectors: Mapping[str, type[Any]],
    carried: State,
    threshold: float,
) -> tuple[Row, State, list[Detection]]:
    detector: Detector = detectors[monitor.method](**monitor.settings)
    period = monitor.quantity.step
    grid = min(period, DAY)  # weeks and months are read on a grid of days
    due = _due(seen.at, monitor, carried)
    state = _own(carried) or detector.start(len(watched))
    late = _late(carried, monitor, len(watched))
    drifted = carried["drift"] if "drift" in carried else drift.start()
    memory = _Memory.of(carried, len(watched), domain.criteria.severe_hours, period)
    newest = np.full(len(watched), np.nan)
    read: Floats | None = None
    valid: datetime | None = None
    step: Step | None = None
    if due:
        back = monitor.nowcast.longest * grid if monitor.nowcast else timedelta(0)
        begin = min(due[0], due[-1] - back)
        panel = seen.panel(monitor.quantity.id, regions=watched, start=begin, end=due[-1] + grid, step=grid)
        index = {int(t): i for i, t in enumerate(panel.times)}
        read = panel.values
        times = np.array([to_us(t) for t in due], np.int64)
        seasons = season_index(getattr(detector, "SEASON", "none"), times, [r.timezone for r in places])
        given = of_regions(getattr(detector, "GIVEN", ()), places)
        for row, time in enumerate(times):
            newest = panel.values[index[int(time)]]
            now = Now(time=int(time), season=seasons[row], given=given)
            if monitor.nowcast is None:
                state, step = detector.step(state, newest, now)
            else:
                mean, sd = lateness.estimate(late, newest, len(times) - 1 - row, monitor.nowcast)
                state, step = lateness.judge(detector, state, newest, mean, sd, now)
            memory.add(step.total if monitor.nowcast else newest, step.expected)
            drifted = drift.learn(drifted, step.tail, int(time))
        if monitor.nowcast is not None:
            newest_first = read[::-1][: monitor.nowcast.longest + 1]
            step_by_step = "last" in carried and len(due) == 1
            late = lateness.learn(late, newest_first, monitor.nowcast.memory, next_period=step_by_step)
        valid = due[-1]
    elif "last" in carried:  # nothing new is due: the last finding stands
        valid = from_us(int(carried["last"][0]))
        newest = memory.values[-1] if monitor.nowcast is None else late["seen"][0]
        step = _standing(prefixed(carried, "step"))
    found = (
        []
        if step is None or valid is None
        else _findings(seen.at, monitor, domain, watched, valid, step, memory, threshold)
    )
    kept = {f"state/{name}": array for name, array in state.items()} | memory.kept()
    kept |= {f"late/{name}": array for name, array in late.items()} | {"drift": drifted}
    if valid is not None and step is not None:
        kept["last"] = np.array([to_us(valid)])
        kept |= {f"step/{name}": getattr(step, name) for name in STANDING}
    row_out = Row(
        quantity=monitor.quantity.id,
        regions=watched,
        valid_time=valid,
        values=newest,
        read=newest if read is None else read,
        step=step,
    )
    return row_out, kept, found


def _standing(kept: State) -> Step:
    columns: dict[str, Any] = {name: kept[name] for name in STANDING}
    return Step(**columns)


def _own(carried: State) -> State:
    # A detector may change its state in place; what the cycle before left must stay as it was.
    return {name: array.copy() for name, array in prefixed(carried, "state").items()}


def _late(carried: State, monitor: Monitor, n: int) -> State:
    if monitor.nowcast is None:
        return {}
    return prefixed(carried, "late") or lateness.start(monitor.nowcast.longest, n)


def _due(at: datetime, monitor: Monitor, carried: State) -> list[datetime]:
    """Starts of the periods that have ended and matured since the last cycle, oldest first."""
    period = monitor.quantity.step
    edge = at - monitor.mature
    if period > DAY:
        # A detector of weeks or months cannot wait for years of cycles: it first steps through the past.
        learn = LEARN_MONTHS if is_month(period) else LEARN_WEEKS
        after = from_us(int(carried["last"][0])) if "last" in carried else edge - learn
        return ended(monitor.quantity, after=after, edge=edge)
    us = int(period / timedelta(microseconds=1))
    newest = (to_us(edge) // us - 1) * us
    if "last" not in carried:
        return [from_us(newest)]
    first = max(int(carried["last"][0]) + us, (to_us(at - CATCH_UP) // us) * us)
    return [from_us(t) for t in range(first, newest + 1, us)]


@dataclass(slots=True, eq=False)
class _Memory:
    """The last hours of values and expectations, and the typical daily total, of each series."""

    values: Floats
    expected: Floats
    typical: Floats
    per_day: float

    @staticmethod
    def of(carried: State, n: int, hours: int, period: timedelta) -> _Memory:
        length = max(1, round(timedelta(hours=hours) / period)) if period <= DAY else 1
        per_day = DAY / period
        if "memory/values" in carried:
            return _Memory(
                carried["memory/values"], carried["memory/expected"], carried["memory/typical"], per_day
            )
        return _Memory(np.full((length, n), np.nan), np.full((length, n), np.nan), np.zeros(n), per_day)

    def add(self, values: Floats, expected: Floats) -> None:
        self.values = np.concatenate([self.values[1:], values[None, :]])
        self.expected = np.concatenate([self.expected[1:], expected[None, :]])
        # A mean over about a week of expectations, as a daily total.
        gain = min(1.0, 1 / (7 * self.per_day))
        daily = expected * self.per_day
        fresh = np.where(self.typical == 0, daily, self.typical + gain * (daily - self.typical))
        self.typical = np.where(np.isnan(daily), self.typical, fresh)

    def kept(self) -> State:
        return {
            "memory/values": self.values,
            "memory/expected": self.expected,
            "memory/typical": self.typical,
        }


def _findings(
    at: datetime,
    monitor: Monitor,
    domain: Domain,
    watched: tuple[str, ...],
    valid: datetime,
    step: Step,
    memory: _Memory,
    threshold: float,
) -> list[Detection]:
    criteria = domain.criteria
    period = monitor.quantity.step
    with np.errstate(invalid="ignore"):
        raises = monitor.raises & (memory.typical >= criteria.least_daily)
        alarm = raises & (step.tail <= 10.0**-threshold)
        joins = raises & (step.tail <= 10.0 ** -(threshold - criteria.join))
        long_total, long_expected = memory.values.sum(0), memory.expected.sum(0)
        severe = raises & (long_total < criteria.severe_share * long_expected)
        shown = np.flatnonzero((step.tail <= monitor.watch_tail) | alarm | joins)
    return [
        Detection(
            quantity=monitor.quantity.id,
            region=watched[i],
            method=monitor.method,
            valid_time=valid if is_month(period) else valid - (int(step.window[i]) - 1) * period,
            ends=valid + period,
            known_at=at,
            value=float(step.total[i]),
            expected=float(step.total_expected[i]),
            tail=float(step.tail[i]),
            threshold=threshold,
            window_h=max(1, round(int(step.window[i]) * period / timedelta(hours=1))),
            alarm=bool(alarm[i]),
            joins=bool(joins[i]),
            severe=bool(severe[i] and (alarm[i] or joins[i])),
        )
        for i in shown.tolist()
    ]
