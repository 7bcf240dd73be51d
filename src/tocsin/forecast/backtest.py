"""How a method would have done: forecasts from moments of the past, beside what came then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tocsin.forecast.contract import Floats, Forecaster
from tocsin.model import Panel, from_us


def cut(panel: Panel, rows: int) -> Panel:
    """The first rows of a panel alone: what a method would have been given then.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tocsin.model import DAY, grid_us
    >>> begin = datetime(2001, 1, 1, tzinfo=UTC)
    >>> values = np.zeros((5, 1))
    >>> whole = Panel(quantity="x", regions=("a",), times=grid_us(begin, begin + 5 * DAY, DAY),
    ...               values=values, known=values == values, at=begin + 5 * DAY)
    >>> cut(whole, 3).values.shape
    (3, 1)
    """
    return replace(
        panel,
        times=panel.times[:rows],
        values=panel.values[:rows],
        known=panel.known[:rows],
        at=min(panel.at, from_us(int(panel.times[rows]))) if rows < len(panel.times) else panel.at,
    )


def backtest(
    forecaster: Forecaster, panel: Panel, steps: int, levels: Sequence[float], origins: int
) -> tuple[Floats, Floats]:
    """Forecasts from the last ``origins`` moments of which all outcomes are past.

    Parameters
    ----------
    forecaster : Forecaster
        The method.
    panel : Panel
        The past.
    steps : int
        Number of periods ahead.
    levels : sequence of float
        Probabilities of the quantiles.
    origins : int
        Number of moments, one period apart, oldest first; fewer when the panel is short.

    Returns
    -------
    tuple of ndarray
        Quantiles, shape (origins, steps, n_levels, n), and what came, shape (origins, steps, n). The values
        are those known now; a panel keeps no earlier versions of them.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tocsin.forecast import make
    >>> from tocsin.model import DAY, grid_us
    >>> begin = datetime(2001, 1, 1, tzinfo=UTC)
    >>> values = np.tile([[3.0], [5.0]], (20, 1))
    >>> panel = Panel(quantity="x", regions=("a",), times=grid_us(begin, begin + 40 * DAY, DAY),
    ...               values=values, known=values == values, at=begin + 40 * DAY)
    >>> told, came = backtest(make("seasonal_naive", season=2), panel, 2, [0.5], 3)
    >>> told[:, :, 0, 0].tolist() == came[:, :, 0].tolist()
    True
    """
    last = len(panel.times) - steps
    ends = range(max(1, last - origins + 1), last + 1)
    n = len(panel.regions)
    told = [forecaster.quantiles(cut(panel, end), steps, levels) for end in ends]
    came = [panel.values[end : end + steps] for end in ends]
    if not told:
        return np.empty((0, steps, len(levels), n)), np.empty((0, steps, n))
    return np.stack(told), np.stack(came)
