"""Parameters of methods, be they detectors or forecasters: read from ``name=value``, and shown in a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.model import ConfigError
from tocsin.ops.described import described


def chosen(kinds: Mapping[str, type], stage: str, method: str) -> type[Any]:
    """The class of a method.

    Parameters
    ----------
    kinds : mapping of str to type
        Classes by name, as the catalogue gives them.
    stage : str
        ``detect`` or ``forecast``, for the message.
    method : str
        Its name.

    Raises
    ------
    ConfigError
        When there is no such method.
    """
    if method not in kinds:
        raise ConfigError(stage, "METHOD", method, sorted(kinds))
    return kinds[method]


def given(kind: type, method: str, words: Sequence[str]) -> dict[str, Any]:
    """Parameters given as ``name=value``, values as JSON or plain words.

    Parameters
    ----------
    kind : type
        Dataclass of the method.
    method : str
        Its name, for the message.
    words : sequence of str
        One parameter each; the last one of a name stands.

    Raises
    ------
    ConfigError
        When the method has no such parameter.

    Examples
    --------
    >>> from tocsin.catalog import forecasters
    >>> given(forecasters()["arima"], "arima", ["order=[0, 1, 1]", "season=12"])
    {'order': (0, 1, 1), 'season': 12}
    """
    allowed = [f.name for f in dataclasses.fields(kind)]
    found: dict[str, Any] = {}
    for text in words:
        name, equals, word = text.partition("=")
        if not equals or name not in allowed:
            raise ConfigError(method, "--set", name, sorted(allowed))
        found[name] = _value(word)
    return found


def required(kind: type) -> list[str]:
    """Names of the parameters of a method that have no default."""
    return [f.name for f in dataclasses.fields(kind) if not _has_default(f)]


def row(method: str, kind: type) -> dict[str, Any]:
    """A method in its own words, with its parameters and their defaults (None where it has none)."""
    said = described(kind)
    return {
        "method": method,
        "title": said.title,
        "good_for": said.good.removeprefix("Good for ").rstrip("."),
        "not_good": said.not_good.removeprefix("Not good ").rstrip("."),
        "cost": said.cost,
        "parameters": {f.name: _default(f) for f in dataclasses.fields(kind)},
        "references": list(said.references),
    }


def _value(word: str) -> Any:
    try:
        value = json.loads(word)
    except json.JSONDecodeError:
        return word
    return tuple(value) if isinstance(value, list) else value


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return not (field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default
