"""Exponential smoothing with level, damped trend and season (ETS, additive errors).

Good for monthly and daily series with a trend and one season of up to some dozen periods. Not good for
long seasons (hours of a week), several seasons at once, or thousands of series every hour.

The linear Gaussian state-space form of statsmodels, maximum likelihood for each series; missing values are
passed over by the Kalman filter, nothing is filled in. A fit that does not converge gives *unknown* with the
reason. ``powers`` models the square root, for counts whose spread grows with their level.

Cost: about 0.1 s to 1 s a series and fit.

References
----------
Hyndman, Koehler, Ord, Snyder (2008), Forecasting with Exponential Smoothing, doi:10.1007/978-3-540-71918-2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tocsin.forecast.contract import Floats, Why, whole
from tocsin.forecast.statespace import gaussian_quantiles
from tocsin.model import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Ets:
    """Level, trend and season by exponential smoothing.

    Parameters
    ----------
    season : int
        Length of the season in periods; 1 for none.
    trend, damped : bool
        Whether there is a trend, and whether it flattens out.
    powers : bool
        Whether the square root is modelled.
    least : float or None
        Smallest possible value, 0 for counts; None for no bound.
    window : int
        Newest periods that a fit sees.
    """

    NAME: ClassVar[str] = "ets"

    season: int = 1
    trend: bool = True
    damped: bool = True
    powers: bool = False
    least: float | None = None
    window: int = 400

    def __post_init__(self) -> None:
        whole("ets", "season", self.season, 1, 60)
        whole("ets", "window", self.window, 3 * self.season + 10)

    def quantiles(self, panel: Panel, steps: int, levels: Sequence[float], why: Why | None = None) -> Floats:
        """Quantiles of the next periods."""
        return gaussian_quantiles(
            "ets",
            panel,
            steps,
            levels,
            why,
            model=self._model,
            least_values=2 * self.season + 8,
            window=self.window,
            bound=self.least,
            powers=self.powers,
        )

    def _model(self, values: Floats) -> Any:
        from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

        return ExponentialSmoothing(
            values,
            trend=self.trend,
            damped_trend=self.trend and self.damped,
            seasonal=self.season if self.season > 1 else None,
            # Initial states by least squares within the likelihood: four parameters instead of a season's.
            initialization_method="concentrated",
        )


FORECASTER = Ets
