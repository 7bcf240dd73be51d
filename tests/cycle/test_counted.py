"""Hysteresis in the whole way: lowered after the hold, a watch before it counts, and nothing hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.cycle import small_world as small
from tocsin.model import DAY, HOUR
from tocsin.ops import loop

END = small.START + 9 * DAY + 12 * HOUR


def replayed(path, **criteria):
    office = small.office(path, small.flights(1, days=11))
    plan = office.plan
    (domain,) = plan.domains
    counted = replace(domain, criteria=replace(domain.criteria, **criteria))
    changed = replace(plan, id="counted", domains=(counted,))
    office.__dict__["plan"] = office._plans["air_transport"] = changed
    return office


def play(office, end=END):
    loop.replay(office, start=small.START, end=end, domains=["air_transport"], archives=small.ARCHIVES)


SETTINGS = {"lower_after": 2, "min_hold": 5 * HOUR}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    made = replayed(tmp_path_factory.mktemp("counted"), **SETTINGS)
    play(made)
    yield made
    made.store.close()


def messages(office):
    found = sorted(office.store.list("alert"), key=lambda a: a.created_at)
    return [(a.msg_type, a.level, a.created_at) for a in found]


def test_a_level_is_lowered_after_the_hold_and_raised_again_when_it_must_be(counted):
    first, *later = messages(counted)
    assert first[:2] == ("Alert", 3)
    lowered = [at for kind, level, at in later if (kind, level) == ("Update", 2)]
    raised = [at for kind, level, at in later if (kind, level) == ("Update", 3)]
    assert lowered
    assert raised
    assert first[2] + 5 * HOUR <= lowered[0] < raised[0]
    # While it was too soon that could be seen.
    held = [r for r in counted.store.list("suppressed") if "minimum hold" in r["reason"]]
    assert held
    assert all(r["stage"] == "criteria" and r["level"] == 2 for r in held)


def test_an_alarm_of_one_evaluation_stays_a_watch_where_two_are_asked_for(counted, tmp_path):
    """In five airports of which three stop, the second hour is no alarm by itself any more."""
    twice = replayed(tmp_path, raise_after=2)
    play(twice)
    assert messages(twice) == []
    at = messages(counted)[0][2]
    (row,) = twice.store.cycles(at, at + HOUR / 2, twice.plan.id)
    assert {a["level"] for a in row.summary["assessments"]} == {1}
    assert len(row.summary["assessments"]) == 3
    twice.store.close()


def test_the_columns_are_carried_and_a_resumed_replay_equals_an_uncut_one(counted, tmp_path):
    cut = replayed(tmp_path, **SETTINGS)
    play(cut, END - 30 * HOUR)  # inside the stop
    play(cut)
    a, b = (o.store.load_state("counted", END + HOUR) for o in (counted, cut))
    columns = ("up", "down", "severe_up", "severe_down", "on", "severe", "last")
    assert {k for k in a if "/streak/" in k} == {f"air_transport/streak/{n}" for n in columns}
    assert a.keys() == b.keys()
    assert all(np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind == "f") for k in a)
    assert messages(counted) == messages(cut)
    assert counted.store.list("alert") == cut.store.list("alert")
    cut.store.close()
