"""Generalised likelihood ratio of counts, Poisson or negative binomial.

Good for outbreaks of unknown size and unknown beginning: for every possible beginning in a window the most
likely size is found, and the best pair is compared with no outbreak at all. Not good where the mean in normal
times is not well known, since a slow drift of it looks like a lasting outbreak: the mean is that of the
training phase (a regression with harmonics and, if asked, a trend) or comes from outside.

With ``theta`` given, the size is known and the chart is the CUSUM of log likelihood ratios. Note that
**theta is the logarithm of the rate ratio**: 1.2 looks for a rise to 3.3 times the mean. The chart alarms
when its statistic reaches ``c_ARL`` and then begins afresh. ``change = "epi"`` looks for an epidemic that
feeds on the count of the period before: mean + share * last count. It is for Poisson counts; for the negative
binomial it is not built, and R's is no reference: its search stops short of the largest likelihood (counts 9,
6, 7, 9, 27 with mean 10 and alpha 0.1: 3.855 in surveillance 1.20.3, the largest being 4.056).

The nominal tail is ``exp(-statistic)``, of the order of the chance of a likelihood ratio that large; it is
calibrated on the past.

``compatible = "surveillance-1.20"`` reproduces three faults of R. A windowed chart of Poisson counts does not
look at outbreaks that began in the period itself, so that a sharp peak is seen one period late (without a
window, and for the negative binomial, R does look). Without a window, ``Mtilde`` only silences the first
periods after an alarm. And the search for the share of an epidemic, once it has come near zero for a long
outbreak, stays there for all shorter ones: such an epidemic may be missed altogether.

Cost: 16 bytes a series and period of the window. A step costs one pass over the window (Poisson), some eight
passes for each beginning in it (negative binomial).

References
----------
Höhle, Paul (2008), Computational Statistics & Data Analysis 52:4357, doi:10.1016/j.csda.2008.02.015;
Lorden (1971), Annals of Mathematical Statistics 42:1897, doi:10.1214/aoms/1177693055.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tocsin.detect import calibration, ring
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.model import ConfigError
from tocsin.stats import harmonic

HORIZON = 520
"""Periods that ``M = -1`` looks back at most: ten years of weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glr:
    """Generalised likelihood ratio chart.

    Parameters
    ----------
    c_ARL : float
        Limit of the statistic, in natural logarithms.
    theta : float or None
        Log rate ratio to be found; None to maximise it.
    M : int
        The window is the last M + 1 periods; -1 for all since the last alarm, up to 520.
    Mtilde : int
        Shortest outbreak, in periods.
    change : str
        ``intercept`` (the mean is multiplied) or ``epi``.
    dir : str
        ``inc`` for a rise, ``dec`` for a fall.
    alpha : float or None
        Variance ``mean + alpha mean²``: 0 for Poisson; None to estimate it in the training phase.
    mu0 : str
        In-control mean: ``glm`` of the training phase, or ``given`` (``expected`` comes with the values).
    mu0_S : int
        Harmonics of the regression.
    mu0_trend : bool
        Whether it has a trend.
    phase1 : int
        Periods that teach; none is judged.
    freq : int
        Periods of a season.
    cases : bool
        Whether the details hold ``cases_needed``, the count that would have given an alarm.
    calibrate : bool
        Whether the tail is calibrated on the past.
    compatible : str
        ``surveillance-1.20`` for what R does.
    """

    NAME: ClassVar[str] = "glr"

    c_ARL: float = 5.0  # noqa: N815 - the name of the field's reference
    theta: float | None = None
    M: int = 52
    Mtilde: int = 1
    change: str = "intercept"
    dir: str = "inc"
    alpha: float | None = 0.0
    mu0: str = "glm"
    mu0_S: int = 1  # noqa: N815
    mu0_trend: bool = False
    phase1: int = 104
    freq: int = 52
    cases: bool = False
    calibrate: bool = True
    compatible: str = ""

    def __post_init__(self) -> None:
        one_of("glr", "change", self.change, ("intercept", "epi"))
        one_of("glr", "dir", self.dir, ("inc", "dec"))
        one_of("glr", "compatible", self.compatible, ("", "surveillance-1.20"))
        one_of("glr", "mu0", self.mu0, ("glm", "given"))
        for name in ("c_ARL", "Mtilde", "freq"):
            positive("glr", name, getattr(self, name))
        if self.alpha is not None:
            positive("glr", "alpha", self.alpha, zero=True)
        if self.M != -1 and self.Mtilde > self.M + 1:
            raise ConfigError("glr", "M", self.M, "-1, or at least Mtilde - 1")
        if self.mu0 == "glm" and self.phase1 < 2 + 2 * self.mu0_S + self.mu0_trend:
            raise ConfigError("glr", "phase1", self.phase1, "more periods than the regression has columns")
        if self.alpha is None and self.mu0 == "given":
            raise ConfigError("glr", "alpha", None, "a number where the mean is given")
        if self.change == "epi" and (self.alpha != 0 or self.theta is not None or self.dir != "inc"):
            raise ConfigError("glr", "change", "epi", "a rise of Poisson counts with theta maximised")
        if self.theta is not None and (self.theta > 0) != (self.dir == "inc"):
            raise ConfigError("glr", "theta", self.theta, "above 0 for inc, below 0 for dec")

    @property
    def GIVEN(self) -> tuple[str, ...]:
        """What the chart cannot do without."""
        return ("expected",) if self.mu0 == "given" else ()

    @property
    def window(self) -> int:
        """Periods looked back at, at most."""
        return HORIZON if self.M == -1 else self.M + 1

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        state = {
            "seen": np.zeros(1, np.int64),
            "since": np.zeros(n, np.int64),
            "begun": np.zeros(n, np.bool_),
            "sum": np.zeros(n),
            "last": np.full(n, np.nan),
            "alpha": np.full(n, np.nan if self.alpha is None else self.alpha),
            "scores": calibration.start(1),
        }
        if self.theta is None:
            for name in ("counts", "means", "fed") if self.change == "epi" else ("counts", "means"):
                state |= {f"{name}/{key}": array for key, array in ring.start(self.window, n).items()}
        if self.mu0 == "glm":
            columns = 1 + 2 * self.mu0_S + self.mu0_trend
            state |= {"first": np.full((self.phase1, n), np.nan), "beta": np.full((columns, n), np.nan)}
        return state

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count a series."""
        t = int(state["seen"][0])
        state["seen"][0] = t + 1
        with np.errstate(invalid="ignore"):
            counts = np.where(values >= 0, values, np.nan)
        before, state["last"] = state["last"], counts
        if self.mu0 == "glm" and t < self.phase1:
            self._learn(state, counts, t)
            return state, self._said(counts, *(np.full(len(counts), np.nan) for _ in range(4)))
        mean = self._mean(state, now, t)
        with np.errstate(all="ignore"):
            known = np.isfinite(counts + mean + state["alpha"])
            y, mu = np.where(known, counts, 0.0), np.where(known, mean, 0.0)
            if self.theta is not None:
                statistic, needed = self._recursion(state, y, mu)
                alarm = known & (statistic > self.c_ARL)
                state["sum"] = np.where(alarm, 0.0, np.where(known, statistic, state["sum"]))
            else:
                begun = state["begun"] | np.isfinite(mean)
                if self.compatible:
                    before = np.where(state["begun"], before, 0.0)
                statistic, needed = self._maximum(state, y, mu, before)
                alarm = known & (statistic >= self.c_ARL)
                since = np.where(alarm, 0, np.minimum(state["since"] + 1, self.window))
                state["since"], state["begun"] = np.where(begun, since, 0), begun
            nominal = np.where(known, np.exp(-statistic), np.nan)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        hidden = np.where(known, statistic, np.nan)
        return state, self._said(counts, tail, mean, hidden, np.where(known, needed, np.nan), alarm)

    def _said(
        self,
        counts: Floats,
        tail: Floats,
        mean: Floats,
        statistic: Floats,
        needed: Floats,
        alarm: NDArray[np.bool_] | None = None,
    ) -> Step:
        details = {"statistic": statistic} | ({"cases_needed": needed} if self.cases else {})
        said = np.zeros(len(counts), np.bool_) if alarm is None else alarm.astype(np.bool_)
        return Step.of(counts, tail=tail, expected=mean, alarm=said, details=details)

    # ---- the mean ----

    def _learn(self, state: State, counts: Floats, t: int) -> None:
        state["first"][t] = counts
        if t < self.phase1 - 1:
            return
        rows = self._rows(np.arange(1.0, self.phase1 + 1))
        if self.alpha is None:
            state["beta"], state["alpha"] = harmonic.fit_negative_binomial(rows, state["first"])
        else:
            state["beta"] = harmonic.fit(rows, state["first"], alpha=self.alpha)
        state["first"] = np.zeros((0, len(counts)))

    def _rows(self, time: Floats) -> Floats:
        return harmonic.design(time, period=self.freq, harmonics=self.mu0_S, trend=self.mu0_trend)

    def _mean(self, state: State, now: Now, t: int) -> Floats:
        if self.mu0 == "given":
            given = now.of("expected")
            return np.where(given > 0, given, np.nan)
        with np.errstate(over="ignore"):
            fitted: Floats = np.exp(self._rows(np.array([t + 1.0])) @ state["beta"])[0]
        return fitted

    # ---- the statistic ----

    def _recursion(self, state: State, y: Floats, mu: Floats) -> tuple[Floats, Floats]:
        theta, alpha = self.theta or 0.0, state["alpha"]
        inside = np.where(alpha > 0, np.log1p(alpha * mu * np.exp(theta)) - np.log1p(alpha * mu), 0.0)
        # y times the slope, less the cost, is the log likelihood ratio of one count.
        slope = theta - inside
        cost = np.where(alpha > 0, inside / np.where(alpha > 0, alpha, 1.0), mu * np.expm1(theta))
        needed = np.maximum((self.c_ARL - state["sum"] + cost) / slope, 0.0)
        return np.maximum(0.0, state["sum"] + y * slope - cost), needed

    def _maximum(self, state: State, y: Floats, mu: Floats, before: Floats) -> tuple[Floats, Floats]:
        last = {"counts": y, "means": mu, "fed": np.nan_to_num(before)}
        back = -np.arange(1, self.window + 1)
        held = back[:, None] >= -(state["since"] + 1)[None, :]
        window = {}
        for name, column in last.items():
            if f"{name}/ring" in state:
                part = {"ring": state[f"{name}/ring"], "seen": state[f"{name}/seen"]}
                ring.push(part, column)
                window[name] = np.where(held, np.nan_to_num(ring.rows(part, back)), 0.0)
        usable = held & self._long_enough(state["since"])
        if self.change == "epi":
            search = _epidemic_as_in_r if self.compatible else _epidemic
            longest = int(held.sum(0).max(initial=0))
            found = np.zeros(usable.shape)
            counts, means, fed = (window[name][:longest] for name in ("counts", "means", "fed"))
            found[:longest] = search(counts, means, fed, held[:longest])
            needed = np.full(len(y), np.nan)
        elif self.alpha == 0:
            found = _poisson(window["counts"], window["means"], self.dir == "inc")
            needed = self._needed(window, usable) if self.cases else np.full(len(y), np.nan)
        else:
            longest = int(state["since"].max(initial=0)) + 1
            short = {name: part[:longest] for name, part in window.items()}
            found = np.zeros(usable.shape)
            found[:longest] = _negative_binomial(
                short["counts"], short["means"], state["alpha"], self.dir == "inc"
            )
            needed = np.full(len(y), np.nan)
        return np.where(usable, found, 0.0).max(0, initial=0.0), needed

    def _long_enough(self, since: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which beginnings may be looked at, shape (window, n), newest first."""
        length = np.arange(1, self.window + 1)[:, None]
        if self.compatible and self.alpha == 0 and self.change == "intercept":
            if self.M == -1:
                return np.broadcast_to(since + 1 >= self.Mtilde, (self.window, len(since)))
            return np.broadcast_to(length > self.Mtilde, (self.window, len(since)))
        return np.broadcast_to(length >= self.Mtilde, (self.window, len(since)))

    def _needed(self, window: dict[str, Floats], usable: NDArray[np.bool_]) -> Floats:
        """Smallest count of this period at which some beginning gives an alarm."""
        earlier = np.cumsum(window["counts"], 0) - window["counts"][0]
        expected = np.cumsum(window["means"], 0)
        ratio = np.full(expected.shape, 2.0 if self.dir == "inc" else 0.5)
        for _ in range(60):
            # Newton for r log r - r + 1 = c / expected, r beyond 1 on the side that is looked for.
            gap = ratio * np.log(ratio) - ratio + 1 - self.c_ARL / expected
            ratio = np.maximum(ratio - gap / np.log(ratio), 1 + 1e-9)
        needed: Floats = np.where(usable, np.maximum(ratio * expected - earlier, 0.0), np.inf).min(0)
        return np.ceil(needed - 1e-9)


