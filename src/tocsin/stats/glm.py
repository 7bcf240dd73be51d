"""Quasi-Poisson regressions of many series at once, by iteratively reweighted least squares.

All series share their rows: each row has a level of one factor and a time. The columns of the factor are
disjoint, so the normal equations of a series are the sums of its levels plus one slope (an arrow matrix):
they are solved in closed form, for all series together, and no matrix is ever built for a series. Starting
values and stopping rule are those of ``glm`` in R, iterate by iterate, since what it stops at is visible
in the seventh digit of a dispersion.

References
----------
McCullagh, Nelder (1989), Generalized Linear Models, 2nd ed., doi:10.1007/978-1-4899-3242-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]

FLOOR = float(np.finfo(float).eps)
"""Smallest mean, as in R."""

EPSILON, ITERATIONS = 1e-8, 25
"""Stopping rule of R: relative change of the deviance, and the number of solutions at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Rows that all series share.

    Parameters
    ----------
    level : ndarray of int64, shape (n,)
        Level of the factor, from 0.
    time : ndarray of float64, shape (n,)
        The other regressor; best in numbers near zero.
    """

    level: NDArray[np.int64]
    time: Floats

    @property
    def levels(self) -> int:
        """Number of levels."""
        return int(self.level.max(initial=0)) + 1

    def sums(self, powers: int) -> Any:
        """Sparse matrix that sums rows by level, times ``time`` to the power 0, 1 … ``powers`` - 1.

        Shape (powers * levels, n). A sparse product goes row by row on one core: so the sums of a series do
        not depend on which others stand beside it.
        """
        order = np.argsort(self.level, kind="stable")
        ends = np.searchsorted(self.level[order], np.arange(self.levels), side="right")
        starts = np.concatenate([[0], *(ends + k * len(order) for k in range(powers))])
        data = np.concatenate([self.time[order] ** k for k in range(powers)])
        shape = (powers * self.levels, len(order))
        return sparse.csr_array((data, np.tile(order, powers), starts), shape=shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """Counts of many series, with what every fit of them needs, computed once.

    Parameters
    ----------
    count : ndarray of float64, shape (n, n_series)
        At least 0; 0 where unknown.
    known : ndarray of float64, shape (n, n_series)
        1 or 0.
    offset : ndarray of float64, shape (n, n_series), or None
        Added to the linear predictor: the logarithm of a population.
    log_start, saturated : ndarray of float64, shape (n, n_series)
        Logarithm of the starting mean; log-likelihood of a perfect fit.
    """

    count: Floats
    known: Floats
    offset: Floats | None
    log_start: Floats
    saturated: Floats

    @staticmethod
    def of(values: Floats, population: Floats | None = None) -> Response:
        """Of values with NaN where unknown; a negative value or no population is unknown as well.

        Examples
        --------
        >>> Response.of(np.array([[1.0], [np.nan]])).known[:, 0].tolist()
        [1.0, 0.0]
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            known = values >= 0
            offset = None
            if population is not None:
                known &= population > 0
                offset = np.where(known, np.log(np.where(known, population, 1.0)), 0.0)
        count = np.where(known, values, 0.0)
        saturated = np.log(np.maximum(count, 1e-300))
        saturated -= 1
        saturated *= count
        return Response(
            count=count,
            known=known.astype(float),
            offset=offset,
            log_start=np.log(count + 0.1),
            saturated=saturated,
        )

    def take(self, series: NDArray[np.int64]) -> Response:
        """The same of some series."""
        return Response(
            count=self.count[:, series],
            known=self.known[:, series],
            offset=None if self.offset is None else self.offset[:, series],
            log_start=self.log_start[:, series],
            saturated=self.saturated[:, series],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A fitted regression of each series: ``log mean = intercept[level] + slope * time + offset``.

    Parameters
    ----------
    intercept : ndarray of float64, shape (levels, n_series)
        NaN where a series has no known row of the level.
    slope : ndarray of float64, shape (n_series,)
        0 without a trend.
    converged : ndarray of bool, shape (n_series,)
        Whether the deviance settled; where not, the rest is of no use.
    mean, working, weight : ndarray of float64, shape (n, n_series)
        Fitted mean; weight of the last least-squares solution; prior weight (0 where unknown).
    information, centre : ndarray of float64, shape (levels, n_series)
        Sum of the working weights of a level, and their mean time.
    spread : ndarray of float64, shape (n_series,)
        Information of the slope; infinite without a trend.
    freedom : ndarray of float64, shape (n_series,)
        Residual degrees of freedom.
    """

    intercept: Floats
    slope: Floats
    converged: NDArray[np.bool_]
    mean: Floats
    working: Floats
    weight: Floats
    information: Floats
    centre: Floats
    spread: Floats
    freedom: Floats

    def at(self, level: int, time: float | Floats) -> tuple[Floats, Floats]:
        """Linear predictor without offset, and its variance at dispersion 1; each of shape (n_series,).

        ``time`` is one number, or one a series.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            away = (time - self.centre[level]) ** 2 / self.spread
            variance = 1 / self.information[level] + np.where(np.isinf(self.spread), 0.0, away)
        return self.intercept[level] + self.slope * time, variance

    def leverage(self, design: Design) -> Floats:
        """Diagonal of the hat matrix, shape (n, n_series)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(self.information > 0, 1 / self.information, 0.0)
            hat = np.take(inverse, design.level, axis=0)
            if np.isfinite(self.spread).any():
                away = design.time[:, None] - np.take(self.centre, design.level, axis=0)
                away *= away
                away *= 1 / self.spread
                hat += away
        hat *= self.working
        return hat

    def dispersion(self, response: Response) -> Floats:
        """Pearson dispersion, shape (n_series,); NaN without a degree of freedom."""
        return self._over_freedom(self.working, response)

    def overwritten_dispersion(self, response: Response) -> Floats:
        """What R's ``surveillance`` takes for the dispersion: prior weights instead of working ones."""
        return self._over_freedom(self.weight, response)

    def _over_freedom(self, weight: Floats, response: Response) -> Floats:
        with np.errstate(all="ignore"):
            residual = response.count / self.mean
            residual -= 1
            residual *= residual
            residual *= weight
            return np.where(self.freedom > 0, residual.sum(0) / self.freedom, np.nan)


def fit(response: Response, design: Design, *, trend: bool, weight: Floats | None = None) -> Fit:
    """Fit one regression a series.

    Parameters
    ----------
    response : Response
        Counts, rows by series.
    design : Design
        Levels and times of the rows.
    trend : bool
        Whether there is a slope.
    weight : ndarray of float64, shape (n, n_series), or None
        Prior weights; 1 if None. Where the count is unknown they are taken as 0.

    Returns
    -------
    Fit
        Where a slope cannot be estimated, or the fit does not converge in 25 solutions, ``converged`` is
        False.

    Examples
    --------
    >>> design = Design(level=np.array([0, 0, 1, 1]), time=np.arange(4.0))
    >>> fitted = fit(Response.of(np.array([[2.0], [4.0], [9.0], [11.0]])), design, trend=False)
    >>> np.exp(fitted.intercept[:, 0]).round(6).tolist(), bool(fitted.converged[0])
    ([3.0, 10.0], True)
    """
    weight = response.known if weight is None else weight * response.known
    n, levels = weight.shape[1], design.levels
    final, before = _Line.blank(levels, n), _Line.blank(levels, n)
    taken = _Sums.blank(levels, n)
    converged = np.zeros(n, np.bool_)
    with np.errstate(all="ignore"):
        work = _Work(response, design, weight, trend)
        present = work.exposure.level > 0
        live = np.arange(n)
        now = work.first()
        old, sums = now, _Sums.blank(levels, n)
        deviance = np.full(n, np.inf)
        for _ in range(ITERATIONS):
            reached = work.sums(now)
            last, deviance = deviance, work.deviance(now, reached)
            done = np.abs(deviance - last) < EPSILON * (np.abs(deviance) + 0.1) + work.noise
            if done.any():
                converged[live[done]] = True
                final.put(live[done], now.take(done))
                before.put(live[done], old.take(done))
                taken.put(live[done], sums.take(done))
            going = ~done & np.isfinite(deviance)
            if not going.any():
                break
            if not going.all():
                live, deviance = live[going], deviance[going]
                now, reached = now.take(going), reached.take(going)
                work.keep(going)
            old, sums = now, reached
            now = work.next(now, reached)
        information, centre, spread = taken.solved(trend)
        freedom = (weight > 0).sum(0) - present.sum(0) - float(trend)
        return Fit(
            intercept=np.where(present, final.intercept, np.nan),
            slope=final.slope,
            converged=converged,
            mean=_means(design, final, response.offset, trend=trend),
            working=weight * _means(design, before, response.offset, trend=trend),
            weight=weight,
            information=information,
            centre=centre,
            spread=spread,
            freedom=freedom,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Arrays whose last axis is the series."""

    def _parts(self) -> tuple[Floats, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def take(self, which: NDArray[Any]) -> Self:
        return type(self)(*(part[..., which] for part in self._parts()))

    def put(self, where: NDArray[np.int64], other: Self) -> None:
        for mine, new in zip(self._parts(), other._parts(), strict=True):
            mine[..., where] = new


@dataclass(frozen=True, slots=True, eq=False)
class _Line(_Columns):
    intercept: Floats
    slope: Floats

    @staticmethod
    def blank(levels: int, n: int) -> _Line:
        return _Line(np.full((levels, n), np.nan), np.full(n, np.nan))


@dataclass(frozen=True, slots=True, eq=False)
class _Sums(_Columns):
    """Sums of the working weights of each level: alone, times the time, times its square."""

    level: Floats
    moment: Floats
    square: Floats

    @staticmethod
    def blank(levels: int, n: int) -> _Sums:
        return _Sums(*(np.full((levels, n), np.nan) for _ in range(3)))

    def scaled(self, by: Floats) -> _Sums:
        return _Sums(*(part * by for part in self._parts()))

    def solved(self, trend: bool) -> tuple[Floats, Floats, Floats]:
        """Information of each level, its mean time, information of the slope."""
        inverse = np.where(self.level > 0, 1 / self.level, 0.0)
        if not trend:
            return self.level, 0 * self.level, np.full(self.level.shape[1], np.inf)
        centre = self.moment * inverse
        spread = (self.square - self.moment * centre).sum(0)
        # Where all known rows of each level lie at one time, there is nothing to see a slope by.
        spread = np.where(spread > 1e-10 * self.square.sum(0), spread, np.nan)
        return self.level, centre, spread


class _Work:
    """What the iterations of one call share; series that are done leave it by :meth:`keep`."""

    def __init__(self, response: Response, design: Design, weight: Floats, trend: bool) -> None:
        self.design, self.trend = design, trend
        self.levels = design.levels
        self.sum = design.sums(3 if trend else 1)
        self.offset = response.offset
        start = weight * (response.count + 0.1)
        log_start = response.log_start if self.offset is None else response.log_start - self.offset
        self.start = self.sums_of(start)
        # Working response times working weight of the first solution.
        pull = self.sums_of(start * log_start - 0.1 * weight)
        self.pull, self.pull_moment = pull.level, pull.moment
        seen = weight * response.count
        both = self.sums_of(seen)
        self.seen, self.seen_moment = both.level, both.moment
        constant = weight * response.saturated
        if self.offset is not None:
            constant -= seen * self.offset
        self.constant = constant.sum(0)
        # Below this a change of the deviance is rounding: sums of a hundred million settle no further.
        self.noise = 1e-14 * np.abs(constant, out=constant).sum(0)
        self.weight = weight
        self.exposed = weight if self.offset is None else weight * np.exp(self.offset)
        self.lowest = 0.0 if self.offset is None else float(self.offset.min(initial=0.0))
        self.exposure = self.sums_of(self.exposed)

    def keep(self, going: NDArray[np.bool_]) -> None:
        for name in ("seen", "seen_moment", "constant", "noise"):
            setattr(self, name, getattr(self, name)[..., going])
        self.exposure = self.exposure.take(going)
        if self.trend:
            self.weight, self.exposed = self.weight[:, going], self.exposed[:, going]
            self.offset = None if self.offset is None else self.offset[:, going]

    def sums_of(self, rows: Floats) -> _Sums:
        all_sums = self.sum @ rows
        level = all_sums[: self.levels]
        if not self.trend:
            return _Sums(level, 0 * level, 0 * level)
        return _Sums(level, all_sums[self.levels : 2 * self.levels], all_sums[2 * self.levels :])

    def first(self) -> _Line:
        return self.solve(self.start, self.pull, self.pull_moment)

    def sums(self, line: _Line) -> _Sums:
        if not self.trend:
            return self.exposure.scaled(np.exp(line.intercept))
        time = self.design.time
        lowest = line.intercept.min(0) + np.minimum(line.slope * time.min(), line.slope * time.max())
        if lowest.min() + self.lowest < np.log(FLOOR) + 1:
            return self.sums_of(self.weight * _means(self.design, line, self.offset, trend=True))
        growth = np.multiply.outer(time, line.slope)
        np.exp(growth, out=growth)
        growth *= self.exposed
        return self.sums_of(growth).scaled(np.exp(line.intercept))

    def solve(self, sums: _Sums, pull: Floats, pull_moment: Floats) -> _Line:
        """Least squares: a line, or the change of one."""
        information, centre, spread = sums.solved(self.trend)
        inverse = np.where(information > 0, 1 / information, 0.0)
        if not self.trend:
            return _Line(pull * inverse, np.zeros(pull.shape[1]))
        slope = (pull_moment.sum(0) - (centre * pull).sum(0)) / spread
        return _Line(pull * inverse - centre * slope, slope)

    def next(self, line: _Line, sums: _Sums) -> _Line:
        step = self.solve(sums, self.seen - sums.level, self.seen_moment - sums.moment)
        return _Line(line.intercept + step.intercept, line.slope + step.slope)

    def deviance(self, line: _Line, sums: _Sums) -> Floats:
        fitted = (self.seen * line.intercept).sum(0)
        if self.trend:
            fitted = fitted + self.seen_moment.sum(0) * line.slope
        deviance: Floats = 2 * (self.constant - fitted + sums.level.sum(0))
        return deviance


def _means(design: Design, line: _Line, offset: Floats | None, *, trend: bool) -> Floats:
    """Mean of every row, at least :data:`FLOOR`."""
    log_mean = np.take(line.intercept, design.level, axis=0)
    if trend:
        log_mean += np.multiply.outer(design.time, line.slope)
    if offset is not None:
        log_mean += offset
    return np.maximum(np.exp(log_mean, out=log_mean), FLOOR, out=log_mean)
