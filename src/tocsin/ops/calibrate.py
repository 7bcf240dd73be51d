"""Calibration of a domain on its own history: a threshold for its budget, and what it costs in delay.

A stretch of history on which nothing is judged later, the shadow phase unless others are named, is stepped
through once for each method. From it come the threshold at which the budget is kept, how fast planted
hazards are found at that threshold, and what would have been warned. What is held is the history as it is
known at the end of the stretch; :mod:`tocsin.ops.rehearsal` says what is real in it.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.study import DEPTHS, HEIGHTS, SHAPES, planted
from tocsin.model import DAY, Budget, ConfigError, Domain, Monitor, iso
from tocsin.ops.dependence import BLOCK, Dependent, under_dependence
from tocsin.ops.null_world import WEEK, garwood
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.ops.rehearsal import Heard, Held, Rehearsed, Verdict, by_outcome, listen, moments_of, rehearse

LEARN = timedelta(days=10)
"""Nothing of the first days counts: the detectors have just begun."""

THRESHOLDS = np.round(np.arange(2.0, 8.01, 0.1), 1)
"""Decades of tail that are tried."""

MOMENTS, TOGETHER = 12, 5
"""Hazards of every shape and size are planted at so many moments, in so many series: few at a time, and
nothing remembers them, so that they do not move the calibration of all."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is calibrated, on what.

    Parameters
    ----------
    domain : Domain
        With a budget and at least one raising monitor.
    start, end : datetime
        Stretch of history.
    counted : datetime
        From when alarms count.
    """

    domain: Domain
    start: datetime
    end: datetime
    counted: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """What one method gave.

    Parameters
    ----------
    method : str
        Name.
    settings : dict
        Its parameters.
    threshold : float
        Lowest start, in decades, at which the aim is kept.
    wrong, true, open : int
        Warnings at that threshold in the time that counts.
    weeks : float
        That time.
    low, high : float
        Exact 95 % interval of the wrong ones a week.
    power : list of dict
        One row a shape and size of planted hazard: how many, the share found, the median delay in hours.
    curve : list of (threshold, wrong a week, share found)
        Over all thresholds tried.
    dependent : Dependent or None
        Rates over the same history drawn again in blocks; None where that was not asked for.
    """

    method: str
    settings: dict[str, Any]
    threshold: float
    wrong: int
    true: int
    open: int
    weeks: float
    low: float
    high: float
    power: list[dict[str, Any]]
    curve: list[tuple[float, float, float]]
    dependent: Dependent | None = None

    @property
    def rate(self) -> float:
        """Wrong warnings a week."""
        return self.wrong / self.weeks


def plan_of(office: Office, name: str, *, start: datetime | None, end: datetime | None) -> Plan:
    """What is calibrated: the shadow phase of the first run that watched the domain, unless times are given.

    Raises
    ------
    ConfigError
        When the domain is not watched, has no budget or nothing that raises, or no run tells where its
        history begins.
    """
    domain = next((d for d in office.plan.domains if d.id == name), None)
    if domain is None:
        raise ConfigError("calibrate", "DOMAIN", name, [d.id for d in office.plan.domains])
    if domain.budget is None or not any(m.raises for m in domain.monitors):
        allowed = [d.id for d in office.plan.domains if d.budget is not None]
        raise ConfigError(
            "calibrate", "DOMAIN", name, f"a domain with a budget: {', '.join(allowed) or 'none'}"
        )
    if start is None:
        runs = [run.first for run in moments.runs(office) if name in run.domains]
        if not runs:
            raise ConfigError("calibrate", "--start", None, "a time: no run in this store watched the domain")
        start = min(runs)
    start = start.replace(minute=0, second=0, microsecond=0)
    end = start + domain.budget.shadow if end is None else end
    if end - start < LEARN + WEEK:
        raise ConfigError(
            "calibrate", "--end", iso(end), f"at least {(LEARN + WEEK).days} days after the start"
        )
    return Plan(domain=domain, start=start, end=end, counted=start + LEARN)


def hold(office: Office, plan: Plan, *, until: datetime | None = None) -> Held:
    """The history of what raises, and of what decides, as known at the end (two days on for verdicts)."""
    domain = plan.domain
    wanted = {m.quantity.id: m.quantity for m in domain.monitors if m.raises}
    steps = {q.step for q in wanted.values()}
    if len(steps) != 1 or max(steps) > DAY:
        raise ConfigError("calibrate", "DOMAIN", domain.id, "raising quantities of one period, a day at most")
    names = {*wanted, *(() if domain.outcome is None else (domain.outcome.quantity,))}
    end = (plan.end if until is None else until) + 3 * DAY
    seen = office.store.as_of(end)
    regions = office.plan.watched[domain.id]
    (step,) = steps
    panels = {n: seen.panel(n, regions=regions, start=plan.start, end=end, step=step) for n in sorted(names)}
    return Held(
        at=end,
        begin=plan.start,
        step=step,
        regions=regions,
        values={name: panel.values for name, panel in panels.items()},
    )


def candidates(office: Office, domain: Domain, also: Sequence[str]) -> list[Domain]:
    """The domain as it is, and with the method of its raising monitors replaced by others.

    Another method takes over the settings that it shares by name, such as ``side``.

    Raises
    ------
    ConfigError
        When there is no such method.
    """
    found = [domain]
    for method in also:
        if method not in office.detectors:
            raise ConfigError("calibrate", "--also", method, sorted(office.detectors))
        fields = {f.name for f in dataclasses.fields(office.detectors[method])}

        def other(monitor: Monitor, method: str = method, fields: set[str] = fields) -> Monitor:
            shared = {k: v for k, v in monitor.settings.items() if k in fields}
            if "season" in fields and monitor.quantity.step < DAY:
                shared.setdefault("season", "hour_of_week")
            return replace(monitor, method=method, settings=shared) if monitor.raises else monitor

        found.append(replace(domain, monitors=tuple(other(m) for m in domain.monitors)))
    return found


def calibrate(
    office: Office,
    plan: Plan,
    *,
    also: Sequence[str] = (),
    seed: int = 1,
    courses: int = 0,
    block_days: int = BLOCK,
    progress: Progress = lambda _: None,
) -> list[Row]:
    """Calibrate the method of a domain, and others beside it.

    Parameters
    ----------
    office : Office
        Store and country.
    plan : Plan
        What is calibrated.
    also : sequence of str
        Further methods.
    seed : int
        Of the generators that say where hazards are planted, and which days are drawn again.
    courses : int
        How often the history is drawn again for the rate under dependence of the own method; 0: not.
    block_days : int
        Days that stay together then.
    progress : callable
        Told what is done.

    Returns
    -------
    list of Row
        The domain's own method first.
    """
    held = hold(office, plan)
    rows = []
    for domain in candidates(office, plan.domain, also):
        method = next(m for m in domain.monitors if m.raises)
        progress(f"{method.method}: history")
        rows.append(_row(office, plan, domain, method, held, seed, progress))
    if courses:
        own = rows[0]
        found = under_dependence(
            held,
            plan.domain,
            office.plan.regions,
            office.detectors,
            lambda drawn: _verdict(plan.domain, drawn, office),
            end=plan.end,
            counted=plan.counted,
            threshold=own.threshold,
            lowest=max(float(THRESHOLDS[0]) - plan.domain.criteria.join, 0.3),
            courses=courses,
            block_days=block_days,
            seed=seed,
            progress=lambda words: progress(f"{own.method}: {words}"),
        )
        rows[0] = replace(own, dependent=found)
    return rows


def _row(
    office: Office,
    plan: Plan,
    domain: Domain,
    method: Monitor,
    held: Held,
    seed: int,
    progress: Progress,
) -> Row:
    budget = _budget(domain)
    verdict = _verdict(domain, held, office)
    lowest = float(THRESHOLDS[0]) - domain.criteria.join
    all_moments = moments_of(plan.start, plan.end, held.step, method.mature)
    learning = sum(m <= plan.counted for m in all_moments)
    longest = max(map(len, SHAPES.values()))
    rng = np.random.default_rng(seed)
    begins = np.sort(rng.choice(np.arange(learning, len(all_moments) - longest), MOMENTS, replace=False))
    heard: list[Heard] = []
    states: dict[int, dict[str, NDArray[Any]]] = {}
    state: dict[str, NDArray[Any]] | None = None
    for first, last in itertools.pairwise([0, *begins.tolist(), len(all_moments)]):
        more, state = _listen(held, domain, office, all_moments[first:last], lowest, state)
        heard += more
        states[last] = state
    heard = heard[learning:]
    weeks = (plan.end - plan.counted) / WEEK
    # The verdict on the last warnings comes after the end.
    after = [Heard(at=plan.end + (i + 1) * DAY, detections=(), judged=0) for i in range(4)]
    runs: dict[float, Rehearsed] = {}
    for threshold in THRESHOLDS[::-1].tolist():
        runs[threshold] = rehearse(
            [*heard, *after], domain, office.plan.regions, _fixed(budget, threshold), verdict
        )
        if runs[threshold].wrong > 3 * budget.aim * weeks + 3:
            break
    rates = {s: run.wrong / weeks for s, run in sorted(runs.items())}
    chosen = lowest_that_keeps(rates, budget.aim)
    progress(f"{method.method}: planted hazards")
    delays = _plant(office, domain, method, held, states, all_moments, lowest, rng)
    run = runs[chosen]
    low, high = garwood(run.wrong, weeks)
    return Row(
        method=method.method,
        settings=dict(method.settings),
        threshold=chosen,
        wrong=run.wrong,
        true=sum(v == "TRUE" for v in run.verdicts.values()),
        open=len(run.chains) - len(run.verdicts),
        weeks=weeks,
        low=low,
        high=high,
        power=[_power(shape, size, found, chosen, held.step) for (shape, size), found in delays.items()],
        curve=[(s, rate, _share(delays, s)) for s, rate in rates.items()],
    )


def lowest_that_keeps(rates: dict[float, float], aim: float) -> float:
    """The lowest threshold from which on the rate never exceeds the aim.

    Examples
    --------
    >>> lowest_that_keeps({3.0: 2.0, 3.1: 0.7, 3.2: 0.9, 3.3: 0.5}, 0.8)
    3.3
    """
    kept = max(rates)
    for threshold in sorted(rates, reverse=True):
        if rates[threshold] > aim:
            break
        kept = threshold
    return kept


def _listen(
    held: Held,
    domain: Domain,
    office: Office,
    times: Sequence[datetime],
    lowest: float,
    state: dict[str, NDArray[Any]] | None,
) -> tuple[list[Heard], dict[str, NDArray[Any]]]:
    return listen(
        held, domain, office.plan.regions, office.detectors, times, lowest=max(lowest, 0.3), carried=state
    )


def _budget(domain: Domain) -> Budget:
    if domain.budget is None:
        raise ConfigError("calibrate", "DOMAIN", domain.id, "a domain with a budget")
    return domain.budget


def _fixed(budget: Budget, threshold: float) -> Budget:
    return replace(budget, gain=0.0, start=threshold, shadow=timedelta(0))


def _verdict(domain: Domain, held: Held, office: Office) -> Verdict:
    """By the outcome rule; where none is, every warning of a time without known events counts as wrong."""
    if domain.outcome is None:
        return lambda _chain, _at: "FALSE"
    return by_outcome(held, domain, domain.outcome, office.plan.regions)


Delays = dict[tuple[str, float], list[dict[float, float]]]
"""For each shape and size, one row a planted hazard: periods to the first alarm, by threshold."""


def _plant(
    office: Office,
    domain: Domain,
    method: Monitor,
    held: Held,
    states: dict[int, dict[str, NDArray[Any]]],
    times: Sequence[datetime],
    lowest: float,
    rng: np.random.Generator,
) -> Delays:
    """Plant hazards in the series themselves, at some moments, and see when they are found."""
    quantity = method.quantity.id
    clean = held.values[quantity]
    side = "high" if method.settings.get("side", method.quantity.bad.value) == "high" else "low"
    deviation = np.nanstd(clean, 0)
    delays: Delays = {}
    for row, state in states.items():
        typical = state.get(f"{quantity}/memory/typical", np.zeros(len(held.regions)))
        # A hazard is planted where there is something to strike: in a busy hour.
        usable = np.flatnonzero(
            (typical >= domain.criteria.least_daily) & (clean[row] >= np.nanmean(clean, 0))
        )
        for shape, size in itertools.product(SHAPES, DEPTHS if side == "low" else HEIGHTS):
            columns = rng.permutation(usable)[:TOGETHER].tolist() if row < len(times) else []
            values = clean.copy()
            span = slice(row, row + len(SHAPES[shape]))
            for column in columns:
                values[span, column] = planted(
                    clean[span, column], shape, size, side, float(deviation[column])
                )
            if columns:
                struck = replace(held, values={**held.values, quantity: values})
                heard, _ = _listen(struck, domain, office, times[span], lowest, state)
                found = [_waits(heard, held.regions[column]) for column in columns]
                delays.setdefault((shape, size), []).extend(found)
    if not delays:
        raise ConfigError(
            "calibrate", "DOMAIN", domain.id, "series that may raise a warning; none is in reach"
        )
    return delays


def _waits(heard: Sequence[Heard], region: str) -> dict[float, float]:
    """Periods from the start of a planted hazard to the first alarm at each threshold, while it lasts."""
    waits: dict[float, float] = {}
    for wait, moment in enumerate(heard, start=1):
        for d in moment.detections:
            if d.region == region:
                reached = -math.log10(max(d.tail, 1e-300))
                for threshold in THRESHOLDS[reached >= THRESHOLDS].tolist():
                    waits.setdefault(threshold, float(wait))
    return waits


def _power(
    shape: str, size: float, found: list[dict[float, float]], threshold: float, step: timedelta
) -> dict[str, Any]:
    waits = [row[threshold] for row in found if threshold in row]
    return {
        "shape": shape,
        "size": size,
        "planted": len(found),
        "found": len(waits) / len(found),
        "delay_h": float(np.median(waits) * (step / timedelta(hours=1))) if waits else None,
    }


def _share(delays: Delays, threshold: float) -> float:
    rows = [threshold in row for found in delays.values() for row in found]
    return float(np.mean(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would have been warned in a stretch of history, with the controller at work.

    Parameters
    ----------
    name : str
        ``before`` or ``after``.
    start : float
        First threshold.
    warnings : list of dict
        ``issued``, ``names``, ``verdict``.
    """

    name: str
    start: float
    warnings: list[dict[str, Any]]


