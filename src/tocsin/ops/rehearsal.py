"""A rehearsal of the way from values to warnings: detection, grouping, issue and verdicts, all in memory.

The live code judges (:mod:`tocsin.detect.monitors`), groups and drafts (:mod:`tocsin.warn.propose`), steers
the threshold (:mod:`tocsin.detect.budget`) and takes the verdicts (:mod:`tocsin.verify.ledger`); only the
store and the officers are left out: a draft is issued at once. What the detectors say does not depend on the
threshold, so that one pass serves every threshold and every budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import budget as controller
from tocsin.detect import monitors
from tocsin.model import (
    Alert,
    Budget,
    Detection,
    Domain,
    MethodError,
    OutcomeRule,
    Panel,
    Region,
    Snapshot,
    State,
    from_us,
    to_us,
)
from tocsin.model import zone as in_zone
from tocsin.verify import ledger
from tocsin.verify.outcome import Day, judge_days
from tocsin.warn.propose import Context, propose

FAR = timedelta(days=100_000)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Series held in memory, as far as they are past at a moment.

    Parameters
    ----------
    at : datetime
        The moment: a period that ends later is not there.
    begin : datetime
        First instant of the first row.
    step : timedelta
        Length of a period.
    regions : tuple of str
        Columns.
    values : dict of str to ndarray of float64, shape (n_times, n_regions)
        By quantity; NaN where missing.
    """

    at: datetime
    begin: datetime
    step: timedelta
    regions: tuple[str, ...]
    values: Mapping[str, Floats]

    def panel(
        self, quantity: str, *, regions: Sequence[str], start: datetime, end: datetime, step: timedelta
    ) -> Panel:
        """Values of some regions in ``[start, end)``; what lies outside of what is held is missing."""
        us = self.step // timedelta(microseconds=1)
        if step != self.step:
            raise MethodError(f"{quantity}: step: got {step}, allowed: {self.step}")
        first, last = (to_us(start) - to_us(self.begin)) // us, (to_us(end) - to_us(self.begin)) // us
        rows = np.arange(first, last)
        held = self.values[quantity]
        past = (rows >= 0) & (rows < len(held)) & ((rows + 1) * us + to_us(self.begin) <= to_us(self.at))
        values = np.where(past[:, None], held[np.clip(rows, 0, len(held) - 1)], np.nan)
        if tuple(regions) != self.regions:
            place = {region: i for i, region in enumerate(self.regions)}
            values = values[:, [place[region] for region in regions]]
        return Panel(
            quantity=quantity,
            regions=tuple(regions),
            times=to_us(self.begin) + rows.astype(np.int64) * us,
            values=values,
            known=np.isfinite(values),
            at=self.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What the detectors said at one moment.

    Parameters
    ----------
    at : datetime
        The moment.
    detections : tuple of Detection
        Findings of what may raise a warning, at the lowest threshold.
    judged : int
        Values that were judged.
    """

    at: datetime
    detections: tuple[Detection, ...]
    judged: int


def listen(
    held: Held,
    domain: Domain,
    places: Mapping[str, Region],
    detectors: Mapping[str, type[Any]],
    moments: Iterable[datetime],
    *,
    lowest: float,
    carried: Mapping[str, NDArray[Any]] | None = None,
) -> tuple[list[Heard], dict[str, NDArray[Any]]]:
    """Step the detectors of a domain through some moments.

    Parameters
    ----------
    held : Held
        Values; its own moment does not matter.
    domain : Domain
        Its raising monitors are stepped.
    places : mapping of str to Region
        Regions by id.
    detectors : mapping of str to type
        Classes by name.
    moments : iterable of datetime
        Of the cycles, rising.
    lowest : float
        Threshold, in decades, from which findings are kept.
    carried : mapping of ndarray
        What the detectors learned before; nothing if not given.

    Returns
    -------
    list of Heard, dict of ndarray
        One row a moment, and what the detectors have learned.
    """
    fixed = Budget(per_week=1.0, aim=1.0, gain=0.0, start=lowest, shadow=FAR)
    raising = tuple(replace(m, watch_tail=1e-300) for m in domain.monitors if m.raises)
    watched = replace(domain, monitors=raising, budget=fixed, criteria=replace(domain.criteria, join=0.0))
    heard = []
    state: dict[str, NDArray[Any]] = dict(carried or {})
    for at in moments:
        found = monitors.run(replace(held, at=at), watched, held.regions, places, detectors, state, 0)
        state = found.carried
        judged = sum(0 if r.step is None else int(np.isfinite(r.step.tail).sum()) for r in found.rows)
        heard.append(Heard(at=at, detections=found.detections, judged=judged))
    return heard, state


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rehearsed:
    """What was warned of.

    Parameters
    ----------
    chains : tuple of Issued
        Warnings in the order of their first message.
    verdicts : dict of str to str
        By chain; a chain without one is open.
    thresholds : ndarray of float64, shape (n_moments,)
        In force at each moment.
    """

    chains: tuple[ledger.Issued, ...]
    verdicts: dict[str, str]
    thresholds: Floats

    @property
    def wrong(self) -> int:
        """Warnings that did not come true."""
        return sum(verdict in (ledger.FALSE, ledger.SHORT_STOP) for verdict in self.verdicts.values())


Verdict = Callable[[ledger.Issued, datetime], str | None]
"""The verdict on a chain at a moment; None while it is open."""


def rehearse(
    heard: Sequence[Heard],
    domain: Domain,
    places: Mapping[str, Region],
    budget: Budget,
    verdict: Verdict,
    *,
    first: float | None = None,
) -> Rehearsed:
    """Issue what a threshold or a budget lets through.

    Parameters
    ----------
    heard : sequence of Heard
        As :func:`listen` gave it.
    domain : Domain
        Criteria and texts.
    places : mapping of str to Region
        Regions by id.
    budget : Budget
        With a gain of 0 the threshold stays at its start. Until the shadow phase is over nothing is issued.
    verdict : callable
        Asked of every open chain at every moment.
    first : float or None
        Threshold to begin with, where another rehearsal ended; the start of the budget if not given.

    Returns
    -------
    Rehearsed
    """
    threshold = budget.start if first is None else first
    opened: dict[str, Alert] = {}
    newest: dict[str, Alert] = {}
    verdicts: dict[str, str] = {}
    waiting: set[str] = set()
    track = np.full(len(heard), threshold)
    for i, moment in enumerate(heard):
        said = {chain: verdict(_issued(opened, newest, chain), moment.at) for chain in sorted(waiting)}
        fresh = {chain: v for chain, v in said.items() if v is not None}
        verdicts |= fresh
        waiting -= fresh.keys()
        wrong = sum(v in (ledger.FALSE, ledger.SHORT_STOP) for v in fresh.values())
        shadow = moment.at - heard[0].at <= budget.shadow and budget.shadow > timedelta(0)
        if i and not shadow:
            elapsed = moment.at - heard[i - 1].at
            threshold = controller.next_threshold(threshold, budget, elapsed, wrong)
        track[i] = threshold
        found = [] if shadow else list(_at(moment.detections, threshold, domain.criteria.join))
        if not found:
            continue
        standing = [a for a in newest.values() if a.expires > moment.at]
        for proposal in propose(_context(moment.at, domain, places), found, [], standing):
            if proposal.held:
                continue
            alert = replace(proposal.alert, state=State.ISSUED, sent=moment.at, approver="rehearsal")
            if alert.chain not in opened:
                opened[alert.chain] = alert
                waiting.add(alert.chain)
            newest[alert.chain] = alert
    chains = tuple(_issued(opened, newest, chain) for chain in opened)
    return Rehearsed(chains=chains, verdicts=verdicts, thresholds=track)


def _issued(first: Mapping[str, Alert], newest: Mapping[str, Alert], chain: str) -> ledger.Issued:
    return ledger.Issued(first=first[chain], newest=newest[chain])


def _at(found: Iterable[Detection], threshold: float, join: float) -> Iterable[Detection]:
    """The same findings under another threshold."""
    for d in found:
        alarm, joins = d.tail <= 10.0**-threshold, d.tail <= 10.0 ** -(threshold - join)
        if alarm or joins:
            yield replace(d, alarm=alarm, joins=joins, threshold=threshold)


def _context(at: datetime, domain: Domain, places: Mapping[str, Region]) -> Context:
    return Context(
        at=at,
        domain=domain,
        regions=places,
        pack="rehearsal",
        sender="rehearsal",
        likelihood=math.nan,
        inputs=(),
    )


def by_outcome(held: Held, domain: Domain, rule: OutcomeRule, places: Mapping[str, Region]) -> Verdict:
    """Verdicts by the domain's outcome rule, taken once both local days of every member are over."""
    days: dict[tuple[str, date], Day] = {}

    def verdict(chain: ledger.Issued, at: datetime) -> str | None:
        wanted = []
        for member in chain.newest.members:
            day = member.since.astimezone(in_zone(places[member.region].timezone)).date()
            wanted += [(member.region, day), (member.region, day + timedelta(days=1))]
        last = max(day for _, day in wanted)
        if at < datetime(last.year, last.month, last.day, tzinfo=at.tzinfo) + timedelta(days=2) + rule.settle:
            return None
        seen = cast(Snapshot, replace(held, at=at))  # a verdict asks a snapshot for panels, which it has
        missing = [pair for pair in wanted if pair not in days]
        days.update({(d.region, d.day): d for d in judge_days(seen, rule, missing, places)})
        entry = ledger.settle(seen, domain, rule, chain, days, places)
        return None if entry is None or entry["verdict"] == ledger.OPEN else str(entry["verdict"])

    return verdict


def all_false(delay: timedelta) -> Verdict:
    """Verdicts in a world without hazards: every warning is FALSE, known after a delay."""

    def verdict(chain: ledger.Issued, at: datetime) -> str | None:
        return ledger.FALSE if at - chain.first.created_at >= delay else None

    return verdict


def moments_of(begin: datetime, end: datetime, step: timedelta, after: timedelta) -> list[datetime]:
    """Moments of the cycles: each period's end and what it takes to mature.

    Examples
    --------
    >>> from datetime import UTC
    >>> one = datetime(2001, 1, 1, tzinfo=UTC)
    >>> [m.hour for m in moments_of(one, one + timedelta(hours=3), timedelta(hours=1), timedelta(minutes=5))]
    [1, 2, 3]
    """
    us = step // timedelta(microseconds=1)
    return [from_us(t) + step + after for t in range(to_us(begin), to_us(end), us)]
