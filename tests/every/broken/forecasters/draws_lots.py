"""Draws lots that nobody gave it."""

from dataclasses import dataclass

import numpy as np

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_deterministic"
REASON = "got others the second time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        told = SeasonalNaive.quantiles(self, panel, steps, levels, why)
        return told + np.random.default_rng().normal(0, 1e-3)


FORECASTER = Broken
