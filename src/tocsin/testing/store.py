"""What any store must do: one check a rule, for stores of third parties too.

A check is called with a function that opens the store in a folder, and an empty folder of its own;
it raises ``AssertionError`` when the store breaks the rule. The function must be found by import
(no lambda, no closure): some checks open the store in other processes.

>>> from tocsin.testing.store import checks
>>> "check_ties" in checks()
True

Over 600 lines, because one rule a function in one file is what somebody with a new store reads.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.model import (
    OBSERVATION_SCHEMA,
    Alert,
    AuthorityError,
    ConflictError,
    Decision,
    Event,
    Member,
    Missing,
    Observation,
    PastError,
    Raw,
    Role,
    ShapeError,
    Snapshot,
    State,
    StoreError,
    from_us,
    to_table,
    to_us,
)
from tocsin.store.contract import Account, BreakGlass, CycleRow, PanelSpec, Session, Store
from tocsin.store.judged import JUDGED, Judged, encode_judged

MakeStore = Callable[[Path], Store]
Check = Callable[[MakeStore, Path], None]

T0 = datetime(2001, 2, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def checks() -> dict[str, Check]:
    """Every check by name."""
    return {name: value for name, value in globals().items() if name.startswith("check_") and callable(value)}


# -- what the checks are made of --------------------------------------------------------------------


def require(condition: object, message: str) -> None:
    """Raise ``AssertionError`` unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def require_equal(got: object, expected: object, what: str) -> None:
    """Raise ``AssertionError`` unless two things are equal."""
    require(got == expected, f"{what}: got {got!r}, expected {expected!r}")


def require_refused(error: type[Exception], what: str, call: Callable[[], object]) -> None:
    """Raise ``AssertionError`` unless a call is refused with this error."""
    try:
        call()
    except error:
        return
    except Exception as other:
        raise AssertionError(
            f"{what}: got {type(other).__name__} ({other}), expected {error.__name__}"
        ) from other
    raise AssertionError(f"{what}: was let through, expected {error.__name__}")


def observation(
    region: str,
    valid: datetime,
    known: datetime,
    value: float | str | None,
    *,
    quantity: str = "air.departures",
    source: str = "test",
) -> Observation:
    """An observation; a value of None is one that was withdrawn."""
    return Observation(
        quantity=quantity,
        region=region,
        valid_time=valid,
        known_at=known,
        value=value,
        missing=Missing.WITHDRAWN if value is None else None,
        source=source,
        raw="00",
    )


def event(name: str, known: datetime, *, onset: datetime = T0, magnitude: float = 5.0) -> Event:
    """An earthquake."""
    return Event(
        id=f"test:{name}",
        source="test",
        external_id=name,
        domain="seismic",
        hazard="earthquake",
        title=name,
        onset=onset,
        ends=onset,
        known_at=known,
        magnitude=magnitude,
        raw="00",
    )


def alert(name: str, **changes: Any) -> Alert:
    """A draft about one region, that expires six hours after :data:`T0`."""
    member = Member(region="A", name="A", since=T0, tail=0.001, value=1.0, expected=9.0, window_h=3)
    plain = Alert(
        id=name,
        chain=name,
        domain="air_transport",
        event="Airport stop",
        category="Transport",
        level=2,
        likelihood=float("nan"),
        impact=2,
        headline="Few departures",
        description="",
        instruction="",
        members=(member,),
        onset=T0,
        expires=T0 + 6 * HOUR,
        created_at=T0,
        author="system",
    )
    return replace(plain, **changes)


def state_of(cells: pa.Table) -> dict[tuple[str, str, datetime], float | str | None]:
    """Cells of a table with what they hold: a value, or None for a missing one; each cell once."""
    found: dict[tuple[str, str, datetime], float | str | None] = {}
    for row in cells.to_pylist():
        key = (row["quantity"], row["region"], row["valid_time"].astimezone(UTC))
        require(key not in found, f"cell {key}: got two rows for it, expected one")
        found[key] = row["text"] if row["value"] is None else row["value"]
    return found


class Oracle:
    """What a store should answer, by looking at every row: slow, short and plainly right."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        self.rows = list(observations)  # in the order of ingest

    def at(self, at: datetime) -> dict[tuple[str, str, datetime], float | str | None]:
        """The newest row of each cell known at a moment; of a tie the one that came last."""
        found: dict[tuple[str, str, datetime], Observation] = {}
        for row in self.rows:
            key = (row.quantity, row.region, row.valid_time)
            if row.known_at <= at and (key not in found or row.known_at >= found[key].known_at):
                found[key] = row
        return {key: row.value for key, row in found.items()}


def history(seed: int, rows: int) -> list[Observation]:
    """A history with revisions, withdrawals, words, ties and late arrivals, over a turn of the month."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        valid = T0 + int(rng.integers(-30, 30)) * HOUR
        known = T0 + int(rng.integers(-30, 90)) * HOUR
        kind = rng.random()
        value: float | str | None = float(rng.integers(0, 50))
        if kind < 0.15:
            value = None
        elif kind < 0.25:
            value = f"word {rng.integers(0, 5)}"
        made.append(
            observation(f"R{rng.integers(0, 4)}", valid, known, value, quantity=f"air.q{rng.integers(0, 2)}")
        )
    return made


def batches(observations: list[Observation], size: int) -> Iterator[list[Observation]]:
    """The same in pieces."""
    for start in range(0, len(observations), size):
        yield observations[start : start + size]


def _fill(store: Store, observations: list[Observation], size: int = 7) -> None:
    for number, some in enumerate(batches(observations, size)):
        store.add(some, ingest=f"batch {number}", at=NOW)


def _moments() -> list[datetime]:
    return [T0 + h * HOUR + d for h in range(-31, 95, 9) for d in (-TICK, timedelta(0))]


def _require_oracle(store: Store, oracle: Oracle, what: str) -> None:
    for at in _moments():
        require_equal(state_of(store.as_of(at).cells()), oracle.at(at), f"{what}: as of {at}")


def _require_panels_equal(got: Any, expected: Any, what: str) -> None:
    for name in ("times", "values", "known"):
        a, b = getattr(got, name), getattr(expected, name)
        require(
            a.dtype == b.dtype and np.array_equal(a, b, equal_nan=name == "values"),
            f"{what}: {name}: got {a!r}, expected {b!r}",
        )
    require_equal(
        (got.quantity, got.regions, got.at), (expected.quantity, expected.regions, expected.at), what
    )


# -- observations -----------------------------------------------------------------------------------


