"""Does the budget hold when series go up and down together? A check by block bootstrap of the history itself.

What one calibrates on is one short course of events. Here it is drawn again: blocks of whole days of the
whole country, so that neighbours which stop together still stop together and an evening still follows its
afternoon, laid end to end on the calendar (a Monday on a Monday). Each course so drawn goes through
detection, grouping and verdicts as the real one did. The rate of wrong warnings is measured twice: at the
threshold that was calibrated, standing still, and with the controller at work, which goes on from course to
course.

What it cannot do: a few weeks drawn again hold no storm that was not in them.

References
----------
Künsch (1989), Annals of Statistics 17:1217, doi:10.1214/aos/1176347265 (moving blocks);
McCullagh, Nelder (1989), Generalized Linear Models, ISBN 978-0-412-31760-6 (dispersion of counts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model import DAY, Budget, ConfigError, Domain, Region
from tocsin.ops.null_world import WEEK, garwood
from tocsin.ops.rehearsal import Heard, Held, Verdict, listen, moments_of, rehearse

BLOCK = 3
"""Days of a block: longer than most that happens, so that it is cut seldom."""

COURSES = 8
"""Courses that are drawn."""

TOLERANCE = 0.2
"""Share by which the rate may be above the budget."""

_VERDICTS = 4
"""Days after the end in which the last verdicts come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Wrong warnings over all courses.

    Parameters
    ----------
    wrong : int
        How many.
    weeks : float
        Time in which they were.
    dispersion : float
        Variance of the counts of the courses over their mean, 1 at least; above 1 they come in clusters.
    low, high : float
        95 % interval of the rate a week: of the Poisson distribution, count and time divided by dispersion.
    """

    wrong: int
    weeks: float
    dispersion: float
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Wrong warnings a week."""
        return self.wrong / self.weeks


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """Rates where the dependence between neighbours is kept.

    Parameters
    ----------
    block_days, courses : int
        What was drawn.
    per_week : float
        Budget.
    still, steered : Rate
        With the threshold that was calibrated, and with the controller at work.
    start, lowest, highest : float
        Threshold in decades at first, and where the controller took it.
    """

    block_days: int
    courses: int
    per_week: float
    still: Rate
    steered: Rate
    start: float
    lowest: float
    highest: float

    @property
    def holds(self) -> bool:
        """Whether the rate with the controller is at most :data:`TOLERANCE` above the budget."""
        return self.steered.rate <= self.per_week * (1 + TOLERANCE)


def calendar_blocks(
    rng: np.random.Generator, targets: NDArray[np.int64], n_days: int, length: int
) -> NDArray[np.int64]:
    """Days of a history, drawn in blocks, each day for one of the same weekday.

    Parameters
    ----------
    rng : Generator
        Source of the starts.
    targets : ndarray of int64, shape (m,)
        Days to be filled, one after the other, counted from the first of the history.
    n_days : int
        Days of the history.
    length : int
        Days of a block.

    Returns
    -------
    ndarray of int64, shape (m,)
        Days of the history; the last block is cut to fit.

    Raises
    ------
    ConfigError
        When the history is too short to hold a block from every weekday on.

    Examples
    --------
    >>> drawn = calendar_blocks(np.random.default_rng(1), np.arange(10, 31), 31, 3)
    >>> ((drawn - np.arange(10, 31)) % 7 == 0).all().item(), len(set(drawn[:3] - np.arange(3)))
    (True, 1)
    """
    if not 1 <= length <= n_days - 6:
        raise ConfigError("calibrate", "--block-days", length, f"1 to {n_days - 6} of {n_days} days")
    drawn = np.empty(len(targets), np.int64)
    for first in range(0, len(targets), length):
        starts = np.arange(targets[first] % 7, n_days - length + 1, 7)
        block = rng.choice(starts) + np.arange(length)
        drawn[first : first + length] = block[: len(targets) - first]
    return drawn


