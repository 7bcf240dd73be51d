"""Takes a missing value for a normal one."""

from dataclasses import dataclass

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_missing_stays_missing"
REASON = "where the value is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        return RobustEwma.step(self, state, np.where(np.isnan(values), 10.0, values), now)


DETECTOR = Broken