def check_as_of_counts_from_the_instant(make_store: MakeStore, folder: Path) -> None:
    """A row counts from its own known time on, not a microsecond earlier."""
    store = make_store(folder)
    store.add([observation("A", T0, T0 + HOUR, 3.0)], ingest="1", at=NOW)
    require_equal(state_of(store.as_of(T0 + HOUR - TICK).cells()), {}, "just before it is known")
    expected = {("air.departures", "A", T0): 3.0}
    require_equal(state_of(store.as_of(T0 + HOUR).cells()), expected, "at the instant that it is known")


def check_revisions(make_store: MakeStore, folder: Path) -> None:
    """Each moment sees the revision that was known then; all of them can be listed."""
    store = make_store(folder)
    rows = [observation("A", T0, T0 + h * HOUR, float(h)) for h in (3, 1, 2)]  # arriving out of order
    for row in rows:
        store.add([row], ingest=str(row.value), at=NOW)
    for h in (1, 2, 3):
        got = state_of(store.as_of(T0 + h * HOUR).cells())
        require_equal(got, {("air.departures", "A", T0): float(h)}, f"after {h} h")
    listed = store.revisions("air.departures", "A")
    require_equal(listed["value"].to_pylist(), [1.0, 2.0, 3.0], "revisions")
    require_equal(listed.schema.names, OBSERVATION_SCHEMA.names, "columns of revisions")
    one = store.revisions("air.departures", "A", T0 + HOUR)
    require_equal(one.num_rows, 0, "revisions of a cell that there is none of")


def check_withdrawals(make_store: MakeStore, folder: Path) -> None:
    """A withdrawal hides the value before it, and a later value ends it: a missing value is a value."""
    store = make_store(folder)
    rows = [
        observation("A", T0, T0 + 1 * HOUR, 5.0),
        observation("A", T0, T0 + 2 * HOUR, None),
        observation("A", T0, T0 + 3 * HOUR, 6.0),
    ]
    store.add(rows, ingest="1", at=NOW)
    for hours, value in ((1, 5.0), (2, None), (3, 6.0)):
        got = state_of(store.as_of(T0 + hours * HOUR).cells())
        require_equal(got, {("air.departures", "A", T0): value}, f"after {hours} h")
    cells = store.as_of(T0 + 2 * HOUR).cells()
    require_equal(cells["missing"].to_pylist(), [str(Missing.WITHDRAWN)], "the reason")


def check_panel_tells_missing_from_unknown(make_store: MakeStore, folder: Path) -> None:
    """A panel is NaN where nothing is known and where a value is missing; ``known`` tells which."""
    store = make_store(folder)
    store.add(
        [
            observation("A", T0, T0, 0.0),
            observation("B", T0, T0, None),
            observation("C", T0, T0, "shut"),
            observation("A", T0 + HOUR / 2, T0, 9.0),  # off the grid
        ],
        ingest="1",
        at=NOW,
    )
    panel = store.as_of(T0).panel(
        "air.departures", regions=["D", "C", "B", "A"], start=T0, end=T0 + 2 * HOUR, step=HOUR
    )
    nan = float("nan")
    require(
        np.array_equal(panel.values, [[nan, nan, nan, 0.0], [nan] * 4], equal_nan=True),
        f"values: got {panel.values}",
    )
    require_equal(panel.known.tolist(), [[False, True, True, True], [False] * 4], "known")
    require_equal(panel.times.tolist(), [to_us(T0), to_us(T0 + HOUR)], "times")


def check_words(make_store: MakeStore, folder: Path) -> None:
    """Values that are words come back as words, next to numbers of the same series."""
    store = make_store(folder)
    store.add(
        [
            observation("A", T0, T0, "2022-06-22"),
            observation("B", T0, T0, 1.5),
            observation("C", T0, T0, "7e-04"),
        ],
        ingest="1",
        at=NOW,
    )
    got = {key[1]: value for key, value in state_of(store.as_of(T0).cells()).items()}
    require_equal(got, {"A": "2022-06-22", "B": 1.5, "C": "7e-04"}, "values")


def check_every_column_comes_back(make_store: MakeStore, folder: Path) -> None:
    """What goes in comes out, in the observation schema, from the inbox and from segments."""
    store = make_store(folder)
    rows = history(3, 40)
    unique = list({(r.quantity, r.region, r.valid_time): r for r in rows}.values())
    expected = to_table(unique).to_pylist()
    store.add(to_table(unique), ingest="1", at=NOW)
    for place in ("inbox", "segments"):
        cells = store.as_of(NOW).cells()
        require_equal(cells.schema, OBSERVATION_SCHEMA, f"schema from {place}")
        require_equal(sorted(map(repr, cells.to_pylist())), sorted(map(repr, expected)), f"rows from {place}")
        store.flush(NOW)


def check_selections(make_store: MakeStore, folder: Path) -> None:
    """Cells of one quantity, some regions, a stretch of valid time: what a filter of all would give."""
    store = make_store(folder)
    rows = history(4, 300)
    for number, some in enumerate(batches(rows, 60)):
        store.add(some, ingest=str(number), at=NOW)
        if number % 2:
            store.flush(NOW)
    at, start, end = T0 + 40 * HOUR, T0 - 5 * HOUR, T0 + 20 * HOUR
    everything = Oracle(rows).at(at)
    for quantity in (None, "air.q1", "air.none"):
        for regions in (None, ["R3", "R0"], ["R9"], []):
            for low, high in ((None, None), (start, None), (None, end), (start, end), (end, start)):
                got = store.as_of(at).cells(quantity=quantity, regions=regions, start=low, end=high)
                expected = {
                    (q, r, v): x
                    for (q, r, v), x in everything.items()
                    if quantity in (None, q)
                    and (regions is None or r in regions)
                    and (low is None or v >= low)
                    and (high is None or v < high)
                }
                require_equal(state_of(got), expected, f"{quantity} {regions} {low} {high}")


def check_ties(make_store: MakeStore, folder: Path) -> None:
    """Of two rows of a cell known at the same instant, the one that came in later counts, always."""
    store = make_store(folder)
    key = ("air.departures", "A", T0)
    for number in range(4):
        pair = [observation("A", T0, T0, number + 0.25), observation("A", T0, T0, number + 0.5)]
        store.add(pair, ingest=str(number), at=NOW)
        require_equal(state_of(store.as_of(T0).cells()), {key: number + 0.5}, "from the inbox")
        if number in (1, 2):
            store.flush(NOW)
            require_equal(state_of(store.as_of(T0).cells()), {key: number + 0.5}, "after a flush")
    store.flush(NOW)
    store.compact(NOW, full=True)
    require_equal(state_of(store.as_of(T0).cells()), {key: 3.5}, "after compaction")
    values = store.revisions("air.departures", "A")["value"].to_pylist()
    require_equal(values, [0.25, 0.5, 1.25, 1.5, 2.25, 2.5, 3.25, 3.5], "revisions in the order of ingest")


