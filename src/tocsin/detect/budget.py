"""The budget of false alarms: one online controller for a domain over all its series.

A fixed threshold cannot hold a promise such as *at most one false alarm a week over the whole country*: the
world drifts. The controller keeps one threshold ``s`` in decades of tail probability (an alarm needs
``tail <= 10**-s``). It falls by ``gain * aim`` each week and rises by ``gain`` for each warning whose
verdict is in and not TRUE. If it stays bounded, the long-run rate of false alarms equals ``aim``, whatever
the data do: over T weeks the number of false alarms is ``aim * T + (s_T - s_0) / gain``. There is no hard
cap: it would silence the alarms of a bad week, which are the ones that matter.

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


def next_threshold(threshold: float, budget: Budget, elapsed: timedelta, false_alarms: int) -> float:
    """Threshold after ``elapsed`` time and ``false_alarms`` new verdicts.

    Parameters
    ----------
    threshold : float
        Decades of tail probability.
    budget : Budget
        Aim a week and gain in decades.
    elapsed : timedelta
        Time since the last call.
    false_alarms : int
        Verdicts other than TRUE that came in since.

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
