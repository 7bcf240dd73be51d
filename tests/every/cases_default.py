"""The default method for counts in the world that it is made for: weekly counts with a season of the year."""

from __future__ import annotations

import numpy as np

from tocsin.detect.methods.seasonal_nb import SeasonalNb
from tocsin.detect.study import negative_binomial
from tocsin.model import DAY
from tocsin.testing.detectors import Case


def weekly(rng, n_times, n):
    """Weekly counts around 20, half as many again in winter, of dispersion 2."""
    season = np.exp(3.0 + 0.4 * np.cos(2 * np.pi * np.arange(n_times) / 52.18))
    return negative_binomial(rng, np.repeat(season[:, None], n, 1), np.full(n, 2.0))


def daily(rng, n_times, n):
    """Daily counts around 5, fewer at weekends."""
    mean = np.where(np.arange(n_times) % 7 < 5, 6.0, 3.0)
    return rng.poisson(np.repeat(mean[:, None], n, 1)).astype(float)


CASES = {
    "seasonal_nb": Case(
        detector=SeasonalNb(), normal=weekly, fault=lambda values: values + 40, warm=130, step=7 * DAY
    ),
    "seasonal_nb-daily": Case(
        detector=SeasonalNb(step_days=1.0, periods=(7.0,), harmonics=(3,), drift=0.005, trend=0.0),
        normal=daily,
        fault=lambda values: 3 * values + 6,
        warm=130,
        step=DAY,
    ),
    "seasonal_nb-nominal": Case(
        detector=SeasonalNb(calibrate=False),
        normal=weekly,
        fault=lambda values: values + 40,
        warm=130,
        step=7 * DAY,
        pooled=False,
        discrete=True,
    ),
}