def preview(
    office: Office, plan: Plan, threshold: float, *, start: datetime, end: datetime
) -> tuple[Preview, Preview]:
    """What would have been warned before and after a change of the start threshold.

    Parameters
    ----------
    office : Office
        Store and country.
    plan : Plan
        What was calibrated.
    threshold : float
        The new start.
    start, end : datetime
        Stretch that is shown; the detectors learn from the start of the calibration on.
    """
    domain, budget = plan.domain, _budget(plan.domain)
    held = hold(office, plan, until=end)
    method = next(m for m in domain.monitors if m.raises)
    lowest = min(budget.start, threshold) - 1.0 - domain.criteria.join
    times = moments_of(plan.start, end, held.step, method.mature)
    heard, _ = _listen(held, domain, office, times, lowest, None)
    after = [Heard(at=end + (i + 1) * DAY, detections=(), judged=0) for i in range(4)]

    verdict = _verdict(domain, held, office)

    def told(name: str, first: float) -> Preview:
        run = rehearse(
            [*heard, *after],
            domain,
            office.plan.regions,
            replace(budget, start=first),
            verdict,
        )
        return Preview(
            name=name,
            start=first,
            warnings=[
                {
                    "issued": iso(chain.first.created_at),
                    "names": [m.name for m in chain.newest.members],
                    "verdict": run.verdicts.get(chain.chain, "OPEN"),
                }
                for chain in run.chains
                if start <= chain.first.created_at < end
            ],
        )

    return told("before", budget.start), told("after", threshold)


