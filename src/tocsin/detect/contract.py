"""What a detector is: a frozen dataclass of parameters with ``start`` and ``step``.

A detector carries its state as columns, one entry a series, and never sees a time later than the one it
judges. :func:`judge` runs ``step`` over a whole panel, so that a scan over history and the live step are
the same code and cannot disagree. A method that looks back over a stretch of its series keeps that stretch
in its state (:mod:`tocsin.detect.ring`).

A class may say more of itself by class attributes:

``SEASON``
    Kind of season that it is told (:mod:`tocsin.detect.season`); ``none`` when it says nothing.
``GIVEN``
    Names of :attr:`Now.given` that it cannot do without, such as ``population`` or ``x``.
``JOINT``
    True when the series of a panel are judged together, as a scan over a map does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tocsin.model import ConfigError, Judgement, MethodError, Panel

State = dict[str, NDArray[Any]]
"""Arrays by name: what a detector carries from one step to the next; saved without pickle."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Now:
    """What a detector is told of the period that it judges, besides the values.

    Parameters
    ----------
    time : int
        First instant of the period, microseconds since 1970.
    season : ndarray of int64, shape (n,)
        Index of the local season of each series, of the kind that the method asks for as ``SEASON``.
    given : mapping of str to ndarray of float64, shape (n,)
        What else is known of each series in this period, by meaning: ``population``; ``trials`` (of which the
        value is the number of cases); ``expected`` (an expectation from outside); ``x``, ``y`` and, on the
        sphere, ``z`` (place, in one unit of length).

    Examples
    --------
    >>> now = Now(time=0, season=np.zeros(2, np.int64), given={"population": np.array([10.0, 20.0])})
    >>> now.of("population").tolist()
    [10.0, 20.0]
    """

    time: int
    season: NDArray[np.int64]
    given: Mapping[str, Floats] = field(default_factory=dict)

    def of(self, name: str) -> Floats:
        """A given column.

        Raises
        ------
        MethodError
            When it is not given.
        """
        if name not in self.given:
            raise MethodError(f"{name}: got none, allowed: one value a series; this method cannot do without")
        return self.given[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """What a detector says of one time, one entry a series.

    Parameters
    ----------
    tail : ndarray of float64, shape (n,)
        Calibrated probability of a value this extreme in normal times; NaN where unknown.
    expected, lower, upper : ndarray of float64, shape (n,)
        Of the newest value; NaN where the method has none.
    window : ndarray of int16, shape (n,)
        Number of periods of the window with the smallest tail.
    total, total_expected : ndarray of float64, shape (n,)
        Value and expectation over that window.
    alarm : ndarray of bool, shape (n,), or None
        The method's own rule at its own settings (a statistic beyond its limit); None for a method that has
        no rule but the tail. The live system goes by the tail, so that one budget holds over all methods.
    details : mapping of str to ndarray of float64, shape (n,)
        What else the method computed, under the name that its reference uses (``statistic``, ``score``,
        ``dispersion``); the same names at every step.
    """

    tail: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    window: NDArray[np.int16]
    total: Floats
    total_expected: Floats
    alarm: NDArray[np.bool_] | None = None
    details: Mapping[str, Floats] = field(default_factory=dict)

    @staticmethod
    def of(
        values: Floats,
        *,
        tail: Floats,
        expected: Floats | None = None,
        lower: Floats | None = None,
        upper: Floats | None = None,
        alarm: NDArray[np.bool_] | None = None,
        details: Mapping[str, Floats] | None = None,
    ) -> Step:
        """What a method with a single window of one period says; what it does not have is NaN.

        Examples
        --------
        >>> one = Step.of(np.array([3.0]), tail=np.array([0.1]), expected=np.array([1.0]))
        >>> one.total_expected.tolist(), one.window.tolist(), one.upper.tolist()
        ([1.0], [1], [nan])
        """
        none = np.full(len(values), np.nan)
        expected = none if expected is None else expected
        return Step(
            tail=np.where(np.isnan(values), np.nan, tail),
            expected=expected,
            lower=none if lower is None else lower,
            upper=none if upper is None else upper,
            window=np.ones(len(values), np.int16),
            total=values.copy(),
            total_expected=expected,
            alarm=None if alarm is None else alarm & ~np.isnan(values),
            details={} if details is None else details,
        )


class Detector(Protocol):
    """A method of early detection that can carry its state."""

    NAME: ClassVar[str]

    def start(self, n: int) -> State:
        """State before the first value of ``n`` series."""

    def step(self, state: State, values: Floats, now: Now) -> tuple[State, Step]:
        """Judge one new value a series, then learn from it.

        Parameters
        ----------
        state : dict of ndarray
            As left by the last step; the arrays are replaced or changed in place, never read again.
        values : ndarray of float64, shape (n,)
            NaN where nothing is known.
        now : Now
            The period: its time, the local season of each series and what else is given.
        """


def judge(
    detector: Detector,
    panel: Panel,
    season: NDArray[np.int64],
    given: Mapping[str, Floats] | None = None,
) -> Judgement:
    """Judge a whole panel by stepping through it.

    Parameters
    ----------
    detector : Detector
        The method.
    panel : Panel
        Values, times by series.
    season : ndarray of int64, shape (n_times, n_series)
        Index of the local season.
    given : mapping of str to ndarray of float64, shape (n_series,) or (n_times, n_series)
        What else is known of the series (:class:`Now`).

    Returns
    -------
    Judgement
        One row a time; row *t* rests on rows up to *t* only.
    """
    state = detector.start(len(panel.regions))
    shape = panel.values.shape
    tail, expected, lower, upper = (np.full(shape, np.nan) for _ in range(4))
    alarm: NDArray[np.bool_] | None = None
    details: dict[str, Floats] = {}
    for row in range(shape[0]):
        now = Now(
            time=int(panel.times[row]),
            season=season[row],
            given={name: g if g.ndim == 1 else g[row] for name, g in (given or {}).items()},
        )
        state, step = detector.step(state, panel.values[row], now)
        tail[row], expected[row] = step.tail, step.expected
        lower[row], upper[row] = step.lower, step.upper
        if step.alarm is not None:
            alarm = np.zeros(shape, np.bool_) if alarm is None else alarm
            alarm[row] = step.alarm
        for name, column in step.details.items():
            details.setdefault(name, np.full(shape, np.nan))[row] = column
    return Judgement(tail=tail, expected=expected, lower=lower, upper=upper, alarm=alarm, details=details)


def one_of(method: str, name: str, got: Any, allowed: Sequence[Any]) -> None:
    """Refuse a parameter that is not in a closed list.

    Raises
    ------
    ConfigError
        Naming method and parameter, what was got, what is allowed.
    """
    if got not in allowed:
        raise ConfigError(method, name, got, [str(choice) for choice in allowed])


def positive(method: str, name: str, got: Any, *, zero: bool = False) -> None:
    """Refuse a parameter that is not a positive (with ``zero``: not a negative) finite number.

    Raises
    ------
    ConfigError
        As :func:`one_of`.
    """
    number = isinstance(got, int | float) and math.isfinite(got) and (got > 0 or (zero and got == 0))
    if not number:
        raise ConfigError(method, name, got, f"a number {'at least' if zero else 'above'} 0")


def at_most_one(method: str, name: str, got: Any) -> None:
    """Refuse a share or a level that is not above 0 and at most 1.

    Raises
    ------
    ConfigError
        As :func:`one_of`.
    """
    positive(method, name, got)
    if got > 1:
        raise ConfigError(method, name, got, "above 0, at most 1")


def prefixed(state: Mapping[str, NDArray[Any]], prefix: str) -> State:
    """Entries of a carried state that belong to ``prefix``, without it.

    Examples
    --------
    >>> prefixed({"a/x": np.zeros(1), "b/x": np.ones(1)}, "b")
    {'x': array([1.])}
    """
    head = prefix + "/"
    return {name[len(head) :]: array for name, array in state.items() if name.startswith(head)}
