"""Timelines of what the desk is not asked: seen with its reason, on record, asked again when it must be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cycle import small_world as small
from tests.cycle.test_propose import AT, BOS, LGA, SEA, context, found
from tests.warn.flood import flood
from tocsin.model import HOUR, AuthorityError, NotFoundError, Role, ShapeError, State, TransitionError
from tocsin.ops import commands, queries, shelving
from tocsin.ops.commands import Actor
from tocsin.ops.drafting import Manual, manual_draft
from tocsin.ops.shelving import Wish
from tocsin.warn import lifecycle
from tocsin.warn.propose import Proposal, propose

CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)
MINUTE = timedelta(minutes=1)


class Desk:
    """A store of air transport, and cycles that find what they are told."""

    def __init__(self, path, **criteria):
        self.office = small.office(path, [])
        plan = self.office.plan
        (domain,) = plan.domains
        self.domain = replace(domain, criteria=replace(domain.criteria, **criteria))
        self.office.__dict__["plan"] = replace(plan, domains=(self.domain,))
        self.office._plans.clear()
        self.store = self.office.store

    def cycle(self, after, *regions, severe=False):
        at = AT + after
        detections = [found(r, at=at, severe=severe) for r in regions]
        made = propose(context(at, domain=self.domain), detections, (), self.store.as_of(at).standing())
        return commands.record_proposals(self.office, made)

    def suppressed(self, after, *, active=True):
        return queries.suppressed(self.office, None, AT + after, active=active)

    def journal(self, action):
        return [e.decision for e in self.store.audit() if e.decision.action == action]

    def shelve(self, after, hours=6.0, **wish):
        about = Wish(ends=AT + after + timedelta(hours=hours), **(wish or {"regions": ("US-25",)}))
        return shelving.shelve(self.office, about, DUTY, reason="runway works at Boston", at=AT + after)


@pytest.fixture
def make(tmp_path):
    desks = []

    def one(**criteria):
        desks.append(Desk(tmp_path, **criteria))
        return desks[-1]

    yield one
    for desk in desks:
        assert desk.store.check() == []
        desk.store.close()


def test_a_shelved_warning_is_not_asked_is_seen_and_is_asked_when_the_silence_ends(make):
    desk = make()
    silence = desk.shelve(0 * MINUTE)
    assert desk.cycle(MINUTE, BOS) == []
    (row,) = desk.suppressed(2 * MINUTE)
    assert (row["stage"], row["by"], row["level"], row["names"]) == ("silenced", silence.id, 2, ["BOS"])
    assert row["reason"] == "shelved by duty: runway works at Boston"
    assert row["until"] == "2001-03-05T21:05:00Z"
    assert row["headline"].startswith("Departures far below normal")
    (shelf,) = queries.shelved(desk.office, None, AT + 2 * MINUTE)
    assert (shelf["id"], shelf["holding"]) == (silence.id, [row["alert"]])
    (entry,) = desk.journal("shelve")
    assert (entry.actor, entry.role) == ("duty", Role.DUTY_OFFICER)
    assert "runway works at Boston" in entry.reason
    assert "regions US-25; up to level 2" in entry.reason
    # every five minutes the same: one entry in the journal, and the list says until when it was called for
    for k in range(1, 13):
        assert desk.cycle(MINUTE + k * 5 * MINUTE, BOS) == []
    assert len(desk.journal("suppress")) == 1
    (row,) = desk.suppressed(HOUR + 2 * MINUTE)
    assert (row["since"], row["last"]) == ("2001-03-05T15:06:00Z", "2001-03-05T16:06:00Z")
    # six hours later it ends by itself
    (asked,) = desk.cycle(6 * HOUR, BOS)
    assert asked.regions == (BOS,)
    assert desk.suppressed(6 * HOUR + MINUTE) == []
    assert len(desk.suppressed(6 * HOUR + MINUTE, active=False)) == 1
    assert queries.shelved(desk.office, None, AT + 6 * HOUR) == []
    # as it was known then
    past = queries.suppressed(desk.office, AT + 3 * MINUTE, AT + 9 * HOUR, active=True)
    assert [r["last"] for r in past] == ["2001-03-05T15:06:00Z"]


def test_what_a_silence_lets_pass(make):
    desk = make()
    desk.shelve(0 * MINUTE)
    (severe,) = desk.cycle(MINUTE, BOS, severe=True)  # level 3 is above it
    assert severe.level == 3
    (far,) = desk.cycle(2 * MINUTE, SEA)
    assert far.regions == (SEA,)


def test_a_group_that_reaches_beyond_the_silence_is_asked_whole(make):
    desk = make()
    desk.shelve(0 * MINUTE)
    (both,) = desk.cycle(MINUTE, BOS, LGA)
    assert set(both.regions) == {BOS, LGA}


def by_hand(desk, onset, region, event):
    wanted = Manual(
        domain="air_transport",
        event=event,
        headline="No flights",
        description="All stopped.",
        instruction="Stay away.",
        level=2,
        impact=2,
        regions=(region,),
        onset=onset,
        expires=onset + 8 * HOUR,
    )
    return manual_draft(desk.office, wanted, DUTY, at=onset)


def test_officers_are_not_silenced(make):
    desk = make()
    desk.shelve(0 * MINUTE)
    onset = AT + MINUTE
    draft = by_hand(desk, onset, BOS, "Storm")
    commands.submit(desk.office, draft.id, DUTY, at=onset)
    commands.approve(desk.office, draft.id, CHIEF, legal_basis="ipaws", at=onset + MINUTE)
    commands.issue(desk.office, draft.id, CHIEF, at=onset + 2 * MINUTE)
    outbox = desk.store.outbox_of("public")
    assert outbox.due(onset + 2 * MINUTE, horizon=24 * HOUR)  # it goes out


def test_a_silence_ended_early_holds_nothing_back_any_more(make):
    desk = make()
    silence = desk.shelve(0 * MINUTE)
    assert desk.cycle(MINUTE, BOS) == []
    with pytest.raises(TransitionError, match="reason: got nothing"):
        shelving.unshelve(desk.office, silence.id, CHIEF, reason=" ", at=AT + 2 * MINUTE)
    shelving.unshelve(desk.office, silence.id, CHIEF, reason="works are over", at=AT + 2 * MINUTE)
    assert len(desk.cycle(3 * MINUTE, BOS)) == 1
    with pytest.raises(TransitionError, match="ended at"):
        shelving.unshelve(desk.office, silence.id, CHIEF, reason="again", at=AT + 4 * MINUTE)
    with pytest.raises(NotFoundError, match="silence: got"):
        shelving.unshelve(desk.office, "us.silence.none", CHIEF, reason="x", at=AT)
    assert [d.actor for d in desk.journal("unshelve")] == ["chief"]
    # what was known a minute after it was set
    assert len(queries.shelved(desk.office, AT + MINUTE, AT + HOUR)) == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.ADMINISTRATOR])
def test_who_is_not_on_the_desk_may_not_shelve(make, role):
    desk = make()
    wish = Wish(ends=AT + HOUR, regions=("US-25",))
    with pytest.raises(AuthorityError, match=r"warning\.shelve"):
        shelving.shelve(desk.office, wish, Actor(account="x", role=role), reason="because", at=AT)
    assert queries.shelved(desk.office, None, AT + MINUTE) == []


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"regions": ("US-99",)}, ShapeError, "US-99"),
        ({"domains": ("floods",)}, ValueError, "allowed: air_transport"),
        ({"regions": ("US-25",), "max_level": 4}, ValueError, "allowed: 1 to 3"),
        ({"hazards": ()}, ValueError, "at least one domain, hazard or region"),
        ({"regions": ("US",), "max_level": 3}, ValueError, "the whole country, allowed: with a domain"),
    ],
)
def test_a_bad_silence_is_refused_and_leaves_nothing(make, wish, error, words):
    desk = make()
    with pytest.raises(error, match=words):
        desk.shelve(0 * MINUTE, **wish)
    assert desk.journal("shelve") == []


def test_the_cap_of_an_area_and_day_is_counted_and_shown(make):
    desk = make(daily_cap=2, group_km=1.0)
    first = desk.cycle(0 * MINUTE, BOS)
    assert len(first) == 1
    desk_rejects(desk, first[0], 5 * MINUTE)
    caps = queries.caps(desk.office, None, AT + 6 * MINUTE)
    assert [(c["area"], c["asked"], c["withheld"], c["cap"]) for c in caps] == [("US-25", 1, 0, 2)]
    (severe,) = desk.cycle(HOUR, BOS, severe=True)  # graver: counts only its like
    desk_rejects(desk, severe, HOUR + 5 * MINUTE)
    # a third one at level 2, after the rejections have run out, on the same local day
    desk.domain = replace(desk.domain, criteria=replace(desk.domain.criteria, rejection_holds=HOUR))
    desk.office.__dict__["plan"] = replace(desk.office.plan, domains=(desk.domain,))
    assert desk.cycle(12 * HOUR, "US-AIR-ORH") == []
    (row,) = desk.suppressed(12 * HOUR + MINUTE)
    assert row["stage"] == "capped"
    assert "2 of 2 for US-25 on 2001-03-05" in row["reason"]
    (cap,) = queries.caps(desk.office, None, AT + 12 * HOUR + MINUTE)
    assert (cap["asked"], cap["withheld"]) == (2, 1)
    status = queries.status(desk.office, AT + 12 * HOUR + MINUTE)
    assert [r["stage"] for r in status["held_back"]] == ["capped"]
    assert status["caps"] == [cap]
    # the next local day it is asked
    assert len(desk.cycle(14 * HOUR, "US-AIR-ORH")) == 1


def desk_rejects(desk, alert, after):
    commands.reject(desk.office, alert.id, CHIEF, reason="fog, over soon", at=AT + after)


def test_the_airport_is_inhibited_by_the_warning_of_its_state(make):
    desk = make(group_km=1.0)
    wide = by_hand(desk, AT, "US-25", desk.domain.event)
    commands.submit(desk.office, wide.id, DUTY, at=AT)
    assert desk.cycle(MINUTE, BOS) == []
    (row,) = desk.suppressed(2 * MINUTE)
    assert (row["stage"], row["by"]) == ("inhibited", wide.id)
    assert "warns of the same hazard around it" in row["reason"]
    # a graver one passes; and when the wider draft is turned down, the narrow one is asked
    assert len(desk.cycle(3 * MINUTE, BOS, severe=True)) == 1
    (again,) = [a for a in desk.store.as_of(AT + 4 * MINUTE).standing() if a.author == "system"]
    desk_rejects(desk, again, 4 * MINUTE)
    desk_rejects(desk, wide, 5 * MINUTE)
    assert len(desk.cycle(26 * HOUR, BOS)) == 1


def test_a_clock_that_goes_back_changes_no_record(make):
    desk = make()
    desk.shelve(-HOUR, hours=10)
    desk.cycle(HOUR, BOS)
    before = desk.suppressed(2 * HOUR)
    desk.cycle(0 * HOUR, BOS)
    assert desk.suppressed(2 * HOUR) == before


def test_a_silence_that_comes_back_is_told_as_new(make):
    desk = make()
    desk.shelve(0 * MINUTE, hours=48)
    desk.cycle(MINUTE, BOS)
    desk.cycle(20 * HOUR, BOS)
    (row,) = desk.suppressed(20 * HOUR + MINUTE)
    assert row["since"] == row["last"]
    assert len(desk.journal("suppress")) == 2


def test_criteria_that_hold_back_leave_a_record_too(make):
    desk = make(update_overlap=0.6, severe_members=9)
    (first,) = desk.cycle(0 * MINUTE, BOS, LGA)
    commands.submit(desk.office, first.id, DUTY, at=AT + MINUTE)
    commands.approve(desk.office, first.id, CHIEF, legal_basis="ipaws", at=AT + 2 * MINUTE)
    commands.issue(desk.office, first.id, CHIEF, at=AT + 3 * MINUTE)
    assert desk.cycle(HOUR, "US-AIR-PVD") == []
    (row,) = desk.suppressed(HOUR + MINUTE)
    assert (row["stage"], row["msg_type"]) == ("criteria", "Update")
    assert "overlap by 0.67" in row["reason"]


def test_the_page_of_groups_adds_up(make):
    desk = make()
    desk.cycle(0 * MINUTE, BOS, SEA)
    rows = queries.groups(desk.office, None, AT + MINUTE)
    assert [(r["count"], r["waiting"], r["status"]) for r in rows] == [(1, 1, "Actual")] * 2
    (one,) = queries.groups(desk.office, None, AT + MINUTE, most=1)
    assert one["count"] == len(one["members"]) == 2
    assert queries.groups(desk.office, AT - HOUR, AT) == []
    with pytest.raises(ValueError, match="most"):
        queries.groups(desk.office, None, AT, most=0)


def test_five_hundred_drafts_in_the_store_are_a_page(make):
    desk = make()
    office = desk.office
    drafts = flood(office.pack.regions, at=AT + HOUR, state=State.DRAFT)
    with office.store.transaction():
        for alert in drafts:
            office.store.put("alert", alert.id, alert, known_at=alert.created_at, revision=0)
    rows = queries.groups(office, None, AT + HOUR)
    assert 1 < len(rows) <= 20
    assert sum(r["count"] for r in rows) == sum(r["waiting"] for r in rows) == 500
    assert sorted(m for r in rows for m in r["members"]) == sorted(a.id for a in drafts)
    (seismic,) = {tuple(r["hazards"]) for r in queries.groups(office, None, AT + HOUR, domain="seismic")}
    assert seismic == ("Earthquake",)


def test_of_five_hundred_drafts_of_one_cycle_each_is_asked_or_seen_to_be_held_back(make):
    desk = make(daily_cap=3, group_km=1.0)
    office = desk.office
    everywhere = replace(desk.domain.criteria, daily_cap=3)
    domains = (
        desk.domain,
        *(replace(desk.domain, id=d, criteria=everywhere) for d in ("weather", "seismic")),
    )
    watched = dict.fromkeys((d.id for d in domains), ())
    office.__dict__["plan"] = replace(office.plan, domains=domains, watched=watched)
    asked = [
        replace(a, created_at=AT, inputs=("cycle:flood",))
        for a in flood(office.pack.regions, at=AT, state=State.DRAFT)
    ]
    made = [
        Proposal(alert=a, decision=lifecycle.draft(a, actor="system", role=Role.SYSTEM, at=AT)[1])
        for a in asked
    ]
    kept = commands.record_proposals(office, made)
    held = desk.suppressed(0 * MINUTE)
    assert len(kept) + len(held) == 500
    assert {a.id for a in kept} | {r["alert"] for r in held} == {a.id for a in asked}
    assert all(a in kept for a in asked if a.level == 4)  # the extreme pass
    caps = queries.caps(office, None, AT)
    assert sum(c["withheld"] for c in caps) == len(held) > 100
    # the same again five minutes later: nothing new is asked, nothing is told twice
    again = [
        replace(
            p,
            alert=replace(p.alert, created_at=AT + 5 * MINUTE, id=f"{p.alert.id}.b", chain=f"{p.alert.id}.b"),
        )
        for p in made
        if p.alert.id in {r["alert"] for r in held}
    ]
    assert commands.record_proposals(office, again) == []
    assert len(desk.suppressed(6 * MINUTE)) == len(held)
    assert len(desk.journal("suppress")) == len(held)


def test_what_delivery_and_officers_hold_back_is_in_the_long_list_with_its_stage(make):
    desk = make()
    watch = replace(proposal_of(desk, BOS), level=1, impact=1, author="dan")
    commands.draft(desk.office, watch, DUTY, at=AT)
    commands.submit(desk.office, watch.id, DUTY, at=AT)
    commands.approve(desk.office, watch.id, CHIEF, legal_basis="stafford-202", at=AT)
    commands.issue(desk.office, watch.id, CHIEF, at=AT)
    assert desk.suppressed(MINUTE) == []
    (row,) = desk.suppressed(MINUTE, active=False)
    assert (row["stage"], row["alert"]) == ("delivery: public level", watch.id)
    assert row["reason"] == "level 1 does not leave the house"


def proposal_of(desk, region):
    (made,) = propose(context(AT, domain=desk.domain), [found(region)], (), ())
    return made.alert


def test_what_is_found_beside_a_waiting_draft_is_seen_and_asked_when_officers_decided(make):
    desk = make()
    (first,) = desk.cycle(0 * MINUTE, BOS)
    assert desk.cycle(5 * MINUTE, BOS) == []
    assert desk.suppressed(6 * MINUTE) == []  # the draft says it
    for minutes in (10, 15, 20):
        assert desk.cycle(minutes * MINUTE, BOS, LGA) == []
    (row,) = desk.suppressed(21 * MINUTE)
    assert (row["stage"], row["by"], row["regions"]) == ("waiting", first.chain, [LGA])
    assert "joined: LGA" in row["reason"]
    assert row["since"] == "2001-03-05T15:15:00Z"
    assert len(desk.journal("suppress")) == 1
    # graver: told at once, within the hour in which the same is not told again
    assert desk.cycle(25 * MINUTE, BOS, LGA, severe=True) == []
    assert {r["level"] for r in desk.suppressed(26 * MINUTE)} == {2, 3}
    commands.submit(desk.office, first.id, DUTY, at=AT + 26 * MINUTE)
    commands.approve(desk.office, first.id, CHIEF, legal_basis="ipaws", at=AT + 27 * MINUTE)
    commands.issue(desk.office, first.id, CHIEF, at=AT + 28 * MINUTE)
    (update,) = desk.cycle(30 * MINUTE, BOS, LGA, severe=True)
    assert (update.msg_type, update.level, set(update.regions)) == ("Update", 3, {BOS, LGA})


def test_an_update_that_was_turned_down_is_held_back_in_sight(make):
    desk = make()
    (first,) = desk.cycle(0 * MINUTE, BOS)
    commands.submit(desk.office, first.id, DUTY, at=AT + MINUTE)
    commands.approve(desk.office, first.id, CHIEF, legal_basis="ipaws", at=AT + 2 * MINUTE)
    commands.issue(desk.office, first.id, CHIEF, at=AT + 3 * MINUTE)
    (update,) = desk.cycle(10 * MINUTE, BOS, LGA)
    desk_rejects(desk, update, 12 * MINUTE)
    for minutes in range(15, 200, 5):
        assert desk.cycle(minutes * MINUTE, BOS, LGA) == []
    (row,) = desk.suppressed(201 * MINUTE)
    assert (row["stage"], row["by"]) == ("proposed again", update.id)
    assert (row["level"], row["regions"], row["names"]) == (2, [BOS, LGA], ["BOS", "LGA"])
    assert "the same was rejected" in row["reason"]
    assert row["since"] == "2001-03-05T15:20:00Z"
    assert row["last"] == "2001-03-05T18:20:00Z"
    assert len(desk.journal("suppress")) == 1


def test_two_things_of_one_name_are_two_warnings(make):
    """Two publishers may number alike; neither keeps the warning of the other from being asked."""
    desk = make()
    (first,) = desk.cycle(0 * MINUTE, BOS)
    other = replace(proposal_of(desk, SEA), id=first.id, chain=first.id)
    made = [
        Proposal(alert=other, decision=lifecycle.draft(other, actor="system", role=Role.SYSTEM, at=AT)[1])
    ]
    (kept,) = commands.record_proposals(desk.office, made)
    assert kept.id != first.id
    assert kept.regions == (SEA,)
    assert desk.suppressed(MINUTE) == []


def test_a_clock_that_goes_back_hides_nothing_that_is_held_back(make):
    desk = make()
    desk.shelve(-HOUR, hours=10)
    desk.cycle(HOUR, BOS)
    (row,) = desk.suppressed(0 * HOUR)
    assert (row["stage"], row["active"]) == ("silenced", True)
