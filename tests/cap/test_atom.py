from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cap.messages import SENT, WHOLE, filled, words
from tocsin.cap import AtomEntry, AtomFeed, entry_of, parse_atom, render, render_atom
from tocsin.model import ParseError, ShapeError

ENTRY = entry_of(WHOLE, link="https://desk.example.org/cap/x-1.xml")
FEED = AtomFeed(
    id="https://desk.example.org/cap/feed.xml",
    title="Warnings",
    updated=SENT,
    author="The desk",
    link="https://desk.example.org/cap/feed.xml",
    entries=(ENTRY,),
)


def test_a_feed_comes_back() -> None:
    feed, findings = parse_atom(render_atom(FEED))
    assert feed == FEED
    assert findings == ()


entries = st.builds(
    AtomEntry,
    id=words,
    title=filled,
    updated=st.integers(0, 10**6).map(lambda s: SENT + timedelta(seconds=s)),
    link=words.map(lambda w: f"https://desk.example.org/{w}"),
    summary=filled,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=4, unique_by=lambda e: e.id))
def test_any_feed_comes_back(made: list[AtomEntry]) -> None:
    feed = dataclasses.replace(FEED, entries=tuple(made))
    assert parse_atom(render_atom(feed))[0] == feed


def test_an_exercise_is_named_in_its_title() -> None:
    assert ENTRY.title.startswith("EXERCISE: ")


def test_an_embedded_message_is_read() -> None:
    inner = render(WHOLE).split(b"\n", 1)[1]
    content = render_atom(FEED).replace(b"</entry>", b"<content>" + inner + b"</content></entry>")
    feed, _ = parse_atom(content)
    assert feed.entries[0].alerts == (WHOLE,)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<title>Warnings</title>", b"", "feed.title"),
        (b"    <id>https://desk.example.org/cap/x-1.xml</id>", b"", "feed.id"),
        (b'<link rel="alternate"', b'<link rel="edit"', "feed.link"),
        (b"<updated>2001-02-28T19:00:00Z</updated>", b"<updated>now</updated>", "feed.updated"),
    ],
)
def test_defects_are_findings(old: bytes, new: bytes, rule: str) -> None:
    content = render_atom(FEED).replace(b'type="application/cap+xml" ', b"")
    assert old in content
    assert rule in {f.rule for f in parse_atom(content.replace(old, new))[1]}


def test_the_same_id_twice() -> None:
    content = render_atom(FEED)
    entry = content[content.index(b"<entry>") : content.index(b"</feed>")]
    assert "feed.id-duplicate" in {f.rule for f in parse_atom(content.replace(entry, entry * 2))[1]}
    with pytest.raises(ShapeError, match="twice"):
        render_atom(dataclasses.replace(FEED, entries=(ENTRY, ENTRY)))


def test_relative_links_are_resolved() -> None:
    content = render_atom(FEED).replace(b'href="https://desk.example.org/cap/x-1.xml"', b'href="x-1.xml"')
    feed, _ = parse_atom(content, base="https://mirror.example.org/cap/feed.xml")
    assert feed.entries[0].link == "https://mirror.example.org/cap/x-1.xml"


@pytest.mark.parametrize("content", [b"", b"<rss/>", b"<feed/>", b"<!DOCTYPE feed><feed/>", b"{}"])
def test_what_is_no_feed(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_atom(content)


@pytest.mark.parametrize("change", [{"id": ""}, {"title": ""}, {"updated": None}, {"author": ""}])
def test_a_feed_that_lacks_a_must_is_not_written(change: dict[str, None]) -> None:
    with pytest.raises(ShapeError):
        render_atom(dataclasses.replace(FEED, **change))
