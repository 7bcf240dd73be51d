"""Leaves the last step unknown."""

from dataclasses import dataclass

import numpy as np

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_finite"
REASON = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        told = SeasonalNaive.quantiles(self, panel, steps, levels, why)
        told[-1] = np.nan
        return told


FORECASTER = Broken
