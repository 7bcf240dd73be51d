"""Levels of one domain: what was found, what others report, what stands, and what is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.model import (
    UNKNOWN,
    Alert,
    Assessment,
    Contributor,
    Detection,
    Domain,
    Event,
    Matrix,
    State,
    from_us,
    to_us,
)

Levels = NDArray[np.uint8]

_Reason = tuple[int, int, Contributor]
"""Level, impact, and what they rest on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessed:
    """Levels of one domain at one moment.

    Parameters
    ----------
    domain : str
        Id.
    regions : tuple of str
        Watched regions.
    levels : ndarray of uint8, shape (n,)
        0 normal, 1 to 4, or UNKNOWN.
    assessments : tuple of Assessment
        One for every region that is not normal.
    carried : dict of ndarray
        Levels and when they began, for the next cycle.
    """

    domain: str
    regions: tuple[str, ...]
    levels: Levels
    assessments: tuple[Assessment, ...]
    carried: dict[str, NDArray[Any]]


def is_on(event: Event, at: datetime, hold: timedelta) -> bool:
    """Whether an event counts at a moment: on, announced for the next ``hold``, or a point not long ago.

    Parameters
    ----------
    event : Event
        One without length, such as an earthquake, counts for ``hold`` after its onset; one that nobody has
        ended is on.
    at : datetime
        Moment of knowledge.
    hold : timedelta
        How long a warning stands.

    Returns
    -------
    bool
    """
    if event.onset > at + hold:
        return False
    if event.ends is None:
        return True
    return event.ends > at or (event.ends == event.onset and at - event.onset <= hold)


def run(
    at: datetime,
    domain: Domain,
    watched: Sequence[str],
    detections: Sequence[Detection],
    events: Sequence[Event],
    standing: Sequence[Alert],
    unknown: frozenset[str],
    likelihood: float,
    carried: Mapping[str, NDArray[Any]],
    matrix: Matrix | None = None,
) -> Assessed:
    """Join detections, events and standing warnings into one level a region.

    Parameters
    ----------
    at : datetime
        Moment of knowledge.
    domain : Domain
        Criteria and titles.
    watched : sequence of str
        Ids of its regions.
    detections, events, standing : sequences
        Findings, reports of others, warnings that stand.
    unknown : frozenset of str
        Regions whose inputs are missing: never calm.
    likelihood : float
        Measured share of earlier warnings that came true; NaN where it was not measured.
    carried : mapping of ndarray
        As left by the last cycle.
    matrix : Matrix or None
        The country's; read at the very end, in a domain that says so and where the likelihood is known.

    Returns
    -------
    Assessed
    """
    read = _reader(domain, likelihood, matrix)
    reasons: dict[str, list[_Reason]] = {}
    titles = {m.quantity.id: (m.quantity.title, m.quantity.unit) for m in domain.monitors}
    for d in detections:
        impact = (3 if d.severe else 2) if d.alarm else 1
        reasons.setdefault(d.region, []).append(
            (read(impact), impact, _from_detection(d, titles[d.quantity]))
        )
    for event in events:
        impact = domain.criteria.event_level(event.magnitude)
        if impact and event.status == "actual":
            for region in event.regions:
                reasons.setdefault(region, []).append((read(impact), impact, _from_event(event, region)))
    for alert in standing:
        if alert.state is not State.ISSUED or alert.msg_type == "Cancel":
            continue  # a draft warns nobody yet, and a message that takes a warning back warns no more
        for member in alert.members:
            reason = (alert.level, alert.impact, _from_alert(alert, member.region))
            reasons.setdefault(member.region, []).append(reason)

    index = {region: i for i, region in enumerate(watched)}
    levels = np.zeros(len(watched), np.uint8)
    for region in unknown:
        levels[index[region]] = UNKNOWN
    for region, found in reasons.items():
        if region in index:
            # A warning that stands is not lowered because its inputs fell silent.
            levels[index[region]] = max(level for level, _, _ in found)
    since = np.full(len(watched), to_us(at), np.int64)
    if "level" in carried:
        since = np.where(carried["level"] == levels, carried["since"], since)
    assessments = [
        _assessment(
            at,
            domain,
            region,
            int(levels[i]),
            from_us(int(since[i])),
            reasons.get(region, []),
            likelihood,
            matrix,
        )
        for region, i in index.items()
        if levels[i] != 0
    ]
    return Assessed(
        domain=domain.id,
        regions=tuple(watched),
        levels=levels,
        assessments=tuple(assessments),
        carried={"level": levels, "since": since},
    )


def _by_matrix(domain: Domain, matrix: Matrix | None) -> bool:
    return domain.criteria.level_by == "matrix" and matrix is not None


def _reader(domain: Domain, likelihood: float, matrix: Matrix | None) -> Callable[[int], int]:
    """What gives the level of an impact; what stands out is at least a watch, whatever the matrix says."""
    if matrix is None or not _by_matrix(domain, matrix):
        return lambda impact: impact

    def read(impact: int) -> int:
        known = matrix.level(likelihood, impact)
        return impact if known is None else max(known, 1)

    return read


def _assessment(
    at: datetime,
    domain: Domain,
    region: str,
    level: int,
    since: datetime,
    found: list[_Reason],
    likelihood: float,
    matrix: Matrix | None,
) -> Assessment:
    ordered = sorted(found, key=lambda reason: (-reason[0], reason[2].kind, reason[2].ref))
    impact = level if level <= 4 else 1
    if _by_matrix(domain, matrix):  # by a stated rule level and impact are one
        impact = max((i for _, i, _ in found), default=1)
    return Assessment(
        region=region,
        domain=domain.id,
        at=at,
        likelihood=likelihood if 2 <= level <= 4 else float("nan"),
        impact=impact,
        level=level,
        since=since,
        contributors=tuple(contributor for _, _, contributor in ordered),
    )


def _from_detection(d: Detection, titled: tuple[str, str]) -> Contributor:
    title, unit = titled
    shown = "" if unit == "1" else f" {unit}"
    hours = f" in {d.window_h} h" if 1 < d.window_h <= 72 else ""  # a month is said by the title
    text = (
        f"{title}{hours}: {d.value:.4g}{shown}, expected {d.expected:.4g}{shown}; "
        f"in normal times so far out once in {_once_in(d.tail)}"
    )
    return Contributor(
        kind="detection", ref=f"{d.quantity}/{d.window_h}h", region=d.region, text=text, weight=1.0
    )


def _once_in(tail: float) -> str:
    """How many periods lie between two values so far out, to two digits.

    Examples
    --------
    >>> _once_in(0.0023), _once_in(0.5)
    ('430', '2')
    """
    return f"{float(f'{1 / max(tail, 1e-12):.2g}'):,.0f}"


def _from_event(event: Event, region: str) -> Contributor:
    size = "" if event.magnitude is None else f" ({event.magnitude:g} {event.unit})"
    return Contributor(kind="event", ref=event.id, region=region, text=f"{event.title}{size}", weight=1.0)


def _from_alert(alert: Alert, region: str) -> Contributor:
    return Contributor(kind="alert", ref=alert.id, region=region, text=alert.headline, weight=1.0)
