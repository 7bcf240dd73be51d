"""Judges a series by where it stands among the others."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_order_of_series"
REASON = "another order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, tail=one.tail * np.linspace(0.5, 1.0, len(values)))


DETECTOR = Broken
