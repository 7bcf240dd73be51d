"""Excess of a small area over what its past, its neighbours and the nation lead to expect.

Good for counts of many areas of unequal size, most of them too small to be judged by their own past: a new
station, a county of a thousand people. Not good for areas with a rhythm of their own (use ``seasonal_nb``):
only a rise that all have in common can be allowed for, with ``common``.

The rate of each area over the last ``window`` periods is drawn towards the mean of the areas around it
(``prior="neighbours"``: the ``nearest`` ones) or of all (``nation``), by empirical Bayes: the prior is a
gamma distribution whose mean and variance come from these areas by moments. The new count is then held
against the posterior predictive distribution, a negative binomial, and the nominal tail is the probability of
as many or more. With ``calibrate`` it is compared with the past. With ``common`` the expectation is
multiplied by the ratio of the other areas' counts now to what they were expected to be, so that a season is
no excess.

A count that is unknown or negative has no tail and teaches nothing; nor is there one for an area without
inhabitants or place. Half a case is added to the nation, so that a first case ever is rare and not
impossible.

Cost: 16 bytes a series and period of the window; a step sums the window (3,142 areas, 52 periods: 3 ms).

References
----------
Marshall (1991), Journal of the Royal Statistical Society C 40:283, doi:10.2307/2347593;
Clayton, Kaldor (1987), Biometrics 43:671, doi:10.2307/2532003.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from tocsin.detect import calibration
from tocsin.detect.contract import Floats, Now, State, Step, at_most_one, one_of, positive
from tocsin.detect.scan import areas, past
from tocsin.model import ConfigError
from tocsin.stats.smoothing import moments_of_rates

PRIORS = ("neighbours", "nation")
FIRMEST = 1e6
"""Largest shape of the prior, in cases: beyond it the rates are as good as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExcess:
    """Posterior predictive tail under a prior from other areas.

    Parameters
    ----------
    prior : str
        ``neighbours`` or ``nation``.
    nearest : int
        Areas around an area, itself counted, that make its prior; at least 2.
    window : int
        Periods of the past that teach.
    least : int
        Periods seen before anything is judged.
    common : bool
        Whether a rise that all areas have in common is taken for normal.
    alpha : float
        The method's own alarm: nominal tail at most this.
    calibrate : bool
        Whether the tail is calibrated on the past.
    """

    NAME: ClassVar[str] = "local_excess"
    JOINT: ClassVar[bool] = True
    GIVEN: ClassVar[tuple[str, ...]] = ("population", "x", "y")

    prior: str = "neighbours"
    nearest: int = 10
    window: int = 52
    least: int = 8
    common: bool = False
    alpha: float = 0.01
    calibrate: bool = True

    def __post_init__(self) -> None:
        one_of("local_excess", "prior", self.prior, PRIORS)
        for name in ("window", "least"):
            positive("local_excess", name, getattr(self, name))
        if self.nearest < 2:
            raise ConfigError("local_excess", "nearest", self.nearest, "at least 2")
        at_most_one("local_excess", "alpha", self.alpha)

    def start(self, n: int) -> State:
        """State of ``n`` areas before the first period."""
        return {"scores": calibration.start(1)} | past.start(self.window, n)

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge the counts by the window before them, then keep them."""
        n, population = len(values), now.of("population")
        here = areas.known(now, population)
        known = past.countable(here, values)
        expected, size = np.full(n, np.nan), np.full(n, np.nan)
        if past.seen(state) >= self.least and len(here.rows):
            back = np.arange(-self.window, 0)
            cases, lived = (np.nansum(past.rows(state, name, back), 0) for name in ("cases", "people"))
            told = np.where(known, values, 0.0)[here.rows], np.where(known, population, 0.0)[here.rows]
            expected[here.rows], size[here.rows] = self._predictive(
                here, cases[here.rows], lived[here.rows], *told
            )
        past.push(state, np.where(known, values, np.nan), np.where(known, population, np.nan))

        judged = known & np.isfinite(expected)
        nominal = np.full(n, np.nan)
        nominal[judged] = _at_least(values[judged], expected[judged], size[judged])
        with np.errstate(invalid="ignore"):
            alarm = nominal <= self.alpha
            spread = np.sqrt(expected + expected**2 / size)
        return state, Step.of(
            values,
            tail=calibration.tail_of(state["scores"], nominal) if self.calibrate else nominal,
            expected=expected,
            upper=expected + 2 * spread,
            alarm=alarm,
            details={"p": nominal, "shape": size},
        )

    def _predictive(
        self, here: areas.Map, cases: Floats, lived: Floats, values: Floats, told: Floats
    ) -> tuple[Floats, Floats]:
        """Mean and shape of the negative binomial of each area's new count; NaN where nothing is known.

        ``cases`` and ``lived``: cases and exposure of the window; ``values`` and ``told``: those of now, 0
        where unknown.
        """
        nothing = np.full(len(cases), np.nan)
        if lived.sum() <= 0:
            return nothing, nothing
        near = None
        if self.prior == "neighbours":
            near = areas.near_zones(here, self.nearest)[0].order
        mean, variance = moments_of_rates(cases, lived, near)
        # Where nobody near is known the nation stands in; half a case keeps the rate above 0.
        nation = (cases.sum() + 0.5) / lived.sum()
        around = lived[near].sum(1) if near is not None else np.full(len(cases), lived.sum())
        mean = np.where(around > 0, (np.nan_to_num(mean) * around + 0.5 * around / lived.sum()), 0.0)
        mean = np.divide(mean, around, out=np.full(len(cases), nation), where=around > 0)
        shape = np.minimum(
            np.divide(mean**2, variance, out=np.full(len(cases), FIRMEST), where=variance > 0), FIRMEST
        )
        posterior = shape + cases
        rate = posterior / (shape / mean + lived)
        expected = rate * here.population
        if self.common:
            own = rate * told
            expected = expected * (values.sum() - values + 0.5) / (own.sum() - own + 0.5)
        return expected, posterior


def _at_least(values: Floats, expected: Floats, size: Floats) -> Floats:
    """Probability of as many or more, of a negative binomial with this mean and shape."""
    some = values > 0
    tail = np.ones(len(values))
    share = expected[some] / (expected[some] + size[some])
    with np.errstate(under="ignore"):
        tail[some] = special.betainc(values[some], size[some], share)
    return tail


DETECTOR = LocalExcess
