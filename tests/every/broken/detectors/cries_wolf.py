"""States tails a fifth as large as they are."""

from dataclasses import dataclass, replace

from tocsin.detect.methods.robust_ewma import RobustEwma

BREAKS = "check_alarm_rate"
REASON = "alarm rate: got"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(RobustEwma):
    def step(self, state, values, now):
        state, one = RobustEwma.step(self, state, values, now)

        return state, replace(one, tail=one.tail / 5)


DETECTOR = Broken