def check_idempotence(make_store: MakeStore, folder: Path) -> None:
    """The same ingest key again does nothing, whatever comes with it, also after upkeep."""
    store = make_store(folder)
    first = store.add([observation("A", T0, T0, 1.0)], ingest="same", at=NOW)
    require_equal((first.new, first.duplicate), (1, False), "the first time")
    for _ in range(2):
        again = store.add([observation("A", T0, T0 + HOUR, 2.0)], ingest="same", at=NOW)
        require_equal((again.new, again.duplicate), (0, True), "the second time")
        loaded = store.load([to_table([observation("A", T0, T0 + HOUR, 2.0)])], ingest="same", at=NOW)
        require_equal((loaded.new, loaded.duplicate), (0, True), "as an archive")
        store.flush(NOW)
        store.compact(NOW)
    require_equal(state_of(store.as_of(NOW).cells()), {("air.departures", "A", T0): 1.0}, "what is kept")
    require_equal(sum(store.counts()["rows"].to_pylist()), 1, "rows kept")


def check_bad_rows_are_refused(make_store: MakeStore, folder: Path) -> None:
    """A batch with one row that cannot be is refused whole, with the row named; nothing of it is kept."""
    store = make_store(folder)
    good = observation("A", T0, T0, 1.0)
    store.add([good], ingest="good", at=T0)
    table = to_table([good, observation("B", T0, T0, 2.0)])

    def with_column(name: str, values: list[Any], kind: Any = None) -> pa.Table:
        field = OBSERVATION_SCHEMA.field(name)
        column = pa.array(values, kind or field.type)
        return table.set_column(table.column_names.index(name), name, column)

    naive = pa.timestamp("us")
    bad = {
        "known after the ingest": to_table([good, observation("B", T0, T0 + TICK, 2.0)]),
        "NaN": with_column("value", [1.0, float("nan")]),
        "infinity": with_column("value", [1.0, float("-inf")]),
        "two of value, text, missing": with_column("text", [None, "x"]),
        "none of value, text, missing": with_column("value", [1.0, None]),
        "no quantity": with_column("quantity", ["air.departures", None], pa.string()),
        "empty region": with_column("region", ["A", " "], pa.string()),
        "a reason that is none": with_column("missing", [None, "whatever"], pa.string()),
        "a naive time": with_column("valid_time", [datetime(2001, 1, 1), None], naive),  # noqa: DTZ001
        "text for a number": with_column("value", ["1", "2"], pa.string()),
        "a column too few": table.drop_columns(["basis"]),
        "a column too many": table.append_column("person", pa.array(["x", "y"])),
        "the year 1699": to_table([good, observation("B", datetime(1699, 12, 31, tzinfo=UTC), T0, 2.0)]),
        "the year 2300": to_table([good, observation("B", datetime(2300, 1, 1, tzinfo=UTC), T0, 2.0)]),
    }
    for what, rows in bad.items():
        require_refused(ShapeError, what, lambda rows=rows, what=what: store.add(rows, ingest=what, at=T0))  # type: ignore[misc]
        require_refused(
            ShapeError,
            f"{what}, as an archive",
            lambda rows=rows, what=what: store.load([table, rows], ingest=f"load {what}", at=T0),  # type: ignore[misc]
        )
    require_refused(
        ShapeError, "an event of the future", lambda: store.add([event("e", T0 + TICK)], ingest="e", at=T0)
    )
    require_equal(state_of(store.as_of(NOW).cells()), {("air.departures", "A", T0): 1.0}, "what is kept")
    require_equal(sum(store.counts()["rows"].to_pylist()), 1, "rows kept")
    # a refusal does not use up the key: the mended batch goes in
    mended = store.add(table, ingest="NaN", at=T0)
    require_equal((mended.new, mended.duplicate), (2, False), "the mended batch")


def check_upkeep_changes_no_answer(make_store: MakeStore, folder: Path) -> None:
    """Inbox, flush, compaction in tiers and in full: as-of is the same at every moment."""
    store = make_store(folder)
    rows = history(1, 420)
    oracle = Oracle(rows)
    for number, some in enumerate(batches(rows, 20)):
        store.add(some, ingest=str(number), at=NOW)
        if number % 3 == 2:
            store.flush(NOW)
        if number % 7 == 6:
            store.compact(NOW)
    _require_oracle(store, oracle, "mixed")
    store.flush(NOW)
    _require_oracle(store, oracle, "flushed")
    store.compact(NOW, full=True)
    _require_oracle(store, oracle, "compacted")
    store.compact(NOW, grace=timedelta(0))
    _require_oracle(store, oracle, "swept")
    require_equal(sum(store.counts()["rows"].to_pylist()), len(rows), "rows kept")
    require_equal(store.check(), [], "faults")


def check_load_equals_add(make_store: MakeStore, folder: Path) -> None:
    """An archive loaded in bulk answers as if each of its rows had been added."""
    rows = history(2, 300)
    store = make_store(folder)
    store.add(rows[:50], ingest="before", at=NOW)
    added = store.load((to_table(b) for b in batches(rows[50:250], 80)), ingest="archive", at=NOW)
    require_equal(added.new, 200, "rows loaded")
    store.add(rows[250:], ingest="after", at=NOW)
    _require_oracle(store, Oracle(rows), "loaded")
    require_equal(store.check(), [], "faults")


def check_the_past_stays(make_store: MakeStore, folder: Path) -> None:
    """Nothing that becomes known later changes what was known at t: not cells, panels, events, alerts."""
    store = make_store(folder)
    rows = history(5, 200)
    at = T0 + 10 * HOUR
    early = [r for r in rows if r.known_at <= at]
    _fill(store, early)
    store.add([event("a", at - HOUR)], ingest="event a", at=NOW)
    store.put("alert", "x", alert("x"), known_at=T0, revision=0)
    snapshot = store.as_of(at)
    before = _everything(snapshot, at)
    poison = [replace(r, known_at=at + TICK, value=-1.0, missing=None) for r in early]
    store.add(poison, ingest="poison", at=NOW)
    store.add([event("a", at + TICK, magnitude=9.0), event("b", at + TICK)], ingest="poison e", at=NOW)
    gone = alert("x", revision=1, state=State.CANCELLED)
    store.put("alert", "x", gone, known_at=at + TICK, revision=1)
    for what, again in (("the same snapshot", snapshot), ("a new one", store.as_of(at))):
        require_equal(_everything(again, at), before, what)
    store.flush(NOW)
    store.compact(NOW, full=True)
    for what, again in (("the same snapshot, compacted", snapshot), ("a new one", store.as_of(at))):
        require_equal(_everything(again, at), before, what)


