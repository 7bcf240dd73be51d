"""Forecasts over a tree of regions that add up: the base forecasts, what was wrong with them, and the sums.

Every series is forecast with one method, and so is every sum of them up the tree; then all are reconciled
(:mod:`tocsin.forecast.reconcile`). The *means* add up exactly. The quantiles are those of distributions that
add up draw by draw; they need not add up themselves, because the quantile of a sum is no sum of quantiles.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tocsin.forecast import LEVELS, make, run
from tocsin.forecast.backtest import backtest
from tocsin.forecast.contract import Floats
from tocsin.forecast.reconcile import METHODS, projection, ranked_draws, reconciled, summing
from tocsin.model import ConfigError, Forecast, MethodError, Panel

ORIGINS = 40
"""Earlier moments of which the errors are taken: the method is run so many times more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coherent:
    """A forecast whose means add up.

    Parameters
    ----------
    forecast : Forecast
        Of the series first, in their order, then of the sums.
    mean : ndarray of float64, shape (steps, n_regions)
        Adds up over the tree; NaN where unknown.
    parents : mapping of str to str
        The tree: parent of each region that has one, without the series that are unknown.
    partial : mapping of str to str
        Sums that hold not all of their series, in words: which are missing.
    """

    forecast: Forecast
    mean: Floats
    parents: Mapping[str, str]
    partial: Mapping[str, str]


def coherent(
    panel: Panel,
    method: str,
    *,
    parents: Mapping[str, str],
    reconcile: str,
    steps: int,
    levels: Sequence[float] = LEVELS,
    origins: int = ORIGINS,
    **settings: Any,
) -> Coherent:
    """Forecast the series of a panel and their sums up a tree, so that they add up.

    Parameters
    ----------
    panel : Panel
        The past, as known at ``panel.at``. A region inside the tree that has a column is taken as it is; one
        without is the sum of its series, in periods in which none of these is missing.
    method : str
        Name of a module in ``forecast/methods``.
    parents : mapping of str to str
        Parent of each region; what lies around no column is left out.
    reconcile : str
        ``bottom_up``, ``ols`` or ``mint_shrink``.
    steps : int
        Number of periods ahead.
    levels : sequence of float
        Probabilities of the quantiles, at least two.
    origins : int
        Earlier moments whose errors say how the regions err together, at least 3.
    **settings
        Parameters of the method.

    Returns
    -------
    Coherent
        A series that cannot be forecast is unknown and in no sum; the sums around it are ``partial``.

    Raises
    ------
    ConfigError
        When there is no such method, setting or way to reconcile, or the parents are no tree.
    MethodError
        When nothing can be forecast, there are too few errors, or a series is unknown within a region that
        has a column of its own: that region's figure holds something that no other tells of.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from tocsin.model import DAY, grid_us
    >>> begin = datetime(2001, 1, 1, tzinfo=UTC)
    >>> values = np.random.default_rng(1).poisson([20.0, 5.0], (60, 2)).astype(float)
    >>> past = Panel(quantity="x", regions=("a", "b"), times=grid_us(begin, begin + 60 * DAY, DAY),
    ...              values=values, known=values == values, at=begin + 60 * DAY)
    >>> made = coherent(past, "seasonal_naive", parents={"a": "all", "b": "all"}, reconcile="ols", steps=1)
    >>> made.forecast.regions, bool(np.isclose(made.mean[0, :2].sum(), made.mean[0, 2]))
    (('a', 'b', 'all'), True)
    """
    if reconcile not in METHODS:
        raise ConfigError("forecast", "reconcile", reconcile, METHODS)
    tree = _around(panel.regions, parents)
    inner = set(tree.values())
    base = run(panel, method, steps=steps, levels=levels, **settings)
    known = {r for i, r in enumerate(base.regions) if np.isfinite(base.quantiles[:, :, i]).all()}
    lost = {r: base.unknown.get(r, "unknown") for r in base.regions if r not in known and r not in inner}
    bottom = [r for r in panel.regions if r in known and r not in inner]
    if not bottom:
        raise MethodError(f"reconcile: got no series that {method} can forecast, allowed: at least 1")
    _require_no_hole(panel.regions, tree, lost)
    kept = _around(bottom, tree)
    regions = [*panel.regions, *sorted(set(kept.values()) - set(panel.regions))]
    whole = _with_sums(panel, bottom, kept, regions)
    sums = replace(
        whole,
        regions=whole.regions[len(panel.regions) :],
        values=whole.values[:, len(panel.regions) :],
        known=whole.known[:, len(panel.regions) :],
    )
    above = run(sums, method, steps=steps, levels=levels, **settings) if sums.regions else None
    told = base.quantiles if above is None else np.concatenate([base.quantiles, above.quantiles], 2)
    in_tree = [i for i, r in enumerate(regions) if r in set(bottom) | set(kept.values())]
    used = [i for i in in_tree if np.isfinite(told[:, :, i]).all()]
    centre, came = backtest(make(method, **settings), whole, 1, (0.5,), origins)
    errors = came[:, 0, :] - centre[:, 0, 0, :]
    matrix = summing([regions[i] for i in in_tree], kept)
    project = projection(matrix[[in_tree.index(i) for i in used]], reconcile, errors[:, used])
    draws = reconciled(
        ranked_draws(told[:, :, used], np.asarray(levels, float), errors[:, used]), matrix, project
    )
    quantiles, mean = np.full_like(told, np.nan), np.full((steps, len(regions)), np.nan)
    quantiles[:, :, in_tree] = np.moveaxis(np.quantile(draws, levels, axis=1), 0, 1)
    mean[:, in_tree] = draws.mean(1)
    partial = {
        region: f"without {', '.join(sorted(missing)[:5])}{' …' if len(missing) > 5 else ''}, unknown"
        for region in regions
        if (missing := [r for r in lost if region in _line(r, tree)])
    }
    return Coherent(
        forecast=Forecast(
            quantity=panel.quantity,
            method=method,
            regions=tuple(regions),
            at=panel.at,
            times=base.times,
            levels=base.levels,
            quantiles=quantiles,
            unknown=lost,
        ),
        mean=mean,
        parents=kept,
        partial=partial,
    )


