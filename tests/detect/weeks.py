"""Weekly panels for the tests of the methods for counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from tocsin.detect import run
from tocsin.model import DAY, Panel, from_us, to_us

MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


def panel(values, *, begin=MONDAY, step=7 * DAY, times=None):
    """A panel of counts, times by series."""
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    if times is None:
        times = np.array([to_us(begin + k * step) for k in range(len(values))], np.int64)
    return Panel(
        quantity="cases",
        regions=tuple(f"r{k}" for k in range(values.shape[1])),
        times=times,
        values=values,
        known=np.isfinite(values),
        at=from_us(int(times[-1])) + timedelta(days=40),
    )


def judged(values, method, *, given=None, begin=MONDAY, step=7 * DAY, times=None, **settings):
    """The judgement of a method, uncalibrated unless it is asked for."""
    settings = {"calibrate": False} | settings
    return run(panel(values, begin=begin, step=step, times=times), method, given=given, **settings)


def poisson(seed, n_times, n=1, mean=10.0):
    return np.random.default_rng(seed).poisson(mean, (n_times, n)).astype(float)