def under_dependence(
    held: Held,
    domain: Domain,
    places: Mapping[str, Region],
    detectors: Mapping[str, type[Any]],
    verdict_of: Callable[[Held], Verdict],
    *,
    end: datetime,
    counted: datetime,
    threshold: float,
    lowest: float,
    courses: int = COURSES,
    block_days: int = BLOCK,
    seed: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> Dependent:
    """Measure the rate of wrong warnings over a history that is drawn again in blocks.

    Parameters
    ----------
    held : Held
        The history. Days are cut at the hour of its first row, best a quiet one; what comes after ``end`` is
        not drawn from.
    domain : Domain
        With a budget and at least one raising monitor, all of one age at which they are judged.
    places : mapping of str to Region
        Regions by id.
    detectors : mapping of str to type
        Classes by name.
    verdict_of : callable
        Gives the verdicts for a history.
    end, counted : datetime
        Where the history ends, and from when it is drawn again and alarms count; until then it is as it was,
        and the detectors learn.
    threshold : float
        In decades, as calibrated.
    lowest : float
        Threshold from which findings are kept; the controller takes it no lower.
    courses : int
        How many courses are drawn, at least 2.
    block_days : int
        Days of a block.
    seed : int
        Of the generator.
    progress : callable
        Told what is done.

    Returns
    -------
    Dependent

    Raises
    ------
    ConfigError
        Without a budget, with fewer than two courses, or when the history is too short for a block.
    """
    budget = domain.budget
    if budget is None:
        raise ConfigError("calibrate", "DOMAIN", domain.id, "a domain with a budget")
    if courses < 2:
        raise ConfigError("calibrate", "--courses", courses, "2 at least")
    steps = DAY // held.step
    n_days, learn = (end - held.begin) // DAY, -(-(counted - held.begin) // DAY)
    mature = next(m.mature for m in domain.monitors if m.raises)
    times = moments_of(held.begin, end, held.step, mature)
    keep = learn * steps
    floor = lowest + domain.criteria.join
    _, state = listen(held, domain, places, detectors, times[:keep], lowest=lowest)
    rng = np.random.default_rng(seed)
    after = [Heard(at=end + (i + 1) * DAY, detections=(), judged=0) for i in range(_VERDICTS)]
    still = replace(budget, gain=0.0, start=threshold, shadow=timedelta(0))
    # The floor of the controller lies a decade below its start: where it is lower than what was kept, the
    # budget is given the start that belongs to what was.
    steered = replace(budget, start=max(threshold, floor + 1.0), shadow=timedelta(0))
    now, track = threshold, [threshold]
    counts: dict[str, list[int]] = {"still": [], "steered": []}
    for course in range(courses):
        progress(f"drawn again: {course + 1} of {courses}")
        days = calendar_blocks(rng, np.arange(learn, n_days + _VERDICTS), n_days, block_days)
        drawn = _drawn(held, days, learn, steps)
        heard, _ = listen(drawn, domain, places, detectors, times[keep:], lowest=lowest, carried=state)
        verdict = verdict_of(drawn)
        counts["still"].append(rehearse([*heard, *after], domain, places, still, verdict).wrong)
        run = rehearse([*heard, *after], domain, places, steered, verdict, first=now)
        counts["steered"].append(run.wrong)
        # The next course begins where this one ended. Verdicts of its last days count as if they were in.
        within = run.thresholds[: len(heard)]
        late = run.wrong - _counted(run.thresholds[0], within[-1], budget, times[keep], times[-1])
        now = float(max(within[-1] + budget.gain * max(late, 0.0), steered.start - 1.0))
        track += within.tolist()
    weeks = (n_days - learn) * DAY / WEEK
    return Dependent(
        block_days=block_days,
        courses=courses,
        per_week=budget.per_week,
        still=_rate(counts["still"], weeks),
        steered=_rate(counts["steered"], weeks),
        start=threshold,
        lowest=min(track),
        highest=max(track),
    )


def _counted(first: float, last: float, budget: Budget, begin: datetime, end: datetime) -> float:
    """Verdicts that moved the controller, by its identity."""
    return round((last - first) / budget.gain + budget.aim * ((end - begin) / WEEK))


def _drawn(held: Held, days: NDArray[np.int64], learn: int, steps: int) -> Held:
    """A history whose days from ``learn`` on are others of it, as far as verdicts need them."""
    rows = (days[:, None] * steps + np.arange(steps)).ravel()
    return replace(
        held, values={name: np.concatenate([v[: learn * steps], v[rows]]) for name, v in held.values.items()}
    )


def _rate(counts: Sequence[int], weeks_each: float) -> Rate:
    wrong, weeks = sum(counts), weeks_each * len(counts)
    mean = float(np.mean(counts))
    dispersion = max(1.0, float(np.var(counts, ddof=1)) / mean) if mean else 1.0
    low, high = garwood(wrong / dispersion, weeks / dispersion)
    return Rate(wrong=wrong, weeks=weeks, dispersion=dispersion, low=low, high=high)
