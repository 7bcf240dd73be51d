"""Seasonal ARIMA: differences of the series as sums of past values and past shocks.

Good for series that remember (rates, indices), with or without one season. Not good for long seasons, small
counts, or thousands of series every hour.

The orders are settings, (1, 1, 1) with a seasonal (0, 1, 1) by default ("airline"); nothing is searched, so
that a forecast does not change its form from one day to the next. Fitted by statsmodels, maximum likelihood
for each series; missing values are passed over by the Kalman filter. A fit that does not converge gives
*unknown* with the reason.

Cost: about 0.1 s to 2 s a series and fit, more with long seasons.

References
----------
Box, Jenkins, Reinsel, Ljung (2015), Time Series Analysis, fifth edition, Wiley;
Durbin, Koopman (2012), doi:10.1093/acprof:oso/9780199641178.001.0001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tocsin.forecast.contract import Floats, Why, whole
from tocsin.forecast.statespace import gaussian_quantiles
from tocsin.model import ConfigError, Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Arima:
    """Seasonal ARIMA of given orders.

    Parameters
    ----------
    order : tuple of int
        Autoregressive, differences, moving average.
    seasonal : tuple of int
        The same for the season; used when ``season`` is above 1.
    season : int
        Length of the season in periods; 1 for none.
    powers : bool
        Whether the square root is modelled, for counts.
    least : float or None
        Smallest possible value; None for no bound.
    window : int
        Newest periods that a fit sees.
    """

    NAME: ClassVar[str] = "arima"

    order: tuple[int, int, int] = (1, 1, 1)
    seasonal: tuple[int, int, int] = (0, 1, 1)
    season: int = 1
    powers: bool = False
    least: float | None = None
    window: int = 400

    def __post_init__(self) -> None:
        whole("arima", "season", self.season, 1, 60)
        whole("arima", "window", self.window, 3 * self.season + 10)
        for name in ("order", "seasonal"):
            got = getattr(self, name)
            if len(got) != 3:
                raise ConfigError("arima", name, got, "three whole numbers")
            for number in got:
                whole("arima", name, number, 0, 5)

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        return gaussian_quantiles(
            "arima",
            panel,
            steps,
            levels,
            why,
            model=self._model,
            least_values=2 * self.season + sum(self.order) + sum(self.seasonal) + 8,
            window=self.window,
            bound=self.least,
            powers=self.powers,
        )

    def _model(self, values: Floats) -> Any:
        from statsmodels.tsa.statespace.sarimax import SARIMAX

        season = (*self.seasonal, self.season) if self.season > 1 else (0, 0, 0, 0)
        # The scale comes out in closed form where something else is left to be searched for.
        searched = self.order[0] + self.order[2] + season[0] + season[2] > 0
        return SARIMAX(values, order=self.order, seasonal_order=season, concentrate_scale=searched)


FORECASTER = Arima
