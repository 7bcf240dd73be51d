"""Timelines of a draft that officers turn down: withheld while that holds, asked again when it must be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cycle import small_world as small
from tests.cycle.small_world import quake
from tests.cycle.test_propose import AT, BOS, EWR, LGA, SEA, context, found
from tocsin.model import HOUR, Role, State
from tocsin.ops import commands, loop, queries, rejections
from tocsin.ops.commands import Actor
from tocsin.warn.propose import propose

CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)
MINUTE = timedelta(minutes=1)


class Desk:
    """A store, and cycles that find what they are told."""

    def __init__(self, path, domains=("air_transport",)):
        self.office = small.office(path, [], domains)
        self.store = self.office.store

    def cycle(self, after, *regions, severe=False, events=()):
        """One cycle so long after the first; gives the drafts that it left for officers."""
        at = AT + after
        domain = self.office.plan.domains[0]
        detections = [found(r, at=at, severe=severe) for r in regions]
        made = propose(context(at, domain=domain), detections, events, self.store.as_of(at).standing())
        return commands.record_proposals(self.office, made)

    def reject(self, alert, after, reason="the airport says: fog, over at noon"):
        return commands.reject(self.office, alert.id, CHIEF, reason=reason, at=AT + after)

    def row(self, alert, after):
        rows = queries.warnings(self.office, None, AT + after)
        return next(r for r in rows if r["id"] == alert.id)

    def journal(self, action):
        return [e.decision for e in self.store.audit() if e.decision.action == action]


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    yield one
    one.store.close()


def test_a_rejection_holds_until_the_limit_while_the_alarm_goes_on(desk):
    # 15:05 an alarm, 15:15 it is rejected
    (first,) = desk.cycle(0 * HOUR, BOS)
    assert desk.row(first, MINUTE)["rejected_until"] is None
    desk.reject(first, 10 * MINUTE)
    row = desk.row(first, 11 * MINUTE)
    # twelve hours, if this was the last of it
    assert (row["state"], row["rejected_until"]) == ("rejected", "2001-03-06T03:15:00Z")
    # every hour the same alarm: nothing is asked, and the end moves along
    for hour in range(1, 24):
        assert desk.cycle(hour * HOUR, BOS) == []
    assert desk.row(first, 6 * HOUR)["rejected_until"] == "2001-03-06T09:05:00Z"
    assert desk.row(first, 23 * HOUR)["rejected_until"] == "2001-03-06T15:15:00Z"
    past = queries.warnings(desk.office, AT + 30 * MINUTE, AT + 40 * HOUR)
    assert [r["rejected_until"] for r in past] == ["2001-03-06T03:15:00Z"]  # as it was known then
    # the journal says once that the system withholds, and why
    (withheld,) = desk.journal("withhold")
    assert (withheld.subject, withheld.actor, withheld.at) == (first.id, "system", AT + HOUR)
    assert "fog, over at noon" in withheld.reason
    # 24 h after the rejection it is asked again, and the draft says why
    assert desk.cycle(24 * HOUR, BOS) == []
    (again,) = desk.cycle(24 * HOUR + 10 * MINUTE, BOS)
    assert (again.state, again.regions) == (State.DRAFT, (BOS,))
    reason = desk.journal("draft")[-1].reason
    assert first.id in reason
    assert "goes on" in reason
    assert desk.office.store.check() == []


def test_an_alarm_that_was_over_for_the_release_time_is_a_new_event(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    assert desk.cycle(1 * HOUR, BOS) == []  # the last alarm
    assert desk.cycle(2 * HOUR) == []
    assert desk.cycle(12 * HOUR + 59 * MINUTE, BOS) == []  # a minute before its twelve hours are over
    assert desk.cycle(23 * HOUR) == []
    (new,) = desk.cycle(25 * HOUR, BOS)
    assert new.chain != first.chain
    assert desk.journal("draft")[-1].reason == ""


def test_quiet_for_the_release_time_ends_it_before_the_limit(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    assert desk.cycle(1 * HOUR, BOS) == []
    (new,) = desk.cycle(13 * HOUR, BOS)
    assert new.chain != first.chain
    assert desk.journal("draft")[-1].reason == ""


def test_a_graver_level_is_asked_at_once(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    assert desk.cycle(1 * HOUR, BOS) == []
    (graver,) = desk.cycle(2 * HOUR, BOS, severe=True)
    assert (graver.level, graver.msg_type) == (3, "Alert")
    assert "now it is 3" in desk.journal("draft")[-1].reason
    desk.reject(graver, 2 * HOUR + MINUTE)
    assert desk.cycle(3 * HOUR, BOS, severe=True) == desk.cycle(4 * HOUR, BOS) == []


def test_an_area_that_grew_is_asked_and_another_place_is_another_event(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    (far,) = desk.cycle(1 * HOUR, BOS, SEA)
    assert far.regions == (SEA,)
    (grown,) = desk.cycle(2 * HOUR, BOS, LGA)
    assert set(grown.regions) == {BOS, LGA}
    desk.reject(grown, 2 * HOUR + MINUTE)
    assert desk.cycle(3 * HOUR, BOS, LGA) == desk.cycle(4 * HOUR, LGA) == []
    (severe,) = desk.cycle(5 * HOUR, BOS, LGA, EWR)  # three members are severe
    assert severe.level == 3


def test_a_rejected_draft_that_is_taken_up_again_holds_nothing_back(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    edited = commands.edit(desk.office, first.id, {"headline": "Fog at Boston"}, DUTY, at=AT + 20 * MINUTE)
    assert edited.state is State.DRAFT
    assert desk.row(first, 21 * MINUTE)["rejected_until"] is None
    assert desk.cycle(1 * HOUR, BOS) == []  # it waits itself
    desk.reject(edited, 2 * HOUR)
    assert desk.row(first, 2 * HOUR)["rejected_until"] == "2001-03-06T05:05:00Z"
    assert desk.cycle(3 * HOUR, BOS) == []


def test_what_officers_wrote_themselves_and_rejected_mutes_no_finding(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, MINUTE)
    drill = commands.exercise_of(first, identifier="us.exercise.1", at=AT + HOUR, hold=6 * HOUR)
    commands.draft(desk.office, drill, DUTY, at=AT + HOUR)
    desk.reject(drill, 2 * HOUR)
    assert desk.row(drill, 2 * HOUR)["rejected_until"] is None
    assert [r["id"] for r in desk.store.list("rejection")] == [first.id]


def test_a_report_is_asked_again_under_an_id_of_its_own(tmp_path):
    """A rejected earthquake is withheld, another one there is not; after its time it is asked anew."""
    desk = Desk(tmp_path, ("seismic",))
    shock = quake(5.5, AT - HOUR)
    (first,) = desk.cycle(0 * HOUR, events=[shock])
    desk.reject(first, 10 * MINUTE, "felt by nobody")
    assert desk.cycle(1 * HOUR, events=[shock]) == []
    second = replace(quake(5.5, AT + HOUR), id="usgs_earthquakes:two", external_id="two")
    (other,) = desk.cycle(2 * HOUR, events=[shock, second])
    assert "two" in other.id
    lasting = replace(shock, ends=AT + 60 * HOUR)
    (again,) = desk.cycle(25 * HOUR, events=[lasting])
    assert again.id == again.chain == "us.seismic.nisqually.L2.20010306T160500Z.1"
    assert (again.state, again.author) == (State.DRAFT, "system")
    desk.store.close()


def test_a_restart_forgets_no_rejection(tmp_path):
    desk = Desk(tmp_path)
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    desk.store.close()
    after = Desk(tmp_path)
    assert after.cycle(1 * HOUR, BOS) == []
    assert after.row(first, HOUR)["rejected_until"] == "2001-03-06T04:05:00Z"
    after.store.close()


def test_what_was_rejected_later_bars_no_replay_of_the_past(desk):
    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    for hour in (1, 2):
        assert desk.cycle(hour * HOUR, BOS) == []
    (past,) = desk.cycle(-30 * 24 * HOUR, BOS)
    assert (past.state, past.regions) == (State.DRAFT, (BOS,))
    assert desk.journal("draft")[-1].reason == ""
    # between the rejection and what came later it held, and nothing is written over
    before = desk.store.history("rejection", first.id)
    assert desk.cycle(90 * MINUTE, BOS) == []
    assert desk.store.history("rejection", first.id) == before
    assert len(desk.journal("withhold")) == 1
    assert desk.store.check() == []


def test_a_rejection_while_a_live_cycle_runs_counts(tmp_path):
    """Officers reject some seconds after the moment of the cycle that asks the same again."""
    assert rejections.LATE == loop.CYCLE
    for late, asked in ((timedelta(seconds=20), 0), (rejections.LATE, 0), (rejections.LATE + MINUTE, 1)):
        desk = Desk(tmp_path / str(late))
        (first,) = desk.cycle(0 * HOUR, BOS)
        desk.reject(first, HOUR + late)
        domain = desk.office.plan.domains[0]
        made = propose(context(AT + HOUR, domain=domain), [found(BOS, at=AT + HOUR)], (), [])
        assert len(commands.record_proposals(desk.office, made)) == asked
        desk.store.close()


def test_the_record_and_the_journal_that_withhold_do_not_part(desk, monkeypatch):
    class Killed(BaseException):
        """As a process ends."""

    def end(*_, **__):
        raise Killed

    (first,) = desk.cycle(0 * HOUR, BOS)
    desk.reject(first, 10 * MINUTE)
    for name in ("journal", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(desk.store, name, end)
            with pytest.raises(Killed):
                desk.cycle(1 * HOUR, BOS)
        assert desk.journal("withhold") == []
        assert len(desk.store.history("rejection", first.id)) == 1
    assert desk.cycle(2 * HOUR, BOS) == desk.cycle(3 * HOUR, BOS) == []
    assert [d.at for d in desk.journal("withhold")] == [AT + 2 * HOUR]
    assert len(desk.store.history("rejection", first.id)) == 3
