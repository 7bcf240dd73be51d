"""What a scan found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tocsin.detect.contract import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A set of areas with more cases than its share.

    Parameters
    ----------
    members : tuple of int
        Areas; the first is the centre, then by distance.
    duration : int
        Periods up to the newest one; 1 where time is not looked at.
    cases, expected : float
        Sum over the areas and periods.
    population : float
        Inhabitants or trials; NaN where none are given.
    statistic : float
        Log likelihood ratio against one rate everywhere.
    p : float
        Rank among the simulated maxima over their number plus one; NaN without replicates.
    p_gumbel : float
        By the Gumbel distribution fitted to them; NaN without replicates.
    """

    members: tuple[int, ...]
    duration: int
    cases: float
    expected: float
    population: float
    statistic: float
    p: float
    p_gumbel: float

    @property
    def relative_risk(self) -> float:
        """Cases over expected."""
        return self.cases / self.expected if self.expected else math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """What a scan found.

    Parameters
    ----------
    clusters : tuple of Cluster
        The most likely one, then those below ``alpha`` that overlap no earlier one; empty without any excess.
    n_zones : int
        Zones looked at: (centre, radius) pairs in :func:`clusters`, distinct sets in :func:`prospective`.
    maxima : ndarray of float64, shape (replicates,)
        Largest score of each replicate.
    """

    clusters: tuple[Cluster, ...]
    n_zones: int
    maxima: Floats


def rank(maximum: Floats, value: float, *, strict: bool = False) -> float:
    """Monte Carlo p; maxima that are equal but for rounding count, unless ``strict``."""
    if not len(maximum):
        return math.nan
    slack = 1e-9 * abs(value)
    beyond = maximum > value + slack if strict else maximum >= value - slack
    return (1 + int(beyond.sum())) / (len(maximum) + 1)
