"""E-detector: a promise about the whole run that holds whenever one looks.

Good where somebody looks at the chart all the time and may stop, start or look again whenever they like: the
promise is not about one period but about the run. In normal times the expected number of periods to an alarm
is at least ``arl0``, without simulation and without independence of the series. Not good as the fastest chart
for a change whose size is known (a CUSUM made for that size is faster), and with ``ranks`` not where values
have a season or a trend.

Each period gives an e-value, whose expectation in normal times is at most 1 whatever came before. With
``model = "ranks"`` it comes from the rank of the value among the last ``memory`` ones, and needs no
distribution: normal times only have to be exchangeable (exactly so until the memory is full). With
``model = "counts"`` it is the likelihood ratio of Poisson counts against a given expectation, averaged over
the ``ratios``. Evidence adds up by the rule of Shiryaev and Roberts, ``R = (R + 1) e``, or by that of the
CUSUM. The chart alarms when it reaches ``arl0`` and begins anew.

The nominal tail is ``1 / (1 + R)``, of which only the order means something; it is calibrated on the past.

Cost: 8 bytes a series, with ranks 8 more for each value of the memory; a step costs one pass over the memory.

References
----------
Shin, Ramdas, Rinaldo (2024), New England Journal of Statistics in Data Science 2:229,
doi:10.51387/23-NEJSDS51;
Vovk, Wang (2021), Annals of Statistics 49:1736, doi:10.1214/20-AOS2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError
from tocsin.stats import evalues


@dataclass(frozen=True, slots=True, kw_only=True)
class EDetector:
    """Evidence that adds up, and is valid at any time.

    Parameters
    ----------
    arl0 : float
        Least expected number of periods to a false alarm.
    model : str
        ``ranks`` or ``counts``.
    side : str
        ``high`` or ``low``.
    kind : str
        ``sr`` or ``cusum``.
    memory : int
        Values among which a new one is ranked.
    least : int
        Values that a series needs before it is judged by ranks.
    ratios : tuple of float
        Rate ratios that count models look for; below 1 for ``low``.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "e_detector"

    arl0: float = 500.0
    model: str = "ranks"
    side: str = "high"
    kind: str = "sr"
    memory: int = 260
    least: int = 20
    ratios: tuple[float, ...] = (1.2, 1.5, 2.0, 3.0)
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("e_detector", "model", self.model, ("ranks", "counts"))
        one_of("e_detector", "side", self.side, ("high", "low"))
        one_of("e_detector", "kind", self.kind, evalues.KINDS)
        if not self.arl0 > 1:
            raise ConfigError("e_detector", "arl0", self.arl0, "a run length above 1")
        for name in ("memory", "least"):
            positive("e_detector", name, getattr(self, name))
        if self.least > self.memory:
            raise ConfigError("e_detector", "least", self.least, f"at most the memory of {self.memory}")
        above = self.side == "high"
        if not self.ratios or any(not r > 0 or r == 1 or (r > 1) != above for r in self.ratios):
            allowed = f"numbers {'above 1' if above else 'between 0 and 1'}"
            raise ConfigError("e_detector", "ratios", self.ratios, allowed)

    @property
    def GIVEN(self) -> tuple[str, ...]:
        """What the chart cannot do without."""
        return ("expected",) if self.model == "counts" else ()

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        state = evalues.start(n) | {"scores": calibration.start(1)}
        return state | ring.start(self.memory, n) if self.model == "ranks" else state

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series."""
        if self.model == "counts":
            with np.errstate(invalid="ignore"):
                usable = (values >= 0) & (now.of("expected") > 0)
            expected = np.where(usable, now.of("expected"), np.nan)
            each = [evalues.of_counts(np.where(usable, values, np.nan), expected, r) for r in self.ratios]
            e = np.mean(each, axis=0)
        else:
            e, expected = self._by_rank(state, values)
        evidence = evalues.detect(state, e, kind=self.kind)
        with np.errstate(invalid="ignore"):
            alarm = evidence >= self.arl0
        evalues.restart(state, alarm)
        nominal = 1 / (1 + evidence)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        details = {"evidence": np.minimum(evidence, 1e300), "e_value": np.minimum(e, 1e300)}
        return state, Step.of(values, tail=tail, expected=expected, alarm=alarm, details=details)

    def _by_rank(self, state: State, values: Floats) -> tuple[Floats, Floats]:
        past = state["ring"]
        known = np.isfinite(past)
        count = known.sum(0)
        with np.errstate(invalid="ignore"):
            beyond = past >= values if self.side == "high" else past <= values
        # The value itself counts, and so do all equal ones: the p-value is never too small.
        p = (1 + (beyond & known).sum(0)) / (1 + count)
        ready = np.isfinite(values) & (count >= self.least)
        e = evalues.from_p(np.where(ready, p, np.nan))
        total = np.where(known, past, 0.0).sum(0)
        expected = np.where(count >= self.least, total / np.maximum(count, 1), np.nan)
        ring.push(state, values)
        return e, expected


DETECTOR = EDetector