def _everything(snapshot: Snapshot, at: datetime) -> tuple[Any, ...]:
    panel = snapshot.panel(
        "air.q0", regions=[f"R{n}" for n in range(4)], start=at - 30 * HOUR, end=at, step=HOUR
    )
    return (
        state_of(snapshot.cells()),
        panel.values.tobytes(),
        panel.known.tobytes(),
        list(snapshot.events()),
        [a.id for a in snapshot.standing()],
    )


def check_follow_equals_as_of(make_store: MakeStore, folder: Path) -> None:
    """A replay that is fed by the news sees at every moment what ``as_of`` sees, in and out of its window."""
    store = make_store(folder)
    rows = history(6, 500)
    for number, some in enumerate(batches(rows, 50)):
        store.add(some, ingest=str(number), at=NOW)
        if number == 5:
            store.flush(NOW)
    regions = ("R0", "R1", "R2", "R3")
    specs = [PanelSpec(quantity=f"air.q{n}", regions=regions, step=HOUR, span=12 * HOUR) for n in range(2)]
    start, end, step = T0 - 9 * HOUR, T0 + 60 * HOUR, 1.5 * HOUR
    asked = (
        (regions, 8, 0),
        (regions, 12, 1),
        (("R2", "R0"), 5, 0),
        (("R2", "R9"), 5, 0),  # a region that the window does not hold
        (regions, 40, 0),  # further back than the window
        (regions, 3, 30),  # ahead of the moment
    )
    moments = []
    for snapshot in store.follow(start=start, end=end, step=step, panels=specs):
        moments.append(snapshot.at)
        plain = store.as_of(snapshot.at)
        for quantity in ("air.q0", "air.q1", "air.q2"):
            for names, back, ahead in asked:
                hour = T0 + (snapshot.at - T0) // HOUR * HOUR
                grid: dict[str, Any] = {
                    "regions": names,
                    "start": hour - back * HOUR,
                    "end": hour + ahead * HOUR,
                    "step": HOUR,
                }
                what = f"{quantity} at {snapshot.at} back {back} ahead {ahead}"
                _require_panels_equal(snapshot.panel(quantity, **grid), plain.panel(quantity, **grid), what)
    expected = [start + n * step for n in range((end - start) // step + 1)]
    require_equal(moments, expected, "moments, both ends included")
    require_equal(moments[-1], end, "the last moment")


def check_followed_snapshots_last(make_store: MakeStore, folder: Path) -> None:
    """A snapshot of a replay that has moved on still answers for its own moment; its panels stay."""
    store = make_store(folder)
    store.add([observation("A", T0, T0 + h * HOUR, float(h)) for h in range(5)], ingest="1", at=NOW)
    spec = PanelSpec(quantity="air.departures", regions=("A",), step=HOUR, span=9 * HOUR)
    grid: dict[str, Any] = {"regions": ("A",), "start": T0, "end": T0 + HOUR, "step": HOUR}
    held, first = [], []
    for snapshot in store.follow(start=T0, end=T0 + 4 * HOUR, step=HOUR, panels=[spec]):
        held.append(snapshot)
        first.append(snapshot.panel("air.departures", **grid))
    for n, (snapshot, panel) in enumerate(zip(held, first, strict=True)):
        require_equal(panel.values.tolist(), [[float(n)]], f"the panel of moment {n}, later")
        again = snapshot.panel("air.departures", **grid)
        require_equal(again.values.tolist(), [[float(n)]], f"the snapshot of moment {n}, asked later")


def check_news(make_store: MakeStore, folder: Path) -> None:
    """News are the rows known in ``(since, until]``, in the order in which they became known."""
    store = make_store(folder)
    rows = history(7, 200)
    for number, some in enumerate(batches(rows, 50)):
        store.add(some, ingest=str(number), at=NOW)
        if number == 1:
            store.flush(NOW)
    since, until = T0, T0 + 20 * HOUR
    news = store.news(since, until)
    require_equal(news.schema, OBSERVATION_SCHEMA, "schema of the news")
    expected = [r for r in rows if since < r.known_at <= until]
    require_equal(
        sorted(map(repr, news.to_pylist())), sorted(map(repr, to_table(expected).to_pylist())), "rows"
    )
    known = news["known_at"].cast(pa.int64()).to_numpy()
    require((np.diff(known) >= 0).all(), f"order of the news: got {known}")


def check_counts(make_store: MakeStore, folder: Path) -> None:
    """Rows kept by source and day of valid time, wherever they lie."""
    store = make_store(folder)
    days = (0, 0, 1, 40)
    for n, day in enumerate(days):
        row = observation("A", T0 + timedelta(days=day), T0, float(n), source=f"s{day % 2}")
        store.add([row], ingest=str(n), at=NOW)
        if n == 1:
            store.flush(NOW)
    got = [tuple(row.values()) for row in store.counts().to_pylist()]
    first, late, second = ((T0 + timedelta(days=d)).date() for d in (0, 40, 1))
    require_equal(got, [("s0", first, 2), ("s0", late, 1), ("s1", second, 1)], "counts")


# -- events, raw bytes, feeds -----------------------------------------------------------------------


def check_events(make_store: MakeStore, folder: Path) -> None:
    """Each moment sees the newest version of an event; a version that says nothing new is not one."""
    store = make_store(folder)
    versions = [
        event("a", T0 + HOUR),
        event("a", T0 + 2 * HOUR),
        event("a", T0 + 3 * HOUR, magnitude=6.8),
        event("b", T0 + HOUR, onset=T0 - 48 * HOUR),
    ]
    added = store.add(versions, ingest="1", at=NOW)
    require_equal((added.events, added.new), (3, 0), "versions kept")

    def seen(at: datetime, **choice: Any) -> list[tuple[str, int, float | None]]:
        return [(e.external_id, e.revision, e.magnitude) for e in store.as_of(at).events(**choice)]

    require_equal(seen(T0), [], "before")
    require_equal(seen(T0 + 2 * HOUR), [("b", 0, 5.0), ("a", 0, 5.0)], "first versions")
    require_equal(seen(T0 + 3 * HOUR, start=T0), [("a", 1, 6.8)], "second version")
    require_equal(seen(T0 + 3 * HOUR, start=T0 + TICK), [], "after its time")
    require_equal(seen(T0 + 3 * HOUR, start=T0 - HOUR, end=T0), [], "before its time")
    require_equal(seen(T0 + 3 * HOUR, end=T0, domain="seismic"), [("b", 0, 5.0)], "up to a time")
    require_equal(seen(T0 + 3 * HOUR, domain="weather"), [], "another domain")
    moved = event("a", T0 + 4 * HOUR, onset=T0 + 24 * HOUR)
    store.add([moved], ingest="2", at=NOW)
    require_equal(seen(T0 + 4 * HOUR, end=T0 + HOUR, start=T0), [], "moved away: only its newest time counts")


def check_raw_bytes(make_store: MakeStore, folder: Path) -> None:
    """Bytes come back under their hash as they came; the same bytes are kept once; unknown ones say so."""
    store = make_store(folder)
    raw = Raw(
        source="test",
        url="file.csv",
        fetched_at=T0,
        media_type="text/csv",
        content=b"\x00\xff" * 1000,
        headers={"etag": '"1"'},
    )
    for content in (raw.content, b""):
        one = replace(raw, content=content)
        name = store.keep_raw(one)
        require_equal(name, one.sha256, "name")
        store.keep_raw(replace(one, url="again"))
        require_equal(store.raw(name), one, "what comes back")
    require_refused(StoreError, "unknown bytes", lambda: store.raw("0" * 64))
    require_equal(store.check(), [], "faults")


def check_feeds(make_store: MakeStore, folder: Path) -> None:
    """The state of a feed at a moment: what had run by then, how long so, how old its content."""
    store = make_store(folder)
    runs = [
        (0, "ok", T0 - HOUR),
        (1, "ok", T0),
        (2, "failed", None),
        (3, "failed", None),
        (4, "ok", T0 - HOUR),
    ]
    for hours, outcome, newest in runs:
        message = "no answer" if outcome == "failed" else ""
        for _ in range(2):  # the same run twice is one
            store.feed_run("a", T0 + hours * HOUR, outcome, message, newest)
    require_equal(store.feeds(T0 - TICK), {}, "before the first run")
    late = store.as_of(T0 + 3 * HOUR).feeds()["a"]
    require_equal(
        (late.outcome, late.last_ok, late.newest, late.since, late.message),
        ("failed", T0 + HOUR, T0, T0 + 2 * HOUR, "no answer"),
        "after two failures",
    )
    good = store.feeds(NOW)["a"]
    require_equal(
        (good.outcome, good.newest, good.since, good.message), ("ok", T0, T0 + 4 * HOUR, ""), "mended"
    )
    require_refused(
        PastError, "a clock that goes backwards", lambda: store.feed_run("a", T0 + HOUR / 2, "ok")
    )
    require_refused(StoreError, "an unknown outcome", lambda: store.feed_run("a", NOW, "fine"))
    number = store.quarantine("a", T0, "00", "row 7", "NaN")
    require_equal(store.quarantined(T0 - TICK), [], "quarantine before")
    (held,) = store.quarantined()
    require_equal((held.id, held.where, held.error, held.raw), (number, "row 7", "NaN", "00"), "quarantine")


# -- records ----------------------------------------------------------------------------------------


def check_records(make_store: MakeStore, folder: Path) -> None:
    """Revisions in order, known times that do not go back, and the past as it was."""
    store = make_store(folder)
    first, second = alert("x"), alert("x", revision=1, headline="Fewer departures", state=State.SUBMITTED)
    store.put("alert", "x", first, known_at=T0, revision=0)
    for wrong in (0, 2):
        odd = replace(second, revision=wrong)
        require_refused(
            ConflictError,
            f"revision {wrong}",
            lambda odd=odd, wrong=wrong: store.put("alert", "x", odd, known_at=NOW, revision=wrong),  # type: ignore[misc]
        )
    require_refused(
        PastError, "known earlier", lambda: store.put("alert", "x", second, known_at=T0 - TICK, revision=1)
    )
    store.put("alert", "x", second, known_at=T0 + HOUR, revision=1)
    # NaN is not equal to itself: compare what can be
    require_equal(store.get("alert", "x").content_hash, second.content_hash, "newest")
    require_equal(store.get("alert", "x", T0 + HOUR - TICK).headline, first.headline, "before")
    require_equal(store.get("alert", "x", T0 - TICK), None, "before all")
    require_equal(store.get("alert", "y"), None, "unknown")
    past = store.history("alert", "x")
    require_equal([(s.revision, s.known_at) for s in past], [(0, T0), (1, T0 + HOUR)], "history")
    store.put("verdict", "v", {"verdict": "TRUE", "lead_s": 60, "since": T0}, known_at=T0, revision=0)
    require_equal(store.get("verdict", "v")["since"], "2001-02-28T00:00:00Z", "times in plain records")
    require_equal(len(store.list("alert", where={"state": "submitted"})), 1, "by a field")
    require_equal(len(store.list("alert", where={"state": "draft"})), 0, "only the newest revision counts")
    require_equal(len(store.list("alert", at=T0, where={"state": "draft"})), 1, "by a field, as of")
    require_equal(len(store.list("verdict", where={"lead_s": 60, "verdict": "TRUE"})), 1, "by a number")
    require_equal(len(store.list("verdict", where={"lead_s": 61})), 0, "by another number")
    require_refused(
        StoreError, "the noun of another", lambda: store.put("alert", "z", first, known_at=T0, revision=0)
    )


def check_standing_and_verdicts(make_store: MakeStore, folder: Path) -> None:
    """Standing: the open and issued alerts, not expired, as known then; verdicts by known time."""
    store = make_store(folder)
    store.put("alert", "x", alert("x"), known_at=T0, revision=0)
    store.put("alert", "y", alert("y", expires=T0 + 2 * HOUR), known_at=T0, revision=0)
    rejected = alert("x", revision=1, state=State.REJECTED)
    store.put("alert", "x", rejected, known_at=T0 + 4 * HOUR, revision=1)
    longer = alert("y", revision=1, expires=T0 + 3 * HOUR, state=State.ISSUED)
    store.put("alert", "y", longer, known_at=T0 + HOUR, revision=1)
    expected = {0: ["x", "y"], 2: ["x", "y"], 3: ["x"], 4: [], 5: []}
    for hours, names in expected.items():
        got = [a.id for a in store.as_of(T0 + hours * HOUR).standing()]
        require_equal(got, names, f"standing after {hours} h")
    for hours in (1, 2, 3):
        store.put("verdict", str(hours), {"n": hours}, known_at=T0 + hours * HOUR, revision=0)
    got = [v["n"] for v in store.as_of(T0 + 2 * HOUR).verdicts(T0 + HOUR)]
    require_equal(got, [2], "verdicts in (since, at]")


def check_journal(make_store: MakeStore, folder: Path) -> None:
    """Decisions are chained by hash, in order, each once."""
    store = make_store(folder)
    plain = Decision(
        id="1", at=T0, actor="anna", role=Role.DUTY_OFFICER, action="submit", subject="x", content_hash="h"
    )
    hashes = [store.journal(replace(plain, id=str(n), actor=f"a{n % 2}")) for n in range(4)]
    require_equal(len(set(hashes)), 4, "hashes")
    entries = store.audit()
    require_equal([e.hash for e in entries], hashes, "order")
    require_equal([e.prev for e in entries][1:], hashes[:-1], "chain")
    require_equal([e.decision.id for e in store.audit(actor="a1")], ["1", "3"], "by actor")
    require_equal([e.decision.id for e in store.audit(subject="x", limit=1)], ["3"], "the newest one")
    require_refused(ConflictError, "the same decision twice", lambda: store.journal(plain))
    require_equal(store.check(), [], "faults")


def check_authority(make_store: MakeStore, folder: Path) -> None:
    """Two officers, a legal basis, the content as it stands, in time: else nothing is issued."""
    store = make_store(folder)
    draft = alert("x")
    store.put("alert", "x", draft, known_at=T0, revision=0)
    until = T0 + HOUR
    good: dict[str, Any] = {
        "alert": "x",
        "content_hash": draft.content_hash,
        "approver": "bert",
        "submitter": "anna",
        "legal_basis": "law 1",
        "at": T0,
        "expires": until,
    }
    issue: dict[str, Any] = {
        "alert": "x",
        "content_hash": draft.content_hash,
        "approval_expires": until,
        "at": T0,
        "issuer": "bert",
    }
    require_refused(AuthorityError, "issue without approval", lambda: store.issue(**issue))
    require_refused(AuthorityError, "own submission", lambda: store.approve(**good | {"approver": "anna"}))
    require_refused(AuthorityError, "no legal basis", lambda: store.approve(**good | {"legal_basis": " "}))
    require_refused(ConflictError, "other content", lambda: store.approve(**good | {"content_hash": "0"}))
    store.approve(**good)
    require_refused(AuthorityError, "expired", lambda: store.issue(**issue | {"at": until + TICK}))
    require_refused(
        AuthorityError, "another window", lambda: store.issue(**issue | {"approval_expires": until + HOUR})
    )
    edited = alert("x", revision=1, headline="edited")
    store.put("alert", "x", edited, known_at=T0, revision=1)
    require_refused(ConflictError, "edited after approval", lambda: store.issue(**issue))
    policy = BreakGlass(policy="night", reason="alone on duty", review_due=T0 + 24 * HOUR)
    alone = {"content_hash": edited.content_hash, "approver": "anna", "breakglass": policy, "at": T0 + TICK}
    store.approve(**good | alone)
    edit = issue | {"content_hash": edited.content_hash, "at": T0 + TICK}
    store.issue(**edit)
    require_refused(ConflictError, "issued twice", lambda: store.issue(**edit))
    require_equal([a.breakglass for a in store.approvals("x")], [None, policy], "approvals on record")


def check_outbox(make_store: MakeStore, folder: Path) -> None:
    """Each message once to each recipient; tried again when told; given up when told."""
    store = make_store(folder)
    one: dict[str, Any] = {
        "group": "x", "recipient": "feed", "content_hash": "h", "channel": "atom",
        "payload": {"n": 1}, "at": T0,
    }  # fmt: skip
    require_equal([store.enqueue(**one), store.enqueue(**one)], [True, False], "the same twice")
    store.enqueue(**one | {"recipient": "file"})
    require_equal(store.pending(T0 - TICK), [], "before it was put there")
    first, second = store.pending(T0)
    store.settle(first.id, status="failed", at=T0, detail="busy", next_try=T0 + HOUR)
    require_equal([m.id for m in store.pending(T0 + HOUR - TICK)], [second.id], "waiting to be tried again")
    again = store.pending(T0 + HOUR)[0]
    require_equal((again.id, again.attempts, again.detail), (first.id, 1, "busy"), "tried again")
    store.settle(first.id, status="dead", at=T0 + HOUR, detail="gone")
    store.settle(second.id, status="delivered", at=T0 + HOUR)
    require_equal(store.pending(NOW), [], "all settled")
    require_equal([m.id for m in store.outbox(status="dead")], [first.id], "given up")
    require_refused(StoreError, "settled twice", lambda: store.settle(second.id, status="dead", at=T0))
    require_equal(store.enqueue(**one), False, "given up is still there")


def check_outbox_lanes(make_store: MakeStore, folder: Path) -> None:
    """Claimed by one is not another's; an update never before its alert; drills in their own table."""
    store = make_store(folder)
    box, far = store.outbox_of("public"), HOUR
    for group, content, priority in (("x", "alert", 0), ("x", "update", 9), ("y", "alert", 5)):
        box.enqueue(
            group=group, recipient="feed", content_hash=content, channel="atom", at=T0, priority=priority,
            payload={"key": group + content},
        )  # fmt: skip
    asked: dict[str, Any] = {"recipient": "feed", "lease": 60 * TICK, "horizon": far, "limit": 9}
    require_equal(list(box.due(T0, horizon=far)), ["feed"], "who could be sent something")
    mine = box.claim(T0, owner="one", **asked)
    require_equal([(m.group, m.content_hash) for m in mine], [("y", "alert"), ("x", "alert")], "claimed")
    require_equal(box.claim(T0, owner="two", **asked), [], "claimed by another meanwhile")
    refused: dict[str, Any] = {"status": "failed", "at": T0, "next_try": T0, "owner": "two"}
    require_refused(StoreError, "failed, by who does not hold it", lambda: box.settle(mine[0].id, **refused))
    box.settle(mine[1].id, status="accepted", at=T0, owner="one")
    later = box.claim(T0 + 60 * TICK, owner="two", **asked)
    require_equal(
        [(m.group, m.content_hash) for m in later], [("x", "update"), ("y", "alert")], "lease is over"
    )
    box.release("two")
    back = T0 - 9000 * HOUR
    require_equal(len(box.claim(back, owner="three", **asked)), 2, "claimed after the clock went back")
    require_equal([box.confirm("xupdate", at=T0), box.confirm("no", at=T0)], [True, False], "confirmed")
    require_equal(box.tally(), {"accepted": 1, "delivered": 1, "pending": 1}, "how many in which state")
    drill: dict[str, Any] = {
        "group": "z", "recipient": "feed", "content_hash": "h", "channel": "atom",
        "payload": {"status": "Exercise"}, "at": T0,
    }  # fmt: skip
    require_refused(StoreError, "a drill among real warnings", lambda: box.enqueue(**drill))
    require_equal(store.outbox_of("drill").enqueue(**drill), True, "a drill in its own table")
    require_equal(len(store.outbox()), 3, "real warnings")


def check_cycles(make_store: MakeStore, folder: Path) -> None:
    """A cycle is recorded once; another result for the same moment is a conflict. State is handed on."""
    store = make_store(folder)
    row = CycleRow(
        id="c", plan="p", at=T0, mode="replay", inputs_hash="h", code="1",
        judgement=b"\x00", levels=b"\x01\xff", summary={"n": 1},
    )  # fmt: skip
    require_equal([store.put_cycle(row), store.put_cycle(replace(row, id="d"))], [True, False], "twice")
    require_refused(
        ConflictError, "other inputs", lambda: store.put_cycle(replace(row, id="e", inputs_hash="i"))
    )
    store.put_cycle(replace(row, id="f", at=T0 + HOUR, plan="q"))
    require_equal(store.cycles(T0, T0 + HOUR), [row], "cycles of an hour")
    require_equal([c.id for c in store.cycles(T0, NOW, plan="q")], ["f"], "cycles of a plan")
    store.put_cycle(replace(row, id="g", at=T0 + 2 * HOUR, plan="q", summary={"domains": ["x", "y"]}))
    heads = [(h.id, h.plan, h.mode, h.at, h.domains) for h in store.cycle_heads(T0, NOW, plan="q")]
    wanted = [("f", "q", "replay", T0 + HOUR, ()), ("g", "q", "replay", T0 + 2 * HOUR, ("x", "y"))]
    require_equal(heads, wanted, "heads of cycles")
    for n in range(3):
        state = {"mean": np.arange(3.0) + n, "seen": np.array([True, False]), "name": np.array(["a", "é"])}
        store.save_state("p", T0 + n * HOUR, state, keep=2)
    require_equal(store.load_state("p", T0 + HOUR), None, "forgotten")
    carried = store.as_of(T0 + 2 * HOUR).carried("p")
    require(carried is not None, "carried: got none")
    left = {"mean": [1.0, 2.0, 3.0], "seen": [True, False], "name": ["a", "é"]}
    require_equal({k: v.tolist() for k, v in (carried or {}).items()}, left, "strictly before")
    require_equal(store.as_of(NOW).carried("other"), None, "another plan")
    require_refused(
        StoreError, "objects", lambda: store.save_state("p", NOW, {"o": np.array([{}], dtype=object)})
    )


def check_judgements(make_store: MakeStore, folder: Path) -> None:
    """A series of judgements is what the newest cycle by then said of each period; cycles stay as kept."""
    store = make_store(folder)
    rows = []
    for n in range(60):  # each period is judged by two cycles, the second otherwise
        values = np.array([float(n), -1.0, np.nan])
        judged = Judged(
            quantity="q", valid_time=T0 + n // 2 * HOUR, values=values,
            **{name: (values + k).astype(np.float32) for k, name in enumerate(JUDGED)},
        )  # fmt: skip
        rows.append(
            CycleRow(
                id=f"c{n}", plan="p", at=T0 + (n // 2 + 1) * HOUR + n % 2 * TICK, mode="live",
                inputs_hash="h", code="1", judgement=encode_judged([judged]), levels=b"l",
                summary={"domains": ["d"], "n": n},
            )
        )  # fmt: skip
        store.put_cycle(rows[-1])
        store.put_cycle(replace(rows[-1], id=f"other{n}", mode="replay", judgement=b"of another form"))
    kept = [r for r in store.cycles(T0, NOW) if r.mode == "live"]
    require_equal(kept, rows, "cycles as kept")
    heads = store.cycle_heads(T0, NOW, levels=True)
    require_equal({(h.domains, h.levels) for h in heads}, {(("d",), b"l")}, "heads with levels")
    span: dict[str, Any] = {"of": 3, "start": T0 + 2 * HOUR, "end": T0 + 29 * HOUR}
    for at, last in (
        (NOW, 57),
        (T0 + 20 * HOUR, 38),
        (T0 + 20 * HOUR + TICK, 39),
        (T0 + 20 * HOUR - TICK, 37),
    ):
        newest = [n for n in range(4, last + 1) if n % 2 or n == last]
        got = store.judgements("q", 0, until=at, **span)
        require_equal(got["values"].to_pylist(), [float(n) for n in newest], f"newest by {at}")
        require_equal(got["valid_time"].to_pylist(), [T0 + n // 2 * HOUR for n in newest], "periods")
        require_equal(got["at"].to_pylist(), [rows[n].at for n in newest], "cycles")
        require_equal(got["tail"].to_pylist(), [n + 3.0 for n in newest], "a column of the judgement")
    got = store.judgements("q", 2, until=NOW, **span)
    require(np.isnan(got["values"].to_numpy()).all() and got.num_rows == 27, "NaN stays NaN")
    require_equal(store.judgements("other", 0, until=NOW, **span).num_rows, 0, "another quantity")
    require_refused(
        StoreError, "another country", lambda: store.judgements("q", 0, until=NOW, **span | {"of": 4})
    )
    require_equal(store.check(), [], "whole")


def check_accounts(make_store: MakeStore, folder: Path) -> None:
    """Log-ins end when they expire, and with the account's password or lock."""
    store = make_store(folder)
    anna = Account(name="anna", role=Role.DUTY_OFFICER, password_hash="p")  # noqa: S106 - no secret
    store.put_account(anna)
    require_equal(
        (store.account("anna"), store.account("x"), store.accounts()), (anna, None, [anna]), "account"
    )
    log_in = Session(token_hash="t", account="anna", created=T0, expires=T0 + HOUR, csrf="c")  # noqa: S106
    store.open_session(log_in)
    require_equal(store.session("t", T0 + HOUR - TICK), log_in, "in time")
    require_equal(store.session("t", T0 + HOUR), None, "expired")
    store.put_account(replace(anna, disabled=True))
    require_equal(store.session("t", T0), None, "locked")
    require_refused(StoreError, "log-in to a locked account", lambda: store.open_session(log_in))
    store.put_account(anna)
    store.open_session(log_in)
    store.close_session("t")
    require_equal(store.session("t", T0), None, "closed")


def check_transaction(make_store: MakeStore, folder: Path) -> None:
    """All inside is one commit or nothing, across all kinds of things; it sees its own rows."""
    store = make_store(folder)

    class Stop(Exception):  # noqa: N818
        pass

    def work(n: int, stop: bool) -> None:
        with store.transaction():
            with store.transaction():
                store.add([observation("A", T0, T0, float(n))], ingest=f"i{n}", at=NOW)
            store.put("note", f"n{n}", {"n": n}, known_at=T0, revision=0)
            require_equal(store.get("note", f"n{n}"), {"n": n}, "own record")
            require_equal(
                state_of(store.as_of(NOW).cells()), {("air.departures", "A", T0): float(n)}, "own row"
            )
            if stop:
                raise Stop

    for n in range(2):
        with contextlib.suppress(Stop):
            work(n, stop=True)
        require_equal(store.get("note", f"n{n}"), None, "rolled back")
        require_equal(state_of(store.as_of(NOW).cells()), {}, "rolled back")
    work(5, stop=False)
    require_equal(state_of(store.as_of(NOW).cells()), {("air.departures", "A", T0): 5.0}, "committed")
    require_equal(
        state_of(make_store(folder).as_of(NOW).cells()), {("air.departures", "A", T0): 5.0}, "seen by others"
    )


def check_backup_and_restore(make_store: MakeStore, folder: Path) -> None:
    """A backup is a store of that moment: whole, with everything, and untouched by what follows."""
    store = make_store(folder / "store")
    rows = history(8, 150)
    _fill(store, rows[:100], 10)
    store.flush(NOW)
    _fill_from(store, rows[100:], "late")
    raw = Raw(source="test", url="u", fetched_at=T0, media_type="text/plain", content=b"bytes")
    store.keep_raw(raw)
    store.put("alert", "x", alert("x"), known_at=T0, revision=0)
    store.backup(folder / "backup")
    require_refused(StoreError, "a backup over another", lambda: store.backup(folder / "backup"))
    store.add([observation("R0", T0, NOW, 99.0)], ingest="after", at=NOW)
    store.flush(NOW)
    store.compact(NOW, full=True)
    store.compact(NOW, grace=timedelta(0))
    copy = make_store(folder / "backup")
    require_equal(copy.check(), [], "faults of the backup")
    _require_oracle(copy, Oracle(rows), "backup")
    require_equal(copy.raw(raw.sha256), raw, "raw bytes")
    require_equal(copy.get("alert", "x").id, "x", "records")
    copy.add([observation("R1", T0, NOW, 1.0)], ingest="in the copy", at=NOW)
    copy.flush(NOW)
    require_equal(copy.check(), [], "the backup works as a store")
    require_equal(store.check(), [], "the store is as it was")


def _fill_from(store: Store, observations: list[Observation], prefix: str) -> None:
    for number, some in enumerate(batches(observations, 10)):
        store.add(some, ingest=f"{prefix} {number}", at=NOW)


# -- several processes ------------------------------------------------------------------------------


def _processes() -> Any:
    """Processes that start fast and clean: forked from one that has only imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tocsin.testing.store", "tocsin.store"])
    return context


def _writer(make_store: MakeStore, folder: Path, name: str, count: int, pipe: Connection) -> None:
    store = make_store(folder)
    pipe.send("ready")
    pipe.recv()
    new = 0
    for n in range(count):
        # five rows at once: a reader must never see a part of them
        rows = [observation(f"{name}{n}", T0 + h * HOUR, T0 + h * HOUR, float(h)) for h in range(5)]
        store.add(rows, ingest=f"{name} {n}", at=NOW)
        shared = [observation(f"shared{n}", T0, T0, 1.0)]
        new += store.add(shared, ingest=f"shared {n}", at=NOW).new
        if n % 8 == 7:
            store.flush(NOW)
        if n % 16 == 15:
            store.compact(NOW)
    store.close()
    pipe.send(new)


def check_three_processes(make_store: MakeStore, folder: Path) -> None:
    """Three processes write, flush and compact at once while this one reads: nothing lost, twice or half."""
    count, context = 24, _processes()
    store = make_store(folder)
    pinned = store.as_of(NOW)
    running = []
    for name in "abc":
        mine, theirs = context.Pipe()
        process = context.Process(target=_writer, args=(make_store, folder, name, count, theirs))
        process.start()
        theirs.close()
        running.append((process, mine))
    for _, pipe in running:
        require_equal(pipe.recv(), "ready", "a writer")
    for _, pipe in running:
        pipe.send("go")
    before = 0
    while any(process.is_alive() for process, _ in running):
        regions = store.as_of(NOW).cells()["region"].cast(pa.string())
        own = pc.filter(regions, pc.invert(pc.starts_with(regions, "shared")))
        numbers = set(pc.value_counts(own).field("counts").to_pylist())
        require(numbers <= {5}, f"a reader: got a part of a batch: {numbers}")
        require(len(regions) >= before, f"a reader: got {len(regions)} rows after {before}")
        before = len(regions)
    new = sum(pipe.recv() for _, pipe in running)
    for process, _ in running:
        process.join()
        require_equal(process.exitcode, 0, "exit status of a writer")
    require_equal(new, count, "writers that were first with a shared batch")
    cells = state_of(store.as_of(NOW).cells())
    require_equal(len(cells), 3 * count * 5 + count, "cells")
    require_equal(sum(store.counts()["rows"].to_pylist()), 3 * count * 5 + count, "rows")
    require_equal(pinned.cells().num_rows, 0, "a snapshot that was pinned before")
    require_equal(store.check(), [], "faults")


def _busy(make_store: MakeStore, folder: Path, name: str, pipe: Connection) -> None:
    store = make_store(folder)
    for n in range(1_000_000):
        store.add([observation(f"{name}.{n}", T0, T0, 1.0)], ingest=f"{name}.{n}", at=NOW)
        pipe.send(n)
        if n % 3 == 2:
            store.flush(NOW)
        if n % 6 == 5:
            store.compact(NOW, grace=timedelta(0))


def check_kill(make_store: MakeStore, folder: Path) -> None:
    """Killed at any point of ingest, flush and compaction: all that was acknowledged is there, once."""
    context, rng = _processes(), np.random.default_rng(0)
    acknowledged: set[str] = set()
    for kill in range(8):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_busy, args=(make_store, folder, f"k{kill}", theirs))
        process.start()
        theirs.close()
        stop_after = int(rng.integers(1, 12))
        try:
            for _ in range(stop_after):
                acknowledged.add(f"k{kill}.{mine.recv()}")
            mine.poll(float(rng.random()) * 0.03)  # somewhere in the work that follows
        except EOFError:
            require(False, "the writer stopped by itself")
        process.kill()
        process.join()
        require_equal(process.exitcode, -signal.SIGKILL, "exit status")
        try:
            while True:
                acknowledged.add(f"k{kill}.{mine.recv()}")
        except EOFError:
            pass
        store = make_store(folder)
        kept = [region for _, region, _ in state_of(store.as_of(NOW).cells())]
        require(acknowledged <= set(kept), f"lost: {sorted(acknowledged - set(kept))}")
        # at most the one batch whose acknowledgement was on its way is there besides
        extra = set(kept) - acknowledged
        require(len([e for e in extra if e.startswith(f"k{kill}.")]) <= 1, f"never acknowledged: {extra}")
        require_equal(sum(store.counts()["rows"].to_pylist()), len(kept), "rows, none twice")
        require_equal(store.check(), [], "faults")
        acknowledged |= extra
        store.close()


def check_moments_of_the_oracle(make_store: MakeStore, folder: Path) -> None:
    """The moments that the other checks ask about do differ: a check on sand would prove nothing."""
    oracle = Oracle(history(1, 420))
    states = {repr(sorted(oracle.at(at).items())) for at in _moments()}
    require(len(states) > len(_moments()) // 2, f"only {len(states)} different states")
    require_equal(from_us(to_us(T0)), T0, "time")
    require_equal(make_store(folder).as_of(NOW).cells().num_rows, 0, "an empty store")
