"""Kulldorff's spatial scan: a round cluster of areas with a high rate.

Good for counts of many areas whose rates are alike in normal times (cases per inhabitant, failures per
station): it finds an excess that is spread over neighbours and too small in each of them, and says where it
is, with one error rate for the whole map. Not good for areas that are always high (they are found again and
again: use ``space_time`` with ``baseline="margins"``), nor for long thin clusters (``flexible_scan``).

The counts of the last ``window`` periods are summed. Around each area circles grow by distance up to the
share ``bound`` of the population; of each circle the log likelihood ratio of a higher rate inside is taken,
as Poisson (cases among inhabitants) or Bernoulli (cases among ``trials``). The best circle is the most likely
cluster; then comes the best that does not overlap it, and so on. The nominal tail of an area is the p-value
of the cluster that holds it, by the Gumbel distribution fitted to the largest scores of maps simulated under
one rate everywhere; an area in no cluster has tail 1, and so have those in clusters with p above 0.5. With
``calibrate`` that tail is compared with the past, because real counts vary more than Poisson ones. What is
unknown, negative, or more than its trials takes no part and has no tail; nor has an area without inhabitants
or place.

Places are ``x``, ``y`` and, on the sphere, ``z``. The simulation is made once for each size of the total
(steps of 13 percent), from ``seed``; missing areas make the p-value a little too large, never too small.

Cost: 16 bytes a series and period of the window; a step sums all circles (40 areas: a millisecond; 3,142:
half a second), and each new size of the total simulates ``replicates`` maps (3,142 areas, 999 maps: 10 s with
numba, 25 s without; at most 500 MB). Zones are kept by the process, 4 bytes a circle. Populations or trials
that change every period need new zones and a new simulation every period: choose fewer replicates then.

References
----------
Kulldorff (1997), Communications in Statistics - Theory and Methods 26:1481, doi:10.1080/03610929708831995;
Abrams, Kulldorff, Kleinman (2010), International Journal of Health Geographics 9:61,
doi:10.1186/1476-072X-9-61.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tocsin.detect.contract import at_most_one
from tocsin.detect.scan import areas
from tocsin.detect.scan.excess import MapScan
from tocsin.detect.scan.zones import Circles


@dataclass(frozen=True, slots=True, kw_only=True)
class Kulldorff(MapScan):
    """Scan by circles.

    The other parameters are those of :class:`tocsin.detect.scan.excess.MapScan`.

    Parameters
    ----------
    bound : float
        Largest share of the population in a circle, above 0, at most 1.
    """

    NAME: ClassVar[str] = "kulldorff"

    bound: float = 0.5

    def __post_init__(self) -> None:
        MapScan.__post_init__(self)
        at_most_one(self.NAME, "bound", self.bound)

    def zones(self, here: areas.Map) -> Circles:
        """Circles around every area; kept for the next call."""
        return areas.round_zones(here, self.bound)


DETECTOR = Kulldorff
