"""Sets of messages: the state of each at (valid time, known time), whatever the order in which they came."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cap.messages import WHOLE
from tocsin.cap import CapAlert, CapInfo
from tocsin.cap.chains import Arrival, Chains, Identity, State, Verdict, real_by_real
from tocsin.cap.fingerprint import content_fingerprint, fingerprint
from tocsin.cap.sets import check_set

START = datetime(2001, 2, 28, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def message(
    name: str,
    sent: float,
    *names: CapAlert,
    verb: str = "Alert",
    expires: float | None = 600,
    text: str = "",
    sender: str = "desk@example.org",
    status: str = "Actual",
) -> CapAlert:
    infos = () if expires is None else (CapInfo(event=text or f"flood {name}", expires=at(expires)),)
    return CapAlert(
        identifier=name,
        sender=sender,
        sent=at(sent),
        status=status,
        msg_type=verb,
        references=tuple(n.reference for n in names),
        infos=infos,
    )


def states(alerts: Sequence[CapAlert], minutes: float) -> dict[str, str]:
    chains = Chains(Arrival(alert=a) for a in alerts)
    return {s.message.identity.identifier: str(s.state) for s in chains.states(at(minutes))}


A = message("a", 0)
B = message("b", 10, A, verb="Update")
C = message("c", 20, B, verb="Cancel")


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-1, {"a": "not_yet", "b": "not_yet", "c": "not_yet"}),
        (0, {"a": "in_force", "b": "not_yet", "c": "not_yet"}),
        (10, {"a": "superseded", "b": "in_force", "c": "not_yet"}),
        (20, {"a": "superseded", "b": "cancelled", "c": "cancel"}),
        (700, {"a": "superseded", "b": "cancelled", "c": "cancel"}),
    ],
)
def test_a_chain_from_alert_to_cancel(minutes: float, expected: dict[str, str]) -> None:
    for order in itertools.permutations([A, B, C]):
        assert states(order, minutes) == expected


def test_the_predecessor_of_a_cancelled_message_does_not_come_back() -> None:
    assert states([A, B, C], 30)["a"] == "superseded"


def test_an_update_of_a_cancelled_message_is_in_force() -> None:
    cancel = message("c", 10, A, verb="Cancel")
    again = message("d", 20, A, verb="Update")
    assert states([A, cancel, again], 30) == {"a": "cancelled", "c": "cancel", "d": "in_force"}


def test_messages_of_one_instant_that_name_each_other_stay() -> None:
    one, two = message("x", 5, verb="Update"), message("y", 5, verb="Update")
    one = replace(one, references=(two.reference,))
    two = replace(two, references=(one.reference,))
    chains = Chains([Arrival(alert=one), Arrival(alert=two)])
    assert {s.state for s in chains.states(at(6))} == {State.IN_FORCE}
    assert [len(circle) for circle in chains.circles()] == [2]
    assert [link.verdict for m in chains.messages for link in chains.links(m)] == [Verdict.POSTDATED] * 2


def test_expiry_is_that_of_the_last_info_and_none_is_never() -> None:
    two = replace(A, infos=(replace(A.infos[0], expires=at(5)), replace(A.infos[0], expires=at(9))))
    assert (states([two], 8)["a"], states([two], 9)["a"]) == ("in_force", "expired")
    assert states([message("n", 0, expires=None)], 10**6) == {"n": "in_force"}


def test_the_same_identity_with_other_content_is_shown_twice() -> None:
    other = message("a", 0, text="snow")
    chains = Chains([Arrival(alert=A, name="1"), Arrival(alert=other, name="2"), Arrival(alert=A, name="3")])
    found = chains.states(at(5))
    assert [s.state for s in found] == [State.CONFLICT, State.CONFLICT]
    assert sorted(tuple(a.name for a in s.message.arrivals) for s in found) == [("1", "3"), ("2",)]
    ended = Chains(Arrival(alert=a) for a in (A, other, message("c", 9, A, verb="Cancel")))
    assert [s.state for s in ended.states(at(10))] == [State.CANCELLED, State.CANCELLED, State.CANCEL]


def test_another_zone_is_the_same_instant_and_another_sent_is_another_message() -> None:
    zone = timezone(timedelta(hours=3))
    same = replace(A, sent=at(0).astimezone(zone))
    update = replace(B, references=(same.reference,))
    assert "+03:00" in update.references[0]
    assert states([A, update], 15)["a"] == "superseded"
    again = message("a", 30)
    assert [str(s.state) for s in Chains([Arrival(alert=A), Arrival(alert=again)]).states(at(40))] == [
        "in_force",
        "in_force",
    ]


def test_a_drill_ends_a_real_warning_by_the_letter_and_none_where_safety_is_asked_for() -> None:
    drill = message("c", 10, A, verb="Cancel", status="Exercise")
    exercise = message("a", 0, status="Exercise")

    def first(*alerts: CapAlert) -> list[str]:
        rules = (None, real_by_real)
        chains = [Chains((Arrival(alert=a) for a in alerts), may_end=rule) for rule in rules]
        return [str(c.states(at(20))[0].state) for c in chains]

    assert first(A, drill) == ["cancelled", "in_force"]
    assert first(exercise, replace(drill, status="Actual")) == ["cancelled", "cancelled"]
    assert first(exercise, drill) == ["cancelled", "cancelled"]


def test_what_only_shares_a_missing_message_is_one_chain_and_need_not_be_named() -> None:
    one = message("b", 10, A, verb="Update")
    other = message("c", 20, A, verb="Update")
    found = check_set([one, other])
    assert [{f.rule for f in row} for row in found] == [{"set.references.dangling"}] * 2
    assert len(Chains(Arrival(alert=a) for a in (one, other)).chains()) == 1
    named = {f.rule for f in check_set([A, one, other])[2]}
    assert named == {"set.references.incomplete"}


def test_another_authority_cannot_end_a_warning() -> None:
    theirs = message("c", 10, A, verb="Cancel", sender="other@example.net")
    chains = Chains([Arrival(alert=A), Arrival(alert=theirs)], same_authority=lambda a, b: a == b)
    assert [str(s.state) for s in chains.states(at(20))] == ["in_force", "cancel"]
    assert [link.verdict for link in chains.links(chains.messages[1])] == [Verdict.FOREIGN]
    assert len(chains.chains()) == 2


def test_an_acknowledgement_is_no_warning() -> None:
    assert states([A, message("k", 5, A, verb="Ack")], 10) == {"a": "in_force", "k": "notice"}


def test_a_message_without_an_instant_counts_from_its_receipt() -> None:
    lost = replace(A, sent=None, unread=(("sent", "yesterday"),))
    chains = Chains([Arrival(alert=lost, known_at=at(30))])
    assert [str(chains.states(at(m))[0].state) for m in (29, 30)] == ["not_yet", "in_force"]


def test_messages_without_a_name_are_no_conflict() -> None:
    nameless = [replace(message("", i), sender="") for i in range(3)]
    assert {s.state for s in Chains(Arrival(alert=a) for a in nameless).states(at(5))} == {State.IN_FORCE}
    assert len(Chains(Arrival(alert=a) for a in nameless).chains()) == 3


def test_what_arrives_late_counts_from_the_moment_it_is_known() -> None:
    chains = Chains(
        [
            Arrival(alert=B, known_at=at(11)),
            Arrival(alert=A, known_at=at(60)),
            Arrival(alert=A, known_at=at(90)),
            Arrival(alert=C, known_at=at(80)),
        ]
    )

    def told(valid: float, known: float) -> dict[str, str]:
        found = chains.states(at(valid), at(known))
        return {s.message.identity.identifier: str(s.state) for s in found}

    assert told(30, 11) == {"b": "in_force"}  # the first one has not come yet
    assert told(30, 60) == {"a": "superseded", "b": "in_force"}
    assert told(5, 60) == {"a": "in_force", "b": "not_yet"}  # what was true at five past, as known later
    assert told(30, 80) == {"a": "superseded", "b": "cancelled", "c": "cancel"}


def test_a_chain_hangs_together_over_a_message_that_is_missing() -> None:
    lost = message("lost", -5)
    one, two = message("x", 5, lost, verb="Update"), message("y", 9, lost, verb="Update")
    chains = Chains(Arrival(alert=a) for a in (one, two, A))
    assert [[m.identity.identifier for m in chain] for chain in chains.chains()] == [["a"], ["x", "y"]]


# -- rules --------------------------------------------------------------------------------------------------


def rules(*alerts: CapAlert) -> list[list[str]]:
    return [[f.rule for f in row] for row in check_set(alerts)]


def test_rules_that_need_more_than_one_message() -> None:
    assert rules(A, B, C) == [[], [], ["set.references.incomplete"]]  # it names b and not a
    assert rules(A, message("c", 20, A, B, verb="Cancel"), B) == [[], [], []]
    assert rules(B) == [["set.references.dangling"]]
    assert rules(A, message("a", 0, text="snow")) == [["set.duplicate-identity"]] * 2
    assert rules(A, replace(A), replace(A, version="1.1")) == [[], [], []]
    assert rules(A, message("b", 700, A, verb="Update", expires=900)) == [[], []]
    early = message("a", 0, expires=5)
    assert rules(early, B, C) == [[], [], []]  # what has expired need not be named


def test_a_circle_of_any_length_is_found_without_recursion() -> None:
    ring = [message(f"r{i}", 5, verb="Update") for i in range(3000)]
    ring = [replace(m, references=(ring[i - 1].reference,)) for i, m in enumerate(ring)]
    assert {tuple(row) for row in rules(*ring)} == {("set.references.circular",)}
    line = [A, *(message(f"l{i}", 5 + i, verb="Update", expires=6 + i) for i in range(3000))]
    line = [A, *(replace(m, references=(line[i].reference,)) for i, m in enumerate(line[1:]))]
    assert "set.references.circular" not in {rule for row in rules(*line) for rule in row}


def test_a_message_that_names_itself_is_no_circle() -> None:
    own = replace(B, references=(B.reference,))
    assert rules(own) == [[]]
    assert states([own], 15) == {"b": "in_force"}


def test_the_same_words_again_under_a_new_name() -> None:
    again = message("a2", 40, text="flood a")
    assert rules(A, again) == [[], ["set.reissue"]]
    assert rules(A, message("a2", 61, text="flood a")) == [[], []]
    assert rules(A, message("a2", 40, A, text="flood a", verb="Update")) == [[], []]
    assert states([A, again], 50) == {"a": "in_force", "a2": "in_force"}  # neither is hidden


# -- fingerprints -------------------------------------------------------------------------------------------


def test_every_field_counts_and_its_spelling_does_not() -> None:
    assert fingerprint(WHOLE) == fingerprint(replace(WHOLE, note=f"  {WHOLE.note}\n", version="1.1"))
    others = [
        replace(WHOLE, note="another"),
        replace(WHOLE, infos=(replace(WHOLE.infos[0], areas=()),)),
        replace(WHOLE, code=()),
        replace(WHOLE, sent=at(1)),
        replace(WHOLE, unread=(("sent", "x"),)),
    ]
    assert len({fingerprint(a) for a in (WHOLE, *others)}) == 6
    assert content_fingerprint(replace(WHOLE, identifier="z", sent=at(9))) == content_fingerprint(WHOLE)


def test_an_item_of_references_is_an_identity_or_nothing() -> None:
    assert Identity.read(A.reference) == Identity.of(A)
    for text in ("", "a,b", "a,b,c", ",b,2001-02-28T12:00:00-00:00", "a,b,2001-02-28T12:00:00-00:00,d"):
        assert Identity.read(text) is None


# -- properties ---------------------------------------------------------------------------------------------


@st.composite
def stores(draw: st.DrawFn) -> list[Arrival]:
    """Messages that name each other at random: forwards, backwards, themselves, and what is not there."""
    count = draw(st.integers(1, 8))
    names = [f"m{i}" for i in range(draw(st.integers(1, 6)))]
    bare = [
        message(draw(st.sampled_from(names)), draw(st.integers(0, 4)), expires=None) for _ in range(count)
    ]
    pool = [*bare, message("missing", -1)]
    arrivals = []
    for one in bare:
        named = draw(st.lists(st.sampled_from(pool), max_size=3))
        alert = replace(
            one,
            msg_type=draw(st.sampled_from(["Alert", "Update", "Update", "Cancel", "Ack"])),
            status=draw(st.sampled_from(["Actual", "Actual", "Test"])),
            references=tuple(n.reference for n in named),
            note=draw(st.sampled_from([None, "other"])),
            infos=tuple(
                CapInfo(event="e", expires=at(e)) for e in draw(st.lists(st.integers(1, 9), max_size=2))
            ),
        )
        receipts = draw(st.lists(st.integers(0, 9), min_size=1, max_size=2))
        arrivals.extend(Arrival(alert=alert, known_at=at(k)) for k in receipts)
    return arrivals


def by_definition(
    arrivals: list[Arrival], now: datetime, *, safe: bool = False
) -> dict[tuple[str, str], str]:
    """The definition of the states, read out slowly: the first that holds."""
    found = {}
    for one in (a.alert for a in arrivals):
        assert one.sent is not None
        key = (one.reference, fingerprint(one))
        enders = [
            other.alert
            for other in arrivals
            if other.alert.sent is not None
            and one.sent < other.alert.sent <= now
            and one.reference in other.alert.references
            and (not safe or other.alert.status == "Actual" or one.status != "Actual")
        ]
        verbs = {e.msg_type for e in enders}
        ends = [i.expires for i in one.infos if i.expires is not None]
        twins = {fingerprint(a.alert) for a in arrivals if a.alert.reference == one.reference}
        found[key] = (
            "not_yet" if one.sent > now
            else "cancel" if one.msg_type == "Cancel"
            else "notice" if one.msg_type == "Ack"
            else "cancelled" if "Cancel" in verbs
            else "superseded" if "Update" in verbs
            else "expired" if ends and max(ends) <= now
            else "conflict" if len(twins) > 1
            else "in_force"
        )  # fmt: skip
    return found


def told(chains: Chains, now: datetime, known: datetime | None = None) -> dict[tuple[str, str], str]:
    found = chains.states(now, known)
    return {(s.message.alert.reference, s.message.fingerprint): str(s.state) for s in found}


@settings(max_examples=300, deadline=None)
@given(arrivals=stores(), valid=st.integers(-1, 10), known=st.integers(-1, 10), seed=st.integers(0, 99))
def test_states_are_as_defined_in_any_order_and_as_known(
    arrivals: list[Arrival], valid: int, known: int, seed: int
) -> None:
    now, then = at(valid), at(known)
    shuffled = random.Random(seed).sample(arrivals, len(arrivals))
    chains = Chains(shuffled)
    assert told(chains, now) == by_definition(arrivals, now)
    safe = Chains(shuffled, may_end=real_by_real)
    assert told(safe, now) == by_definition(arrivals, now, safe=True)
    # Nothing that came later changes what was known then.
    before = [a for a in arrivals if a.known_at is None or a.known_at <= then]
    assert told(chains, now, then) == told(Chains(before), now) == by_definition(before, now)


@settings(max_examples=100, deadline=None)
@given(arrivals=stores(), seed=st.integers(0, 99))
def test_findings_do_not_depend_on_the_order(arrivals: list[Arrival], seed: int) -> None:
    alerts = [a.alert for a in arrivals]
    order = random.Random(seed).sample(range(len(alerts)), len(alerts))
    there = check_set(alerts)
    again = check_set([alerts[i] for i in order])
    assert [again[order.index(i)] for i in range(len(alerts))] == there


def test_tens_of_thousands_of_messages_are_a_matter_of_seconds() -> None:
    alerts: list[CapAlert] = []
    for chain in range(400):
        before: CapAlert | None = None
        for k in range(25):
            names = () if before is None else (before,)
            before = message(f"{chain}-{k}", k, *names, verb="Update" if names else "Alert", expires=10**5)
            alerts.append(before)
    chains = Chains(Arrival(alert=a) for a in alerts)
    assert len(chains.chains()) == 400
    shown = [s for s in chains.states(at(100)) if s.state.shown]
    assert {s.message.identity.identifier.split("-")[1] for s in shown} == {"24"}
    assert len(shown) == 400