def _poisson(counts: Floats, means: Floats, rise: bool) -> Floats:
    """Statistic of each beginning, newest first, shape (window, n)."""
    total, expected = np.cumsum(counts, 0), np.cumsum(means, 0)
    kappa: Floats = np.log(total / expected)
    kappa = np.maximum(kappa, 0.0) if rise else np.minimum(kappa, 0.0)
    # Nothing counted at all: kappa is minus infinity, and its product with the total is 0.
    gained = np.where(total > 0, total * kappa, 0.0)
    statistic: Floats = gained - expected * np.expm1(kappa)
    known: Floats = np.where(expected > 0, statistic, 0.0)
    return known


def _negative_binomial(counts: Floats, means: Floats, alpha: Floats, rise: bool) -> Floats:
    statistic = np.zeros(counts.shape)
    kappa = np.zeros(counts.shape[1])
    spread = np.maximum(alpha, 1e-12)  # towards 0 it is the Poisson; at 0 it would divide
    size = 1 / spread
    for length in range(1, len(counts) + 1):
        y, mu = counts[:length], means[:length]
        kappa = np.where(np.isfinite(kappa), np.clip(kappa, -30.0, 30.0), 0.0)
        for _ in range(40):
            share = spread * mu * np.exp(kappa)
            share = share / (1 + share)
            slope = (y - (y + size) * share).sum(0)
            curve = ((y + size) * share * (1 - share)).sum(0)
            move = np.where(curve > 0, np.clip(slope / np.where(curve > 0, curve, 1.0), -1.5, 1.5), 0.0)
            kappa = np.clip(kappa + move, -30.0, 30.0)
            if (np.abs(move) <= 1e-12 * (1 + np.abs(kappa))).all():
                break
        best = np.maximum(kappa, 0.0) if rise else np.minimum(kappa, 0.0)
        ratio = np.log1p(spread * mu * np.exp(best)) - np.log1p(spread * mu)
        statistic[length - 1] = (y * best - (y + size) * ratio).sum(0)
    return statistic


