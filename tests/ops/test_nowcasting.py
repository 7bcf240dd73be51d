"""A nowcast from the revisions that the store keeps: as known then, and right about what came."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.cli.conftest import run
from tocsin.detect.nowcast import Nowcast
from tocsin.model import HOUR, Basis, ConfigError, Observation
from tocsin.ops import nowcasting
from tocsin.ops.office import open_office

LATER = datetime(2010, 1, 1, tzinfo=UTC)
START = datetime(2001, 1, 1, tzinfo=UTC)
HOURS = 72
TOTALS = np.random.default_rng(1).poisson(80, HOURS)


@pytest.fixture
def store(tmp_path):
    """Hours of departures of which a half is known at once, the rest over the next two hours."""
    rng = np.random.default_rng(2)
    rows = []
    for hour, total in enumerate(TOTALS):
        grown = np.cumsum(rng.multinomial(total, [0.5, 0.3, 0.2]))
        rows += [
            Observation(
                quantity="air_transport.departures", region="US-AIR-SEA", valid_time=START + hour * HOUR,
                known_at=START + (hour + 1 + delay) * HOUR, value=float(value), source="bts_flights",
                raw="a" * 64, basis=Basis.ESTIMATED,
            )
            for delay, value in enumerate(grown)
        ]  # fmt: skip
    office = open_office(tmp_path / "store", domains=("air_transport",))
    with contextlib.closing(office.store):
        office.store.add(rows, ingest="a", at=LATER)
        yield office


def view(office, hour, **settings):
    return nowcasting.view(
        office,
        quantity="air_transport.departures",
        region="US-AIR-SEA",
        settings=Nowcast(**settings),
        longest=3,
        periods=48,
        at=START + hour * HOUR + timedelta(minutes=5),
    )


def test_the_newest_hours_are_estimated_from_what_was_known_then(store):
    inside = total = 0
    for hour in range(30, 70):
        rows = view(store, hour)
        assert [r["age"] for r in rows] == [3, 2, 1, 0]
        newest = rows[-1]
        assert newest["valid_time"] == (START + (hour - 1) * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert newest["reported"] < 0.75 * TOTALS[hour - 1]
        assert rows[0]["sd"] == 0
        assert rows[0]["mean"] == TOTALS[hour - 4]
        inside += newest["q0.05"] <= TOTALS[hour - 1] <= newest["q0.95"]
        total += 1
    assert inside / total > 0.8


@pytest.mark.parametrize("method", ["bayes.trunc", "bayes.notrunc.bnb"])
def test_the_same_question_has_the_same_answer(store, method):
    assert view(store, 60, method=method, most=300) == view(store, 60, method=method, most=300)


def test_what_is_no_late_count_is_refused(store):
    asked = {"region": "US-AIR-SEA", "settings": Nowcast(), "longest": 3, "periods": 9, "at": LATER}
    for quantity in ("air_transport.arrival_delay", "air_transport.departure"):
        with pytest.raises(ConfigError, match="--quantity"):
            nowcasting.view(store, quantity=quantity, **asked)


def test_a_series_of_which_nothing_is_kept_is_unknown(store):
    rows = nowcasting.view(
        store, quantity="air_transport.departures", region="US-AIR-BOS", settings=Nowcast(), longest=2,
        periods=9, at=START + 9 * HOUR,
    )  # fmt: skip
    assert len(rows) == 3
    assert all(np.isnan(r["reported"]) and np.isnan(r["mean"]) and np.isnan(r["q0.5"]) for r in rows)


def test_the_command_shows_it(store):
    store.store.flush(LATER)
    done = run(
        "forecast", "nowcast", "-q", "air_transport.departures", "-r", "US-AIR-SEA", "--longest", 3,
        "--at", "2001-01-03T12:05:00Z", "--json", store=store.path,
    )  # fmt: skip
    assert done.status == 0, done.err
    assert [row["age"] for row in done.rows] == [3, 2, 1, 0]
    assert done.rows[-1]["mean"] > done.rows[-1]["reported"]
