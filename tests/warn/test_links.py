"""Connections that lanes keep, what ends them, and what strangers may do to a sender: nothing for long."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warn.desk import Post
from tests.warn.receivers import HOST, Broker5, Hook, Mailbox, running
from tests.warn.test_channels_wire import hook_of, mail_of, to
from tests.warn.test_sending import BOOK, HORIZON, SECOND, box, carrier, names, put  # noqa: F401 - a fixture
from tocsin.cap import parse, render
from tocsin.cap.atom import AtomEntry, AtomFeed, render_atom
from tocsin.model import ChannelError, ConfigError, StoreError
from tocsin.testing.channels import AT, message
from tocsin.warn import broker
from tocsin.warn.addresses import AddressBook, read_book
from tocsin.warn.channels import atom, cell_broadcast, email, mqtt, webhook, websub
from tocsin.warn.contract import Audience, Message, Recipient, idempotency_key
from tocsin.warn.filing import file_name
from tocsin.warn.sending import LEASE, Carrier, presentable


def numbered(number: int) -> Message:
    return replace(message(number=number), key=f"{number:064x}")


@pytest.mark.parametrize("name", ["webhook", "email", "mqtt"])
def test_one_connection_serves_all_that_is_due(name, box, monkeypatch):  # noqa: F811
    opened = []
    receiver = {"webhook": Hook(receipts=True), "email": Mailbox(), "mqtt": Broker5()}[name]
    channel = {"webhook": webhook, "email": email, "mqtt": mqtt}[name]
    whom = {
        "webhook": lambda: hook_of(receiver),
        "email": lambda: mail_of(receiver),
        "mqtt": lambda: to("mqtt", f"mqtt://{HOST}:{receiver.port}/t"),
    }[name]()
    whom = replace(whom, id="press")
    for n in range(40):
        put(box, n + 1)
    link = channel.link
    monkeypatch.setattr(channel, "link", lambda to: opened.append(to.id) or link(to))
    book = replace(BOOK, public=(whom,))
    one = Carrier(outbox=box, channels={name: channel}, book=book, clock=lambda: AT, owner="one")
    with running(receiver):
        done = one.lane("press")
        assert done.alarms == ()
        assert [r.status for r in done.receipts] == ["delivered" if name == "webhook" else "accepted"] * 40
        assert opened == ["press"]
        assert len(receiver.held()) == 40


def test_a_receiver_that_hung_up_meanwhile_is_called_again(monkeypatch):
    monkeypatch.setattr("tocsin.warn.line.IDLE", 60.0)
    hook, post, five = Hook(receipts=True), Mailbox(), Broker5()
    for channel, receiver, recipient in (
        (webhook, hook, hook_of(hook)),
        (email, post, mail_of(post)),
        (mqtt, five, to("mqtt", f"mqtt://{HOST}:{five.port}/t")),
    ):
        with running(receiver), closing(channel.link(recipient)) as link:
            link.send(numbered(1), at=AT)
            _cut(link)
            link.send(numbered(2), at=AT)
            assert set(receiver.held()) == {f"{n:064x}" for n in (1, 2)}


def _cut(link) -> None:
    """Break the transport under a link, as a receiver that was restarted does."""
    if hasattr(link, "_publisher"):
        link._publisher._client._client._sock_close()
    elif hasattr(link, "_posts"):
        pool = link._posts._client._transport._pool
        for one in pool.connections:
            one._connection._network_stream._stream._transport.abort()
    else:
        link._server.transport.abort()


def test_headers_that_drip_do_not_hold_a_lane_longer_than_its_lease(monkeypatch):
    monkeypatch.setattr(webhook, "WHOLE", 1.0)
    monkeypatch.setattr(websub, "WHOLE", 1.0)
    ended = threading.Event()

    def drip(server):
        for _ in range(2):
            client, _ = server.accept()
            with client:
                try:
                    client.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not ended.wait(0.1):
                        client.sendall(b"x-a: b\r\n")
                except OSError:
                    continue

    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        ear = threading.Thread(target=drip, args=(server,), daemon=True)
        ear.start()
        feed = "https://w.example.org/cap/feed.xml"
        for channel, recipient in (
            (webhook, hook_of(Hook(port=port))),
            (websub, to("websub", f"http://{HOST}:{port}/", topic=feed)),
        ):
            begun = time.monotonic()
            with pytest.raises(ChannelError, match="cannot be reached") as told:
                channel.send(message(), recipient, at=AT)
            assert told.value.retry
            assert time.monotonic() - begun < 4
        ended.set()
        ear.join(5)


def test_after_a_jump_of_the_clock_only_one_of_two_senders_goes_on(box):  # noqa: F811
    for n in range(6):
        put(box, n + 1)

    class Jumps(Post):
        def send(self, given, to, *, at, dry_run=False):
            if len(self.got) == 1:  # an hour forward: all leases seem over, and another process takes all
                now[0] += timedelta(hours=1)
                rows = box.claim(
                    now[0],
                    recipient="press",
                    owner="two",
                    lease=LEASE,
                    horizon=HORIZON,
                    limit=9,
                )
                assert len(rows) == 5
            return super().send(given, to, at=at, dry_run=dry_run)

    now, post = [AT], Jumps()
    carrier(box, post, clock=lambda: now[0]).lane("press")
    assert names(post) == ["m1", "m2"], "the one that was under way, and none after it"
    assert sum(r.owner == "two" for r in box.rows()) == 4


def test_what_the_store_does_not_record_is_not_followed_by_more(box, monkeypatch):  # noqa: F811
    for n in range(5):
        put(box, n + 1)

    def full(*_, **__):
        raise StoreError("the store cannot be written: database or disk is full")

    monkeypatch.setattr(type(box), "settle", full)
    post = Post()
    done = carrier(box, post).lane("press")
    assert names(post) == ["m1"]
    assert done.failures
    assert "disk is full" in done.alarms[0]
    assert [r.status for r in done.receipts] == ["accepted"]


def test_the_word_of_a_stranger_is_kept_as_one_line_without_secrets(box):  # noqa: F811
    put(box, 1)
    press = replace(BOOK.public[0], secrets={"password": "hunter22"})
    post = Post(troubles=[ChannelError("535 bad \x1b[2J\r\nlogin aHVudGVyMjI= 'hunter22'", retry=True)])
    one = Carrier(
        outbox=box,
        channels={"post": post},
        book=replace(BOOK, public=(press,)),
        clock=lambda: AT,
        owner="one",
    )
    (answer,) = one.lane("press").receipts
    assert answer.detail == "attempt 1: 535 bad [2J login … '…'"
    assert presentable("", press) == ""


@pytest.mark.parametrize("host", ["127.0.0.1.example.org", "127.example.org", "localhost.example.org"])
def test_a_name_that_looks_like_this_machine_is_another(host):
    secret = {"secret": "x" * 32}
    assert webhook.faults(to("webhook", f"http://{host}/x", secrets=secret))
    assert websub.faults(to("websub", f"http://{host}/x", topic="https://example.org/feed.xml"))
    assert broker.faults(to("mqtt", f"mqtt://{host}/t", user="desk", secrets={"password": "word"}))
    for near in ("127.0.0.1", "127.8.9.10", "localhost", "[::1]"):
        assert webhook.faults(to("webhook", f"http://{near}/x", secrets=secret)) == []


def test_a_log_in_in_an_address_is_not_in_the_error():
    row = {"channel": "webhook", "address": "https://desk:hunter22@example.org/x", "secret_env": "X"}
    with pytest.raises(ConfigError) as told:
        read_book(
            {"public": {"one": row}}, channels={"webhook": webhook}, reveal=lambda *_: "x" * 32, file="f"
        )
    assert "hunter22" not in str(told.value)
    assert "hunter22" not in repr(told.value.got)


def test_a_key_with_a_secret_cannot_be_made_from_what_is_public():
    open_key = idempotency_key("chain", "press", "0f")
    closed = idempotency_key("chain", "press", "0f", secret=b"of the desk")
    assert closed == idempotency_key("chain", "press", "0f", secret=b"of the desk")
    assert len({open_key, closed, idempotency_key("chain", "press", "0f", secret=b"of another")}) == 3
    assert len(closed) == 64


def test_who_guesses_keys_does_not_get_the_writers_lock(box):  # noqa: F811
    put(box, 1)
    assert box.confirm(f"{1:064x}", at=AT)
    with box.database.write():
        done = []

        def ask():
            done.append((box.confirm("0" * 64, at=AT), box.confirm(f"{1:064x}", at=AT + SECOND)))

        one = threading.Thread(target=ask)
        one.start()
        one.join(10)
        assert done == [(False, True)]


def test_the_feed_of_a_folder_is_the_feed_that_cap_writes():
    bodies = [message(number=n, text="<b> & ü").body.encode() for n in (1, 2, 3)]
    read = sorted((parse(body)[0] for body in bodies), key=lambda m: m.identifier, reverse=True)
    whole = AtomFeed(
        id=atom._name("check@example.org"),
        title="Warnings",
        updated=read[0].sent,
        author="Check",
        entries=tuple(
            AtomEntry(
                id=atom._name(f"check@example.org,{m.identifier}"),
                title=m.infos[0].headline,
                updated=m.sent,
                link=file_name(m.identifier),
                summary=m.infos[0].description,
            )
            for m in read
        ),
    )
    assert atom.feed(bodies, at=AT) == render_atom(whole)
    assert b"<entry>" not in atom.feed(bodies, at=AT + timedelta(days=9))


def test_further_languages_have_identifiers_of_their_own():
    cap, _ = parse(message().body.encode())
    grave = replace(cap.infos[0], severity="Extreme", urgency="Immediate", certainty="Observed")
    told = replace(cap, infos=(grave, replace(grave, language="es-US"), replace(grave, severity="Minor")))
    rows = cell_broadcast.export(replace(message(), body=render(told).decode()))["broadcasts"]
    assert [row["message_identifier"] for row in rows] == [4371, 4384, None]


@pytest.mark.parametrize(
    ("public", "drill"),
    [
        (("atom", "/srv/cap"), ("file", "/srv/cap/")),
        (("atom", "/srv/cap"), ("cell_broadcast", "/srv/x/../cap")),
        (("webhook", "https://h.example.org/x"), ("webhook", "https://H.example.org/x/")),
        (("email", "all@example.org"), ("email", "All@example.org")),
        (("webhook", "https://h.example.org/x"), ("websub", "https://h.example.org/x")),
    ],
)
def test_no_drill_has_a_place_of_the_publics_by_another_name_or_channel(public, drill):
    one = Recipient(id="one", channel=public[0], address=public[1], audience=Audience.PUBLIC)
    other = Recipient(id="other", channel=drill[0], address=drill[1], audience=Audience.DRILL)
    with pytest.raises(ConfigError, match=r"drill.other.address: got .*an address of no public recipient"):
        AddressBook(public=(one,), drill=(other,))
    assert AddressBook(public=(one,), drill=(replace(other, address=drill[1] + "-drill"),)).drill
