"""The ledger: every warning with its verdict, and every outcome that nobody warned of.

Verdicts are taken by :func:`settle` at the first moment at which what is known decides them, and are written
to the store with that moment as their ``known_at``: the ledger of any past minute can be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from scipy import stats

from tocsin.model import HOUR, Alert, Domain, OutcomeRule, Region, Snapshot, iso, parse_time, to_us
from tocsin.model import zone as in_zone
from tocsin.verify.outcome import Day

TRUE, SHORT_STOP, FALSE, OPEN = "TRUE", "SHORT_STOP", "FALSE", "OPEN"
WEEK = timedelta(days=7)

WAIT = timedelta(days=7)
"""How long after its last day a verdict waits for totals that are not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A chain of warnings as the public saw it: its first message and the newest content.

    Parameters
    ----------
    first, newest : Alert
        First and newest issued message.
    """

    first: Alert
    newest: Alert

    @property
    def chain(self) -> str:
        """Identifier of the chain."""
        return self.first.chain


def issued_chains(alerts: Iterable[Alert], domain: str) -> list[Issued]:
    """Chains of a domain that were issued, in the order of their first message.

    Cancel messages and exercises are no warnings and do not count.
    """
    chains: dict[str, list[Alert]] = {}
    for alert in alerts:
        told = alert.sent is not None and alert.msg_type != "Cancel" and alert.status == "Actual"
        if told and alert.domain == domain:
            chains.setdefault(alert.chain, []).append(alert)
    ordered = [sorted(c, key=lambda a: (a.sent or a.created_at, a.id)) for c in chains.values()]
    found = [Issued(first=c[0], newest=c[-1]) for c in ordered]
    return sorted(found, key=lambda i: (i.first.sent or i.first.created_at, i.chain))


def settle(
    snapshot: Snapshot,
    domain: Domain,
    rule: OutcomeRule,
    chain: Issued,
    days: Mapping[tuple[str, date], Day],
    places: Mapping[str, Region],
) -> dict[str, Any] | None:
    """Take the verdict on one chain, if what is known decides it.

    Parameters
    ----------
    snapshot : Snapshot
        What is known now.
    domain, rule : Domain, OutcomeRule
        What counts as having come true.
    chain : Issued
        The warning.
    days : mapping of (region, date) to Day
        Local days judged so far.
    places : mapping
        Regions by id.

    Returns
    -------
    dict or None
        The entry of the ledger, without the keys of bookkeeping; None while it is open. ``closed`` says
        whether all days that could still add to ``local_dates`` have been judged, or can no longer be waited
        for: a day or an hour that stays unknown for a week leaves the verdict open for good.
    """
    wanted = {(m.region, d) for m in chain.newest.members for d in _days_of(m.since, places[m.region])}
    met = sorted((d.day, d.region) for key in wanted if (d := days.get(key)) is not None and d.met)
    known = all((d := days.get(key)) is not None and np.isfinite(d.total) for key in wanted)
    over = snapshot.at >= max(_end_of(d, places[region]) for region, d in wanted) + WAIT
    verdict = TRUE if met else _otherwise(snapshot, rule, chain, places) if known else OPEN
    if verdict == OPEN and not over:
        return None
    return {
        **_entry(chain, domain, rule),
        "local_dates": sorted({str(day) for day, _ in met}),
        "came_true_at": sorted({region for _, region in met}),
        "verdict": verdict,
        "closed": known or over,
        "settled": iso(snapshot.at),
    }


def _days_of(since: datetime, place: Region) -> tuple[date, date]:
    day = since.astimezone(in_zone(place.timezone)).date()
    return day, day + timedelta(days=1)


def _end_of(day: date, place: Region) -> datetime:
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=in_zone(place.timezone))


def _otherwise(snapshot: Snapshot, rule: OutcomeRule, chain: Issued, places: Mapping[str, Region]) -> str:
    """The verdict when no day was met: whether the stop went on over the hours after the finding.

    It did when the members together stayed below the share of expected, the median of the same local hours
    one to four weeks before. While an hour is not known, the verdict is open.
    """
    start = chain.first.created_at.replace(minute=0, second=0, microsecond=0)
    hours = [start + k * HOUR for k in range(rule.short_hours)]
    zones: dict[str, list[str]] = {}
    for region in chain.first.regions:
        zones.setdefault(places[region].timezone, []).append(region)

    def total(weeks: int) -> float:
        """All members over the same local hours, some weeks before; NaN while one hour is not known."""
        return sum(
            _over(snapshot, rule.quantity, regions, [weeks_before(h, weeks, zone) for h in hours])
            for zone, regions in zones.items()
        )

    now = total(0)
    if not np.isfinite(now):
        return OPEN
    before = np.array([total(weeks) for weeks in range(1, 5)])
    known = before[np.isfinite(before)]
    stopped = bool(len(known)) and bool(now < rule.short_share * np.median(known))
    return SHORT_STOP if stopped else FALSE


def weeks_before(hour: datetime, weeks: int, zone: str) -> datetime:
    """Give the instant that showed the same local time some weeks before.

    Parameters
    ----------
    hour : datetime
        First instant of an hour.
    weeks : int
        0 gives the hour itself.
    zone : str
        IANA zone in which people there live. A time that its clocks skipped is the one an hour later, of one
        that they showed twice the first counts.

    Returns
    -------
    datetime
        In UTC, on a whole hour.

    Examples
    --------
    >>> after_the_change = datetime(2001, 4, 2, 14, tzinfo=UTC)
    >>> iso(weeks_before(after_the_change, 1, "America/New_York"))
    '2001-03-26T15:00:00Z'
    """
    if not weeks:
        return hour
    shown = hour.astimezone(in_zone(zone)) - weeks * WEEK
    return shown.astimezone(UTC).replace(minute=0)


def _over(snapshot: Snapshot, quantity: str, regions: Sequence[str], hours: Sequence[datetime]) -> float:
    """Total of some regions over some hours; NaN when one of them is not known."""
    panel = snapshot.panel(quantity, regions=regions, start=min(hours), end=max(hours) + HOUR, step=HOUR)
    rows = np.searchsorted(panel.times, [to_us(h) for h in hours])
    return float(panel.values[rows].sum())


def _entry(chain: Issued, domain: Domain, rule: OutcomeRule | None) -> dict[str, Any]:
    sent = chain.first.sent or chain.first.created_at
    return {
        "entry": "warning",
        "alert": chain.first.id,
        "domain": domain.id,
        "level": chain.newest.level,
        "regions": list(chain.newest.regions),
        "names": [m.name for m in chain.newest.members],
        "issued": iso(sent),
        "onset": iso(chain.first.onset),
        "local_dates": [],
        "verdict": OPEN,
        "lead_s": int((chain.first.onset - sent).total_seconds()),
        "rule": "" if rule is None else rule.text,
    }


def open_entry(chain: Issued, domain: Domain) -> dict[str, Any]:
    """Entry of a warning whose outcome is not known yet, or is never observed."""
    return _entry(chain, domain, domain.outcome)


def misses(
    days: Iterable[Day], chains: Sequence[Issued], domain: Domain, places: Mapping[str, Region]
) -> list[dict[str, Any]]:
    """Entries of outcomes that no warning covered in time.

    A day is covered when a warning named the region on that local day or the one before, and was issued
    before the day was over.
    """
    covered: set[tuple[str, date]] = set()
    for chain in chains:
        sent = chain.first.sent or chain.first.created_at
        for member in chain.newest.members:
            told = max(sent, member.since)
            covered |= {(member.region, day) for day in _days_of(told, places[member.region])}
    missed = [d for d in days if d.met and (d.region, d.day) not in covered]
    return [
        {
            "entry": "miss",
            "alert": None,
            "domain": domain.id,
            "level": None,
            "regions": [d.region],
            "names": [places[d.region].code],
            "issued": None,
            "onset": iso(
                datetime(d.day.year, d.day.month, d.day.day, tzinfo=in_zone(places[d.region].timezone))
            ),
            "local_dates": [str(d.day)],
            "verdict": "MISS",
            "lead_s": None,
            "rule": "" if domain.outcome is None else domain.outcome.text,
        }
        for d in sorted(missed, key=lambda d: (d.day, d.region))
    ]


def summary(
    entries: Sequence[Mapping[str, Any]], domain: Domain, start: datetime, end: datetime
) -> dict[str, Any]:
    """Rate of warnings that did not come true, against the budget.

    Parameters
    ----------
    entries : sequence of mapping
        Rows of the ledger of one domain.
    domain : Domain
        With its budget.
    start, end : datetime
        Time judged: from the end of the shadow phase to the moment of knowledge.

    Returns
    -------
    dict
        Counts by verdict; ``rate_per_week`` of all that is settled and not TRUE with an exact 95 % Poisson
        interval (Garwood 1936, doi:10.2307/2333958); ``worst_week`` counted from ``start``. Rate and
        interval are None when no time has passed.
    """
    warnings = [e for e in entries if e["entry"] == "warning"]
    count = {v: sum(e["verdict"] == v for e in warnings) for v in (TRUE, SHORT_STOP, FALSE, OPEN)}
    wrong = [e for e in warnings if e["verdict"] in (SHORT_STOP, FALSE)]
    weeks = max((end - start) / WEEK, 0.0)
    n = len(wrong)
    rate: float | None = None
    interval: list[float] | None = None
    if weeks > 0:
        low = float(stats.chi2.ppf(0.025, 2 * n) / 2) if n else 0.0
        rate, interval = n / weeks, [low / weeks, float(stats.chi2.ppf(0.975, 2 * n + 2) / 2) / weeks]
    per_week: dict[int, int] = {}
    for e in wrong:
        per_week.setdefault((parse_time(e["issued"]) - start) // WEEK, 0)
        per_week[(parse_time(e["issued"]) - start) // WEEK] += 1
    worst = min(per_week, key=lambda w: (-per_week[w], w), default=None)
    hit_days = {(r, d) for e in warnings for r in e.get("came_true_at", ()) for d in e["local_dates"]}
    return {
        "entry": "summary",
        "domain": domain.id,
        "from": iso(start),
        "to": iso(end),
        "weeks": weeks,
        "budget_per_week": None if domain.budget is None else domain.budget.per_week,
        "rate_per_week": rate,
        "interval": interval,
        "worst_week": None
        if worst is None
        else {"start": iso(start + worst * WEEK), "count": per_week[worst]},
        "counts": count,
        "misses": sum(e["entry"] == "miss" for e in entries),
        "hit_region_days": len(hit_days),
    }
