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

from tocsin.detect.contract import positive
from tocsin.detect.scan import areas
from tocsin.detect.scan.excess import MapScan
from tocsin.detect.scan.zones import MOST_FLEXIBLE, Sets
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibleScan(MapScan):
    """Scan by connected sets.

    The other parameters are those of :class:`tocsin.detect.scan.excess.MapScan`.

    Parameters
    ----------
    size : int
        Areas in a zone, 1 to 16; the number of zones grows as its power of two.
    neighbours : int
        Nearest areas that an area touches.
    """

    NAME: ClassVar[str] = "flexible_scan"

    size: int = 8
    neighbours: int = 5

    def __post_init__(self) -> None:
        MapScan.__post_init__(self)
        positive(self.NAME, "neighbours", self.neighbours)
        if not 1 <= self.size <= MOST_FLEXIBLE:
            raise ConfigError(self.NAME, "size", self.size, f"1 to {MOST_FLEXIBLE}")

    def zones(self, here: areas.Map) -> Sets:
        """Connected sets around every area; kept for the next call."""
        return areas.connected_zones(here, self.size, self.neighbours)


DETECTOR = FlexibleScan
