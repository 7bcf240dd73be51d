"""The count to expect now: a quasi-Poisson regression on the baseline, past outbreaks weighted down.

This is the common core of the two Farrington methods. A first fit gives Anscombe residuals; counts far above
the fit get less weight in a second one. A trend is kept only if it is significant and does not lead beyond
what was ever seen; else all is done again without it.

References
----------
Farrington, Andrews, Beale, Catchpole (1996), Journal of the Royal Statistical Society A 159:547,
doi:10.2307/2983331;
Noufaily, Enki, Farrington, Garthwaite, Andrews, Charlett (2013), Statistics in Medicine 32:1206,
doi:10.1002/sim.5595.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tocsin.detect.contract import Floats
from tocsin.stats import glm, negative_binomial

POWERS = {"2/3": 2 / 3, "1/2": 0.5, "none": 1.0}
"""Power transformations of the normal bound, by name."""

BLOCK = 512
"""Series that are fitted together: their rows stay in the cache of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the regression is made.

    Parameters
    ----------
    trend : bool
        Whether a trend is tried.
    p_trend : float
        It stays if its p-value is below.
    reweight : bool
        Whether past outbreaks are weighted down.
    weights_threshold : float
        Anscombe residual above which they are.
    dispersion : str
        What the standard error of the mean and the test of the trend are made with: ``pearson``; ``phi``,
        which is at least 1 for the mean and Pearson's for the test; ``overwritten``, which comes from the
        prior weights alone, as in R's ``surveillance`` for the flexible method.
    """

    trend: bool
    p_trend: float
    reweight: bool
    weights_threshold: float
    dispersion: str = "pearson"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passes:
    """The two fits with the same terms, and what lies between them.

    ``leverage``, ``residual`` and ``weight`` have shape (rows, n_series), dispersions (n_series,).
    """

    first: glm.Fit
    second: glm.Fit
    leverage: Floats
    residual: Floats
    weight: Floats
    phi_first: Floats
    phi: Floats
    pearson: Floats
    overwritten: Floats

    def of_errors(self, rules: Rules) -> Floats:
        """Dispersion that the standard error of the mean is made with."""
        return {"pearson": self.pearson, "phi": self.phi, "overwritten": self.overwritten}[rules.dispersion]

    def of_trend(self, rules: Rules) -> Floats:
        """Dispersion that the trend is tested with."""
        return self.overwritten if rules.dispersion == "overwritten" else self.pearson

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Whether both fits did."""
        return self.first.converged & self.second.converged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expectation:
    """What the regression expects now, shape (n_series,); NaN where nothing could be fitted.

    Parameters
    ----------
    eta, se : ndarray of float64
        Logarithm of the mean, and its standard error.
    phi : ndarray of float64
        Dispersion, at least 1.
    trend_used : ndarray of float64
        1 where the trend stayed.
    total, periods : ndarray of float64
        Sum of the known counts of the present season in the baseline, and their number (with populations:
        as if the present one had been there).
    """

    eta: Floats
    se: Floats
    phi: Floats
    trend_used: Floats
    total: Floats
    periods: Floats

    @staticmethod
    def unknown(n: int) -> Expectation:
        """Of ``n`` series of which nothing is known."""
        return Expectation(**{field.name: np.full(n, np.nan) for field in fields(Expectation)})

    @property
    def mean(self) -> Floats:
        """Expected count."""
        mean: Floats = np.maximum(np.exp(self.eta), glm.FLOOR)
        return mean


