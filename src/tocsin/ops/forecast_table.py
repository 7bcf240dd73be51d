"""A forecaster on a table from a file, and what each forecaster says of itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tocsin.catalog import forecasters
from tocsin.forecast import LEVELS
from tocsin.forecast import run as forecast
from tocsin.model import ConfigError, Forecast, from_us, iso
from tocsin.ops import long_table
from tocsin.ops.described import described


def methods() -> list[dict[str, Any]]:
    """Every method in its own words, with its parameters and their defaults."""
    rows = []
    for name, kind in forecasters().items():
        said = described(kind)
        rows.append(
            {
                "method": name,
                "title": said.title,
                "good_for": said.good.removeprefix("Good for ").rstrip("."),
                "not_good": said.not_good.removeprefix("Not good ").rstrip("."),
                "cost": said.cost,
                "parameters": {f.name: _default(f) for f in dataclasses.fields(kind)},
                "references": list(said.references),
            }
        )
    return rows


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def settings_of(method: str, words: Sequence[str]) -> dict[str, Any]:
    """Parameters given as ``name=value``, values as JSON or plain words.

    Raises
    ------
    ConfigError
        When there is no such method or parameter.

    Examples
    --------
    >>> settings_of("arima", ["order=[0, 1, 1]", "season=12"])
    {'order': (0, 1, 1), 'season': 12}
    """
    kinds = forecasters()
    if method not in kinds:
        raise ConfigError("forecast", "METHOD", method, sorted(kinds))
    allowed = sorted(f.name for f in dataclasses.fields(kinds[method]))
    found: dict[str, Any] = {}
    for text in words:
        name, equals, word = text.partition("=")
        if not equals or name not in allowed:
            raise ConfigError(method, "--set", name, allowed)
        try:
            value = json.loads(word)
        except json.JSONDecodeError:
            value = word
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


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
    chosen = settings_of(method, settings)
    table = long_table.read(content, name)
    made = forecast(table.panel, method, steps=steps, levels=levels or LEVELS, **chosen)
    unknown = [f"series {region}: unknown: {reason}" for region, reason in made.unknown.items()]
    return made, [*table.notes, *unknown]


def columns(made: Forecast) -> Mapping[str, Any]:
    """A forecast as columns: series, time, and one a level; series by series."""
    steps, _, n = made.quantiles.shape
    times = [iso(from_us(int(t))) for t in made.times]
    head: dict[str, Any] = {
        "series": np.repeat(np.array(made.regions, dtype=object), steps).tolist(),
        "time": times * n,
    }
    return head | {f"q{level:g}": made.quantiles[:, i, :].T.ravel() for i, level in enumerate(made.levels)}
