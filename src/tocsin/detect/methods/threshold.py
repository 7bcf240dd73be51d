"""A fixed threshold: exceeded or not, with the share of the past that exceeded it.

Good for quantities with an agreed limit (a river gauge, a reserve margin, a rate that triggers a law), where
the limit itself, not its rarity, is the message. Not good where normal drifts: a fixed limit then alarms for
ever or never, and no budget of false alarms can hold.

The tail is the share of earlier values at least as far beyond the limit, over the whole past of the series
(a Laplace estimate); a value that does not reach the limit has tail 1. So a limit that is passed every day is
not rare, however high it is.

Cost: 264 bytes of state a series; a few operations a step.

References
----------
World Meteorological Organization (2021), WMO-No. 1150, part II (threshold-based warnings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive

BINS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Values beyond a limit.

    Parameters
    ----------
    limit : float
        In the unit of the quantity.
    side : str
        ``high``: bad above the limit; ``low``: bad below it.
    width : float
        Width of the bins in which earlier exceedances are counted, in the unit of the quantity.
    """

    NAME: ClassVar[str] = "threshold"
    SEASON: ClassVar[str] = "none"

    limit: float
    side: str = "high"
    width: float = 1.0

    def __post_init__(self) -> None:
        one_of("threshold", "side", self.side, ("high", "low"))
        positive("threshold", "width", self.width)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {"seen": np.zeros(n, np.int64), "beyond": np.zeros((BINS, n), np.int64)}

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then count it."""
        del now  # a fixed limit has no season
        n = len(values)
        sign = 1.0 if self.side == "high" else -1.0
        known = np.isfinite(values)
        excess = np.where(known, sign * (values - self.limit), -1.0)
        reached = known & (excess >= 0)
        bins = np.clip(excess / self.width, 0, BINS - 1).astype(np.int64)
        as_far = np.cumsum(state["beyond"][::-1], 0)[::-1][bins, np.arange(n)]
        tail = np.where(reached, (as_far + 1) / (state["seen"] + 2), 1.0)
        state["beyond"][bins[reached], np.flatnonzero(reached)] += 1
        state["seen"] = state["seen"] + known
        limit = np.full(n, float(self.limit))
        nothing = np.full(n, np.nan)
        return state, Step(
            tail=np.where(known, tail, np.nan),
            expected=nothing,
            lower=limit if self.side == "low" else nothing,
            upper=limit if self.side == "high" else nothing,
            window=np.ones(n, np.int16),
            total=values.copy(),
            total_expected=limit,
        )


DETECTOR = Threshold
