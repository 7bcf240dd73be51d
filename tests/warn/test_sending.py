"""Lanes and leases with the real store: order, two at once, clocks that jump, receivers that are down."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.warn.desk import Post, at, busy
from tocsin.model import ChannelError, StoreError, to_plain
from tocsin.store import open_store
from tocsin.testing.channels import AT, message
from tocsin.warn.addresses import AddressBook
from tocsin.warn.contract import LONGEST_SEND, Audience, Recipient
from tocsin.warn.retry import Retry
from tocsin.warn.sending import LEASE, PATIENCE, Carrier, send

SECOND = timedelta(seconds=1)
PRESS = Recipient(id="press", channel="post", address="a", audience=Audience.PUBLIC)
AIRPORTS = Recipient(id="airports", channel="post", address="b", audience=Audience.PUBLIC)
BOOK = AddressBook(public=(PRESS, AIRPORTS))
HORIZON = Retry().horizon


@pytest.fixture
def box(tmp_path: Path):
    store = open_store(tmp_path)
    yield store.outbox_of("public")
    store.close()


def put(box, number, *, group=None, to="press", priority=0):
    given = replace(message(number=number, to=to), alert=f"m{number}", key=f"{number:064x}")
    box.enqueue(
        group=group or f"g{number}",
        recipient=to,
        content_hash=f"{number}",
        channel="post",
        payload=to_plain(given),
        at=AT,
        priority=priority,
    )


def carrier(box, post, *, clock=lambda: AT, owner="one", **more):
    return Carrier(outbox=box, channels={"post": post}, book=BOOK, clock=clock, owner=owner, **more)


def names(post):
    return [m.alert for m in post.got]


def claim(box, now=AT, owner="one", limit=10, to="press"):
    rows = box.claim(now, recipient=to, owner=owner, lease=LEASE, horizon=HORIZON, limit=limit)
    return [r.payload["alert"] for r in rows]


def test_an_update_never_overtakes_its_alert(box):
    post = Post(troubles=[busy()])
    for n in (1, 2, 3):
        put(box, n, group="chain", priority=n)  # the later ones are graver, and wait all the same
    put(box, 4)
    done = carrier(box, post).lane("press")
    assert names(post) == ["m4"]
    assert [(r.alert, r.status) for r in done.receipts] == [("m1", "failed"), ("m4", "accepted")]
    later = AT + timedelta(minutes=1)
    carrier(box, post, clock=lambda: later).lane("press")
    assert names(post) == ["m4", "m1", "m2", "m3"]


def test_the_update_goes_when_its_alert_is_given_up(box):
    post = Post(troubles=[ChannelError("550 never", retry=False)])
    put(box, 1, group="chain")
    put(box, 2, group="chain")
    done = carrier(box, post).lane("press")
    assert [(r.alert, r.status) for r in done.receipts] == [("m1", "dead"), ("m2", "accepted")]


def test_the_graver_goes_first(box):
    for n, priority in ((1, 2), (2, 4), (3, 2), (4, 3)):
        put(box, n, priority=priority)
    post = Post()
    carrier(box, post).lane("press")
    assert names(post) == ["m2", "m4", "m1", "m3"]


def test_what_one_has_claimed_another_does_not_get(box):
    for n in (1, 2, 3):
        put(box, n)
    assert claim(box, owner="one", limit=2) == ["m1", "m2"]
    assert claim(box, owner="two") == ["m3"]
    assert claim(box, owner="three", now=AT + LEASE - SECOND) == []
    assert claim(box, owner="three", now=AT + LEASE) == ["m1", "m2", "m3"]
    box.release("two")
    assert claim(box, owner="four", now=AT + LEASE) == []
    box.release("three")
    assert claim(box, owner="four", now=AT + LEASE) == ["m1", "m2", "m3"]


def test_an_update_is_not_claimed_while_another_sends_its_alert(box):
    put(box, 1, group="chain")
    put(box, 2, group="chain")
    assert claim(box, owner="one") == ["m1"]
    assert claim(box, owner="two") == []


def test_who_lost_its_lease_may_say_that_it_arrived_but_not_that_it_failed(box):
    put(box, 1)
    claim(box, owner="slow")
    claim(box, owner="other", now=AT + LEASE)
    (row,) = box.rows()
    with pytest.raises(StoreError, match="no longer its owner"):
        box.settle(row.id, status="failed", at=AT, next_try=AT, owner="slow")
    with pytest.raises(StoreError, match="no longer its owner"):
        box.settle(row.id, status="dead", at=AT, owner="slow")
    box.settle(row.id, status="accepted", at=AT, owner="slow")
    assert box.rows()[0].status == "accepted"


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_was_set_back_delays_nothing(box, back):
    put(box, 1)
    put(box, 2)
    claim(box, owner="killed", limit=1)
    box.settle(box.rows()[1].id, status="failed", at=AT, next_try=AT + timedelta(minutes=5))
    assert claim(box, now=AT - back) == ["m1", "m2"]
    assert set(box.due(AT - back, horizon=HORIZON)) == set(), "claimed again just now"
    box.release("one")
    assert set(box.due(AT - back, horizon=HORIZON)) == {"press"}


def test_two_senders_at_once_send_each_message_once(box):
    for n in range(60):
        put(box, n + 1, to=("press", "airports")[n % 2])
    post, gate = Post(), threading.Barrier(4)

    def work(owner):
        gate.wait()
        send(box, {"post": post}, BOOK, at=AT, owner=owner)

    threads = [threading.Thread(target=work, args=(f"sender{n}",)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert Counter(names(post)) == {f"m{n + 1}": 1 for n in range(60)}
    assert box.tally() == {"accepted": 60}


def test_a_receiver_that_is_down_costs_two_tries_a_round_and_nobody_else_waits(box):
    class HalfDown(Post):
        def send(self, given, to, *, at, dry_run=False):
            if to.id == "press":
                raise busy()
            return super().send(given, to, at=at, dry_run=dry_run)

    for n in range(20):
        put(box, n + 1)
        put(box, n + 101, to="airports")
    done = send(box, {"post": HalfDown()}, BOOK, at=AT)
    assert Counter((r.recipient, r.status) for r in done.receipts) == {
        ("press", "failed"): PATIENCE,
        ("airports", "accepted"): 20,
    }
    assert done.failures == PATIENCE
    assert all(r.owner is None for r in box.rows()), "what was claimed and not tried was given back"


def test_one_message_that_is_never_taken_does_not_hold_up_the_others(box):
    class Picky(Post):
        def send(self, given, to, *, at, dry_run=False):
            if given.alert == "m1":
                raise busy()
            return super().send(given, to, at=at, dry_run=dry_run)

    for n in (1, 2, 3):
        put(box, n)
    post = Picky()
    carrier(box, post).lane("press")
    assert names(post) == ["m2", "m3"]


def test_when_the_receiver_is_back_what_waited_goes_at_once(box):
    for n in (1, 2, 3, 4):
        put(box, n)
    post = Post(troubles=[busy(), busy()])
    assert carrier(box, post).lane("press").failures == PATIENCE
    assert names(post) == []
    soon = AT + SECOND  # m1 and m2 wait for longer
    done = carrier(box, post, clock=lambda: soon).lane("press", was_down=True)
    assert names(post) == ["m3", "m4", "m1", "m2"]
    assert done.failures == 0


def test_one_that_is_never_taken_is_not_woken_by_the_others(box):
    for n in (1, 2):
        put(box, n)
    post = Post(troubles=[busy()])
    carrier(box, post).lane("press")
    put(box, 3)
    carrier(box, post, clock=lambda: AT + SECOND).lane("press")
    assert names(post) == ["m2", "m3"]


def test_nothing_is_sent_on_a_lease_that_may_run_out(box):
    seconds = iter([0.0, 0.0, LEASE.total_seconds() - LONGEST_SEND + 1, 0.0, 0.0, 0.0, 0.0])
    for n in (1, 2):
        put(box, n)
    post = Post()
    done = carrier(box, post, tick=lambda: next(seconds)).lane("press")
    assert names(post) == ["m1", "m2"], "the second was claimed anew before it was sent"
    assert len(done.receipts) == 2
    assert len(list(seconds)) <= 1, "it was asked before each message and each claim"


def test_a_row_that_cannot_be_read_is_dead_and_told(box):
    box.enqueue(group="g", recipient="press", content_hash="x", channel="post", payload={"n": 1}, at=AT)
    put(box, 1)
    post = Post()
    done = carrier(box, post).lane("press")
    assert names(post) == ["m1"]
    assert "cannot be read" in done.alarms[0]
    assert box.tally() == {"accepted": 1, "dead": 1}


def test_others_are_left_to_others(box):
    put(box, 1, to="replay-feed")
    done = send(box, {"post": Post()}, BOOK, at=AT, elsewhere={"replay-feed"})
    assert (done.receipts, box.tally()) == ((), {"pending": 1})
    done = send(box, {"post": Post()}, BOOK, at=AT)
    assert box.tally() == {"dead": 1}
    assert "recipient: got 'replay-feed'" in done.alarms[0]


def test_the_answer_has_the_time_of_the_answer(box):
    put(box, 1)
    now = [AT]

    class Slow(Post):
        def send(self, given, to, *, at, dry_run=False):
            now[0] += 7 * SECOND
            return super().send(given, to, at=at, dry_run=dry_run)

    (answer,) = send(box, {"post": Slow()}, BOOK, at=AT, clock=lambda: now[0]).receipts
    assert answer.at == AT + 7 * SECOND
    assert box.rows()[0].settled_at == AT + 7 * SECOND


def test_a_receiver_confirms_once_and_also_what_was_given_up(box):
    put(box, 1)
    put(box, 2)
    one, _ = box.rows()
    box.settle(one.id, status="dead", at=AT)
    assert box.confirm(f"{1:064x}", at=AT + SECOND)
    assert box.confirm(f"{1:064x}", at=AT + 9 * SECOND)
    assert box.confirm(f"{2:064x}", at=AT + SECOND)
    assert not box.confirm(f"{3:064x}", at=AT)
    assert [(r.status, r.confirmed_at) for r in box.rows()] == [("delivered", AT + SECOND)] * 2
    assert box.pending(at("23:00")) == []


@pytest.mark.parametrize(
    ("name", "status", "good"),
    [
        ("public", "Actual", True),
        ("public", "Exercise", False),
        ("public", "Test", False),
        ("public", "Draft", False),
        ("drill", "Actual", False),
        ("drill", "Exercise", True),
        ("drill", "Test", True),
        ("reach", "Actual", False),
        ("reach", "Exercise", False),
        ("reach", "Test", True),
    ],
)
def test_the_database_keeps_drills_and_warnings_apart(tmp_path, name, status, good):
    store = open_store(tmp_path)
    row = {"group": "g", "recipient": "r", "content_hash": "h", "channel": "c", "at": AT}
    keep = lambda: store.outbox_of(name).enqueue(**row, payload={"status": status})  # noqa: E731
    if good:
        assert keep()
    else:
        with pytest.raises(StoreError, match="a message of this status may not be here"):
            keep()
        assert store.outbox_of(name).rows() == []
    store.close()


def test_there_is_no_other_outbox(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match="got 'spam', allowed: public, drill, reach"):
        store.outbox_of("spam")
    store.close()
