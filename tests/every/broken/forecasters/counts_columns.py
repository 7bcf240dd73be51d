"""Takes the place of a series for something about it."""

from dataclasses import dataclass

import numpy as np

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_order_of_series"
REASON = "in another order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        return SeasonalNaive.quantiles(self, panel, steps, levels, why) + np.arange(panel.values.shape[1])


FORECASTER = Broken
