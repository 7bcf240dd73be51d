"""Nowcasts: how many reports of a date there will be, when the late ones have come in.

Good for counts that are reported late but completely in the end (cases by onset, claims by date of damage).
Not good where the delay changes faster than the window, nor for values that are revised both ways (rates):
a nowcast knows reports that are still to come, not reports that are wrong.

What is known is a reporting triangle (:mod:`tocsin.detect.triangle`). Five methods:

``lawless``
    The delay distribution by its reverse hazards ``g_y`` (of the reports with a delay up to y, the share with
    delay y, among dates old enough to show it), the total by ``n / W``, ``W`` being the share reported by
    now. Normal, cut off below what is reported already.
``bayes.notrunc.bnb``
    Dirichlet posterior of the delays that ignores their truncation, flat prior of the total: beta negative
    binomial, exact. Fast, but biased low while an outbreak grows, because delays not seen yet count as rare.
``bayes.notrunc``, ``bayes.trunc``
    Monte Carlo over the posterior of the delays, Poisson–gamma prior of the total; ``trunc`` (the one to use)
    takes the truncation into account: each reverse hazard has a beta posterior.
``unif``
    Uniform from what is reported to the largest total: the yardstick that any method must beat.

**Difference from R.** In R's ``surveillance`` (1.20.3) the variance of ``lawless`` has lost its second term,
the error of ``W`` itself, at a line break, and the cut-off normal is not renormalised, so that its masses sum
to more than one. The default here is the correct one: variance ``n (1 - W) / W² + n² Var(W) / W⁴``, with
``Var(W) / W² = Σ g / (N (1 - g))`` over the delays beyond the age (``N`` reports behind each ``g``), masses
by a continuity correction that sum to one, and *unknown* where nothing is reported yet (R: certainly zero).
``compatible="surveillance-1.20"`` gives R's. The effect is largest where little is known. Simulated, delays
up to 10, dates 1 to 3 periods old: intervals of 90 % hold the later total in 92 % of the cases instead of
80 % at 20 reports a date; in 95 % instead of 57 % at 5 (where a third of the dates has no report yet, and is
unknown); at 100 reports both hold it in 89 %.

Cost: ``lawless`` and ``bnb`` take some milliseconds for 16 dates and totals up to 300, Monte Carlo about
0.1 s. :func:`corrected` is closed form over all series at once.

References
----------
Lawless (1994), Canadian Journal of Statistics 22:15, doi:10.2307/3315826.n1;
Höhle, an der Heiden (2014), Biometrics 70:993, doi:10.1111/biom.12194.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect.contract import Floats, one_of, positive
from tocsin.detect.triangle import Triangle
from tocsin.model import ConfigError, MethodError

METHODS = ("lawless", "bayes.notrunc.bnb", "bayes.notrunc", "bayes.trunc", "unif")
CLOSED = ("lawless", "bayes.notrunc.bnb")
"""Methods with a mean and a standard deviation in closed form: what a detector may be fed by."""
_BLOCK = 1 << 20
"""Cells of a block of Monte Carlo draws: what is held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowcast:
    """A method of nowcasting and its settings.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    most : int
        Largest total that is thought possible.
    window : int
        Dates up to this age teach the delays; 0: all.
    kappa : float
        Weight of each delay before anything is seen (Dirichlet).
    prior_mean, prior_variance : float
        Of the expected total (gamma), for the Monte Carlo methods.
    draws : int
        Monte Carlo draws.
    compatible : str
        ``surveillance-1.20`` for R's results, faults included; empty for the correct ones.

    Raises
    ------
    ConfigError
        On a setting that is not allowed.
    """

    method: str = "lawless"
    most: int = 1000
    window: int = 0
    kappa: float = 0.1
    prior_mean: float = 50.0
    prior_variance: float = 3000.0
    draws: int = 1000
    compatible: str = ""

    def __post_init__(self) -> None:
        one_of("nowcast", "method", self.method, METHODS)
        one_of("nowcast", "compatible", self.compatible, ("", "surveillance-1.20"))
        for name in ("most", "kappa", "prior_mean", "prior_variance", "draws"):
            positive("nowcast", name, getattr(self, name))
        positive("nowcast", "window", self.window, zero=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictive:
    """What the totals will be, as probabilities.

    Parameters
    ----------
    reported : ndarray of float64, shape (n_dates,)
        Reports so far.
    mass : ndarray of float64, shape (n_dates, most + 1)
        Probability of each total 0 … most. It need not sum to one: mass may lie beyond ``most``, and R's
        ``lawless`` is not normalised. NaN where unknown.
    """

    reported: Floats
    mass: Floats

    @property
    def mass_sum(self) -> Floats:
        """Sum of the mass, shape (n_dates,)."""
        total: Floats = self.mass.sum(1)
        return total

    @property
    def mean(self) -> Floats:
        """Mean of the mass normalised, shape (n_dates,)."""
        mean: Floats = self.mass @ np.arange(self.mass.shape[1]) / self.mass_sum
        return mean

    @property
    def sd(self) -> Floats:
        """Standard deviation of the mass normalised, shape (n_dates,)."""
        away = np.arange(self.mass.shape[1]) - self.mean[:, None]
        spread: Floats = np.sqrt((self.mass * away**2).sum(1) / self.mass_sum)
        return spread

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Smallest totals with a cumulative mass above each level, shape (n_dates, n_levels).

        NaN where the mass up to the largest total does not reach the level.
        """
        # Summed in long double: a share that is the level itself shall not exceed it by rounding.
        below = np.cumsum(self.mass, 1, dtype=np.longdouble).astype(np.float64)
        columns = []
        for level in levels:
            over = below > level
            columns.append(np.where(over.any(1), np.argmax(over, 1), np.nan))
        return np.stack(columns, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delays:
    """What is known of the delays: counts, from which each method takes its distribution.

    Parameters
    ----------
    reports : ndarray of float64, shape (longest + 1, n_series)
        ``at[y]``: reports with delay y of dates at least y old.
    upto : ndarray of float64, same shape
        Reports with delay y or less of the same dates.
    """

    reports: Floats
    upto: Floats

    @staticmethod
    def of(triangle: Triangle, window: int = 0) -> Delays:
        """Delays of a triangle; dates older than ``window`` (0: none) teach nothing.

        Examples
        --------
        >>> one = Delays.of(Triangle(counts=np.array([[[6.0], [2.0]], [[3.0], [0.0]]])))
        >>> one.reports[:, 0].tolist(), one.upto[:, 0].tolist()
        ([9.0, 2.0], [9.0, 8.0])
        """
        ages = triangle.ages
        used = np.ones(len(ages), np.bool_) if window == 0 else ages <= window
        counts = np.where(used[:, None, None], np.nan_to_num(triangle.counts), 0.0)
        old = (ages[:, None] >= np.arange(triangle.longest + 1))[:, :, None]
        return Delays(
            reports=np.where(old, counts, 0.0).sum(0),
            upto=np.where(old, np.cumsum(counts, 1), 0.0).sum(0),
        )

    def hazard(self) -> Floats:
        """``g``: of the reports with delay y or less, the share with delay y; NaN where there are none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Floats = np.where(self.upto > 0, self.reports / self.upto, np.nan)
        return share

    def share(self) -> Floats:
        """``W``: share of the reports that have come in after y periods, shape (longest + 1, n_series).

        Examples
        --------
        >>> Delays(reports=np.array([[9.0], [2.0]]), upto=np.array([[9.0], [8.0]])).share()[:, 0].tolist()
        [0.75, 1.0]
        """
        return _beyond(1 - self.hazard(), np.cumprod, 1.0)

    def share_error(self) -> Floats:
        """Relative variance of ``W`` (Greenwood's sum), shape (longest + 1, n_series)."""
        g = self.hazard()
        with np.errstate(invalid="ignore", divide="ignore"):
            return _beyond(g / (self.upto * (1 - g)), np.cumsum, 0.0)


def _beyond(terms: Floats, gather: Callable[..., Floats], neutral: float) -> Floats:
    """Gather the terms of all delays longer than each one."""
    last = np.full((1, *terms.shape[1:]), neutral)
    out: Floats = np.concatenate([gather(terms[:0:-1], axis=0)[::-1], last])
    return out


def delay_cdf(triangle: Triangle, settings: Nowcast) -> Floats:
    """Share of the reports that have come in after 0 … longest periods, shape (longest + 1, n_series).

    Raises
    ------
    MethodError
        For ``unif``, which has none.

    Examples
    --------
    >>> seen = Triangle(counts=np.array([[[6.0], [2.0]], [[3.0], [0.0]]]))
    >>> delay_cdf(seen, Nowcast()).ravel().tolist()
    [0.75, 1.0]
    """
    delays = Delays.of(triangle, settings.window)
    if settings.method == "lawless":
        return delays.share()
    if settings.method == "bayes.trunc":
        first, second = _hazard_posterior(delays, settings.kappa)
        return _beyond(second / (first + second), np.cumprod, 1.0)
    if settings.method == "unif":
        raise MethodError("nowcast: unif has no distribution of delays, allowed: another method")
    weight = np.cumsum(_dirichlet(triangle, settings), 0)
    share: Floats = weight / weight[-1]
    return share


def nowcast(triangle: Triangle, settings: Nowcast, rng: np.random.Generator | None = None) -> Predictive:
    """Distribution of the final number of reports of each date of one series.

    Parameters
    ----------
    triangle : Triangle
        Of one series.
    settings : Nowcast
        Method and settings.
    rng : numpy.random.Generator, optional
        For the Monte Carlo methods, which cannot do without.

    Returns
    -------
    Predictive
        A row a date, in the order of the triangle.

    Raises
    ------
    MethodError
        When a Monte Carlo method has no generator.
    ConfigError
        When the triangle has several series, or more is reported than ``most``.

    Examples
    --------
    >>> seen = Triangle(counts=np.array([[[6.0], [2.0]], [[3.0], [0.0]]]))
    >>> now = nowcast(seen, Nowcast(most=50))
    >>> now.reported.tolist(), now.mean.round(1).tolist()
    ([8.0, 3.0], [8.0, 4.4])
    """
    if triangle.counts.shape[2] != 1:
        raise ConfigError("nowcast", "series", triangle.counts.shape[2], "one; corrected() takes several")
    reported = triangle.reported[:, 0]
    if np.nanmax(reported, initial=0) > settings.most:
        raise ConfigError(
            "nowcast", "most", settings.most, f"at least what is reported, {np.nanmax(reported):g}"
        )
    age = np.minimum(triangle.ages, triangle.longest)
    known = np.nan_to_num(reported)
    if settings.method == "lawless":
        mass = _lawless(known, age, Delays.of(triangle, settings.window), settings)
    elif settings.method == "unif":
        totals = np.arange(settings.most + 1)
        mass = (totals >= known[:, None]) / (settings.most - known[:, None] + 1)
    elif settings.method == "bayes.notrunc.bnb":
        mass = _beta_negative_binomial(known, age, _dirichlet(triangle, settings)[:, 0], settings.most)
    else:
        if rng is None:
            raise MethodError(f"nowcast: {settings.method}: got no generator, allowed: one; it draws lots")
        mass = _monte_carlo(known, age, triangle, settings, rng)
    return Predictive(reported=reported, mass=np.where(np.isnan(reported)[:, None], np.nan, mass))


def corrected(
    values: Floats, delays: Delays, age: int | NDArray[np.int64] = 0, settings: Nowcast | None = None
) -> tuple[Floats, Floats]:
    """Estimate and standard deviation of the final counts, closed form, all series at once.

    Parameters
    ----------
    values : ndarray of float64, shape (n_series,) or (n_dates, n_series)
        Reports so far; NaN where unknown.
    delays : Delays
        Of the same series.
    age : int or ndarray of int64, shape (n_dates,)
        Age of the values in periods.
    settings : Nowcast, optional
        Method, one of :data:`CLOSED`, and its ``kappa``.

    Returns
    -------
    tuple of ndarray of float64, of the shape of ``values``
        Mean and standard deviation; NaN where the value or the delay is unknown, or nothing is reported yet
        of what will be (``lawless``).

    Raises
    ------
    ConfigError
        For a method that has no closed form.

    Examples
    --------
    >>> known = Delays(reports=np.array([[900.0], [200.0]]), upto=np.array([[900.0], [800.0]]))
    >>> estimate, sd = corrected(np.array([60.0]), known)
    >>> estimate.tolist(), sd.round(2).tolist()
    ([80.0], [5.42])
    """
    settings = settings or Nowcast()
    one_of("nowcast", "method", settings.method, CLOSED)
    row = np.minimum(age, len(delays.reports) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if settings.method == "lawless":
            share, error = delays.share()[row], delays.share_error()[row]
            estimate = values / share
            sd = np.sqrt(_lawless_variance(values, share, error))
            none = (values == 0) & (share < 1)
            return np.where(none, np.nan, estimate), np.where(none, np.nan, sd)
        weight = settings.kappa + delays.reports
        a = np.cumsum(weight, 0)[row]
        b = weight.sum(0) - a
        b = np.where(
            np.expand_dims(row == len(weight) - 1, -1), 0.0, b
        )  # no delay is longer than the longest
        r = values + 1.0
        estimate = values + np.where(a > 1, r * b / (a - 1), np.nan)
        variance = r * b * (a + r - 1) * (a + b - 1) / ((a - 2) * (a - 1) ** 2)
        return estimate, np.sqrt(np.where(a > 2, variance, np.nan))


def _lawless_variance(reported: Floats, share: Floats, error: Floats | float) -> Floats:
    """Of the reports to come, plus the error of the share (delta method)."""
    variance: Floats = reported * (1 - share) / share**2 + (reported / share) ** 2 * error
    return variance


def _lawless(reported: Floats, age: NDArray[np.int64], delays: Delays, settings: Nowcast) -> Floats:
    share, error = delays.share()[age, 0], delays.share_error()[age, 0]
    totals = np.arange(settings.most + 1)
    compatible = settings.compatible != ""
    certain = (share == 1) | ((reported == 0) & compatible)
    unknown = np.isnan(share) | (share == 0) | ((reported == 0) & ~certain)
    safe = np.where(certain | unknown, 0.5, share)
    n = np.where(certain | unknown, 1.0, reported)
    spread = np.sqrt(_lawless_variance(n, safe, 0.0 if compatible else np.where(unknown, 0.0, error)))
    mean = (n / safe)[:, None]
    if compatible:
        cdf = special.ndtr((totals - mean) / spread[:, None])
        below = np.take_along_axis(cdf, n.astype(np.int64)[:, None], 1)
        mass = np.diff(cdf, axis=1, prepend=0.0)
        mass = np.where(totals == n[:, None], below, mass) / (1 - below)
        mass = np.where(totals < n[:, None], 0.0, mass)
    else:
        edges = special.ndtr((np.arange(settings.most + 2) - 0.5 - mean) / spread[:, None])
        mass = np.where(totals < n[:, None], 0.0, np.diff(edges, axis=1))
        below = np.take_along_axis(edges, n.astype(np.int64)[:, None], 1)
        mass = mass / (1 - below)
    mass = np.where(certain[:, None], (totals == reported[:, None]).astype(np.float64), mass)
    return np.where(unknown[:, None], np.nan, mass)


def _dirichlet(triangle: Triangle, settings: Nowcast) -> Floats:
    """Weights of the delays when their truncation is ignored, shape (longest + 1, n_series)."""
    return settings.kappa + Delays.of(triangle, settings.window).reports


def _hazard_posterior(delays: Delays, kappa: float) -> tuple[Floats, Floats]:
    """Parameters of the beta posterior of each reverse hazard: a Dirichlet prior, seen from the far end."""
    shorter = np.arange(len(delays.reports))[:, None]
    return kappa + delays.reports, kappa * shorter + delays.upto - delays.reports


def _beta_negative_binomial(reported: Floats, age: NDArray[np.int64], weight: Floats, most: int) -> Floats:
    a = np.cumsum(weight)[age][:, None]
    b = (weight.sum() - np.cumsum(weight))[age][:, None]
    more = np.arange(most + 1) - reported[:, None]
    late = (age < len(weight) - 1)[:, None]
    r, k, b = reported[:, None] + 1, np.maximum(more, 0), np.where(late, b, 1.0)
    log = special.gammaln(r + k) - special.gammaln(k + 1) - special.gammaln(r)
    log = log + special.betaln(a + r, b + k) - special.betaln(a, b)
    mass = np.where(more < 0, 0.0, np.exp(log))
    return np.where(late, mass, (more == 0).astype(np.float64))


def _monte_carlo(
    reported: Floats, age: NDArray[np.int64], triangle: Triangle, settings: Nowcast, rng: np.random.Generator
) -> Floats:
    """Mean of the conditional posteriors of the total over draws of the share reported.

    Given a share p, the prior makes the reports to come negative binomial: the gamma is conjugate.
    """
    shares = _draw_shares(triangle, settings, rng)[:, age]
    size = settings.prior_mean**2 / settings.prior_variance
    rate = settings.prior_mean / settings.prior_variance
    mass = np.zeros((len(reported), settings.most + 1))
    lot = max(1, _BLOCK // (settings.most + 1))
    for row, n in enumerate(reported):
        more = np.arange(settings.most + 1 - int(n))
        r = size + n
        log = special.gammaln(r + more) - special.gammaln(more + 1)
        for begin in range(0, settings.draws, lot):
            share = shares[begin : begin + lot, row, None]
            term = log + special.xlogy(more, (1 - share) / (1 + rate))
            part = np.exp(term - term.max(1, keepdims=True))
            mass[row, int(n) :] += (part / part.sum(1, keepdims=True)).sum(0)
    return mass / settings.draws


def _draw_shares(triangle: Triangle, settings: Nowcast, rng: np.random.Generator) -> Floats:
    """Draws of the share reported after 0 … longest periods, shape (draws, longest + 1)."""
    strata = _strata(rng, settings.draws, triangle.longest)
    last = np.ones((settings.draws, 1))
    if settings.method == "bayes.notrunc":
        weight = _dirichlet(triangle, settings)[:, 0]
        sooner = np.cumsum(weight)[:-1]
        return np.concatenate([special.betaincinv(sooner, weight.sum() - sooner, strata), last], 1)
    first, second = _hazard_posterior(Delays.of(triangle, settings.window), settings.kappa)
    hazard = special.betaincinv(first[1:, 0], second[1:, 0], strata)
    return np.concatenate([np.cumprod((1 - hazard)[:, ::-1], 1)[:, ::-1], last], 1)


def _strata(rng: np.random.Generator, draws: int, columns: int) -> Floats:
    """Uniform draws, one in each of as many strata, in random order: the same law with less noise."""
    order = rng.permuted(np.tile(np.arange(draws)[:, None], (1, columns)), axis=0)
    return (order + rng.random((draws, columns))) / draws


def normal_nodes(points: int) -> tuple[Floats, Floats]:
    """Places and weights by which a mean over a standard normal is taken (Gauss–Hermite).

    Examples
    --------
    >>> places, weights = normal_nodes(3)
    >>> round(float(weights @ places**2), 12), round(float(weights.sum()), 12)
    (1.0, 1.0)
    """
    places, weights = np.polynomial.hermite_e.hermegauss(points)
    return places, weights / math.sqrt(2 * math.pi)
