"""Remembers, in a class, what it saw in an earlier scan: the future of the next."""

from dataclasses import dataclass, replace
from typing import ClassVar

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_past_only"
REASON = "the first 30 of 300"


@dataclass(frozen=True, kw_only=True)
class Broken(RobustEwma):
    SEEN: ClassVar[list] = []

    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)
        self.SEEN.append(values)
        later = self.SEEN[min(len(self.SEEN) - 1, 299)]
        return state, replace(one, tail=one.tail * (0.5 if later[0] > 10 else 1.0))


DETECTOR = Broken
