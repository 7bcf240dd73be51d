"""From findings to drafts: groups, joining, updates only when something changed, and what is left alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cycle.small_world import quake
from tocsin.catalog import load_domains
from tocsin.geo import distance_km, load_pack
from tocsin.model import HOUR, Detection, Role, State
from tocsin.warn.propose import Context, propose

AIR, SEISMIC = load_domains(["air_transport", "seismic"])
PACK = load_pack("us")
AT = datetime(2001, 3, 5, 15, 5, tzinfo=UTC)
BOS, LGA, EWR, PHL, SEA, PVD, BDL, JFK = (
    f"US-AIR-{c}" for c in ("BOS", "LGA", "EWR", "PHL", "SEA", "PVD", "BDL", "JFK")
)


def context(at=AT, domain=AIR, **criteria):
    return Context(
        at=at,
        domain=replace(domain, criteria=replace(domain.criteria, **criteria)),
        regions=PACK.regions,
        pack="us",
        sender="tocsin@example.org",
        likelihood=0.4,
        inputs=("cycle:abc",),
    )


def found(region, tail=1e-5, *, at=AT, alarm=True, joins=True, severe=False, quantity="departures"):
    hour = at.replace(minute=0)
    return Detection(
        quantity=f"air_transport.{quantity}", region=region, method="seasonal_count",
        valid_time=hour - 3 * HOUR, ends=hour, known_at=at, value=2.0, expected=40.0, tail=tail,
        threshold=3.4, window_h=3, alarm=alarm, joins=joins, severe=severe,
    )  # fmt: skip


def drafts(*detections, standing=(), at=AT, **criteria):
    """Give what officers are asked."""
    return [p.alert for p in proposals(*detections, standing=standing, at=at, **criteria) if not p.held]


def proposals(*detections, standing=(), at=AT, **criteria):
    return propose(context(at, **criteria), detections, (), standing)


def issued(alert, at=AT):
    return replace(alert, state=State.ISSUED, sent=at + timedelta(minutes=15), submitter="a", approver="b")


def members(alerts):
    return sorted(sorted(r[-3:] for r in a.regions) for a in alerts)


def test_alarms_within_the_distance_are_one_warning_and_others_are_not():
    assert members(drafts(found(BOS), found(LGA), found(SEA))) == [["BOS", "LGA"], ["SEA"]]


def apart(a, b):
    """Kilometres between two sites."""
    x, y = PACK.regions[a], PACK.regions[b]
    return float(distance_km(x.lat, x.lon, y.lat, y.lon))


def test_a_group_is_connected_not_a_circle():
    """Boston and Philadelphia are farther apart than the limit; New York between them joins the two."""
    limit = AIR.criteria.group_km
    far = apart(BOS, PHL)
    near = [apart(LGA, x) for x in (BOS, PHL)]
    assert far > 440
    assert max(near) < limit
    assert members(drafts(found(BOS), found(PHL), group_km=400)) == [["BOS"], ["PHL"]]
    assert members(drafts(found(BOS), found(PHL), found(LGA), group_km=400)) == [["BOS", "LGA", "PHL"]]


@given(order=st.permutations([BOS, LGA, EWR, SEA, PVD]))
def test_the_order_of_the_findings_does_not_matter(order):
    tails = {BOS: 1e-7, LGA: 1e-6, EWR: 1e-5, SEA: 1e-8, PVD: 1e-6}
    got = drafts(*(found(r, tails[r]) for r in order))
    assert got == drafts(*(found(r, tails[r]) for r in sorted(tails)))


def test_the_most_extreme_member_comes_first_and_names_the_warning():
    (alert,) = drafts(found(LGA, 1e-4), found(BOS, 1e-9))
    assert alert.members[0].name == "BOS"
    assert alert.id == alert.chain == "us.air_transport.20010305T1505Z.BOS.1"


def test_the_same_findings_have_the_same_id_and_ids_hold_no_blank_or_comma():
    (one,), (two,) = drafts(found(BOS)), drafts(found(BOS))
    assert one == two
    county = replace(quake(5.5, AT - HOUR), external_id="uw 1, 2")
    (event,) = propose(context(domain=SEISMIC), (), [county], ())
    for alert in (one, event.alert):
        assert re.fullmatch(r"[^\s,<&]+", alert.id)


def test_only_what_raises_and_alarms_begins_a_warning():
    assert drafts(found(BOS, quantity="landings")) == []
    assert drafts(found(BOS, alarm=False, joins=True)) == []
    assert drafts(found(BOS, alarm=False, joins=False)) == []


def test_what_only_joins_is_no_part_of_a_new_warning_but_joins_one_that_stands():
    weak = found(LGA, alarm=False)
    assert members(drafts(found(BOS), weak)) == [["BOS"]]
    (first,) = drafts(found(BOS))
    later = AT + HOUR
    (update,) = drafts(found(LGA, alarm=False, at=later), standing=[issued(first)], at=later)
    assert (update.msg_type, update.chain) == ("Update", first.id)
    assert update.id == first.id[:-1] + "20010305T160500Z"
    assert update.regions == (BOS, LGA)
    assert update.members[1].since == later
    assert update.references
    assert "joined: LGA" in update.reason


def test_a_far_alarm_beside_a_standing_warning_begins_its_own():
    (first,) = drafts(found(BOS))
    later = AT + HOUR
    (second,) = drafts(found(SEA, at=later), standing=[issued(first)], at=later)
    assert (second.msg_type, second.regions) == ("Alert", (SEA,))


def test_nothing_is_said_twice():
    (first,) = drafts(found(BOS))
    again = [found(BOS, 1e-9, at=AT + HOUR)]
    assert drafts(*again, standing=[issued(first)], at=AT + HOUR) == []


def test_it_is_renewed_when_little_is_left_and_not_before():
    (first,) = drafts(found(BOS))
    criteria = AIR.criteria
    early = first.expires - criteria.renew
    assert drafts(found(BOS, at=early), standing=[issued(first)], at=early) == []
    late = early + timedelta(minutes=1)
    (update,) = drafts(found(BOS, 1e-4, alarm=False, at=late), standing=[issued(first)], at=late)
    assert update.expires == late + criteria.hold
    assert update.reason == "it goes on"


def test_a_renewal_never_shortens():
    (first,) = drafts(found(BOS))
    long = replace(issued(first), expires=AT + timedelta(days=3))
    (update,) = drafts(found(LGA, at=AT + HOUR), standing=[long], at=AT + HOUR)
    assert update.expires == long.expires


def test_a_warning_that_nothing_supports_any_more_is_let_run_out():
    (first,) = drafts(found(BOS))
    late = first.expires - timedelta(minutes=30)
    assert drafts(standing=[issued(first)], at=late) == []


@pytest.mark.parametrize("state", [State.DRAFT, State.SUBMITTED, State.APPROVED])
def test_what_waits_for_officers_is_not_touched_and_not_doubled(state):
    (first,) = drafts(found(BOS))
    waiting = replace(first, state=state)
    later = AT + HOUR
    here = found(BOS, 1e-9, at=later)
    assert drafts(here, standing=[waiting], at=later) == []
    (held,) = proposals(here, found(LGA, at=later), standing=[waiting], at=later)
    # Asked when they have decided; until then it is on record that LGA was found.
    assert held.alert.regions == (LGA,)
    assert held.behind == first.chain
    assert held.held == f"asked when officers have decided {first.id} (Alert, {state}): joined: LGA"
    (graver,) = proposals(found(BOS, at=later, severe=True), standing=[waiting], at=later)
    assert (graver.alert.level, graver.alert.regions) == (3, (BOS,))
    assert graver.held.endswith("level 2 to 3")
    (three,) = proposals(*(found(r, at=later) for r in (LGA, EWR)), standing=[waiting], at=later)
    assert three.alert.level == 3  # with the one that waits they are three


def test_a_chain_with_an_update_that_waits_is_left_alone():
    (first,) = drafts(found(BOS))
    later = AT + HOUR
    (update,) = drafts(found(LGA, at=later), standing=[issued(first)], at=later)
    last = later + HOUR
    standing = [issued(first), update]
    assert drafts(found(BOS, at=last), found(LGA, at=last), standing=standing, at=last) == []
    (held,) = proposals(found(BOS, at=last), found(PVD, at=last), standing=standing, at=last)
    assert f"{update.id} (Update, draft): joined: PVD" in held.held


def test_a_chain_in_which_a_cancellation_waits_is_left_alone():
    (first,) = drafts(found(BOS))
    later = AT + HOUR
    cancel = replace(issued(first), id=f"{first.id}c", msg_type="Cancel", state=State.SUBMITTED, sent=None)
    assert drafts(found(LGA, at=later), standing=[issued(first)], at=later)
    (held,) = proposals(found(LGA, at=later), standing=[issued(first), cancel], at=later)
    assert f"{cancel.id} (Cancel, submitted): joined: LGA" in held.held


def test_the_ids_of_two_updates_of_one_chain_differ_whatever_became_of_the_first():
    (first,) = drafts(found(BOS))
    ids = {
        drafts(found(LGA, at=at), standing=[issued(first)], at=at)[0].id for at in (AT + HOUR, AT + 2 * HOUR)
    }
    assert len(ids) == 2


def test_three_members_are_severe_and_two_are_not():
    assert [a.level for a in drafts(found(BOS), found(LGA))] == [2]
    assert [a.level for a in drafts(found(BOS), found(LGA), found(EWR))] == [3]


def test_a_long_deficit_is_severe_and_raises_a_standing_warning_once():
    assert [a.level for a in drafts(found(SEA, severe=True))] == [3]
    (first,) = drafts(found(SEA))
    later = AT + HOUR
    (update,) = drafts(found(SEA, at=later, severe=True), standing=[issued(first)], at=later)
    assert (update.level, update.impact) == (3, 3)
    assert "level 2 to 3" in update.reason
    last = later + HOUR
    assert drafts(found(SEA, at=last, severe=True), standing=[issued(update, later)], at=last) == []


def test_a_level_never_falls_while_it_stands():
    (first,) = drafts(found(SEA, severe=True))
    later = AT + HOUR
    (update,) = drafts(
        found(SEA, at=later), found("US-AIR-PDX", at=later), standing=[issued(first)], at=later
    )
    assert update.level == 3
    assert "US-AIR-PDX" in update.regions


def test_a_member_keeps_its_worst_finding():
    (first,) = drafts(found(BOS, 1e-6))
    later = AT + HOUR
    worse = replace(found(BOS, 1e-9, at=later), value=0.0)
    (update,) = drafts(worse, found(LGA, at=later), standing=[issued(first)], at=later)
    assert (update.members[0].tail, update.members[0].value) == (1e-9, 0.0)
    assert update.members[0].since == AT
    milder = found(BOS, 1e-4, at=later)
    (kept,) = drafts(milder, found(LGA, at=later), standing=[issued(first)], at=later)
    assert kept.members[0].tail == 1e-6


def test_a_finding_between_two_warnings_joins_the_older():
    (north,) = drafts(found(BOS))
    (south,) = [replace(a, created_at=AT + HOUR) for a in drafts(found(PHL), at=AT)]
    later = AT + 2 * HOUR
    standing = [issued(north), issued(south)]
    updates = drafts(found(LGA, at=later), standing=standing, at=later)
    assert [u.chain for u in updates] == [north.chain]


@given(st.sets(st.sampled_from([r.id for r in PACK.at_level("site")]), min_size=1, max_size=60))
def test_whatever_alarms_the_headline_fits_and_everybody_is_in_one_draft(regions):
    alerts = drafts(*(found(r) for r in regions))
    assert sorted(r for a in alerts for r in a.regions) == sorted(regions)
    assert len({a.id for a in alerts}) == len(alerts)
    for alert in alerts:
        assert len(alert.headline) <= 160
        assert "$" not in alert.headline + alert.description + alert.instruction
        assert alert.created_at < alert.expires
        assert alert.author == "system"


def test_a_draft_of_an_event():
    event = quake(6.8, AT - HOUR)
    (proposal,) = propose(context(domain=SEISMIC), (), [event], ())
    alert = proposal.alert
    assert (alert.level, alert.regions, alert.onset) == (3, ("US-53033",), AT - HOUR)
    assert alert.inputs == (event.id, event.raw, "cycle:abc")
    assert "6.8 Mw" in alert.description
    assert "King, Washington" in alert.headline
    assert (proposal.decision.actor, proposal.decision.role) == ("system", Role.SYSTEM)
    assert propose(context(domain=SEISMIC), (), [event], [issued(alert)]) == ()


@pytest.mark.parametrize(
    "event",
    [
        quake(4.9, AT - HOUR),
        quake(6.8, AT - SEISMIC.criteria.hold - HOUR),
        replace(quake(6.8, AT - HOUR), status="exercise"),
        replace(quake(6.8, AT - HOUR), regions=()),
        replace(quake(6.8, AT - HOUR), magnitude=None),
    ],
    ids=["small", "old", "exercise", "abroad", "unknown size"],
)
def test_no_draft_of_an_event_that(event):
    assert propose(context(domain=SEISMIC), (), [event], ()) == ()


LATER = AT + HOUR


def of_event(event, *standing, at=LATER):
    return [p.alert for p in propose(context(at, domain=SEISMIC), (), [event], standing) if not p.held]


def test_a_graver_event_updates_what_was_told_and_a_lesser_one_does_not():
    (first,) = of_event(quake(5.5, AT - HOUR), at=AT)
    assert first.id == "us.seismic.nisqually.L2.1"
    (update,) = of_event(quake(6.8, AT - HOUR), issued(first))
    assert (update.msg_type, update.chain, update.level, update.regions) == (
        "Update", first.id, 3, first.regions,
    )  # fmt: skip
    assert update.reason == "level 2 to 3"
    assert "6.8 Mw" in update.description
    assert of_event(quake(6.8, AT - HOUR), issued(first), update) == []  # it waits
    assert of_event(quake(5.5, AT - HOUR), issued(update, LATER)) == []


def test_an_event_that_moved_takes_its_warning_along():
    (first,) = of_event(quake(5.5, AT - HOUR), at=AT)
    moved = quake(5.5, AT - HOUR, region="US-53053")
    (update,) = of_event(moved, issued(first))
    assert update.regions == ("US-53053",)
    (kept,) = of_event(moved, replace(issued(first), author="an officer"))
    assert kept.regions == ("US-53033", "US-53053")


def test_a_withdrawn_event_has_its_warning_cancelled_once():
    event = quake(5.5, AT - HOUR)
    (first,) = of_event(event, at=AT)
    withdrawn = replace(event, status="withdrawn")
    (cancel,) = of_event(withdrawn, issued(first))
    assert (cancel.msg_type, cancel.chain, cancel.state) == ("Cancel", first.id, State.DRAFT)
    assert "withdrew" in cancel.reason
    assert of_event(withdrawn, issued(first), cancel) == []
    gone = issued(cancel, LATER)
    assert of_event(withdrawn, gone) == of_event(event, gone) == []
    assert [a.id for a in of_event(quake(6.8, AT - HOUR), gone)] == ["us.seismic.nisqually.L3.1"]


def test_an_event_that_ended_is_over_and_one_that_lasts_or_comes_is_not():
    long = replace(quake(5.5, AT - 30 * HOUR), ends=AT)
    assert of_event(long) == []
    lasting = replace(long, ends=AT + 20 * HOUR)
    (first,) = of_event(lasting)
    assert of_event(replace(quake(5.5, LATER + 3 * HOUR), ends=LATER + 5 * HOUR))
    end = first.expires - HOUR
    assert [a.reason for a in of_event(lasting, issued(first), at=end)] == ["it goes on"]


def test_every_draft_comes_with_the_decision_that_records_it():
    for proposal in propose(context(), [found(BOS), found(SEA)], (), ()):
        assert proposal.decision.subject == proposal.alert.id
        assert proposal.decision.content_hash == proposal.alert.content_hash
        assert proposal.alert.likelihood == 0.4
        assert proposal.alert.state is State.DRAFT


def version(event, letter, **changes):
    return replace(event, raw=letter * 64, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"magnitude": 6.8}, "usgs_earthquakes:nisqually calls for level 3, not 2"),
        ({"regions": ("US-53053",)}, "added: 53053"),
        ({"regions": ()}, "touches no region of the country any more"),
        ({"magnitude": 4.0}, "was revised below the level of a warning"),
        ({"status": "withdrawn"}, "the publisher marks usgs_earthquakes:nisqually as withdrawn"),
    ],
)
def test_a_report_that_changed_behind_a_waiting_draft_is_seen(changes, words):
    event = quake(5.5, AT - HOUR)
    (first,) = of_event(event, at=AT)
    changed = version(event, "c", **changes)
    (held,) = propose(context(LATER, domain=SEISMIC), (), [changed], [first])
    assert held.behind == first.chain
    assert f"asked when officers have decided {first.id} (Alert, draft)" in held.held
    assert words in held.held
    assert held.alert.level == (3 if changes.get("magnitude") == 6.8 else 2)
    assert held.alert.created_at == LATER
    # the same again in other bytes, or of unknown size, is nothing to tell
    assert propose(context(LATER, domain=SEISMIC), (), [version(event, "d")], [first]) == ()
    unknown = version(event, "e", magnitude=None)
    assert propose(context(LATER, domain=SEISMIC), (), [unknown], [first]) == ()
