"""Draws from a generator that nobody passed in."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_deterministic"
REASON = "the second run"
RNG = np.random.default_rng(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, tail=one.tail * RNG.uniform(0.5, 1.0))


DETECTOR = Broken
