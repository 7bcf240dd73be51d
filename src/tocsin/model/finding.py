"""Findings: detections and assessments, each naming what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 254
"""Level byte of a region that is watched but whose inputs are missing: never shown as calm."""
UNCOVERED = 255
"""Level byte of a region that nothing watches in this domain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """What a detector says, one row a time and one column a series.

    Parameters
    ----------
    tail : ndarray of float64, shape (n_times, n_series)
        Probability of a value this extreme in normal times, judged by the past only; NaN where unknown.
    expected : ndarray of float64, same shape
        Value expected; NaN where the method has none.
    lower, upper : ndarray of float64, same shape
        Normal band; NaN where the method has none.
    alarm : ndarray of bool, same shape, or None
        Alarms by the method's own rule; None for a method that has no rule but the tail.
    details : mapping of str to ndarray of float64, same shape
        What else the method computed, under the name that its reference uses.
    """

    tail: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    alarm: NDArray[np.bool_] | None = None
    details: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One series is outside normal: the finding, and the *why*.

    Parameters
    ----------
    quantity, region : str
        The series.
    method : str
        Detector.
    valid_time, ends : datetime
        The window judged.
    known_at : datetime
        Moment of the cycle.
    value, expected : float
        In the quantity's unit, over the window.
    tail : float
        Calibrated tail probability.
    threshold : float
        Threshold of the false-alarm budget at that moment.
    window_h : int
        Length of the window, hours.
    alarm : bool
        Whether the tail passes the threshold and the series may raise a warning.
    joins : bool
        Whether it is enough to join a warning that already stands nearby.
    severe : bool
        Whether the domain's long window is beyond its severe share.
    """

    quantity: str
    region: str
    method: str
    valid_time: datetime
    ends: datetime
    known_at: datetime
    value: float
    expected: float
    tail: float
    threshold: float
    window_h: int
    alarm: bool
    joins: bool = False
    severe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributor:
    """One reason for an assessment.

    Parameters
    ----------
    kind : str
        ``detection`` or ``event``.
    ref : str
        Quantity id and window for a detection, event id for an event.
    region : str
        Where.
    text : str
        The reason in words, with numbers and units.
    weight : float
        Share in the assessment, 0 to 1.
    """

    kind: str
    ref: str
    region: str
    text: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Region by domain: how likely, how bad, which level, and from what.

    Parameters
    ----------
    region, domain : str
        Ids.
    at : datetime
        Moment of knowledge.
    likelihood : float
        Probability that the outcome of the domain's rule follows, 0 to 1; NaN where nobody has measured it.
    impact : int
        1 minimal to 4 severe.
    level : int
        0 normal, 1 to 4, or :data:`UNKNOWN`.
    since : datetime
        When this level began.
    contributors : tuple of Contributor
        What it rests on.
    compound_with : tuple of str
        ``domain@region`` of other domains above normal here or next door in the same window.
    """

    region: str
    domain: str
    at: datetime
    likelihood: float
    impact: int
    level: int
    since: datetime
    contributors: tuple[Contributor, ...]
    compound_with: tuple[str, ...] = ()
