"""Series with planted outbreaks, and how well a detector finds them: the simulation study.

The 28 scenarios are those of Noufaily et al. (2013): weekly counts over twelve years, from 0.1 to 150 a week,
with and without trend and season, with four outbreaks that the detector has to learn to look past and one
in the last year that it must find. Scores are those of the same paper, with timeliness.

References
----------
Noufaily, Enki, Farrington, Garthwaite, Andrews, Charlett (2013), Statistics in Medicine 32:1206,
doi:10.1002/sim.5595; Bédubourg, Le Strat (2017), PLoS ONE 12:e0181227,
doi:10.1371/journal.pone.0181227 (timeliness).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Floats

WEEKS = 624
SCORED = slice(575, 624)
"""The last 49 weeks are scored."""

PAST = (312, 563)
LAST = (575, 615)
"""Outbreaks begin in these weeks, counted from 0: four in the past, one in the scored weeks."""

SIZES = (2, 10)
"""Size of an outbreak, in standard deviations of a week: from, to."""

SPREAD = 0.5
"""Cases fall the whole part of a lognormal(0, SPREAD) of weeks after the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Weekly counts: ``log mu = theta + beta t + gamma1 cos(2 pi t / 52) + gamma2 sin(2 pi t / 52)``.

    Parameters
    ----------
    theta : float
        Level.
    beta : float
        Trend a week.
    gamma1, gamma2 : float
        Season.
    phi : float
        Variance in units of the mean, at least 1.
    """

    theta: float
    beta: float
    gamma1: float
    gamma2: float
    phi: float

    @property
    def name(self) -> str:
        """What a table calls it: mean of the first week, dispersion, and what else there is."""
        more = ("trend " if self.beta else "") + ("season" if self.gamma1 or self.gamma2 else "")
        return f"{np.exp(self.theta):.3g} a week, dispersion {self.phi:g}, {more.strip() or 'level'}"

    def mean(self, weeks: Floats) -> Floats:
        """Expected counts in weeks numbered from 1.

        Examples
        --------
        >>> SCENARIOS[0].mean(np.array([1.0, 2.0])).round(3).tolist()
        [1.105, 1.105]
        """
        angle = 2 * np.pi * weeks / 52
        log = self.theta + self.beta * weeks + self.gamma1 * np.cos(angle) + self.gamma2 * np.sin(angle)
        mean: Floats = np.exp(log)
        return mean


_LEVELS = (  # theta, beta, gamma1, gamma2, phi; each with and without trend and season
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)

SCENARIOS: tuple[Scenario, ...] = tuple(
    Scenario(theta=theta, beta=beta * trend, gamma1=cos * season, gamma2=sin * season, phi=phi)
    for theta, beta, cos, sin, phi in _LEVELS
    for trend in (0, 1)
    for season in (0, 1)
)
"""The 28 scenarios, in the order of the paper's table."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulated:
    """Series made from scenarios.

    Parameters
    ----------
    scenario : ndarray of int64, shape (n_series,)
        Index into :data:`SCENARIOS`.
    mean : ndarray of float64, shape (n_weeks, n_series)
        Expected counts without outbreaks.
    outbreak : ndarray of float64, shape (n_weeks, n_series)
        Cases of outbreaks.
    observed : ndarray of float64, shape (n_weeks, n_series)
        All cases.
    """

    scenario: NDArray[np.int64]
    mean: Floats
    outbreak: Floats
    observed: Floats


def simulate(rng: np.random.Generator, replicates: int, *, outbreaks: bool = True) -> Simulated:
    """Series of every scenario.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    replicates : int
        Series of each scenario.
    outbreaks : bool
        Whether any are planted.

    Returns
    -------
    Simulated
        ``28 * replicates`` series of 624 weeks.

    Examples
    --------
    >>> made = simulate(np.random.default_rng(1), 2)
    >>> made.observed.shape, bool((made.outbreak[SCORED].sum(0) > 0).all())
    ((624, 56), True)
    """
    scenario = np.repeat(np.arange(len(SCENARIOS)), replicates)
    weeks = np.arange(1.0, WEEKS + 1)
    mean = np.stack([SCENARIOS[i].mean(weeks) for i in scenario], 1)
    phi = np.array([SCENARIOS[i].phi for i in scenario])
    cases = np.zeros(mean.shape)
    if outbreaks:
        n = len(scenario)
        for first, end in (PAST,) * 4 + (LAST,):
            start = rng.integers(first, end, n)
            sd = np.sqrt(phi * mean[start, np.arange(n)])
            size = truncated_poisson(rng, rng.integers(SIZES[0], SIZES[1] + 1, n).astype(float) * sd)
            scatter(rng, cases, start, size, last=WEEKS if first == LAST[0] else SCORED.start)
    return Simulated(
        scenario=scenario, mean=mean, outbreak=cases, observed=negative_binomial(rng, mean, phi) + cases
    )