def _epidemic(counts: Floats, means: Floats, fed: Floats, held: NDArray[np.bool_]) -> Floats:
    """For each beginning the best share of the last count that comes back, at least 0; newest first."""
    statistic = np.zeros(counts.shape)
    for length in range(1, len(counts) + 1):
        y, x = counts[:length], fed[:length]
        mu = np.where(means[:length] > 0, means[:length], 1.0)
        share = np.full(counts.shape[1], 0.5)
        for _ in range(60):
            inside = mu + share * x
            slope = (y * x / inside - x).sum(0)
            curve = (y * x * x / inside**2).sum(0)
            move = np.where(curve > 0, slope / np.where(curve > 0, curve, 1.0), -share)
            new = np.maximum(share + move, share / 8)
            settled = (np.abs(new - share) <= 1e-13 * (1 + share)).all()
            share = np.where(new < 1e-14, 0.0, new)
            if settled:
                break
        gained = (y * np.log1p(share * x / mu) - share * x).sum(0)
        statistic[length - 1] = np.where(held[length - 1], gained, 0.0)
    return statistic


def _epidemic_as_in_r(counts: Floats, means: Floats, fed: Floats, held: NDArray[np.bool_]) -> Floats:
    """The same as R searches it: by Newton on the logarithm, from the longest outbreak to the shortest."""
    statistic = np.zeros(counts.shape)
    phi = np.full(counts.shape[1], np.log(0.5))
    for length in range(len(counts), 0, -1):
        y, x = counts[:length], fed[:length]
        mu = np.where(means[:length] > 0, means[:length], 1.0)
        before = np.full(counts.shape[1], 2.0)
        for _ in range(1000):
            going = held[length - 1] & (phi > -18) & (np.abs(np.exp(phi) - np.exp(before)) > 1e-6)
            if not going.any():
                break
            inside = np.exp(phi) * x + mu
            score = np.exp(phi) * (y * x / inside - x).sum(0)
            fisher = np.exp(2 * phi) * (y * x * x / inside**2).sum(0) - score
            before, phi = np.where(going, phi, before), np.where(going, phi + score / fisher, phi)
        share = np.exp(phi)
        gained = (y * np.log(share * x / mu + 1.0) - share * x).sum(0)
        # No last count at all gives no share (NaN), and R goes on with that as well.
        statistic[length - 1] = np.where(held[length - 1] & (gained > 0), gained, 0.0)
    return statistic


DETECTOR = Glr
