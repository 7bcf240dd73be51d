"""Officers, translators and the system do anything in any order, and the desk fails at any point of it.

The real commands on the real store are held to a model that knows nothing of them
(:mod:`tests.warn.life_model`): what may be done is done, what may not is refused, and nothing else changes.
On top of that stand rules that look at the store alone: who approved what is read from the journal, and
letters from the outboxes.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.warn.desk import at, busy
from tests.warn.life_desk import Failed, World, act, cut, fail, in_a_process_that_is_killed
from tests.warn.life_model import STAFF, Model
from tocsin.govern.audit import unlawful
from tocsin.model import TocsinError
from tocsin.ops import commands, reviews

STEPS = 3400
"""Steps of each of the runs below: together more than ten thousand."""

WANTED = ("issue", "update", "cancel", "check", "disk failed", "killed: killed", "sent")
"""A run goes on until it has seen each of them: a machine that never gets anywhere shows nothing."""

MODEL_STEPS = {
    "draft", "edit", "translate", "check", "submit", "approve", "reject", "issue", "update", "cancel", "ack",
}  # fmt: skip
WHO = st.sampled_from([*STAFF, *["dan", "eve", "olga", "omar"] * 3])
HEADLINES = ["Departures stopped at Seattle-Tacoma", "Departures are resuming", "Stopped until [time]"]
CHANGES = st.one_of(
    st.sampled_from(HEADLINES).map(lambda words: {"headline": words}),
    st.sampled_from([1, 2, 3, 4]).map(lambda level: {"level": level}),
    st.sampled_from([3, 9]).map(lambda hours: {"expires": at("09:00") + timedelta(hours=hours)}),
)
LAW = st.sampled_from(["ipaws", "ipaws", "stafford-202", "eas", "habit", ""])
WORDS = st.sampled_from(["Salidas suspendidas", "Salidas suspendidas", HEADLINES[0], "Hasta [hora]"])
STEP = st.one_of(
    st.tuples(st.just("edit"), st.fixed_dictionaries({"changes": CHANGES})),
    st.tuples(st.just("translate"), st.fixed_dictionaries({"words": WORDS})),
    st.tuples(st.sampled_from(["drop", "check", "submit", "issue", "ack"]), st.just({})),
    st.tuples(
        st.just("approve"),
        st.fixed_dictionaries(
            {"law": LAW, "glass": st.booleans(), "reason": st.sampled_from(["", "8 s left"])}
        ),
    ),
    st.tuples(st.just("approve"), st.fixed_dictionaries({"law": LAW})),
    st.tuples(st.just("reject"), st.fixed_dictionaries({"reason": st.sampled_from(["no", " "])})),
    st.tuples(
        st.just("update"),
        st.fixed_dictionaries(
            {"changes": CHANGES, "reason": st.sampled_from(["", "new"]), "correction": st.booleans()}
        ),
    ),
    st.tuples(
        st.just("cancel"),
        st.fixed_dictionaries({"reason": st.sampled_from(["over", ""]), "correction": st.booleans()}),
    ),
)
WORLD = World()


class Life(RuleBasedStateMachine):
    """Warnings in the hands of nine accounts, on one desk that can be cut off at any point."""

    steps = 0
    seen: ClassVar[Counter[str]] = Counter()

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-life-"))
        self.office, self.post = WORLD.open(self.folder)
        self.model, self.now = Model(), at("09:10")
        self.drafted = self.light = 0
        # Hypothesis leaves whole rules out of an example: without these some would have nothing to act on.
        self.draft("system", "Actual", 2, False)
        self.draft("dan", "Exercise", 2, False)
        self.draft("ann", "Actual", 3, True)

    def teardown(self):
        if not hasattr(self, "office"):
            return
        try:
            self.same_as_the_model()
            self.lawful_by_its_own_record()
            assert self.office.store.check() == []
        finally:
            self.office.store.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- steps ---------------------------------------------------------------------------------------------

    def tick(self, weight=0):
        """One step; heavy ones wait until so many light ones have gone by."""
        Life.steps += 1
        self.light = 0 if weight else self.light + 1
        self.now += timedelta(milliseconds=1)

    def pick(self, number):
        return list(self.model.messages)[number % len(self.model.messages)]

    def texts(self, status, level, quake):
        event = "Earthquake" if quake else "Air traffic stop"
        return {
            "status": status, "kind": "Alert", "level": level, "event": event, "headline": HEADLINES[0],
            "expires": at("21:00"),
        }  # fmt: skip

    def take(self, step, who, mid, *, now=None, **more):
        """One step in the model and in the store; they must agree."""
        now = now or self.now
        may = self.model.may(step, who, now, mid, **more)
        real = {k: v for k, v in more.items() if k != "stale"}
        if more.get("stale"):
            real["match"] = '"0-stale"'
        done, why = None, None
        try:
            done = act(self.office, step, who, now, mid, **real)
        except TocsinError as error:
            why = error
        if done is None:
            assert not may, f"{step} of {mid} by {who} was refused: {why}"
            Life.seen[f"{step} refused"] += 1
            return False
        assert may, f"{step} of {mid} by {who} was let pass: {done}"
        made = self.model.take(step, who, now, mid, **more)
        assert done.id == made
        self.agrees(made)
        Life.seen[step] += 1
        return True

    @precondition(lambda self: self.drafted < 8)
    @rule(who=WHO, status=st.sampled_from(["Actual", "Actual", "Exercise", "Test"]),
          level=st.sampled_from([1, 2, 2, 3, 4]), quake=st.booleans())  # fmt: skip
    def draft(self, who, status, level, quake):
        self.tick()
        self.drafted += 1
        self.take("draft", who, f"us.m{self.drafted}.1", texts=self.texts(status, level, quake))

    @precondition(lambda self: self.model.messages)
    @rule(number=st.integers(0, 30), who=WHO, step=STEP, stale=st.sampled_from([False] * 9 + [True]))
    def anything(self, number, who, step, stale):
        self.tick()
        name, more = step
        self.take(
            name, who, self.pick(number), **more, **({"stale": True} if stale and name != "ack" else {})
        )

    @precondition(lambda self: self.model.messages)
    @rule(number=st.integers(0, 30), many=st.integers(1, 5), officer=st.sampled_from(["olga", "omar"]))
    def by_the_book(self, number, many, officer):
        """The next proper steps: without this rule chance alone hardly ever gets anything issued."""
        mid = self.pick(number)
        for _ in range(many):
            self.tick()
            m = self.model.messages[mid]
            match m.at(self.now):
                case "draft" if m.spanish is None and m.level >= 3 and m.kind != "Cancel":
                    self.take("translate", "tess", mid, words="Salidas suspendidas")
                case "draft" if m.spanish is not None and m.spanish.checked is None:
                    self.take("check", "ann", mid)
                case "draft":
                    self.take("submit", "dan", mid)
                case "submitted":
                    self.take("approve", officer, mid, law="stafford-202" if m.level == 1 else "ipaws")
                case "approved":
                    self.take("issue", "system", mid)
                case "issued" if m.kind != "Cancel" and number % 3:
                    words = HEADLINES[m.headline == HEADLINES[0]]
                    self.take("update", "dan", mid, changes={"headline": words}, reason="new")
                case "issued":
                    self.take("cancel", "eve", mid, reason="over", correction=number % 2 == 0)
                case _:
                    return

    @precondition(lambda self: self.model.messages)
    @rule(number=st.integers(0, 30), who=WHO, step=STEP, back=st.integers(1, 90))
    def a_clock_that_went_back(self, number, who, step, back):
        mid = self.pick(number)
        self.tick()
        name, more = step
        m = self.model.messages[mid]
        if name != "ack":
            self.take(name, who, mid, now=m.last - timedelta(minutes=back), **more)

    @rule(minutes=st.sampled_from([1, 5, 20, 70, 200]))
    def wait(self, minutes):
        self.tick()
        self.now += timedelta(minutes=minutes)

    # ---- two at once ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.light >= 3)
    @rule(number=st.integers(0, 30), who=st.lists(WHO, min_size=2, max_size=2, unique=True),
          steps=st.lists(STEP.filter(lambda s: s[0] != "ack"), min_size=2, max_size=2))  # fmt: skip
    def two_at_once(self, number, who, steps):
        """Two read the same version and act at the same time: the second is told, nothing is overwritten."""
        mid = self.pick(number)
        self.tick(1)
        version = commands.etag(commands.get_alert(self.office, mid))
        known = {a.id for a in self.office.store.list("alert")}
        alone = [self.model.may(s, w, self.now, mid, **more) for w, (s, more) in zip(who, steps, strict=True)]
        gate, answers = threading.Barrier(2), {}

        def go(which):
            gate.wait()
            step, more = steps[which]
            try:
                answers[which] = act(self.office, step, who[which], self.now, mid, match=version, **more)
            except TocsinError:
                answers[which] = None

        threads = [threading.Thread(target=go, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [n for n in (0, 1) if answers[n] is not None]
        successors = {"update", "cancel"}
        if not successors & {s for s, _ in steps}:
            assert len(won) == (1 if any(alone) else 0), (steps, alone, answers)
        # a successor is a draft of its own: what it replaces stays as it was read
        order = sorted(won, key=lambda n: steps[n][0] not in successors or answers[n].id in known)
        if len(won) == 2 and all(steps[n][0] in successors for n in won):
            order = sorted(won, key=lambda n: int(answers[n].id.rpartition(".")[2]))
        for n in order:
            step, more = steps[n]
            assert self.model.may(step, who[n], self.now, mid, **more)
            assert self.model.take(step, who[n], self.now, mid, **more) == answers[n].id
        self.agrees(mid)
        Life.seen["two at once"] += len(won) < sum(alone)

    # ---- cuts ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.light >= 2)
    @rule(number=st.integers(0, 30), who=WHO, step=STEP, point=st.integers(1, 12), by_the_book=st.booleans())
    def the_disk_fails(self, number, who, step, point, by_the_book):
        """At the n-th write of a command, or its commit: nothing of it is there."""
        self.tick(1)
        mid = self.pick(number)
        who, (name, more) = self.proper(mid) if by_the_book else (who, step)
        may = self.model.may(name, who, self.now, mid, **more)
        try:
            with cut(self.office, point, fail) as passed:
                act(self.office, name, who, self.now, mid, **more)
        except Failed:
            if passed[-1] == "after":  # it was committed: there, though nobody was told
                assert may
                self.model.take(name, who, self.now, mid, **more)
            else:
                self.now += timedelta(milliseconds=1)
                Life.seen["disk failed"] += 1
        except TocsinError:
            assert not may
        else:
            assert may
            self.model.take(name, who, self.now, mid, **more)
        self.same_as_the_model()

    @precondition(lambda self: self.light >= 6)
    @rule(
        number=st.integers(0, 30),
        who=WHO,
        step=STEP,
        point=st.integers(1, 9),
        by_the_book=st.sampled_from([True, True, True, False]),
    )
    def it_is_killed(self, number, who, step, point, by_the_book):
        """The process is killed at a point: what it acknowledged is there, the rest wholly or not at all."""
        self.tick(1)
        mid = self.pick(number)
        who, (name, more) = self.proper(mid) if by_the_book else (who, step)
        may = self.model.may(name, who, self.now, mid, **more)
        before = fingerprint(self.office)
        said = in_a_process_that_is_killed(
            self.office, point, lambda: act(self.office, name, who, self.now, mid, **more)
        )
        after = fingerprint(self.office)
        Life.seen[f"killed: {said.split()[0]}"] += 1
        if said.startswith("refused"):
            assert not may, said
            assert after == before
        elif said == "done":
            assert may
            assert after != before, "acknowledged, and not there"
        if after != before:
            assert may
            self.model.take(name, who, self.now, mid, **more)
        self.now += timedelta(milliseconds=1)
        self.same_as_the_model()
        assert self.office.store.journal_faults() == []

    def proper(self, mid):
        m = self.model.messages[mid]
        match m.at(self.now):
            case "draft" if m.spanish is None and m.level >= 3:
                return "tess", ("translate", {"words": "Salidas suspendidas"})
            case "draft" if m.spanish is not None and m.spanish.checked is None:
                return "ann", ("check", {})
            case "submitted":
                return "olga", ("approve", {"law": "stafford-202" if m.level == 1 else "ipaws"})
            case "approved":
                return "system", ("issue", {})
            case "issued" if m.kind != "Cancel":
                return "dan", ("cancel", {"reason": "over"})
            case _:
                return "dan", ("submit", {})

    # ---- sending -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.letters)
    @rule(failures=st.integers(0, 2))
    def send(self, failures):
        self.tick()
        self.post.troubles = [busy() for _ in range(failures)]
        commands.send_pending(self.office, at=self.now)
        self.post.troubles = []
        Life.seen["sent"] += 1

    @invariant()
    def nothing_is_sent_twice_nor_to_whom_it_is_not_for(self):
        got = getattr(self, "post", None)
        if got is None:
            return
        assert max(Counter(m.key for m in got.got).values(), default=0) <= 1
        for message in got.got:
            m = self.model.messages[message.alert]
            assert m.sent is not None
            assert message.status == m.status

    # ---- what must hold ------------------------------------------------------------------------------------

    def agrees(self, mid):
        """A message of the store is what the model says."""
        m, real = self.model.messages[mid], commands.get_alert(self.office, mid)
        t = real.translations[0] if real.translations else None
        assert {
            "state": str(real.state), "revision": real.revision, "status": real.status, "kind": real.msg_type,
            "headline": real.headline, "level": real.level, "expires": real.expires, "author": real.author,
            "submitter": real.submitter, "approver": real.approver, "law": real.legal_basis,
            "sent": real.sent, "refs": {r.split(",")[1] for r in real.references},
            "spanish": None if t is None else (t.author, t.headline, t.checked_by),
            "correction": real.correction, "chain": real.chain, "event": real.event,
        } == {
            "state": m.state, "revision": m.revision, "status": m.status, "kind": m.kind,
            "headline": m.headline, "level": m.level, "expires": m.expires, "author": m.author,
            "submitter": m.submitter, "approver": m.approver, "law": m.law,
            "sent": m.sent, "refs": set(m.refs),
            "spanish": None if m.spanish is None else (m.spanish.by, m.spanish.words, m.spanish.checked),
            "correction": m.correction, "chain": m.chain, "event": m.event,
        }, mid  # fmt: skip

    def same_as_the_model(self):
        """The whole store is what the model says, and no more is in it."""
        assert {a.id for a in self.office.store.list("alert")} == set(self.model.messages)
        for mid in self.model.messages:
            self.agrees(mid)
        entries = [e.decision for e in self.office.store.audit()]
        ours = [d for d in entries if d.subject in self.model.messages and d.action in MODEL_STEPS]
        assert [(d.actor, d.action, d.subject) for d in ours] == self.model.journal
        rows = [
            (name, i.recipient, i.payload["alert"])
            for name in ("public", "drill")
            for i in self.office.store.outbox_of(name).rows()
        ]
        assert len(rows) == len(set(rows))
        assert set(rows) == self.model.letters
        acted_alone = {(a.id, a.approver) for a in self.alerts() if self.model.messages[a.id].alone}
        assert acted_alone <= {
            (r["alert"], r["account"]) for r in reviews.reviews(self.office, None, self.now)
        }

    def alerts(self):
        return self.office.store.list("alert")

    def lawful_by_its_own_record(self):
        """From the store alone: whatever went out has its approval by another officer on the same content."""
        decisions = [e.decision for e in self.office.store.audit()]
        assert unlawful(decisions) == ()
        for a in self.alerts():
            mine = [d for d in decisions if d.subject == a.id]
            outs = [n for n, d in enumerate(mine) if d.action == "issue"]
            assert len(outs) == (a.sent is not None)
            for n in outs:
                approved = next(d for d in reversed(mine[:n]) if d.action == "approve")
                later = mine[mine.index(approved) + 1 : n]
                assert {d.action for d in later} <= {"ack"}, "changed after it was approved"
                assert approved.content_hash == mine[n].content_hash
                assert approved.role == "approving_officer" or a.level == 1
                wrote = [d for d in mine[:n] if d.action in ("draft", "edit", "update", "cancel")][-1]
                asked = [d for d in mine[:n] if d.action == "submit"][-1]
                if not approved.reason.startswith("break-glass"):
                    assert approved.actor not in (wrote.actor, asked.actor)
                    assert approved.actor not in {t.author for t in a.translations}
                for t in a.translations:
                    assert t.checked_by not in (None, t.author)
            for item in self.office.store.outbox_of("public").rows():
                assert item.payload["status"] == "Actual"
            for item in self.office.store.outbox_of("drill").rows():
                assert item.payload["status"] in ("Exercise", "Test")


def fingerprint(office):
    """Everything that a step may change, counted from the tables themselves."""
    with office.store.database.read() as connection:
        return [
            connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar()
            for table in ("record", "journal", "approval", "issue", "outbox", "outbox_drill")
        ]


SETTINGS = settings(
    max_examples=12,
    stateful_step_count=120,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a life of real commits is not made smaller in a minute
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("run", range(3))  # three, so that they run side by side
def test_no_way_past_authority_and_nothing_lost(run):
    """Three runs side by side, each from numbers of its own; together more than ten thousand steps."""
    Life.steps, Life.seen = 0, Counter()
    for _ in range(9):
        run_state_machine_as_test(Life, settings=SETTINGS)
        if Life.steps >= STEPS and all(Life.seen[wanted] >= 5 for wanted in WANTED):
            return
    raise AssertionError(f"{Life.steps} steps, seen: {Life.seen}")


LIFE = [
    ("dan", "draft", {"level": 3}),
    ("eve", "edit", {"changes": {"headline": "Departures are resuming"}}),
    ("tess", "translate", {"words": "Salidas suspendidas"}),
    ("ann", "check", {}),
    ("dan", "submit", {}),
    ("vic", "ack", {}),
    ("olga", "approve", {"law": "ipaws"}),
    ("system", "issue", {}),
    ("dan", "update", {"changes": {"level": 2}, "reason": "fewer airports"}),
    ("ann", "drop", {}),
    ("dan", "submit", {}),
    ("olga", "approve", {"law": "ipaws", "glass": True, "reason": "8 s left"}),
    ("eve", "issue", {}),
    ("dan", "cancel", {"reason": "nothing has stopped", "correction": True}),
    ("dan", "submit", {}),
    ("omar", "approve", {"law": "ipaws"}),
    ("eve", "issue", {}),
]
"""One life with every step in it, for the kills below."""


def test_killed_at_every_point_of_every_step(tmp_path):
    """Each step is killed at each statement, at its commit and after it, until it is through."""
    office, _ = WORLD.open(tmp_path)
    model, now, mid = Model(), at("09:10"), "us.m1.1"
    points = Counter()
    for who, step, more in LIFE:
        if step == "draft":
            more = {"texts": {"status": "Actual", "kind": "Alert", "level": 3, "event": "Earthquake",
                              "headline": HEADLINES[0], "expires": at("21:00")}}  # fmt: skip
        for point in range(1, 200):
            now += timedelta(milliseconds=1)
            before = fingerprint(office)
            said = in_a_process_that_is_killed(
                office, point, partial(act, office, step, who, now, mid, **more)
            )
            assert said in ("killed", "done"), said
            assert office.store.journal_faults() == []
            if fingerprint(office) != before:
                break
            assert said == "killed", "acknowledged, and not there"
        points[step] = point
        assert model.may(step, who, now, mid, **more)
        mid = model.take(step, who, now, mid, **more)
        assert said == "killed", "the last point is after the commit"
    seen = Life()
    seen.office, seen.model, seen.now = office, model, now
    seen.same_as_the_model()
    seen.lawful_by_its_own_record()
    assert all(n >= 4 for n in points.values()), points  # two writes, the commit, and after it
    assert office.store.check() == []
    office.store.close()
