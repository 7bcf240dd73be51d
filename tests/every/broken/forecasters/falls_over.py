"""Divides by a spread that may be none."""

from dataclasses import dataclass

import numpy as np

from tocsin.forecast.methods.seasonal_naive import SeasonalNaive

BREAKS = "check_bad_input"
REASON = "constant: got FloatingPointError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(SeasonalNaive):
    def quantiles(self, panel, steps, levels, why=None):
        with np.errstate(all="raise"):
            np.float64(1) / np.nanstd(panel.values)
        return SeasonalNaive.quantiles(self, panel, steps, levels, why)


FORECASTER = Broken
