"""CUSUM of shares: so many cases out of so many trials, binomial or beta-binomial.

Good for shares with a denominator that changes: positive tests, rejected carcasses, failed calls. Not good
without the number of trials, nor when shares spread more than the binomial says and ``sigma`` is left out: it
then alarms too often.

The share in normal times is that of a logistic regression with harmonics on the first ``phase1`` periods;
the share to be found has its odds multiplied by ``odds_ratio``. Added up is the logarithm of the likelihood
ratio of the two, never below zero; the chart alarms above ``h`` and begins afresh. :func:`first_alarm` says
how soon it alarms, in control and out of control.

The nominal tail is ``exp(-statistic)``; it is calibrated on the past.

A period without trials changes nothing and has no tail; more cases than trials are unknown.

Cost: 8 bytes a series and the training phase; a few operations a step.

References
----------
Höhle (2010), in: Kneib, Tutz (eds.), Statistical Modelling and Regression Structures,
doi:10.1007/978-3-7908-2413-1_20;
Brook, Evans (1972), Biometrika 59:539, doi:10.1093/biomet/59.3.539.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special, stats

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, positive
from tocsin.model import ConfigError
from tocsin.stats import harmonic, run_length


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoricalCusum:
    """Log likelihood ratio CUSUM of a share.

    Parameters
    ----------
    h : float
        Limit of the statistic.
    odds_ratio : float
        Odds to be found, over odds in normal times; below 1 for a fall.
    sigma : float or None
        Beta-binomial with ``a = p / sigma, b = (1 - p) / sigma``; None for the binomial.
    phase1 : int
        Periods that teach; none is judged.
    harmonics : int
        Of the regression.
    period : float
        Length of its season, in periods.
    reset : bool
        Whether the sum starts again after an alarm.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "categorical_cusum"
    GIVEN: ClassVar[tuple[str, ...]] = ("trials",)

    h: float = 4.0
    odds_ratio: float = 2.0
    sigma: float | None = None
    phase1: int = 52
    harmonics: int = 1
    period: float = 52.0
    reset: bool = True
    calibrate: bool = True

    def __post_init__(self) -> None:
        for name in ("h", "odds_ratio", "period"):
            positive("categorical_cusum", name, getattr(self, name))
        if self.sigma is not None:
            positive("categorical_cusum", "sigma", self.sigma)
        if self.odds_ratio == 1:
            raise ConfigError("categorical_cusum", "odds_ratio", 1, "another number than 1")
        if self.phase1 < 2 + 2 * self.harmonics:
            raise ConfigError("categorical_cusum", "phase1", self.phase1, "more periods than columns")

    def start(self, n: int) -> State:
        """State of ``n`` series before the first value."""
        return {
            "seen": np.zeros(1, np.int64),
            "sum": np.zeros(n),
            "first": np.full((2, self.phase1, n), np.nan),
            "beta": np.full((1 + 2 * self.harmonics, n), np.nan),
            "scores": calibration.start(1),
        }

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one count out of so many trials a series."""
        t = int(state["seen"][0])
        state["seen"][0] = t + 1
        trials = now.of("trials")
        with np.errstate(invalid="ignore"):
            usable = (values >= 0) & (trials > 0) & (values <= trials)
        cases = np.where(usable, values, np.nan)
        n = np.where(usable, trials, np.nan)
        if t < self.phase1:
            self._learn(state, cases, n, t)
            unknown = np.full(len(values), np.nan)
            details = {"statistic": unknown, "share": unknown, "share_out": unknown}
            return state, Step.of(
                values, tail=unknown, alarm=np.zeros(len(values), np.bool_), details=details
            )
        share = special.expit(self._rows(np.array([t + 1.0])) @ state["beta"])[0]
        out = self.shifted(share)
        ratio = log_ratio(cases, n, share, out, self.sigma)
        known = np.isfinite(ratio)
        # No trials tell nothing: the sum stands, and the tail is unknown.
        idle = (values == 0) & (trials == 0) & np.isfinite(share)
        summed = np.maximum(0.0, state["sum"] + np.where(known, ratio, 0.0))
        statistic = np.where(known | idle, summed, np.nan)
        with np.errstate(invalid="ignore"):
            alarm = known & (statistic > self.h)
        nominal = np.where(known, np.exp(-statistic), np.nan)
        tail = calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal
        state["sum"] = np.where(alarm & self.reset, 0.0, summed)
        details = {"statistic": statistic, "share": share, "share_out": out}
        return state, Step.of(cases, tail=tail, expected=share * n, alarm=alarm, details=details)

    def shifted(self, share: Floats) -> Floats:
        """Share out of control."""
        odds: Floats = self.odds_ratio * share / (1 - share)
        return odds / (1 + odds)

    def _rows(self, time: Floats) -> Floats:
        return harmonic.design(time, period=self.period, harmonics=self.harmonics)

    def _learn(self, state: State, cases: Floats, trials: Floats, t: int) -> None:
        state["first"][0, t], state["first"][1, t] = cases, trials
        if t == self.phase1 - 1:
            first = state["first"]
            state["beta"] = harmonic.fit(self._rows(np.arange(1.0, t + 2)), first[0], trials=first[1])
            state["first"] = np.zeros((2, 0, len(cases)))


def log_ratio(cases: Floats, trials: Floats, share: Floats, out: Floats, sigma: float | None) -> Floats:
    """Log likelihood ratio of a share out of control to one in control, element by element.

    Examples
    --------
    >>> one = np.ones(1)
    >>> log_ratio(one, 2 * one, 0.5 * one, 0.5 * one, None).tolist()
    [0.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if sigma is None:
            ratio: Floats = cases * np.log(out / share) + (trials - cases) * np.log((1 - out) / (1 - share))
            return ratio
        return _beta_binomial(cases, trials, out, sigma) - _beta_binomial(cases, trials, share, sigma)


def _beta_binomial(cases: Floats, trials: Floats, share: Floats, sigma: float) -> Floats:
    a, b = share / sigma, (1 - share) / sigma
    density: Floats = special.betaln(cases + a, trials - cases + b) - special.betaln(a, b)
    return density


def first_alarm(
    h: float,
    trials: Floats,
    share: Floats,
    out: Floats,
    truth: Floats,
    *,
    classes: int = 25,
) -> Floats:
    """Probability that a binomial chart has alarmed by each period, by a Markov chain on classes of the sum.

    Parameters
    ----------
    h : float
        Limit.
    trials, share, out : ndarray of float64, shape (n_times,)
        Trials; share in control and out of control that the chart is made for.
    truth : ndarray of float64, shape (n_times,)
        Share that holds.
    classes : int
        States of the chain; the result depends on it in the third digit.

    Returns
    -------
    ndarray of float64, shape (n_times,)

    Examples
    --------
    >>> n, p = np.full(3, 50.0), np.full(3, 0.1)
    >>> quiet = first_alarm(2.0, n, p, 2 * p, p)
    >>> loud = first_alarm(2.0, n, p, 2 * p, 2 * p)
    >>> bool((loud > quiet).all())
    True
    """
    edges = np.concatenate([[-np.inf], np.linspace(0, h, classes)])
    low, high = edges[:-1], edges[1:]
    chains = np.empty((len(trials), classes, classes))
    for t, size in enumerate(trials):
        cases = np.arange(size + 1)
        ratio = log_ratio(cases, np.full(len(cases), size), share[t], out[t], None)
        chance = stats.binom.pmf(cases, size, truth[t])
        order = np.argsort(ratio, kind="stable")
        steps, risen = ratio[order], np.concatenate([[0.0], np.cumsum(chance[order])])

        def below(x: Floats, steps: Floats = steps, risen: Floats = risen) -> Floats:
            reached: Floats = risen[np.searchsorted(steps, x, side="right")]
            return reached

        # The zero class starts at zero; of another class the start is averaged by Simpson's rule.
        starts = [np.where(np.isinf(low), 0.0, s) for s in (low, (low + high) / 2, high)]
        moved = [below(high - s[:, None]) - below(low - s[:, None]) for s in starts]
        chains[t] = (moved[0] + 4 * moved[1] + moved[2]) / 6
    return run_length.first_alarm_cdf(chains, len(trials))


DETECTOR = CategoricalCusum
