"""One series as known at a moment, beside what was expected of it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from tocsin.feeds import all_feeds
from tocsin.model import DAY, HOUR, Quantity, ShapeError, Source, from_us, grid_us, iso, parse_time, to_us
from tocsin.ops.office import Office
from tocsin.ops.queries import moments

MOST_HOURS = 24 * 366
"""Length of an hourly series that one answer may have."""

_NOTHING = "unknown: nothing was received"


def quantities(office: Office, region: str) -> list[dict[str, Any]]:
    """Quantities that are watched in a region.

    Raises
    ------
    ShapeError
        When there is no such region.
    """
    office.pack.region(region)
    return [
        {**plain(m.quantity), "domain": d.id, "source": _short(source_of(m.quantity.id))}
        for d in office.plan.domains
        if region in office.plan.watched[d.id]
        for m in d.monitors
    ]


def series(
    office: Office,
    region: str,
    quantity: str,
    start: datetime,
    end: datetime,
    at: datetime | None,
    now: datetime,
) -> dict[str, Any]:
    """Values, normal band and tail of one series as known at a moment.

    Parameters
    ----------
    office : Office
        Store and country.
    region, quantity : str
        The series.
    start, end : datetime
        Valid times in ``[start, end)``.
    at : datetime or None
        Moment of knowledge; None is now.
    now : datetime
        Wall time.

    Returns
    -------
    dict
        ``points`` in columns; ``missing`` with the reason of every period without a value. The band is that
        of the newest cycle which judged the period by then.

    Raises
    ------
    ShapeError
        When no domain watches this quantity in the region.
    ValueError
        When the span is empty or too long.
    """
    moment = at or now
    found = [
        (d, m, i)
        for d in office.plan.domains
        for m in d.monitors
        if m.quantity.id == quantity
        for i in [_place(office.plan.watched[d.id], region)]
        if i is not None
    ]
    if not found:
        allowed = (
            ", ".join(q["id"] for q in quantities(office, region)) or "none: nothing watches this region"
        )
        raise ShapeError(f"quantity: got {quantity!r} at {region}, allowed: {allowed}")
    domain, monitor, column = found[0]
    known = monitor.quantity
    if not timedelta(0) < end - start <= MOST_HOURS * max(known.step, HOUR):
        raise ValueError(
            f"end: got {iso(end)}, allowed: after start {iso(start)}, at most {MOST_HOURS} periods"
        )
    source = source_of(quantity)
    bands = _bands(office, domain.id, known, column, start, end, moment)
    cells = office.store.as_of(moment).cells(quantity=quantity, regions=[region], start=start, end=end)
    rows = {to_us(r["valid_time"]): r for r in cells.to_pylist()}
    missing = [
        {"time": iso(from_us(t)), "reason": r["missing"]} for t, r in rows.items() if r["value"] is None
    ]
    if known.step <= DAY:
        due = min(end, moment - known.step - source.lag + timedelta(microseconds=1))
        grid = from_us(-(-to_us(start) // _us(known.step)) * _us(known.step))
        gaps = [t for t in grid_us(grid, due, known.step).tolist() if t not in rows] if due > grid else []
        missing += [{"time": iso(from_us(t)), "reason": _NOTHING} for t in gaps]
    else:
        gaps = []
    times = sorted(rows.keys() | set(gaps))
    none = (None, None, None, None)
    columns = [bands.get(t, none) for t in times]
    return {
        "quantity": {**plain(known), "domain": domain.id},
        "region": region,
        "asof": iso(moment),
        "source": {"id": source.id, "title": source.title, "licence": source.licence},
        "points": {
            "time": [iso(from_us(t)) for t in times],
            "value": [rows[t]["value"] if t in rows else None for t in times],
            "expected": [c[0] for c in columns],
            "lower": [c[1] for c in columns],
            "upper": [c[2] for c in columns],
            "tail": [c[3] for c in columns],
            "known_at": [iso(rows[t]["known_at"]) if t in rows else None for t in times],
        },
        "missing": sorted(missing, key=lambda m: m["time"]),
    }


def source_of(quantity: str) -> Source:
    """The feed that observes a quantity.

    Raises
    ------
    ShapeError
        When none does.

    Examples
    --------
    >>> source_of("air_transport.departures").id
    'bts_flights'
    """
    for feed in all_feeds().values():
        if any(q.id == quantity for q in feed.SOURCE.quantities):
            return feed.SOURCE
    raise ShapeError(f"quantity: got {quantity!r}, allowed: one that a feed declares")


def plain(quantity: Quantity) -> dict[str, Any]:
    """A quantity as the page reads it."""
    return {
        "id": quantity.id,
        "title": quantity.title,
        "unit": quantity.unit,
        "kind": str(quantity.kind),
        "bad": str(quantity.bad),
        "step_s": quantity.step.total_seconds(),
    }


def _short(source: Source) -> dict[str, str]:
    return {"id": source.id, "title": source.title}


def _place(watched: tuple[str, ...], region: str) -> int | None:
    return watched.index(region) if region in watched else None


def _us(step: timedelta) -> int:
    return step // timedelta(microseconds=1)


Band = tuple[float | None, float | None, float | None, float | None]


def _bands(
    office: Office,
    domain: str,
    quantity: Quantity,
    column: int,
    start: datetime,
    end: datetime,
    at: datetime,
) -> dict[int, Band]:
    """Expected, lower, upper and tail by period, from the cycles until ``at``; a later cycle wins."""
    tick = timedelta(microseconds=1)
    # A period is judged after its end, and a monthly one long after; longer steps need fewer cycles.
    until = min(end + quantity.step + (DAY if quantity.step <= DAY else 62 * DAY), at + tick)
    rows = [r for r in office.store.cycles(start, until) if domain in r.summary["domains"]]
    if quantity.step > DAY:
        rows = list({r.at.date(): r for r in rows}.values())
    out: dict[int, Band] = {}
    for row in rows:
        seen = moments.judged(row).get(quantity.id)
        if seen is None or seen.valid_time is None or not start <= seen.valid_time < end:
            continue
        tail = _number(seen.tail[column], digits=None)
        band = tuple(_number(getattr(seen, name)[column]) for name in ("expected", "lower", "upper"))
        out[to_us(seen.valid_time)] = (*band, tail)  # type: ignore[assignment]
    return out


def _number(value: float, digits: int | None = 4) -> float | None:
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if digits is None else round(number, digits)


def revisions(
    office: Office, region: str, quantity: str, valid_time: str | None = None, at: datetime | None = None
) -> list[dict[str, Any]]:
    """Every version of the cells of a series known at a moment (None: all), by valid time and known time."""
    office.pack.region(region)
    moment = None if valid_time is None else parse_time(valid_time, "valid_time")
    table = office.store.revisions(quantity, region, moment)
    return [
        {**r, "valid_time": iso(r["valid_time"]), "known_at": iso(r["known_at"])}
        for r in table.to_pylist()
        if at is None or r["known_at"] <= at
    ]
