"""The level cube: one byte for each domain, step and region."""

from __future__ import annotations

import base64
import bisect
import functools
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model import UNCOVERED, UNKNOWN, RegionLevel, iso
from tocsin.ops.office import Office
from tocsin.ops.queries import moments

MOST_STEPS = 24 * 62
"""Steps that one answer may have."""

_BYTES = np.array([UNCOVERED, 0, UNKNOWN, 1, 2, 3, 4], np.uint8)
_RANKS = np.zeros(256, np.uint8)
_RANKS[_BYTES] = np.arange(len(_BYTES))


@functools.lru_cache(maxsize=4)
def cube_regions(office: Office) -> tuple[str, ...]:
    """Sites, then counties that a domain watches or that hold a site, then the nation; then a state or two.

    Base64 writes three bytes as four letters: only with a multiple of three regions do equal steps read
    equally, which makes the packed cube three times smaller. No domain watches a state: those say nothing.
    """
    pack, plan = office.pack, office.plan
    wanted = {r for watched in plan.watched.values() for r in watched}
    wanted |= {parent for site in pack.sites if (parent := pack.regions[site].parent) is not None}
    counties = [c.id for c in pack.at_level(RegionLevel.COUNTY) if c.id in wanted]
    found = (*pack.sites, *counties, pack.nation.id)
    states = [s.id for s in pack.at_level(RegionLevel.STATE) if s.id not in wanted]
    return (*found, *states[: -len(found) % 3])


@functools.lru_cache(maxsize=4)
def _columns(office: Office) -> tuple[dict[str, NDArray[np.int64]], list[tuple[int, int]]]:
    place = {region: i for i, region in enumerate(cube_regions(office))}
    watched = {d: np.array([place[r] for r in rs], np.int64) for d, rs in office.plan.watched.items()}
    inside = [
        (place[site], place[parent])
        for site in office.pack.sites
        if (parent := office.pack.regions[site].parent) in place
    ]
    return watched, inside


def level_bytes(office: Office, times: list[datetime]) -> NDArray[np.uint8]:
    """Levels at some moments, shape (n_domains, n_times, n_regions), a county at least as high as its sites.

    Parameters
    ----------
    office : Office
        Store and country.
    times : list of datetime
        Rising.

    Returns
    -------
    ndarray of uint8
        0 normal, 1 to 4, 254 watched but unknown, 255 not covered.
    """
    watched, inside = _columns(office)
    domains = [d.id for d in office.plan.domains]
    out = np.full((len(domains), len(times), len(cube_regions(office))), UNCOVERED, np.uint8)
    if not times:
        return out
    rows = office.store.cycle_heads(times[0] - moments.FRESH, times[-1] + moments.STEP, levels=True)
    seen: dict[str, dict[str, NDArray[np.uint8]]] = {}
    runs = moments.runs(office)
    for k, domain in enumerate(domains):
        mine = [r for r in rows if domain in r.domains]
        instants = [r.at for r in mine]
        watching = [r for r in runs if domain in r.domains]
        for s, at in enumerate(times):
            i = bisect.bisect_right(instants, at) - 1
            if i >= 0 and moments.holds(mine[i], at):
                row = mine[i]
                if row.id not in seen:
                    seen[row.id] = moments.levels_of(office, row)
                out[k, s, watched[domain]] = seen[row.id][domain]
            elif any(run.covers(at) for run in watching):
                out[k, s, watched[domain]] = UNKNOWN
    ranks = _RANKS[out]
    for site, county in inside:
        np.maximum(ranks[:, :, county], ranks[:, :, site], out=ranks[:, :, county])
    return _BYTES[ranks]


def cube(office: Office, start: datetime, end: datetime) -> dict[str, Any]:
    """Levels at ``start``, ``start`` + 1 h, … before ``end``, as one block of bytes in base64.

    Raises
    ------
    ValueError
        When there is no step, or more than :data:`MOST_STEPS`.
    """
    steps = -((start - end) // moments.STEP)
    if not 1 <= steps <= MOST_STEPS:
        raise ValueError(f"end: got {iso(end)}, allowed: 1 to {MOST_STEPS} hours after start {iso(start)}")
    block = level_bytes(office, [start + i * moments.STEP for i in range(steps)])
    return {
        "start": iso(start),
        "step_s": int(moments.STEP.total_seconds()),
        "steps": steps,
        "regions": list(cube_regions(office)),
        "domains": [d.id for d in office.plan.domains],
        "levels": base64.b64encode(block.tobytes()).decode(),
    }