def passes(response: glm.Response, design: glm.Design, rules: Rules, *, trend: bool) -> Passes:
    """Fit, weigh, fit again.

    Examples
    --------
    >>> rules = Rules(trend=False, p_trend=0.05, reweight=True, weights_threshold=1.0)
    >>> design = glm.Design(level=np.zeros(9, np.int64), time=np.arange(9.0))
    >>> counts = np.array([[3.0], [2], [4], [3], [40], [3], [2], [4], [3]])
    >>> done = passes(glm.Response.of(counts), design, rules, trend=False)
    >>> float(done.first.mean[0, 0].round(2)), float(done.second.mean[0, 0].round(2))
    (7.11, 4.14)
    """
    first = second = glm.fit(response, design, trend=trend)
    with np.errstate(all="ignore"):
        pearson = first.dispersion(response)
        phi_first = np.maximum(pearson, 1.0)
        leverage = residual = np.full_like(first.mean, np.nan)
        weight = first.weight
        overwritten = pearson  # nothing is overwritten where nothing is weighted
        if rules.reweight:
            leverage = first.leverage(design)
            residual = anscombe(response.count, first.mean, phi_first, leverage)
            weight = response.known.copy()
            high = np.nonzero((residual > rules.weights_threshold) & (weight > 0))
            weight[high] = residual[high] ** -2
            weight *= response.known.sum(0) / weight.sum(0)
            weight[:, ~first.converged] = 0.0
            second = glm.fit(response, design, trend=trend, weight=weight)
            pearson = second.dispersion(response)
            overwritten = second.overwritten_dispersion(response)
        return Passes(
            first=first,
            second=second,
            leverage=leverage,
            residual=residual,
            weight=weight,
            phi_first=phi_first,
            phi=np.maximum(pearson, 1.0),
            pearson=pearson,
            overwritten=overwritten,
        )


def anscombe(count: Floats, mean: Floats, phi: Floats, leverage: Floats) -> Floats:
    """Anscombe residuals of counts, standardised; arrays of shape (rows, n_series), ``phi`` (n_series,).

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> anscombe(8 * one, one, np.ones(1), 0 * one).tolist()
    [[4.5]]
    """
    sixth = np.log(mean)
    sixth /= 6
    np.exp(sixth, out=sixth)
    out = np.cbrt(count)
    out *= out
    out /= sixth
    out -= sixth * sixth * sixth
    scale = np.subtract(1.0, leverage)
    np.maximum(scale, 1e-12, out=scale)
    scale *= phi / 2.25
    out /= np.sqrt(scale, out=scale)
    return out


def p_of_trend(fit: glm.Fit, dispersion: Floats) -> Floats:
    """Two-sided p-value of the slope, shape (n_series,)."""
    with np.errstate(all="ignore"):
        t = fit.slope / np.sqrt(dispersion / fit.spread)
        p: Floats = 2 * special.stdtr(fit.freedom, -np.abs(t))
    return p


def keeps(both: Passes, response: glm.Response, rules: Rules, eta: Floats) -> NDArray[np.bool_]:
    """Where a trend stays: significant, and ``exp(eta)`` not beyond the largest count of the baseline."""
    p = p_of_trend(both.second, both.of_trend(rules))
    with np.errstate(all="ignore"):
        return np.asarray(both.converged & (p < rules.p_trend) & (np.exp(eta) <= response.count.max(0)))


def expect(
    values: Floats,
    design: glm.Design,
    rules: Rules,
    *,
    level: int,
    time: Floats,
    population: Floats | None = None,
    population_now: Floats | None = None,
) -> Expectation:
    """What the baseline of each series lets expect now.

    Parameters
    ----------
    values : ndarray of float64, shape (rows, n_series)
        Counts of the baseline; NaN where unknown.
    design : glm.Design
        Level and time of its rows.
    rules : Rules
        How the regression is made.
    level : int
        Level of the factor now.
    time : ndarray of float64, shape (n_series,)
        Time now.
    population, population_now : ndarray of float64, shapes (rows, n_series) and (n_series,), or None
        With populations the rate is what is modelled; now, none or NaN makes the series unknown.

    Returns
    -------
    Expectation
    """
    n = values.shape[1]
    out = Expectation.unknown(n)
    for begin in range(0, n if len(values) else 0, BLOCK):
        cut = slice(begin, begin + BLOCK)
        there = None if population is None else population[:, cut]
        here = None if population_now is None else population_now[cut]
        block = _expect(glm.Response.of(values[:, cut], there), design, rules, level, time[cut], here)
        for field in fields(Expectation):
            getattr(out, field.name)[cut] = getattr(block, field.name)
    return out


