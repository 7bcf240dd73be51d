"""Flexible spatial scan of Tango and Takahashi: a connected cluster of any shape.

Good for an excess along a river, a road, a coast or a plume, in areas whose rates are alike in normal times.
Not good for clusters of more than about ten areas (circles reach further: ``kulldorff``), nor for areas that
are always high (``space_time`` with ``baseline="margins"``).

As ``kulldorff``, but a zone is a connected set of at most ``size`` areas, each among the ``size`` nearest of
one of its members. Two areas are taken to touch when one is among the ``neighbours`` nearest of the other,
since borders are not told to a detector. So many shapes are tried that the largest score by chance is larger
than with circles: where a cluster is round, circles find it sooner.

What is unknown, negative, or more than its trials takes no part and has no tail; nor has an area without
inhabitants or place.

Cost: 16 bytes a series and period of the window. Zones are built once for a map, at most 2 ** (size - 1) for
each area (3,142 areas, size 8: 220,000 zones in 5 s, 40 MB, kept by the process); each new size of the total
simulates ``replicates`` maps (there: 6 s for 999), and so does a population, or trials, that change.

References
----------
Tango, Takahashi (2005), International Journal of Health Geographics 4:11, doi:10.1186/1476-072X-4-11;
Abrams, Kulldorff, Kleinman (2010), International Journal of Health Geographics 9:61,
doi:10.1186/1476-072X-9-61.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tocsin.detect import scan
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.scan import areas, excess
from tocsin.detect.scan.zones import MOST_FLEXIBLE
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibleScan:
    """Scan by connected sets.

    Parameters
    ----------
    model : str
        ``poisson`` (needs ``population``) or ``bernoulli`` (needs ``trials``).
    window : int
        Periods that are summed.
    size : int
        Areas in a zone, 1 to 16; the number of zones grows as its power of two.
    neighbours : int
        Nearest areas that an area touches.
    replicates : int
        Simulated maps, at least 19.
    alpha : float
        The method's own alarm: p-value of the cluster below it.
    seed : int
        Of the simulation.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "flexible_scan"
    JOINT: ClassVar[bool] = True

    model: str = "poisson"
    window: int = 1
    size: int = 8
    neighbours: int = 5
    replicates: int = 999
    alpha: float = 0.05
    seed: int = 1
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("flexible_scan", "model", self.model, scan.MODELS)
        positive("flexible_scan", "window", self.window)
        positive("flexible_scan", "neighbours", self.neighbours)
        positive("flexible_scan", "alpha", self.alpha)
        if self.alpha > 1:
            raise ConfigError("flexible_scan", "alpha", self.alpha, "above 0, at most 1")
        if not 1 <= self.size <= MOST_FLEXIBLE:
            raise ConfigError("flexible_scan", "size", self.size, f"1 to {MOST_FLEXIBLE}")
        if self.replicates < 19:
            raise ConfigError("flexible_scan", "replicates", self.replicates, "at least 19")
        positive("flexible_scan", "seed", self.seed, zero=True)

    @property
    def GIVEN(self) -> tuple[str, ...]:  # noqa: N802 - an instance's choice of what is a constant elsewhere
        """Columns that it needs."""
        return ("trials" if self.model == "bernoulli" else "population", "x", "y")

    @property
    def _settings(self) -> excess.Settings:
        return excess.Settings(
            model=self.model,
            window=self.window,
            replicates=self.replicates,
            alpha=self.alpha,
            seed=self.seed,
            calibrate=self.calibrate,
        )

    def start(self, n: int) -> State:
        """State of ``n`` areas before the first period."""
        return excess.start(self._settings, n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Scan the map, then keep the counts for the window."""
        population = now.of(self.GIVEN[0])
        here = areas.known(now, population)
        zones = areas.connected_zones(here, self.size, self.neighbours)
        return excess.step(self._settings, state, values, here, zones, population)


DETECTOR = FlexibleScan
