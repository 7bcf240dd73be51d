"""What every detector must pass; shipped, so that a third party runs the same checks on its own method.

Run all of :data:`CHECKS` on a :class:`Case`: a detector, normal times as it is made for, and what is planted
in them. A check raises ``AssertionError`` with the reason.

Tails may be calibrated on a pool of all series (:mod:`tocsin.detect.calibration`): then the tail of one
series depends on what the others showed, and only ``expected``, ``lower`` and ``upper`` must be the same when
a series is judged alone. The order of the series never matters.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tocsin.detect.contract import Detector, Floats, Now, State, judge
from tocsin.detect.season import season_index
from tocsin.model import DAY, HOUR, Judgement, Panel, from_us, grid_us

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
ALPHA = 0.01
"""Tail at which the alarm rate in normal times is measured."""


def _nothing(_n_times: int, _n: int) -> Mapping[str, Floats]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A detector and the world that it is made for.

    Parameters
    ----------
    detector : Detector
        With its parameters.
    normal : callable
        ``normal(rng, n_times, n_series)`` gives values of normal times from Monday 00 h UTC on.
    fault : callable
        What the hazard makes of normal values: an outbreak, a stop.
    pooled : bool
        Whether tails are calibrated over all series together.
    discrete : bool
        Whether tails are upper bounds only (a limit that is not reached has tail 1): then the alarm rate may
        lie below what the tail says, never above.
    warm : int
        Periods before the first judgement that is held to anything.
    step : timedelta
        Length of a period; ``normal`` gives values of such periods.
    given : callable
        ``given(n_times, n_series)`` gives what else the method is told (:class:`tocsin.detect.Now`):
        columns by name, shape (n_series,) or (n_times, n_series).
    """

    detector: Detector
    normal: Callable[[np.random.Generator, int, int], Floats]
    fault: Callable[[Floats], Floats]
    pooled: bool = True
    discrete: bool = False
    warm: int = 24 * 28
    step: timedelta = HOUR
    given: Callable[[int, int], Mapping[str, Floats]] = _nothing


def judged(case: Case, values: Floats, columns: NDArray[np.int64] | None = None) -> Judgement:
    """Judge values, shape (n_times, n_series), from Monday 00 h UTC on.

    ``columns`` says which series of the case's world these are, when it is not the first ones in order.
    """
    n_times, n = values.shape
    columns = np.arange(n) if columns is None else columns
    times, seasons, given = _world(case, n_times, int(columns.max(initial=-1)) + 1)
    seasons = seasons[:, columns]
    given = {name: column[:, columns] for name, column in given.items()}
    panel = Panel(
        quantity="check",
        regions=tuple(f"r{i}" for i in range(n)),
        times=times,
        values=values,
        known=np.isfinite(values),
        at=from_us(int(times[-1])) + DAY,
    )
    return judge(case.detector, panel, seasons, given)


def _world(
    case: Case, n_times: int, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, Floats]]:
    kind = getattr(case.detector, "SEASON", "none")
    times = grid_us(BEGIN, BEGIN + n_times * case.step, case.step)
    wide = {
        name: np.broadcast_to(g, (n_times, np.shape(g)[-1])) for name, g in case.given(n_times, n).items()
    }
    return times, season_index(kind, times, ["UTC"] * n), wide


def check_tail_is_a_probability(case: Case) -> None:
    """Every tail lies in [0, 1] or is NaN, in normal times and in the hazard, and some are known."""
    values = case.normal(np.random.default_rng(1), 400, 6)
    values[350:360, :3] = case.fault(values[350:360, :3])
    tail = judged(case, values).tail
    known = tail[~np.isnan(tail)]
    _hold(known.size > 0, "tail: got none that is known")
    _hold(bool(((known >= 0) & (known <= 1)).all()), f"tail: got {known.min()} to {known.max()}")


