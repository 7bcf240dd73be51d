"""What a loop does after a pause, and with proposals that officers have turned down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cycle import small_world as small
from tests.cycle.test_propose import AT, BOS, LGA, context, drafts, found, issued
from tocsin.model import DAY, HOUR, Role, State
from tocsin.ops import commands, loop
from tocsin.ops.commands import Actor
from tocsin.warn.propose import propose

STOPPED = small.FIRST + small.STOP[1] * HOUR
EVE = small.START + ((STOPPED - small.START) // HOUR + 8) * HOUR
"""A cycle on the day of the stop, in the evening of New York."""


def outcomes(office):
    return {o["id"]: o for o in office.store.list("outcome")}


@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "asleep"])
def test_a_pause_over_local_midnight_loses_no_outcome(tmp_path, restart):
    office = small.office(tmp_path, small.flights(1, days=12))
    plan, store, world = small.plan(), office.store, None
    for at in [*small.moments(EVE - 30 * HOUR, 31), EVE + 2 * DAY]:
        if world is None or (restart and at > EVE):
            world = loop.restore_world(office, plan, at=at)
        if at > EVE:
            assert outcomes(office) == {}
        with store.transaction():
            one = loop.turn(
                office, plan, store.as_of(at), world, mode="live", desk=None, archives=small.ARCHIVES
            )
            store.save_state(plan.id, at, one.carried, keep=3)
    found_days = {(o["region"], o["day"]) for o in outcomes(office).values()}
    assert {(region, "2001-01-09") for region in small.STOP[0]} <= found_days
    again = loop.restore_world(office, plan, at=at + timedelta(minutes=1))
    met = {(d.region, str(d.day)) for d in again.days["air_transport"].values() if d.met}
    assert met == found_days
    assert again.until == world.until
    office.store.close()


def test_what_was_rejected_is_not_asked_again_but_what_is_new_is(tmp_path):
    office = small.office(tmp_path, [])
    store = office.store
    (first,) = drafts(found(BOS))
    store.put("alert", first.id, first, known_at=AT, revision=0)
    standing = replace(issued(first), revision=1)
    store.put("alert", first.id, standing, known_at=AT + HOUR, revision=1)
    chief = Actor(account="chief", role=Role.APPROVING_OFFICER)

    def asked(at, *regions, severe=False):
        detections = [found(r, at=at, severe=severe) for r in regions]
        made = propose(context(at), detections, (), store.as_of(at).standing())
        return commands.record_proposals(office, made)

    (update,) = asked(AT + HOUR, LGA)
    commands.reject(office, update.id, chief, reason="no", at=AT + HOUR + timedelta(minutes=5))
    assert asked(AT + 2 * HOUR, LGA) == asked(AT + 3 * HOUR, LGA) == []
    (kept,) = store.list("suppressed")
    assert kept["alert"].startswith(first.chain[:-1])
    assert f"rejected as {update.id}: no" in kept["reason"]
    (graver,) = asked(AT + 4 * HOUR, LGA, severe=True)
    assert (graver.level, graver.chain, graver.state) == (3, first.id, State.DRAFT)
    store.close()


def test_a_draft_of_an_id_that_exists_is_on_record(tmp_path):
    office = small.office(tmp_path, [])
    made = propose(context(AT), [found(BOS)], (), ())
    assert len(commands.record_proposals(office, made)) == 1
    assert commands.record_proposals(office, made) == []
    (kept,) = office.store.list("suppressed")
    assert "is there already, draft" in kept["reason"]
    office.store.close()
