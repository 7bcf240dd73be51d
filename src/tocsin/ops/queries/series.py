"""One series as known at a moment, beside what was expected of it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from tocsin.feeds import all_feeds
from tocsin.model import DAY, HOUR, Quantity, ShapeError, Source, from_us, grid_us, iso, parse_time, to_us
from tocsin.ops.office import Office

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
    of = len(office.plan.watched[domain.id])
    judged = office.store.judgements(quantity, column, of=of, start=start, end=end, until=moment)
    bands = _bands(judged)
    cells = office.store.as_of(moment).cells(quantity=quantity, regions=[region], start=start, end=end)
    rows = _rows(cells)
    missing = [{"time": iso(from_us(t)), "reason": r.missing} for t, r in rows.items() if r.value is None]
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
            "value": [rows[t].value if t in rows else None for t in times],
            "expected": [c[0] for c in columns],
            "lower": [c[1] for c in columns],
            "upper": [c[2] for c in columns],
            "tail": [c[3] for c in columns],
            "known_at": [iso(from_us(rows[t].known_at)) if t in rows else None for t in times],
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


class _Row(NamedTuple):
    value: float | None
    missing: str | None
    known_at: int


def _rows(cells: pa.Table) -> dict[int, _Row]:
    """Value, reason and known time by period: half a year of whole rows would take ten times as long."""
    values, missing = cells["value"].to_pylist(), cells["missing"].to_pylist()
    times, known = (cells[name].cast(pa.int64()).to_pylist() for name in ("valid_time", "known_at"))
    return {t: _Row(v, m, k) for t, v, m, k in zip(times, values, missing, known, strict=True)}


Band = tuple[float | None, float | None, float | None, float | None]


def _bands(judged: pa.Table) -> dict[int, Band]:
    """Expected, lower, upper and tail by period, as the page reads them."""
    columns = [judged[name].to_pylist() for name in ("expected", "lower", "upper", "tail")]
    times = judged["valid_time"].cast(pa.int64()).to_pylist()
    return {
        time: (_number(expected), _number(lower), _number(upper), _number(tail, digits=None))
        for time, expected, lower, upper, tail in zip(times, *columns, strict=True)
    }


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
