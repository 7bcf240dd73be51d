"""Expects of each series what all of them show on average."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_series_alone"
REASON = "judged alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, expected=one.expected * 0 + np.mean(one.expected))


DETECTOR = Broken
