"""The ledger as it could be read at a moment: warnings with verdicts, misses, rate against the budget."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.model import Domain, from_plain, parse_time
from tocsin.ops import corrections
from tocsin.ops.office import Office
from tocsin.ops.queries import moments
from tocsin.verify import ledger as book
from tocsin.verify.outcome import Day

KEYS = (
    "entry", "alert", "domain", "level", "regions", "names", "issued", "onset", "local_dates", "verdict",
    "lead_s", "rule",
)  # fmt: skip
"""Keys of an entry, in order."""

_DAY = ("region", "day", "total", "typical", "met")


def ledger(
    office: Office, at: datetime | None, now: datetime, domain: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Entries and summaries as known at a moment.

    Parameters
    ----------
    office : Office
        Store and country.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.
    domain : str, optional
        Only this one.

    Returns
    -------
    entries : list of dict
        Warnings and misses by time, keys :data:`KEYS`; ``corrected_by`` where the desk itself said in public
        that a warning was wrong (ids of the messages that say so).
    summaries : list of dict
        One for each domain with a budget that has run, from the end of its shadow phase to its last cycle.

    Raises
    ------
    ValueError
        When there is no such domain.
    """
    if domain is not None and domain not in office.plan.watched:
        raise ValueError(f"domain: got {domain!r}, allowed: {', '.join(sorted(office.plan.watched))}")
    moment = at or now
    entries: list[dict[str, Any]] = []
    summaries = []
    alerts = office.store.list("alert", at=moment)
    verdicts = {v["id"]: v for v in office.store.list("verdict", at=moment)}
    outcomes = office.store.list("outcome", at=moment)
    for one in office.plan.domains:
        if domain is not None and one.id != domain:
            continue
        chains = book.issued_chains(alerts, one.id)
        mine = [dict(verdicts.get(c.chain) or book.open_entry(c, one)) for c in chains]
        period = _period(office, one, moment)
        if period is not None and one.outcome is not None:
            days = [from_plain(Day, {k: o[k] for k in _DAY}) for o in outcomes if o["domain"] == one.id]
            judged = [d for d in days if d.day >= period[0].date()]
            mine += book.misses(judged, chains, one, office.plan.regions)
        if period is not None and one.budget is not None:
            inside = [
                e for e in mine if e["entry"] == "miss" or period[0] <= parse_time(e["issued"]) <= moment
            ]
            summaries.append(book.summary(inside, one, *period))
        entries += mine
    corrected = corrections.by_chain(office, moment)
    for entry in entries:
        if entry["alert"] in corrected:
            entry["corrected_by"] = corrected[entry["alert"]]
    entries.sort(key=lambda e: (e["issued"] or e["onset"], e["alert"] or "", e["regions"]))
    more = ("corrected_by",)
    return [{k: e[k] for k in (*KEYS, *(k for k in more if k in e))} for e in entries], summaries


def _period(office: Office, domain: Domain, at: datetime) -> tuple[datetime, datetime] | None:
    """From the end of the shadow phase of the newest run to its last cycle by then."""
    found = [r for r in moments.runs(office) if domain.id in r.domains and r.first <= at]
    if not found:
        return None
    run = max(found, key=lambda r: r.first)
    start = run.first if domain.budget is None else run.first + domain.budget.shadow
    return start, max(start, min(run.last, at))
