"""The life of a warning as timelines."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warn.desk import (
    ADMIN,
    APPROVING,
    DUTY,
    GLASS,
    LAWS,
    LEVELS,
    SENDER,
    alert,
    at,
    member,
    spanish,
)
from tocsin.model import AuthorityError, Role, State, TransitionError
from tocsin.model.law import BreakGlass, LegalBasis
from tocsin.warn import lifecycle as life
from tocsin.warn.lifecycle import Action

HALF_HOUR = timedelta(minutes=30)


def approve(a, when="09:20", actor="olga", role=APPROVING, **more):
    given = {"legal_basis": "act", "laws": LAWS, "levels": LEVELS, "expires_after": HALF_HOUR} | more
    return life.approve(a, actor=actor, role=role, at=at(when), **given)


def submitted(**changes):
    return life.submit(alert(**changes), actor="dan", role=DUTY, at=at("09:12"))[0]


def approved(**changes):
    return approve(submitted(**changes))[0]


def issued(**changes):
    (a,), _ = life.issue(approved(**changes), at=at("09:21"))
    return a


def test_the_whole_way():
    # 09:10 the cycle drafts
    draft, made = life.draft(alert(), actor="system", role=Role.SYSTEM, at=at("09:10"))
    assert (made.action, made.actor, made.content_hash) == ("draft", "system", draft.content_hash)
    # 09:12 the duty officer submits
    waiting, _ = life.submit(draft, actor="dan", role=DUTY, at=at("09:12"))
    assert (waiting.state, waiting.submitter, waiting.revision) == (State.SUBMITTED, "dan", 1)
    # 09:14 the same person would approve
    with pytest.raises(AuthorityError, match=r"'dan', who is its submitter; allowed: another officer"):
        approve(waiting, "09:14", actor="dan")
    # 09:20 another officer approves
    ready, decided = approve(waiting)
    assert (ready.state, ready.approver, ready.legal_basis) == (State.APPROVED, "olga", "act")
    assert ready.approved_hash == ready.content_hash == waiting.content_hash
    assert ready.approval_expires == at("09:50")
    assert (decided.legal_basis, decided.role) == ("act", APPROVING)
    # 09:21 it is issued
    (out,), (last,) = life.issue(ready, at=at("09:21"))
    assert (out.state, out.sent, out.revision) == (State.ISSUED, at("09:21"), 3)
    assert out.content_hash == draft.content_hash
    assert last.legal_basis == "act"
    assert life.stands(out, at("20:59"))
    # 21:00 it is over, without anybody doing anything
    assert life.state_at(out, at("21:00")) is State.EXPIRED
    assert out.state is State.ISSUED
    assert not life.stands(out, at("21:00"))


# ---- every state, every action ------------------------------------------------------------------------


def in_state(state: State):
    """A warning in each state at 09:25, with the other messages of its chain."""
    return {
        State.DRAFT: alert,
        State.SUBMITTED: submitted,
        State.APPROVED: approved,
        State.ISSUED: issued,
        State.UPDATED: lambda: replace(issued(), state=State.UPDATED),
        State.CANCELLED: lambda: replace(issued(), state=State.CANCELLED),
        State.REJECTED: lambda: life.reject(
            submitted(), actor="olga", role=APPROVING, at=at("09:20"), reason="no"
        )[0],
        State.EXPIRED: lambda: alert(expires=at("09:24")),
    }[state]()


def take(action: Action, a):
    when = at("09:25")
    officer = {"actor": "dan", "role": DUTY, "at": when}
    match action:
        case Action.DRAFT:
            return life.draft(a, **officer)[0]
        case Action.EDIT:
            return life.edit(a, {"headline": "Other words"}, **officer)[0]
        case Action.SUBMIT:
            return life.submit(a, **officer)[0]
        case Action.APPROVE:
            return approve(a, "09:25", actor="eve")[0]
        case Action.REJECT:
            return life.reject(a, reason="no", **officer)[0]
        case Action.ISSUE:
            return life.issue(a, at=when)[0][0]
        case Action.UPDATE:
            return life.update(a, {"level": 3}, new_id="us.air.1b", sender=SENDER, **officer)[0]
        case Action.CANCEL:
            return life.cancel(a, reason="wrong", new_id="us.air.1b", sender=SENDER, **officer)[0]
        case Action.TRANSLATE:
            return life.translate(a, spanish(), **officer)[0]
        case Action.CHECK:
            return life.check(replace(a, translations=(spanish(),)), "es-US", **officer)[0]


ALLOWED = {
    (State.DRAFT, Action.EDIT): State.DRAFT,
    (State.DRAFT, Action.TRANSLATE): State.DRAFT,
    (State.SUBMITTED, Action.TRANSLATE): State.DRAFT,
    (State.APPROVED, Action.TRANSLATE): State.DRAFT,
    (State.DRAFT, Action.CHECK): State.DRAFT,
    (State.SUBMITTED, Action.CHECK): State.SUBMITTED,
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.DRAFT, Action.REJECT): State.REJECTED,
    (State.SUBMITTED, Action.EDIT): State.DRAFT,
    (State.SUBMITTED, Action.APPROVE): State.APPROVED,
    (State.SUBMITTED, Action.REJECT): State.REJECTED,
    (State.APPROVED, Action.EDIT): State.DRAFT,
    (State.APPROVED, Action.ISSUE): State.ISSUED,
    (State.APPROVED, Action.REJECT): State.REJECTED,
    (State.REJECTED, Action.EDIT): State.DRAFT,
    # the old one stands: what comes of it is a new draft
    (State.ISSUED, Action.UPDATE): State.DRAFT,
    (State.ISSUED, Action.CANCEL): State.DRAFT,
}


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.DRAFT])
@pytest.mark.parametrize("state", list(State))
def test_every_state_and_action(state, action):
    a = in_state(state)
    assert life.state_at(a, at("09:25")) is state
    if (state, action) in ALLOWED:
        assert take(action, a).state is ALLOWED[state, action]
        assert action in life.TRANSITIONS[state]
    else:
        with pytest.raises(TransitionError, match=f"{action}: got a warning that is {state}"):
            take(action, a)
        assert action not in life.TRANSITIONS[state]


@pytest.mark.parametrize("state", [s for s in State if s not in (State.DRAFT, State.EXPIRED)])
def test_only_a_fresh_draft_is_put_on_record(state):
    with pytest.raises(TransitionError, match="allowed: revision 0"):
        take(Action.DRAFT, in_state(state))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_actions_that_are_offered_are_those_that_the_role_may_try(state, role):
    a = replace(in_state(state), translations=(spanish(),))
    offered = life.actions(a, actor="zoe", role=role, at=at("09:25"))
    expected = [x for x in Action if (state, x) in ALLOWED and role in life.PERMITTED[x]]
    assert sorted(offered) == sorted(expected)


def test_the_submitter_is_not_offered_to_approve():
    assert Action.APPROVE in life.actions(submitted(), actor="eve", role=APPROVING, at=at("09:15"))
    assert Action.APPROVE not in life.actions(submitted(), actor="dan", role=APPROVING, at=at("09:15"))


# ---- authority ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
def test_the_author_does_not_approve_even_in_a_drill(status):
    mine, _ = life.edit(
        alert(status=status), {"headline": "Mine"}, actor="olga", role=APPROVING, at=at("09:11")
    )
    waiting, _ = life.submit(mine, actor="dan", role=DUTY, at=at("09:12"))
    with pytest.raises(AuthorityError, match="'olga', who is its author"):
        approve(waiting)


def test_level_and_law_decide_who_approves():
    grave = submitted(level=4)
    with pytest.raises(AuthorityError, match=r"'act' \(Warning Act, section 2\).*covers level 4: grave"):
        approve(grave)
    with pytest.raises(
        AuthorityError, match=r"administrator, allowed to approve under Emergency Act, section 9"
    ):
        approve(grave, legal_basis="grave", role=ADMIN)
    with pytest.raises(
        AuthorityError, match=r"duty_officer, allowed to approve level 2 \(warning\) under Warning"
    ):
        approve(submitted(), actor="eve", role=DUTY)
    assert approve(grave, legal_basis="grave")[0].state is State.APPROVED
    watch = submitted(level=1)
    assert approve(watch, actor="eve", role=DUTY)[0].approver == "eve"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.SYSTEM])
def test_roles_that_approve_nothing(role):
    everything = LegalBasis(key="act", law="Act", article="1", levels=(1, 2, 3, 4), roles=tuple(Role))
    open_levels = [replace(row, issued_by=tuple(Role)) for row in LEVELS]
    with pytest.raises(AuthorityError, match=f"role: got {role}, allowed to approve"):
        approve(submitted(), actor="eve", role=role, laws=[everything], levels=open_levels)


@pytest.mark.parametrize("key", ["", "nothing-like-it"])
def test_no_approval_without_a_legal_basis(key):
    with pytest.raises(AuthorityError, match=r"legal_basis: got .*, allowed: act, grave"):
        approve(submitted(), legal_basis=key)


def test_laws_by_key_or_as_rows():
    by_key = {law.key: law for law in LAWS}
    assert approve(submitted(), laws=by_key) == approve(submitted(), laws=LAWS)


def test_a_level_outside_the_scheme_and_an_approval_without_time():
    with pytest.raises(AuthorityError, match=r"level: got 2, allowed by the level scheme: \[1\]"):
        approve(submitted(), levels=LEVELS[:1])
    with pytest.raises(AuthorityError, match="expires_after"):
        approve(submitted(), expires_after=timedelta(0))


def test_any_edit_voids_the_approval():
    # 09:20 approved · 09:22 one word is changed · 09:23 it cannot go out
    changed, decision = life.edit(
        approved(), {"instruction": "Stay at home."}, actor="eve", role=DUTY, at=at("09:22")
    )
    assert (changed.state, changed.author, decision.reason) == (State.DRAFT, "eve", "changed instruction")
    gone = (
        changed.approver,
        changed.approved_hash,
        changed.approval_expires,
        changed.legal_basis,
        changed.submitter,
    )
    assert gone == (None,) * 5
    with pytest.raises(
        TransitionError, match="issue: got a warning that is draft; a duty officer can submit"
    ):
        life.issue(changed, at=at("09:23"))


def test_content_changed_past_the_functions_is_refused_at_issue():
    forged = replace(approved(), headline="Everything is fine")
    with pytest.raises(AuthorityError, match=r"approved_hash: got .* must be approved again"):
        life.issue(forged, at=at("09:21"))


def test_an_approval_lapses_and_can_be_given_again():
    ready = approved()
    assert life.state_at(ready, at("09:50")) is State.APPROVED
    with pytest.raises(AuthorityError, match=r"approval_expires: got 2001-03-05T09:50:00Z.*approved again"):
        life.issue(ready, at=at("09:51"))
    assert life.state_at(ready, at("09:51")) is State.SUBMITTED
    again, _ = approve(ready, "09:52", actor="eve")
    assert life.issue(again, at=at("09:53"))[0][0].approver == "eve"


@pytest.mark.parametrize(
    ("forgery", "words"),
    [
        ({"legal_basis": None}, "legal_basis: got nothing"),
        ({"legal_basis": ""}, "legal_basis: got nothing"),
        ({"approver": None}, "approver: got an approval without"),
        ({"approved_hash": None}, "approver: got an approval without"),
        ({"approval_expires": None}, "approver: got an approval without"),
        ({"approver": "dan"}, "'dan', who is its submitter"),
        ({"approver": "system"}, "'system', who is its author"),
        ({"submitter": None}, "submitter: got nobody"),
    ],
)
def test_a_forged_approval_is_refused_at_issue(forgery, words):
    with pytest.raises(AuthorityError, match=words):
        life.issue(replace(approved(), **forgery), at=at("09:21"))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.ADMINISTRATOR])
def test_who_may_not_work_the_desk(role):
    officer = {"actor": "eve", "role": role, "at": at("09:25")}
    with pytest.raises(AuthorityError, match="allowed to submit: duty_officer, approving_officer"):
        life.submit(alert(), **officer)
    with pytest.raises(AuthorityError, match="allowed to edit"):
        life.edit(alert(), {"headline": "x"}, **officer)
    with pytest.raises(AuthorityError, match="allowed to reject"):
        life.reject(submitted(), reason="x", **officer)
    with pytest.raises(AuthorityError, match="allowed to issue: duty_officer, approving_officer, system"):
        life.issue(approved(), **officer)
    with pytest.raises(AuthorityError, match="allowed to cancel"):
        life.cancel(issued(), reason="x", new_id="n", sender=SENDER, **officer)


def test_rejected_with_a_reason_and_back_to_the_desk():
    with pytest.raises(TransitionError, match="reason: got nothing"):
        life.reject(submitted(), actor="olga", role=APPROVING, at=at("09:15"), reason="  ")
    no, decision = life.reject(approved(), actor="olga", role=APPROVING, at=at("09:22"), reason="fog only")
    assert (no.state, no.reason, no.approved_hash, decision.reason) == (
        State.REJECTED,
        "fog only",
        None,
        "fog only",
    )
    back, _ = life.edit(no, {"level": 1}, actor="dan", role=DUTY, at=at("09:24"))
    assert (back.state, back.reason) == (State.DRAFT, "")


# ---- break-glass --------------------------------------------------------------------------------------


def test_one_officer_alone_for_a_hazard_of_seconds():
    quake = life.submit(alert(event="Earthquake"), actor="olga", role=APPROVING, at=at("09:12"))[0]
    with pytest.raises(AuthorityError, match="'olga', who is its submitter"):
        approve(quake, "09:12")
    with pytest.raises(AuthorityError, match="reason: got nothing, allowed to break the glass"):
        approve(quake, "09:12", break_glass=GLASS)
    alone, decision = approve(quake, "09:12", break_glass=GLASS, reason="shaking in 8 s")
    assert (
        decision.reason == "break-glass seconds-1 by olga: shaking in 8 s (review due 2001-03-06T09:12:00Z)"
    )
    assert life.review_due(GLASS, at("09:12")) == at("09:12", day=6)
    with pytest.raises(AuthorityError, match="'olga', who is its submitter"):
        life.issue(alone, at=at("09:12"))
    assert life.issue(alone, at=at("09:12"), break_glass=GLASS)[0][0].state is State.ISSUED


def test_the_glass_breaks_for_no_other_hazard_role_or_law():
    with pytest.raises(
        AuthorityError, match="event 'Air traffic stop', allowed by policy seconds-1: Earthquake"
    ):
        approve(submitted(), actor="dan", break_glass=GLASS, reason="hurry")
    quake = submitted(event="earthquake")
    with pytest.raises(AuthorityError, match="allowed to approve level 2"):
        approve(quake, actor="dan", role=DUTY, break_glass=GLASS, reason="hurry")
    with pytest.raises(AuthorityError, match="legal_basis"):
        approve(quake, actor="dan", legal_basis="", break_glass=GLASS, reason="hurry")
    flood = BreakGlass(policy="other", hazards=("Flood",), review_within=HALF_HOUR)
    alone, _ = approve(quake, actor="dan", break_glass=GLASS, reason="hurry")
    with pytest.raises(AuthorityError, match="allowed by policy other: Flood"):
        life.issue(alone, at=at("09:21"), break_glass=flood)


@pytest.mark.parametrize(
    "bad",
    [{"policy": " "}, {"hazards": ()}, {"hazards": ("",)}, {"review_within": timedelta(0)}],
)
def test_a_policy_must_say_what_it_is(bad):
    good = {"policy": "p", "hazards": ("Earthquake",), "review_within": HALF_HOUR}
    with pytest.raises(ValueError, match=next(iter(bad))):
        BreakGlass(**(good | bad))


@pytest.mark.parametrize(
    "bad",
    [
        {"key": ""},
        {"law": " "},
        {"article": ""},
        {"levels": ()},
        {"levels": (0,)},
        {"levels": (5,)},
        {"roles": ()},
    ],
)
def test_a_legal_basis_must_say_what_it_is(bad):
    good = {"key": "a", "law": "Act", "article": "1", "levels": (2,), "roles": (APPROVING,)}
    with pytest.raises(ValueError, match=next(iter(bad))):
        LegalBasis(**(good | bad))


# ---- chains -------------------------------------------------------------------------------------------


def test_an_update_replaces_only_when_it_is_issued():
    first = issued()
    # 10:00 the cycle drafts an update; the first still stands
    second, _ = life.update(
        first, {"level": 3}, new_id="us.air.1.2", sender=SENDER, actor="system", role=Role.SYSTEM,
        at=at("10:00"), chain=[first], reason="six hours below half",
    )  # fmt: skip
    assert (second.chain, second.msg_type, second.revision) == (first.chain, "Update", 0)
    assert second.references == ("desk@warnings.example.org,us.air.1,2001-03-05T09:21:00-00:00",)
    assert (second.submitter, second.approver, second.sent) == (None, None, None)
    assert life.stands(first, at("10:04"))
    # 10:02 submitted · 10:04 approved · 10:05 issued
    second, _ = life.submit(second, actor="dan", role=DUTY, at=at("10:02"))
    second, _ = approve(second, "10:04")
    with pytest.raises(TransitionError, match="chain: got no messages"):
        life.issue(second, at=at("10:05"))
    with pytest.raises(TransitionError, match="sender: got nothing"):
        life.issue(second, at=at("10:05"), chain=[first])
    (new, old), decisions = life.issue(second, at=at("10:05"), chain=[first, second], sender=SENDER)
    assert (new.state, old.state, old.id) == (State.ISSUED, State.UPDATED, first.id)
    assert old.reason == "replaced by us.air.1.2: six hours below half"
    assert [(d.action, d.subject) for d in decisions] == [("issue", new.id), ("update", first.id)]
    # 11:00 a third refers to both messages that have not expired
    third, _ = life.update(
        new,
        {"level": 2},
        new_id="us.air.1.3",
        sender=SENDER,
        actor="dan",
        role=DUTY,
        at=at("11:00"),
        chain=[old, new],
    )
    assert [r.split(",")[1] for r in third.references] == ["us.air.1", "us.air.1.2"]
    # 11:05 only what still stands is retired; the first message was replaced before
    third, _ = life.submit(third, actor="dan", role=DUTY, at=at("11:02"))
    third, _ = approve(third, "11:04")
    alerts, _ = life.issue(third, at=at("11:05"), chain=[old, new], sender=SENDER)
    assert [(a.id, a.state) for a in alerts] == [(third.id, State.ISSUED), (new.id, State.UPDATED)]


def test_two_updates_at_once_cannot_both_go_out():
    first = issued()
    both = []
    for n in (2, 3):
        draft, _ = life.update(
            first, {"level": n}, new_id=f"us.air.1.{n}", sender=SENDER, actor="system", role=Role.SYSTEM,
            at=at("10:00"), chain=[first],
        ) if n != 2 else life.update(
            first, {"headline": "Still stopped"}, new_id="us.air.1.2", sender=SENDER, actor="system",
            role=Role.SYSTEM, at=at("10:00"), chain=[first],
        )  # fmt: skip
        draft, _ = life.submit(draft, actor="dan", role=DUTY, at=at("10:01"))
        both.append(approve(draft, "10:02")[0])
    (new, old), _ = life.issue(both[0], at=at("10:03"), chain=[first], sender=SENDER)
    with pytest.raises(
        TransitionError, match=r"references: got none to us.air.1.2, sent at .*draft the update again"
    ):
        life.issue(both[1], at=at("10:04"), chain=[old, new], sender=SENDER)


def test_a_reference_that_has_expired_is_left_out():
    first = issued(expires=at("09:40"))
    second = replace(issued(number=2), chain=first.chain, expires=at("21:00"))
    third, _ = life.update(
        second, {"level": 3}, new_id="us.air.9", sender=SENDER, actor="dan", role=DUTY, at=at("10:00"),
        chain=[first, second],
    )  # fmt: skip
    assert [r.split(",")[1] for r in third.references] == [second.id]


def test_a_cancellation_says_why_and_is_the_last_word():
    first = issued()
    officer = {"actor": "dan", "role": DUTY, "at": at("10:00")}
    with pytest.raises(TransitionError, match="reason: got nothing"):
        life.cancel(first, reason="", new_id="us.air.1.2", sender=SENDER, **officer)
    off, _ = life.cancel(first, reason="sensor fault", new_id="us.air.1.2", sender=SENDER, **officer)
    assert (off.msg_type, off.response_type) == ("Cancel", "None")
    assert off.headline == "Cancelled: Departures stopped at Seattle-Tacoma"
    assert "sensor fault" in off.description
    off, _ = life.submit(off, actor="dan", role=DUTY, at=at("10:01"))
    off, _ = approve(off, "10:02")
    (new, old), decisions = life.issue(off, at=at("10:03"), chain=[first], sender=SENDER)
    assert (new.state, old.state, decisions[1].action) == (State.ISSUED, State.CANCELLED, "cancel")
    assert not life.stands(new, at("10:04"))
    assert life.actions(new, actor="eve", role=DUTY, at=at("10:04")) == ()
    with pytest.raises(TransitionError, match="draft a new warning if the hazard is back"):
        life.update(new, {"level": 3}, new_id="x", sender=SENDER, **(officer | {"at": at("10:04")}))


def test_a_long_headline_is_cut_when_cancelled():
    first = issued(headline="Departures stopped at " + "one airport after another " * 5)
    off, _ = life.cancel(
        first, reason="over", new_id="n", sender=SENDER, actor="dan", role=DUTY, at=at("10:00")
    )
    assert len(off.headline) <= 160
    assert off.headline.endswith("…")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"new_id": "us.air.1"}, "identifier that the chain has not used"),
        ({"new_id": ""}, "new_id: got nothing"),
        ({"sender": ""}, "sender: got nothing"),
    ],
)
def test_the_identity_of_a_new_message(given, words):
    good = {"new_id": "us.air.1.2", "sender": SENDER}
    with pytest.raises(TransitionError, match=words):
        life.update(issued(), {"level": 3}, actor="dan", role=DUTY, at=at("10:00"), **(good | given))


def test_no_reference_to_what_was_never_sent():
    with pytest.raises(TransitionError, match="sent: got nothing"):
        life.reference(alert(), SENDER)


# ---- content and time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "other"},
        {"chain": "x"},
        {"status": "Exercise"},
        {"state": State.ISSUED},
        {"approver": "me"},
        {"sent": None},
    ],
)
def test_what_an_edit_may_not_touch(changes):
    with pytest.raises(
        TransitionError, match=f"{next(iter(changes))}: got a change, allowed to change: category"
    ):
        life.edit(alert(), changes, actor="dan", role=DUTY, at=at("09:11"))


@pytest.mark.parametrize("changes", [{}, {"level": 2}, {"likelihood": math.nan}])
def test_an_edit_that_changes_nothing(changes):
    with pytest.raises(TransitionError, match="changes: got none"):
        life.edit(alert(), changes, actor="dan", role=DUTY, at=at("09:11"))


@pytest.mark.parametrize(
    "changes", [{"level": 7}, {"members": ()}, {"expires": at("20:00").replace(tzinfo=None)}]
)
def test_an_edit_that_the_noun_refuses(changes):
    with pytest.raises(TransitionError, match=f"{next(iter(changes))}: got"):
        life.edit(alert(), changes, actor="dan", role=DUTY, at=at("09:11"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"headline": ""}, "headline: got nothing"),
        ({"headline": "x" * 161}, "headline: got 161 characters, allowed: at most 160"),
        ({"description": "Stopped at {places}."}, r"description: got the unfilled placeholder '\{places\}'"),
        ({"instruction": "Call $number"}, r"placeholder '\$number'"),
        ({"instruction": "Call <b>now</b>"}, "instruction: got the markup '<b>'"),
        ({"description": "Departures stopped at Seattle-Tacoma"}, "got the headline again"),
        ({"language": "english, please"}, "language: got"),
        ({"category": "Traffic"}, "category: got 'Traffic', allowed: Geo"),
        ({"response_type": "Run"}, "response_type: got 'Run'"),
        ({"expires": at("08:00"), "created_at": at("07:00")}, "expires: got"),
        ({"id": "a b"}, "id: got 'a b'"),
        ({"msg_type": "Update"}, "references: got none"),
    ],
)
def test_faulty_text_is_not_submitted(changes, words):
    bad = alert(**changes)
    when = at("07:30") if "created_at" in changes else at("09:12")
    with pytest.raises(TransitionError, match=words):
        life.submit(bad, actor="dan", role=DUTY, at=when)


def test_all_faults_are_told_at_once():
    with pytest.raises(TransitionError) as told:
        life.submit(alert(headline="", category="x", language="?"), actor="dan", role=DUTY, at=at("09:12"))
    assert all(word in str(told.value) for word in ("headline", "category", "language"))


def test_a_clock_that_goes_backwards():
    with pytest.raises(
        TransitionError, match=r"at: got 2001-03-05T09:09:00Z, allowed: not before it was made"
    ):
        life.submit(alert(), actor="dan", role=DUTY, at=at("09:09"))


def test_a_naive_time_and_a_nameless_actor():
    with pytest.raises(ValueError, match="without a zone"):
        life.submit(alert(), actor="dan", role=DUTY, at=at("09:12").replace(tzinfo=None))
    with pytest.raises(AuthorityError, match="actor: got nothing"):
        life.submit(alert(), actor=" ", role=DUTY, at=at("09:12"))


def test_decisions_are_the_same_when_replayed():
    once = life.submit(alert(), actor="dan", role=DUTY, at=at("09:12"))
    again = life.submit(alert(), actor="dan", role=DUTY, at=at("09:12"))
    later = life.submit(alert(), actor="dan", role=DUTY, at=at("09:13"))
    assert once == again
    assert once[1].id != later[1].id


def test_a_simulated_desk_is_marked():
    a, d = life.submit(alert(), actor="dan", role=DUTY, at=at("09:12"), simulated=True)
    assert d.simulated
    assert approve(a, simulated=True)[1].simulated
    assert not approve(a)[1].simulated


def test_members_are_part_of_the_content():
    more = (*alert().members, member("US-AIR-BFI", "BFI"))
    changed, _ = life.edit(alert(), {"members": more}, actor="dan", role=DUTY, at=at("09:11"))
    assert changed.content_hash != alert().content_hash
