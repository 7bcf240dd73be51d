"""Forecasts are made at the pace of their domain, kept as they were made, and scored when the truth is known.

A forecast is a record of the store, one a quantity and slot of time: made once, never changed, so that nobody
can forget a bad one. Beside the method's own quantiles it holds those of the seasonal naive from the same
past: the yardstick.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.forecast import LEVELS, run
from tocsin.forecast.coherent import coherent
from tocsin.model import (
    DAY,
    Domain,
    MethodError,
    Outlook,
    Panel,
    Plan,
    Quantity,
    Region,
    Snapshot,
    Source,
    from_us,
    iso,
    parse_time,
    to_us,
)
from tocsin.model.periods import ended, is_month
from tocsin.ops.office import Office
from tocsin.stats import scores

Floats = NDArray[np.float64]
YARDSTICK = "seasonal_naive"


def make_due(
    office: Office, plan: Plan, seen: Snapshot, sources: Mapping[str, Source], made: dict[str, int]
) -> int:
    """Make and keep the forecasts that are due at the moment of a snapshot.

    Parameters
    ----------
    office : Office
        Where they are kept.
    plan : Plan
        Domains with their outlooks.
    seen : Snapshot
        What is known; nothing else is used.
    sources : mapping of str to Source
        Declarations of the feeds, which name the quantities.
    made : dict
        Newest slot by quantity: what need not be asked of the store again. Changed in place.

    Returns
    -------
    int
        Number of forecasts made now.
    """
    count = 0
    for domain in plan.domains:
        for outlook in domain.outlooks:
            slot = to_us(seen.at) // (outlook.every // timedelta(microseconds=1))
            for quantity in outlook.quantities:
                if made.get(quantity) == slot:
                    continue
                made[quantity] = slot
                key = f"{quantity}@{iso(from_us(slot * (outlook.every // timedelta(microseconds=1))))}"
                if office.store.get("forecast", key) is None:
                    declared = next(
                        q for s in domain.sources for q in sources[s].quantities if q.id == quantity
                    )
                    body = _make(domain, outlook, declared, plan, seen)
                    office.store.put("forecast", key, {"id": key} | body, known_at=seen.at, revision=0)
                    count += 1
    return count


def past(seen: Snapshot, quantity: Quantity, regions: Sequence[str], span: timedelta) -> Panel:
    """Periods of a quantity that have ended, back over ``span``, from the first known to the last known.

    Raises
    ------
    MethodError
        When nothing is known of them.
    """
    if is_month(quantity.step):
        end = seen.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        start = (end - span).replace(day=1)
        panel = seen.panel(quantity.id, regions=regions, start=start, end=end, step=DAY)
        day = panel.times.astype("datetime64[us]").astype("datetime64[D]")
        rows = np.flatnonzero(day == day.astype("datetime64[M]").astype("datetime64[D]"))
    elif quantity.step > DAY:
        starts = ended(quantity, after=seen.at - span, edge=seen.at)
        if not starts:
            raise MethodError(f"forecast: {quantity.id}: got no whole period in {span.days} days")
        panel = seen.panel(quantity.id, regions=regions, start=starts[0], end=starts[-1] + DAY, step=DAY)
        rows = np.arange(len(panel.times))[:: quantity.step // DAY]
    else:
        us = quantity.step // timedelta(microseconds=1)
        end = from_us(to_us(seen.at) // us * us)
        panel = seen.panel(quantity.id, regions=regions, start=end - span, end=end, step=quantity.step)
        rows = np.arange(len(panel.times))
    known = np.flatnonzero(np.isfinite(panel.values[rows]).any(1))
    if not known.size:
        raise MethodError(
            f"forecast: {quantity.id}: got no value over {span.days} days before {iso(seen.at)}"
        )
    rows = rows[known[0] : known[-1] + 1]
    return Panel(
        quantity=quantity.id,
        regions=tuple(regions),
        times=panel.times[rows],
        values=panel.values[rows],
        known=panel.known[rows],
        at=seen.at,
    )


def _make(domain: Domain, outlook: Outlook, quantity: Quantity, plan: Plan, seen: Snapshot) -> dict[str, Any]:
    """A forecast as a record."""
    regions = plan.watched[domain.id]
    body: dict[str, Any] = {
        "domain": domain.id,
        "quantity": quantity.id,
        "method": outlook.method,
        "settings": {k: list(v) if isinstance(v, tuple) else v for k, v in outlook.settings.items()},
        "at": iso(seen.at),
        "levels": list(LEVELS),
        "regions": list(regions),
        "times": [],
        "quantiles": "",
        "yardstick": "",
        "unknown": {},
    }
    try:
        panel = past(seen, quantity, regions, outlook.past)
        if outlook.reconcile:
            return body | _coherent(panel, outlook, plan.regions)
        made = run(panel, outlook.method, steps=outlook.steps, **outlook.settings)
        beside = run(panel, YARDSTICK, steps=outlook.steps, season=outlook.season)
    except MethodError as error:
        return body | {"unknown": {"": str(error)}}
    return body | {
        "times": [iso(from_us(int(t))) for t in made.times],
        "quantiles": _pack(made.quantiles),
        "yardstick": _pack(beside.quantiles),
        "unknown": dict(made.unknown),
    }


def _coherent(panel: Panel, outlook: Outlook, places: Mapping[str, Region]) -> dict[str, Any]:
    """What a record holds of forecasts that add up: also the sums, their means, and what they are sums of."""
    tree = {region.id: region.parent for region in places.values() if region.parent is not None}
    told = coherent(
        panel,
        outlook.method,
        parents=tree,
        reconcile=outlook.reconcile,
        steps=outlook.steps,
        **outlook.settings,
    )
    made = told.forecast
    beside = coherent(
        panel, YARDSTICK, parents=tree, reconcile="bottom_up", steps=outlook.steps, season=outlook.season
    )
    column = {region: i for i, region in enumerate(beside.forecast.regions)}
    yardstick = np.full_like(made.quantiles, np.nan)
    for i, region in enumerate(made.regions):
        # A sum over other series is no yardstick: the method could forecast more of them, or fewer.
        if region in column and told.partial.get(region) == beside.partial.get(region):
            yardstick[:, :, i] = beside.forecast.quantiles[:, :, column[region]]
    return {
        "reconcile": outlook.reconcile,
        "regions": list(made.regions),
        "parents": dict(told.parents),
        "times": [iso(from_us(int(t))) for t in made.times],
        "quantiles": _pack(made.quantiles),
        "mean": _pack(told.mean[:, None, :], "<f8"),
        "yardstick": _pack(yardstick),
        "unknown": dict(made.unknown),
        "partial": dict(told.partial),
    }


def _pack(quantiles: Floats, kind: str = "<f4") -> str:
    return base64.b64encode(zlib.compress(quantiles.astype(kind).tobytes(), 6)).decode("ascii")


def unpack(body: Mapping[str, Any], name: str = "quantiles") -> Floats:
    """Quantiles of a record, shape (steps, n_levels, n_regions)."""
    shape = len(body["times"]), len(body["levels"]), len(body["regions"])
    if not body["times"]:
        return np.empty(shape)
    flat = np.frombuffer(zlib.decompress(base64.b64decode(body[name])), "<f4")
    return flat.reshape(shape).astype(np.float64)


def unpack_mean(body: Mapping[str, Any]) -> Floats:
    """Means of a record whose forecasts add up, shape (steps, n_regions); they are kept in full precision.

    Raises
    ------
    MethodError
        When its forecasts were made for each region alone: such a record has none.
    """
    if "mean" not in body:
        raise MethodError(f"forecast: {body['id']}: got no means, allowed: a record that was reconciled")
    flat = np.frombuffer(zlib.decompress(base64.b64decode(body["mean"])), "<f8")
    return flat.reshape(len(body["times"]), len(body["regions"]))


def score(office: Office, at: datetime) -> list[dict[str, Any]]:
    """Score every forecast that is kept against what came, as known at ``at``.

    Returns
    -------
    list of dict
        A row a quantity, method and step: number of forecasts and of pairs whose outcome is known, mean CRPS
        of the method and of the seasonal naive from the same past, skill, and the share of outcomes within
        the widest interval, which should hold ``interval`` of them. NaN where nothing can be scored yet.
    """
    seen = office.store.as_of(at)
    groups: dict[tuple[str, str, str, int], list[tuple[Floats, Floats, Floats]]] = {}
    counts: dict[tuple[str, str, str], list[int]] = {}
    for body in office.store.list("forecast", at=at):
        name = body["domain"], body["quantity"], body["method"]
        tally = counts.setdefault(name, [0, 0])
        tally[0] += 1
        tally[1] += bool(body["unknown"])
        told, beside = unpack(body), unpack(body, "yardstick")
        for step, moment in enumerate(body["times"]):
            came = _outcome(seen, body, parse_time(moment))
            groups.setdefault((*name, step + 1), []).append((came, told[step], beside[step]))
    rows = []
    for (domain, quantity, method, step), found in sorted(groups.items()):
        came = np.concatenate([f[0] for f in found])
        told, beside = (np.concatenate([f[i] for f in found], 1).T for i in (1, 2))
        levels = np.asarray(LEVELS)
        own, naive = scores.crps_quantiles(came, told, levels), scores.crps_quantiles(came, beside, levels)
        both = np.isfinite(own) & np.isfinite(naive)
        mean, yardstick = (float(s[both].mean()) if both.any() else float("nan") for s in (own, naive))
        made, unknown = counts[domain, quantity, method]
        rows.append(
            {
                "domain": domain,
                "quantity": quantity,
                "method": method,
                "step": step,
                "forecasts": made,
                "with_unknown": unknown,
                "pairs": int(both.sum()),
                "crps": mean,
                "crps_naive": yardstick,
                "skill": float(scores.skill(mean, yardstick)),
                "coverage": float(scores.coverage(came, told[:, 0], told[:, -1])),
                "interval": LEVELS[-1] - LEVELS[0],
            }
        )
    scored = {(r["domain"], r["quantity"], r["method"]) for r in rows}
    return rows + [
        {
            "domain": d,
            "quantity": q,
            "method": m,
            "step": None,
            "forecasts": made,
            "with_unknown": unknown,
            "pairs": 0,
        }
        for (d, q, m), (made, unknown) in sorted(counts.items())
        if (d, q, m) not in scored
    ]


def _outcome(seen: Snapshot, body: Mapping[str, Any], moment: datetime) -> Floats:
    """What came in each region of a record; of a sum, what came in all of its parts, or unknown."""
    hour = timedelta(hours=1)
    parents: Mapping[str, str] = body.get("parents", {})
    inner = set(parents.values())
    asked = [r for r in body["regions"] if r not in inner]
    panel = seen.panel(body["quantity"], regions=asked, start=moment, end=moment + hour, step=hour)
    came = dict.fromkeys(body["regions"], 0.0) | dict(zip(asked, panel.values[0].tolist(), strict=True))
    for region in asked:
        around = parents.get(region)
        while around is not None:
            came[around] += came[region]
            around = parents.get(around)
    return np.array([came[r] for r in body["regions"]])
