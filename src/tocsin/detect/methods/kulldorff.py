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

from tocsin.detect import scan
from tocsin.detect.contract import Floats, Now, State, Step, one_of, positive
from tocsin.detect.scan import areas, excess
from tocsin.model import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kulldorff:
    """Scan by circles.

    Parameters
    ----------
    model : str
        ``poisson`` (needs ``population``) or ``bernoulli`` (needs ``trials``).
    window : int
        Periods that are summed.
    bound : float
        Largest share of the population in a circle, above 0, at most 1.
    replicates : int
        Simulated maps, at least 19.
    alpha : float
        The method's own alarm: p-value of the cluster below it.
    seed : int
        Of the simulation.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "kulldorff"
    JOINT: ClassVar[bool] = True

    model: str = "poisson"
    window: int = 1
    bound: float = 0.5
    replicates: int = 999
    alpha: float = 0.05
    seed: int = 1
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("kulldorff", "model", self.model, scan.MODELS)
        positive("kulldorff", "window", self.window)
        for name in ("bound", "alpha"):
            positive("kulldorff", name, getattr(self, name))
            if getattr(self, name) > 1:
                raise ConfigError("kulldorff", name, getattr(self, name), "above 0, at most 1")
        if self.replicates < 19:
            raise ConfigError("kulldorff", "replicates", self.replicates, "at least 19")
        positive("kulldorff", "seed", self.seed, zero=True)

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
        zones = areas.round_zones(here, self.bound)
        return excess.step(self._settings, state, values, here, zones, population)


DETECTOR = Kulldorff
