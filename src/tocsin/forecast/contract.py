"""What a forecaster is: a frozen dataclass of parameters with ``quantiles``.

It is given a panel, which holds what was known at one moment and nothing later, and says what comes next.
Unlike a detector it carries no state: a forecast is made seldom, from a stretch of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tocsin.model import ConfigError, MethodError, Panel, from_us, to_us

Floats = NDArray[np.float64]
Why = dict[str, str]
"""Reasons by region: filled by a forecaster for each series of which it leaves a quantile unknown."""

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Levels that are forecast unless others are asked for; even around the middle."""


class Forecaster(Protocol):
    """A method of forecasting."""

    NAME: ClassVar[str]

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods of every series.

        Parameters
        ----------
        panel : Panel
            The past: periods of one length, the newest last; NaN where missing.
        steps : int
            Number of periods ahead.
        levels : sequence of float
            Probabilities, rising, within (0, 1).
        why : dict, optional
            Is given a reason for each region that is left unknown.

        Returns
        -------
        ndarray of float64, shape (steps, n_levels, n_regions)
            Rising along the levels; NaN for a series that cannot be forecast.
        """


def targets(times: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """First instants of the periods after the last one: months where the past is months, else even steps.

    Raises
    ------
    MethodError
        When there are fewer than two periods, or they are not even.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> months = np.array([to_us(datetime(2000, m, 1, tzinfo=UTC)) for m in (11, 12)])
    >>> [from_us(int(t)).strftime("%Y-%m") for t in targets(months, 2)]
    ['2001-01', '2001-02']
    """
    if len(times) < 2:
        raise MethodError(f"forecast: got {len(times)} periods, allowed: at least 2, to know their length")
    gaps = np.diff(times)
    if (gaps == gaps[0]).all() and not _is_month(times):
        even: NDArray[np.int64] = times[-1] + gaps[0] * np.arange(1, steps + 1)
        return even
    if not _is_month(times):
        raise MethodError("forecast: got periods of several lengths, allowed: one length, or months")
    last = from_us(int(times[-1]))
    count = last.year * 12 + last.month - 1 + np.arange(1, steps + 1)
    return np.array([to_us(last.replace(year=int(c) // 12, month=int(c) % 12 + 1)) for c in count], np.int64)


def _is_month(times: NDArray[np.int64]) -> bool:
    """Whether these are first instants of months, one after the other."""
    month = times.astype("datetime64[us]").astype("datetime64[M]")
    first = (month.astype("datetime64[us]").astype(np.int64) == times).all()
    return bool(first and (np.diff(month.astype(np.int64)) == 1).all())


def in_order(quantiles: Floats) -> Floats:
    """Quantiles made to rise along the levels (axis 1): sorted, which never makes the pinball score worse.

    References
    ----------
    Chernozhukov, Fernández-Val, Galichon (2010), Econometrica 78:1093, doi:10.3982/ECTA7880.

    Examples
    --------
    >>> in_order(np.array([[[2.0], [1.0]]])).ravel().tolist()
    [1.0, 2.0]
    """
    return np.sort(quantiles, axis=1)


def say(why: Why | None, region: str, reason: str) -> None:
    """Give the reason for which a region is unknown; the first one stands."""
    if why is not None:
        why.setdefault(region, reason)


def require(name: str, steps: int, levels: Sequence[float]) -> Floats:
    """Levels as an array, once they and the steps are as the contract says.

    Raises
    ------
    MethodError
        When ``steps`` is below 1 or levels do not rise within (0, 1).
    """
    given = np.asarray(levels, np.float64)
    if steps < 1:
        raise MethodError(f"{name}: steps: got {steps}, allowed: at least 1")
    rising = given.ndim == 1 and given.size > 0 and bool((np.diff(given) > 0).all())
    if not (rising and given[0] > 0 and given[-1] < 1):
        raise MethodError(f"{name}: levels: got {list(levels)}, allowed: numbers that rise within 0 to 1")
    return given


def whole(method: str, name: str, got: Any, least: int, most: int | None = None) -> None:
    """Refuse a parameter that is no whole number within bounds.

    Raises
    ------
    ConfigError
        Naming method and parameter, what was got, what is allowed.
    """
    if not isinstance(got, int) or got < least or (most is not None and got > most):
        bounds = f"at least {least}" if most is None else f"{least} to {most}"
        raise ConfigError(method, name, got, f"a whole number, {bounds}")