def reason_of(plan: Plan, row: Row) -> str:
    """Why a threshold was chosen, in a sentence that stands alone."""
    return (
        f"{row.method}: lowest start at which {plan.domain.id} kept its aim of {_budget(plan.domain).aim:g} "
        f"wrong warnings a week on {plan.counted:%Y-%m-%d} to {plan.end:%Y-%m-%d}: "
        f"{row.wrong} in {row.weeks:.1f} weeks, "
        f"95 % interval {row.low:.2f} to {row.high:.2f} a week."
    )


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Draw for each method the share of planted hazards found against wrong warnings a week.

    Raises
    ------
    ConfigError
        Without matplotlib, or when the name ends in neither ``.svg`` nor ``.png``.
    """
    if path.suffix not in (".svg", ".png"):
        raise ConfigError("calibrate", "--figure", str(path), "a name that ends in .svg or .png")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("calibrate", "--figure", str(path), "matplotlib: install tocsin[docs]") from error
    style: Any = {"font.size": 9, "svg.hashsalt": "tocsin", "svg.fonttype": "path"}
    with mpl.rc_context(style):
        figure = Figure(figsize=(7.6, 3.2), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2)
        for row in rows:
            curve = np.array(row.curve)
            left.plot(curve[:, 1], curve[:, 2], marker=".", linewidth=1, label=row.method)
            sizes = sorted({p["size"] for p in row.power})
            found = [np.mean([p["found"] for p in row.power if p["size"] == s]) for s in sizes]
            right.plot(sizes, found, marker="o", markersize=3, linewidth=1, label=row.method)
        left.set(xlabel="wrong warnings a week", ylabel="share of planted hazards found", ylim=(0, 1))
        right.set(xlabel="size of the planted hazard", ylim=(0, 1))
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        left.legend(frameon=False)
        metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)