def check_past_only(case: Case) -> None:
    """What comes after a moment changes nothing at or before it: prefix invariance."""
    rng = np.random.default_rng(2)
    values = case.normal(rng, 300, 5)
    whole = judged(case, values)
    for cut in (1, 30, 201, 299):
        future = values.copy()
        future[cut:] = case.fault(future[cut:]) + rng.integers(0, 9, future[cut:].shape)
        _same(judged(case, values[:cut]), whole, f"the first {cut} of 300 periods alone", rows=cut)
        _same(judged(case, future), whole, f"another future after {cut} periods", rows=cut)


def check_order_of_series(case: Case) -> None:
    """The order of the series does not matter."""
    rng = np.random.default_rng(3)
    values = case.normal(rng, 300, 7)
    order = rng.permutation(7)
    back = np.argsort(order)
    mixed = judged(case, values[:, order], order)
    again = Judgement(
        **{name: getattr(mixed, name)[:, back] for name in _COLUMNS},
        alarm=None if mixed.alarm is None else mixed.alarm[:, back],
        details={name: column[:, back] for name, column in mixed.details.items()},
    )
    _same(again, judged(case, values), "the series in another order", exact=False)


def check_deterministic(case: Case) -> None:
    """The same values give the same judgement, whatever was judged before."""
    values = case.normal(np.random.default_rng(4), 200, 4)
    first = judged(case, values)
    judged(case, case.fault(values))
    _same(judged(case, values), first, "the second run")


def check_missing_stays_missing(case: Case) -> None:
    """A value that is not known has no tail, and one that is known later has one again."""
    values = case.normal(np.random.default_rng(5), 500, 4)
    values[400:410, 1] = np.nan
    values[420, 2] = np.nan
    tail = judged(case, values).tail
    _hold(bool(np.isnan(tail[np.isnan(values)]).all()), "tail: got a number where the value is missing")
    _hold(bool(np.isfinite(tail[480:]).all()), "tail: got NaN long after the values came back")
    _hold(bool(np.isfinite(tail[400:480, [0, 3]]).all()), "tail: got NaN where another is missing")


def check_alarm_rate(case: Case) -> None:
    """In normal times a tail of 0.01 or less comes in one period of a hundred, after the warm-up."""
    n_times, n = case.warm + 700, 40
    tail = judged(case, case.normal(np.random.default_rng(6), n_times, n)).tail[case.warm :]
    rates = (tail <= ALPHA).mean(0)
    rate = float(rates.mean())
    # Sums over windows make alarms cluster in a series, so the error is taken between the series.
    error = float(rates.std(ddof=1) / np.sqrt(n)) + ALPHA / 10
    words = f"alarm rate: got {rate:.4f} +- {error:.4f} at a tail of {ALPHA}"
    _hold(rate <= ALPHA + 4 * error, words)
    _hold(case.discrete or rate >= ALPHA - 4 * error, words)


def check_finds_what_is_planted(case: Case) -> None:
    """A hazard of six periods is found while it lasts, in the series that it strikes and in no other."""
    rng = np.random.default_rng(7)
    values = case.normal(rng, case.warm + 200, 30)
    start = case.warm + 24 * 4 + 9  # in the morning
    struck = slice(start, start + 6)
    values[struck, :3] = case.fault(values[struck, :3])
    tail = judged(case, values).tail[struck]
    best = np.nanmin(tail, 0)
    _hold(bool((best[:3] <= 1e-3).all()), f"tail: got {best[:3].tolist()} in the series struck")
    _hold(float(np.median(best[3:])) > ALPHA, f"tail: got {np.median(best[3:])} in the series not struck")


def check_state_survives(case: Case) -> None:
    """State that is written to ``.npz`` and read back in the middle gives the identical rest."""
    values = case.normal(np.random.default_rng(8), 260, 5)
    times, seasons, given = _world(case, 260, 5)
    whole, cut = case.detector.start(5), case.detector.start(5)
    for row in range(260):
        if row in (1, 100, 200):
            cut = _through_npz(cut)
        now = Now(
            time=int(times[row]), season=seasons[row], given={k: g[:, :5][row] for k, g in given.items()}
        )
        whole, one = case.detector.step(whole, values[row], now)
        cut, other = case.detector.step(cut, values[row], now)
        for name in (*_COLUMNS, "window", "total", "total_expected"):
            same = np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            _hold(same, f"{name}: got another value {row} periods on, after a round trip of the state")


