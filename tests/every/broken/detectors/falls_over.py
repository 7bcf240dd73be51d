"""Divides by the spread of the values, which may be nothing."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_bad_input"
REASON = "constant: got"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, expected=one.expected / np.ptp(values) if values.size else one.expected)


DETECTOR = Broken
