"""Many tests, one promise: false discovery rates over a family, and over a stream that never ends.

:func:`benjamini_hochberg` and :func:`simes` judge a family that is complete. :class:`Online` judges tests one
by one, each at a level that rests on earlier outcomes only, and never takes a decision back. Its state is a
dict of arrays; :func:`levels` runs it over a whole list, so that the two cannot differ.

============================ ===================================== =======================================
procedure                    holds                                 good for
============================ ===================================== =======================================
``Alpha_spending``           FWER, any dependence                  few tests, no false alarm affordable
``online_fallback``          FWER, any dependence                  the same; hands a success's level on
``ADDIS_spending``           FWER, independent                     the same, with many conservative nulls
``LOND``, ``LOND_mod``       FDR, independent or positive          clumps of signals
``LOND_dep``                 FDR, any dependence                   unknown dependence; low power
``LORD++``                   FDR, independent                      the standard choice
``LORD3``                    FDR, independent                      signals that come in clumps
``LORD_dep``                 FDR, any dependence                   unknown dependence; low power
``LORD_discard``             FDR, independent                      counts, whose nulls are conservative
``SAFFRON``                  FDR, independent                      many signals
``ADDIS``                    FDR, independent                      many signals and conservative nulls
``Alpha_investing``          mFDR, independent                     many signals
============================ ===================================== =======================================

A test costs O(1), except in the five procedures that remember every discovery (``LORD++``, ``LORD_discard``,
``SAFFRON``, ``ADDIS``, ``Alpha_investing``). Their levels are an online convolution of the discoveries with
the sequence gamma; it is done in blocks by fast Fourier transform once a block is complete, which costs
O(log² n) a test amortised, instead of O(n), and 40 bytes a test.

**Where the package onlineFDR 2.19.1 departs from a formula**: the wealth of its ``LORD3`` is
``w0 - (levels up to the last discovery) + b0 * (1 + discoveries up to two tests before it + [first test
discovered and it is not the last one])``, so that one reward goes missing after each pair of adjacent
discoveries and one comes too many after a first one. The formula is the default here; ``compatible =
"onlineFDR-2.19.1"`` gives the package's levels.

References
----------
Benjamini, Hochberg (1995), J. R. Stat. Soc. B 57:289, doi:10.1111/j.2517-6161.1995.tb02031.x;
Simes (1986), Biometrika 73:751, doi:10.1093/biomet/73.3.751;
Javanmard, Montanari (2018), Annals of Statistics 46:526, doi:10.1214/17-AOS1559;
Ramdas, Yang, Wainwright, Jordan (2017), Online control of the false discovery rate with decaying memory,
arXiv:1710.00499; Ramdas, Zrnic, Wainwright, Jordan (2018), SAFFRON, arXiv:1802.09098;
Tian, Ramdas (2019), ADDIS, arXiv:1905.11465; Tian, Ramdas (2021), Statistical Methods in Medical Research
30:976, doi:10.1177/0962280220983381; Foster, Stine (2008), J. R. Stat. Soc. B 70:429,
doi:10.1111/j.1467-9868.2007.00643.x; Zrnic, Ramdas, Jordan (2021), JMLR 22:33.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tocsin.model import ConfigError, MethodError
from tocsin.stats import echo

Floats = NDArray[np.float64]
State = dict[str, NDArray[Any]]

PACKAGE = "onlineFDR-2.19.1"
GAMMAS: dict[str, Callable[[Floats], Floats]] = {
    "log_exp_sqrt": lambda j: np.log(np.maximum(j, 2)) / (j * np.exp(np.sqrt(np.log(j)))),
    "inv_log_cubed": lambda j: 1 / (j * np.log(np.maximum(j, 2)) ** 3),
    "power_1.6": lambda j: j**-1.6,
}
"""Sequences gamma up to their constant, by name; j counts from 1."""

CONSTANTS = {"log_exp_sqrt": 0.07720838, "inv_log_cubed": 0.139307, "power_1.6": 0.4374901658}
"""Factors with which the sequences sum to at most 1 (the first to 0.976)."""

_ECHO = ("LORD++", "LORD_discard", "SAFFRON", "ADDIS", "Alpha_investing")
_WEALTH = ("LORD3", "LORD_dep")
_PLAIN = ("LOND", "LOND_dep", "LOND_mod", "Alpha_spending", "ADDIS_spending", "online_fallback")
PROCEDURES = (*_ECHO, *_WEALTH, *_PLAIN)
"""Names of the thirteen online procedures."""

_USUAL_GAMMA = {"LORD_dep": "inv_log_cubed"} | dict.fromkeys(
    ("SAFFRON", "ADDIS", "Alpha_investing", "ADDIS_spending"), "power_1.6"
)


def simes(p: ArrayLike) -> float:
    """P-value that none of a family holds a signal.

    Valid where the tests are independent or positively dependent.

    Parameters
    ----------
    p : array_like, shape (n,)
        P-values; NaN is left out.

    Returns
    -------
    float
        NaN when none is known.

    Examples
    --------
    >>> simes([0.01, 0.5, 0.9])
    0.03
    """
    known = np.sort(_known(p))
    if not len(known):
        return math.nan
    return float(min(1.0, (known * len(known) / np.arange(1, len(known) + 1)).min()))


def benjamini_hochberg(p: ArrayLike, alpha: float, *, dependent: bool = False) -> NDArray[np.bool_]:
    """Discoveries of a complete family at false discovery rate ``alpha``.

    Parameters
    ----------
    p : array_like, shape (n,)
        P-values; NaN is no test and no discovery.
    alpha : float
        Rate.
    dependent : bool
        Whether to allow for any dependence (Benjamini and Yekutieli 2001), at the price of a factor
        1 + 1/2 + .. + 1/n.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.9, float("nan")], 0.1).tolist()
    [True, True, True, False, False]
    """
    every = np.asarray(p, float)
    known = np.sort(_known(every))
    n = len(known)
    if not n:
        return np.zeros(every.shape, np.bool_)
    rate = alpha / (1 / np.arange(1, n + 1)).sum() if dependent else alpha
    met = np.flatnonzero(known <= rate * np.arange(1, n + 1) / n)
    limit = known[met[-1]] if len(met) else -1.0
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = every <= limit
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """One online procedure at its settings.

    Parameters
    ----------
    procedure : str
        One of :data:`PROCEDURES`.
    alpha : float
        Rate that is promised, in (0, 1).
    gamma : str
        One of :data:`GAMMAS`; empty: the one usual for the procedure.
    constant : float
        Factor of gamma; 0: the one of :data:`CONSTANTS`.
    w0 : float
        Wealth at the start, at most alpha (``LORD_discard``: tau * alpha); 0: a tenth of it for the LORDs,
        half of it for the others. Alpha investing and SAFFRON hold with any w0 below alpha.
    b0 : float
        Reward of a discovery, for ``LORD3`` and ``LORD_dep``; 0: alpha - w0.
    candidate : float
        The lambda of SAFFRON, ADDIS and ADDIS spending: p-values up to it may become discoveries.
    discard : float
        The tau of ADDIS, ADDIS spending and LORD discard: p-values above it are not tests at all.
    compatible : str
        ``onlineFDR-2.19.1``: LORD3 as the package computes it.

    Raises
    ------
    ConfigError
        When a setting is out of bounds.

    Examples
    --------
    >>> lord = Online(procedure="LORD++", alpha=0.05)
    >>> state = lord.start()
    >>> level, found = lord.step(state, 1e-6)
    >>> round(level, 6), found
    (0.000268, True)
    """

    procedure: str
    alpha: float = 0.05
    gamma: str = ""
    constant: float = 0.0
    w0: float = 0.0
    b0: float = 0.0
    candidate: float = 0.0
    discard: float = 0.5
    compatible: str = ""

    def __post_init__(self) -> None:
        where = "online FDR"
        if self.procedure not in PROCEDURES:
            raise ConfigError(where, "procedure", self.procedure, PROCEDURES)
        if not 0 < self.alpha < 1:
            raise ConfigError(where, "alpha", self.alpha, "a number between 0 and 1")
        if self.compatible not in ("", PACKAGE):
            raise ConfigError(where, "compatible", self.compatible, ("", PACKAGE))
        sequence = self.gamma or _USUAL_GAMMA.get(self.procedure, "log_exp_sqrt")
        if sequence not in GAMMAS:
            raise ConfigError(where, "gamma", self.gamma, tuple(GAMMAS))
        self._set("gamma", sequence)
        self._set("constant", self.constant or CONSTANTS[sequence])
        if not 0 < self.discard <= 1:
            raise ConfigError(where, "discard", self.discard, "above 0, at most 1")
        self._set("candidate", self.candidate or (0.5 if self.procedure == "SAFFRON" else 0.25))
        top = self.discard if self.procedure.startswith("ADDIS") else 1.0
        if not 0 < self.candidate < top:
            raise ConfigError(where, "candidate", self.candidate, f"above 0, below {top}")
        budget = self.alpha * (self.discard if self.procedure == "LORD_discard" else 1.0)
        self._set("w0", self.w0 or budget * (0.1 if self.procedure.startswith("LORD") else 0.5))
        if not 0 < self.w0 <= budget:
            raise ConfigError(where, "w0", self.w0, f"above 0, at most {budget}")
        self._set("b0", self.b0 or self.alpha - self.w0)
        if self.b0 < 0 or (self.procedure in _WEALTH and self.b0 + self.w0 > self.alpha * (1 + 1e-9)):
            raise ConfigError(where, "b0", self.b0, f"at least 0, with w0 at most alpha = {self.alpha}")
        if self.constant < 0:
            raise ConfigError(where, "constant", self.constant, "a number above 0")

    def _set(self, name: str, value: float | str) -> None:
        object.__setattr__(self, name, value)

    def sequence(self, j: ArrayLike) -> Floats:
        """Gamma at the places j, counted from 1."""
        return self.constant * GAMMAS[self.gamma](np.asarray(j, float))

    def start(self) -> State:
        """State before the first test."""
        state: State = {"tests": np.zeros(1, np.int64), "found": np.zeros(1, np.int64)}
        if self.procedure in _ECHO:
            state |= echo.start()
            echo.add(state, self.w0)
        elif self.procedure in _WEALTH:
            # wealth now, wealth at the last discovery, place of that discovery
            state |= {"wealth": np.array([self.w0, self.w0, 0.0])}
            if self.compatible:
                # sum of levels, discoveries up to two tests ago, last two outcomes, whether the first was one
                state |= {"package": np.zeros(5)}
        else:
            # sum of 1/i, earlier level if discovered, tests that count
            state |= {"plain": np.zeros(3)}
        return state

    def level(self, state: State) -> float:
        """Level of the next test, known before its p-value."""
        if self.procedure in _ECHO:
            return self._echo_level(echo.value(state, self.sequence))
        i = int(state["tests"][0]) + 1
        if self.procedure in _WEALTH:
            place = i - int(state["wealth"][2]) if self.procedure == "LORD3" else i
            return self._gamma(place) * float(state["wealth"][1])
        harmonic, handed, counted = state["plain"]
        found = int(state["found"][0])
        base = self.alpha * self._gamma(i)
        if self.procedure == "LOND":
            return base * (found + 1)
        if self.procedure == "LOND_dep":
            return base * (found + 1) / float(harmonic + 1 / i)
        if self.procedure == "LOND_mod":
            return base * max(found, 1)
        if self.procedure == "online_fallback":
            return base + float(handed)
        if self.procedure == "ADDIS_spending":
            return self.alpha * (self.discard - self.candidate) * self._gamma(1 + int(counted))
        return base

    def step(self, state: State, p: float) -> tuple[float, bool]:
        """Level of one test and whether it is a discovery; the state learns from it, in place.

        Parameters
        ----------
        state : dict of ndarray
            As :meth:`start` made it.
        p : float
            P-value; NaN is no test: level NaN, no discovery, nothing learnt.

        Raises
        ------
        MethodError
            When p is no probability.
        """
        if math.isnan(p):
            return math.nan, False
        if not 0 <= p <= 1:
            raise MethodError(f"p-value: got {p}, allowed: 0 to 1, or NaN")
        level = self.level(state)
        found = p <= level
        if self.procedure in _ECHO:
            self._echo_learn(state, p, found)
        elif self.procedure in _WEALTH:
            self._wealth_learn(state, level, found)
        else:
            i = int(state["tests"][0]) + 1
            counts = self.candidate < p <= self.discard
            state["plain"] += (1 / i, 0.0, counts)
            state["plain"][1] = level if found else 0.0
        state["tests"] += 1
        state["found"] += found
        return level, found

    def _gamma(self, j: int) -> float:
        return float(self.sequence(j))

    def _echo_level(self, total: float) -> float:
        if self.procedure == "LORD++":
            return total
        if self.procedure == "LORD_discard":
            return min(self.discard, total)
        if self.procedure == "SAFFRON":
            return min(self.candidate, (1 - self.candidate) * total)
        if self.procedure == "ADDIS":
            return min(self.candidate, (self.discard - self.candidate) * total)
        return total / (1 + total)

    def _echo_learn(self, state: State, p: float, found: bool) -> None:
        advances = {
            "LORD++": True,
            "LORD_discard": p <= self.discard,
            "SAFFRON": p > self.candidate,
            "ADDIS": self.candidate < p <= self.discard,
            "Alpha_investing": not found,
        }[self.procedure]
        if advances:
            echo.advance(state, self.sequence)
        if found:
            budget = self.alpha * (self.discard if self.procedure == "LORD_discard" else 1.0)
            echo.add(state, budget - self.w0 if state["found"][0] == 0 else budget)

    def _wealth_learn(self, state: State, level: float, found: bool) -> None:
        wealth, i = state["wealth"], int(state["tests"][0]) + 1
        wealth[0] += self.b0 * found - level
        if self.compatible:
            # levels so far, discoveries up to two tests ago, the last outcome but one, the last, the first
            package = state["package"]
            package[0] += level
            package[1] += package[2]
            package[2], package[3] = package[3], found
            if i == 1:
                package[4] = found
        if not found:
            return
        wealth[1], wealth[2] = wealth[0], i
        if self.compatible:
            rewards = 1 + package[1] + (package[4] if i > 1 else 0.0)
            wealth[1] = self.w0 - package[0] + self.b0 * rewards


def levels(online: Online, p: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Levels and discoveries of a list of tests in their order: the stream, run through.

    Parameters
    ----------
    online : Online
        The procedure.
    p : array_like, shape (n,)
        P-values in the order of the tests; NaN is no test.

    Returns
    -------
    levels : ndarray of float64, shape (n,)
    found : ndarray of bool, shape (n,)

    Examples
    --------
    >>> got, found = levels(Online(procedure="Alpha_spending", alpha=0.1), [0.001, 0.5, float("nan")])
    >>> got.round(5).tolist(), found.tolist()
    ([0.00535, 0.00116, nan], [True, False, False])
    """
    state = online.start()
    every = np.asarray(p, float)
    level, found = np.full(every.shape, np.nan), np.zeros(every.shape, np.bool_)
    for i, one in enumerate(every.tolist()):
        level[i], found[i] = online.step(state, one)
    return level, found


def _known(p: ArrayLike) -> Floats:
    every = np.asarray(p, float)
    known: Floats = every[~np.isnan(every)]
    if ((known < 0) | (known > 1)).any():
        raise MethodError(f"p-values: got {known.min()} to {known.max()}, allowed: 0 to 1, or NaN")
    return known