def negative_binomial(rng: np.random.Generator, mean: Floats, phi: Floats) -> Floats:
    """Counts with variance ``phi * mean``; Poisson where ``phi`` is 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    mean : ndarray of float64, shape (n_times, n_series)
        Expected counts.
    phi : ndarray of float64, shape (n_series,)
        At least 1.

    Examples
    --------
    >>> counts = negative_binomial(np.random.default_rng(1), np.full((4000, 1), 10.0), np.array([3.0]))
    >>> bool(abs(counts.var() / counts.mean() - 3) < 0.3)
    True
    """
    excess = np.broadcast_to(np.maximum(phi - 1, 0.0), mean.shape)
    scattered = rng.gamma(mean / np.where(excess > 0, excess, 1.0)) * excess
    return rng.poisson(np.where(excess > 0, scattered, mean)).astype(float)


def truncated_poisson(rng: np.random.Generator, mean: Floats) -> NDArray[np.int64]:
    """Poisson numbers above zero: those that are zero are drawn again.

    Examples
    --------
    >>> int(truncated_poisson(np.random.default_rng(1), np.full(50, 0.1)).min())
    1
    """
    size = rng.poisson(mean)
    while not size.all():
        zero = size == 0
        size[zero] = rng.poisson(mean[zero])
    return size.astype(np.int64)


