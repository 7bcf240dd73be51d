"""One cycle: levels, silence, compound events, the shadow phase, and what it hands on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.cycle import small_world as small
from tocsin import cycle
from tocsin.model import HOUR, UNCOVERED, UNKNOWN, FeedState, State
from tocsin.ops import loop
from tocsin.ops.world import World
from tocsin.testing.domains import Scene

BOTH = ("air_transport", "seismic")
SHORT = timedelta(days=5)


@pytest.fixture
def office(tmp_path):
    made = small.office(tmp_path, small.flights(3, days=12))
    yield made
    made.store.close()


def run(office, first, hours, domains=("air_transport",), states=None, told=(), drop=()):
    """Cycles one after the other; gives the last."""
    return list(runs(office, first, hours, domains, states, told, drop))[-1]


def runs(office, first, hours, domains=("air_transport",), states=None, told=(), drop=()):
    plan, carried = small.plan(domains), {}
    for at in small.moments(first, hours):
        world = World(carried=carried, alerts={a.id: a for a in told})
        past = small.seen(office.store.as_of(at), world)
        one = cycle.run(Faulty(past, states, drop), plan, office.detectors)
        carried = one.carried
        yield one


class Faulty:
    """A snapshot with other states of its feeds, and regions that fell silent."""

    def __init__(self, past, states, silent):
        self._past, self._states, self._silent = past, states, silent

    def __getattr__(self, name):
        return getattr(self._past, name)

    def feeds(self):
        return self._past.feeds() if self._states is None else self._states

    def panel(self, quantity, *, regions, start, end, step):
        found = self._past.panel(quantity, regions=regions, start=start, end=end, step=step)
        gone = np.isin(found.regions, self._silent)
        return replace(found, values=np.where(gone, np.nan, found.values))


def test_the_same_snapshot_gives_the_same_cycle_and_is_left_as_it_was(office):
    at = small.START + 30 * HOUR
    before = run(office, small.START, 30)
    kept = {k: v.copy() for k, v in before.carried.items()}
    plan = small.plan()
    past = small.seen(office.store.as_of(at), World(carried=before.carried))
    one, two = (cycle.run(past, plan, office.detectors) for _ in range(2))
    assert one.inputs == two.inputs
    assert {k: v.tobytes() for k, v in one.carried.items()} == {
        k: v.tobytes() for k, v in two.carried.items()
    }
    assert {k: v.tobytes() for k, v in kept.items()} == {k: v.tobytes() for k, v in before.carried.items()}


def test_the_id_is_the_beginning_of_the_hash_of_the_inputs(office):
    one = run(office, small.START, 3)
    assert one.id == one.inputs[:32]
    assert bytes(one.carried["cycle/inputs"]).hex() == one.inputs


def test_the_hash_is_chained_to_the_cycle_before(office):
    """The same hour after another past is another cycle."""
    assert run(office, small.START, 5).inputs != run(office, small.START + HOUR, 4).inputs


def test_a_pause_is_caught_up_and_every_hour_read_is_in_the_hash(office, tmp_path):
    plan = small.plan()
    first = run(office, small.START, 2)
    later = small.START + 9 * HOUR
    past = small.seen(office.store.as_of(later), World(carried=first.carried))
    one = cycle.run(past, plan, office.detectors)
    assert [row.read.shape for row in one.rows] == [(8, 5)] * 3
    steady = run(office, small.START, 10)
    name = "air_transport/detect/air_transport.departures/state/weekly"
    np.testing.assert_array_equal(one.carried[name], steady.carried[name])

    class Other(Faulty):
        def panel(self, quantity, **window):
            found = self._past.panel(quantity, **window)
            found.values[2, 0] += 1  # not the newest hour
            return found

    assert cycle.run(Other(past, None, ()), plan, office.detectors).inputs != one.inputs


def test_missing_inputs_are_unknown_and_the_others_are_not(office):
    one = run(office, small.START, 32, drop=("US-AIR-SEA",))
    levels = dict(zip(small.AIRPORTS, one.levels["air_transport"].tolist(), strict=True))
    assert levels == {r: UNKNOWN if r == "US-AIR-SEA" else 0 for r in small.AIRPORTS}
    assert [a.region for a in one.assessments] == ["US-AIR-SEA"]


@pytest.mark.parametrize(("outcome", "level"), [("failed", UNKNOWN), ("ok", 0), ("never", UNCOVERED)])
def test_a_domain_of_events_is_unknown_when_its_feed_failed(office, outcome, level):
    states = {"usgs_earthquakes": FeedState(source="usgs_earthquakes", outcome=outcome)}
    one = run(office, small.START, 1, domains=BOTH, states=states)
    assert set(one.levels["seismic"].tolist()) == {level}


def test_an_event_is_seen_although_its_feed_failed_since(office, tmp_path):
    onset = small.START + 2 * HOUR
    office.store.add([small.quake(5.2, onset)], ingest="quake", at=small.LATER)
    states = {"usgs_earthquakes": FeedState(source="usgs_earthquakes", outcome="failed")}
    one = run(office, onset + HOUR, 1, domains=BOTH, states=states)
    assert one.levels["seismic"].tolist() == [2, UNKNOWN, UNKNOWN]
    assert [p.alert.regions for p in one.proposals] == [("US-53033",)]


@pytest.mark.parametrize("status", ["exercise", "test", "withdrawn"])
def test_only_an_actual_event_counts(office, status):
    onset = small.START + 2 * HOUR
    event = replace(small.quake(7.9, onset), status=status)
    office.store.add([event], ingest="quake", at=small.LATER)
    one = run(office, onset + HOUR, 1, domains=BOTH)
    assert not one.proposals
    assert max(one.levels["seismic"].tolist()) in (0, UNCOVERED)


def test_a_standing_warning_is_not_lowered_when_its_inputs_fall_silent(office):
    """The nor'easter of the small world: the feed goes down while the airports stand still."""
    stop = small.FIRST + small.STOP[1] * HOUR
    at = stop + 4 * HOUR + timedelta(minutes=5)
    cycles = runs(office, small.START, (at - small.START) // HOUR + 1)
    told = [
        replace(p.alert, state=State.ISSUED, sent=at)
        for one in cycles
        for p in one.proposals
        if one.at > stop
    ][:1]
    assert told
    silent = run(office, at - 3 * HOUR, 8, told=told, drop=small.AIRPORTS)
    by_region = dict(zip(small.AIRPORTS, silent.levels["air_transport"].tolist(), strict=True))
    assert by_region["US-AIR-PHX"] == UNKNOWN
    for member in told[0].regions:
        assert by_region[member] == told[0].level >= 2
    gone = run(office, told[0].expires, 2, told=told, drop=small.AIRPORTS)
    assert set(gone.levels["air_transport"].tolist()) == {UNKNOWN}


def test_two_domains_above_normal_in_one_county_are_compound(tmp_path):
    """As on 28 February 2001: an earthquake, and the airport of the same county stops."""
    stop = (("US-AIR-SEA",), 8 * 24 + 14, 8)
    quaked = small.FIRST + stop[1] * HOUR
    office = small.office(
        tmp_path, [*small.flights(4, days=10, stops=(stop,)), small.quake(6.8, quaked)], BOTH
    )
    archives = dict.fromkeys(("bts_flights", "usgs_earthquakes"), small.ARCHIVES["bts_flights"])
    loop.replay(office, start=small.START, end=quaked + 3 * HOUR, domains=BOTH, archives=archives)
    last = office.store.cycles(quaked + 2 * HOUR, quaked + 4 * HOUR)[-1]
    marked = {(a["domain"], a["region"]): a["compound_with"] for a in last.summary["assessments"]}
    assert marked["air_transport", "US-AIR-SEA"] == ["seismic@US-53033"]
    assert marked["seismic", "US-53033"] == ["air_transport@US-AIR-SEA"]
    assert {a.domain for a in office.store.list("alert")} == set(BOTH)
    office.store.close()


def test_nothing_is_drafted_in_the_shadow_phase_and_all_is_judged(tmp_path):
    stop = (("US-AIR-SEA",), 3 * 24 + 14, 8)
    office = small.office(tmp_path, small.flights(4, days=5, stops=(stop,)))
    at = small.FIRST + (stop[1] + 5) * HOUR
    cycles = list(runs(office, small.START, (at - small.START) // HOUR + 1))
    assert not any(one.proposals for one in cycles)
    alarmed = [one for one in cycles if any(d.alarm for d in one.detections)]
    assert alarmed
    levels = [dict(zip(small.AIRPORTS, one.levels["air_transport"].tolist(), strict=True)) for one in alarmed]
    raised = [(k, d.region) for k, one in enumerate(alarmed) for d in one.detections if d.alarm]
    assert "US-AIR-SEA" in {region for _, region in raised}
    assert {levels[k][region] for k, region in raised} <= {2, 3}
    office.store.close()


def test_a_cycle_without_any_record_is_unknown_not_calm(tmp_path):
    office = small.office(tmp_path, [])
    one = run(office, small.START, 2)
    assert set(one.levels["air_transport"].tolist()) == {UNKNOWN}
    assert one.detections == ()
    assert one.proposals == ()
    office.store.close()


def test_the_scene_of_the_domain_checks_is_a_snapshot(office):
    """The protocol that a cycle sees is met by store, loop and scene alike."""
    names = {"at", "panel", "cells", "events", "standing", "verdicts", "carried", "feeds"}
    scene = Scene(at=small.START, series={}, reported=(), states={}, told=(), left=None, lag={})
    past = office.store.as_of(small.START)
    for one in (scene, past, small.seen(past, World())):
        assert names <= set(dir(one))
    assert scene.cells().schema == past.cells().schema
