"""A warning that stands is said again: each interval once, under a key of its own, and not when shelved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cycle import small_world as small
from tests.cycle.test_propose import AIR, AT, BOS, context, found
from tocsin.catalog.domain_file import FOLDER, load_domain
from tocsin.model import HOUR, ConfigError, Role
from tocsin.ops import commands, queries, repeats, shelving
from tocsin.ops.commands import Actor
from tocsin.ops.shelving import Wish
from tocsin.warn.propose import propose

CHIEF = Actor(account="chief", role=Role.APPROVING_OFFICER)
DUTY = Actor(account="duty", role=Role.DUTY_OFFICER)


@pytest.fixture
def office(tmp_path):
    made = small.office(tmp_path, [])
    domain = replace(AIR, criteria=replace(AIR.criteria, repeat=4 * HOUR))
    made.__dict__["plan"] = replace(made.plan, domains=(domain,))
    yield made
    assert made.store.check() == []
    made.store.close()


def issued(office):
    (proposal,) = propose(context(), [found(BOS)], (), ())
    (draft,) = commands.record_proposals(office, [proposal])
    commands.submit(office, draft.id, DUTY, at=AT)
    commands.approve(office, draft.id, CHIEF, legal_basis="ipaws", at=AT)
    return commands.issue(office, draft.id, CHIEF, at=AT)


def letters(office):
    return [i for i in office.store.outbox() if i.payload["alert"].startswith("us.air_transport")]


def test_each_interval_once_and_each_with_a_key_of_its_own(office):
    alert = issued(office)
    first = len(letters(office))
    assert first > 0
    assert repeats.repeat(office, at=AT + 3 * HOUR) == []
    assert repeats.repeat(office, at=AT + 4 * HOUR) == [alert.id]
    assert repeats.repeat(office, at=AT + 4 * HOUR + timedelta(seconds=15)) == []
    assert len(letters(office)) == 2 * first
    # a pause of the whole desk: the newest only
    assert repeats.repeat(office, at=AT + 11 * HOUR) == [alert.id]
    assert len(letters(office)) == 3 * first
    assert len({i.payload["key"] for i in letters(office)}) == 3 * first
    assert len({i.payload["body"] for i in letters(office)}) == 1  # the same message
    assert repeats.repeat(office, at=AT + 12 * HOUR) == []  # it is over
    decisions = [e.decision.reason for e in office.store.audit() if e.decision.action == "repeat"]
    assert decisions == ["it stands still: repetition 1", "it stands still: repetition 2"]


def test_a_clock_that_goes_back_repeats_nothing(office):
    issued(office)
    repeats.repeat(office, at=AT + 5 * HOUR)
    assert repeats.repeat(office, at=AT + 4 * HOUR) == []
    assert repeats.repeat(office, at=AT - HOUR) == []


def test_a_silence_holds_a_repetition_back_and_is_seen(office):
    alert = issued(office)
    wish = Wish(ends=AT + 6 * HOUR, domains=("air_transport",))
    silence = shelving.shelve(office, wish, DUTY, reason="everybody knows", at=AT + HOUR)
    before = len(letters(office))
    assert repeats.repeat(office, at=AT + 4 * HOUR) == []
    assert len(letters(office)) == before
    (row,) = queries.suppressed(office, None, AT + 4 * HOUR, active=True)
    assert (row["stage"], row["by"], row["alert"]) == ("repeat silenced", silence.id, alert.id)
    assert repeats.repeat(office, at=AT + 8 * HOUR) == [alert.id]


def test_by_default_nothing_is_repeated(tmp_path):
    made = small.office(tmp_path, [])
    issued(made)
    before = len(letters(made))
    assert repeats.repeat(made, at=AT + 11 * HOUR) == []
    assert len(letters(made)) == before
    made.store.close()


def test_what_was_cancelled_while_it_was_decided_is_not_said_again(office, monkeypatch):
    """Another process cancels between the look at what stands and the decision to repeat it."""
    alert = issued(office)
    before = len(letters(office))
    look = repeats.repeats_due

    def slow(one, every, at):
        draft = commands.cancel(office, one.id, DUTY, reason="over", at=at)
        commands.submit(office, draft.id, DUTY, at=at)
        commands.approve(office, draft.id, CHIEF, legal_basis="ipaws", at=at)
        commands.issue(office, draft.id, CHIEF, at=at)
        return look(one, every, at)

    monkeypatch.setattr(repeats, "repeats_due", slow)
    assert repeats.repeat(office, at=AT + 4 * HOUR) == []
    assert [i for i in letters(office)[before:] if i.payload["alert"] == alert.id] == []


def test_what_a_replay_issued_is_said_to_nobody_outside(office):
    (proposal,) = propose(context(), [found(BOS)], (), ())
    (draft,) = commands.record_proposals(office, [proposal])
    duty, chief = (replace(a, simulated=True) for a in (DUTY, CHIEF))
    commands.submit(office, draft.id, duty, at=AT)
    commands.approve(office, draft.id, chief, legal_basis="ipaws", at=AT)
    commands.issue(office, draft.id, chief, at=AT)
    before = len(letters(office))
    assert repeats.repeat(office, at=AT + 4 * HOUR) == []
    assert len(letters(office)) == before


def test_a_file_that_would_repeat_every_minute_is_refused(tmp_path):
    shipped = (FOLDER / "seismic.toml").read_text()
    path = tmp_path / "seismic.toml"
    path.write_text(shipped.replace("[criteria]", '[criteria]\nrepeat = "15 min"'))
    assert load_domain(path)[0].criteria.repeat == timedelta(minutes=15)
    path.write_text(shipped.replace("[criteria]", '[criteria]\nrepeat = "1 min"'))
    with pytest.raises(ConfigError, match="allowed: 0 for never, or 0:15:00 and more"):
        load_domain(path)
