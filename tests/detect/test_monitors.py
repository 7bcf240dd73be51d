"""Detection of one domain: what is due, what is unknown, the budget, and months."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tocsin.catalog import detectors, load_domains
from tocsin.detect import drift
from tocsin.detect import monitors as detection
from tocsin.model import HOUR, Panel, grid_us
from tocsin.testing.domains import places

AIR = load_domains(["air_transport"])[0]
ECONOMY = load_domains(["economy"])[0]
METHODS = detectors()
AT = datetime(2001, 3, 5, 12, 5, tzinfo=UTC)


class Seen:
    """Knows every value: the hour of the day for hours, 5 for others; counts what it was asked."""

    def __init__(self, at, gone=()):
        self.at, self.gone, self.asked = at, gone, []

    def panel(self, quantity, *, regions, start, end, step):
        self.asked.append((quantity, start, end))
        times = grid_us(start, end, step)
        values = np.full((times.size, len(regions)), np.nan if quantity in self.gone else 5.0)
        return Panel(
            quantity=quantity, regions=tuple(regions), times=times, values=values, known=np.isfinite(values),
            at=self.at,
        )  # fmt: skip


def step(at, domain=AIR, carried=None, verdicts=0, gone=()):
    seen = Seen(at, gone)
    region = next(r.id for r in places().values() if r.level == domain.region_level)
    return detection.run(seen, domain, (region,), places(), METHODS, carried or {}, verdicts), seen


def test_the_newest_whole_hour_that_matured_is_judged():
    found, _ = step(AT)
    assert [row.valid_time.hour for row in found.rows] == [11, 11, 8]  # the delay matures three hours later
    early, _ = step(AT - timedelta(minutes=1))
    assert early.rows[0].valid_time.hour == 10


def test_nothing_is_judged_twice():
    first, _ = step(AT)
    again, seen = step(AT + timedelta(minutes=10), carried=first.carried)
    assert seen.asked == []
    assert again.rows[0].valid_time == first.rows[0].valid_time
    np.testing.assert_array_equal(again.rows[0].values, first.rows[0].values)
    for name in ("weekly", "scores"):
        key = f"air_transport.departures/state/{name}"
        np.testing.assert_array_equal(again.carried[key], first.carried[key])


def test_a_long_pause_is_caught_up_for_two_weeks_only():
    first, _ = step(AT)
    late, seen = step(AT + timedelta(days=40), carried=first.carried)
    _, start, end = seen.asked[0]
    assert end - start == detection.CATCH_UP + timedelta(0)
    assert late.rows[0].read.shape == (24 * 14, 1)


def test_what_raises_and_is_missing_is_unknown_and_so_is_what_no_method_can_judge_yet():
    before = AT - 96 * HOUR  # Thursday: Monday is known as a working day
    found, _ = step(before)
    assert found.unknown == {"XX-11-NWH"}
    for k in range(1, 96):
        found, _ = step(before + k * HOUR, carried=found.carried)
    assert found.unknown == frozenset()
    gone = step(AT, carried=found.carried, gone=("air_transport.departures",))[0]
    assert gone.unknown == {"XX-11-NWH"}
    others = ("air_transport.landings", "air_transport.arrival_delay")
    assert step(AT, carried=found.carried, gone=others)[0].unknown == frozenset()


def test_in_a_domain_that_raises_nothing_any_missing_quantity_is_unknown():
    one = ECONOMY.monitors[0].quantity.id
    assert step(AT, ECONOMY)[0].unknown == frozenset()
    assert step(AT, ECONOMY, gone=(one,))[0].unknown == {"XX"}


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2001, 3, 8, 23, 59, tzinfo=UTC), 1),  # February is not out yet
        (datetime(2001, 3, 9, 0, 0, tzinfo=UTC), 2),
        (datetime(2001, 1, 9, tzinfo=UTC), 12),
    ],
)
def test_a_month_is_judged_when_it_has_been_released(at, month):
    assert step(at, ECONOMY)[0].rows[0].valid_time.month == month


def test_months_that_passed_in_a_pause_are_all_judged():
    first, _ = step(datetime(2000, 11, 10, tzinfo=UTC), ECONOMY)
    later, _ = step(datetime(2001, 3, 10, tzinfo=UTC), ECONOMY, first.carried)
    name = f"{ECONOMY.monitors[0].quantity.id}/state/count"
    assert later.carried[name][0] == first.carried[name][0] + 4


def test_the_threshold_moves_only_after_the_shadow_phase():
    first, _ = step(AT)
    shadow = AIR.budget.shadow
    inside, _ = step(AT + shadow, carried=first.carried, verdicts=2)
    assert inside.threshold == AIR.budget.start
    after, _ = step(AT + shadow + HOUR, carried=inside.carried, verdicts=2)
    fall = AIR.budget.gain * AIR.budget.aim / (7 * 24)
    assert after.threshold == pytest.approx(AIR.budget.start + 2 * AIR.budget.gain - fall)


def test_a_domain_without_a_budget_has_no_threshold():
    assert np.isnan(step(AT, ECONOMY)[0].threshold)


@pytest.mark.parametrize(("least", "raises"), [(60, True), (1000, False)])
def test_an_airport_below_the_least_daily_total_is_watched_but_never_raises(least, raises):
    """Where the outcome is not defined an alarm could never come true."""
    rng = np.random.default_rng(1)
    stop = AT + 20 * 24 * HOUR
    domain = replace(AIR, criteria=replace(AIR.criteria, least_daily=least))

    class Stopped(Seen):
        def panel(self, quantity, **window):
            found = super().panel(quantity, **window)
            values = rng.poisson(30.0, found.values.shape).astype(float)  # 720 a day
            return replace(found, values=values if self.at < stop else 0 * values)

    carried, shown = {}, []
    for k in range(20 * 24 + 8):
        seen = Stopped(AT + k * HOUR)
        found = detection.run(seen, domain, ("XX-11-NWH",), places(), METHODS, carried, 0)
        carried = found.carried
        shown += [d for d in found.detections if d.quantity.endswith("departures") and d.known_at >= stop]
    assert shown
    assert any(d.alarm for d in shown) is raises
    assert any(d.severe for d in shown) is raises
    assert any(d.joins for d in shown) is raises


def test_while_a_feed_is_down_the_threshold_stands_still():
    """Silence is no success: only time in which values come makes the system bolder."""
    found, _ = step(AT)
    found, _ = step(AT + AIR.budget.shadow + HOUR, carried=found.carried)
    at, before = AT + AIR.budget.shadow + HOUR, found.threshold
    for k in range(1, 5):
        found, _ = step(at + k * HOUR, carried=found.carried, gone=("air_transport.departures",))
    # The first silent cycle still sees the hour before it, in which values came.
    fall = AIR.budget.gain * AIR.budget.aim / (7 * 24)
    assert found.threshold == pytest.approx(before - fall)
    found, _ = step(at + 5 * HOUR, carried=found.carried)
    found, _ = step(at + 6 * HOUR, carried=found.carried)
    assert found.threshold == pytest.approx(before - 2 * fall)


def test_a_domain_without_outcome_is_steered_by_the_expected_number():
    blind = replace(AIR, outcome=None, budget=replace(AIR.budget, shadow=timedelta(0), start=3.0))
    carried, thresholds = {}, []
    for k in range(200):
        found, _ = step(AT + k * HOUR, blind, carried, verdicts=5)  # verdicts that cannot be: not counted
        carried = found.carried
        thresholds.append(found.threshold)
    fall = blind.budget.gain * blind.budget.aim / (7 * 24)
    charged = blind.budget.gain * 10.0 ** -np.array(thresholds[-2])
    assert thresholds[-1] - thresholds[-2] == pytest.approx(charged - fall)
    assert max(thresholds) < 3.001


def test_the_tails_of_every_monitor_are_counted_for_drift():
    found, _ = step(AT)
    for k in range(1, 24 * 9):
        found, _ = step(AT + k * HOUR, carried=found.carried)
    for monitor in AIR.monitors:
        report = drift.report(found.carried[f"{monitor.quantity.id}/drift"])
        assert report[0].days >= 1, monitor.quantity.id
        assert 0 <= report[0].share <= 1


def test_the_typical_day_of_months_stays_within_what_was_expected():
    """A month weighs more than the week over which hours are averaged; no mean may overshoot."""

    class Rising(Seen):
        def panel(self, quantity, **window):
            found = super().panel(quantity, **window)
            return replace(found, values=found.values + self.at.month)

    carried, daily = {}, []
    for month in range(1, 13):
        found = detection.run(
            Rising(datetime(2001, month, 28, tzinfo=UTC)), ECONOMY, ("XX",), places(), METHODS, carried, 0
        )
        carried = found.carried
        row = found.rows[0]
        daily.append(row.step.expected[0] / 30)
        assert carried[f"{row.quantity}/memory/typical"][0] == pytest.approx(daily[-1])
    assert max(daily) > 1.01 * min(daily)
