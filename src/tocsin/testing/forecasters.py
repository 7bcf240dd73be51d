"""What every forecaster must pass; shipped, so that a third party runs the same checks on its own method.

Run all of :data:`CHECKS` on a :class:`Case`. A check raises ``AssertionError`` with the reason. The shipped
series are made by a generator (:func:`shipped`): days with a week in them, months with a year and a trend,
and a rate that wanders.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from tocsin.forecast import make
from tocsin.forecast.backtest import cut
from tocsin.forecast.contract import LEVELS, Floats, Forecaster, Why
from tocsin.model import DAY, Panel, from_us, grid_us, to_us
from tocsin.stats.scores import crps_quantiles

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
STEPS = 4
ALLOWED = 1.10
"""A method may be worse than the seasonal naive by this factor of CRPS, over the shipped series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A forecaster and how it is made for a season.

    Parameters
    ----------
    make : callable
        ``make(season)`` gives the forecaster for series with a season of so many periods; 1 for none.
    """

    make: Callable[[int], Forecaster]


def daily(rng: np.random.Generator, n: int = 3, n_times: int = 126) -> Panel:
    """Counts by day with a week in them, on a level that wanders slowly."""
    week = np.array([1.0, 1.0, 1.05, 1.0, 0.95, 0.6, 0.5])
    level = 40 * np.exp(0.02 * np.cumsum(rng.normal(0, 1, (n_times, n)), 0))
    values = rng.poisson(level * week[np.arange(n_times) % 7][:, None]).astype(float)
    return _panel(values, grid_us(BEGIN, BEGIN + n_times * DAY, DAY))


def monthly(rng: np.random.Generator, n: int = 4, n_times: int = 144) -> Panel:
    """Months with a year in them and a trend, as of a rate that is not adjusted."""
    month = np.arange(n_times)
    times = np.array([to_us(BEGIN.replace(year=2001 + m // 12, month=m % 12 + 1)) for m in month.tolist()])
    year = 0.6 * np.cos(2 * np.pi * month / 12) + 0.3 * np.sin(4 * np.pi * month / 12)
    slow = 5 + 0.02 * month[:, None] + np.cumsum(rng.normal(0, 0.12, (n_times, n)), 0)
    return _panel(slow + year[:, None] + rng.normal(0, 0.1, (n_times, n)), times)


def wandering(rng: np.random.Generator, n: int = 4, n_times: int = 120) -> Panel:
    """A rate that returns to its mean slowly; no season."""
    values = np.zeros((n_times, n))
    for row in range(1, n_times):
        values[row] = 0.85 * values[row - 1] + rng.normal(0, 1, n)
    return _panel(values + 20, grid_us(BEGIN, BEGIN + n_times * DAY, DAY))


def shipped() -> list[tuple[str, int, Panel]]:
    """The shipped series: name, length of the season, panel."""
    rng = np.random.default_rng(20)
    return [("daily", 7, daily(rng)), ("monthly", 12, monthly(rng)), ("wandering", 1, wandering(rng))]


def _panel(values: Floats, times: Any) -> Panel:
    return Panel(
        quantity="check",
        regions=tuple(f"r{i}" for i in range(values.shape[1])),
        times=times,
        values=values,
        known=np.isfinite(values),
        at=from_us(int(times[-1])) + 31 * DAY,
    )


def _told(case: Case, panel: Panel, season: int = 7, steps: int = STEPS, why: Why | None = None) -> Floats:
    # A panel of its own: what else there is of the past must not be within reach.
    own = replace(panel, values=panel.values.copy(), known=panel.known.copy(), times=panel.times.copy())
    return case.make(season).quantiles(own, steps, LEVELS, why)


def check_quantiles_in_order(case: Case) -> None:
    """Quantiles rise with their levels, at every step, and have the shape that the contract says."""
    for name, season, panel in shipped():
        told = _told(case, panel, season)
        shape = (STEPS, len(LEVELS), len(panel.regions))
        _hold(told.shape == shape, f"{name}: shape: got {told.shape}, allowed: {shape}")
        _hold(not (np.diff(told, axis=1) < 0).any(), f"{name}: quantiles: got some that fall")


def check_finite(case: Case) -> None:
    """With a past of several seasons everything is forecast, and nothing is called unknown."""
    for name, season, panel in shipped():
        why: Why = {}
        told = _told(case, panel, season, why=why)
        _hold(bool(np.isfinite(told).all()), f"{name}: quantiles: got {np.isnan(told).sum()} unknown: {why}")
        _hold(not why, f"{name}: reasons: got {why} for what is forecast")


def check_deterministic(case: Case) -> None:
    """The same past gives the same forecast, whatever was forecast before."""
    panel = daily(np.random.default_rng(1))
    first = _told(case, panel)
    _told(case, daily(np.random.default_rng(2)))
    _hold(np.array_equal(first, _told(case, panel), equal_nan=True), "quantiles: got others the second time")


def check_past_only(case: Case) -> None:
    """What came later changes nothing: neither what it is, nor that a forecast of it was asked for."""
    panel = daily(np.random.default_rng(3))
    alone = _told(case, cut(panel, 100))
    other = replace(panel, values=panel.values.copy())
    other.values[100:] *= 9
    for name, later in (("the future as it was", panel), ("another future", other)):
        made = case.make(7)
        made.quantiles(later, STEPS, LEVELS)
        within = made.quantiles(cut(later, 100), STEPS, LEVELS)  # a view into the whole
        _hold(np.array_equal(alone, within, equal_nan=True), f"quantiles: got others beside {name}")


def check_order_of_series(case: Case) -> None:
    """The order of the series does not matter."""
    panel = daily(np.random.default_rng(4))
    order = np.array([2, 0, 1])
    mixed = replace(
        panel, values=panel.values[:, order], known=panel.known[:, order],
        regions=tuple(panel.regions[i] for i in order),
    )  # fmt: skip
    same = np.allclose(_told(case, mixed), _told(case, panel)[:, :, order], rtol=1e-6, equal_nan=True)
    _hold(same, "quantiles: got others for the series in another order")


def check_missing(case: Case) -> None:
    """Gaps do not stop a forecast; a series without any value, and no other, is unknown with a reason."""
    panel = daily(np.random.default_rng(5))
    panel.values[40:45, 0] = np.nan
    panel.values[-1, 0] = np.nan
    panel.values[:, 1] = np.nan
    panel = replace(panel, known=np.isfinite(panel.values))
    why: Why = {}
    told = _told(case, panel, why=why)
    _hold(
        bool(np.isfinite(told[:, :, [0, 2]]).all()), f"quantiles: got unknown for a series with gaps: {why}"
    )
    _hold(
        bool(np.isnan(told[:, :, 1]).all()), "quantiles: got numbers for a series of which nothing is known"
    )
    _hold(set(why) == {"r1"}, f"reasons: got {why}, allowed: one for r1")


def check_bad_input(case: Case) -> None:
    """Nothing falls over; each result is a number, or unknown with a reason."""
    normal = daily(np.random.default_rng(6), 2)
    single = np.full_like(normal.values, np.nan)
    single[7] = 5.0
    for name, values in {
        "constant": np.full_like(normal.values, 5.0),
        "all zero": np.zeros_like(normal.values),
        "all missing": np.full_like(normal.values, np.nan),
        "negative": -normal.values,
        "single value": single,
        "very large": normal.values * 1e9,
        "no series": normal.values[:, :0],
        "short": normal.values[:5],
    }.items():
        panel = _panel(values.copy(), normal.times[: len(values)])
        why: Why = {}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                told = _told(case, panel, why=why)
            except Exception as error:
                raise AssertionError(f"{name}: got {type(error).__name__}: {error}") from error
        unknown = {panel.regions[i] for i in np.flatnonzero(~np.isfinite(told).all((0, 1)))}
        _hold(unknown <= set(why), f"{name}: reasons: got {why}, allowed: one for each of {sorted(unknown)}")
        if name == "constant":
            off = np.abs(np.nan_to_num(told[:, 3], nan=5.0) - 5.0).max(initial=0.0)
            _hold(off < 1e-6, f"{name}: median: got one {off} away")


def check_not_worse_than_naive(case: Case) -> None:
    """Over the shipped series the CRPS is at most 10 % worse than that of the seasonal naive."""
    ratios = []
    for _, season, panel in shipped():
        naive = Case(make=lambda s: make("seasonal_naive", season=s))
        ends = range(len(panel.times) - 14, len(panel.times) - STEPS + 1, 5)
        mine, yardstick = (
            np.mean([_score(one, panel, season, end) for end in ends]) for one in (case, naive)
        )
        ratios.append(float(mine / yardstick))
    ratio = float(np.exp(np.mean(np.log(ratios))))
    parts = ", ".join(f"{name} {r:.2f}" for (name, *_), r in zip(shipped(), ratios, strict=True))
    _hold(ratio <= ALLOWED, f"CRPS: got {ratio:.2f} times the seasonal naive ({parts}), allowed: {ALLOWED}")


def _score(case: Case, panel: Panel, season: int, end: int) -> float:
    """Mean CRPS of the forecast from the first ``end`` periods."""
    came = panel.values[end : end + STEPS]
    told = _told(case, cut(panel, end), season)[: len(came)]
    return float(np.mean(crps_quantiles(came, np.moveaxis(told, 1, -1), np.asarray(LEVELS))))


def _hold(fact: Any, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)


CHECKS: Mapping[str, Callable[[Case], None]] = MappingProxyType(
    {name: value for name, value in globals().items() if name.startswith("check_")}
)
"""Every check by name."""
