"""What have we got: plug-ins, found by scanning their folders and registered nowhere.

A plug-in is one file in a plural folder. This module imports no stage by name, so that every stage may be
asked for through it without an import that goes up the shelves.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tocsin.model.errors import ConfigError


def plugins(package: str, required: Sequence[str]) -> dict[str, ModuleType]:
    """Import every public module of a package and hold it to the names that it must define.

    Parameters
    ----------
    package : str
        For instance ``tocsin.feeds.sources``.
    required : sequence of str
        Names that every module must define.

    Returns
    -------
    dict
        Modules by file name, sorted. Files beginning with ``_`` are no plug-ins.

    Raises
    ------
    ConfigError
        If the package or a module cannot be imported, or a module lacks a name: one bad file is named, never
        left out in silence.

    Examples
    --------
    >>> "errors" in plugins("tocsin.model", ())
    True
    """
    try:
        folder = importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(package, "import", str(error), "a package of plug-ins") from error
    paths = getattr(folder, "__path__", None)
    if paths is None:
        raise ConfigError(package, "import", "a module", "a package of plug-ins")
    found: dict[str, ModuleType] = {}
    for entry in sorted(pkgutil.iter_modules(paths), key=lambda m: m.name):
        if entry.name.startswith("_"):
            continue
        name = f"{package}.{entry.name}"
        try:
            module = importlib.import_module(name)
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise ConfigError(name, "import", got, "a module that can be imported") from error
        missing = [attribute for attribute in required if not hasattr(module, attribute)]
        if missing:
            raise ConfigError(name, ", ".join(missing), None, "defined in every plug-in of this folder")
        found[entry.name] = module
    return found


def feeds() -> dict[str, ModuleType]:
    """Every feed by id; typed as :class:`tocsin.feeds.Feed` by :func:`tocsin.feeds.all_feeds`.

    Raises
    ------
    ConfigError
        As :func:`plugins`; also when the id of a source is not the name of its file.

    Examples
    --------
    >>> "usgs_earthquakes" in feeds()
    True
    """
    found = plugins("tocsin.feeds.sources", ("SOURCE", "parse"))
    for name, module in found.items():
        if module.SOURCE.id != name:
            raise ConfigError(module.__name__, "SOURCE.id", module.SOURCE.id, [name])
    return found


def detectors() -> dict[str, type[Any]]:
    """Every detector class by name; each meets :class:`tocsin.detect.contract.Detector`.

    Raises
    ------
    ConfigError
        As :func:`plugins`; also when the ``NAME`` of a detector is not the name of its file.

    Examples
    --------
    >>> "seasonal_count" in detectors()
    True
    """
    return _classes("tocsin.detect.methods", "DETECTOR")


def forecasters() -> dict[str, type[Any]]:
    """Every forecaster class by name; each meets :class:`tocsin.forecast.contract.Forecaster`.

    Raises
    ------
    ConfigError
        As :func:`plugins`; also when the ``NAME`` of a forecaster is not the name of its file.

    Examples
    --------
    >>> "seasonal_naive" in forecasters()
    True
    """
    return _classes("tocsin.forecast.methods", "FORECASTER")


def _classes(package: str, attribute: str) -> dict[str, type[Any]]:
    """The class that each module of a package names, under the name that both have."""
    found = {name: getattr(module, attribute) for name, module in plugins(package, (attribute,)).items()}
    for name, kind in found.items():
        if name != kind.NAME:
            raise ConfigError(f"{package}.{name}", f"{attribute}.NAME", kind.NAME, [name])
    return found