def scatter(
    rng: np.random.Generator, cases: Floats, start: NDArray[np.int64], size: NDArray[np.int64], *, last: int
) -> None:
    """Add the cases of one outbreak a series, in place; what would fall after ``last`` is left out.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    cases : ndarray of float64, shape (n_times, n_series)
        Changed in place.
    start, size : ndarray of int64, shape (n_series,)
        First row, and number of cases.
    last : int
        Row at which it ends at the latest.
    """
    series = np.repeat(np.arange(len(start)), size)
    row = np.repeat(start, size) + np.floor(rng.lognormal(0, SPREAD, len(series))).astype(np.int64)
    inside = row < last
    np.add.at(cases, (row[inside], series[inside]), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """How well outbreaks were found, one entry a series.

    Parameters
    ----------
    false_alarms, quiet : ndarray of int64, shape (n_series,)
        Alarms in weeks without outbreak cases, and such weeks.
    true_alarms, struck : ndarray of int64, shape (n_series,)
        Alarms in weeks with outbreak cases, and such weeks.
    detected : ndarray of bool, shape (n_series,)
        Any alarm in a week with outbreak cases.
    timeliness : ndarray of float64, shape (n_series,)
        Delay over duration, 1 if missed; NaN for a series without outbreak.
    """

    false_alarms: NDArray[np.int64]
    quiet: NDArray[np.int64]
    true_alarms: NDArray[np.int64]
    struck: NDArray[np.int64]
    detected: NDArray[np.bool_]
    timeliness: Floats

    @property
    def false_positive_rate(self) -> float:
        """Share of the weeks without outbreak cases that have an alarm, over all series."""
        return float(self.false_alarms.sum() / max(1, self.quiet.sum()))

    @property
    def probability_of_detection(self) -> float:
        """Share of the series with an outbreak in which it is found."""
        return float(self.detected[self.struck > 0].mean())

    @property
    def mean_timeliness(self) -> float:
        """Mean of ``timeliness`` over the series with an outbreak: smaller is better."""
        return float(np.nanmean(self.timeliness))

    def of(self, columns: NDArray[np.bool_]) -> Found:
        """The same of some of the series."""
        return Found(**{name: getattr(self, name)[columns] for name in self.__dataclass_fields__})


def score(alarm: NDArray[np.bool_], outbreak: Floats) -> Found:
    """Score alarms against the outbreaks that were planted.

    Parameters
    ----------
    alarm : ndarray of bool, shape (n_weeks, n_series)
        Alarms in the scored weeks.
    outbreak : ndarray of float64, shape (n_weeks, n_series)
        Outbreak cases in these weeks.

    Returns
    -------
    Found

    Examples
    --------
    >>> alarm = np.array([[True], [False], [True], [False]])
    >>> found = score(alarm, np.array([[0.0], [2.0], [1.0], [0.0]]))
    >>> found.false_positive_rate, found.probability_of_detection, found.mean_timeliness
    (0.5, 1.0, 0.5)
    """
    cases = outbreak > 0
    hit = alarm & cases
    any_case: NDArray[np.bool_] = np.any(cases, axis=0)
    detected: NDArray[np.bool_] = np.any(hit, axis=0)
    first, last = cases.argmax(0), len(cases) - 1 - cases[::-1].argmax(0)
    delay = hit.argmax(0) - first
    timeliness = np.where(detected, delay / np.maximum(1, last - first + 1), 1.0)
    return Found(
        false_alarms=(alarm & ~cases).sum(0),
        quiet=(~cases).sum(0),
        true_alarms=hit.sum(0),
        struck=cases.sum(0),
        detected=detected,
        timeliness=np.where(any_case, timeliness, np.nan),
    )


def limit_at(tail: Floats, outbreak: Floats, rate: float) -> float:
    """The largest tail at which the false-positive rate over all series is not above ``rate``.

    Parameters
    ----------
    tail : ndarray of float64, shape (n_weeks, n_series)
        Tails in the scored weeks; NaN never alarms.
    outbreak : ndarray of float64, shape (n_weeks, n_series)
        Outbreak cases in these weeks.
    rate : float
        False-positive rate that is allowed.

    Returns
    -------
    float
        Alarm where ``tail <= limit``; -1 when nothing may alarm.

    Examples
    --------
    >>> tail = np.array([[0.1], [0.2], [0.2], [0.3]])
    >>> limit_at(tail, np.zeros((4, 1)), 0.5), limit_at(tail, np.zeros((4, 1)), 0.75)
    (0.1, 0.2)
    """
    quiet = ~(outbreak > 0)
    found, times = np.unique(tail[quiet & np.isfinite(tail)], return_counts=True)
    allowed = np.flatnonzero(np.cumsum(times) <= rate * quiet.sum() + 1e-9)
    return float(found[allowed[-1]]) if len(allowed) else -1.0


SHAPES: dict[str, tuple[float, ...]] = {
    "blow": (1.0, 1.0),
    "block": (1.0,) * 6,
    "ramp": (0.2, 0.4, 0.6, 0.8, 1.0, 1.0),
    "wave": (0.33, 0.67, 1.0, 1.0, 0.67, 0.33),
    "long": (1.0,) * 18,
}
"""Share of its full size that a planted hazard has in each period."""

DEPTHS = (0.25, 0.5, 0.75, 1.0)
"""Full size of a planted hazard on the low side: the share that is lost."""

HEIGHTS = (1.0, 2.0, 4.0, 8.0)
"""Full size of a planted hazard on the high side, in standard deviations."""


def planted(values: Floats, shape: str, size: float, side: str, deviation: float) -> Floats:
    """What a hazard makes of the values of a series.

    Parameters
    ----------
    values : ndarray of float64, shape (len(SHAPES[shape]),)
        Normal values; NaN stays NaN.
    shape : str
        Key of :data:`SHAPES`.
    size : float
        Share lost on the low side; standard deviations on the high side.
    side : str
        ``low`` or ``high``.
    deviation : float
        Of the series; used on the high side.

    Returns
    -------
    ndarray of float64
        Whole numbers where the values are.

    Examples
    --------
    >>> planted(np.full(2, 8.0), "blow", 0.75, "low", 1.0).tolist()
    [2.0, 2.0]
    """
    profile = np.array(SHAPES[shape])[: len(values)]
    struck = values * (1 - size * profile) if side == "low" else values + size * deviation * profile
    whole = np.array_equal(np.round(values), values, equal_nan=True)
    return np.round(struck) if whole else struck


def mosaic(
    rng: np.random.Generator, n_times: int, rows: int, columns: int, *, shared: float = 0.15
) -> Floats:
    """Normal daily counts of a grid of places, where neighbours go up and down together.

    Levels are lognormal from under one to some hundred a day, weekends are quieter, dispersion is 1 to 3. The
    logarithm of the expectation is disturbed by noise that is smooth over the map and over days.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where chance comes from.
    n_times : int
        Days.
    rows, columns : int
        Of the grid.
    shared : float
        Standard deviation of the disturbance; 0 makes all series independent.

    Returns
    -------
    ndarray of float64, shape (n_times, rows * columns)
        No hazard is in them.

    Examples
    --------
    >>> mosaic(np.random.default_rng(1), 30, 4, 5).shape
    (30, 20)
    """
    n = rows * columns
    level = np.exp(rng.normal(1.5, 1.3, n))
    phi = rng.uniform(1.0, 3.0, n)
    quiet = rng.uniform(0.5, 1.0, n)
    disturbance = np.zeros((rows, columns))
    out = np.empty((n_times, n))
    for day in range(n_times):
        noise = rng.normal(size=(rows, columns))
        for axis in (0, 1):
            for _ in range(2):
                noise = (np.roll(noise, 1, axis) + noise + np.roll(noise, -1, axis)) / 3
        # Smoothing made it smaller: back to a standard deviation of one.
        disturbance = 0.5 * disturbance + np.sqrt(0.75) * noise / max(float(noise.std()), 1e-9)
        mean = level * np.where(day % 7 < 5, 1.0, quiet) * np.exp(shared * disturbance.ravel())
        out[day] = negative_binomial(rng, mean[None, :], phi)[0]
    return out
