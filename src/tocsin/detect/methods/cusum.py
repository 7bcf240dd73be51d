"""CUSUM of counts, with several transformations to near normality.

Good for a small, lasting rise of counts whose mean in normal times is known or steady: it adds up what is
left over and does not forget. Not good for a single sharp peak (a chart of single counts sees that as soon),
nor where the mean has a season or a trend that the training phase does not hold.

Each count is transformed to a score of mean about 0 and variance about 1, and ``S = max(0, S + score - k)``.
The chart alarms at ``S >= h`` by its own rule. As in R's ``surveillance`` it goes on after an alarm unless
``reset`` is set, so that an alarm stands until the sum has run down. The mean comes from the first ``phase1``
periods (their mean, or a Poisson regression with one harmonic) or from outside. With ``arl0`` the limit is
the one at which a chart of normal scores alarms once in so many periods; counts with a mean below about five
alarm more often than that (:func:`tocsin.stats.run_length.poisson_cusum_arl` says how often).

The nominal tail of S is Lundberg's bound ``exp(-2 k S)`` for a sum of normal scores; it is calibrated on the
past. Scores that follow each other are not independent, so alarms come in runs.

Cost: 24 bytes a series and the training phase; a few operations a step.

References
----------
Rossi, Lampugnani, Marchi (1999), Statistics in Medicine 18:2111,
doi:10.1002/(SICI)1097-0258(19990830)18:16<2111::AID-SIM171>3.0.CO;2-Q;
Lucas, Crosier (1982), Technometrics 24:199, doi:10.1080/00401706.1982.10487759 (head start);
Pierce, Schafer (1986), Journal of the American Statistical Association 81:977, doi:10.2307/2289071.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError
from tocsin.stats import harmonic, run_length

TRANSFORMATIONS = (
    "rossi", "standard", "anscombe", "anscombe2nd", "pearsonNegBin", "anscombeNegBin", "none",
)  # fmt: skip
MEANS = ("mean", "glm", "given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """Cumulated sum of transformed counts.

    Parameters
    ----------
    k : float
        Reference value: half the shift to be found, in standard deviations.
    h : float or None
        Decision limit; None to find it from ``arl0``.
    arl0 : float
        Periods between false alarms of a chart of normal scores, used when ``h`` is None.
    trans : str
        ``rossi``, ``standard``, ``anscombe``, ``anscombe2nd``, ``pearsonNegBin``, ``anscombeNegBin`` or
        ``none`` (the count itself).
    alpha : float
        For the two of the negative binomial: variance ``m + alpha m²``.
    m : str
        In-control mean: ``mean`` of the training phase, ``glm`` (Poisson regression on it with one harmonic)
        or ``given`` (``expected`` comes with the values).
    phase1 : int
        Periods that teach the mean; none is judged.
    freq : int
        Periods of a season, for ``glm``.
    head_start : float
        First value of S as a share of h; 0.5 finds a fault that is there from the start sooner.
    reset : bool
        Whether S starts again after an alarm.
    calibrate : bool
        Whether the tail is calibrated on the past; otherwise it is Lundberg's bound.
    """

    NAME: ClassVar[str] = "cusum"

    k: float = 1.04
    h: float | None = None
    arl0: float = 500.0
    trans: str = "rossi"
    alpha: float = 0.0
    m: str = "mean"
    phase1: int = 52
    freq: int = 52
    head_start: float = 0.0
    reset: bool = False
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("cusum", "trans", self.trans, TRANSFORMATIONS)
        one_of("cusum", "m", self.m, MEANS)
        for name in ("k", "freq"):
            positive("cusum", name, getattr(self, name))
        for name in ("alpha", "head_start"):
            positive("cusum", name, getattr(self, name), zero=True)
        if self.h is not None:
            positive("cusum", "h", self.h)
        if self.head_start >= 1:
            raise ConfigError("cusum", "head_start", self.head_start, "a share of the limit below 1")
        if self.m != "given" and self.phase1 < (4 if self.m == "glm" else 1):
            raise ConfigError("cusum", "phase1", self.phase1, "periods enough to learn the mean")
        if self.h is None and not self.arl0 > 3:
            raise ConfigError("cusum", "arl0", self.arl0, "a run length above 3")

    @property
    def GIVEN(self) -> tuple[str, ...]:
        """What the chart cannot do without."""
        return ("expected",) if self.m == "given" else ()

    @property
    def limit(self) -> float:
        """Decision limit in use."""
        if self.h is not None:
            return self.h
        return run_length.cusum_limit(self.k, self.arl0, head_start=self.head_start == 0.5)

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        state = {
            "limit": np.array([self.limit]),
            "sum": np.full(n, self.head_start * self.limit),
            "mean": np.full(n, np.nan),
            "seen": np.zeros(1, np.int64),
            "scores": calibration.start(1),
        }
        if self.m == "mean":
            state |= {"total": np.zeros(n), "count": np.zeros(n)}
        if self.m == "glm":
            state |= {"first": np.full((self.phase1, n), np.nan), "beta": np.full((3, n), np.nan)}
        return state

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count a series."""
        t = int(state["seen"][0])
        state["seen"][0] = t + 1
        with np.errstate(invalid="ignore"):
            counts = np.where(values >= 0, values, np.nan)
        if self.m != "given" and t < self.phase1:
            self._learn(state, counts, t)
            return state, self._silent(counts)
        mean = self._mean(state, now, t)
        limit = float(state["limit"][0])
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            score = self._score(counts, mean)
            known = np.isfinite(score)
            before = state["sum"]
            total = np.maximum(0.0, before + np.where(known, score, 0.0) - np.where(known, self.k, 0.0))
            alarm = known & (total >= limit)
            nominal = np.where(known, np.exp(-2 * self.k * total), np.nan)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        start = self.head_start * limit
        state["sum"] = np.where(alarm & self.reset, start, total)
        statistic = np.where(known, total, np.nan)
        return state, Step.of(counts, tail=tail, expected=mean, alarm=alarm, details={"statistic": statistic})

    def _silent(self, counts: Floats) -> Step:
        unknown = np.full(len(counts), np.nan)
        no = np.zeros(len(counts), np.bool_)
        return Step.of(counts, tail=unknown, alarm=no, details={"statistic": unknown})

    def _learn(self, state: State, counts: Floats, t: int) -> None:
        if self.m == "mean":
            state["total"] = state["total"] + np.nan_to_num(counts)
            state["count"] = state["count"] + np.isfinite(counts)
            if t == self.phase1 - 1:
                with np.errstate(invalid="ignore"):
                    state["mean"] = state["total"] / state["count"]
            return
        state["first"][t] = counts
        if t == self.phase1 - 1:
            time = np.arange(1.0, self.phase1 + 1)
            rows = harmonic.design(time, period=self.freq, harmonics=1)
            state["beta"] = harmonic.fit(rows, state["first"])
            state["first"] = np.zeros((0, len(counts)))

    def _mean(self, state: State, now: Now, t: int) -> Floats:
        if self.m == "given":
            given = now.of("expected")
            return np.where(given > 0, given, np.nan)
        if self.m == "mean":
            mean: Floats = np.where(state["mean"] > 0, state["mean"], np.nan)
            return mean
        row = harmonic.design(np.array([t + 1.0]), period=self.freq, harmonics=1)
        with np.errstate(over="ignore"):
            fitted: Floats = np.exp(row @ state["beta"])[0]
        return fitted

    def _score(self, y: Floats, m: Floats) -> Floats:
        if self.trans == "none":
            return np.where(np.isnan(m), np.nan, y)
        deviation = m + self.alpha * m * m
        scores: dict[str, Callable[[], Floats]] = {
            "standard": lambda: (y - m) / np.sqrt(m),
            "rossi": lambda: (y - 3 * m + 2 * np.sqrt(m * y)) / (2 * np.sqrt(m)),
            "anscombe": lambda: 1.5 * (y ** (2 / 3) - m ** (2 / 3)) / m ** (1 / 6),
            "anscombe2nd": lambda: (y ** (2 / 3) - m ** (2 / 3) + m ** (-1 / 3) / 9) / (2 / 3 * m ** (1 / 6)),
            "pearsonNegBin": lambda: (y - m) / np.sqrt(deviation),
            "anscombeNegBin": lambda: _integral(y, m, self.alpha) / deviation ** (1 / 6),
        }
        return scores[self.trans]()


def _integral(y: Floats, m: Floats, alpha: float) -> Floats:
    """Integral from m to y of ``(u + alpha u²)^(-1/3) du``.

    With ``u = v³`` the root at 0 is gone and Gauss-Legendre converges fast.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)
    low, high = np.cbrt(m), np.cbrt(y)
    half, middle = (high - low) / 2, (high + low) / 2
    v = middle[:, None] + half[:, None] * nodes
    inside = 3 * v / np.cbrt(1 + alpha * v**3)
    integral: Floats = half * (inside @ weights)
    return integral


DETECTOR = Cusum
