"""Properties over many histories: what is learnt later changes nothing, and order of upkeep is no matter."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.model import Observation, to_table
from tocsin.store import PanelSpec, open_store
from tocsin.store.order import STORED_SCHEMA, ints, months, row_order, sort_month
from tocsin.testing.store import HOUR, NOW, T0, Oracle, observation, state_of

HOURS = st.integers(-30, 30)
VALUES = st.one_of(st.integers(0, 9).map(float), st.sampled_from(["word", "7e-04"]), st.none())
REGIONS = ("A", "B", "é")


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    valid, known = T0 + draw(HOURS) * HOUR, T0 + draw(HOURS) * HOUR
    quantity = draw(st.sampled_from(["q.a", "q.b"]))
    return observation(draw(st.sampled_from(REGIONS)), valid, known, draw(VALUES), quantity=quantity)


UPKEEP = ["", "flush", "compact", "full", "load"]
BATCHES = st.lists(
    st.tuples(st.lists(observations(), max_size=6), st.sampled_from(UPKEEP)),
    min_size=1,
    max_size=6,
)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(BATCHES, HOURS)
def test_as_of_equals_the_oracle_whatever_the_upkeep(
    batches: list[tuple[list[Observation], str]], hour: int
) -> None:
    at = T0 + hour * HOUR
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        for number, (rows, what) in enumerate(batches):
            if what == "load":
                store.load([to_table(rows)], ingest=str(number), at=NOW)
                continue
            store.add(rows, ingest=str(number), at=NOW)
            if what:
                store.flush(NOW)
            if what in ("compact", "full"):
                store.compact(NOW, full=what == "full", grace=timedelta(0))
        rows = [row for some, _ in batches for row in some]
        assert state_of(store.as_of(at).cells()) == Oracle(rows).at(at)
        later = at + timedelta(microseconds=1)
        poison = [replace(row, known_at=later, value=-1.0, missing=None) for row in rows]
        store.add(poison, ingest="poison", at=NOW)
        assert state_of(store.as_of(at).cells()) == Oracle(rows).at(at)
        store.close()


@FEW
@given(
    st.lists(observations(), max_size=30),
    st.integers(1, 200),
    st.integers(1, 5),
    st.integers(0, 20),
    st.booleans(),
)
def test_follow_equals_as_of(
    rows: list[Observation], minutes: int, step_hours: int, span: int, flush: bool
) -> None:
    step = step_hours * HOUR
    spec = PanelSpec(quantity="q.a", regions=REGIONS, step=step, span=span * step)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        store.add(rows, ingest="1", at=NOW)
        if flush:
            store.flush(NOW)
        end = T0 + 31 * HOUR
        pace = minutes * timedelta(minutes=1)
        for snapshot in store.follow(start=end - 12 * pace, end=end, step=pace, panels=[spec]):
            top = _on_grid(snapshot.at, step)
            grid = {"regions": REGIONS, "start": top - 4 * step, "end": top + step, "step": step}
            got, plain = snapshot.panel("q.a", **grid), store.as_of(snapshot.at).panel("q.a", **grid)
            assert np.array_equal(got.values, plain.values, equal_nan=True)
            assert np.array_equal(got.known, plain.known)
            assert np.array_equal(got.times, plain.times)
        store.close()


def _on_grid(at: datetime, step: timedelta) -> datetime:
    epoch = datetime.fromisoformat("1970-01-01T00:00Z")
    return epoch + (at - epoch) // step * step


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_row_order_is_a_sort(rows: list[tuple[int, int, int]]) -> None:
    key, known, seq = (np.array([r[n] for r in rows], np.int64) for n in range(3))
    order = row_order(key, known, seq)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert [rows[i] for i in order] == sorted(rows)
    # stable: equal rows stay in the order in which they came
    assert order.tolist() == sorted(range(len(rows)), key=lambda i: (rows[i], i))


def test_many_series_in_one_month() -> None:
    """Series beyond what one key holds are numbered by those that occur."""
    n = 1_500
    rows = [observation(f"R{i}", T0, T0, float(i), quantity=f"q{n - i}") for i in range(n)]
    table = to_table(rows).append_column(STORED_SCHEMA.field("seq"), pa.array([0] * n, pa.int64()))
    got = sort_month(table, int(months(ints(table["valid_time"]))[0]))
    assert got["quantity"].to_pylist() == sorted(f"q{n - i}" for i in range(n))