def check_series_alone(case: Case) -> None:
    """A series judged alone has the same expectation and band as among others; not pooled, also the tail."""
    if getattr(case.detector, "JOINT", False):
        return  # a scan over a map judges series together: that is what it is for
    values = case.normal(np.random.default_rng(9), 300, 4)
    among = _all_columns(judged(case, values))
    names = [n for n in among if n != "tail" or not case.pooled]
    for column in range(4):
        alone = _all_columns(judged(case, values[:, [column]], np.array([column])))
        for name in names:
            same = np.allclose(alone[name][:, 0], among[name][:, column], equal_nan=True)
            _hold(same, f"{name}: got another value for series {column} when it is judged alone")


def check_bad_input(case: Case) -> None:
    """Nothing falls over; constant values alarm nobody, nothing known gives nothing known."""
    normal = case.normal(np.random.default_rng(10), 300, 3)
    runs = normal.copy()
    runs[50:150] = np.nan
    single = np.full((300, 3), np.nan)
    single[7] = normal[7]
    for name, values in {
        "constant": np.full((300, 3), 5.0),
        "all zero": np.zeros((300, 3)),
        "all missing": np.full((300, 3), np.nan),
        "negative": -np.abs(normal) - 1,
        "single value": single,
        "runs of missing": runs,
        "no series": np.zeros((300, 0)),
        "very large": normal * 1e9,
    }.items():
        with np.errstate(all="raise", under="ignore"):
            try:
                tail = judged(case, values).tail
            except FloatingPointError as error:
                raise AssertionError(f"{name}: got {error}, allowed: a tail or NaN") from error
        known = tail[~np.isnan(tail)]
        _hold(bool(((known >= 0) & (known <= 1)).all()), f"{name}: tail: got numbers outside 0 to 1")
        _hold(bool(np.isnan(tail[np.isnan(values)]).all()), f"{name}: tail: got one for a missing value")
        if name in ("constant", "all zero"):
            _hold(not (known <= 1e-3).any(), f"{name}: tail: got {known.min() if known.size else 1}")


_COLUMNS = ("tail", "expected", "lower", "upper")


def _all_columns(judgement: Judgement) -> dict[str, Floats]:
    """The four columns that all methods have, and what else this one says."""
    found = {name: getattr(judgement, name) for name in _COLUMNS} | dict(judgement.details)
    return found if judgement.alarm is None else found | {"alarm": judgement.alarm.astype(float)}


def _same(got: Judgement, want: Judgement, what: str, *, rows: int | None = None, exact: bool = True) -> None:
    all_got, all_want = _all_columns(got), _all_columns(want)
    _hold(all_got.keys() == all_want.keys(), f"columns: got {sorted(all_got)} for {what}")
    for name in all_want:
        a, b = all_got[name][:rows], all_want[name][:rows]
        same = np.array_equal(a, b, equal_nan=True) if exact else np.allclose(a, b, 1e-9, 0, equal_nan=True)
        _hold(same, f"{name}: got another value for {what}")


def _through_npz(state: State) -> State:
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **{name: np.asarray(array) for name, array in state.items()})
    sink.seek(0)
    with np.load(sink, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _hold(fact: Any, words: str) -> None:
    # No assert statement: a run with -O would pass everything.
    if not fact:
        raise AssertionError(words)


def counts(rng: np.random.Generator, n_times: int, n: int) -> Floats:
    """Hourly counts with a daily rhythm: 30 an hour by day, 2 by night, Poisson."""
    hour = np.arange(n_times) % 24
    mean = np.where((hour >= 6) & (hour < 22), 30.0, 2.0)
    return rng.poisson(np.repeat(mean[:, None], n, 1)).astype(float)


def readings(rng: np.random.Generator, n_times: int, n: int) -> Floats:
    """Independent readings around 10 with a standard deviation of 2."""
    return rng.normal(10.0, 2.0, (n_times, n))


CHECKS: Mapping[str, Callable[[Case], None]] = MappingProxyType(
    {name: value for name, value in globals().items() if name.startswith("check_")}
)
"""Every check by name."""
