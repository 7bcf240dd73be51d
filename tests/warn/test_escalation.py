from __future__ import annotations

from dataclasses import replace

import pytest

from tests.warn.desk import alert, at
from tocsin.model import ConfigError, Role, State
from tocsin.warn.escalation import escalations, load_policy

POLICY = load_policy()


def who(alerts, clock, **more):
    return [(e.alert, e.to) for e in escalations(alerts, at=at(clock), policy=POLICY, **more)]


def test_a_submission_that_waits():
    waiting = replace(alert(), state=State.SUBMITTED)
    since = {waiting.id: at("09:12")}
    # 09:26 fourteen minutes · 09:27 the approving officers · 09:42 the administrator too
    assert who([waiting], "09:26", since=since) == []
    assert who([waiting], "09:27", since=since) == [(waiting.id, Role.APPROVING_OFFICER)]
    assert who([waiting], "09:42", since=since) == [
        (waiting.id, Role.ADMINISTRATOR),
        (waiting.id, Role.APPROVING_OFFICER),
    ]


def test_without_a_record_the_making_counts():
    waiting = replace(alert(), state=State.SUBMITTED)
    assert who([waiting], "09:25") == [(waiting.id, Role.APPROVING_OFFICER)]


def test_an_approval_that_lapsed_waits_for_approval_again():
    ready = replace(alert(), state=State.APPROVED, approval_expires=at("09:20"))
    assert who([ready], "09:19") == [(ready.id, Role.DUTY_OFFICER)]
    assert (ready.id, Role.APPROVING_OFFICER) in who([ready], "09:26")


@pytest.mark.parametrize("state", [State.ISSUED, State.REJECTED, State.UPDATED, State.CANCELLED])
def test_what_waits_for_nobody(state):
    assert who([replace(alert(), state=state)], "20:00") == []


def test_expired_drafts_and_watches_are_passed_over():
    assert who([alert()], "21:00") == []
    assert who([alert(level=1)], "10:00") == []
    assert who([alert()], "10:00") == [(alert().id, Role.APPROVING_OFFICER), (alert().id, Role.DUTY_OFFICER)]


def test_the_gravest_first_and_nobody_called_twice():
    three = [replace(alert(n, level=n), state=State.SUBMITTED) for n in (2, 4, 3)]
    found = escalations(three, at=at("09:30"), policy=POLICY)
    assert [e.level for e in found] == [4, 3, 2]
    later = escalations(reversed(three), at=at("09:31"), policy=POLICY)
    assert [e.id for e in later] == [e.id for e in found]
    changed = [replace(a, revision=9) for a in three]
    assert not {e.id for e in escalations(changed, at=at("09:30"), policy=POLICY)} & {e.id for e in found}


GOOD = {"state": "draft", "after_minutes": 5, "to": "duty_officer"}


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({}, r"rules: got None, allowed: at least one rule"),
        ({"rules": []}, r"rules: got \[\]"),
        ({"rules": ["x"]}, r"rules\[0\]: got 'x'"),
        ({"rules": [GOOD | {"state": "drafft"}]}, r"rules\[0\]\.state: got 'drafft'.*Did you mean 'draft'"),
        ({"rules": [GOOD | {"to": "boss"}]}, r"rules\[0\]\.to: got 'boss', allowed: viewer"),
        ({"rules": [GOOD, GOOD | {"after_minutes": -1}]}, r"rules\[1\]\.after_minutes: got -1"),
        ({"rules": [GOOD | {"after_minutes": True}]}, r"after_minutes: got True"),
        ({"rules": [GOOD | {"min_level": 5}]}, r"min_level: got 5, allowed: 1 to 4"),
        (
            {"rules": [GOOD | {"after": 5}]},
            r"rules\[0\]\.after: got 'after', allowed: after_minutes, min_level",
        ),
    ],
)
def test_a_bad_policy_is_refused_by_name(plain, words):
    with pytest.raises(ConfigError, match=words):
        load_policy(plain, file="p.toml")
