"""What is particular to the two channels that write into folders."""

from __future__ import annotations

import multiprocessing
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tocsin.cap import parse
from tocsin.cap.atom import parse_atom
from tocsin.model import ChannelError
from tocsin.testing.channels import AT, message
from tocsin.warn.channels import atom, file
from tocsin.warn.contract import Audience, Recipient
from tocsin.warn.filing import alone, file_name, put


def to(channel: str, folder: Path, audience: Audience = Audience.PUBLIC) -> Recipient:
    return Recipient(id="out", channel=channel, address=str(folder), audience=audience)


def test_the_file_is_the_message(tmp_path):
    answer = file.send(message(), to("file", tmp_path), at=AT)
    (path,) = tmp_path.iterdir()
    assert (path.name, answer.detail) == ("check.1.xml", "check.1.xml")
    assert parse(path.read_bytes())[0].identifier == "check.1"
    again = file.send(message(), to("file", tmp_path), at=AT)
    assert again.detail == "check.1.xml was there"


@pytest.mark.parametrize("channel", [file, atom])
def test_an_identifier_keeps_its_content(channel, tmp_path):
    target = to(channel.NAME, tmp_path)
    channel.send(message(), target, at=AT)
    with pytest.raises(ChannelError, match="other content under the same identifier") as told:
        channel.send(message(text="Changed."), target, at=AT)
    assert told.value.retry is False
    assert (tmp_path / "check.1.xml").read_text() == message().body


def test_no_half_file_is_ever_seen(tmp_path, monkeypatch):
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tocsin.warn.filing.os.fsync", full)
    with pytest.raises(ChannelError, match="No space left on device") as told:
        file.send(message(), to("file", tmp_path), at=AT)
    assert told.value.retry is True
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert file.send(message(), to("file", tmp_path), at=AT).status == "accepted"
    assert (tmp_path / "check.1.xml").read_text() == message().body


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "é", "x" * 300])
def test_a_hostile_identifier_stays_in_the_folder(name, tmp_path):
    given = file_name(name)
    assert (tmp_path / given).resolve().parent == tmp_path
    assert put(tmp_path / given, b"x") is True
    assert put(tmp_path / given, b"x") is False


def test_names_that_look_alike_stay_apart():
    assert len({file_name(n) for n in ("a/b", "a_b", "a b", "a:b")}) == 4


def test_the_feed_lists_what_stands_newest_first(tmp_path):
    target = to("atom", tmp_path)
    for n in (1, 2, 3):
        atom.send(message(number=n), target, at=AT + timedelta(minutes=n))
    listed, findings = parse_atom(
        (tmp_path / "feed.xml").read_bytes(), base="https://example.org/cap/feed.xml"
    )
    assert findings == ()
    assert [e.title for e in listed.entries] == ["Check 3", "Check 2", "Check 1"]
    assert listed.entries[0].link == "https://example.org/cap/check.3.xml"
    assert len({e.id for e in listed.entries}) == 3
    assert listed.author == "Check"


def test_what_has_expired_leaves_the_feed_and_an_empty_feed_says_so():
    bodies = [message(number=n).body.encode() for n in (1, 2)]
    before, _ = parse_atom(atom.feed(bodies, at=AT))
    after, findings = parse_atom(atom.feed(bodies, at=message().expires))
    nothing, _ = parse_atom(atom.feed([], at=AT))
    assert (len(before.entries), len(after.entries), findings) == (2, 0, ())
    assert (nothing.entries, nothing.updated) == ((), AT)
    assert before.id == after.id


def test_the_feed_is_the_same_for_the_same_messages():
    bodies = [message(number=n).body.encode() for n in (2, 1)]
    assert atom.feed(bodies, at=AT) == atom.feed(reversed(bodies), at=AT)


def test_an_exercise_has_a_feed_of_its_own_that_says_so(tmp_path):
    atom.send(message(status="Exercise"), to("atom", tmp_path, Audience.DRILL), at=AT)
    (entry,) = parse_atom((tmp_path / "feed.xml").read_bytes())[0].entries
    assert entry.title == "EXERCISE: Check 1"


def test_what_is_no_message_is_not_listed(tmp_path):
    broken = replace(message(), body="<alert")
    with pytest.raises(ChannelError, match="body: ") as told:
        atom.send(broken, to("atom", tmp_path), at=AT)
    assert told.value.retry is False
    assert list(tmp_path.iterdir()) == []


def test_who_makes_the_feed_keeps_others_out(tmp_path):
    other = threading.Thread(target=atom.send, args=(message(), to("atom", tmp_path)), kwargs={"at": AT})
    with alone(tmp_path):
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert not (tmp_path / "feed.xml").exists()
    other.join(30)
    assert (tmp_path / "feed.xml").exists()


def _many(folder: str, first: int) -> None:
    for n in range(first, first + 8):
        atom.send(message(number=n), to("atom", Path(folder)), at=AT)


def test_two_processes_lose_no_entry(tmp_path):
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_many, args=(str(tmp_path), first)) for first in (1, 101)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert len(parse_atom((tmp_path / "feed.xml").read_bytes())[0].entries) == 16
