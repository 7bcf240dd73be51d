"""A forecaster on a table from a file, and what each forecaster says of itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tocsin.catalog import forecasters
from tocsin.forecast import LEVELS
from tocsin.forecast import run as forecast
from tocsin.forecast.coherent import Coherent, coherent
from tocsin.geo import load_pack
from tocsin.model import ConfigError, Forecast, ShapeError, from_us, iso
from tocsin.ops import long_table, parameters


def methods() -> list[dict[str, Any]]:
    """Every method in its own words, with its parameters and their defaults."""
    return [parameters.row(name, kind) for name, kind in forecasters().items()]


def run(
    method: str,
    content: bytes,
    *,
    name: str,
    settings: Sequence[str],
    steps: int,
    levels: Sequence[float] | None = None,
) -> tuple[Forecast, list[str]]:
    """Forecast every series of a CSV.

    Parameters
    ----------
    method : str
        Name of a forecaster.
    content : bytes
        CSV in UTF-8 with columns ``series,time,value``; an empty value is missing.
    name : str
        Of the file, for messages.
    settings : sequence of str
        ``name=value``.
    steps : int
        Periods ahead.
    levels : sequence of float, optional
        Probabilities of the quantiles; the seven of :data:`tocsin.forecast.LEVELS` if not given.

    Returns
    -------
    Forecast
        The quantiles.
    list of str
        What the reader should know: of the table, and why a series is unknown.

    Raises
    ------
    ShapeError
        When the table cannot be read.
    ConfigError
        On a bad method or parameter.
    MethodError
        On bad steps or levels, or periods of several lengths.
    """
    kind = parameters.chosen(forecasters(), "forecast", method)
    chosen = parameters.given(kind, method, settings)
    table = long_table.read(content, name)
    made = forecast(table.panel, method, steps=steps, levels=levels or LEVELS, **chosen)
    unknown = [f"series {region}: unknown: {reason}" for region, reason in made.unknown.items()]
    return made, [*table.notes, *unknown]


def run_together(
    method: str,
    content: bytes,
    *,
    name: str,
    settings: Sequence[str],
    steps: int,
    levels: Sequence[float] | None = None,
    reconcile: str,
    parents: Mapping[str, str],
) -> tuple[Coherent, list[str]]:
    """Forecast every series of a CSV and their sums up a tree, so that their means add up.

    Parameters
    ----------
    method, content, name, settings, steps, levels
        As :func:`run`; two levels at least.
    reconcile : str
        ``bottom_up``, ``ols`` or ``mint_shrink``.
    parents : mapping of str to str
        Parent of each series or region.

    Returns
    -------
    Coherent
        The quantiles and the means.
    list of str
        What the reader should know.

    Raises
    ------
    ConfigError
        Also when no series of the table lies in the tree: there would be nothing to add up.
    ShapeError, MethodError
        As :func:`run`, and as :func:`tocsin.forecast.coherent.coherent`.
    """
    kind = parameters.chosen(forecasters(), "forecast", method)
    chosen = parameters.given(kind, method, settings)
    table = long_table.read(content, name)
    alone = [region for region in table.panel.regions if region not in parents]
    if len(alone) == len(table.panel.regions):
        raise ConfigError(name, "--reconcile", alone[:5], "series that have a parent")
    made = coherent(
        table.panel,
        method,
        parents=parents,
        reconcile=reconcile,
        steps=steps,
        levels=levels or LEVELS,
        **chosen,
    )
    unknown = [f"series {region}: unknown: {reason}" for region, reason in made.forecast.unknown.items()]
    partial = [f"series {region}: a part of the sum: {words}" for region, words in made.partial.items()]
    return made, [*table.notes, *unknown, *partial]


def read_parents(content: bytes, name: str) -> dict[str, str]:
    r"""A tree from a CSV in UTF-8 with columns ``series,parent``, one row each; an empty parent is none.

    Raises
    ------
    ShapeError
        When a column is missing, or a series comes twice.

    Examples
    --------
    >>> read_parents(b"series,parent\nnorth,nation\nnation,\n", "tree.csv")
    {'north': 'nation'}
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ShapeError(f"{name}: got {error}, allowed: CSV in UTF-8") from error
    found: dict[str, str] = {}
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        series, parent = row.get("series"), row.get("parent")
        if series is None or parent is None:
            raise ShapeError(f"{name}: row {number}: got {list(row)}, allowed: columns series, parent")
        if series in seen:
            raise ShapeError(f"{name}: row {number}: got {series!r} twice, allowed: one parent a series")
        seen.add(series)
        if parent:
            found[series] = parent
    return found


def parents_of(pack: str) -> dict[str, str]:
    """The tree of regions of a packaged country."""
    return {r.id: r.parent for r in load_pack(pack).regions.values() if r.parent is not None}


def columns(made: Forecast) -> Mapping[str, Any]:
    """A forecast as columns: series, time, and one a level; series by series."""
    steps, _, n = made.quantiles.shape
    times = [iso(from_us(int(t))) for t in made.times]
    head: dict[str, Any] = {
        "series": np.repeat(np.array(made.regions, dtype=object), steps).tolist(),
        "time": times * n,
    }
    return head | {f"q{level:g}": made.quantiles[:, i, :].T.ravel() for i, level in enumerate(made.levels)}
