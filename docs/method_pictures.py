"""A picture of every method on a real series: value, expectation, bound, alarms, and the tail.

The series come from the package ``vega-datasets`` of the front, which ``make setup`` installs; no method was
chosen or set by them. One picture serves light and dark pages: no ground, and colours that both bear.
"""

from __future__ import annotations

import csv
import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pyarrow import parquet

from tocsin import detect, stats
from tocsin.catalog import detectors
from tocsin.detect.contract import Floats, judge
from tocsin.detect.given import of_regions
from tocsin.detect.season import season_index
from tocsin.geo import load_pack
from tocsin.model import Judgement, Panel, from_us

DATA = Path(__file__).resolve().parents[1] / "node_modules" / "vega-datasets" / "data"
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
RARE = 1e-3

GREY, BLUE, ORANGE, RED = "#7f7f7f", "#4f8fc4", "#cc8033", "#d9534f"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "tocsin",
    "svg.fonttype": "path",
    **{
        f"{name}color": GREY
        for name in ("axes.edge", "axes.label", "xtick.", "ytick.", "text.", "axes.title")
    },
}


# ---- series ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """Real series for a picture.

    Parameters
    ----------
    panel : Panel
        Times by series.
    given : mapping
        What else is known of them.
    what : str
        Said below the picture: what is counted, where, how often, from when to when.
    unit : str
        At the axis.
    series : int or None
        The one that is drawn; None for the one with the smallest tail.
    """

    panel: Panel
    given: Mapping[str, Floats]
    what: str
    unit: str
    series: int | None = 0


@functools.cache
def _strikes() -> tuple[NDArray[np.int64], tuple[str, ...], Floats, Floats]:
    """Weeks, states, strikes and strikes with damage, weeks by states."""
    with (DATA / "birdstrikes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = date(1990, 1, 1)  # a Monday
    week = np.array([(date.fromisoformat(r["Flight Date"]) - first).days // 7 for r in rows])
    names = tuple(sorted({r["Origin State"] for r in rows}))
    place = week, np.array([names.index(r["Origin State"]) for r in rows])
    strikes, damage = np.zeros((2, int(week.max()), len(names)))  # the last week is not whole: left out
    whole = week < len(strikes)
    np.add.at(strikes, (place[0][whole], place[1][whole]), 1)
    harmed = whole & np.array([r["Effect Amount of damage"] != "None" for r in rows])
    np.add.at(damage, (place[0][harmed], place[1][harmed]), 1)
    monday = int(np.datetime64(first, "us").astype(np.int64))
    return monday + np.arange(len(strikes)) * 7 * DAY_US, names, strikes, damage


def _panel(times: NDArray[np.int64], names: Sequence[str], values: Floats) -> Panel:
    return Panel(
        quantity="shown",
        regions=tuple(names),
        times=times,
        values=values,
        known=np.isfinite(values),
        at=from_us(int(times[-1])) + timedelta(days=60),
    )


def weekly() -> Shown:
    """Weekly counts with a season and a trend, the whole country and its largest states."""
    times, names, strikes, _ = _strikes()
    largest = np.argsort(-strikes.sum(0), kind="stable")[:12]
    values = np.column_stack([strikes.sum(1), strikes[:, largest]])
    return Shown(
        panel=_panel(times, ("all", *(names[i] for i in largest)), values),
        given={"expected": _seasonal(values, 52)},
        what="collisions of aircraft with birds and bats, all recorded, a week, January 1990 to August 2002",
        unit="strikes a week",
    )


def onset() -> Shown:
    """The beginning of one season."""
    times, _, strikes, _ = _strikes()
    year = slice(522, 566)  # January to October 2000
    return Shown(
        panel=_panel(times[year], ("all",), strikes.sum(1)[year, None]),
        given={},
        what="collisions of aircraft with birds and bats, all recorded, a week, January to October 2000",
        unit="strikes a week",
    )


def shares() -> Shown:
    """Weekly numbers out of a known number."""
    times, _, strikes, damage = _strikes()
    return Shown(
        panel=_panel(times, ("all",), damage.sum(1)[:, None]),
        given={"trials": strikes.sum(1)[:, None]},
        what="collisions of aircraft with birds and bats that did damage, out of all recorded, a week, "
        "January 1990 to August 2002",
        unit="with damage, a week",
    )


def states() -> Shown:
    """Weekly counts by state, with inhabitants and places."""
    times, names, strikes, _ = _strikes()
    pack = load_pack("us")
    regions = {r.name: r for r in pack.at_level("state")}
    aliases = {"DC": "District of Columbia"}
    kept = [i for i, n in enumerate(names) if aliases.get(n, n) in regions]
    found = [regions[aliases.get(names[i], names[i])] for i in kept]
    values = strikes[:, kept]
    given = {
        name: np.broadcast_to(column, values.shape)
        for name, column in of_regions(("population", "x", "y", "z"), found).items()
    }
    given["trials"] = np.broadcast_to(strikes.sum(1, keepdims=True), values.shape)
    return Shown(
        panel=_panel(times, [names[i] for i in kept], values),
        given=given,
        what="collisions of aircraft with birds and bats by state of departure, a week, January 1990 to "
        f"August 2002 ({len(kept)} states together; shown is the one with the smallest tail)",
        unit="strikes a week",
        series=None,
    )


def monthly() -> Shown:
    """Monthly rates with a season, a recession at the end."""
    rows = json.loads((DATA / "unemployment-across-industries.json").read_text("utf-8"))
    names = tuple(sorted({r["series"] for r in rows}))
    months = sorted({(r["year"], r["month"]) for r in rows})
    values = np.full((len(months), len(names)), np.nan)
    for r in rows:
        values[months.index((r["year"], r["month"])), names.index(r["series"])] = r["rate"]
    times = np.array([f"{y}-{m:02}-01" for y, m in months], "datetime64[us]").astype(np.int64)
    return Shown(
        panel=_panel(times, names, values),
        given={},
        what="rate of unemployment of construction workers in the United States (one of "
        f"{len(names)} industries judged together), a month, 2000 to early 2010",
        unit="per cent",
        series=names.index("Construction"),
    )


def daily() -> Shown:
    """Daily measurements with a season."""
    with (DATA / "seattle-weather.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    days = np.array([r["date"] for r in rows], "datetime64[us]").astype(np.int64)
    return Shown(
        panel=_panel(days, ("wind",), np.array([[float(r["wind"])] for r in rows])),
        given={},
        what="wind in Seattle, a day, 2012 to 2015",
        unit="m/s",
    )


def changes() -> Shown:
    """Daily measurements without a season, in calm and in turmoil."""
    with (DATA / "sp500-2000.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    days = np.array([r["date"] for r in rows], "datetime64[us]").astype(np.int64)
    price = np.array([float(r["close"]) for r in rows])
    years = slice(1758, 3018)  # 2007 to 2011: the crisis, with the calm before and after
    days, price = days[years], price[years]
    return Shown(
        panel=_panel(days[1:], ("all",), 100 * np.abs(np.diff(np.log(price)))[:, None]),
        given={},
        what="absolute change of the index S&P 500 from one trading day to the next, 2007 to 2011",
        unit="per cent",
    )


def hourly() -> Shown:
    """Hourly counts with a daily and weekly rhythm."""
    table = parquet.read_table(DATA / "flights-3m.parquet", columns=["date", "origin"])
    hour = np.asarray(table["date"].cast("int64")) // HOUR_US
    kept = hour < hour[0] - hour[0] % 24 + 31 * 24  # January: the other months are for the ledger
    origins = table["origin"].filter(kept).dictionary_encode().combine_chunks()
    code, hour = np.asarray(origins.indices), hour[kept]
    counts = np.zeros((int(hour.max() - hour.min()) + 1, len(origins.dictionary)))
    np.add.at(counts, (hour - hour.min(), code), 1)
    largest = np.argsort(-counts.sum(0), kind="stable")[:20]
    names = [origins.dictionary[int(i)].as_py() for i in largest]
    times = (int(hour.min()) + np.arange(len(counts))) * HOUR_US
    return Shown(
        panel=_panel(times, names, counts[:, largest]),
        given={},
        what=f"flights that left {names[0]}, an hour of local time, January 2001 (one of 20 airports judged "
        "together)",
        unit="departures an hour",
    )


def _seasonal(values: Floats, period: int) -> Floats:
    """Mean of the same week of the years before, three weeks wide: an expectation from outside."""
    expected = np.full(values.shape, np.nan)
    for row in range(2 * period, len(values)):
        back = [row - k * period + j for k in range(1, row // period + 1) for j in (-1, 0, 1)]
        expected[row] = values[[b for b in back if 0 <= b < row]].mean(0)
    expected[: 2 * period] = np.maximum(values[: 2 * period].mean(0), 0.1)
    return np.maximum(expected, 0.1)


KINDS: Mapping[str, Callable[[], Shown]] = MappingProxyType(
    {
        "weekly": weekly,
        "onset": onset,
        "shares": shares,
        "states": states,
        "monthly": monthly,
        "hourly": hourly,
        "daily": daily,
        "changes": changes,
    }
)

CHOSEN: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "threshold": ("weekly", {"limit": 40.0}),
        "robust_ewma": ("monthly", {"season": "month"}),
        "categorical_cusum": ("shares", {}),
        "cusum": ("weekly", {"m": "glm", "reset": True}),
        "outbreakp": ("onset", {}),
        "rogerson": ("weekly", {"reset": True}),
        "seasonal_count": ("hourly", {"windows": (1, 3, 6), "side": "low"}),
        "seasonal_residual": ("hourly", {}),
        "spot": ("daily", {}),
        "dspot": ("changes", {}),
        **{
            name: ("changes", {})
            for name in (
                "bocpd",
                "e_detector",
                "ewma",
                "ewma_cusum",
                "page_hinkley",
                "robust_z",
                "shiryaev_roberts",
                "spectral_residual",
            )
        },
    }
)
"""Series and settings of a method whose defaults are not for weekly counts; written from its docstring."""


def chosen(name: str) -> tuple[str, Mapping[str, Any]]:
    """Kind of series and settings for the picture of a method.

    Examples
    --------
    >>> chosen("kulldorff")[0], chosen("threshold")
    ('states', ('weekly', {'limit': 40.0}))
    """
    if name in CHOSEN:
        return CHOSEN[name]
    return ("states" if getattr(detectors()[name], "JOINT", False) else "weekly"), {}


# ---- pictures ----------------------------------------------------------------------------------------------


def judged(name: str) -> tuple[Shown, Judgement]:
    """A method on its series."""
    kind, settings = chosen(name)
    shown = KINDS[kind]()
    detector = detectors()[name](**settings)
    panel = shown.panel
    season = season_index(getattr(detector, "SEASON", "none"), panel.times, ["UTC"] * len(panel.regions))
    return shown, judge(detector, panel, season, shown.given)


def draw(name: str, path: Path) -> None:
    """Draw the picture of a method."""
    shown, found = judged(name)
    number = shown.series
    if number is None:
        number = int(np.nanargmin(np.nanmin(np.where(np.isnan(found.tail), 2.0, found.tail), 0)))
    times = shown.panel.times.astype("datetime64[us]")
    values = shown.panel.values[:, number]
    tail = found.tail[:, number]
    with np.errstate(invalid="ignore"):
        alarm = tail <= RARE if found.alarm is None else found.alarm[:, number]
        score = -np.log10(np.maximum(tail, 1e-12))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 3.6), layout="constrained", facecolor="none")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot(times, values, color=BLUE, linewidth=0.8, label="value")
        if np.isfinite(found.expected[:, number]).any():
            above.plot(times, found.expected[:, number], color=ORANGE, linewidth=1.1, label="expected")
        bound = np.where(found.upper[:, number] > 4 * np.nanmax(values), np.nan, found.upper[:, number])
        if np.isfinite(bound).any():
            above.plot(times, bound, color=GREY, linewidth=0.8, linestyle="--", label="upper bound")
        words = "alarm" if found.alarm is not None else f"tail at most {RARE:g}"
        above.plot(times[alarm], values[alarm], "v", color=RED, markersize=4, label=words)
        label = shown.panel.regions[number]
        above.set(ylabel=shown.unit, title="" if label in ("all", "wind") else label)
        above.legend(frameon=False, ncols=4, fontsize=8, loc="upper left")
        above.margins(y=0.2)
        if np.nanmin(values) >= 0:
            above.set_ylim(bottom=0)
        below.vlines(times, 0, score, color=BLUE, linewidth=0.7)
        below.axhline(-np.log10(RARE), color=GREY, linewidth=0.8, linestyle=":")
        below.set(ylabel="−log10 tail", ylim=(0, None))
        for axes in (above, below):
            axes.set_facecolor("none")
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def write(folder: Path) -> None:
    """Draw the picture of every method whose code is newer than it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not DATA.is_dir():
        return
    mine = Path(__file__).stat().st_mtime
    for name, kind in detectors().items():
        path = folder / f"{name}.svg"
        if not path.exists() or path.stat().st_mtime < max(mine, _changed(kind)):
            draw(name, path)
    for path in folder.glob("*.svg"):
        if path.stem not in detectors():
            path.unlink()


def _changed(kind: type) -> float:
    """When the code of a method, or of what all methods share, was last changed."""
    files = [Path(inspect.getfile(kind))]
    for package in (detect, stats):
        files += Path(package.__path__[0]).glob("*.py")
    return max(path.stat().st_mtime for path in files)
