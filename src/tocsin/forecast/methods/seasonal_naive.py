"""Seasonal naive: as it was one season ago.

Good as the yardstick that every other method must beat, and for strong seasons without a trend. Not good for
series with a trend, nor where the last season was out of the ordinary.

The middle is the newest known value of the same phase of the season; the spread are the errors that this same
rule made over the past, for the same number of seasons ahead, pooled over the phases of a series. With
``season = 1`` it is the naive forecast (as it was last).

Cost: no fit; about 1 ms for 1,000 values and 10 steps of a series, all series at once.

References
----------
Hyndman, Athanasopoulos (2021), Forecasting: Principles and Practice, third edition, OTexts, section 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.forecast.contract import Floats, Why, require, say, whole
from tocsin.model import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalNaive:
    """As it was one season ago.

    Parameters
    ----------
    season : int
        Length of the season in periods; 1 for none.
    least : float or None
        Smallest possible value, 0 for counts; None for no bound.
    errors : int
        Past errors that a series needs before it is forecast.
    window : int
        Newest periods from which errors are taken.
    """

    NAME: ClassVar[str] = "seasonal_naive"

    season: int = 1
    least: float | None = None
    errors: int = 8
    window: int = 2000

    def __post_init__(self) -> None:
        for name in ("season", "errors", "window"):
            whole("seasonal_naive", name, getattr(self, name), 1)

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        given = require("seasonal_naive", steps, levels)
        values = panel.values[-self.window :]
        n_times, n = values.shape
        out = np.full((steps, len(given), n), np.nan)
        spreads: dict[int, Floats] = {}
        for step in range(1, steps + 1):
            seasons = -(-step // self.season)
            lag = seasons * self.season
            if lag not in spreads:
                spreads[lag] = self._errors(values, lag, given)
            middle = self._middle(values, n_times - lag + step - 1)
            out[step - 1] = middle + spreads[lag]
        if self.least is not None:
            out = np.maximum(out, self.least)
        for column in np.flatnonzero(np.isnan(out).any((0, 1))):
            say(why, panel.regions[column], f"fewer than {self.errors} values with one a season before")
        return out

    def _middle(self, values: Floats, row: int) -> Floats:
        """Newest known value of the phase of ``row``, at or before it."""
        phase = values[row :: -self.season] if row >= 0 else values[:0]
        if not len(phase):
            return np.full(values.shape[1], np.nan)
        first = np.argmax(np.isfinite(phase), 0)
        found: Floats = phase[first, np.arange(values.shape[1])]
        return found

    def _errors(self, values: Floats, lag: int, levels: Floats) -> Floats:
        """Quantiles of the errors at a lag, the median taken off, shape (n_levels, n)."""
        errors = values[lag:] - values[:-lag]
        known = np.isfinite(errors).sum(0)
        out = np.full((len(levels), values.shape[1]), np.nan)
        enough = known >= self.errors
        if enough.any():
            out[:, enough] = np.nanquantile(errors[:, enough], levels, axis=0)
            # The rule is "as it was": a drift of the past is not carried on.
            out[:, enough] -= np.nanmedian(errors[:, enough], axis=0)
        return out


FORECASTER = SeasonalNaive
