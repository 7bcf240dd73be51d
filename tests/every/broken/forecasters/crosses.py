"""Gives the quantiles from the highest to the lowest."""

from dataclasses import dataclass

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_quantiles_in_order"
REASON = "got some that fall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        return SeasonalNaive.quantiles(self, panel, steps, levels, why)[:, ::-1]


FORECASTER = Broken
