"""The budget of false alarms: one online controller for a domain over all its series.

A fixed threshold cannot hold a promise such as *at most one false alarm a week over the whole country*: the
world drifts. The controller keeps one threshold ``s`` in decades of tail probability (an alarm needs
``tail <= 10**-s``). It falls by ``gain * aim`` each week and rises by ``gain`` for each warning whose
verdict is in and not TRUE. If it stays bounded, the long-run rate of false alarms equals ``aim``, whatever
the data do: over T weeks the number of false alarms is ``aim * T + (s_T - s_0) / gain``. There is no hard
cap: it would silence the alarms of a bad week, which are the ones that matter.

Two cases need care. While no value comes any more (a feed is down) time does not count: silence is no
success. And where no outcome is ever observed there are no verdicts: then the expected number of false
alarms is charged, the sum over the values judged of the chance to be at or beyond the threshold
(:func:`expected`). The threshold then settles where as many are expected as the aim allows, and rises again
when the tails drift.

References
----------
Gibbs and Candès (2021), Adaptive conformal inference under distribution shift, arXiv:2106.00170;
Angelopoulos, Candès, Tibshirani (2023), Conformal PID control for time series prediction, arXiv:2307.16895.
"""

from __future__ import annotations

from datetime import timedelta

from tocsin.model import Budget

WEEK = timedelta(days=7)
FALL, HIGHEST = 1.0, 40.0
"""The threshold never falls more than a decade below its start: when no verdict comes any more, silence is
not taken for success."""


def next_threshold(threshold: float, budget: Budget, elapsed: timedelta, false_alarms: float) -> float:
    """Threshold after ``elapsed`` time and ``false_alarms`` new verdicts.

    Parameters
    ----------
    threshold : float
        Decades of tail probability.
    budget : Budget
        Aim a week and gain in decades.
    elapsed : timedelta
        Time since the last call in which values came.
    false_alarms : float
        Verdicts other than TRUE that came in since; where none ever come, their expected number.

    Returns
    -------
    float
        Decades, from :data:`FALL` below the budget's start to :data:`HIGHEST`.

    Examples
    --------
    >>> budget = Budget(per_week=1, aim=0.8, gain=0.5, start=4, shadow=timedelta(days=31))
    >>> round(next_threshold(4.0, budget, timedelta(days=7), 1), 6)
    4.1
    """
    drift = budget.gain * budget.aim * (elapsed / WEEK)
    lowest = budget.start - FALL
    return min(max(threshold - drift + budget.gain * false_alarms, lowest), HIGHEST)


def expected(judged: int, threshold: float, drift: float = 1.0) -> float:
    """Expected number of false alarms of some values in normal times.

    A warning that lasts several periods, or that groups several regions, is counted several times: the number
    is an upper bound.

    Parameters
    ----------
    judged : int
        Values with a tail.
    threshold : float
        Decades of tail probability.
    drift : float
        How many times as often as they say small tails come (:mod:`tocsin.detect.drift`).

    Examples
    --------
    >>> expected(5000, 3.0, drift=2.0)
    10.0
    """
    return float(judged * drift * 10.0**-threshold)
