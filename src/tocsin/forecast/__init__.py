"""Forecasts: what comes next, as quantiles; each is kept and scored when the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin.catalog import forecasters
from tocsin.forecast.contract import LEVELS, Forecaster, Why, require, targets
from tocsin.model import ConfigError, Forecast, Panel

__all__ = ["LEVELS", "Forecaster", "make", "run"]


def make(method: str, **settings: Any) -> Forecaster:
    """A forecaster by name.

    Raises
    ------
    ConfigError
        When there is no such method, or it refuses a setting.

    Examples
    --------
    >>> make("seasonal_naive", season=7).season
    7
    """
    kinds = forecasters()
    if method not in kinds:
        raise ConfigError("forecast", "method", method, sorted(kinds))
    try:
        made: Forecaster = kinds[method](**settings)
    except TypeError as error:
        raise ConfigError(method, "settings", settings, f"what the method takes; it said: {error}") from error
    return made


def run(
    panel: Panel, method: str, *, steps: int, levels: Sequence[float] = LEVELS, **settings: Any
) -> Forecast:
    """Forecast every series of a panel, with a method by name.

    Parameters
    ----------
    panel : Panel
        The past, as known at ``panel.at``.
    method : str
        Name of a module in ``forecast/methods``; ``tocsin forecast methods`` lists them.
    steps : int
        Number of periods ahead.
    levels : sequence of float
        Probabilities of the quantiles, rising within (0, 1).
    **settings
        Parameters of the method.

    Returns
    -------
    Forecast
        What cannot be forecast is NaN, with a reason.

    Raises
    ------
    ConfigError
        When there is no such method, or it refuses a setting.
    MethodError
        When steps, levels or the grid of the panel are wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from datetime import UTC, datetime
    >>> from tocsin.model import DAY, grid_us
    >>> begin = datetime(2001, 1, 1, tzinfo=UTC)
    >>> values = np.tile([[3.0], [5.0]], (20, 1))
    >>> panel = Panel(quantity="x", regions=("a",), times=grid_us(begin, begin + 40 * DAY, DAY),
    ...               values=values, known=values == values, at=begin + 40 * DAY)
    >>> run(panel, "seasonal_naive", season=2, steps=3, levels=[0.5]).quantiles.ravel().tolist()
    [3.0, 5.0, 3.0]
    """
    forecaster = make(method, **settings)
    require(method, steps, levels)
    times = targets(panel.times, steps)
    why: Why = {}
    return Forecast(
        quantity=panel.quantity,
        method=method,
        regions=panel.regions,
        at=panel.at,
        times=times,
        levels=tuple(float(level) for level in levels),
        quantiles=forecaster.quantiles(panel, steps, levels, why),
        unknown=why,
    )
