"""What the methods that scan a map have in common when they run period by period.

Areas are put into one order by their places, so that the order of the series changes nothing. Zones are built
once for a map and kept by the process, not in the state. What chance alone would give is simulated once for
each size of the total (to a sixteenth), from a seed that belongs to that size, and kept in the state as
location and scale of a Gumbel distribution: a step then costs one pass over the zones instead of a thousand,
and says the same whatever was judged before.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tocsin.detect.contract import Floats, Now, State
from tocsin.detect.scan.statistic import gumbel_fit
from tocsin.detect.scan.zones import Circles, Ints, Sets, circles, flexible, links, prefixes

Simulate = Callable[[float, np.random.Generator], Floats]
"""From a total of cases and a generator to simulated maxima."""

STEPS = 8
"""Sizes of the total, in steps of a factor e, for which chance is simulated."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Map:
    """Areas that can be judged, in an order of their own.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Their series.
    places : ndarray of float64, shape (m, dims)
    population : ndarray of float64, shape (m,)
    """

    rows: Ints
    places: Floats
    population: Floats


def known(now: Now, population: Floats) -> Map:
    """Areas with a known place and a population above 0, by place."""
    columns = [now.of("x"), now.of("y")]
    if "z" in now.given:
        columns.append(now.of("z"))
    places = np.stack(columns, 1)
    held = np.isfinite(places).all(1) & np.isfinite(population)
    held[held] = population[held] > 0
    rows = np.flatnonzero(held)
    keys = (population[rows], *(places[rows, axis] for axis in reversed(range(places.shape[1]))))
    rows = rows[np.lexsort(keys)]
    return Map(rows=rows, places=places[rows], population=population[rows])


def round_zones(here: Map, bound: float) -> Circles:
    """Circles up to a share of the population; kept for the next call."""
    return _circles(here.places.tobytes(), here.places.shape, here.population.tobytes(), bound)


def connected_zones(here: Map, size: int, neighbours: int) -> Sets:
    """Connected sets; kept for the next call."""
    return _connected(here.places.tobytes(), here.places.shape, size, neighbours)


def near_zones(here: Map, size: int) -> tuple[Circles, Ints]:
    """Sets of the nearest areas, and which of them are distinct; kept for the next call."""
    return _prefixes(here.places.tobytes(), here.places.shape, size)


@functools.lru_cache(maxsize=4)
def _circles(places: bytes, shape: tuple[int, int], population: bytes, bound: float) -> Circles:
    return circles(np.frombuffer(places).reshape(shape), np.frombuffer(population), bound)


@functools.lru_cache(maxsize=4)
def _connected(places: bytes, shape: tuple[int, int], size: int, neighbours: int) -> Sets:
    at = np.frombuffer(places).reshape(shape)
    return flexible(at, size, links(at, neighbours))


@functools.lru_cache(maxsize=4)
def _prefixes(places: bytes, shape: tuple[int, int], size: int) -> tuple[Circles, Ints]:
    zones = prefixes(np.frombuffer(places).reshape(shape), size)
    return zones, zones.distinct()


def start_chance(n: int) -> State:
    """State of what chance gives: nothing simulated yet.

    ``chance``: rows of size, location and scale; ``chance_of``: the population that they are for.
    """
    return {"chance": np.zeros((0, 3)), "chance_of": np.full(n, np.nan)}


def chance(state: State, here: Map, total: float, simulate: Simulate, seed: int) -> tuple[float, float]:
    """Location and scale of the largest score by chance, at about this total.

    Parameters
    ----------
    state : dict of ndarray
        With the entries of :func:`start_chance`; another population empties them.
    here : Map
        The areas.
    total : float
        Cases.
    simulate : callable
        ``simulate(total, rng)`` gives simulated maxima.
    seed : int
        Of the simulation.
    """
    n = len(state["chance_of"])
    of = np.full(n, np.nan)
    of[here.rows] = here.population
    if not np.array_equal(of, state["chance_of"], equal_nan=True):
        state["chance"], state["chance_of"] = np.zeros((0, 3)), of
    size = max(0, round(STEPS * math.log(max(total, 1.0))))
    for known, location, scale in state["chance"]:
        if known == size:
            return float(location), float(scale)
    rng = np.random.default_rng([seed, size])
    location, scale = gumbel_fit(simulate(float(round(math.exp(size / STEPS))), rng))
    state["chance"] = np.concatenate([state["chance"], [[size, location, scale]]])
    return location, scale
