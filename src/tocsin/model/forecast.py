"""A forecast: what a quantity will be, as quantiles, and why some of it is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Quantiles of one quantity in several regions and at several times to come.

    Parameters
    ----------
    quantity, method : str
        What is forecast, and by which method.
    regions : tuple of str
        Ids, one column each.
    at : datetime
        Moment of knowledge: nothing known later is in it.
    times : ndarray of int64, shape (steps,)
        First instants of the periods forecast, microseconds since 1970.
    levels : tuple of float
        Probabilities of the quantiles, rising.
    quantiles : ndarray of float64, shape (steps, n_levels, n_regions)
        In the quantity's unit; NaN where unknown.
    unknown : mapping of str to str
        For each region with a NaN the reason in words.
    """

    quantity: str
    method: str
    regions: tuple[str, ...]
    at: datetime
    times: NDArray[np.int64]
    levels: tuple[float, ...]
    quantiles: NDArray[np.float64]
    unknown: Mapping[str, str] = field(default_factory=dict)
