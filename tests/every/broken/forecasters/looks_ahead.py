"""Reads on in the memory that its past is a view into."""

from dataclasses import dataclass

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_past_only"
REASON = "got others beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        told = SeasonalNaive.quantiles(self, panel, steps, levels, why)
        whole = panel.values.base
        if whole is not None and len(whole) > len(panel.values):
            told = told * 0 + whole[len(panel.values)]
        return told


FORECASTER = Broken
