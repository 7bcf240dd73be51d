"""Tocsin: an open, all-hazards, national risk monitoring and early warning system.

This is the map of the package; the way of a datum leads through it from top to bottom.

``feeds``
    fetch bytes from a publisher, keep them under their hash, parse them purely, pass them through a gate.
``store``
    keeps observations and events with two times: when they were valid, and since when they are known.
    ``store.as_of(t)`` answers with what was known at t, and nothing learnt later changes the answer.
``detect``
    judges each series by its own past: one tail probability, whatever the method; a controller holds the
    number of false alarms to a budget.
``forecast``
    says what comes next, as quantiles; what it said is kept and scored when the truth is known.
``assess``
    joins findings and events of others into a level for each region and domain; marks what is compound.
``warn``
    drafts a message (CAP), leads it from draft to issue through two officers, delivers it.
``respond``
    opens the tasks of a playbook when a warning is issued.
``verify``
    holds warnings against what then happened: true, a short stop, false, missed; and says how often.
``cycle``
    joins the stages: ``cycle.run(snapshot, plan)`` is the same function live, in a replay and in an exercise.
    It sees a snapshot and a plan, and no clock: there is no way to look ahead.

Around them stand ``model`` (the words, imported by all), ``geo`` (places), ``cap`` (the protocol),
``stats`` (plain functions on arrays), ``catalog`` (finds plug-ins), ``govern`` (the record of decisions,
laws, licences, limits), ``testing`` (the checks that a plug-in of yours must pass), ``ops`` (every command
and view), ``api`` and ``cli`` (the doors).
Silence is not calm: a read ends in a value, in *known to be none* or in *failed*, and what is unknown stays
unknown up to the map and the warning that stands.

In a notebook, without a server::

    import tocsin
    store = tocsin.open(".tocsin")
    snapshot = store.as_of(tocsin.parse_time("2001-02-28T21:05:00Z"))
    snapshot.cells(quantity="air_transport.departures", regions=["US-AIR-SEA"])  # an Arrow table
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

__all__ = ["__version__", "open", "parse_time"]

_STAGES = (
    "assess",
    "cap",
    "catalog",
    "cycle",
    "detect",
    "feeds",
    "forecast",
    "geo",
    "model",
    "respond",
    "stats",
    "store",
    "verify",
    "warn",
)


def open(path: Path | str, *, create: bool = False) -> Any:  # noqa: A001 - read as tocsin.open
    """Open the store in a folder.

    Parameters
    ----------
    path : Path or str
        The folder, such as ``.tocsin``, which is where ``make demo`` builds.
    create : bool
        Make an empty store when there is none.

    Returns
    -------
    Store
        Its ``as_of(t)`` gives what was known at t; tables come as Arrow, panels as numpy.

    Raises
    ------
    StoreError
        When there is none and none is to be made, or a newer Tocsin wrote it.

    Examples
    --------
    >>> import tempfile
    >>> import tocsin
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = tocsin.open(folder, create=True)
    ...     rows = store.as_of(tocsin.parse_time("2001-02-28T21:05:00Z")).cells().num_rows
    ...     store.close()
    >>> rows
    0
    """
    # By name: every module imports this one for the version, and a stage must not be drawn in by that.
    return importlib.import_module("tocsin.store").open_store(path, create=create)


def __getattr__(name: str) -> Any:
    """Public names and stages, imported when they are first asked for: ``import tocsin`` costs nothing."""
    if name == "parse_time":
        return importlib.import_module("tocsin.model").parse_time
    if name in _STAGES:
        return importlib.import_module(f"tocsin.{name}")
    raise AttributeError(f"tocsin: got {name!r}, allowed: {', '.join((*__all__, *_STAGES))}")
