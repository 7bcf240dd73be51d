"""Detection: tail probabilities calibrated on the past, and a budget of false alarms that holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.catalog import detectors
from tocsin.detect.contract import Detector, Floats, Now, Step, judge
from tocsin.detect.season import season_index
from tocsin.model import ConfigError, Judgement, Panel

__all__ = ["Detector", "Now", "Step", "judge", "run"]


def run(
    panel: Panel,
    method: str,
    *,
    zone: str = "UTC",
    given: Mapping[str, Floats] | None = None,
    **settings: Any,
) -> Judgement:
    """Judge every value of a panel by its past only, with a method by name.

    Parameters
    ----------
    panel : Panel
        Values, times by series; NaN where missing.
    method : str
        Name of a module in ``detect/methods``; ``tocsin detect methods`` lists them.
    zone : str
        IANA zone in which seasons are counted.
    given : mapping of str to ndarray of float64, shape (n_series,) or (n_times, n_series)
        What else is known of the series, such as ``population``.
    **settings
        Parameters of the method.

    Returns
    -------
    Judgement
        One row a time, one column a series; row *t* rests on rows up to *t* only.

    Raises
    ------
    ConfigError
        When there is no such method, or it refuses a setting.
    MethodError
        When the method needs something that is not given.

    Examples
    --------
    >>> import numpy as np
    >>> from datetime import UTC, datetime
    >>> from tocsin.model import HOUR, grid_us
    >>> begin = datetime(2001, 1, 1, tzinfo=UTC)
    >>> values = np.tile([[3.0], [5.0]], (60, 1))
    >>> values[-1] = 90.0
    >>> times = grid_us(begin, begin + 120 * HOUR, HOUR)
    >>> panel = Panel(quantity="x", regions=("a",), times=times, values=values,
    ...               known=values == values, at=begin + 120 * HOUR)
    >>> bool(run(panel, "robust_ewma").tail[-1, 0] < 0.01)
    True
    """
    kinds = detectors()
    if method not in kinds:
        raise ConfigError("detect", "method", method, sorted(kinds))
    try:
        detector: Detector = kinds[method](**settings)
    except TypeError as error:
        raise ConfigError(method, "settings", settings, f"what the method takes; it said: {error}") from error
    kind = getattr(detector, "SEASON", "none")
    seasons = season_index(kind, panel.times, [zone] * len(panel.regions))
    return judge(detector, panel, seasons, given)
