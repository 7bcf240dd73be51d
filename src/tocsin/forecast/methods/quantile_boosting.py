"""Quantile gradient boosting: regression trees on what was known, one model for all series.

Good for many series that behave alike, with effects that no formula names. Not good for a few short series,
nor beyond the range of the past: trees do not extrapolate (each series is taken relative to its newest level
and its own spread, which helps with slow trends).

What the trees see: the newest values, the mean and spread of the last season, the value one season before the
target, its phase, and the number of steps ahead. One model for each level, trained on past moments of all
series together; levels that cross are sorted. Missing values are seen as missing.

Cost: training about 0.2 s a level and 5,000 examples; ``examples`` bounds it. Needs scikit-learn, imported at
first use. The same ``seed`` gives the same forecast.

References
----------
Friedman (2001), Annals of Statistics 29:1189, doi:10.1214/aos/1013203451;
Koenker, Bassett (1978), Econometrica 46:33, doi:10.2307/1913643.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.forecast.contract import Floats, Why, in_order, require, say, whole
from tocsin.model import ConfigError, Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileBoosting:
    """One gradient boosting a level, over all series.

    Parameters
    ----------
    season : int
        Length of the season in periods; 1 for none.
    lags : int
        Newest values that the trees see.
    trees, leaves : int
        Number of trees, leaves of each.
    rate : float
        Learning rate.
    examples : int
        Most examples to train on; drawn when there are more.
    least : float or None
        Smallest possible value.
    seed : int
        Of the draws.
    """

    NAME: ClassVar[str] = "quantile_boosting"

    season: int = 1
    lags: int = 4
    trees: int = 80
    leaves: int = 8
    rate: float = 0.08
    examples: int = 6000
    least: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name, lowest in (("season", 1), ("lags", 1), ("trees", 1), ("leaves", 2), ("examples", 50)):
            whole("quantile_boosting", name, getattr(self, name), lowest)
        if not 0 < self.rate <= 1:
            raise ConfigError("quantile_boosting", "rate", self.rate, "a number above 0, at most 1")

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        given = require("quantile_boosting", steps, levels)
        values = panel.values
        n_times, n = values.shape
        back = max(self.lags, self.season, 2)
        out = np.full((steps, len(given), n), np.nan)
        seen, wanted, target = self._examples(values, steps, back)
        if len(target) < 50:
            reason = f"quantile_boosting: {len(target)} examples of the past, at least 50 are needed"
            for region in panel.regions:
                say(why, region, reason)
            return out
        ahead = np.arange(1, steps + 1)
        now = np.full(steps, n_times - 1)
        rows = [self._features(values, now, ahead, np.full(steps, c)) for c in range(n)]
        features = np.concatenate([r[0] for r in rows]) if rows else np.empty((0, self.lags + 6))
        level = np.concatenate([r[1] for r in rows]) if rows else np.empty(0)
        spread = np.concatenate([r[2] for r in rows]) if rows else np.empty(0)
        told = self._fitted(seen, wanted, features, given)
        scaled = level[:, None] + spread[:, None] * told
        out = scaled.reshape(n, steps, len(given)).transpose(1, 2, 0)
        for column in np.flatnonzero(np.isnan(out).any((0, 1))):
            say(why, panel.regions[column], "quantile_boosting: no value in the last season to start from")
            out[:, :, column] = np.nan
        out = in_order(out)
        return out if self.least is None else np.maximum(out, self.least)

    def _examples(self, values: Floats, steps: int, back: int) -> tuple[Floats, Floats, Floats]:
        """What was known at past moments, and what came, relative to level and spread."""
        n_times, n = values.shape
        pairs = np.stack(np.meshgrid(np.arange(back - 1, n_times - 1), np.arange(1, steps + 1)), -1)
        pairs = pairs.reshape(-1, 2)
        pairs = pairs[pairs.sum(1) < n_times]
        most = max(1, self.examples // max(n, 1))
        if len(pairs) > most:
            # Moments are drawn for all series alike, so that the order of the series changes nothing.
            rng = np.random.default_rng(self.seed)
            pairs = pairs[np.sort(rng.choice(len(pairs), most, replace=False))]
        origin, ahead = np.repeat(pairs, n, 0).T
        column = np.tile(np.arange(n), len(pairs))
        known = np.isfinite(values[origin + ahead, column])
        origin, ahead, column = origin[known], ahead[known], column[known]
        features, level, spread = self._features(values, origin, ahead, column)
        came = values[origin + ahead, column]
        wanted = (came - level) / spread
        usable = np.isfinite(wanted)
        return features[usable], wanted[usable], came[usable]

    def _features(
        self,
        values: Floats,
        origin: NDArray[np.int64],
        ahead: NDArray[np.int64],
        column: NDArray[np.int64],
    ) -> tuple[Floats, Floats, Floats]:
        """Features, level and spread of each example, by what is known at its origin."""
        span = max(self.season, self.lags, 8)
        recent = _back(values, origin, column, np.arange(span))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an empty slice gives NaN: that is meant
            level = np.nanmean(recent, 1)
            spread = np.nanstd(recent, 1)
        size = np.maximum(1.0, np.abs(level))
        spread = np.where(spread > 1e-9 * size, spread, size)
        seasons = -(-ahead // self.season)
        lag = seasons * self.season - ahead  # of the origin: the target's phase, one season or more before
        before = _back(values, origin - lag, column, np.zeros(1, np.int64))[:, 0]
        angle = 2 * np.pi * ((origin + ahead) % self.season) / self.season
        features = np.column_stack(
            [
                (recent[:, : self.lags] - level[:, None]) / spread[:, None],
                (before - level) / spread,
                np.log(spread / np.maximum(np.abs(level), 1e-9)),
                ahead,
                np.cos(angle),
                np.sin(angle),
                level,
            ]
        )
        return features, level, spread

    def _fitted(self, seen: Floats, wanted: Floats, features: Floats, levels: Floats) -> Floats:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        columns = []
        with threadpool_limits(limits=1):  # so small a job is slower on many threads
            for level in levels:
                model = HistGradientBoostingRegressor(
                    loss="quantile",
                    quantile=float(level),
                    max_iter=self.trees,
                    max_leaf_nodes=self.leaves,
                    learning_rate=self.rate,
                    min_samples_leaf=min(20, max(2, len(wanted) // 20)),
                    early_stopping=False,
                    random_state=self.seed,
                )
                columns.append(model.fit(seen, wanted).predict(features) if len(features) else np.empty(0))
        told: Floats = np.stack(columns, 1)
        return told


def _back(
    values: Floats, origin: NDArray[np.int64], column: NDArray[np.int64], lags: NDArray[np.int64]
) -> Floats:
    """Values at ``origin - lag``, NaN before the first one."""
    row = origin[:, None] - lags
    return np.where(row >= 0, values[np.maximum(row, 0), column[:, None]], np.nan)


FORECASTER = QuantileBoosting
