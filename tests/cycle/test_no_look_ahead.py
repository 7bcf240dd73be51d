"""Nothing that is learnt later reaches a cycle; what is asked later is what was seen then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.cycle import small_world as small
from tocsin import cycle
from tocsin.model import DAY, HOUR, Missing, Observation, to_plain
from tocsin.ops import loop, record
from tocsin.ops.world import World

END = small.START + 13 * DAY


def play(office, end=END, **kwargs):
    return loop.replay(
        office, start=small.START, end=end, domains=["air_transport"], archives=small.ARCHIVES, **kwargs
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = small.office(tmp_path_factory.mktemp("uncut"), small.flights(1))
    assert play(made) == 13 * 24 + 1
    yield made
    made.store.close()


def everything(office, until):
    """All that a replay wrote up to a moment, in plain types."""
    store = office.store
    alerts = store.list("alert", at=until)
    verdicts = store.list("verdict", at=until)
    return {
        "cycles": store.cycles(small.START, until + timedelta(microseconds=1)),
        "alerts": [store.history("alert", a.id) for a in alerts],
        "verdicts": [store.history("verdict", v["id"]) for v in verdicts],
        "outcomes": store.list("outcome", at=until),
        "tasks": store.list("task", at=until),
        "journal": [(e.seq, e.hash) for e in store.audit(until=until)],
    }


def test_the_small_world_holds_what_the_tests_rest_on(office):
    chains = {a.chain for a in office.store.list("alert")}
    kinds = {v["verdict"] for v in office.store.list("verdict")}
    assert len(chains) >= 2
    assert "TRUE" in kinds
    assert any(len(a.members) == 3 for a in office.store.list("alert"))
    assert office.store.list("task")


def poisoned(records, t, rng):
    """Every record after t changed, cells of the past rewritten after t, and rows added."""
    out = []
    for r in records:
        if r.known_at <= t:
            out.append(r)
            late = r.known_at.replace(minute=0) + 40 * DAY + HOUR
            if rng.random() < 0.3:  # the past is revised, later
                out.append(replace(r, known_at=late, value=float(rng.integers(0, 300))))
        else:
            gone = rng.random() < 0.2
            out.append(
                replace(r, value=None, missing=Missing.WITHDRAWN)
                if gone
                else replace(r, value=float(r.value) + float(rng.integers(50, 300)))
            )
    return out


@pytest.mark.parametrize("hours", [40, 206, 290])
def test_a_poisoned_future_leaves_the_cycle_identical(office, tmp_path, hours):
    t = small.START + hours * HOUR
    rng = np.random.default_rng(hours)
    records = poisoned(small.flights(1), t, rng)
    assert sum(isinstance(r, Observation) for r in records) > len(small.flights(1))
    other = small.office(tmp_path, [*records, small.quake(7.0, t - HOUR, known=t + timedelta(minutes=1))])
    other.store.feed_run("bts_flights", t + HOUR, "failed", "unplugged")
    play(other, end=t)
    assert everything(other, t) == everything(office, t)
    # The cycle at t itself, from the state before it, to the last byte of what it hands on.
    ones = [one_cycle(o, t) for o in (office, other)]
    assert ones[0].inputs == ones[1].inputs
    assert ones[0].detections == ones[1].detections
    assert to_plain(ones[0].assessments) == to_plain(ones[1].assessments)  # NaN is unequal to itself
    assert ones[0].proposals == ones[1].proposals
    assert ones[0].carried.keys() == ones[1].carried.keys()
    for name, array in ones[0].carried.items():
        assert array.tobytes() == ones[1].carried[name].tobytes(), name
    other.store.close()


def one_cycle(office, t):
    """A cycle at t that goes on from nothing but the store: the last days stepped through anew."""
    plan = small.plan()
    carried = {}  # else the state that a replay saved would be read
    for at in small.moments(t - 12 * HOUR, 13):
        one = cycle.run(small.seen(office.store.as_of(at), World(carried=carried)), plan, office.detectors)
        carried = one.carried
    return one


def test_a_poison_that_is_known_in_time_is_seen(office, tmp_path):
    """The test above can fail: the same change, known before t, changes the cycle."""
    t = small.START + 40 * HOUR
    records = small.flights(1)
    at = next(
        i for i, r in enumerate(records) if r.known_at == t and r.quantity == "air_transport.departures"
    )
    records[at] = replace(records[at], value=records[at].value + 1)
    other = small.office(tmp_path, records)
    assert one_cycle(other, t).inputs != one_cycle(office, t).inputs
    other.store.close()


def agree(store, regions, rows):
    """Cells that a recorded cycle saw and that the store gives as of its moment."""
    cells = 0
    for kept in rows:
        for quantity, judged in record.decode_judgement(kept.judgement).items():
            if judged.valid_time is None:
                continue
            panel = store.as_of(kept.at).panel(
                quantity, regions=regions, start=judged.valid_time, end=judged.valid_time + HOUR, step=HOUR
            )
            np.testing.assert_array_equal(panel.values[0], judged.values, err_msg=f"{kept.at} {quantity}")
            cells += judged.values.size
    return cells


def test_as_of_equals_live_at_seeded_instants(office):
    rows = office.store.cycles(small.START, END + HOUR)
    picked = np.random.default_rng(50).choice(len(rows), 60, replace=False)
    assert agree(office.store, small.AIRPORTS, [rows[i] for i in picked]) == 60 * 3 * 5


def test_as_of_equals_live_can_fail(office):
    kept = office.store.cycles(small.START, END)[200]
    with pytest.raises(AssertionError):
        agree(office.store, small.AIRPORTS[::-1], [kept])


class CutError(Exception):
    pass


@pytest.mark.parametrize("batches", [1, 9])
def test_a_resumed_replay_equals_an_uncut_one(office, tmp_path, batches):
    other = small.office(tmp_path, small.flights(1))

    def stop(done, _all, _at):
        if done >= batches * loop.BATCH:
            raise CutError

    with pytest.raises(CutError):
        play(other, progress=stop)
    assert play(other) == 13 * 24 + 1 - batches * loop.BATCH
    assert everything(other, END + DAY) == everything(office, END + DAY)
    kept = [o.store.load_state(small.plan().id, END + HOUR) for o in (office, other)]
    assert kept[0].keys() == kept[1].keys()
    assert all(kept[0][k].tobytes() == kept[1][k].tobytes() for k in kept[0])
    assert play(other) == 0
    other.store.close()


def test_a_replay_killed_inside_a_batch_loses_nothing(office, tmp_path, monkeypatch):
    other = small.office(tmp_path, small.flights(1))
    calls = 0

    def dies(*args, real=loop.turn, **kwargs):
        nonlocal calls
        calls += 1
        if calls == 215:
            raise CutError
        return real(*args, **kwargs)

    monkeypatch.setattr(loop, "turn", dies)
    with pytest.raises(CutError):
        play(other)
    monkeypatch.undo()
    assert len(other.store.cycles(small.START, END + HOUR)) == 214 // loop.BATCH * loop.BATCH
    play(other)
    assert everything(other, END + DAY) == everything(office, END + DAY)
    other.store.close()


def test_the_world_answers_as_the_store_does(tmp_path):
    """What a loop keeps at hand between two cycles is what the store would say if it were asked."""
    office = small.office(tmp_path, small.flights(1, days=12))
    plan, store, world = small.plan(), office.store, World()
    before, stood, settled = small.START, 0, 0
    end = small.START + 10 * DAY
    for past in store.follow(start=small.START, end=end, step=HOUR, panels=loop.panels(plan)):
        at = past.at
        live = small.seen(past, world)
        assert live.standing() == past.standing()
        assert [v["id"] for v in live.verdicts(before)] == [v["id"] for v in past.verdicts(before)]
        kept = past.carried(plan.id)
        if world.carried is not None:
            assert kept is not None
            assert {k: v.tobytes() for k, v in kept.items()} == {
                k: v.tobytes() for k, v in world.carried.items()
            }
        stood += bool(live.standing())
        with store.transaction():
            one = loop.turn(
                office, plan, past, world, mode="replay", desk=loop.DeskPolicy(), archives=small.ARCHIVES
            )
            store.save_state(plan.id, at, one.carried, keep=2)
        now = [dict(v) for v in store.as_of(at).verdicts(before)]
        assert now == [dict(v) for known, v in world.verdicts if before < known <= at]
        settled += len(now)
        before = at
    assert stood > 10
    assert settled
    assert loop.restore_world(office, plan, at=before).standing(before) == world.standing(before)
    store.close()