def _expect(
    response: glm.Response,
    design: glm.Design,
    rules: Rules,
    level: int,
    time: Floats,
    population: Floats | None,
) -> Expectation:
    out = Expectation.unknown(response.count.shape[1])
    season = design.level == level
    out.total[:] = response.count[season].sum(0)
    out.periods[:] = response.known[season].sum(0)
    offset = np.zeros(len(out.eta))
    if population is not None and response.offset is not None:
        with np.errstate(all="ignore"):
            offset = np.log(np.where(population > 0, population, np.nan))
            exposed = response.known[season] * np.exp(response.offset[season] - offset)
        out.periods[:] = exposed.sum(0)
    rest = np.arange(len(offset))
    for trend in (True, False) if rules.trend else (False,):
        left = response if len(rest) == len(offset) else response.take(rest)
        both = passes(left, design, rules, trend=trend)
        eta, variance = both.second.at(level, time[rest])
        eta = eta + offset[rest]
        good = keeps(both, left, rules, eta) if trend else both.converged
        with np.errstate(all="ignore"):
            se = np.sqrt(variance * both.of_errors(rules))
        at = rest[good]
        out.eta[at], out.se[at], out.phi[at] = eta[good], se[good], both.phi[good]
        out.trend_used[at] = float(trend)
        rest = rest[~good]
        if not len(rest):
            break
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bound:
    """Normal approximation of a count to come, on a scale where it is nearly symmetric.

    Parameters
    ----------
    power : float
        The scale: count to this power.
    centre, deviation : ndarray of float64, shape (n_series,)
        Mean and standard deviation there.
    """

    power: float
    centre: Floats
    deviation: Floats

    @staticmethod
    def of(expectation: Expectation, transformation: str) -> Bound:
        """By the delta method.

        Parameters
        ----------
        expectation : Expectation
            Mean, its standard error, dispersion.
        transformation : str
            One of :data:`POWERS`: ``2/3`` removes the skewness, ``1/2`` steadies the variance.
        """
        power, mean = POWERS[transformation], expectation.mean
        tau = expectation.phi + expectation.se**2 * mean
        return Bound(
            power=power,
            centre=mean**power,
            deviation=power * np.sqrt(mean ** (2 * power - 1) * tau),
        )

    def upper(self, z: float) -> Floats:
        """Count ``z`` standard deviations above the mean."""
        upper: Floats = (self.centre + z * self.deviation) ** (1 / self.power)
        return upper

    def z(self, count: Floats) -> Floats:
        """Standard deviations of a count above the mean."""
        away: Floats = (count**self.power - self.centre) / self.deviation
        return away


def empty_season(
    expectation: Expectation, count: Floats, mean: Floats, upper: Floats, p: Floats, level: float
) -> tuple[Floats, Floats, Floats]:
    """Mean, bound and upper tail, where the season was never seen with a case: by Jeffreys' prior.

    A regression runs to a mean of zero there, or away, and any case is then infinitely surprising. The
    predictive distribution is negative binomial with size 1/2 and mean 1/2 over the number of periods.
    """
    never = (expectation.total == 0) & (expectation.periods > 0)
    half = np.full(len(mean), 0.5)
    with np.errstate(all="ignore"):
        prior = np.where(never, half / expectation.periods, np.nan)
    bound = negative_binomial.quantile(level, prior, half)
    tail = negative_binomial.tail(count, prior, half)
    return np.where(never, prior, mean), np.where(never, bound, upper), np.where(never, tail, p)
