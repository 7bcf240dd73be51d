"""Gives a score in the place of a probability."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_tail_is_a_probability"
REASON = "tail: got"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, tail=-np.log10(one.tail) + 1.5)


DETECTOR = Broken
