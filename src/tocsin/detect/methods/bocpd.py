"""Bayesian online change-point detection: since when has it been like this.

Good for series that jump between levels (or spreads) and stay there for a while, and where one wants to know
*when* it began. Not good for seasonal or drifting series, where every season is a change, nor for a very long
memory (all but the ``kept`` most probable beginnings are forgotten).

For each possible beginning of the present stretch its probability is carried, together with what the values
since then say of its parameters. A new value makes those beginnings more probable under which it was to be
expected; with chance ``hazard`` it begins a stretch itself. The model is ``gaussian`` (mean and variance
unknown), ``poisson`` (mean unknown) or ``nb`` (negative binomial, mean unknown, size from the training
phase; its predictive tails are those of a negative binomial of the same two moments). What is expected of a
new stretch is learnt from the first ``phase1`` known values: their mean and variance, with the weight of one
value.

The nominal tail is twice the smaller of two: the chance of a value this extreme under what was known before
it (the mean of all beginnings), and the prior over the posterior odds of a change within the last ``recent``
values. It is calibrated on the past. The method's own rule is a probability of such a change of at least
``probable``.

Negative counts and counts that are not whole are unknown to ``poisson`` and ``nb``. Missing values are left
out. A constant series has no change.

Cost: 32 (``gaussian``: 40) bytes a series for each kept beginning; a step computes one predictive
distribution for each.

References
----------
Adams, MacKay (2007), doi:10.48550/arXiv.0710.3742;
Fearnhead, Liu (2007), Journal of the Royal Statistical Society B 69:589,
doi:10.1111/j.1467-9868.2007.00601.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError

MODELS = ("gaussian", "poisson", "nb")
PRIOR = 1.0
"""Weight of what is expected of a new stretch, in values."""

LARGEST = 1e150


@dataclass(frozen=True, slots=True, kw_only=True)
class Bocpd:
    """Probabilities of the beginnings of the present stretch.

    Parameters
    ----------
    model : str
        ``gaussian``, ``poisson`` or ``nb``.
    hazard : float
        Chance that a value begins a new stretch.
    kept : int
        Beginnings that are kept, the most probable ones.
    recent : int
        Values within which a change counts.
    probable : float
        Probability of such a change for the method's own alarm.
    side : str
        Of the single value: ``low``, ``high`` or ``both``. A change has no side.
    phase1 : int
        Known values that say what to expect of a new stretch; none is judged.
    floor : float
        Smallest standard deviation expected (``gaussian``), in the unit of the quantity.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "bocpd"

    model: str = "gaussian"
    hazard: float = 0.004
    kept: int = 24
    recent: int = 6
    probable: float = 0.5
    side: str = "both"
    phase1: int = 30
    floor: float = 1e-6
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("bocpd", "model", self.model, MODELS)
        one_of("bocpd", "side", self.side, ("low", "high", "both"))
        positive("bocpd", "floor", self.floor)
        for name in ("hazard", "probable"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError("bocpd", name, getattr(self, name), "a probability between 0 and 1")
        for name, least in (("kept", 3), ("recent", 1), ("phase1", 3)):
            if getattr(self, name) < least:
                raise ConfigError("bocpd", name, getattr(self, name), f"at least {least}")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        shape = (self.kept, n)
        state: State = {
            "log": np.full(shape, -np.inf),
            "length": np.zeros(shape, np.int64),
            "weight": np.zeros(shape),
            "mean": np.zeros(shape),
            "first": np.zeros((2, n)),
            "count": np.zeros(n, np.int64),
            "scores": calibration.start(1),
        }
        return state | ({"squares": np.zeros(shape)} if self.model == "gaussian" else {})

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one value a series, then learn from it."""
        del now  # no season
        with np.errstate(invalid="ignore"):
            known = np.abs(values) <= LARGEST
            if self.model != "gaussian":
                known &= (values >= 0) & (values % 1 == 0)
        x = np.where(known, values, 0.0)
        taught = state["count"] >= self.phase1
        self._learn_first(state, x, known & ~taught)
        if not taught.any():
            none = np.full(len(x), np.nan)
            return state, self._said(np.where(known, values, np.nan), none, none, none, none)
        counts = known & taught
        density, low, high = self._predictive(state, x)
        probability = np.exp(state["log"])
        mean = (probability * state["mean"]).sum(0)
        tails = {"low": (probability * low).sum(0), "high": (probability * high).sum(0)}
        tails["both"] = 2 * np.minimum(tails["low"], tails["high"])
        self._grow(state, x, density, counts)
        change = np.exp(state["log"], where=state["length"] <= self.recent, out=np.zeros_like(density)).sum(0)
        usual = 1 - (1 - self.hazard) ** self.recent
        odds = np.maximum(change, 1e-300) / np.maximum(1 - change, 1e-300)
        news = np.minimum(1.0, usual / (1 - usual) / odds)
        nominal = np.where(counts, np.minimum(1.0, 2 * np.minimum(tails[self.side], news)), np.nan)
        run = (np.exp(state["log"]) * state["length"]).sum(0)
        shown = np.where(known, values, np.nan)
        return state, self._said(
            shown,
            nominal,
            np.where(taught, mean, np.nan),
            np.where(counts, change, np.nan),
            np.where(counts, run, np.nan),
            calibrated=calibration.tail_of(state["scores"], nominal) if self.calibrate else None,
        )

    def _said(
        self, values: Floats, nominal: Floats, mean: Floats, change: Floats, run: Floats,
        calibrated: Floats | None = None,
    ) -> Step:  # fmt: skip
        return Step.of(
            values,
            tail=nominal if calibrated is None else calibrated,
            expected=mean,
            alarm=np.nan_to_num(change) >= self.probable,
            details={"change_probability": change, "run_length": run},
        )

    def _learn_first(self, state: State, x: Floats, teaches: NDArray[np.bool_]) -> None:
        """Mean and variance of the first values; with the last of them the first stretch begins."""
        mean, squares = state["first"]
        count = state["count"] + teaches
        error = np.where(teaches, x - mean, 0.0)
        mean = mean + error / np.maximum(count, 1)
        squares = squares + error * np.where(teaches, x - mean, 0.0)
        state["first"] = np.stack([mean, squares])
        state["count"] = count
        done = teaches & (count == self.phase1)
        # The first values themselves are the stretch that goes on.
        state["log"][0, done] = 0.0
        state["length"][0, done] = self.phase1
        state["weight"][0, done] = self.phase1
        state["mean"][0, done] = mean[done]
        if self.model == "gaussian":
            state["squares"][0, done] = squares[done] + self._variance(state)[done]

    def _variance(self, state: State) -> Floats:
        variance: Floats = np.maximum(state["first"][1] / (self.phase1 - 1), self.floor**2)
        return variance

    def _size(self, state: State) -> Floats:
        """Size of the negative binomial by moments of the first values."""
        mean, squares = state["first"]
        over = np.maximum(squares / (self.phase1 - 1) - mean, 1e-3 * mean + 1e-9)
        size: Floats = np.clip(mean**2 / over, 0.05, 1e4)
        return size

    def _predictive(self, state: State, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Log density of a value under each beginning, and the chances of one as low and as high."""
        weight, mean = state["weight"], state["mean"]
        if self.model == "gaussian":
            # Normal-gamma: Student t with as many degrees of freedom as values, and one.
            freedom = weight + 1
            used = np.maximum(weight, 1e-9)
            spread = np.maximum(state["squares"], self.floor**2) / freedom * (1 + 1 / used)
            scale = np.sqrt(spread)
            t = (x - mean) / scale
            log = (
                special.gammaln((freedom + 1) / 2)
                - special.gammaln(freedom / 2)
                - 0.5 * np.log(np.pi * freedom)
                - np.log(scale)
                - (freedom + 1) / 2 * np.log1p(t * t / freedom)
            )
            return log, special.stdtr(freedom, t), special.stdtr(freedom, -t)
        # Gamma or beta: ``a`` counts seen (and a half), ``b`` periods.
        a, b = weight * mean + 0.5, np.maximum(weight, 1e-9)
        if self.model == "poisson":
            p = b / (b + 1)
            log = special.gammaln(a + x) - special.gammaln(a) - special.gammaln(x + 1)
            log = log + a * np.log(p) - x * np.log1p(b)
            low = special.betainc(a, x + 1, p)
            high = np.where(x > 0, special.betainc(np.maximum(x, 1e-300), a, 1 - p), 1.0)
            return log, low, high
        size = self._size(state)
        alpha = size * b + 1
        log = special.betaln(size + alpha, a + x) - special.betaln(alpha, a)
        log = log + special.gammaln(x + size) - special.gammaln(size) - special.gammaln(x + 1)
        # The tails of the beta negative binomial by those of a negative binomial of the same two moments.
        m = size * a / np.maximum(alpha - 1, 1e-9)
        variance = m * (size + alpha - 1) * (a + alpha - 1) / np.maximum((alpha - 2) * (alpha - 1), 1e-2)
        like = np.clip(m * m / np.maximum(variance - m, 1e-9), 1e-3, 1e6)
        p = like / (like + m)
        low = special.betainc(like, x + 1, p)
        high = np.where(x > 0, special.betainc(np.maximum(x, 1e-300), like, 1 - p), 1.0)
        return log, low, high

    def _grow(self, state: State, x: Floats, density: Floats, counts: NDArray[np.bool_]) -> None:
        """One more value to every beginning; a new beginning takes the place of the least probable one."""
        log = state["log"] + density + np.log1p(-self.hazard)
        prior, prior_squares = state["first"][0], self._variance(state)
        fresh: State = {"weight": np.full((1, len(x)), PRIOR), "mean": prior[None, :]}
        if self.model == "gaussian":
            fresh["squares"] = prior_squares[None, :]
        # Before this value a new stretch knows only what is expected of one.
        new_state = {"first": state["first"], **fresh}
        new = self._predictive(new_state, x)[0][0] + np.log(self.hazard)
        # The young have had no time to become probable: the least probable of the others makes room.
        young = (state["length"] < self.kept // 2) & np.isfinite(log)
        slot, each = np.argmin(np.where(young, np.inf, log), 0), np.arange(len(x))
        weight, mean = state["weight"], state["mean"]
        grown = {
            "log": log,
            "length": state["length"] + 1,
            "weight": weight + 1,
            "mean": mean + (x - mean) / (weight + 1),
        }
        begun = {
            "log": new,
            "length": np.ones(len(x), np.int64),
            "weight": np.full(len(x), PRIOR + 1),
            "mean": prior + (x - prior) / (PRIOR + 1),
        }
        if self.model == "gaussian":
            used = np.maximum(weight, 1e-9)
            grown["squares"] = state["squares"] + (x - mean) ** 2 * used / (used + 1)
            begun["squares"] = prior_squares + (x - prior) ** 2 * PRIOR / (PRIOR + 1)
        for name, column in grown.items():
            column[slot, each] = begun[name]
            state[name] = np.where(counts, column, state[name])
        top = state["log"].max(0, initial=-np.inf)
        top = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            total = top + np.log(np.exp(state["log"] - top).sum(0))
        known = np.isfinite(total)  # before its first value a series has no run length at all
        state["log"] = np.where(counts & known, state["log"] - np.where(known, total, 0.0), state["log"])


DETECTOR = Bocpd
