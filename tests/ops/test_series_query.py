"""The series view: its band is what the newest cycle by then said, from columns as from whole cycles."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest

from tests.cycle import small_world as small
from tocsin.model import DAY, HOUR, StoreError, iso
from tocsin.ops import loop, queries
from tocsin.ops.queries import moments

END = small.START + 4 * DAY
QUANTITIES = ("air_transport.departures", "air_transport.arrival_delay")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = small.office(tmp_path_factory.mktemp("series"), small.flights(5, days=5))
    loop.replay(made, start=small.START, end=END, domains=["air_transport"], archives=small.ARCHIVES)
    yield made
    made.store.close()


def said(office, quantity: str, airport: str, at: datetime) -> dict[str, tuple[float, float]]:
    """Expected and tail by period, read cycle by cycle."""
    place = small.AIRPORTS.index(airport)
    found = {}
    for row in office.store.cycles(small.START, at + timedelta(microseconds=1)):
        one = moments.judged(row)[quantity]
        if one.valid_time is not None:
            found[iso(one.valid_time)] = (float(one.expected[place]), float(one.tail[place]))
    return found


@pytest.mark.parametrize(
    "at", [END, small.START + 50 * HOUR, small.START + 49 * HOUR + timedelta(minutes=59)]
)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_band_is_that_of_the_newest_cycle_by_then(office, quantity: str, at: datetime):
    for airport in (small.AIRPORTS[0], small.AIRPORTS[-1]):
        got = queries.series(office, airport, quantity, small.FIRST, END, at, small.LATER)["points"]
        wanted = said(office, quantity, airport, at)
        assert set(wanted) <= set(got["time"])
        assert len(wanted) >= 48
        assert (
            at < END or sum(t is not None for t in got["tail"]) > 0
        )  # a delay has no tail in its first days
        for time, expected, tail in zip(got["time"], got["expected"], got["tail"], strict=True):
            told = wanted.get(time, (math.nan, math.nan))
            assert expected == (round(told[0], 4) if math.isfinite(told[0]) else None)
            assert tail == (told[1] if math.isfinite(told[1]) else None)


def test_cycles_of_another_country_are_refused(office):
    one = {"of": len(small.AIRPORTS) + 1, "start": small.FIRST, "end": END, "until": END}
    with pytest.raises(StoreError, match="recorded with another pack"):
        office.store.judgements(QUANTITIES[0], 0, **one)


def test_levels_of_a_head_are_those_of_its_cycle(office):
    heads = office.store.cycle_heads(small.START, END + HOUR, levels=True)
    rows = office.store.cycles(small.START, END + HOUR)
    assert len(heads) == len(rows) > 24
    for head, row in zip(heads, rows, strict=True):
        got, wanted = moments.levels_of(office, head), moments.levels_of(office, row)
        assert {d: v.tolist() for d, v in got.items()} == {d: v.tolist() for d, v in wanted.items()}


def test_the_newest_cycle_holds_only_for_a_while(office):
    last = office.store.cycles(END, END + HOUR)[-1]
    assert moments.newest(office, END + moments.FRESH)["air_transport"] == last
    assert moments.newest(office, END + moments.FRESH + timedelta(seconds=1)) == {}
    assert moments.before(office, last) == office.store.cycles(END - HOUR, END)[-1]
    assert moments.cycle(office, last.id) == last
