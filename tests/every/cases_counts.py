"""Worlds for the methods that judge counts by a baseline of comparable weeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.methods.bayes import Bayes
from tocsin.detect.methods.cdc import Cdc
from tocsin.detect.methods.ears import Ears
from tocsin.detect.methods.farrington import Farrington
from tocsin.detect.methods.farrington_flexible import FarringtonFlexible
from tocsin.detect.methods.rki import Rki
from tocsin.model import DAY
from tocsin.testing.detectors import Case

Floats = NDArray[np.float64]
WEEK = 7 * DAY


def cases_of_a_disease(rng: np.random.Generator, n_times: int, n: int) -> Floats:
    """Weekly counts around 12 with a season, more variable than Poisson ones."""
    mean = 12 * np.exp(0.4 * np.cos(2 * np.pi * np.arange(n_times) / 52.18))
    return rng.negative_binomial(np.repeat(mean[:, None], n, 1) / 0.5, 1 / 1.5).astype(float)


def visits(rng: np.random.Generator, n_times: int, n: int) -> Floats:
    """Daily Poisson counts around 10."""
    return rng.poisson(10.0, (n_times, n)).astype(float)


def outbreak(values: Floats) -> Floats:
    return 4 * values + 25


def inhabitants(n_times: int, n: int) -> dict[str, Floats]:
    growth = 1 + np.arange(n_times)[:, None] / 2000
    return {"population": 1e5 * (1 + np.arange(n)) * growth}


def weekly(detector, **more):
    return Case(detector=detector, normal=cases_of_a_disease, fault=outbreak, step=WEEK, **more)


CASES = {
    "farrington_flexible": weekly(
        FarringtonFlexible(b=3, no_periods=5, past_weeks_not_included=10), warm=230
    ),
    "farrington_flexible-delta": weekly(
        FarringtonFlexible(
            b=3,
            no_periods=1,
            past_weeks_not_included=None,
            threshold_method="delta",
            dates=False,
            trend=False,
        ),
        warm=230,
    ),
    "farrington_flexible-population": weekly(
        FarringtonFlexible(
            b=3, no_periods=4, past_weeks_not_included=10, population_offset=True, trend=False
        ),
        warm=230,
        given=inhabitants,
    ),
    "farrington": weekly(Farrington(b=3), warm=230),
    "bayes": weekly(Bayes(b=2, w=4), warm=160),
    "rki": weekly(Rki(), warm=160),
    "cdc": weekly(Cdc(b=3), warm=230),
    "ears": Case(detector=Ears(), normal=visits, fault=outbreak, step=DAY, warm=60),
    "ears-C2": Case(detector=Ears(variant="C2"), normal=visits, fault=outbreak, step=DAY, warm=60),
    "ears-C3": Case(detector=Ears(variant="C3"), normal=visits, fault=outbreak, step=DAY, warm=60),
}
