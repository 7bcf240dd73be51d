"""What is known of regions besides their values, as columns for a detector (:class:`tocsin.detect.Now`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.detect.contract import Floats
from tocsin.model import Region

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""


def of_regions(names: Sequence[str], regions: Sequence[Region]) -> dict[str, Floats]:
    """The columns that a method asks for by ``GIVEN``, as far as regions have them.

    Parameters
    ----------
    names : sequence of str
        Of ``population``, ``x``, ``y``, ``z``; others are not a matter of regions and are left out.
    regions : sequence of Region
        One a series.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_regions,)
        ``population``: inhabitants, NaN where unknown. ``x``, ``y``, ``z``: place in space, km from the
        centre of the Earth, so that distances are the same everywhere; all three when one is asked for.

    Examples
    --------
    >>> of_regions(("trials",), [])
    {}
    """
    found: dict[str, Floats] = {}
    if "population" in names:
        found["population"] = np.array(
            [np.nan if r.population is None else r.population for r in regions], dtype=float
        )
    if {"x", "y", "z"} & set(names):
        lat = np.radians(np.array([r.lat for r in regions], dtype=float))
        lon = np.radians(np.array([r.lon for r in regions], dtype=float))
        found["x"] = EARTH_KM * np.cos(lat) * np.cos(lon)
        found["y"] = EARTH_KM * np.cos(lat) * np.sin(lon)
        found["z"] = EARTH_KM * np.sin(lat)
    return found