def _around(regions: Sequence[str], parents: Mapping[str, str]) -> dict[str, str]:
    """The part of a tree that lies around some regions."""
    found: dict[str, str] = {}
    for region in regions:
        line = [region, *_line(region, parents)]
        found.update(itertools.pairwise(line))
    return found


def _line(region: str, parents: Mapping[str, str]) -> list[str]:
    """All regions around one, from the narrowest."""
    line: list[str] = []
    at = parents.get(region)
    while at is not None:
        if at in line or at == region:
            raise ConfigError("reconcile", "parents", region, "a tree: no region lies within itself")
        line.append(at)
        at = parents.get(at)
    return line


def _require_no_hole(columns: Sequence[str], tree: Mapping[str, str], lost: Mapping[str, str]) -> None:
    for region, reason in lost.items():
        own = [r for r in _line(region, tree) if r in columns]
        if own:
            raise MethodError(
                f"reconcile: {region}: got unknown ({reason}) within {own[0]}, which has figures of its own; "
                "allowed: every series of it, or none of its own"
            )


def _with_sums(panel: Panel, bottom: Sequence[str], tree: Mapping[str, str], regions: Sequence[str]) -> Panel:
    """The panel with a column for each sum; a sum is unknown where a part of it is."""
    column = {r: i for i, r in enumerate(panel.regions)}
    parts: dict[str, list[int]] = {}
    for region in bottom:
        for around in _line(region, tree):
            parts.setdefault(around, []).append(column[region])
    more = regions[len(panel.regions) :]
    extra = np.stack([panel.values[:, parts[r]].sum(1) for r in more], 1) if more else panel.values[:, :0]
    told = np.stack([panel.known[:, parts[r]].all(1) for r in more], 1) if more else panel.known[:, :0]
    return replace(
        panel,
        regions=tuple(regions),
        values=np.concatenate([panel.values, extra], 1),
        known=np.concatenate([panel.known, told], 1),
    )
