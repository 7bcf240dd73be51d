"""Weekly counts through the whole cycle: judged once, when the week has ended and matured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tocsin import cycle
from tocsin.catalog import detectors, domain_file, load_domains
from tocsin.catalog.domain_file import DomainTest
from tocsin.model import (
    DAY,
    HOUR,
    UNKNOWN,
    Bad,
    Budget,
    ConfigError,
    FeedState,
    Kind,
    MethodError,
    Monitor,
    Quantity,
    from_us,
    to_us,
)
from tocsin.ops.forecasting import past
from tocsin.testing.domains import Scene, plan_of, play

WEEK = 7 * DAY
METHODS = detectors()
MATURE = timedelta(days=3)
FIRST = datetime(1993, 1, 4, tzinfo=UTC)  # a Monday
WEEKS = 460
OUTBREAK = 440


def domain(begins=timedelta(0), method="farrington", **settings):
    """Counts of a disease in one nation, that may raise warnings."""
    quantity = Quantity(
        id="economy.cases", domain="economy", title="Cases", unit="1", kind=Kind.COUNT, bad=Bad.HIGH,
        step=WEEK, begins=begins,
    )  # fmt: skip
    monitor = Monitor(quantity=quantity, method=method, settings=settings, raises=True, mature=MATURE)
    whole = load_domains(["economy"])[0]
    budget = Budget(per_week=1.0, aim=0.8, gain=0.5, start=2.0, shadow=timedelta(0))
    return replace(whole, monitors=(monitor,), budget=budget, outlooks=())


def counts(seed=1):
    """Around 30 with a season; twelve weeks of four times as many from ``OUTBREAK`` on."""
    week = np.arange(WEEKS)
    mean = 30 * np.exp(0.3 * np.cos(2 * np.pi * week / 52.18))
    values = np.random.default_rng(seed).poisson(mean).astype(float)
    values[OUTBREAK : OUTBREAK + 12] *= 4
    return values


def scene(watched, begins=timedelta(0), values=None):
    times = np.array([to_us(FIRST + begins + k * WEEK) for k in range(WEEKS)], np.int64)
    values = counts() if values is None else values
    ok = FeedState(source="bls_unemployment", outcome="ok", last_ok=FIRST, newest=FIRST)
    return Scene(
        at=FIRST, series={"economy.cases": (times, values)}, reported=(),
        states=dict.fromkeys(watched.sources, ok), told=(), left=None, lag={"economy.cases": WEEK + MATURE},
    )  # fmt: skip


def cycles(watched, shown, moments):
    plan = plan_of(watched)
    for at in moments:
        one = cycle.run(replace(shown, at=at), plan, METHODS)
        shown = replace(shown, left=one.carried)
        yield one


@pytest.mark.parametrize("begins", [timedelta(0), timedelta(days=6)], ids=["monday", "sunday"])
def test_a_week_is_judged_once_at_its_end_and_lag(begins):
    watched = domain(begins)
    due = FIRST + begins + 430 * WEEK + WEEK + MATURE
    moments = [due - HOUR + k * 6 * HOUR for k in range(4 * 14 + 1)]
    seen, counted = [], []
    for one in cycles(watched, scene(watched, begins), moments):
        (row,) = one.rows
        seen.append((row.valid_time - FIRST - begins) / WEEK)
        counted.append(int(one.carried["economy/detect/economy.cases/state/seen"][0]))
    assert seen == [429, *[430] * 28, *[431] * 28]
    assert np.diff(counted).sum() == 2
    assert counted[0] == 365  # led through the whole weeks of seven years


def test_the_outbreak_alarms_in_its_first_week_and_is_a_warning():
    watched = domain()
    start = FIRST + 425 * WEEK + MATURE
    found = list(cycles(watched, scene(watched), [start + k * WEEK for k in range(20)]))
    when = {one.at: [d for d in one.detections if d.alarm] for one in found}
    first = min(at for at, alarms in when.items() if alarms)
    assert first == FIRST + (OUTBREAK + 1) * WEEK + MATURE
    (alarm,) = when[first]
    assert (alarm.valid_time, alarm.ends) == (FIRST + OUTBREAK * WEEK, FIRST + (OUTBREAK + 1) * WEEK)
    assert alarm.value == counts()[OUTBREAK]
    assert [p.alert.domain for one in found for p in one.proposals if one.at == first] == ["economy"]
    assert not any(p for one in found for p in one.proposals if one.at < first)


def test_weeks_that_passed_in_a_pause_are_all_judged_and_nothing_else_changes():
    watched = domain()
    start = FIRST + 420 * WEEK + MATURE
    (*_, steady) = cycles(watched, scene(watched), [start + k * WEEK for k in range(12)])
    (*_, paused) = cycles(watched, scene(watched), [start, start + 11 * WEEK])
    assert len(paused.rows[0].read) == 10 * 7 + 1  # days from the first of the weeks to the newest
    np.testing.assert_array_equal(steady.rows[0].step.tail, paused.rows[0].step.tail)
    prefix = "economy/detect/economy.cases/state/"
    assert {k: v.tobytes() for k, v in steady.carried.items() if k.startswith(prefix)} == {
        k: v.tobytes() for k, v in paused.carried.items() if k.startswith(prefix)
    }


def test_a_later_week_changes_nothing_before_it():
    watched = domain()
    moments = [FIRST + 430 * WEEK + MATURE + k * WEEK for k in range(3)]
    poisoned = counts()
    poisoned[432:] = 1e6
    clean, bad = (list(cycles(watched, scene(watched, values=v), moments)) for v in (counts(), poisoned))
    assert [c.inputs for c in clean] == [c.inputs for c in bad]
    assert from_us(int(clean[-1].carried["economy/detect/economy.cases/last"][0])) == FIRST + 431 * WEEK


def test_a_week_without_a_figure_is_unknown():
    watched = domain(method="ears")
    missing = counts()
    missing[431] = np.nan
    start = FIRST + 430 * WEEK + WEEK + MATURE
    before, after = cycles(watched, scene(watched, values=missing), [start, start + WEEK])
    assert before.levels["economy"].tolist() == [0]
    assert np.isnan(after.rows[0].values).all()
    assert after.levels["economy"].tolist() == [UNKNOWN]


def test_a_domain_file_of_weeks_can_carry_its_own_tests():
    watched = domain(method="ears")
    calm = DomainTest(name="calm", series=[(1.0, 40)], level=0)
    jump = DomainTest(name="jump", series=[(1.0, 40), (9.0, 1)], level=2)
    assert play(watched, calm).level == 0
    assert play(watched, jump).level == 2
    assert play(watched, jump).drafted == play(watched, calm).drafted + 1


def test_a_monitor_of_quarters_is_refused(monkeypatch):
    """Nothing says when they begin: the file is refused, not the first cycle."""
    path = domain_file.FOLDER / "economy.toml"
    known = domain_file._quantities(path, ["bls_unemployment"])
    quarters = {name: replace(q, step=91 * DAY) for name, q in known.items()}
    monkeypatch.setattr(domain_file, "_quantities", lambda *_: quarters)
    with pytest.raises(ConfigError, match=r"economy.toml.*monitor.quantity.*2 to 28 whole days"):
        domain_file.load_domain(path)


@pytest.mark.parametrize("begins", [timedelta(0), timedelta(days=6)], ids=["monday", "sunday"])
def test_a_forecast_of_weeks_rests_on_whole_weeks(begins):
    watched = domain(begins)
    quantity = watched.monitors[0].quantity
    at = FIRST + begins + 300 * WEEK + MATURE
    found = past(replace(scene(watched, begins), at=at), quantity, ["XX"], 60 * WEEK)
    assert found.times.tolist() == [to_us(FIRST + begins + k * WEEK) for k in range(241, 300)]
    np.testing.assert_array_equal(found.values[:, 0], counts()[241:300])
    with pytest.raises(MethodError, match="no whole period in 5 days"):
        past(replace(scene(watched, begins), at=at), quantity, ["XX"], timedelta(days=5))
