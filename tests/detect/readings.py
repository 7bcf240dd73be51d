"""Stepping a detector through readings, for the tests of the continuous methods."""

from __future__ import annotations

import numpy as np

from tocsin.detect.contract import Now

COLUMNS = ("tail", "expected", "lower", "upper")


def steps(detector, values, state=None, season=0):
    """Step through values, shape (n_times, n) or (n_times,); the last state and every step."""
    values = np.asarray(values, float).reshape(len(values), -1)
    state = detector.start(values.shape[1]) if state is None else state
    out = []
    for row, value in enumerate(values):
        now = Now(time=row, season=np.full(values.shape[1], season, np.int64))
        state, step = detector.step(state, value.copy(), now)
        out.append(step)
    return state, out


def column(out, name):
    """One field, or detail, of all steps, shape (n_times, n)."""
    if name in COLUMNS or name == "alarm":
        return np.array([getattr(step, name) for step in out])
    return np.array([step.details[name] for step in out])


def same(got, want):
    """Whether two runs said the same, in all that they said."""
    names = [*COLUMNS, "alarm", *want[0].details]
    return all(np.array_equal(column(got, n), column(want, n), equal_nan=n != "alarm") for n in names)
