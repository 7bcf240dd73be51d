"""Every playbook passes every shipped check, and a playbook that breaks one is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tocsin.respond import Step, playbooks
from tocsin.testing import playbooks as suite

PLAYBOOKS = playbooks()
GOOD = PLAYBOOKS["air_transport_stop"]


def test_the_playbooks_and_checks_were_found():
    assert set(PLAYBOOKS) == {"air_transport_stop", "earthquake"}
    assert len(suite.checks()) == 5


@pytest.mark.parametrize("check", suite.checks().values(), ids=suite.checks().keys())
@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_every_playbook(name, check):
    check(PLAYBOOKS[name])


@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_its_domain(name):
    suite.check_domain(PLAYBOOKS[name], {"air_transport", "seismic"})
    with pytest.raises(AssertionError, match="which no domain file defines"):
        suite.check_domain(PLAYBOOKS[name], {"economy"})


def steps(*changed: Step):
    return replace(GOOD, steps=changed)


FIRST, SECOND = GOOD.steps[:2]
BROKEN = {
    "check_owners_are_roles": replace(GOOD, roles={}),
    "check_every_level_opens_work": steps(replace(FIRST, min_level=4)),
    "check_can_be_worked_through": steps(
        replace(FIRST, after=(SECOND.id,)), replace(SECOND, after=(FIRST.id,))
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_bad_playbook_is_found(name):
    with pytest.raises(AssertionError):
        suite.checks()[name](BROKEN[name])


def test_an_unused_role_and_a_task_due_at_once_are_found():
    with pytest.raises(AssertionError, match="without a task"):
        suite.check_owners_are_roles(replace(GOOD, roles={**GOOD.roles, "idle": "Nobody's work"}))
    with pytest.raises(AssertionError, match="due_at"):
        suite.check_can_be_worked_through(steps(replace(FIRST, due=timedelta(0))))


def test_code_that_opens_tasks_twice_is_found(monkeypatch):
    monkeypatch.setattr(
        suite, "activate", lambda alert, book, *, at, opened=(), real=suite.activate: real(alert, book, at=at)
    )
    with pytest.raises(AssertionError, match="again for an update"):
        suite.check_activation_repeats(GOOD)


def test_code_that_finds_no_playbook_is_found(monkeypatch):
    monkeypatch.setattr(suite, "playbook_for", lambda alert, books: None)
    with pytest.raises(AssertionError, match="not found"):
        suite.check_is_found(GOOD)
