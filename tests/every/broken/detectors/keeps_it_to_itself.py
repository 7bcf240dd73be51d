"""Keeps a part of its state where no file reaches."""

from dataclasses import dataclass, replace

import numpy as np

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_state_survives"
REASON = "after a round trip"


class Kept(dict):
    last = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def start(self, n):
        return Kept(RobustEwma.start(self, n))

    def step(self, state, values, now):
        old = getattr(state, "last", np.zeros(len(values)))
        fresh, one = RobustEwma.step(self, dict(state), values, now)
        kept = Kept(fresh)
        kept.last = values
        return kept, replace(one, expected=one.expected + 0.1 * old)


DETECTOR = Broken
