"""The contract: what a detector is told, what it says, and how it refuses a setting."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

import tocsin.detect
from tocsin.catalog import detectors
from tocsin.detect import ring
from tocsin.detect.contract import Now, Step, judge, one_of, positive
from tocsin.detect.given import of_regions
from tocsin.model import HOUR, ConfigError, MethodError, Panel, Region, RegionLevel, grid_us

BEGIN = datetime(2001, 1, 1, tzinfo=UTC)


def panel(values):
    values = np.asarray(values, float)
    end = BEGIN + len(values) * HOUR
    return Panel(
        quantity="x",
        regions=tuple(f"r{i}" for i in range(values.shape[1])),
        times=grid_us(BEGIN, end, HOUR),
        values=values,
        known=np.isfinite(values),
        at=end,
    )


class PerHead:
    """Alarms at one case a head: wants the population, and shows its rate."""

    NAME = "per_head"
    GIVEN = ("population",)

    def start(self, n):
        return {}

    def step(self, state, values, now):
        rate = values / now.of("population")
        return state, Step.of(values, tail=np.ones(len(values)), alarm=rate >= 1, details={"rate": rate})


def test_what_is_given_reaches_the_method_row_by_row():
    population = np.array([[10.0, 5.0], [20.0, 5.0]])
    judged = judge(
        PerHead(), panel([[10, 4], [10, np.nan]]), np.zeros((2, 2), np.int64), {"population": population}
    )
    assert judged.alarm.tolist() == [[True, False], [False, False]]
    np.testing.assert_array_equal(judged.details["rate"], [[1.0, 0.8], [0.5, np.nan]])
    assert np.isnan(judged.tail[1, 1])
    assert judged.tail[0, 0] == 1


def test_what_is_not_given_is_said():
    with pytest.raises(MethodError, match="population: got none"):
        judge(PerHead(), panel([[1]]), np.zeros((1, 1), np.int64))


def test_a_method_without_a_rule_has_no_alarms():
    assert tocsin.detect.run(panel(np.ones((30, 2))), "robust_ewma").alarm is None


def test_run_refuses_what_it_does_not_know():
    with pytest.raises(ConfigError, match="Did you mean 'threshold'"):
        tocsin.detect.run(panel([[1]]), "treshold")
    with pytest.raises(ConfigError, match="gian"):
        tocsin.detect.run(panel([[1]]), "robust_ewma", gian=3)


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("robust_ewma", {"season": "moon"}, "season: got 'moon'"),
        ("robust_ewma", {"side": "hihg"}, "Did you mean 'high'"),
        ("robust_ewma", {"gain": 0}, "gain: got 0"),
        ("seasonal_count", {"side": "up"}, "side: got 'up'"),
        ("seasonal_count", {"windows": (3, 1)}, "windows: got"),
        ("seasonal_count", {"clip": float("nan")}, "clip: got nan"),
        ("threshold", {"limit": 1.0, "side": "both"}, "side: got 'both'"),
        ("threshold", {"limit": 1.0, "width": -1.0}, "width: got -1"),
    ],
)
def test_a_constructor_refuses_a_bad_setting(method, settings, words):
    with pytest.raises(ConfigError, match=words):
        detectors()[method](**settings)


def test_refusals():
    one_of("m", "s", 1, (1, 2))
    positive("m", "s", 0, zero=True)
    for bad in (-1, float("inf"), "3", None):
        with pytest.raises(ConfigError, match="above 0"):
            positive("m", "s", bad)


def test_a_ring_gives_back_its_rows_and_nothing_older():
    state = ring.start(4, 2)
    for row in range(7):
        ring.push(state, np.array([row, 10.0 * row]))
    back = np.array([-1, -4, -5, -7, -8])
    np.testing.assert_array_equal(ring.rows(state, back)[:, 0], [6, 3, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(ring.rows(state, np.array([-2]))[0], [5, 50])
    young = ring.start(4, 1)
    ring.push(young, np.array([1.0]))
    np.testing.assert_array_equal(ring.rows(young, np.array([-1, -2]))[:, 0], [1, np.nan])


def region(lat, lon, population):
    return Region(
        id="r", name="r", level=RegionLevel.COUNTY, parent=None, code="r", title="r", lat=lat, lon=lon,
        area_km2=None, population=population, timezone="UTC",
    )  # fmt: skip


def test_places_are_kilometres_in_space():
    given = of_regions(("x", "population"), [region(0, 0, 5), region(90, 0, None), region(0, 180, 7)])
    np.testing.assert_array_equal(given["population"], [5, np.nan, 7])
    place = np.stack([given[axis] for axis in "xyz"], 1)
    assert np.linalg.norm(place[0] - place[2]) == pytest.approx(2 * 6371.0088)
    assert np.linalg.norm(place[0] - place[1]) == pytest.approx(2**0.5 * 6371.0088)


def test_what_a_period_is_told():
    now = Now(time=0, season=np.zeros(1, np.int64))
    with pytest.raises(MethodError, match="expected: got none"):
        now.of("expected")
