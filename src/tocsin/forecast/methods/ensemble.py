"""An ensemble of methods, weighted by their past CRPS.

Good as the method to use when nobody has looked at the series: it is seldom much worse than its best member.
Not good where one member is known to be right.

Each member forecasts from ``origins`` past moments; its weight for a series is the inverse of its mean CRPS
there, to a power. The quantiles of each level are averaged. A member that cannot forecast a series leaves it
to the others.

Cost: ``origins + 1`` times that of all members together.

References
----------
Bates, Granger (1969), doi:10.1057/jors.1969.103;
Lichtendahl, Grushka-Cockayne, Winkler (2013), doi:10.1287/mnsc.1120.1667.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from tocsin.catalog import forecasters
from tocsin.forecast import make
from tocsin.forecast.backtest import backtest
from tocsin.forecast.combination import average_quantiles, weights_by_score
from tocsin.forecast.contract import Floats, Forecaster, Why, require, say, whole
from tocsin.model import ConfigError, Panel
from tocsin.stats.scores import crps_quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Several methods as one.

    Parameters
    ----------
    members : tuple of str
        Names of other methods.
    settings : mapping
        Parameters given to every member that has them, such as ``season``.
    origins : int
        Past moments from which the members are scored.
    power : float
        0: equal weights; 1: inverse CRPS; large: the best one alone.
    """

    NAME: ClassVar[str] = "ensemble"

    members: tuple[str, ...] = ("seasonal_naive", "ets")
    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: int = 6
    power: float = 2.0

    def __post_init__(self) -> None:
        kinds = forecasters()
        allowed = sorted(set(kinds) - {"ensemble"})
        if not self.members or len(set(self.members)) != len(self.members):
            raise ConfigError("ensemble", "members", self.members, "at least one method, each once")
        for name in self.members:
            if name not in allowed:
                raise ConfigError("ensemble", "members", name, allowed)
        taken = {f.name for name in self.members for f in fields(kinds[name])}
        for name in self.settings:
            if name not in taken:
                raise ConfigError("ensemble", "settings", name, sorted(taken))
        whole("ensemble", "origins", self.origins, 1)
        if self.power < 0:
            raise ConfigError("ensemble", "power", self.power, "a number, at least 0")
        self._made()

    def _made(self) -> list[Forecaster]:
        kinds = forecasters()
        made = []
        for name in self.members:
            takes = inspect.signature(kinds[name]).parameters
            made.append(make(name, **{k: v for k, v in self.settings.items() if k in takes}))
        return made

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        require("ensemble", steps, levels)
        weights = self.weights(panel, steps, levels)
        reasons: list[Why] = [{} for _ in self.members]
        told = np.stack(
            [m.quantiles(panel, steps, levels, r) for m, r in zip(self._made(), reasons, strict=True)]
        )
        # A member without a past score, or of no weight, still stands in where no other can.
        alone = np.isfinite(told).all((1, 2)) & ~(np.nan_to_num(weights) > 0)
        none_else = ~(np.isfinite(told).all((1, 2)) & (np.nan_to_num(weights) > 0)).any(0)
        weights = np.where(alone & none_else, 1.0, np.nan_to_num(weights))
        out = average_quantiles(told, weights)
        for column in np.flatnonzero(np.isnan(out).any((0, 1))):
            region = panel.regions[column]
            said = [r[region] for r in reasons if region in r]
            say(why, region, "; ".join(said) or "no member could")
        return out

    def weights(self, panel: Panel, steps: int, levels: Sequence[float]) -> Floats:
        """Weights of the members, shape (n_members, n): from their CRPS on past moments."""
        scores = []
        for member in self._made():
            told, came = backtest(member, panel, steps, levels, self.origins)
            each = crps_quantiles(came, np.moveaxis(told, 2, -1), np.asarray(levels))
            known = np.isfinite(each)
            total = np.where(known, each, 0.0).sum((0, 1))
            count = known.sum((0, 1))
            scores.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
        return weights_by_score(np.stack(scores), self.power)


FORECASTER = Ensemble
