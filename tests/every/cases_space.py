"""Methods that judge a map together: forty areas on a grid, of which the first three are neighbours."""

from __future__ import annotations

import numpy as np

from tocsin.detect.methods.flexible_scan import FlexibleScan
from tocsin.detect.methods.kulldorff import Kulldorff
from tocsin.detect.methods.local_excess import LocalExcess
from tocsin.detect.methods.space_time import SpaceTime
from tocsin.model import DAY
from tocsin.testing.detectors import Case

WIDE = 8
"""Areas in a row of the grid."""


def counts(rng, n_times, n):
    """Daily counts around 20 in every area."""
    return rng.poisson(20.0, (n_times, n)).astype(float)


def grid(n_times, n):
    """Places 50 km apart, no two distances equal; as many people in each."""
    each = np.arange(n)
    wobble = np.random.default_rng(40).normal(0, 1, (2, 400))[:, :n]
    return {
        "population": np.full(n, 1e5),
        "trials": np.full(n, 2000.0),
        "x": 50.0 * (each % WIDE) + wobble[0],
        "y": 50.0 * (each // WIDE) + wobble[1],
    }


def case(detector, **words):
    said = {
        "normal": counts,
        "fault": lambda values: values + 30,
        "given": grid,
        "step": DAY,
        "warm": 200,
        "discrete": True,
    }
    return Case(detector=detector, **(said | words))


CASES = {
    "kulldorff": case(Kulldorff()),
    "kulldorff-nominal": case(Kulldorff(calibrate=False), pooled=False),
    "kulldorff-bernoulli": case(Kulldorff(model="bernoulli", window=3, bound=0.25)),
    "flexible_scan": case(FlexibleScan(size=6)),
    "space_time": case(SpaceTime()),
    "space_time-nominal": case(SpaceTime(calibrate=False, nearest=6, longest=3), pooled=False),
    "local_excess": case(LocalExcess()),
    "local_excess-nation": case(LocalExcess(prior="nation", calibrate=False, window=10), pooled=False),
}
