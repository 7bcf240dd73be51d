"""What the benchmark of readers counts as read, and the messages that it makes itself."""

from __future__ import annotations

from benchmarks.cap import OURS, Message, Reader, made, medians, reads

from tocsin.cap import parse


def test_a_message_is_read_when_its_identifier_is_found() -> None:
    messages = made(6)
    assert all(reads(reader, messages) == messages for reader in OURS)

    def forgetful(content: bytes) -> str:
        if b">2.49.0.1.0.2<" in content:
            raise ValueError("no")
        return "2.49.0.1.0.1"

    assert reads(Reader("other", forgetful), messages) == [messages[1]]


def test_the_messages_made_here_are_clean() -> None:
    for message in made(12):
        assert [f.rule for f in parse(message.content)[1] if f.level == "error"] == []
    assert made(3) == made(3)


def test_a_reader_is_reset_before_each_message() -> None:
    state: list[int] = []

    def once(_: bytes) -> str:
        state.append(1)
        assert len(state) == 1
        return "x"

    reader = Reader("other", once, state.clear)
    (rate,) = medians([reader], [Message(b"", "x")] * 3, rounds=1)
    assert rate > 0
