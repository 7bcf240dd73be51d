"""Alarms against events: hits, false alarms, misses, and every score that is made of these counts.

References
----------
Jolliffe, Stephenson (2012), Forecast Verification, second edition, doi:10.1002/9781119960003, chapter 3;
Ferro, Stephenson (2011), Weather and Forecasting 26:699, doi:10.1175/WAF-D-10-05030.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contingency:
    """Alarms against events, counted; every score is NaN where it is 0 / 0.

    Parameters
    ----------
    hits, false_alarms, misses, correct_negatives : ndarray of float64
        Counts, of one shape: one entry a method, region, threshold …

    Examples
    --------
    Finley's tornado forecasts of 1884:

    >>> finley = Contingency(hits=28, false_alarms=72, misses=23, correct_negatives=2680)
    >>> round(float(finley.heidke_skill), 6), round(float(finley.peirce_skill), 6)
    (0.355325, 0.522857)
    """

    hits: ArrayLike
    false_alarms: ArrayLike
    misses: ArrayLike
    correct_negatives: ArrayLike

    def _cells(self) -> tuple[Floats, Floats, Floats, Floats]:
        a, b, c, d = np.broadcast_arrays(
            *(
                np.asarray(cell, np.float64)
                for cell in (self.hits, self.false_alarms, self.misses, self.correct_negatives)
            )
        )
        return a, b, c, d

    @property
    def total(self) -> Floats:
        """Number of pairs."""
        a, b, c, d = self._cells()
        return np.asarray(a + b + c + d)

    @property
    def proportion_correct(self) -> Floats:
        """Share of pairs that agree."""
        a, _, _, d = self._cells()
        return _ratio(a + d, self.total)

    @property
    def probability_of_detection(self) -> Floats:
        """Share of events with an alarm (hit rate)."""
        a, _, c, _ = self._cells()
        return _ratio(a, a + c)

    @property
    def false_alarm_ratio(self) -> Floats:
        """Share of alarms without an event."""
        a, b, _, _ = self._cells()
        return _ratio(b, a + b)

    @property
    def probability_of_false_detection(self) -> Floats:
        """Share of non-events with an alarm (false alarm rate)."""
        _, b, _, d = self._cells()
        return _ratio(b, b + d)

    @property
    def critical_success(self) -> Floats:
        """Threat score: hits among all alarms and events."""
        a, b, c, _ = self._cells()
        return _ratio(a, a + b + c)

    @property
    def bias(self) -> Floats:
        """Alarms for each event."""
        a, b, c, _ = self._cells()
        return _ratio(a + b, a + c)

    @property
    def heidke_skill(self) -> Floats:
        """Skill of the proportion correct against chance."""
        a, b, c, d = self._cells()
        return _ratio(2 * (a * d - b * c), (a + c) * (c + d) + (a + b) * (b + d))

    @property
    def peirce_skill(self) -> Floats:
        """Probability of detection less probability of false detection (Hanssen–Kuipers)."""
        return np.asarray(self.probability_of_detection - self.probability_of_false_detection)

    @property
    def gilbert_skill(self) -> Floats:
        """Critical success above chance (equitable threat score)."""
        a, b, c, _ = self._cells()
        chance = _ratio((a + b) * (a + c), self.total)
        return _ratio(a - chance, a + b + c - chance)

    @property
    def clayton_skill(self) -> Floats:
        """Share of events after an alarm less that after none."""
        a, b, c, d = self._cells()
        return np.asarray(_ratio(a, a + b) - _ratio(c, c + d))

    @property
    def odds_ratio(self) -> Floats:
        """Odds of an alarm before an event over those before none."""
        a, b, c, d = self._cells()
        return _ratio(a * d, b * c)

    @property
    def odds_ratio_skill(self) -> Floats:
        """Yule's Q."""
        a, b, c, d = self._cells()
        return _ratio(a * d - b * c, a * d + b * c)

    @property
    def extreme_dependency(self) -> Floats:
        """EDS (Stephenson, Casati, Ferro, Wilson 2008, doi:10.1002/met.53)."""
        a, _, c, _ = self._cells()
        n = self.total
        return np.asarray(_ratio(2 * _log(_ratio(a + c, n)), _log(_ratio(a, n))) - 1)

    @property
    def symmetric_extreme_dependency(self) -> Floats:
        """SEDS (Hogan, O’Connor, Illingworth 2009, Quarterly Journal of the RMS 135:1494)."""
        a, b, c, _ = self._cells()
        n = self.total
        return np.asarray(_ratio(_log(_ratio(a + b, n)) + _log(_ratio(a + c, n)), _log(_ratio(a, n))) - 1)

    @property
    def extremal_dependence(self) -> Floats:
        """EDI (Ferro, Stephenson 2011, doi:10.1175/WAF-D-10-05030.1)."""
        f, h = _log(self.probability_of_false_detection), _log(self.probability_of_detection)
        return _ratio(f - h, f + h)

    @property
    def symmetric_extremal_dependence(self) -> Floats:
        """SEDI (Ferro, Stephenson 2011, doi:10.1175/WAF-D-10-05030.1)."""
        pofd, pod = self.probability_of_false_detection, self.probability_of_detection
        f, h, not_f, not_h = _log(pofd), _log(pod), _log(1 - pofd), _log(1 - pod)
        return _ratio(f - h - not_f + not_h, f + h + not_f + not_h)


def contingency(alarm: ArrayLike, event: ArrayLike, axis: int | None = None) -> Contingency:
    """Count alarms against events.

    Parameters
    ----------
    alarm, event : array_like of bool
        Of one shape.
    axis : int, optional
        Along which to count; all by default.

    Examples
    --------
    >>> table = contingency([True, True, False], [True, False, False])
    >>> int(table.hits), int(table.false_alarms), int(table.misses), int(table.correct_negatives)
    (1, 1, 0, 1)
    """
    x, y = np.asarray(alarm, np.bool_), np.asarray(event, np.bool_)
    return Contingency(
        hits=np.sum(x & y, axis),
        false_alarms=np.sum(x & ~y, axis),
        misses=np.sum(~x & y, axis),
        correct_negatives=np.sum(~x & ~y, axis),
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part / whole, np.float64)


def _log(x: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(x), np.float64)
