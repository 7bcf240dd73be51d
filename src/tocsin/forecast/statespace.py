"""State-space models of statsmodels, one series at a time: fitted, or unknown with a reason.

statsmodels is imported at the first use only: it is needed by two methods and slow to start.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from tocsin.forecast.contract import Floats, Why, require, say
from tocsin.model import MethodError, Panel


def gaussian_quantiles(
    name: str,
    panel: Panel,
    steps: int,
    levels: Sequence[float],
    why: Why | None,
    *,
    model: Callable[[Floats], Any],
    least_values: int,
    window: int,
    bound: float | None,
    powers: bool,
) -> Floats:
    """Fit a model to each series and give the quantiles of its Gaussian forecast.

    Parameters
    ----------
    name : str
        Of the method, for reasons.
    panel, steps, levels, why
        As :class:`~tocsin.forecast.contract.Forecaster`.
    model : callable
        Makes the model of one series, in units of about 1.
    least_values, window : int
        Known values that a fit needs; newest periods that it sees.
    bound : float or None
        Smallest possible value.
    powers : bool
        Whether the square root is modelled, as of counts.

    Returns
    -------
    ndarray of float64, shape (steps, n_levels, n)
    """
    given = require(name, steps, levels)
    normal = special.ndtri(given)
    out = np.full((steps, len(given), len(panel.regions)), np.nan)
    for column, region in enumerate(panel.regions):
        values = panel.values[-window:, column]
        known = np.flatnonzero(np.isfinite(values))
        if len(known) < least_values:
            say(why, region, f"{name}: {len(known)} known values, at least {least_values} are needed")
            continue
        values = values[known[0] :]  # what lies before the first value says nothing
        if powers and np.nanmin(values) < 0:
            say(why, region, f"{name}: a negative value, and square roots are asked for")
            continue
        scaled = np.sqrt(values) if powers else values
        middle, scale = float(np.nanmean(scaled)), float(np.nanstd(scaled))
        if scale <= 1e-12 * max(1.0, abs(middle)):
            out[:, :, column] = values[np.isfinite(values)][-1]  # it has never been anything else
            continue
        try:
            mean, error = _forecast(model((scaled - middle) / scale), steps)
        except MethodError as failed:
            say(why, region, f"{name}: {failed}")
            continue
        found = middle + scale * (mean[:, None] + error[:, None] * normal)
        out[:, :, column] = np.sign(found) * found**2 if powers else found
    return out if bound is None else np.maximum(out, bound)


def _forecast(model: Any, steps: int) -> tuple[Floats, Floats]:
    """Mean and standard error of the next steps.

    Raises
    ------
    MethodError
        When the likelihood has no maximum that is found, or the forecast is not finite.
    """
    from threadpoolctl import threadpool_limits

    # Matrices this small are ten times slower on several threads. Convergence is asked below, so its warning
    # is no news; others of an optimiser that tries are none.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = model.fit(disp=False, maxiter=200)
            if not fit.mle_retvals["converged"]:
                fit = model.fit(start_params=fit.params, method="nm", disp=False, maxiter=1000)
            if not fit.mle_retvals["converged"]:
                raise MethodError("the fit did not converge, neither by L-BFGS nor by Nelder-Mead")
            ahead = fit.get_forecast(steps)
            mean = np.asarray(ahead.predicted_mean, np.float64)
            error = np.asarray(ahead.se_mean, np.float64)
        except (np.linalg.LinAlgError, ValueError, ArithmeticError, IndexError) as failed:
            raise MethodError(f"the fit failed: {type(failed).__name__}: {failed}") from failed
    if not (np.isfinite(mean).all() and np.isfinite(error).all()):
        raise MethodError("the forecast is not finite")
    return mean, error
