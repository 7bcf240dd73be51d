"""Raise late, lower later: flapping series, minimum holds, small changes of the area, and nothing hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cycle.small_world import quake
from tests.cycle.test_propose import (
    AIR,
    AT,
    BOS,
    EWR,
    JFK,
    LGA,
    PACK,
    PHL,
    SEA,
    SEISMIC,
    context,
    found,
    issued,
)  # fmt: skip
from tocsin.model import HOUR, Criteria, State
from tocsin.warn import hysteresis
from tocsin.warn.proposal import PENDING
from tocsin.warn.propose import propose

WATCHED = (BOS, LGA, EWR, SEA)
HALF = timedelta(minutes=30)


class Desk:
    """Hourly evaluations with officers who issue at once whatever they are asked."""

    def __init__(self, **criteria):
        self.criteria = replace(AIR.criteria, **criteria)
        self.carried, self.standing, self.asked, self.held = {}, [], [], []
        self.hour = 0

    def evaluate(self, *detections, unknown=(), cycles=1, new=True):
        """One judged period, seen by one cycle or several; gives what officers are asked."""
        self.hour += new
        asked = []
        for cycle in range(cycles):
            at = AT + self.hour * HOUR + cycle * timedelta(minutes=5)
            here = [replace(d, known_at=at, valid_time=at - 3 * HOUR, ends=at) for d in detections]
            streaks = hysteresis.count(
                self.criteria, WATCHED, self.carried,
                judged=AT + self.hour * HOUR, unknown=frozenset(unknown), detections=here,
            )  # fmt: skip
            self.carried = streaks.carried()
            ctx = replace(
                context(at, domain=replace(AIR, criteria=self.criteria)),
                streaks=streaks if hysteresis.is_used(self.criteria) else None,
            )
            self.standing = [a for a in self.standing if a.expires > at]
            known = hysteresis.confirmed(here, streaks) if hysteresis.is_used(self.criteria) else here
            for p in propose(ctx, known, (), self.standing):
                if p.held:
                    self.held.append(p)
                    continue
                asked.append(p.alert)
                out = replace(p.alert, state=State.ISSUED, sent=at)
                self.standing = [a for a in self.standing if a.chain != out.chain] + [out]
        self.asked += asked
        return asked


def said(alerts):
    return [(a.msg_type, a.level) for a in alerts]


def test_by_default_one_evaluation_is_enough_and_nothing_is_counted():
    assert not hysteresis.is_used(Criteria())
    assert said(Desk().evaluate(found(BOS))) == [("Alert", 2)]


def test_an_alarm_counts_after_so_many_evaluations_in_a_row():
    desk = Desk(raise_after=3)
    assert desk.evaluate(found(BOS)) == desk.evaluate(found(BOS)) == []
    assert desk.evaluate() == []  # the row is broken
    assert desk.evaluate(found(BOS)) == desk.evaluate(found(BOS)) == []
    assert said(desk.evaluate(found(BOS))) == [("Alert", 2)]


def test_cycles_that_see_the_same_period_again_count_once():
    desk = Desk(raise_after=2)
    assert desk.evaluate(found(BOS), cycles=12) == []
    assert said(desk.evaluate(found(BOS), cycles=12)) == [("Alert", 2)]


def test_a_period_of_which_nothing_is_known_neither_raises_nor_lowers():
    desk = Desk(raise_after=2, lower_after=2)
    desk.evaluate(found(BOS))
    assert desk.evaluate(unknown=[BOS]) == []
    assert said(desk.evaluate(found(BOS, severe=True))) == [("Alert", 2)]  # severe once: not yet
    assert said(desk.evaluate(found(BOS, severe=True))) == [("Update", 3)]
    for _ in range(6):
        assert desk.evaluate(unknown=[BOS]) == []
    assert desk.evaluate() == []
    assert said(desk.evaluate()) == [("Update", 2)]


def test_a_level_is_lowered_after_so_many_evaluations_below_the_lower_threshold():
    desk = Desk(lower_after=3, severe_members=2)
    assert said(desk.evaluate(found(BOS), found(LGA))) == [("Alert", 3)]
    # Below the threshold, above that of joining: hysteresis holds what was raised.
    for _ in range(5):
        assert desk.evaluate(found(BOS, alarm=False), found(LGA, alarm=False)) == []
    assert desk.evaluate() == desk.evaluate() == []
    (lower,) = desk.evaluate()
    assert (lower.msg_type, lower.level, lower.impact) == ("Update", 2, 2)
    assert set(lower.regions) == {BOS, LGA}  # who was warned is told
    assert lower.expires == desk.asked[0].expires  # what was only lowered does not stand for longer
    assert "level 3 to 2: 0 of 2 places" in lower.reason
    assert desk.evaluate() == []  # said once, and never below a warning: it runs out


def test_the_matrix_lowers_no_warning_to_a_watch():
    """Fewer came true since: by the matrix it would be a watch, but who was warned is told of a warning."""
    domain = replace(AIR, criteria=replace(AIR.criteria, lower_after=1, level_by="matrix"))
    columns = {}

    def at(hour, likelihood, standing, *detections):
        nonlocal columns
        here = [replace(d, known_at=AT + hour * HOUR) for d in detections]
        streaks = hysteresis.count(
            domain.criteria, WATCHED, columns,
            judged=AT + hour * HOUR, unknown=frozenset(), detections=here,
        )  # fmt: skip
        columns = streaks.carried()
        ctx = replace(
            context(AT + hour * HOUR, domain=domain),
            streaks=streaks, matrix=PACK.matrix, likelihood=likelihood,
        )  # fmt: skip
        return [p.alert for p in propose(ctx, here, (), standing)]

    (first,) = at(0, 0.5, [], found(BOS, severe=True))
    assert (first.level, first.matrix) == (3, "us-impact/1")
    assert PACK.matrix.level(0.15, 2) == 1
    (lower,) = at(1, 0.15, [issued(first)])
    assert (lower.level, lower.impact, lower.matrix) == (2, 2, "")


def test_by_default_a_warning_is_not_lowered_while_it_stands():
    desk = Desk(raise_after=2)
    desk.evaluate(found(BOS, severe=True))
    assert said(desk.evaluate(found(BOS, severe=True))) == [("Alert", 3)]
    for _ in range(8):
        assert desk.evaluate() == []


def test_no_lower_level_inside_the_minimum_hold_and_that_is_seen():
    desk = Desk(lower_after=1, min_hold=4 * HOUR)
    assert said(desk.evaluate(found(BOS, severe=True))) == [("Alert", 3)]
    for _ in range(3):
        assert desk.evaluate() == []
    assert len(desk.held) == 3
    assert "minimum hold" in desk.held[0].held
    assert desk.held[0].alert.level == 2
    assert said(desk.evaluate()) == [("Update", 2)]


def test_what_an_officer_chose_is_not_lowered():
    desk = Desk(lower_after=1)
    desk.evaluate(found(BOS, severe=True))
    desk.standing = [replace(a, author="dan") for a in desk.standing]
    assert [desk.evaluate() for _ in range(4)] == [[]] * 4


def test_what_waits_for_officers_is_not_lowered_behind_their_backs():
    desk = Desk(lower_after=1)
    desk.evaluate(found(BOS, severe=True))
    (stands,) = desk.standing
    for state in PENDING:
        waits = replace(stands, id="next", state=state, sent=None, msg_type="Update", created_at=AT + HOUR)
        desk.standing = [stands, waits]
        assert desk.evaluate() == []


def test_a_revised_report_is_not_lowered_inside_the_minimum_hold():
    def at(hours, magnitude, standing, **criteria):
        when = AT + hours * HOUR
        event = replace(quake(magnitude, AT - HOUR, known=when), raw=f"{magnitude:.1f}".ljust(64, "0"))
        ctx = context(when, domain=SEISMIC, min_hold=3 * HOUR, **criteria)
        return propose(ctx, (), [event], standing)

    (first,) = at(0, 6.4, [])
    told = [issued(first.alert)]
    (early,) = at(1, 5.2, told)
    assert (early.alert.level, "minimum hold" in early.held) == (2, True)
    (gone,) = at(1, 3.0, told)
    assert (gone.alert.msg_type, "minimum hold" in gone.held) == ("Cancel", True)
    (raised,) = at(1, 7.4, told)
    assert (raised.alert.level, raised.held) == (4, "")
    (late,) = at(4, 5.2, told)
    assert (late.alert.level, late.held) == (2, "")


@given(
    flaps=st.lists(st.sampled_from(["alarm", "joins", "severe", "calm", "unknown"]), min_size=48, max_size=96)
)
def test_however_a_series_flaps_the_messages_are_few(flaps):
    """Raised at most once a hold, lowered at most once for each raise, renewed at most once in its window."""
    desk = Desk(raise_after=2, lower_after=3, min_hold=6 * HOUR)
    for flap in flaps:
        here = {
            "alarm": [found(BOS)],
            "joins": [found(BOS, alarm=False)],
            "severe": [found(BOS, severe=True)],
        }.get(flap, [])
        desk.evaluate(*here, unknown=[BOS] if flap == "unknown" else ())
    hours = len(flaps)
    firsts = [a for a in desk.asked if a.msg_type == "Alert"]
    lowered = [a for a in desk.asked if "to 2" in a.reason]
    raised = [a for a in desk.asked if "to 3" in a.reason]
    renewed = [a for a in desk.asked if a.reason == "it goes on"]
    assert len(firsts) <= hours / 12 + 1
    assert len(lowered) <= hours / 6 + 1
    assert len(raised) <= len(lowered) + len(firsts)
    assert len(renewed) <= hours / 9 + 1
    assert len(desk.asked) == len(firsts) + len(lowered) + len(raised) + len(renewed)


def test_the_worst_flapping_is_bounded_and_would_not_be_without():
    """Severe, then calm, hour by hour for four days."""

    def run(**criteria):
        desk = Desk(**criteria)
        for hour in range(96):
            desk.evaluate(*([found(BOS, severe=True)] if hour % 2 == 0 else []))
        return desk.asked

    calm = run(raise_after=1, lower_after=2, min_hold=6 * HOUR)
    wild = run(raise_after=1, lower_after=1)
    assert len(calm) <= 96 / 9 + 1
    assert len(wild) > 90
    assert {a.level for a in calm} == {3}


def test_what_was_counted_is_all_in_the_carried_columns():
    """The same columns and findings give the same answer: a cycle of the past can be run again."""
    desk = Desk(raise_after=2, lower_after=2)
    kept = []
    script = [[found(BOS)], [found(BOS, severe=True)], [], [found(LGA)], [], [found(BOS)]]
    for detections in script:
        before = {k: v.copy() for k, v in desk.carried.items()}
        desk.evaluate(*detections)
        kept.append((before, detections, desk.hour, {k: v.copy() for k, v in desk.carried.items()}))
    for before, detections, hour, after in kept:
        again = hysteresis.count(
            desk.criteria, WATCHED, before,
            judged=AT + hour * HOUR, unknown=frozenset(), detections=detections,
        ).carried()  # fmt: skip
        assert again.keys() == after.keys()
        assert all(np.array_equal(again[k], after[k]) for k in again)


# ---- the area ----------------------------------------------------------------------------------------------


def test_by_default_any_new_place_is_told():
    desk = Desk()
    desk.evaluate(*(found(r) for r in (BOS, LGA, EWR)))
    assert desk.evaluate(found(PHL))[0].reason == "joined: PHL"


@pytest.mark.parametrize(("places", "told"), [(4, False), (2, True)])
def test_a_small_change_of_the_area_waits_and_is_seen(places, told):
    """Four of five places are the same (0.8): not told; two of three (0.67): told."""
    desk = Desk(update_overlap=0.8, severe_members=9)
    desk.evaluate(*(found(r) for r in (BOS, LGA, EWR, PHL)[:places]))
    asked = desk.evaluate(found(JFK))
    assert bool(asked) is told
    if not told:
        (held,) = desk.held
        assert "overlap by 0.80" in held.held
        # A graver level is told at once, and then names all.
        (update,) = desk.evaluate(found(JFK, severe=True))
        assert set(update.regions) == {BOS, LGA, EWR, PHL, JFK}


def test_what_was_held_back_is_named_when_the_warning_is_renewed():
    desk = Desk(update_overlap=0.5, severe_members=9)
    desk.evaluate(found(BOS), found(LGA))
    assert desk.evaluate(found(EWR)) == []
    desk.hour += 9
    (update,) = desk.evaluate(found(EWR))
    assert update.reason == "joined: EWR; it goes on"


# ---- what counts for a level -------------------------------------------------------------------------------


def test_what_only_joined_counts_while_it_holds():
    """It was never at the threshold, but is not below the lower one either: nothing is lowered for it."""
    desk = Desk(lower_after=2, severe_members=3)
    assert said(desk.evaluate(found(BOS), found(LGA))) == [("Alert", 2)]
    here = (found(BOS, alarm=False), found(LGA, alarm=False), found(EWR, alarm=False))
    assert said(desk.evaluate(*here)) == [("Update", 3)]
    for _ in range(6):
        assert desk.evaluate(*here) == []
    assert desk.evaluate(*here[:2]) == []
    assert said(desk.evaluate(*here[:2])) == [("Update", 2)]


def test_places_that_were_lowered_do_not_raise_it_again_by_having_been_there():
    desk = Desk(lower_after=2, severe_members=3)
    assert said(desk.evaluate(*(found(r) for r in (BOS, LGA, EWR)))) == [("Alert", 3)]
    desk.evaluate(found(BOS))
    assert said(desk.evaluate(found(BOS))) == [("Update", 2)]
    for _ in range(4):
        assert desk.evaluate(found(BOS)) == []
    assert said(desk.evaluate(*(found(r) for r in (BOS, LGA, EWR)))) == [("Update", 3)]


def test_columns_that_begin_anew_lower_nothing_that_was_not_seen_to_be_calm():
    """A change of the plan starts the counts anew while a severe warning stands."""
    desk = Desk(lower_after=3)
    assert said(desk.evaluate(found(BOS, severe=True))) == [("Alert", 3)]
    desk.carried = {}
    assert desk.evaluate(unknown=[BOS]) == []
    assert desk.evaluate() == desk.evaluate() == []
    assert said(desk.evaluate()) == [("Update", 2)]
