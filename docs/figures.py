"""Figures of the documents, made by the code that they are about: ``python -m docs.figures FOLDER``.

No recorded data: an invented world with a seeded generator, so that anybody gets the same picture.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from benchmarks import study as simulation
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tocsin.catalog import load_domains
from tocsin.detect.budget import WEEK, next_threshold
from tocsin.model import Budget

WEEKS, CHANGE, FACTOR, SEED = 60, 30, 3.0, 2001
DELAY = timedelta(days=2)
"""Verdicts come so long after the warning."""

# One picture for light and dark pages: on a ground of its own, in colours that both bear.
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "tocsin",
    "svg.fonttype": "path",
}


def controlled(budget: Budget, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Run the controller on an invented world of false alarms.

    Parameters
    ----------
    budget : Budget
        Of a domain.
    rng : numpy.random.Generator
        Draws the hourly number of alarms: Poisson, falling by a factor of ten a decade of the threshold.

    Returns
    -------
    thresholds : ndarray of float64, shape (weeks * 168,)
        Decades, one an hour.
    verdicts : ndarray of int64, shape (weeks * 168,)
        Verdicts other than TRUE that came in, one an hour.

    Examples
    --------
    >>> (budget,) = (d.budget for d in load_domains(["air_transport"]))
    >>> thresholds, verdicts = controlled(budget, np.random.default_rng(SEED))
    >>> weeks = (len(verdicts) - 1) / 168
    >>> drift = (thresholds[-1] - thresholds[0]) / budget.gain
    >>> bool(abs(verdicts[1:].sum() - (budget.aim * weeks + drift)) < 1e-6)
    True
    """
    hours = WEEKS * 168
    late = DELAY // timedelta(hours=1)
    alarms, verdicts = np.zeros(hours, np.int64), np.zeros(hours, np.int64)
    thresholds = np.full(hours, budget.start)
    for hour in range(hours):
        if hour >= late:
            verdicts[hour] = alarms[hour - late]
        if hour:
            thresholds[hour] = next_threshold(
                thresholds[hour - 1], budget, timedelta(hours=1), int(verdicts[hour])
            )
        world = FACTOR if hour >= CHANGE * 168 else 1.0
        rate = world * 10.0 ** (budget.start - thresholds[hour]) / (WEEK / timedelta(hours=1))
        alarms[hour] = rng.poisson(rate)
    return thresholds, verdicts


def budget_figure(path: Path) -> None:
    """Draw the controller: its threshold, and false alarms against the aim."""
    budget = load_domains(["air_transport"])[0].budget
    if budget is None:
        raise ValueError("air_transport: budget: got none, allowed: one")
    thresholds, verdicts = controlled(budget, np.random.default_rng(SEED))
    weeks = np.arange(len(thresholds)) / 168
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 2.8), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2)
        left.plot(weeks, thresholds, color="#1f5f99", linewidth=1)
        left.axhline(budget.start - 1, color="#777777", linewidth=0.8, linestyle=":")
        left.annotate("floor", (1, budget.start - 1), (1, budget.start - 0.93), color="#555555")
        left.set(xlabel="week", ylabel="threshold, decades of tail", ylim=(budget.start - 1.2, None))
        right.plot(weeks, verdicts.cumsum(), color="#1f5f99", linewidth=1.2, label="verdicts not TRUE")
        right.plot(weeks, budget.aim * weeks, color="#b35c00", linestyle="--", linewidth=1, label="aim")
        right.set(xlabel="week", ylabel="counted")
        right.legend(frameon=False)
        for axes in (left, right):
            axes.axvline(CHANGE, color="#777777", linewidth=0.8, linestyle=":")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def write(folder: Path) -> None:
    """Write every figure into a folder; those that are there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    from tocsin.catalog.domain_file import FOLDER
    from tocsin.detect import budget, study
    from tocsin.detect.methods import seasonal_nb

    for name, draw, shown in (
        ("budget.svg", budget_figure, (budget.__file__, FOLDER / "air_transport.toml")),
        ("study.svg", study_figure, (study.__file__, seasonal_nb.__file__, simulation.__file__)),
    ):
        path = folder / name
        newest = max(Path(str(file)).stat().st_mtime for file in (__file__, *shown))
        if not path.exists() or path.stat().st_mtime < newest:
            draw(path)


def study_figure(path: Path) -> None:
    """Draw the simulation study: the default method as a curve, R's methods as on record."""
    many = simulation.made(20, simulation.SEED)
    tail = simulation.ours(many.observed)
    simulation.draw(path, simulation.compare(many, tail, None, tail), many, tail)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
