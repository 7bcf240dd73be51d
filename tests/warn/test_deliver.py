"""Delivery: one decision, at least one attempt, no drill outside, nothing lost without an alarm."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warn.desk import ISSUER, LEVELS, REGIONS, Post, Table, alert, at, busy, member
from tocsin.model import ChannelError, ConfigError, State, StoreError, WarnError
from tocsin.warn import deliver
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import Audience, Recipient
from tocsin.warn.retry import Retry

PRESS = Recipient(id="press", channel="post", address="a", audience=Audience.PUBLIC)
AIRPORTS = Recipient(id="airports", channel="post", address="b", audience=Audience.PUBLIC)
PLAYERS = Recipient(id="players", channel="post", address="c", audience=Audience.DRILL)
BOOK = AddressBook(public=(PRESS, AIRPORTS), drill=(PLAYERS,))
DESK = deliver.Desk(issuer=ISSUER, levels=LEVELS, regions=REGIONS, book=BOOK)


def issued(number=1, **changes):
    return replace(alert(number, **changes), state=State.ISSUED, sent=at("09:21"))


def prepare(a, table, desk=DESK, clock="09:21", **more):
    return deliver.prepare(a, at=at(clock), desk=desk, outbox=table, **more)


def send(table, post, clock="09:22", **more):
    return deliver.send(table, {"post": post}, BOOK, at=at(clock), **more)


def test_the_whole_way():
    table, post = Table(), Post()
    # 09:21 issued: two decisions · 09:22 sent, two receipts · 09:23 nothing is left to do
    outcomes = prepare(issued(), table)
    assert [(o.recipient, o.sent_on) for o in outcomes] == [("press", True), ("airports", True)]
    done = send(table, post)
    assert [(r.recipient, r.status, r.alert) for r in done.receipts] == [
        ("press", "accepted", "us.air.1"),
        ("airports", "accepted", "us.air.1"),
    ]
    assert done.alarms == ()
    assert len({r.id for r in done.receipts}) == 2
    assert "<identifier>us.air.1</identifier>" in post.got[0].body
    assert send(table, post, "09:23").receipts == ()
    assert len(post.got) == 2


def test_the_same_warning_again_is_one_decision():
    table, post = Table(), Post()
    prepare(issued(), table)
    again = prepare(issued(), table, clock="09:25")
    assert [(o.sent_on, o.reason) for o in again] == [
        (False, "already decided: same group, recipient and content")
    ] * 2
    send(table, post)
    assert [o.sent_on for o in prepare(issued(), table, clock="09:40")] == [False, False]
    assert len(post.got) == 2


def test_an_update_is_another_decision_in_the_same_group():
    table = Table()
    prepare(issued(), table)
    second = issued(
        2,
        chain="us.air.1",
        msg_type="Update",
        references=(f"{ISSUER.sender},us.air.1,2001-03-05T09:21:00-00:00",),
    )
    assert all(o.sent_on for o in prepare(second, table, chain=[issued()]))
    assert {r.group for r in table.rows} == {"us.air.1"}


# ---- what does not go out -----------------------------------------------------------------------------


def why_not(a, desk=DESK, **more):
    table = Table()
    (outcome,) = prepare(a, table, desk, **more)
    assert (outcome.recipient, outcome.sent_on, table.rows) == (None, False, [])
    return outcome.stage, outcome.reason


@pytest.mark.parametrize("state", [s for s in State if s is not State.ISSUED])
def test_only_what_was_issued(state):
    table = Table()
    with pytest.raises(WarnError, match=f"state: got {state}, allowed to be delivered: issued"):
        prepare(replace(issued(), state=state), table)
    assert table.rows == []


def test_a_watch_does_not_leave_the_house():
    assert why_not(issued(level=1)) == ("public level", "level 1 does not leave the house")


def test_who_was_told_is_told_that_it_was_lowered():
    table = Table()
    lowered = issued(2, chain="us.air.1", level=1, msg_type="Update",
                     references=(f"{ISSUER.sender},us.air.1,2001-03-05T09:21:00-00:00",))  # fmt: skip
    assert why_not(lowered)[0] == "public level"
    assert why_not(lowered, chain=[issued(level=1)])[0] == "public level"
    assert why_not(lowered, chain=[replace(issued(level=2), sent=None)])[0] == "public level"
    assert all(o.sent_on for o in prepare(lowered, table, chain=[issued(level=2)]))


def test_what_has_expired():
    assert why_not(issued(), clock="21:00") == ("issued", "expired at 2001-03-05T21:00:00Z")


def test_nobody_in_the_book():
    empty = replace(DESK, book=AddressBook(public=(PRESS,)))
    assert why_not(issued(status="Exercise"), empty)[1] == "nobody in the address book gets status Exercise"
    assert why_not(issued(status="System"))[0] == "routed"


def test_a_message_that_breaks_the_standard_is_not_kept():
    table = Table()
    with pytest.raises(WarnError, match="members"):
        prepare(issued(members=(member("US-AIR-XXX", "X"),)), table)
    assert table.rows == []


# ---- drills -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_a_drill_goes_to_its_own_table_only(status):
    table, post = Table(), Post()
    outcomes = prepare(issued(status=status), table)
    assert [o.recipient for o in outcomes] == ["players"]
    send(table, post)
    assert [m.status for m in post.got] == [status]


def test_a_forged_row_does_not_take_a_drill_to_the_public():
    table, post = Table(), Post()
    prepare(issued(status="Exercise"), table)
    table.rows[0].recipient = "press"
    done = send(table, post)
    assert post.got == []
    assert done.receipts[0].status == "dead"
    assert "recipient: got 'press', allowed for Exercise" in done.alarms[0]


@given(
    statuses=st.lists(
        st.sampled_from(["Actual", "Exercise", "Test", "System", "Draft"]), min_size=1, max_size=6
    ),
    misroute=st.lists(st.sampled_from(["press", "airports", "players", "nobody"]), max_size=6),
)
def test_whatever_is_in_the_outbox_no_drill_reaches_the_public(statuses, misroute):
    table = Table()
    reached = []

    class Watched(Post):
        def send(self, message, to, *, at, dry_run=False):
            answer = super().send(message, to, at=at, dry_run=dry_run)
            reached.append((message.status, to.audience))
            return answer

    for n, status in enumerate(statuses):
        prepare(issued(n, status=status), table)
    for row, other in zip(table.rows, misroute, strict=False):
        row.recipient = other
    send(table, Watched())
    assert all((status == "Actual") == (who is Audience.PUBLIC) for status, who in reached)


def test_the_two_tables_share_nothing():
    with pytest.raises(ConfigError, match=r"public\.players\.audience"):
        AddressBook(public=(PLAYERS,))
    with pytest.raises(ConfigError, match=r"drill\.press\.audience"):
        AddressBook(drill=(PRESS,))
    with pytest.raises(ConfigError, match="an address that stands once"):
        AddressBook(public=(PRESS,), drill=(replace(PLAYERS, address="a"),))
    with pytest.raises(ConfigError, match="an id that stands once"):
        AddressBook(public=(PRESS, replace(AIRPORTS, id="press")))


# ---- trouble ------------------------------------------------------------------------------------------


def test_killed_between_the_channel_and_the_record():
    """The receiver has it, we do not know: it is sent again under the same key, on the same decision."""

    class Killed(BaseException):
        pass

    class Dying(Table):
        def settle(self, row_id, **answer):
            raise Killed

    dying, post = Dying(), Post()
    prepare(issued(), dying)
    with pytest.raises(Killed):
        send(dying, post)
    alive = Table(rows=dying.rows)
    assert [o.sent_on for o in prepare(issued(), alive)] == [False, False]
    done = send(alive, post, "09:30")
    copies = Counter(m.key for m in post.got)
    assert sorted(copies.values()) == [1, 2]
    assert {r.id for r in done.receipts} == set(copies)
    assert len(alive.rows) == 2


def test_another_process_answered_first():
    class Late(Table):
        def settle(self, row_id, **answer):
            raise StoreError("outbox 1: got a second answer")

    table, post = Late(), Post()
    prepare(issued(), table)
    done = send(table, post)
    assert len(done.receipts) == 2
    assert "receipt not recorded" in done.alarms[0]


def test_tried_again_later_and_later():
    retry = Retry(first=timedelta(minutes=1), factor=2, longest=timedelta(minutes=10), attempts=10)
    table = Table()
    prepare(issued(), table, replace(DESK, book=AddressBook(public=(PRESS,))))
    post = Post(troubles=[busy(), busy(), busy()])
    now, waits = at("09:22"), []
    while not post.got:
        done = deliver.send(table, {"post": post}, BOOK, at=now, retry=retry)
        if table.rows[0].next_try:
            assert (done.receipts[0].status, done.alarms) == ("failed", ())
            assert deliver.send(table, {"post": post}, BOOK, at=now, retry=retry).receipts == ()
            waits.append(table.rows[0].next_try - now)
            now = table.rows[0].next_try
    assert table.rows[0].attempts == 4
    assert all(2**n <= w / timedelta(minutes=1) <= 1.25 * 2**n for n, w in enumerate(waits))


def test_given_up_with_an_alarm():
    table = Table()
    prepare(issued(), table, replace(DESK, book=AddressBook(public=(PRESS,))))
    post = Post(troubles=[busy()] * 3)
    retry = Retry(first=timedelta(seconds=1), longest=timedelta(seconds=1), attempts=3)
    rounds = [deliver.send(table, {"post": post}, BOOK, at=at(f"09:3{n}"), retry=retry) for n in range(4)]
    assert [r.receipts[0].status for r in rounds[:3]] == ["failed", "failed", "dead"]
    assert rounds[3].receipts == ()
    assert "did not reach press: attempt 3: 451 try again later" in rounds[2].alarms[0]
    assert table.rows[0].status == "dead"


def test_a_refusal_is_final():
    table = Table()
    prepare(issued(), table, replace(DESK, book=AddressBook(public=(PRESS,))))
    done = send(table, Post(troubles=[ChannelError("550 no such box", retry=False)]))
    assert [r.status for r in done.receipts] == ["dead"]
    assert "550 no such box" in done.alarms[0]


def test_one_broken_channel_does_not_keep_the_others():
    table = Table()
    prepare(issued(), table)
    post = Post(troubles=[ZeroDivisionError("a defect")])
    done = send(table, post)
    assert [(r.recipient, r.status) for r in done.receipts] == [("press", "failed"), ("airports", "accepted")]
    assert "ZeroDivisionError: a defect" in done.receipts[0].detail


def test_expired_while_it_waited():
    table, post = Table(), Post()
    prepare(issued(), table)
    done = send(table, post, "21:00")
    assert post.got == []
    assert {r.status for r in done.receipts} == {"dead"}
    assert "expired at 2001-03-05T21:00:00Z before it could be sent" in done.alarms[0]


def test_an_unknown_channel_and_a_row_that_cannot_be_read():
    table = Table()
    prepare(issued(), table)
    table.rows[1].payload = {"key": "x"}
    done = deliver.send(table, {}, BOOK, at=at("09:22"))
    assert "channel: got 'post', allowed: none" in done.alarms[0]
    assert "outbox row 2 to airports cannot be read" in done.alarms[1]
    assert [r.status for r in table.rows] == ["dead", "dead"]


def test_a_dry_run_sends_and_records_nothing():
    table, post = Table(), Post()
    prepare(issued(), table)
    before = [replace(r) for r in table.rows]
    done = send(table, post, dry_run=True)
    assert [r.status for r in done.receipts] == ["dry", "dry"]
    assert (post.got, table.rows) == ([], before)


@pytest.mark.parametrize(
    "bad",
    [{"attempts": 0}, {"factor": 0.5}, {"first": timedelta(0)}, {"first": timedelta(days=1)}],
)
def test_a_retry_policy_without_sense(bad):
    with pytest.raises(ValueError, match="retry: got"):
        Retry(**bad)


def test_waits_never_pass_the_longest_by_more_than_the_spread():
    retry = Retry()
    assert all(retry.wait("k", n) <= 1.25 * retry.longest for n in (1, 2, 50, 5000))
    assert Retry(factor=1).wait("k", 5000) <= 1.25 * Retry().first


def test_stages_are_one_list_in_order():
    names = [name for name, _ in deliver.STAGES]
    assert names == ["issued", "public level", "routed", "rendered", "enqueued"]
