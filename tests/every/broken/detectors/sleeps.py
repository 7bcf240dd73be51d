"""Never judges anything as rare."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_finds_what_is_planted"
REASON = "in the series struck"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, tail=np.maximum(one.tail, 0.005))


DETECTOR = Broken
