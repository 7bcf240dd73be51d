"""From a warning to tasks, as timelines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model import RespondError, Role, State
from tocsin.respond import activate, complete, drop, overdue, playbooks, ready, stand_down
from tocsin.testing.playbooks import AT, alert_for

AIR = playbooks()["air_transport_stop"]
DESK = {"actor": "dan", "role": Role.DUTY_OFFICER}


def minutes(n: float):
    return AT + timedelta(minutes=n)


def opened(level=2, **changes):
    return activate(replace(alert_for(AIR, level), **changes), AIR, at=AT)


def task(tasks, word):
    return next(t for t in tasks if word in t.title)


def test_a_warning_opens_its_tasks():
    tasks, decision = opened()
    assert len(tasks) == 5
    cause = task(tasks, "cause")
    assert (cause.owner, cause.due_at, cause.state, cause.alert) == (
        "aviation_liaison",
        minutes(20),
        "open",
        "check.1",
    )
    assert task(tasks, "travellers").after == (cause.id,)
    assert (decision.action, decision.subject, decision.role) == ("activate", "check.1", Role.SYSTEM)
    assert decision.reason == "playbook air_transport_stop: 5 opened, 0 were there"


def test_an_update_that_is_graver_opens_what_is_new():
    # 09:20 warning · 10:20 severe: two tasks more, the others go on
    first, _ = opened(2)
    more, decision = activate(alert_for(AIR, 3, number=2), AIR, at=minutes(60), opened=first)
    assert {t.title.split()[0] for t in more} == {"Open", "Find"}
    assert all(t.opened_at == minutes(60) and t.alert == "check.1" for t in more)
    assert task(more, "sleep").after == (task(first, "cause").id,)
    assert "2 opened, 5 were there" in decision.reason


def test_a_drill_says_so():
    tasks, _ = opened(status="Exercise")
    assert all(t.title.startswith("EXERCISE: ") for t in tasks)


@pytest.mark.parametrize(
    "changes",
    [{"state": s} for s in State if s is not State.ISSUED] + [{"msg_type": "Cancel"}, {"expires": AT}],
    ids=str,
)
def test_only_a_warning_that_stands(changes):
    with pytest.raises(
        RespondError, match="allowed to activate a playbook: a warning that was issued and stands"
    ):
        opened(**changes)


@pytest.mark.parametrize("changes", [{"level": 1}, {"domain": "seismic"}])
def test_only_its_own_domain_and_levels(changes):
    with pytest.raises(RespondError, match="allowed: air_transport, level 2, 3, 4"):
        opened(**changes)


def test_what_comes_first_comes_first():
    tasks, _ = opened()
    cause, travellers = task(tasks, "cause"), task(tasks, "travellers")
    assert ready(cause, tasks)
    assert not ready(travellers, tasks)
    with pytest.raises(
        RespondError, match=r"got 1 open before it: Ask airports.*aviation_liaison can complete"
    ):
        complete(travellers, at=minutes(5), tasks=tasks, **DESK)
    done, decision = complete(cause, at=minutes(5), tasks=tasks, **DESK)
    assert (done.state, decision.action, decision.subject) == ("done", "complete", cause.id)
    tasks = [done if t.id == done.id else t for t in tasks]
    assert ready(travellers, tasks)
    assert complete(travellers, at=minutes(9), tasks=tasks, **DESK)[0].state == "done"


def test_a_task_that_was_dropped_holds_nobody_up():
    tasks, _ = opened()
    with pytest.raises(RespondError, match="reason: got nothing"):
        drop(task(tasks, "cause"), at=minutes(5), reason=" ", **DESK)
    gone, decision = drop(task(tasks, "cause"), at=minutes(5), reason="known already", **DESK)
    assert (gone.state, decision.reason) == ("dropped", "known already")
    tasks = [gone if t.id == gone.id else t for t in tasks]
    assert ready(task(tasks, "travellers"), tasks)


def test_settled_is_settled():
    tasks, _ = opened()
    done, _ = complete(task(tasks, "cause"), at=minutes(5), **DESK)
    gone, _ = drop(task(tasks, "neighbouring"), at=minutes(5), reason="x", **DESK)
    for old, word in ((done, "done"), (gone, "dropped")):
        with pytest.raises(RespondError, match=f"complete: got a task that is {word}, allowed: open"):
            complete(old, at=minutes(6), **DESK)
        with pytest.raises(RespondError, match=f"drop: got a task that is {word}, allowed: open"):
            drop(old, at=minutes(6), reason="x", **DESK)
        assert not ready(old, tasks)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.ADMINISTRATOR, Role.SYSTEM])
def test_who_settles_tasks(role):
    tasks, _ = opened()
    with pytest.raises(
        RespondError, match=f"role: got {role}, allowed to complete: duty_officer, approving_officer"
    ):
        complete(task(tasks, "cause"), actor="x", role=role, at=minutes(5))


def test_a_clock_that_goes_backwards():
    tasks, _ = opened()
    with pytest.raises(RespondError, match="not before it was opened"):
        complete(task(tasks, "cause"), at=minutes(-1), **DESK)


def test_overdue():
    cause = task(opened()[0], "cause")
    assert not overdue(cause, minutes(20))
    assert overdue(cause, minutes(20.1))
    assert not overdue(replace(cause, state="done"), minutes(60))


def test_a_cancellation_stands_everybody_down():
    tasks, _ = opened()
    done, _ = complete(task(tasks, "cause"), at=minutes(5), **DESK)
    tasks = [done if t.id == done.id else t for t in tasks]
    settled = stand_down(tasks, at=minutes(30), reason="warning cancelled: sensor fault")
    assert len(settled) == 4
    assert {t.state for t, _ in settled} == {"dropped"}
    assert all(d.reason == "warning cancelled: sensor fault" and d.actor == "system" for _, d in settled)
    assert len({d.id for _, d in settled}) == 4


@given(st.lists(st.sampled_from([2, 3, 4]), min_size=1, max_size=6))
def test_however_a_chain_goes_each_task_opens_once(levels):
    tasks = []
    for n, level in enumerate(levels):
        tasks += activate(alert_for(AIR, level, number=n), AIR, at=minutes(n), opened=tasks)[0]
    ids = [t.id for t in tasks]
    assert len(ids) == len(set(ids))
    assert len(ids) == sum(s.min_level <= max(levels) for s in AIR.steps)
    assert {first for t in tasks for first in t.after} <= set(ids)
