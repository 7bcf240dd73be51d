"""Officers do anything in any order: nothing is issued that no second, authorised officer approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.warn.desk import LAWS, LEVELS, SENDER, alert, at
from tocsin.govern.audit import unlawful
from tocsin.model import Role, State, WarnError
from tocsin.warn import lifecycle as life

STAFF = {
    "vic": Role.VIEWER,
    "ann": Role.ANALYST,
    "dan": Role.DUTY_OFFICER,
    "eve": Role.DUTY_OFFICER,
    "olga": Role.APPROVING_OFFICER,
    "omar": Role.APPROVING_OFFICER,
    "adam": Role.ADMINISTRATOR,
    "system": Role.SYSTEM,
}
ACTOR = st.sampled_from([*sorted(STAFF), "dan", "dan", "olga", "olga", "omar"])  # the desk acts most
CHANGES = st.sampled_from(
    [
        {"headline": "Departures are resuming"},
        {"headline": "Departures stopped at Seattle-Tacoma"},
        {"level": 1},
        {"level": 2},
        {"level": 4},
        {"headline": "Until {time}"},
        {"expires": at("23:00")},
    ]
)


class Desk(RuleBasedStateMachine):
    """One chain of warnings in the hands of eight accounts."""

    @initialize(status=st.sampled_from(["Actual", "Exercise", "Test"]), level=st.sampled_from([1, 2, 3, 4]))
    def begin(self, status, level):
        self.now = at("09:10")
        self.alert, decision = life.draft(
            alert(status=status, level=level), actor="system", role=Role.SYSTEM, at=self.now
        )
        self.chain = {self.alert.id: self.alert}
        self.record = [decision]
        self.approval = None  # who, in which role, on what content, under which law, until when
        self.authors = {"system"}
        self.submitter = None

    def act(self, step):
        before = self.alert
        try:
            after, decision = step()
        except WarnError:
            assert self.alert is before
            return False
        self.alert = self.chain[after.id] = after
        self.record.append(decision)
        return True

    @rule(minutes=st.sampled_from([0, 1, 1, 5, 5, 20, 40, 400]))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes, seconds=1)

    @rule(who=ACTOR, changes=CHANGES)
    def edit(self, who, changes):
        if self.act(lambda: life.edit(self.alert, changes, actor=who, role=STAFF[who], at=self.now)):
            self.authors, self.submitter, self.approval = {who}, None, None
            assert self.alert.state is State.DRAFT
            assert self.alert.approved_hash is None

    @rule(who=ACTOR)
    def submit(self, who):
        if self.act(lambda: life.submit(self.alert, actor=who, role=STAFF[who], at=self.now)):
            self.submitter = who

    @rule(who=ACTOR, law=st.sampled_from(["act", "grave", "", "none"]), minutes=st.sampled_from([1, 30]))
    def approve(self, who, law, minutes):
        content = self.alert.content_hash
        done = self.act(
            lambda: life.approve(
                self.alert, actor=who, role=STAFF[who], at=self.now, legal_basis=law, laws=LAWS,
                levels=LEVELS, expires_after=timedelta(minutes=minutes),
            )
        )  # fmt: skip
        if done:
            self.approval = (who, law, content, self.now + timedelta(minutes=minutes))

    @rule(who=ACTOR)
    def reject(self, who):
        if self.act(lambda: life.reject(self.alert, actor=who, role=STAFF[who], at=self.now, reason="no")):
            self.approval = None

    @rule(words=st.sampled_from(["All is well", "Departures stopped at Seattle-Tacoma"]))
    def tamper(self, words):
        """Somebody changes the content without the functions; what is issued keeps its own."""
        if self.alert.state in (State.SUBMITTED, State.APPROVED):
            self.alert = self.chain[self.alert.id] = replace(self.alert, headline=words)

    @rule(who=ACTOR)
    def issue(self, who):
        mine = self.alert
        try:
            alerts, decisions = life.issue(
                mine, at=self.now, actor=who, role=STAFF[who], chain=list(self.chain.values()), sender=SENDER
            )
        except WarnError:
            return
        assert self.approval is not None, "issued without an approval"
        officer, law, content, until = self.approval
        basis = next(row for row in LAWS if row.key == law)
        level = LEVELS[mine.level - 1]
        assert officer not in self.authors
        assert officer != self.submitter
        assert self.submitter is not None
        assert STAFF[officer] in level.issued_by
        assert STAFF[officer] in basis.roles
        assert mine.level in basis.levels
        assert content == mine.content_hash == alerts[0].content_hash
        assert self.now <= until
        assert "{" not in alerts[0].headline
        for new in alerts:
            self.chain[new.id] = new
        self.alert = alerts[0]
        self.record += decisions

    @rule(steps=st.integers(1, 3), officer=st.sampled_from(["olga", "omar"]))
    def by_the_book(self, steps, officer):
        """The next proper steps; without this rule chance alone hardly ever gets anything issued."""
        for _ in range(steps):
            match life.state_at(self.alert, self.now):
                case State.DRAFT:
                    self.submit("dan")
                case State.SUBMITTED:
                    self.approve(officer, "act" if self.alert.level < 4 else "grave", 30)
                case State.APPROVED:
                    self.issue("system")

    @precondition(lambda self: self.alert.state is State.ISSUED)
    @rule(who=ACTOR, off=st.booleans())
    def replace_it(self, who, off):
        old, chain = self.alert, list(self.chain.values())
        new_id = f"{old.chain}.{len(self.chain) + 1}"
        given = {
            "new_id": new_id,
            "sender": SENDER,
            "actor": who,
            "role": STAFF[who],
            "at": self.now,
            "chain": chain,
        }
        if off:
            done = self.act(lambda: life.cancel(old, reason="over", **given))
        else:
            done = self.act(lambda: life.update(old, {"level": old.level % 4 + 1}, **given))
        if done:
            assert self.chain[old.id] is old, "the old one must stand until the new one is issued"
            assert self.alert.state is State.DRAFT
            self.authors, self.submitter, self.approval = {who}, None, None

    @invariant()
    def at_most_one_stands(self):
        standing = [a for a in getattr(self, "chain", {}).values() if life.stands(a, self.now)]
        assert len(standing) <= 1

    def teardown(self):
        assert unlawful(getattr(self, "record", [])) == ()


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def test_the_machine_can_reach_an_issue_and_an_update():
    """The rules above are of use only if they get somewhere."""
    desk = Desk()
    desk.begin(status="Actual", level=2)
    desk.submit("dan")
    desk.approve("dan", "act", 30)
    assert desk.alert.state is State.SUBMITTED
    desk.approve("olga", "act", 30)
    desk.issue("system")
    assert desk.alert.state is State.ISSUED
    desk.replace_it("system", off=False)
    desk.submit("eve")
    desk.approve("omar", "act", 30)
    desk.issue("system")
    assert [a.state for a in desk.chain.values()] == [State.UPDATED, State.ISSUED]
    desk.teardown()
