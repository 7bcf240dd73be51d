"""Levels of one domain: the highest reason counts, unknown stays unknown, since when it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.cycle.small_world import quake
from tests.cycle.test_propose import found
from tests.verify.worlds import alert
from tocsin.assess import compound, levels
from tocsin.assess.likelihood import LEAST_VERDICTS, carried_counts, count_verdicts, likelihood
from tocsin.catalog import load_domains
from tocsin.geo import load_pack
from tocsin.model import DAY, HOUR, UNKNOWN

AIR, SEISMIC = load_domains(["air_transport", "seismic"])
AT = datetime(2001, 3, 5, 15, 5, tzinfo=UTC)
BOS, SEA, KING, PIERCE = "US-AIR-BOS", "US-AIR-SEA", "US-53033", "US-53053"
PACK = load_pack("us")


def assess(
    *detections, domain=AIR, events=(), standing=(), unknown=(), carried=None, at=AT, watched=(BOS, SEA)
):
    return levels.run(
        at, domain, watched, detections, events, standing, frozenset(unknown), 0.5, carried or {}
    )


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (found(BOS, alarm=False), 1),
        (found(BOS), 2),
        (found(BOS, severe=True), 3),
        (found(BOS, alarm=False, severe=True), 1),
    ],
)
def test_watch_warning_severe(finding, level):
    assert assess(finding).levels.tolist() == [level, 0]


def test_the_highest_reason_counts_and_comes_first():
    one = assess(
        found(BOS, quantity="landings", alarm=False),
        found(BOS),
        standing=[replace(alert(AT, {BOS: AT}), level=3)],
    )
    assert one.levels[0] == 3
    (assessment,) = one.assessments
    assert [c.kind for c in assessment.contributors] == ["alert", "detection", "detection"]
    assert (assessment.impact, assessment.likelihood) == (3, 0.5)


def test_unknown_is_a_level_of_its_own_without_likelihood():
    one = assess(unknown=[SEA])
    assert one.levels.tolist() == [0, UNKNOWN]
    (assessment,) = one.assessments
    assert np.isnan(assessment.likelihood)
    assert assessment.contributors == ()


def test_a_standing_warning_is_not_lowered_by_silence():
    assert assess(unknown=[BOS], standing=[alert(AT, {BOS: AT})]).levels.tolist() == [2, 0]


def test_what_is_not_watched_is_left_out():
    assert assess(found("US-AIR-LGA"), standing=[alert(AT, {"US-AIR-JFK": AT})]).levels.tolist() == [0, 0]


def test_the_level_holds_since_it_began():
    first = assess(found(BOS))
    later = assess(found(BOS), carried=first.carried, at=AT + HOUR)
    assert later.assessments[0].since == AT
    worse = assess(found(BOS, severe=True), carried=later.carried, at=AT + 2 * HOUR)
    assert worse.assessments[0].since == AT + 2 * HOUR


@pytest.mark.parametrize(("magnitude", "level"), [(3.4, 0), (3.5, 1), (5.0, 2), (6.8, 3), (8.1, 4)])
def test_events_have_the_level_of_their_size(magnitude, level):
    one = assess(domain=SEISMIC, events=[quake(magnitude, AT - HOUR)], watched=(KING, PIERCE))
    assert one.levels.tolist() == [level, 0]
    assert all("Mw" in a.contributors[0].text for a in one.assessments)


def test_an_exercise_is_no_event():
    drill = replace(quake(7.0, AT), status="exercise")
    assert assess(domain=SEISMIC, events=[drill], watched=(KING,)).levels.tolist() == [0]


def mark(recent, window=DAY):
    air = assess(found(SEA), watched=(SEA,))
    quaked = assess(domain=SEISMIC, events=[quake(5.0, AT)], watched=(KING, PIERCE), unknown=[PIERCE])
    neighbours = {KING: (PIERCE,), PIERCE: (KING,)}
    marked = compound.mark([air, quaked], PACK.regions, neighbours, recent, window)
    return {(a.domain, a.region): a.compound_with for a in marked}


def test_two_domains_in_a_county_are_compound_and_an_unknown_one_is_not():
    got = mark({("air_transport", SEA): 0 * HOUR, ("seismic", KING): 0 * HOUR})
    assert got["air_transport", SEA] == ("seismic@US-53033",)
    assert got["seismic", KING] == ("air_transport@US-AIR-SEA",)
    assert got["seismic", PIERCE] == ()


def test_next_door_counts_within_the_window_only():
    near = mark({("air_transport", SEA): 0 * HOUR, ("seismic", PIERCE): 23 * HOUR})
    assert near["air_transport", SEA] == ("seismic@US-53053",)
    old = mark({("air_transport", SEA): 0 * HOUR, ("seismic", PIERCE): 25 * HOUR})
    assert old["air_transport", SEA] == ()


def test_one_domain_alone_is_never_compound():
    assert set(mark({("air_transport", SEA): 0 * HOUR}).values()) == {(), ("air_transport@US-AIR-SEA",)}
    assert mark({("air_transport", SEA): 0 * HOUR})["air_transport", SEA] == ()


def test_nation_and_state_are_in_no_county():
    assert compound.county_of("US", PACK.regions) is None
    assert compound.county_of("US-53", PACK.regions) is None
    assert compound.county_of(SEA, PACK.regions) == KING


def test_a_revised_verdict_counts_as_the_difference_and_an_open_one_not_at_all():
    def after(*entries):
        return count_verdicts(np.array([3, 3]), "a", [{"domain": "a", **e} for e in entries]).tolist()

    assert after({"verdict": "TRUE", "first": False, "was": "FALSE"}) == [4, 2]
    assert after({"verdict": "SHORT_STOP", "first": False, "was": "FALSE"}) == [3, 3]
    assert after({"verdict": "FALSE", "first": False, "was": "OPEN"}) == [3, 4]
    assert after({"verdict": "TRUE", "first": False}) == [3, 3]
    assert after({"verdict": "OPEN", "first": True}) == [3, 3]


@pytest.mark.parametrize(
    ("onset", "ends", "on"),
    [
        (-2, -2, True), (-13, -13, False), (-30, None, True), (-30, 1, True), (-30, 0, False),
        (-2, -1, False),
        (11, 14, True), (13, 14, False),
    ],
)  # fmt: skip
def test_an_event_counts_while_it_is_on_or_announced(onset, ends, on):
    at = datetime(2001, 3, 5, 15, 5, tzinfo=UTC)
    event = replace(quake(5.0, at + onset * HOUR), ends=None if ends is None else at + ends * HOUR)
    assert levels.is_on(event, at, 12 * HOUR) is on


def test_likelihood_is_measured_or_not_stated():
    counts = carried_counts({})
    verdicts = [{"domain": "a", "verdict": v, "first": True} for v in ("TRUE", "FALSE", "SHORT_STOP", "TRUE")]
    counts = count_verdicts(counts, "a", verdicts)
    assert counts.tolist() == [2, 2]
    assert np.isnan(likelihood(counts))
    counts = count_verdicts(counts, "a", [*verdicts[:1], {"domain": "b", "verdict": "TRUE"}])
    assert counts.sum() == LEAST_VERDICTS
    assert likelihood(counts) == pytest.approx(0.6)


# ---- likelihood and impact kept apart ------------------------------------------------------------------


def by_matrix(*detections, likelihood, domain=AIR, events=(), standing=(), watched=(BOS, SEA)):
    asks = replace(domain, criteria=replace(domain.criteria, level_by="matrix"))
    return levels.run(
        AT, asks, watched, detections, events, standing, frozenset(), likelihood, {}, PACK.matrix
    )


@pytest.mark.parametrize(
    ("likelihood", "level", "impact"), [(0.05, 1, 3), (0.2, 2, 3), (0.5, 3, 3), (float("nan"), 3, 3)]
)
def test_the_level_is_read_from_likelihood_and_impact_at_the_end(likelihood, level, impact):
    (one,) = by_matrix(found(BOS, severe=True), likelihood=likelihood).assessments
    assert (one.level, one.impact) == (level, impact)


def test_what_stands_out_is_a_watch_whatever_the_matrix_says():
    assert by_matrix(found(BOS, alarm=False), likelihood=0.01).levels.tolist() == [1, 0]


def test_a_warning_that_stands_keeps_its_level_and_impact():
    told = replace(alert(AT, {BOS: AT}), level=3, impact=4)
    (one,) = by_matrix(standing=[told], likelihood=0.05).assessments
    assert (one.level, one.impact) == (3, 4)


def test_a_domain_that_does_not_ask_for_the_matrix_keeps_its_rule():
    one = levels.run(
        AT, AIR, (BOS, SEA), [found(BOS, severe=True)], (), (), frozenset(), 0.05, {}, PACK.matrix
    )
    assert (one.assessments[0].level, one.assessments[0].impact) == (3, 3)
